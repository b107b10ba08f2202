//! The mail of a reminder.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use terrace::database::Timestamp;
use terrace::jobs::mail::{Draft, Message, MessageError};

use crate::accounts::Account;
use crate::todos::Todo;

/// Who writes, where nothing is configured: then it stays in the mailbox.
const FROM: &str = "To-do <todo@localhost>";

/// The mail that reminds of `todo` as of `at`.
pub(super) fn write(
    draft: Draft,
    todo: &Todo,
    account: &Account,
    at: Timestamp,
    url: &str,
) -> Result<Message, MessageError> {
    let from = if draft.from.is_empty() {
        FROM.to_owned()
    } else {
        draft.from.clone()
    };
    let title = one_line(&todo.title);
    let zone: Tz = account.zone.parse().unwrap_or(Tz::UTC);
    let mut text = format!("{title}\n\nYou asked to be reminded of this on {}.\n", local(at, zone));
    if let Some(due) = todo.due {
        text += &format!("It is due on {}.\n", local(due, zone));
    }
    text += &format!("\n{url}/?todo={}\n", todo.id);
    let draft = Draft { from, ..draft };
    draft
        .to(&account.email)
        .subject(format!("Reminder: {title}"))
        .text(text)
        .build()
}

/// A time on the wall clock of `zone`.
fn local(at: Timestamp, zone: Tz) -> String {
    match DateTime::<Utc>::from_timestamp_micros(at.as_micros()) {
        Some(utc) => {
            let local = utc.with_timezone(&zone);
            format!("{} ({zone})", local.format("%A, %-d %B %Y at %H:%M"))
        }
        None => at.to_string(),
    }
}

/// A title is one line already; one that is not, such as of an older version, must not become a header.
fn one_line(title: &str) -> String {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    title.replace(breaks, " ")
}

#[cfg(test)]
mod tests {
    use terrace::jobs::mail::Draft;
    use uuid::Uuid;

    use super::{Account, Timestamp, Todo, write};

    #[test]
    fn a_title_becomes_no_header_and_times_are_local() {
        // 2026-06-30T22:30:00Z
        let at = Timestamp::from_micros(1_782_858_600_000_000);
        let todo = Todo {
            id: Uuid::from_u128(7),
            title: "milk\r\nBcc: everybody@example.org\u{2028}x".to_owned(),
            done: false,
            due: Some(at),
            tags: Vec::new(),
            created_at: at,
            updated_at: at,
        };
        let mut account = Account {
            id: Uuid::from_u128(1),
            email: "ada@example.org".to_owned(),
            zone: "Europe/Berlin".to_owned(),
            has_password: true,
            created_at: at,
        };
        let letter = write(Draft::default(), &todo, &account, at, "https://todo.example.org").expect("a mail");
        let fields = letter.fields();
        assert_eq!(fields.subject, "Reminder: milk  Bcc: everybody@example.org x");
        let text = fields.text.as_deref().expect("a text");
        assert!(
            text.contains("on Wednesday, 1 July 2026 at 00:30 (Europe/Berlin)."),
            "{text}"
        );
        assert!(
            text.contains(&format!("https://todo.example.org/?todo={}\n", todo.id)),
            "{text}"
        );
        account.zone = "Nowhere/Else".to_owned();
        let text = write(Draft::default(), &todo, &account, at, "")
            .expect("a mail")
            .into_draft()
            .text;
        assert!(text.expect("a text").contains("30 June 2026 at 22:30 (UTC)"));
    }
}
