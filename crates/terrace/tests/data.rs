//! `#[terrace::data]` describes what serde writes: a type with each of serde's attributes crosses in every codec that its
//! shape allows, and comes out equal.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use terrace::Shape;
use wire::shape::{Body, Field, TypeDef, TypeRef, Types};
use wire::{Codec, Limits};

#[path = "data/errors.rs"]
mod errors;
#[path = "data/known.rs"]
mod known;
#[path = "data/opaque.rs"]
mod opaque;

fn shape<T: Shape>() -> (TypeRef, Vec<TypeDef>) {
    let mut types = Types::new();
    (T::shape(&mut types), types.into_defs())
}

fn cross<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, codec: Codec) {
    let mut bytes = Vec::new();
    wire::encode(codec, value, &mut bytes).unwrap_or_else(|error| panic!("{value:?} in {codec:?}: {error}"));
    let read: T = wire::decode(codec, &bytes, &Limits::default())
        .unwrap_or_else(|error| panic!("{value:?} in {codec:?} from {bytes:?}: {error}"));
    assert_eq!(&read, value, "{codec:?}");
}

/// The value crosses in all codecs, and what serde writes by name fits its shape.
#[track_caller]
fn crosses<T: Shape + Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let (type_ref, defs) = shape::<T>();
    assert!(!matches!(type_ref, TypeRef::Opaque(_)), "{type_ref:?}");
    let written = serde_json::to_value(&value).expect("test data has text keys");
    assert!(
        fits(&written, &type_ref, &defs),
        "{written} does not fit {type_ref:?} of {defs:?}"
    );
    for codec in [Codec::Positional, Codec::Tagged, Codec::Json] {
        cross(&value, codec);
    }
}

/// The value has an opaque shape because of `attribute`, and crosses by name.
#[track_caller]
fn crosses_by_name<T: Shape + Serialize + DeserializeOwned + PartialEq + Debug>(attribute: &str, value: T) {
    match shape::<T>().0 {
        TypeRef::Opaque(reason) => assert!(reason.contains(attribute), "{reason}"),
        known => panic!("{known:?} hides `{attribute}`"),
    }
    for codec in [Codec::Tagged, Codec::Json] {
        cross(&value, codec);
    }
}

/// Whether JSON that serde wrote is what the shape says: all names, and no others.
fn fits(value: &serde_json::Value, type_ref: &TypeRef, defs: &[TypeDef]) -> bool {
    let all = |values: &[serde_json::Value], of: &[TypeRef]| {
        values.len() == of.len() && values.iter().zip(of).all(|(value, of)| fits(value, of, defs))
    };
    match type_ref {
        TypeRef::Unit => value.is_null(),
        TypeRef::Bool => value.is_boolean(),
        TypeRef::Int(_) | TypeRef::Uint(_) | TypeRef::Float(_) => value.is_number(),
        TypeRef::Char | TypeRef::String => value.is_string(),
        TypeRef::Option(inner) => value.is_null() || fits(value, inner, defs),
        TypeRef::Sequence(inner) => value
            .as_array()
            .is_some_and(|all| all.iter().all(|one| fits(one, inner, defs))),
        TypeRef::Map(_, inner) => value
            .as_object()
            .is_some_and(|all| all.values().all(|one| fits(one, inner, defs))),
        TypeRef::Tuple(of) => value.as_array().is_some_and(|values| all(values, of)),
        TypeRef::Named(index) => fits_body(value, &defs[*index as usize].body, defs),
        TypeRef::Bytes | TypeRef::Opaque(_) => false,
    }
}

fn fits_body(value: &serde_json::Value, body: &Body, defs: &[TypeDef]) -> bool {
    match body {
        Body::Unit => value.is_null(),
        Body::Newtype(inner) => fits(value, inner, defs),
        Body::Tuple(of) => fits(value, &TypeRef::Tuple(of.clone()), defs),
        Body::Struct { fields, .. } => value.as_object().is_some_and(|object| {
            let field_fits = |field: &Field| {
                object
                    .get(&field.name)
                    .is_some_and(|of| fits(of, &field.type_ref, defs))
            };
            object.len() == fields.len() && fields.iter().all(field_fits)
        }),
        Body::Enum { cases } => {
            let named = |name: &str| cases.iter().find(|case| case.name == name).map(|case| &case.body);
            match value {
                serde_json::Value::String(name) => named(name) == Some(&Body::Unit),
                serde_json::Value::Object(object) => object.iter().all(|(name, value)| {
                    named(name).is_some_and(|body| *body != Body::Unit && fits_body(value, body, defs))
                }),
                _ => false,
            }
        }
    }
}
