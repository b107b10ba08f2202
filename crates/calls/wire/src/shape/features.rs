//! Shapes of other crates' data, each by a cargo feature.

#[cfg(any(feature = "chrono", feature = "uuid"))]
use super::{Shape, TypeRef, Types};

#[cfg(feature = "uuid")]
impl Shape for uuid::Uuid {
    fn shape(_: &mut Types) -> TypeRef {
        TypeRef::Bytes
    }
}

#[cfg(feature = "chrono")]
macro_rules! text {
    ($($type:ty)*) => {$(
        impl Shape for $type {
            fn shape(_: &mut Types) -> TypeRef {
                TypeRef::String
            }
        }
    )*};
}

#[cfg(feature = "chrono")]
text! {
    chrono::DateTime<chrono::Utc>
    chrono::DateTime<chrono::FixedOffset>
    chrono::NaiveDate
    chrono::NaiveDateTime
    chrono::NaiveTime
    chrono::Weekday
}
