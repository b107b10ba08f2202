//! The shape of data that crosses: the exact sequence of fields and cases down to primitives. Two sides whose shapes
//! are equal may speak the positional codec; the hash of an interface is a hash of shapes.

mod features;
mod foreign;
pub mod reach;
mod standard;

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;

pub use foreign::Foreign;

/// Data that may be an argument, a result or an error of a component's method.
///
/// `#[terrace::data]` derives it beside serde's traits. It describes what serde writes, so a shape and an encoding
/// never disagree.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross between components: it has no `Shape`",
    label = "has no `Shape`",
    note = "put `#[terrace::data]` on the type; wrap a type of another crate in `terrace::Foreign<..>`; shared or interior mutable data (`Arc`, `Mutex`, `Cell`, atomics) and `HashSet` (use `BTreeSet`) never cross"
)]
pub trait Shape: 'static {
    /// Whether a value may be written as null by name, so that an `Option` of it could not tell `Some` from `None`. True
    /// of `Option`, `()` and structs without data; a newtype struct is what it wraps.
    const NULLABLE: bool = false;

    /// Names this type, and all it contains, in `types`.
    fn shape(types: &mut Types) -> TypeRef;

    /// Called when a value leaves the call that made it: every [`CallError`](crate::CallError) inside loses the
    /// knowledge that its callee certainly did not run, since that belongs to one hop.
    fn crossed(&mut self) {}

    /// The code an error of this type has on the HTTP face.
    fn code(&self) -> ErrorCode {
        ErrorCode::FailedPrecondition
    }
}

/// A use of a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeRef {
    /// `()`
    Unit,
    /// `bool`
    Bool,
    /// `i8` to `i128`, by bits; `isize` does not cross.
    Int(u8),
    /// `u8` to `u128`, by bits; `usize` does not cross.
    Uint(u8),
    /// `f32` or `f64`, by bits.
    Float(u8),
    /// `char`
    Char,
    /// `String` and its kin.
    String,
    /// Bytes that serde writes as bytes.
    Bytes,
    /// `Option<T>`
    Option(Box<TypeRef>),
    /// `Vec<T>` and its kin.
    Sequence(Box<TypeRef>),
    /// A map.
    Map(Box<TypeRef>, Box<TypeRef>),
    /// A tuple, an array: a fixed number of values.
    Tuple(Vec<TypeRef>),
    /// A struct or an enum: an index into the interface's types.
    Named(u32),
    /// Data whose form only its own serde code knows; methods that use it always speak the tagged codec. The sentence
    /// says why it is opaque.
    Opaque(String),
}

/// A named type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeDef {
    /// The name serde knows it by.
    pub name: String,
    /// What it consists of.
    pub body: Body,
}

/// What a named type consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A struct without data.
    Unit,
    /// A struct of one unnamed field.
    Newtype(TypeRef),
    /// A struct of several unnamed fields.
    Tuple(Vec<TypeRef>),
    /// A struct of named fields.
    Struct {
        /// The fields in the order in which they are written.
        fields: Vec<Field>,
        /// Whether a reader refuses fields it does not know.
        closed: bool,
    },
    /// An enum.
    Enum {
        /// The cases in the order of their indices.
        cases: Vec<Case>,
    },
}

/// A named field or argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name on the wire.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_ref: TypeRef,
    /// Whether a reader does without it: an `Option`, or a default.
    pub optional: bool,
}

/// One case of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The name on the wire.
    pub name: String,
    /// Its data; never an enum.
    pub body: Body,
    /// Whether cases that the reader does not know are read as this one.
    #[serde(default)]
    pub other: bool,
}

/// The named types of one interface, in the order in which they were first met.
#[derive(Debug, Default)]
pub struct Types {
    defs: Vec<TypeDef>,
    known: BTreeMap<TypeId, u32>,
    unfinished: BTreeSet<u32>,
}

impl Types {
    /// No types yet.
    pub fn new() -> Types {
        Types::default()
    }

    /// Names the type `T` once; `body` runs only the first time, so a recursive type ends.
    pub fn named<T: 'static>(&mut self, name: &str, body: impl FnOnce(&mut Types) -> Body) -> TypeRef {
        if let Some(&index) = self.known.get(&TypeId::of::<T>()) {
            return TypeRef::Named(index);
        }
        let index = u32::try_from(self.defs.len()).expect("fewer than 2^32 types in one program");
        self.known.insert(TypeId::of::<T>(), index);
        self.defs.push(TypeDef {
            name: name.to_string(),
            body: Body::Unit,
        });
        self.unfinished.insert(index);
        let body = body(self);
        self.unfinished.remove(&index);
        self.defs[index as usize].body = body;
        TypeRef::Named(index)
    }

    /// A sequence of `element`. Elements that take no bytes positionally would let a length of 2^64 cost nothing to
    /// send, so a sequence of them is opaque, and so never positional.
    pub fn sequence(&self, element: TypeRef) -> TypeRef {
        if self.takes_no_bytes(&element) {
            return TypeRef::Opaque("its elements take no bytes".to_string());
        }
        TypeRef::Sequence(Box::new(element))
    }

    /// A map from `key` to `value`; opaque if its entries take no bytes, as in [`Types::sequence`].
    pub fn map(&self, key: TypeRef, value: TypeRef) -> TypeRef {
        if self.takes_no_bytes(&key) && self.takes_no_bytes(&value) {
            return TypeRef::Opaque("its entries take no bytes".to_string());
        }
        TypeRef::Map(Box::new(key), Box::new(value))
    }

    fn takes_no_bytes(&self, type_ref: &TypeRef) -> bool {
        match type_ref {
            TypeRef::Unit => true,
            TypeRef::Tuple(elements) => elements.iter().all(|element| self.takes_no_bytes(element)),
            // A type that is still being named holds this sequence, whose length takes a byte.
            TypeRef::Named(index) if self.unfinished.contains(index) => false,
            TypeRef::Named(index) => match self.defs.get(*index as usize).map(|def| &def.body) {
                Some(Body::Unit) => true,
                Some(Body::Newtype(inner)) => self.takes_no_bytes(inner),
                Some(Body::Tuple(elements)) => elements.iter().all(|element| self.takes_no_bytes(element)),
                Some(Body::Struct { fields, .. }) => fields.iter().all(|field| self.takes_no_bytes(&field.type_ref)),
                Some(Body::Enum { .. }) | None => false,
            },
            _ => false,
        }
    }

    /// The types named so far.
    pub fn into_defs(self) -> Vec<TypeDef> {
        self.defs
    }
}
