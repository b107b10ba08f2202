//! Values as PostgreSQL has them on the wire: what goes in becomes the type that the server wants, or is refused by its
//! number.
//!
//! | the statement wants | taken from |
//! |---|---|
//! | boolean | bool, integer |
//! | smallint, integer, bigint | integer that fits, bool as 0 and 1; bigint also timestamp, as microseconds |
//! | real, double precision | real, integer |
//! | text, varchar, char, name, an enum | text; text also json |
//! | bytea | bytes, uuid |
//! | uuid | uuid, 16 bytes, text |
//! | timestamptz | timestamp, integer as microseconds |
//! | json, jsonb | json, text |
//!
//! Formats: the `send` and `recv` functions of PostgreSQL's types.

use std::error::Error as StdError;
use std::fmt;

use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use tokio_postgres::{Column, Row as Raw};
use uuid::Uuid;

use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// What `jsonb` begins with on the wire.
const JSONB_VERSION: u8 = 1;

/// One parameter, by its number from 1.
pub(super) struct Parameter<'v> {
    pub(super) number: usize,
    pub(super) value: &'v Value,
}

/// A parameter that cannot become what the statement wants.
#[derive(Debug, thiserror::Error)]
#[error("parameter ${number} is {found}, and the statement wants {wanted}{next}")]
pub(super) struct Unfit {
    number: usize,
    found: &'static str,
    wanted: String,
    next: &'static str,
}

impl fmt::Debug for Parameter<'_> {
    /// Without the value: it may be anything, and logs are read by many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}: {}", self.number, self.value.kind())
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        if matches!(self.value, Value::Null) {
            return Ok(IsNull::Yes);
        }
        match write(self.value, plain(wanted), out) {
            Some(()) => Ok(IsNull::No),
            None => Err(Box::new(self.unfit(wanted))),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Parameter<'_> {
    fn unfit(&self, wanted: &Type) -> Unfit {
        let next = match *plain(wanted) {
            Type::INT2 | Type::INT4 | Type::INT8 if matches!(self.value, Value::Integer(_)) => {
                ", which is too small for it"
            }
            Type::TIMESTAMPTZ if matches!(self.value, Value::Timestamp(_) | Value::Integer(_)) => {
                ", which begins in 4713 BC"
            }
            Type::TIMESTAMP => "; use timestamptz",
            Type::NUMERIC => "; cast it, as `$1::bigint`",
            ref other if matches!(other.kind(), Kind::Array(_)) => {
                "; pass json, and take it apart with jsonb_array_elements"
            }
            _ => "; cast it in the statement",
        };
        Unfit {
            number: self.number,
            found: self.value.kind(),
            wanted: wanted.name().to_owned(),
            next,
        }
    }
}

/// Writes `value` as `wanted`, where it fits.
fn write(value: &Value, wanted: &Type, out: &mut BytesMut) -> Option<()> {
    match (value, wanted) {
        (Value::Bool(value), &Type::BOOL) => out.extend_from_slice(&[u8::from(*value)]),
        (Value::Integer(value), &Type::BOOL) => out.extend_from_slice(&[u8::from(*value != 0)]),
        (Value::Bool(value), &Type::INT2 | &Type::INT4 | &Type::INT8) => whole(i64::from(*value), wanted, out)?,
        (Value::Integer(value), &Type::INT2 | &Type::INT4 | &Type::INT8) => whole(*value, wanted, out)?,
        (Value::Timestamp(value), &Type::INT8) => whole(value.as_micros(), wanted, out)?,
        (Value::Integer(value), &Type::FLOAT8) => out.extend_from_slice(&(*value as f64).to_be_bytes()),
        (Value::Real(value), &Type::FLOAT8) => out.extend_from_slice(&value.to_be_bytes()),
        (Value::Integer(value), &Type::FLOAT4) => out.extend_from_slice(&(*value as f32).to_be_bytes()),
        (Value::Real(value), &Type::FLOAT4) => out.extend_from_slice(&(*value as f32).to_be_bytes()),
        (Value::Text(value), &Type::JSON) => out.extend_from_slice(value.as_bytes()),
        (Value::Json(value), &Type::JSON) => out.extend_from_slice(value.to_string().as_bytes()),
        (Value::Text(value), &Type::JSONB) => {
            out.extend_from_slice(&[JSONB_VERSION]);
            out.extend_from_slice(value.as_bytes());
        }
        (Value::Json(value), &Type::JSONB) => {
            out.extend_from_slice(&[JSONB_VERSION]);
            out.extend_from_slice(value.to_string().as_bytes());
        }
        (Value::Text(value), wanted) if is_text(wanted) => out.extend_from_slice(value.as_bytes()),
        (Value::Json(value), &Type::TEXT) => out.extend_from_slice(value.to_string().as_bytes()),
        (Value::Bytes(value), &Type::BYTEA) => out.extend_from_slice(value),
        (Value::Uuid(value), &Type::UUID | &Type::BYTEA) => out.extend_from_slice(value.as_bytes()),
        (Value::Bytes(value), &Type::UUID) => out.extend_from_slice(Uuid::from_slice(value).ok()?.as_bytes()),
        (Value::Text(value), &Type::UUID) => out.extend_from_slice(value.parse::<Uuid>().ok()?.as_bytes()),
        (Value::Timestamp(value), &Type::TIMESTAMPTZ) => time(*value, out)?,
        (Value::Integer(value), &Type::TIMESTAMPTZ) => time(Timestamp(*value), out)?,
        _ => return None,
    }
    Some(())
}

