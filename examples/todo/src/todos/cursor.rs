//! Where a page of to-dos ended, as an opaque text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use terrace::database::Timestamp;
use uuid::Uuid;

use super::TodoError;
use super::checked::invalid;

/// Bytes of the time and of the id, which make 32 letters: each such text is a place in a list.
const TIME: usize = 8;
const ID: usize = 16;

/// The last to-do of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) created_at: Timestamp,
    pub(super) id: Uuid,
}

impl Cursor {
    /// It leads whoever has it into their own list and no other, so it needs no secret.
    pub(super) fn write(self) -> String {
        let mut bytes = Vec::with_capacity(TIME + ID);
        bytes.extend(self.created_at.as_micros().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`write`](Cursor::write) wrote.
    pub(super) fn read(text: &str) -> Result<Cursor, TodoError> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (time, id) = bytes.split_at_checked(TIME)?;
            let time = i64::from_be_bytes(time.try_into().ok()?);
            Some(Cursor {
                // Before the first that an engine can keep there is nothing either.
                created_at: Timestamp::from_micros(time).max(Timestamp::MIN),
                id: Uuid::from_slice(id).ok()?,
            })
        };
        read().ok_or_else(|| {
            invalid(
                "after",
                "it is not the `next` of an earlier page; leave it out to begin anew",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Timestamp, Uuid};

    #[test]
    fn what_was_written_is_read_and_other_lengths_and_letters_are_not() {
        let cursor = Cursor {
            created_at: Timestamp::from_micros(-7),
            id: Uuid::from_u128(9),
        };
        let text = cursor.write();
        assert_eq!(text.len(), 32);
        assert_eq!(Cursor::read(&text), Ok(cursor));
        let first = Cursor::read(&"gAAA".repeat(8)).expect("a place");
        assert_eq!(first.created_at, Timestamp::MIN);
        for wrong in [
            "",
            "A",
            "ä",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
            &"A".repeat(1 << 16),
        ] {
            assert!(Cursor::read(wrong).is_err(), "{wrong:.80}");
        }
    }
}
