//! Data of another crate that has serde's traits and no shape.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::{Shape, TypeRef, Types};

/// A value of another crate's type, which crosses as its own serde code writes it; methods that use it always speak the
/// tagged codec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Foreign<T>(pub T);

impl<T: 'static> Shape for Foreign<T> {
    fn shape(_: &mut Types) -> TypeRef {
        TypeRef::Opaque(format!("`{}` is another crate's", std::any::type_name::<T>()))
    }
}

impl<T> Deref for Foreign<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Foreign<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Foreign<T> {
    fn from(value: T) -> Foreign<T> {
        Foreign(value)
    }
}
