//! Bounds on an interface that a peer sent, so that nothing done with it later can overflow or run long.

use super::Interface;
use crate::codec::CodecError;
use crate::shape::{Body, Field, TypeRef, reach};

/// Methods of one component.
pub const METHODS_MAX: usize = 4096;

/// Named types of one interface.
pub const TYPES_MAX: usize = 16384;

/// Uses of types in one interface: in arguments, answers, fields and cases.
pub const USES_MAX: usize = 262_144;

/// Nesting of options, sequences, maps and tuples within one use of a type.
pub const NESTING_MAX: u32 = 32;

/// Bytes of an encoded interface.
pub const INTERFACE_BYTES_MAX: usize = 8 << 20;

impl Interface {
    /// Refuses an interface past the limits of this module, with an index that names no type, or with an enum as the
    /// data of a case.
    pub fn check(&self) -> Result<(), CodecError> {
        at_most("methods", self.methods.len(), METHODS_MAX)?;
        at_most("types", self.types.len(), TYPES_MAX)?;
        let mut uses_left = USES_MAX;
        for method in &self.methods {
            self.check_fields(&method.arguments, &mut uses_left)?;
            self.check_use(&method.output, 0, &mut uses_left)?;
            self.check_use(&method.error, 0, &mut uses_left)?;
        }
        for def in &self.types {
            if let Body::Enum { cases } = &def.body
                && cases.iter().any(|case| matches!(case.body, Body::Enum { .. }))
            {
                return Err(self.refused(format!("type `{}` has a case that is an enum itself", def.name)));
            }
            for type_ref in reach::uses(&def.body) {
                self.check_use(type_ref, 0, &mut uses_left)?;
            }
        }
        Ok(())
    }

    fn check_fields(&self, fields: &[Field], uses_left: &mut usize) -> Result<(), CodecError> {
        fields
            .iter()
            .try_for_each(|field| self.check_use(&field.type_ref, 0, uses_left))
    }

    fn check_use(&self, type_ref: &TypeRef, nesting: u32, uses_left: &mut usize) -> Result<(), CodecError> {
        *uses_left = uses_left
            .checked_sub(1)
            .ok_or_else(|| self.refused(format!("it uses types more than {USES_MAX} times")))?;
        if nesting > NESTING_MAX {
            return Err(self.refused(format!("a type is nested past {NESTING_MAX} levels")));
        }
        match type_ref {
            TypeRef::Option(inner) | TypeRef::Sequence(inner) => self.check_use(inner, nesting + 1, uses_left),
            TypeRef::Map(key, value) => {
                self.check_use(key, nesting + 1, uses_left)?;
                self.check_use(value, nesting + 1, uses_left)
            }
            TypeRef::Tuple(elements) => elements
                .iter()
                .try_for_each(|element| self.check_use(element, nesting + 1, uses_left)),
            TypeRef::Named(index) if *index as usize >= self.types.len() => {
                Err(self.refused(format!("type {index} of {} is used", self.types.len())))
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, why: String) -> CodecError {
        CodecError::new(format!(
            "the interface of `{}` is refused: {why}",
            self.name.escape_debug()
        ))
    }
}

fn at_most(what: &str, count: usize, count_max: usize) -> Result<(), CodecError> {
    if count <= count_max {
        return Ok(());
    }
    Err(CodecError::new(format!(
        "an interface of {count} {what} is refused: at most {count_max} are read"
    )))
}