fn whole(value: i64, wanted: &Type, out: &mut BytesMut) -> Option<()> {
    match *wanted {
        Type::INT2 => out.extend_from_slice(&i16::try_from(value).ok()?.to_be_bytes()),
        Type::INT4 => out.extend_from_slice(&i32::try_from(value).ok()?.to_be_bytes()),
        _ => out.extend_from_slice(&value.to_be_bytes()),
    }
    Some(())
}

fn time(timestamp: Timestamp, out: &mut BytesMut) -> Option<()> {
    if timestamp < Timestamp::MIN {
        return None;
    }
    // From `Timestamp::MIN` on it cannot be too small.
    out.extend_from_slice(&timestamp.as_micros().saturating_sub(EPOCH_MICROS).to_be_bytes());
    Some(())
}

/// A domain is kept as what it is a domain of.
fn plain(wanted: &Type) -> &Type {
    match wanted.kind() {
        Kind::Domain(base) => plain(base),
        _ => wanted,
    }
}

fn is_text(wanted: &Type) -> bool {
    matches!(
        *wanted,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::CHAR
    ) || matches!(wanted.kind(), Kind::Enum(_))
        || wanted.name() == "citext"
}

/// Refuses columns that nothing is made of, before the statement runs.
pub(super) fn readable(columns: &[Column]) -> Result<(), Error> {
    let strange = columns.iter().find(|column| {
        let column = plain(column.type_());
        !is_text(column)
            && !matches!(
                *column,
                Type::BOOL
                    | Type::INT2
                    | Type::INT4
                    | Type::INT8
                    | Type::OID
                    | Type::FLOAT4
                    | Type::FLOAT8
                    | Type::BYTEA
                    | Type::UUID
                    | Type::TIMESTAMPTZ
                    | Type::JSON
                    | Type::JSONB
                    | Type::VOID
            )
    });
    let Some(column) = strange else { return Ok(()) };
    Err(Error::Mismatch {
        column: column.name().to_owned(),
        found: format!("type {}", column.type_().name()),
        wanted: "boolean, bigint, double precision, text, bytea, timestamptz, uuid or jsonb; cast it, as `::bigint`"
            .to_owned(),
    })
}

/// The bytes of a column.
struct Wire<'r>(&'r [u8]);

