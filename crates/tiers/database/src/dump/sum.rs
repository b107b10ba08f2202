//! A checksum of a table whose rows come in any order, alike on both engines.

use xxhash_rust::xxh3::Xxh3Default;

use super::part::Cell;

/// Whole numbers up to this one are exact as `f64`.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// How many rows there were, and the sum of the hashes of each: addition does not ask for their order, and unlike
/// exclusive or it does not lose two equal rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many rows.
    pub rows: u64,
    sum: u128,
}

impl Sum {
    /// Adds a row. What is in a column of `json` is compared as JSON, since PostgreSQL writes it in its own way.
    pub(super) fn add(&mut self, cells: &[Cell], json: &[bool]) {
        let mut hash = Xxh3Default::new();
        for (index, cell) in cells.iter().enumerate() {
            let is_json = json.get(index).copied().unwrap_or_default();
            add_cell(&mut hash, cell, is_json);
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hash.digest128());
    }

    /// The sum in hexadecimal digits.
    pub fn shown(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

fn add_cell(hash: &mut Xxh3Default, cell: &Cell, is_json: bool) {
    let mut add = |kind: u8, bytes: &[u8]| {
        hash.update(&[kind]);
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match cell {
        Cell::Null => add(0, &[]),
        Cell::Integer(value) => add(1, &value.to_le_bytes()),
        // SQLite keeps a real without a fraction as an integer where that is smaller.
        Cell::Real(value) if value.fract() == 0.0 && value.abs() < EXACT_MAX => add(1, &(*value as i64).to_le_bytes()),
        Cell::Real(value) => add(2, &value.to_bits().to_le_bytes()),
        Cell::Text(text) if is_json => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) => add(3, canonical(json).to_string().as_bytes()),
            Err(_) => add(3, text.as_bytes()),
        },
        Cell::Text(text) => add(3, text.as_bytes()),
        Cell::Bytes(bytes) => add(4, bytes),
    }
}

/// The same JSON with its numbers in one form.
fn canonical(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Number(number) => match number.as_f64() {
            Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT_MAX => {
                Value::from(value as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, canonical(field)))
            .collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::{Cell, Sum};

    fn sum(rows: &[Vec<Cell>], json: &[bool]) -> Sum {
        let mut sum = Sum::default();
        rows.iter().for_each(|row| sum.add(row, json));
        sum
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_everything_else_does() {
        let (a, b) = (
            vec![Cell::Integer(1), Cell::Text("a".into())],
            vec![Cell::Null, Cell::Text("b".into())],
        );
        assert_eq!(sum(&[a.clone(), b.clone()], &[]), sum(&[b.clone(), a.clone()], &[]));
        assert_ne!(sum(slice::from_ref(&a), &[]), sum(&[a.clone(), a.clone()], &[]));
        let joined = vec![Cell::Text("ab".into()), Cell::Text("c".into())];
        let moved = vec![Cell::Text("a".into()), Cell::Text("bc".into())];
        assert_ne!(sum(&[joined], &[]), sum(&[moved], &[]));
        assert_ne!(sum(&[a], &[]), sum(&[b], &[]));
    }

    #[test]
    fn json_is_compared_as_json_and_reals_by_their_value() {
        let text = |text: &str| vec![Cell::Text(text.into())];
        let (one, other) = (text(r#"{"b": 1.0, "a": [100.0]}"#), text(r#"{"a":[1e2],"b":1}"#));
        assert_eq!(
            sum(slice::from_ref(&one), &[true]),
            sum(slice::from_ref(&other), &[true])
        );
        assert_ne!(sum(&[one], &[false]), sum(&[other], &[false]));
        assert_eq!(sum(&[vec![Cell::Real(2.0)]], &[]), sum(&[vec![Cell::Integer(2)]], &[]));
    }
}
