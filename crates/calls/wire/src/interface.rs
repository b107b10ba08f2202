//! An interface as data: what one component offers, in shapes. It is sent to peers and printed by `describe --json`.

use serde::{Deserialize, Serialize};

use crate::codec::{self, Codec, CodecError, Limits};
use crate::shape::{Field, TypeDef, TypeRef};

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

impl Interface {
    /// Appends it to `out` in the form that [`Interface::decode`] reads.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        codec::encode(Codec::Tagged, self, out)
    }

    /// The interface that a peer sent.
    pub fn decode(input: &[u8]) -> Result<Interface, CodecError> {
        codec::decode(Codec::Tagged, input, &Limits::default())
    }

    /// XXH3-128 of what crosses: component and method names, and for every type its exact fields and cases.
    pub fn hash(&self) -> u128 {
        crate::digest::digest(0, self)
    }

    /// Why `method` always speaks the tagged codec, if it does.
    pub fn opaque<'a>(&'a self, method: &'a Method) -> Option<&'a str> {
        let _ = method;
        None
    }
}
