//! [`Value`]: what a column holds, and which Rust types go in and come out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::error::{Error, Mismatch};
use crate::timestamp::Timestamp;

/// What a parameter or a column holds. SQLite keeps a `Bool` as 0 or 1, a `Timestamp` as microseconds, a `Uuid` as 16
/// bytes and `Json` as text; reading accepts both forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// `boolean`
    Bool(bool),
    /// Any whole number; PostgreSQL's smaller types are checked for their range.
    Integer(i64),
    /// `double precision`
    Real(f64),
    /// `text`
    Text(String),
    /// `bytea`, `blob`
    Bytes(Vec<u8>),
    /// `timestamptz`
    Timestamp(Timestamp),
    /// `uuid`
    Uuid(Uuid),
    /// `jsonb`
    Json(serde_json::Value),
}

impl Value {
    /// What it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Integer(_) => "integer",
            Value::Real(_) => "real",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::Timestamp(_) => "timestamp",
            Value::Uuid(_) => "uuid",
            Value::Json(_) => "json",
        }
    }
}

/// A Rust value as a parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter",
    label = "no column holds this",
    note = "pass a number that fits `i64`, a text, bytes, a `Timestamp`, a `Uuid`, an `Option` of one, or `Json(value)`"
)]
pub trait ToValue {
    /// The parameter.
    fn to_value(&self) -> Value;
}

/// A Rust value from a column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a column",
    label = "no column holds this",
    note = "read a number that fits `i64`, a `String`, a `Vec<u8>`, a `Timestamp`, a `Uuid`, an `Option` of one, or `Json<T>`"
)]
pub trait FromValue: Sized {
    /// What is wanted, for a message.
    const WANTED: &'static str;

    /// The value, or what was found instead.
    fn from_value(value: Value) -> Result<Self, Mismatch>;
}

/// A value kept as JSON: text on SQLite, `jsonb` on PostgreSQL, which orders keys anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

macro_rules! plain {
    ($($type:ty, $wanted:literal, $self:ident => $to:expr, $($pattern:pat => $from:expr),+;)+) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                let $self = self;
                $to
            }
        }

        impl FromValue for $type {
            const WANTED: &'static str = $wanted;

            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value {
                    $($pattern => $from,)+
                    other => Err(Mismatch::of(&other, Self::WANTED)),
                }
            }
        }
    )+};
}

plain! {
    bool, "bool", value => Value::Bool(*value),
        Value::Bool(value) => Ok(value), Value::Integer(0) => Ok(false), Value::Integer(1) => Ok(true);
    i64, "integer", value => Value::Integer(*value),
        Value::Integer(value) => Ok(value);
    f64, "real", value => Value::Real(*value),
        Value::Real(value) => Ok(value),
        // SQLite keeps a real without a fraction as an integer.
        Value::Integer(value) => Ok(value as f64);
    String, "text", value => Value::Text(value.clone()),
        Value::Text(value) => Ok(value);
    Vec<u8>, "bytes", value => Value::Bytes(value.clone()),
        Value::Bytes(value) => Ok(value);
    Timestamp, "timestamp", value => Value::Timestamp(*value),
        Value::Timestamp(value) => Ok(value), Value::Integer(micros) => Ok(Timestamp(micros));
    Uuid, "uuid", value => Value::Uuid(*value),
        Value::Uuid(value) => Ok(value),
        Value::Bytes(bytes) => Uuid::from_slice(&bytes).map_err(|_| Mismatch::of(&Value::Bytes(bytes), "uuid"));
    serde_json::Value, "json", value => Value::Json(value.clone()),
        Value::Json(value) => Ok(value),
        Value::Text(text) => serde_json::from_str(&text).map_err(|_| Mismatch::of(&Value::Text(text), "json"));
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl FromValue for Value {
    const WANTED: &'static str = "anything";

    fn from_value(value: Value) -> Result<Value, Mismatch> {
        Ok(value)
    }
}

macro_rules! narrow {
    ($($type:ty),+) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value {
                Value::Integer(i64::from(*self))
            }
        }

        impl FromValue for $type {
            const WANTED: &'static str = concat!("integer that fits ", stringify!($type));

            fn from_value(value: Value) -> Result<Self, Mismatch> {
                match value {
                    Value::Integer(wide) => <$type>::try_from(wide).map_err(|_| Mismatch {
                        found: wide.to_string(),
                        wanted: Self::WANTED,
                    }),
                    other => Err(Mismatch::of(&other, Self::WANTED)),
                }
            }
        }
    )+};
}

