//! An interface as data: what one component offers, in shapes. It is sent to peers and printed by `describe --json`.

pub mod bounds;
mod hash;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::codec::{self, Codec, CodecError, Limits};
use crate::shape::{Field, TypeDef, TypeRef, reach};

/// What one component offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The component's name on the wire.
    pub name: String,
    /// The team that answers for it.
    #[serde(default)]
    pub owner: Option<String>,
    /// The weakest system model in which it keeps its promises.
    #[serde(default)]
    pub requires: Option<String>,
    /// The trait's documentation.
    #[serde(default)]
    pub doc: String,
    /// The methods in the order of their numbers.
    pub methods: Vec<Method>,
    /// The named types that the methods use.
    pub types: Vec<TypeDef>,
}

/// One method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// Its name on the wire.
    pub name: String,
    /// Its documentation.
    #[serde(default)]
    pub doc: String,
    /// What its author promises of it.
    #[serde(default)]
    pub marks: Marks,
    /// The arguments after `cx`, in order.
    pub arguments: Vec<Field>,
    /// What it answers.
    pub output: TypeRef,
    /// The error it answers instead.
    pub error: TypeRef,
}

/// What a method's author promises of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// It changes nothing.
    pub read: bool,
    /// It is harmless twice by nature.
    pub idempotent: bool,
    /// Its effects are inside `database.once`.
    pub once: bool,
    /// The argument by which calls prefer one replica.
    pub key: Option<String>,
    /// The upper bound on its time.
    pub deadline_ms: Option<u64>,
}

/// Memory that a peer's interface may take.
const LIMITS: Limits = Limits {
    depth_max: codec::DEPTH_MAX,
    decoded_bytes_max: 32 << 20,
};

impl Interface {
    /// Appends it to `out` in the form that [`Interface::decode`] reads: tagged, so that it can grow.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        codec::encode(Codec::Tagged, self, out)
    }

    /// The interface that a peer sent, within the limits of [`bounds`].
    pub fn decode(input: &[u8]) -> Result<Interface, CodecError> {
        if input.len() > bounds::INTERFACE_BYTES_MAX {
            return Err(CodecError::new(format!(
                "an interface of {} bytes is refused: at most {} are read",
                input.len(),
                bounds::INTERFACE_BYTES_MAX
            )));
        }
        let interface: Interface = codec::decode(Codec::Tagged, input, &LIMITS)?;
        interface.check()?;
        Ok(interface)
    }

    /// Whether the method with this number speaks the positional codec with a peer of the same hash.
    pub fn is_positional(&self, method: usize) -> bool {
        self.methods
            .get(method)
            .is_some_and(|method| self.opaque(method).is_none())
    }

    /// Why `method` always speaks the tagged codec, if it does: something it takes or gives has an opaque shape.
    pub fn opaque<'a>(&'a self, method: &'a Method) -> Option<&'a str> {
        method.uses().find_map(|type_ref| reach::opaque(&self.types, type_ref))
    }

    /// Whether a [`CallError`](crate::CallError) may be inside what `method` answers.
    pub fn answers_call_error(&self, method: &Method) -> bool {
        [&method.output, &method.error]
            .into_iter()
            .any(|type_ref| reach::holds_call_error(&self.types, type_ref))
    }
}

impl Method {
    /// The types of its arguments, its output and its error.
    pub fn uses(&self) -> impl Iterator<Item = &TypeRef> {
        self.arguments
            .iter()
            .map(|argument| &argument.type_ref)
            .chain([&self.output, &self.error])
    }
}
