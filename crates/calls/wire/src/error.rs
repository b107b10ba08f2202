//! The closed set of ways in which a call can fail, and what is known of the callee when it does.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::shape::{Body, Case, Field, Shape, TypeRef, Types};

/// A call that failed before, around or inside its method, as opposed to a method that returned its own error.
///
/// Every one says whether the callee *certainly did not run* or *may have run*. That knowledge belongs to one hop: a
/// `CallError` that a handler returns inside its own error reaches its caller as *may have run*.
#[derive(Clone, PartialEq, Eq)]
pub struct CallError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: CallErrorKind,
    ran: Ran,
    retried: bool,
    message: String,
}

/// The closed set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallErrorKind {
    /// The callee is not there, or the connection to it ended.
    Unavailable,
    /// The time for the call ran out.
    DeadlineExceeded,
    /// The caller gave up.
    Cancelled,
    /// A limit was reached: queue, budget, hops, size.
    Overloaded,
    /// The caller may not do this.
    Denied,
    /// The two sides' interfaces do not fit.
    Incompatible,
    /// The callee panicked.
    Failed,
}

/// What is known of the callee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ran {
    /// It certainly did not run.
    No,
    /// It may have run.
    Maybe,
}

impl CallErrorKind {
    /// All kinds, in the order of their numbers on the wire.
    pub const ALL: [CallErrorKind; 7] = [
        CallErrorKind::Unavailable,
        CallErrorKind::DeadlineExceeded,
        CallErrorKind::Cancelled,
        CallErrorKind::Overloaded,
        CallErrorKind::Denied,
        CallErrorKind::Incompatible,
        CallErrorKind::Failed,
    ];

    /// The kind in words.
    pub fn as_str(self) -> &'static str {
        match self {
            CallErrorKind::Unavailable => "unavailable",
            CallErrorKind::DeadlineExceeded => "deadline exceeded",
            CallErrorKind::Cancelled => "cancelled",
            CallErrorKind::Overloaded => "overloaded",
            CallErrorKind::Denied => "denied",
            CallErrorKind::Incompatible => "incompatible",
            CallErrorKind::Failed => "failed",
        }
    }

    /// The code on the HTTP face.
    pub fn code(self) -> ErrorCode {
        match self {
            CallErrorKind::Unavailable | CallErrorKind::Overloaded => ErrorCode::Unavailable,
            CallErrorKind::DeadlineExceeded => ErrorCode::DeadlineExceeded,
            CallErrorKind::Cancelled => ErrorCode::Canceled,
            CallErrorKind::Denied => ErrorCode::PermissionDenied,
            CallErrorKind::Incompatible => ErrorCode::FailedPrecondition,
            CallErrorKind::Failed => ErrorCode::Internal,
        }
    }
}

impl CallError {
    /// The callee certainly did not run.
    pub fn not_run(kind: CallErrorKind, message: impl Into<String>) -> CallError {
        CallError::new(kind, Ran::No, message)
    }

    /// The callee may have run.
    pub fn maybe_run(kind: CallErrorKind, message: impl Into<String>) -> CallError {
        CallError::new(kind, Ran::Maybe, message)
    }

    /// An error of `kind`.
    pub fn new(kind: CallErrorKind, ran: Ran, message: impl Into<String>) -> CallError {
        CallError(Box::new(Inner {
            kind,
            ran,
            retried: false,
            message: message.into(),
        }))
    }