narrow!(i8, i16, i32, u8, u16, u32);

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: Serialize> ToValue for Json<T> {
    /// What serde cannot write as JSON (a map whose keys are no text) becomes `null`, which a column `NOT NULL` refuses.
    fn to_value(&self) -> Value {
        serde_json::to_value(&self.0).map_or(Value::Null, Value::Json)
    }
}

impl<T: DeserializeOwned> FromValue for Json<T> {
    const WANTED: &'static str = "json";

    fn from_value(value: Value) -> Result<Self, Mismatch> {
        let read = match value {
            Value::Json(json) => serde_json::from_value(json),
            Value::Text(text) => serde_json::from_str(&text),
            other => return Err(Mismatch::of(&other, Self::WANTED)),
        };
        read.map(Json).map_err(|error| Mismatch {
            found: format!("json that does not fit ({error})"),
            wanted: std::any::type_name::<T>(),
        })
    }
}

/// The parameters of a statement, `$1` first: a tuple of what has [`ToValue`], or values.
pub trait Parameters {
    /// In order.
    fn values(self) -> Vec<Value>;
}

impl Parameters for () {
    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Parameters for Vec<Value> {
    fn values(self) -> Vec<Value> {
        self
    }
}

impl Parameters for &[Value] {
    fn values(self) -> Vec<Value> {
        self.to_vec()
    }
}

macro_rules! tuples {
    ($($name:ident)+; $($rest:tt)*) => {
        impl<$($name: ToValue),+> Parameters for ($($name,)+) {
            fn values(self) -> Vec<Value> {
                #[expect(non_snake_case, reason = "one name for a type and its value")]
                let ($($name,)+) = self;
                vec![$($name.to_value()),+]
            }
        }

        tuples!($($rest)*);
    };
    () => {};
}

tuples! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I;
    A B C D E F G H I J; A B C D E F G H I J K; A B C D E F G H I J K L; A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N; A B C D E F G H I J K L M N O; A B C D E F G H I J K L M N O P;
}

/// Checks what one of the engines could not take, so that both take the same.
pub(crate) fn checked(values: Vec<Value>) -> Result<Vec<Value>, Error> {
    let refused = |message| Error::Statement {
        message,
        sql: String::new(),
    };
    if values.len() > crate::limits::PARAMETERS_MAX {
        let (given, max) = (values.len(), crate::limits::PARAMETERS_MAX);
        return Err(refused(format!(
            "{given} parameters are more than {max}; split the statement"
        )));
    }
    for (index, value) in values.iter().enumerate() {
        let why = match value {
            Value::Real(value) if value.is_nan() => "is not a number, which SQLite cannot keep; use null",
            Value::Text(text) if text.contains('\0') => {
                "is a text with a zero byte, which PostgreSQL cannot keep; use bytes"
            }
            Value::Json(json) if has_zero(json) => "has a text with a zero byte, which PostgreSQL cannot keep",
            Value::Timestamp(at) if *at < Timestamp::MIN => "is a time before 4713 BC, which PostgreSQL cannot keep",
            _ => continue,
        };
        return Err(refused(format!("parameter ${} {why}", index + 1)));
    }
    Ok(values)
}

fn has_zero(json: &serde_json::Value) -> bool {
    match json {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(has_zero),
        serde_json::Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_zero(value)),
        _ => false,
    }
}
