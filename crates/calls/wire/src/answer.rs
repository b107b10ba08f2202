//! The body of a reply.
//!
//! ```text
//! Reply    0x00, value                          the method returned `Ok`
//!          0x01, code u8, value                 the method returned its own error
//! Error    reason u8, kind u8, ran u8, retried u8, message UTF-8
//! ```

use world::ReplyKind;

use crate::error::{CallError, CallErrorKind, ErrorCode, Ran};

/// A reply's body, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// What the method returned.
    Value(&'a [u8]),
    /// The method's own error, and the code it has on the HTTP face.
    UserError(ErrorCode, &'a [u8]),
    /// The call failed; the certainty in it is that of this hop.
    Failed(Reason, CallError),
}

/// Why a call failed, as far as the HTTP face tells it apart beyond [`CallErrorKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// What the kind says.
    Kind,
    /// The arguments could not be read.
    InvalidArguments,
    /// There is no such component or method.
    Unimplemented,
}

/// The first byte of a value's reply.
pub const VALUE: u8 = 0;
/// The first byte of an error's reply; the code's number follows.
pub const USER_ERROR: u8 = 1;

impl Reason {
    const ALL: [Reason; 3] = [Reason::Kind, Reason::InvalidArguments, Reason::Unimplemented];
}

impl<'a> Answer<'a> {
    /// Takes a reply apart; what cannot be read is a failure too, of a call that may have run.
    pub fn decode(kind: ReplyKind, body: &'a [u8]) -> Answer<'a> {
        let unreadable = || {
            let error = CallError::maybe_run(CallErrorKind::Incompatible, "the peer's reply cannot be read");
            Answer::Failed(Reason::Kind, error)
        };
        match (kind, body) {
            (ReplyKind::Reply, [VALUE, value @ ..]) => Answer::Value(value),
            (ReplyKind::Reply, [USER_ERROR, code, value @ ..]) => Answer::UserError(
                ErrorCode::from_number(*code).unwrap_or(ErrorCode::FailedPrecondition),
                value,
            ),
            (ReplyKind::Error, [reason, kind, ran, retried, message @ ..]) => {
                let (Some(&reason), Some(&kind)) = (
                    Reason::ALL.get(usize::from(*reason)),
                    CallErrorKind::ALL.get(usize::from(*kind)),
                ) else {
                    return unreadable();
                };
                let ran = if *ran == 0 { Ran::No } else { Ran::Maybe };
                let error = CallError::new(kind, ran, String::from_utf8_lossy(message));
                Answer::Failed(reason, if *retried != 0 { error.retried() } else { error })
            }
            _ => unreadable(),
        }
    }
}

/// Appends the reply for a call that failed.
pub fn encode_failure(reason: Reason, error: &CallError, out: &mut Vec<u8>) -> ReplyKind {
    let reason = Reason::ALL
        .iter()
        .position(|known| *known == reason)
        .unwrap_or_default() as u8;
    let kind = CallErrorKind::ALL
        .iter()
        .position(|known| *known == error.kind())
        .unwrap_or_default() as u8;
    let ran = u8::from(error.ran() == Ran::Maybe);
    out.extend_from_slice(&[reason, kind, ran, u8::from(error.was_retried())]);
    out.extend_from_slice(error.message().as_bytes());
    ReplyKind::Error
}

#[cfg(test)]
mod tests {
    use super::{Answer, Reason, encode_failure};
    use crate::error::{CallError, CallErrorKind, Ran};
    use world::ReplyKind;

    #[test]
    fn a_failure_is_read_as_it_was_written() {
        for kind in CallErrorKind::ALL {
            for ran in [Ran::No, Ran::Maybe] {
                let error = CallError::new(kind, ran, "why").retried();
                let mut body = Vec::new();
                assert_eq!(
                    encode_failure(Reason::InvalidArguments, &error, &mut body),
                    ReplyKind::Error
                );
                assert_eq!(
                    Answer::decode(ReplyKind::Error, &body),
                    Answer::Failed(Reason::InvalidArguments, error)
                );
            }
        }
    }

    #[test]
    fn no_body_panics() {
        for kind in [ReplyKind::Reply, ReplyKind::Error] {
            for body in [&[][..], &[9], &[1], &[9, 9, 9, 9]] {
                assert!(
                    matches!(Answer::decode(kind, body), Answer::Failed(..)),
                    "{kind:?} {body:?}"
                );
            }
        }
    }
}
