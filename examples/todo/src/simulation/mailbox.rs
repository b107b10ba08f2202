//! The mails of reminders, as a scenario looks at them.

use terrace::database::{Database, Timestamp};
use terrace::{CallError, Cx};
use uuid::Uuid;

/// Reminders in the mailbox at once, at most.
const LETTERS_MAX: i64 = 10_000;

/// Shows mails.
#[terrace::component(requires = "asynchronous")]
pub(super) trait Mailbox {
    /// All there are.
    #[call(read)]
    async fn letters(&self, cx: &Cx) -> Result<Vec<Letter>, CallError>;
}

/// A mail.
#[terrace::data]
pub(super) struct Letter {
    /// The to-do that it reminds of.
    pub(super) todo: Uuid,
    /// When it came, by the clock of the node.
    pub(super) arrived: Timestamp,
}

/// The mailbox of the component that reminds.
pub(super) struct Kept {
    database: Database,
}

impl Kept {
    pub(super) fn new(database: Database) -> Kept {
        Kept { database }
    }
}

impl Mailbox for Kept {
    async fn letters(&self, _: &Cx) -> Result<Vec<Letter>, CallError> {
        let sql = "select message, arrived from terrace_mailbox limit $1";
        let kept: Vec<(Vec<u8>, Timestamp)> = self.database.query(sql, (LETTERS_MAX,)).await?;
        let letters = kept.iter().filter_map(|(message, arrived)| {
            let text = String::from_utf8_lossy(message);
            let (_, link) = text.split_once("/?todo=")?;
            let todo = link.get(..36)?.parse().ok()?;
            let arrived = *arrived;
            Some(Letter { todo, arrived })
        });
        Ok(letters.collect())
    }
}
