//! A row becomes a struct whose fields have names.

use std::collections::BTreeSet;

#[derive(terrace::Row)]
struct Borrowed<'a, T> {
    name: &'a str,
    rest: T,
}

#[derive(terrace::Row)]
struct Pair(i64, String);

#[derive(terrace::Row)]
struct Nothing;

#[derive(terrace::Row)]
enum State {
    Open,
}

#[derive(terrace::Row)]
#[row(table = "todos")]
struct Attributes {
    #[row(colum = "id")]
    slip: i64,
    #[row(column = id)]
    bare: i64,
    #[row(column = "")]
    empty: i64,
    #[row(column = "a", column = "b")]
    twice: i64,
}

#[derive(terrace::Row)]
struct Doubled {
    id: i64,
    #[row(column = "id")]
    number: i64,
}

#[derive(terrace::Row)]
struct Unreadable {
    id: i64,
    tags: BTreeSet<String>,
}

fn main() {}
