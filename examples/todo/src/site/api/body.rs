//! What the API takes and gives: bodies, and times as RFC 3339 has them.

use std::fmt;
use std::marker::PhantomData;

use chrono::DateTime;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use terrace::database::Timestamp;
use terrace::front::Problem;
use uuid::Uuid;

use crate::todos::Todo;

/// A JSON object that is a `T`. serde would take an array of its fields too, which no description of the API promises.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        deserializer.deserialize_any(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }

    /// To its end, so that what is no JSON at all is said to be that.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Object<T>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::invalid_type(Unexpected::Seq, &self))
    }
}

/// A time, as RFC 3339 has it: in UTC when it is given, with any offset when it is taken.
#[derive(Clone, Copy)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    pub(super) fn read(text: &str) -> Option<Timestamp> {
        // chrono also takes a blank between date and time.
        let has_t = matches!(text.as_bytes().get(10), Some(b'T' | b't'));
        let time = DateTime::parse_from_rfc3339(text).ok().filter(|_| has_t)?;
        Some(Timestamp::from_micros(time.timestamp_micros()))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = Moment::read(&text).map(Moment);
        read.ok_or_else(|| Error::custom("this is no time; write it as RFC 3339 has it, such as 2030-05-01T18:00:00Z"))
    }
}

/// A to-do as the API shows it.
#[derive(Serialize)]
pub(super) struct Shown {
    id: Uuid,
    title: String,
    done: bool,
    due: Option<Moment>,
    tags: Vec<String>,
    created_at: Moment,
    updated_at: Moment,
}

impl From<Todo> for Shown {
    fn from(todo: Todo) -> Shown {
        Shown {
            id: todo.id,
            title: todo.title,
            done: todo.done,
            due: todo.due.map(Moment),
            tags: todo.tags,
            created_at: Moment(todo.created_at),
            updated_at: Moment(todo.updated_at),
        }
    }
}

/// Refuses control characters also at the ends, where `Todos` would cut them off: so a pattern can describe a line.
pub(super) fn line(field: &str, text: &str) -> Result<(), Problem> {
    match text.chars().any(char::is_control) {
        true => Err(Problem::invalid(
            field,
            "it has a line break or another control character; take it out",
        )),
        false => Ok(()),
    }
}

/// A member that is there, which `null` is not.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
