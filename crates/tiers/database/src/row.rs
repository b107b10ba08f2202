//! [`Row`]: what a query answers, and what is made of it.

use std::sync::Arc;

use crate::error::Error;
use crate::limits::{ANSWER_BYTES_MAX, ROWS_MAX};
use crate::value::{FromValue, Json, Value};

/// The names of an answer's columns, which all its rows share.
pub(crate) type Columns = Arc<[Box<str>]>;

/// The rows of an answer, one behind the other: a list for each row would cost as much as what is in it.
#[derive(Default)]
pub(crate) struct Rows {
    /// There from the first row on.
    columns: Columns,
    values: Vec<Value>,
    /// How many rows; an answer without columns has some too.
    count: usize,
    bytes: usize,
}

impl Rows {
    /// Takes one more row: `read` adds its values, and answers how many bytes of text and blobs they have.
    pub(crate) fn add(
        &mut self,
        columns: &Columns,
        read: impl FnOnce(&mut Vec<Value>) -> Result<usize, Error>,
    ) -> Result<(), Error> {
        if self.count == ROWS_MAX {
            let limit = format!("{ROWS_MAX} rows");
            return Err(Error::TooLarge { limit });
        }
        if self.count == 0 {
            self.columns = columns.clone();
        }
        self.count += 1;
        self.bytes += read(&mut self.values)?;
        if self.bytes > ANSWER_BYTES_MAX {
            let limit = format!("{} MiB", ANSWER_BYTES_MAX >> 20);
            return Err(Error::TooLarge { limit });
        }
        Ok(())
    }

    /// Makes something of each row. They are read through one [`Row`], which is filled again and again.
    pub(crate) fn read<R: FromRow>(self) -> Result<Vec<R>, Error> {
        let (columns, width) = (self.columns.clone(), self.columns.len());
        let mut values = self.values.into_iter();
        let mut row = Row::new(columns, Vec::with_capacity(width));
        let mut read = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            row.values.clear();
            row.values.extend(values.by_ref().take(width));
            read.push(R::from_row(&mut row)?);
        }
        Ok(read)
    }
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Columns,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Columns, values: Vec<Value>) -> Row {
        Row { columns, values }
    }

    /// The names of its columns.
    pub fn columns(&self) -> &[Box<str>] {
        &self.columns
    }

    /// Its values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Takes the value of the column `name`; it is null afterwards.
    pub fn take<T: FromValue>(&mut self, name: &str) -> Result<T, Error> {
        match self.columns.iter().position(|column| &**column == name) {
            Some(index) => self.take_at(index),
            None => Err(Error::Mismatch {
                column: name.to_owned(),
                found: format!("nothing: the answer has {}", self.columns.join(", ")),
                wanted: T::WANTED.to_owned(),
            }),
        }
    }

    /// [`Row::take`] for `field`, which an error names too: what `#[derive(Row)]` calls.
    pub fn take_for<T: FromValue>(&mut self, name: &str, field: &'static str) -> Result<T, Error> {
        self.take(name).map_err(|mut error| {
            if let Error::Mismatch { wanted, .. } = &mut error {
                *wanted = format!("{wanted}, as `{field}` wants");
            }
            error
        })
    }

    /// Takes the value of the column at `index`, from 0; it is null afterwards.
    pub fn take_at<T: FromValue>(&mut self, index: usize) -> Result<T, Error> {
        let Some(value) = self.values.get_mut(index) else {
            return Err(Error::Mismatch {
                column: format!("number {}", index + 1),
                found: format!("{} columns", self.values.len()),
                wanted: T::WANTED.to_owned(),
            });
        };
        T::from_value(std::mem::replace(value, Value::Null)).map_err(|mismatch| Error::Mismatch {
            column: self.columns[index].to_string(),
            found: mismatch.found,
            wanted: mismatch.wanted.to_owned(),
        })
    }
}

/// What can be made of a row: a struct by `#[derive(Row)]`, a tuple by the order of columns, or the only column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made of a row",
    label = "no row becomes this",
    note = "put `#[derive(terrace::Row)]` on a struct with a field for each column, or ask for a tuple"
)]
pub trait FromRow: Sized {
    /// Takes what it needs of the row.
    fn from_row(row: &mut Row) -> Result<Self, Error>;
}

impl FromRow for Row {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        Ok(Row {
            columns: row.columns.clone(),
            values: std::mem::take(&mut row.values),
        })
    }
}

impl FromRow for () {
    fn from_row(_: &mut Row) -> Result<Self, Error> {
        Ok(())
    }
}

macro_rules! only_column {
    ($($type:ty),+) => {$(
        impl FromRow for $type {
            fn from_row(row: &mut Row) -> Result<Self, Error> {
                row.take_at(0)
            }
        }
    )+};
}

only_column!(
    bool,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    f64,
    String,
    Vec<u8>,
    crate::Timestamp,
    uuid::Uuid,
    serde_json::Value,
    Value
);

impl<T: FromValue> FromRow for Option<T> {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        row.take_at(0)
    }
}

impl<T: serde::de::DeserializeOwned> FromRow for Json<T> {
    fn from_row(row: &mut Row) -> Result<Self, Error> {
        row.take_at(0)
    }
}

macro_rules! tuples {
    ($($name:ident $index:literal)+; $($rest:tt)*) => {
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &mut Row) -> Result<Self, Error> {
                Ok(($(row.take_at::<$name>($index)?,)+))
            }
        }

        tuples!($($rest)*);
    };
    () => {};
}

tuples! {
    A 0; A 0 B 1; A 0 B 1 C 2; A 0 B 1 C 2 D 3; A 0 B 1 C 2 D 3 E 4; A 0 B 1 C 2 D 3 E 4 F 5;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6; A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7; A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9; A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}
