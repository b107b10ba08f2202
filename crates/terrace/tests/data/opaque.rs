//! Attributes of serde that make a shape opaque.

use terrace::Shape;

use crate::crosses_by_name;
use crate::known::{AllOptional, Event, Pair, Unit, UserId};

#[terrace::data]
struct Newtype(Option<u8>);

#[test]
fn an_option_of_nothing_is_told_from_nothing() {
    fn nullable<T: Shape>() -> bool {
        T::NULLABLE
    }
    assert!(nullable::<Unit>(), "it is null by name");
    assert!(nullable::<Newtype>(), "a newtype is what it wraps");
    assert!(nullable::<Untagged>(), "a case without data is null");
    assert!(!nullable::<UserId>() && !nullable::<Event>() && !nullable::<Pair>());
}

#[terrace::data]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    rest: AllOptional,
}

#[terrace::data]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
    Neither,
}

#[terrace::data]
#[serde(tag = "type")]
enum Internal {
    Moved { by: u8 },
    Stopped,
}

#[terrace::data]
#[serde(tag = "type", content = "value")]
enum Adjacent {
    Moved(u8),
    Stopped,
}

#[terrace::data]
enum HalfUntagged {
    Known(u8),
    #[serde(untagged)]
    Rest(String),
}

#[terrace::data]
struct Skipped {
    kept: u8,
    #[serde(skip)]
    left: Option<std::sync::Arc<u8>>,
}

#[terrace::data]
enum SkippedCase {
    Kept(u8),
    #[serde(skip)]
    #[expect(dead_code, reason = "a case that never crosses")]
    Left,
}

#[terrace::data]
struct NotWritten {
    kept: u8,
    #[serde(skip_serializing, default)]
    left: u8,
}

#[terrace::data]
struct NotRead {
    kept: u8,
    #[serde(skip_deserializing)]
    left: u8,
}

#[terrace::data]
struct SometimesWritten {
    kept: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u8>,
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[terrace::data]
struct With {
    #[serde(with = "as_text")]
    value: u8,
}

#[terrace::data]
struct WithEach {
    #[serde(serialize_with = "as_text::serialize", deserialize_with = "as_text::deserialize")]
    value: u8,
}

#[terrace::data]
enum WithCase {
    #[serde(with = "as_text")]
    Value(u8),
}

#[terrace::data]
#[serde(from = "u8", into = "u8")]
struct Converted {
    value: u64,
}

impl From<u8> for Converted {
    fn from(value: u8) -> Converted {
        Converted { value: value.into() }
    }
}

impl From<Converted> for u8 {
    fn from(converted: Converted) -> u8 {
        converted.value.to_le_bytes()[0]
    }
}

#[terrace::data]
#[serde(try_from = "u8", into = "u8")]
struct Even {
    value: u8,
}

impl TryFrom<u8> for Even {
    type Error = &'static str;

    fn try_from(value: u8) -> Result<Even, &'static str> {
        if value.is_multiple_of(2) {
            Ok(Even { value })
        } else {
            Err("odd")
        }
    }
}

impl From<Even> for u8 {
    fn from(even: Even) -> u8 {
        even.value
    }
}

#[test]
fn forms_that_only_serde_knows_cross_by_name() {
    let rest = AllOptional {
        one: 1,
        two: "two".to_string(),
    };
    crosses_by_name("flatten", Flattened { id: 1, rest });
    crosses_by_name("untagged", Untagged::Number(1));
    crosses_by_name("untagged", Untagged::Text("t".to_string()));
    crosses_by_name("untagged", Untagged::Neither);
    crosses_by_name("tag", Internal::Moved { by: 1 });
    crosses_by_name("tag", Internal::Stopped);
    crosses_by_name("tag", Adjacent::Moved(1));
    crosses_by_name("tag", Adjacent::Stopped);
    crosses_by_name("untagged", HalfUntagged::Known(1));
    crosses_by_name("untagged", HalfUntagged::Rest("r".to_string()));
    crosses_by_name("skip", Skipped { kept: 1, left: None });
    crosses_by_name("skip", SkippedCase::Kept(1));
    crosses_by_name("skip_serializing", NotWritten { kept: 1, left: 0 });
    crosses_by_name("skip_deserializing", NotRead { kept: 1, left: 0 });
    crosses_by_name("skip_serializing_if", SometimesWritten { kept: 1, left: None });
    crosses_by_name("skip_serializing_if", SometimesWritten { kept: 1, left: Some(2) });
    crosses_by_name("with", With { value: 1 });
    crosses_by_name("serialize_with", WithEach { value: 1 });
    crosses_by_name("with", WithCase::Value(1));
    crosses_by_name("from", Converted { value: 1 });
    crosses_by_name("try_from", Even { value: 2 });
}

/// Written by one name and read by another, on purpose by the same set of names.
#[terrace::data]
struct TwoNames {
    #[serde(rename(serialize = "right", deserialize = "left"))]
    left: u8,
    #[serde(rename(serialize = "left", deserialize = "right"))]
    right: u8,
}

#[test]
fn a_name_that_differs_by_direction_is_opaque() {
    crosses_by_name("rename", TwoNames { left: 1, right: 1 });
}
