//! Values as PostgreSQL has them: what goes in becomes the type that the server wants.

use std::error::Error as StdError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio_postgres::Row as Raw;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::value::Value;

impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Bool(value), &Type::BOOL) => value.to_sql(wanted, out),
            (Value::Integer(value), &Type::INT8) => value.to_sql(wanted, out),
            (Value::Integer(value), &Type::INT4) => i32::try_from(*value)?.to_sql(wanted, out),
            (Value::Integer(value), &Type::INT2) => i16::try_from(*value)?.to_sql(wanted, out),
            (Value::Integer(value), &Type::FLOAT8) => (*value as f64).to_sql(wanted, out),
            (Value::Integer(value), &Type::BOOL) => (*value != 0).to_sql(wanted, out),
            (Value::Integer(value), &Type::TIMESTAMPTZ) => time(Timestamp(*value)).to_sql(wanted, out),
            (Value::Real(value), &Type::FLOAT8) => value.to_sql(wanted, out),
            (Value::Real(value), &Type::FLOAT4) => (*value as f32).to_sql(wanted, out),
            (Value::Text(value), &Type::JSON | &Type::JSONB) => {
                serde_json::from_str::<serde_json::Value>(value)?.to_sql(wanted, out)
            }
            (Value::Text(value), _) if <&str as ToSql>::accepts(wanted) => value.as_str().to_sql(wanted, out),
            (Value::Bytes(value), &Type::UUID) => Uuid::from_slice(value)?.to_sql(wanted, out),
            (Value::Bytes(value), &Type::BYTEA) => value.as_slice().to_sql(wanted, out),
            (Value::Timestamp(value), &Type::TIMESTAMPTZ) => time(*value).to_sql(wanted, out),
            (Value::Timestamp(value), &Type::INT8) => value.as_micros().to_sql(wanted, out),
            (Value::Uuid(value), &Type::UUID) => value.to_sql(wanted, out),
            (Value::Json(value), &Type::JSON | &Type::JSONB) => value.to_sql(wanted, out),
            (other, wanted) => Err(format!("a parameter is {}, and the statement wants {wanted}", other.kind()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The value of a column.
pub(super) fn read(row: &Raw, index: usize) -> Result<Value, Error> {
    let column = &row.columns()[index];
    let read = match *column.type_() {
        Type::BOOL => row.try_get::<_, Option<bool>>(index).map(|value| value.map(Value::Bool)),
        Type::INT8 => row.try_get::<_, Option<i64>>(index).map(|value| value.map(Value::Integer)),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(index)
            .map(|value| value.map(|value| Value::Integer(value.into()))),
        Type::INT2 => row
            .try_get::<_, Option<i16>>(index)
            .map(|value| value.map(|value| Value::Integer(value.into()))),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(index).map(|value| value.map(Value::Real)),
        Type::FLOAT4 => row
            .try_get::<_, Option<f32>>(index)
            .map(|value| value.map(|value| Value::Real(value.into()))),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(index).map(|value| value.map(Value::Bytes)),
        Type::UUID => row.try_get::<_, Option<Uuid>>(index).map(|value| value.map(Value::Uuid)),
        Type::TIMESTAMPTZ => row
            .try_get::<_, Option<SystemTime>>(index)
            .map(|value| value.map(|value| Value::Timestamp(micros(value)))),
        Type::JSON | Type::JSONB => row
            .try_get::<_, Option<serde_json::Value>>(index)
            .map(|value| value.map(Value::Json)),
        Type::VOID => Ok(None),
        _ => row.try_get::<_, Option<String>>(index).map(|value| value.map(Value::Text)),
    };
    let read = read.map_err(|_| Error::Mismatch {
        column: column.name().to_owned(),
        found: format!("type {}", column.type_()),
        wanted: "bool, bigint, double precision, text, bytea, timestamptz, uuid or jsonb; cast it".to_owned(),
    })?;
    Ok(read.unwrap_or(Value::Null))
}

fn time(timestamp: Timestamp) -> SystemTime {
    let micros = timestamp.as_micros();
    let distance = Duration::from_micros(micros.unsigned_abs());
    match micros >= 0 {
        true => UNIX_EPOCH + distance,
        false => UNIX_EPOCH - distance,
    }
}

fn micros(time: SystemTime) -> Timestamp {
    let micros = |distance: Duration| i64::try_from(distance.as_micros()).unwrap_or(i64::MAX);
    Timestamp(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}