impl<'r> FromSql<'r> for Wire<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Wire(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The value of a column.
pub(super) fn read(row: &Raw, index: usize) -> Result<Value, Error> {
    let column = &row.columns()[index];
    let wire: Option<Wire<'_>> = row.try_get(index).map_err(|_| strange(column))?;
    match wire {
        Some(Wire(raw)) => decoded(raw, plain(column.type_())).ok_or_else(|| strange(column)),
        None => Ok(Value::Null),
    }
}

fn decoded(raw: &[u8], column: &Type) -> Option<Value> {
    Some(match *column {
        Type::BOOL => Value::Bool(*raw.first()? != 0),
        Type::INT8 => Value::Integer(i64::from_be_bytes(raw.try_into().ok()?)),
        Type::INT4 => Value::Integer(i32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::INT2 => Value::Integer(i16::from_be_bytes(raw.try_into().ok()?).into()),
        Type::OID => Value::Integer(u32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::FLOAT8 => Value::Real(f64::from_be_bytes(raw.try_into().ok()?)),
        Type::FLOAT4 => Value::Real(f32::from_be_bytes(raw.try_into().ok()?).into()),
        Type::BYTEA => Value::Bytes(raw.to_vec()),
        Type::UUID => Value::Uuid(Uuid::from_slice(raw).ok()?),
        Type::TIMESTAMPTZ => Value::Timestamp(micros(i64::from_be_bytes(raw.try_into().ok()?))),
        Type::JSON => Value::Json(serde_json::from_slice(raw).ok()?),
        Type::JSONB => Value::Json(serde_json::from_slice(raw.strip_prefix(&[JSONB_VERSION])?).ok()?),
        Type::VOID => Value::Null,
        _ => Value::Text(std::str::from_utf8(raw).ok()?.to_owned()),
    })
}

/// `infinity` and `-infinity` are the last and the first there are.
fn micros(since_2000: i64) -> Timestamp {
    match since_2000 {
        i64::MIN => Timestamp(i64::MIN),
        since => Timestamp(since.saturating_add(EPOCH_MICROS)),
    }
}

fn strange(column: &Column) -> Error {
    Error::Mismatch {
        column: column.name().to_owned(),
        found: format!("a {} that cannot be read", column.type_().name()),
        wanted: column.type_().name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::types::private::BytesMut;
    use tokio_postgres::types::{ToSql, Type};

    use super::{Parameter, decoded};
    use crate::timestamp::Timestamp;
    use crate::value::Value;

    fn there_and_back(value: &Value, wanted: &Type) -> Result<Value, String> {
        let mut out = BytesMut::new();
        let parameter = Parameter { number: 3, value };
        parameter.to_sql(wanted, &mut out).map_err(|error| error.to_string())?;
        Ok(decoded(&out, wanted).unwrap())
    }

    #[test]
    fn a_timestamp_at_either_end_comes_back_or_is_refused() {
        for at in [
            Timestamp::MIN,
            Timestamp(-1),
            Timestamp(0),
            Timestamp(1),
            Timestamp::MAX,
        ] {
            assert_eq!(
                there_and_back(&Value::Timestamp(at), &Type::TIMESTAMPTZ),
                Ok(Value::Timestamp(at))
            );
        }
        let refused = there_and_back(&Value::Timestamp(Timestamp(i64::MIN)), &Type::TIMESTAMPTZ);
        assert!(refused.unwrap_err().contains("4713 BC"));
        for infinite in [i64::MIN, i64::MAX] {
            let read = decoded(&infinite.to_be_bytes(), &Type::TIMESTAMPTZ);
            assert_eq!(read, Some(Value::Timestamp(Timestamp(infinite))));
        }
    }

    #[test]
    fn a_parameter_that_does_not_fit_is_named_by_its_number_and_not_shown() {
        for (value, wanted) in [
            (Value::Integer(40_000), Type::INT2),
            (Value::Integer(3_000_000_000), Type::INT4),
            (Value::Text("secret".to_owned()), Type::INT8),
            (Value::Text("secret".to_owned()), Type::UUID),
            (Value::Bytes(vec![1, 2]), Type::UUID),
            (Value::Integer(1), Type::NUMERIC),
            (Value::Integer(1), Type::TEXT),
            (Value::Real(1.5), Type::INT8),
            (Value::Timestamp(Timestamp(0)), Type::TIMESTAMP),
            (Value::Json(serde_json::json!([1])), Type::INT8_ARRAY),
        ] {
            let refused = there_and_back(&value, &wanted).unwrap_err();
            assert!(refused.contains("$3") && refused.contains(wanted.name()), "{refused}");
            assert!(!refused.contains("secret") && !refused.contains("40"), "{refused}");
        }
    }

    #[test]
    fn a_value_becomes_what_the_statement_wants_where_it_fits() {
        let id = uuid::Uuid::from_u128(7);
        for (value, wanted, read) in [
            (Value::Bool(true), Type::INT4, Value::Integer(1)),
            (Value::Integer(0), Type::BOOL, Value::Bool(false)),
            (Value::Integer(-2), Type::INT2, Value::Integer(-2)),
            (Value::Integer(2), Type::FLOAT8, Value::Real(2.0)),
            (Value::Integer(5), Type::TIMESTAMPTZ, Value::Timestamp(Timestamp(5))),
            (Value::Timestamp(Timestamp(5)), Type::INT8, Value::Integer(5)),
            (Value::Text(id.to_string()), Type::UUID, Value::Uuid(id)),
            (Value::Bytes(id.as_bytes().to_vec()), Type::UUID, Value::Uuid(id)),
            (
                Value::Text("{\"a\":1}".to_owned()),
                Type::JSONB,
                Value::Json(serde_json::json!({"a": 1})),
            ),
            (
                Value::Json(serde_json::json!([1])),
                Type::TEXT,
                Value::Text("[1]".to_owned()),
            ),
            (Value::Text("a".to_owned()), Type::VARCHAR, Value::Text("a".to_owned())),
        ] {
            assert_eq!(there_and_back(&value, &wanted), Ok(read));
        }
    }
}
