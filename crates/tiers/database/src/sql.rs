//! One form of SQL for both engines: parameters are `$1`, `$2` and so on. SQLite would bind `$1` by the order in which
//! names first appear, so it gets `?1`.

use std::borrow::Cow;

use crate::error::Error;

/// Words with which no statement of a component may begin: they would end its transaction, reach into the file of another
/// component, or leave the connection changed for whoever gets it next.
const REFUSED: [&str; 26] = [
    "abort",
    "attach",
    "begin",
    "checkpoint",
    "close",
    "commit",
    "copy",
    "deallocate",
    "declare",
    "detach",
    "discard",
    "end",
    "execute",
    "fetch",
    "listen",
    "load",
    "notify",
    "pragma",
    "prepare",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "set",
    "start",
    "vacuum",
];

/// Checks what a component may say.
pub(crate) fn admitted(sql: &str) -> Result<(), Error> {
    let word = first_word(sql);
    let refused = REFUSED.iter().find(|refused| word.eq_ignore_ascii_case(refused));
    match refused {
        None => Ok(()),
        Some(refused) => Err(Error::Statement {
            message: format!(
                "`{refused}` is not for components; a transaction begins and ends with its closure, and settings are the \
                 operator's"
            ),
            sql: sql.to_owned(),
        }),
    }
}

/// The first word behind spaces, comments and semicolons.
fn first_word(sql: &str) -> &str {
    let bytes = sql.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = after(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = after(bytes, at + 2, b"*/"),
            byte if byte.is_ascii_whitespace() || byte == b';' => at += 1,
            _ => break,
        }
    }
    let rest = &bytes[at..];
    let end = rest.iter().position(|byte| !byte.is_ascii_alphabetic());
    &sql[at..at + end.unwrap_or(rest.len())]
}

/// `sql` with `?1` for `$1`, outside of texts, quoted names and comments.
pub(crate) fn for_sqlite(sql: &str) -> Cow<'_, str> {
    if !sql.contains('$') {
        return Cow::Borrowed(sql);
    }
    let bytes = sql.as_bytes();
    let (mut written, mut copied, mut at) = (String::with_capacity(sql.len()), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"' | b'`') => at = after_quote(bytes, at, quote),
            b'[' => at = after_quote(bytes, at, b']'),
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = after(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = after(bytes, at + 2, b"*/"),
            b'$' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && !continues_name(bytes, at) => {
                written.push_str(&sql[copied..at]);
                written.push('?');
                at += 1;
                copied = at;
            }
            _ => at += 1,
        }
    }
    written.push_str(&sql[copied..]);
    Cow::Owned(written)
}

/// Where the text that begins with a quote at `at` is over; a doubled quote does not end it, since the second one begins
/// it again.
fn after_quote(bytes: &[u8], at: usize, quote: u8) -> usize {
    let end = bytes[at + 1..].iter().position(|byte| *byte == quote);
    end.map_or(bytes.len(), |end| at + end + 2)
}

fn after(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    let found = bytes[at..].windows(end.len()).position(|window| window == end);
    found.map_or(bytes.len(), |found| at + found + end.len())
}

/// A `$` inside a name, such as `a$1`, is part of it.
fn continues_name(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::{admitted, for_sqlite};

    #[test]
    fn what_would_end_a_transaction_is_refused_however_it_is_written() {
        for sql in ["commit", " ;\n COMMIT;", "-- a\nRollback", "/* a */ end", "pragma user_version", "ATTACH 'x' AS y"] {
            assert!(admitted(sql).is_err(), "{sql}");
        }
        for sql in ["select 1", "insert into ends values (1)", "with a as (select 1) select * from a", "", "--", "/*"] {
            assert!(admitted(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn parameters_are_numbered_and_nothing_else_is_touched() {
        for (sql, sqlite) in [
            ("select $2, $1", "select ?2, ?1"),
            ("select $12", "select ?12"),
            ("select '$1', \"$1\", `$1`, [$1], $1", "select '$1', \"$1\", `$1`, [$1], ?1"),
            ("select 'it''s $1' || $1", "select 'it''s $1' || ?1"),
            ("-- $1\nselect $1 /* $2 */", "-- $1\nselect ?1 /* $2 */"),
            ("select a$1", "select a$1"),
            ("select '$1", "select '$1"),
            ("select $", "select $"),
            ("/*", "/*"),
            ("select 'ä$1', $1 -- ß", "select 'ä$1', ?1 -- ß"),
        ] {
            assert_eq!(for_sqlite(sql), sqlite);
        }
    }
}
