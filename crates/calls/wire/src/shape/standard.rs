//! Shapes of the standard library's owned data. `isize`, `usize` and `HashSet` have none: the first two differ between
//! machines, the third has no order to write in.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use super::{Body, Case, Field, Shape, TypeRef, Types};
use crate::error::ErrorCode;

macro_rules! primitive {
    ($($type:ty => $shape:expr,)*) => {$(
        impl Shape for $type {
            fn shape(_: &mut Types) -> TypeRef {
                $shape
            }
        }
    )*};
}

primitive! {
    bool => TypeRef::Bool,
    i8 => TypeRef::Int(8),
    i16 => TypeRef::Int(16),
    i32 => TypeRef::Int(32),
    i64 => TypeRef::Int(64),
    i128 => TypeRef::Int(128),
    u8 => TypeRef::Uint(8),
    u16 => TypeRef::Uint(16),
    u32 => TypeRef::Uint(32),
    u64 => TypeRef::Uint(64),
    u128 => TypeRef::Uint(128),
    f32 => TypeRef::Float(32),
    f64 => TypeRef::Float(64),
    char => TypeRef::Char,
    String => TypeRef::String,
    Box<str> => TypeRef::String,
    Cow<'static, str> => TypeRef::String,
    bytes::Bytes => TypeRef::Bytes,
    bytes::BytesMut => TypeRef::Bytes,
    Ipv4Addr => octets(4),
    Ipv6Addr => octets(16),
    SocketAddrV4 => TypeRef::Tuple(vec![octets(4), TypeRef::Uint(16)]),
    SocketAddrV6 => TypeRef::Tuple(vec![octets(16), TypeRef::Uint(16)]),
    serde_json::Value => TypeRef::Opaque("a JSON value has no fixed shape".to_string()),
}

impl Shape for () {
    const NULLABLE: bool = true;

    fn shape(_: &mut Types) -> TypeRef {
        TypeRef::Unit
    }
}

/// Addresses cross as numbers in the two binary codecs and as text in JSON; shapes speak of the former.
fn octets(count: usize) -> TypeRef {
    TypeRef::Tuple(vec![TypeRef::Uint(8); count])
}

fn case(name: &str, data: TypeRef) -> Case {
    Case {
        name: name.to_string(),
        body: Body::Newtype(data),
        other: false,
    }
}

impl Shape for IpAddr {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<IpAddr>("IpAddr", |types| Body::Enum {
            cases: vec![case("V4", Ipv4Addr::shape(types)), case("V6", Ipv6Addr::shape(types))],
        })
    }
}

impl Shape for SocketAddr {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<SocketAddr>("SocketAddr", |types| Body::Enum {
            cases: vec![
                case("V4", SocketAddrV4::shape(types)),
                case("V6", SocketAddrV6::shape(types)),
            ],
        })
    }
}

impl Shape for Duration {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<Duration>("Duration", |_| {
            let field = |name: &str, bits| Field {
                name: name.to_string(),
                type_ref: TypeRef::Uint(bits),
                optional: false,
            };
            Body::Struct {
                fields: vec![field("secs", 64), field("nanos", 32)],
                closed: true,
            }
        })
    }
}

impl<T: Shape, E: Shape> Shape for Result<T, E> {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<Result<T, E>>("Result", |types| Body::Enum {
            cases: vec![case("Ok", T::shape(types)), case("Err", E::shape(types))],
        })
    }

    fn crossed(&mut self) {
        match self {
            Ok(value) => value.crossed(),
            Err(error) => error.crossed(),
        }
    }
}

impl<T: Shape> Shape for Option<T> {
    const NULLABLE: bool = true;

    fn shape(types: &mut Types) -> TypeRef {
        const {
            assert!(
                !T::NULLABLE,
                "an `Option` of an `Option`, of `()` or of a struct without data cannot cross: by name both `None` and \
                 `Some(None)` are null; use an enum with a name for each case"
            );
        }
        TypeRef::Option(Box::new(T::shape(types)))
    }

    fn crossed(&mut self) {
        if let Some(value) = self {
            value.crossed();
        }
    }
}

impl<T: Shape> Shape for Box<T> {
    const NULLABLE: bool = T::NULLABLE;

    fn shape(types: &mut Types) -> TypeRef {
        T::shape(types)
    }

    fn crossed(&mut self) {
        (**self).crossed();
    }

    fn code(&self) -> ErrorCode {
        (**self).code()
    }
}

macro_rules! sequence {
    ($($type:ident)*) => {$(
        impl<T: Shape> Shape for $type<T> {
            fn shape(types: &mut Types) -> TypeRef {
                let element = T::shape(types);
                types.sequence(element)
            }

            fn crossed(&mut self) {
                self.iter_mut().for_each(T::crossed);
            }
        }
    )*};
}

sequence! { Vec VecDeque }

impl<T: Shape> Shape for BTreeSet<T> {
    fn shape(types: &mut Types) -> TypeRef {
        let element = T::shape(types);
        types.sequence(element)
    }
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    fn shape(types: &mut Types) -> TypeRef {
        TypeRef::Tuple(vec![T::shape(types); N])
    }

    fn crossed(&mut self) {
        self.iter_mut().for_each(T::crossed);
    }
}

macro_rules! map {
    ($($type:ident)*) => {$(
        impl<K: Shape, V: Shape> Shape for $type<K, V> {
            fn shape(types: &mut Types) -> TypeRef {
                let (key, value) = (K::shape(types), V::shape(types));
                types.map(key, value)
            }

            fn crossed(&mut self) {
                self.values_mut().for_each(V::crossed);
            }
        }
    )*};
}

map! { BTreeMap HashMap }

macro_rules! tuple {
    ($($name:ident $index:tt)*) => {
        impl<$($name: Shape),*> Shape for ($($name,)*) {
            fn shape(types: &mut Types) -> TypeRef {
                TypeRef::Tuple(vec![$($name::shape(types)),*])
            }

            fn crossed(&mut self) {
                $(self.$index.crossed();)*
            }
        }
    };
}

tuple! { A 0 }
tuple! { A 0 B 1 }
tuple! { A 0 B 1 C 2 }
tuple! { A 0 B 1 C 2 D 3 }
tuple! { A 0 B 1 C 2 D 3 E 4 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 }
tuple! { A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 }