    /// Which kind of failure it is.
    pub fn kind(&self) -> CallErrorKind {
        self.0.kind
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether the callee certainly did not run, so that the call may be made again without doubt.
    pub fn certainly_did_not_run(&self) -> bool {
        self.0.ran == Ran::No
    }

    /// What is known of the callee.
    pub fn ran(&self) -> Ran {
        self.0.ran
    }

    /// Whether the callee had already been retried further down, so that nobody above retries again.
    pub fn was_retried(&self) -> bool {
        self.0.retried
    }

    /// Marks it as the failure of a call that was retried.
    pub fn retried(mut self) -> CallError {
        self.0.retried = true;
        self
    }

    /// The same failure with `context` in front of its message.
    pub fn context(mut self, context: impl fmt::Display) -> CallError {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ran = match self.0.ran {
            Ran::No => "the callee did not run",
            Ran::Maybe => "the callee may have run",
        };
        write!(f, "{}: {} ({ran})", self.0.kind.as_str(), self.0.message)
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("kind", &self.0.kind)
            .field("ran", &self.0.ran)
            .field("retried", &self.0.retried)
            .field("message", &self.0.message)
            .finish()
    }
}

impl std::error::Error for CallError {}

/// What crosses: the certainty does not, since it belongs to one hop.
#[derive(Serialize, Deserialize)]
#[serde(rename = "CallError")]
struct Crossing {
    kind: CallErrorKind,
    retried: bool,
    message: String,
}

impl Serialize for CallError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = &self.0;
        Crossing {
            kind: inner.kind,
            retried: inner.retried,
            message: inner.message.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CallError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CallError, D::Error> {
        let Crossing { kind, retried, message } = Crossing::deserialize(deserializer)?;
        Ok(CallError(Box::new(Inner {
            kind,
            ran: Ran::Maybe,
            retried,
            message,
        })))
    }
}

impl Shape for CallError {
    fn shape(types: &mut Types) -> TypeRef {
        types.named::<CallError>("CallError", |types| {
            let kind = types.named::<CallErrorKind>("CallErrorKind", |_| Body::Enum {
                cases: CallErrorKind::ALL
                    .iter()
                    .map(|kind| Case {
                        name: kind.as_str().replace(' ', "_"),
                        body: Body::Unit,
                        other: false,
                    })
                    .collect(),
            });
            let field = |name: &str, type_ref| Field {
                name: name.to_string(),
                type_ref,
                optional: false,
            };
            Body::Struct {
                fields: vec![
                    field("kind", kind),
                    field("retried", TypeRef::Bool),
                    field("message", TypeRef::String),
                ],
                closed: false,
            }
        })
    }

    fn crossed(&mut self) {
        self.0.ran = Ran::Maybe;
    }

    fn code(&self) -> ErrorCode {
        self.0.kind.code()
    }
}

/// The error codes of the HTTP face, which are those of the Connect protocol with its HTTP statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the Connect protocol's and say it all")]
pub enum ErrorCode {
    Canceled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl ErrorCode {
    /// All codes, in the order of their numbers in the Connect protocol, which begin at 1.
    pub const ALL: [ErrorCode; 16] = [
        ErrorCode::Canceled,
        ErrorCode::Unknown,
        ErrorCode::InvalidArgument,
        ErrorCode::DeadlineExceeded,
        ErrorCode::NotFound,
        ErrorCode::AlreadyExists,
        ErrorCode::PermissionDenied,
        ErrorCode::ResourceExhausted,
        ErrorCode::FailedPrecondition,
        ErrorCode::Aborted,
        ErrorCode::OutOfRange,
        ErrorCode::Unimplemented,
        ErrorCode::Internal,
        ErrorCode::Unavailable,
        ErrorCode::DataLoss,
        ErrorCode::Unauthenticated,
    ];

    /// The code's number on the wire.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The code with that number.
    pub fn from_number(number: u8) -> Option<ErrorCode> {
        ErrorCode::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The code's name on the wire and its HTTP status.
    pub fn name_and_status(self) -> (&'static str, u16) {
        match self {
            ErrorCode::Canceled => ("canceled", 499),
            ErrorCode::Unknown => ("unknown", 500),
            ErrorCode::InvalidArgument => ("invalid_argument", 400),
            ErrorCode::DeadlineExceeded => ("deadline_exceeded", 504),
            ErrorCode::NotFound => ("not_found", 404),
            ErrorCode::AlreadyExists => ("already_exists", 409),
            ErrorCode::PermissionDenied => ("permission_denied", 403),
            ErrorCode::ResourceExhausted => ("resource_exhausted", 429),
            ErrorCode::FailedPrecondition => ("failed_precondition", 400),
            ErrorCode::Aborted => ("aborted", 409),
            ErrorCode::OutOfRange => ("out_of_range", 400),
            ErrorCode::Unimplemented => ("unimplemented", 501),
            ErrorCode::Internal => ("internal", 500),
            ErrorCode::Unavailable => ("unavailable", 503),
            ErrorCode::DataLoss => ("data_loss", 500),
            ErrorCode::Unauthenticated => ("unauthenticated", 401),
        }
    }
}
