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

/// U+FEFF
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Checks what a component may say.
pub(crate) fn admitted(sql: &str) -> Result<(), Error> {
    let begin = &sql[sql.len() - bytes_behind_comments(sql)..];
    if !begin.is_empty() && !begin.starts_with(|first: char| first.is_ascii_alphabetic() || first == '(') {
        // Such as what is behind a comment in a comment, which ends elsewhere on the other engine.
        return Err(Error::Statement {
            message: "a statement begins with a word".to_owned(),
            sql: sql.to_owned(),
        });
    }
    let word = first_word(begin);
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

/// The word with which `sql` begins.
fn first_word(sql: &str) -> &str {
    let end = sql.bytes().position(|byte| !byte.is_ascii_alphabetic());
    &sql[..end.unwrap_or(sql.len())]
}

/// Bytes behind the spaces, comments and semicolons with which `sql` begins.
fn bytes_behind_comments(sql: &str) -> usize {
    let bytes = sql.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = after(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = after(bytes, at + 2, b"*/"),
            // PostgreSQL takes a vertical tab for a space too, and SQLite a byte order mark.
            byte if byte.is_ascii_whitespace() || matches!(byte, b';' | b'\x0B') => at += 1,
            _ if bytes[at..].starts_with(BYTE_ORDER_MARK) => at += BYTE_ORDER_MARK.len(),
            _ => break,
        }
    }
    bytes.len() - at
}

/// The statements of a script, each with the line on which it begins, without those that are only comments. A semicolon
/// inside of texts, quoted names, comments, PostgreSQL's `$tag$` texts and the body of a trigger or function ends none.
pub(crate) fn statements(script: &str) -> Vec<(usize, &str)> {
    let bytes = script.as_bytes();
    let (mut found, mut begun, mut at) = (Vec::new(), 0, 0);
    let mut body = Body::default();
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'\'' | b'"' | b'`') => at = after_quote(bytes, at, quote),
            b'-' if bytes.get(at + 1) == Some(&b'-') => at = after(bytes, at, b"\n"),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = after(bytes, at + 2, b"*/"),
            b'$' if !continues_name(bytes, at) => at = after_tag(bytes, at),
            b';' if body.depth == 0 => {
                at += 1;
                found.push((begun, &script[begun..at]));
                (begun, body) = (at, Body::default());
            }
            letter if letter.is_ascii_alphabetic() || letter == b'_' => {
                let rest = &bytes[at..];
                let end = rest
                    .iter()
                    .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_' && *byte < 0x80);
                let word = &rest[..end.unwrap_or(rest.len())];
                body.word(&word.to_ascii_lowercase());
                at += word.len();
            }
            _ => at += 1,
        }
    }
    found.push((begun, &script[begun..]));
    let real = found.into_iter().filter(|(_, sql)| bytes_behind_comments(sql) > 0);
    real.map(|(begun, sql)| {
        let skipped = sql.len() - bytes_behind_comments(sql);
        let line = script[..begun + skipped].matches('\n').count() + 1;
        (line, sql[skipped..].trim_end())
    })
    .collect()
}

/// How deep a statement is in the body of what it makes: only a trigger, a function or a procedure has one.
#[derive(Default)]
struct Body {
    words: usize,
    creates: bool,
    has_body: bool,
    depth: usize,
}

impl Body {
    fn word(&mut self, word: &[u8]) {
        self.words += 1;
        match word {
            b"create" if self.words == 1 => self.creates = true,
            // Behind at most `create or replace`, `create temporary`, `create constraint`.
            b"trigger" | b"function" | b"procedure" if self.creates && self.words <= 4 => self.has_body = true,
            b"begin" if self.has_body => self.depth += 1,
            b"case" if self.depth > 0 => self.depth += 1,
            b"end" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Where the text that begins with `$tag$` at `at` is over; one byte on where it is none, as a parameter.
fn after_tag(bytes: &[u8], at: usize) -> usize {
    let name = bytes[at + 1..].iter().position(|byte| *byte == b'$');
    let Some(name) = name.map(|length| &bytes[at + 1..at + 1 + length]) else {
        return at + 1;
    };
    let is_tag = !name.first().is_some_and(u8::is_ascii_digit)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80);
    if !is_tag {
        return at + 1;
    }
    after(bytes, at + name.len() + 2, &bytes[at..at + name.len() + 2])
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
    use super::{admitted, for_sqlite, statements};

    #[test]
    fn what_would_end_a_transaction_is_refused_however_it_is_written() {
        for sql in [
            "commit",
            " ;\n COMMIT;",
            "-- a\nRollback",
            "/* a */ end",
            "pragma user_version",
            "ATTACH 'x' AS y",
            "\u{feff}pragma query_only = off",
            " \u{b}\u{feff}; commit",
            // PostgreSQL's comments may hold others.
            "/* /* */ */ commit",
        ] {
            assert!(admitted(sql).is_err(), "{sql}");
        }
        for sql in [
            "select 1",
            "insert into ends values (1)",
            "with a as (select 1) select * from a",
            "",
            "--",
            "/*",
            "(select 1) union (select 2)",
        ] {
            assert!(admitted(sql).is_ok(), "{sql}");
        }
    }

    #[test]
    fn parameters_are_numbered_and_nothing_else_is_touched() {
        for (sql, sqlite) in [
            ("select $2, $1", "select ?2, ?1"),
            ("select $12", "select ?12"),
            (
                "select '$1', \"$1\", `$1`, [$1], $1",
                "select '$1', \"$1\", `$1`, [$1], ?1",
            ),
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
    #[test]
    fn a_script_is_split_where_its_statements_end() {
        for (script, expected) in [
            ("", &[][..]),
            ("-- only this; and that\n;;", &[]),
            ("select 1", &[(1, "select 1")]),
            (
                "-- expand\nselect 1;\n\n select ';';",
                &[(2, "select 1;"), (4, "select ';';")],
            ),
            (
                "select 'it''s; $$', \";\" /* ; */ -- ;\n; select 2",
                &[(1, "select 'it''s; $$', \";\" /* ; */ -- ;\n;"), (2, "select 2")],
            ),
            (
                "do $$ begin; end; $$; select $a$ ; $$ ; $a$;",
                &[(1, "do $$ begin; end; $$;"), (1, "select $a$ ; $$ ; $a$;")],
            ),
            (
                "create trigger t after insert on a begin select case when 1 then 2 end; select 2; end; select 3;",
                &[
                    (
                        1,
                        "create trigger t after insert on a begin select case when 1 then 2 end; select 2; end;",
                    ),
                    (1, "select 3;"),
                ],
            ),
            (
                "create table begin (a); select 1;",
                &[(1, "create table begin (a);"), (1, "select 1;")],
            ),
            (
                "select $1; select a$b; select 2",
                &[(1, "select $1;"), (1, "select a$b;"), (1, "select 2")],
            ),
        ] {
            assert_eq!(statements(script), expected, "{script}");
        }
    }
}
