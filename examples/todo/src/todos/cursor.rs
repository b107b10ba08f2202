//! Where a page of to-dos ended, as an opaque text.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use terrace::database::Timestamp;
use uuid::Uuid;

use super::TodoError;
use super::checked::invalid;

/// Bytes of the time, of the id, and of the sum by which a text that is none of ours is noticed.
const TIME: usize = 8;
const ID: usize = 16;
const SUM: usize = 8;

/// The last to-do of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) created_at: Timestamp,
    pub(super) id: Uuid,
}

impl Cursor {
    /// For one person: to another it means nothing. It leads to that person's own to-dos whoever wrote it, so its sum needs
    /// no secret.
    pub(super) fn write(self, owner: Uuid) -> String {
        let mut bytes = Vec::with_capacity(TIME + ID + SUM);
        bytes.extend(self.created_at.as_micros().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        let sum = sum(owner, &bytes);
        bytes.extend(sum);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads what [`write`](Cursor::write) wrote for the same person.
    pub(super) fn read(owner: Uuid, text: &str) -> Result<Cursor, TodoError> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (position, given) = bytes.split_at_checked(TIME + ID)?;
            if given != sum(owner, position) {
                return None;
            }
            let (time, id) = position.split_at_checked(TIME)?;
            Some(Cursor {
                created_at: Timestamp::from_micros(i64::from_be_bytes(time.try_into().ok()?)),
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

fn sum(owner: Uuid, position: &[u8]) -> [u8; SUM] {
    let whole = Sha256::new()
        .chain_update(b"to-dos after")
        .chain_update(owner)
        .chain_update(position)
        .finalize();
    let mut sum = [0; SUM];
    sum.copy_from_slice(&whole[..SUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Timestamp, Uuid};

    #[test]
    fn only_what_was_written_for_the_same_person_is_read() {
        let (owner, cursor) = (
            Uuid::from_u128(1),
            Cursor {
                created_at: Timestamp::from_micros(-7),
                id: Uuid::from_u128(9),
            },
        );
        let text = cursor.write(owner);
        assert_eq!(Cursor::read(owner, &text).expect("ours"), cursor);
        assert!(Cursor::read(Uuid::from_u128(2), &text).is_err());
        for index in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("ASCII");
            assert!(Cursor::read(owner, &forged).is_err(), "{forged}");
        }
        for wrong in [
            "",
            "A",
            "ä",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
            &"A".repeat(1 << 16),
        ] {
            assert!(Cursor::read(owner, wrong).is_err(), "{wrong:.80}");
        }
    }
}
