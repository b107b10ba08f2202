//! The component that knows people: who they are, how they prove it, and how they leave.

mod checked;
mod leaving;
mod letters;
mod limit;
mod password;
mod registry;
pub mod secret;

use std::time::Duration;

use terrace::database::Timestamp;
use terrace::{CallError, CallErrorKind, Cx};
use uuid::Uuid;

use crate::hidden::Hidden;

pub use self::registry::Registry;

/// Characters of a password, at least and at most.
pub const PASSWORD_MIN: usize = 10;
/// See [`PASSWORD_MIN`].
pub const PASSWORD_MAX: usize = 200;

/// How long a mailed link counts by which an address is verified.
pub const PENDING_MAX: Duration = Duration::from_secs(2 * 24 * 3600);

/// How long a mailed link counts by which a password is set.
pub const RESET_MAX: Duration = Duration::from_secs(2 * 3600);

/// API tokens of one account.
pub const TOKENS_MAX: usize = 20;

/// Knows people. What opens something (a password, a token) is made by the caller or by a person; here only its digest is kept.
#[terrace::component(owner = "accounts", requires = "asynchronous")]
pub trait Accounts {
    /// Mails a link to `request.email` by which a new account is verified. Where the address has a verified account, its
    /// owner is told so by mail instead, and the answer is the same: nobody learns who has an account.
    #[call(once)]
    async fn sign_up(&self, cx: &Cx, request: SignUp) -> Result<(), AccountError>;

    /// Uses the token of a mailed link (each counts once, for two days): makes the account, with the password and the time zone
    /// (where it is none, UTC) of whoever opened the link, and signs them in. Whoever asked for the link has shown nothing, so
    /// nothing of theirs counts.
    #[call(once)]
    async fn verify(&self, cx: &Cx, token: Hidden, password: Hidden, zone: String) -> Result<SignedIn, AccountError>;

    /// Checks a password. `from` is the address of who asks, for the limit on attempts.
    async fn sign_in(&self, cx: &Cx, email: String, password: Hidden, from: String) -> Result<SignedIn, AccountError>;

    /// Mails a link by which the password is set anew; says nothing of whether there is such an account.
    #[call(once)]
    async fn ask_reset(&self, cx: &Cx, email: String, from: String) -> Result<(), AccountError>;

    /// Sets the password by the token of a mailed link, which counts once, for two hours; every session ends.
    #[call(once)]
    async fn reset(&self, cx: &Cx, token: Hidden, password: Hidden) -> Result<SignedIn, AccountError>;

    /// The account of a session, unless its epoch is over: [`AccountError::SignedOut`].
    #[call(read)]
    async fn session(&self, cx: &Cx, account: Uuid, epoch: i64) -> Result<Account, AccountError>;

    /// The account that an API token belongs to; [`AccountError::SignedOut`] where it is unknown or revoked.
    #[call(read)]
    async fn bearer(&self, cx: &Cx, token: Hidden) -> Result<Account, AccountError>;

    /// An account.
    #[call(read)]
    async fn account(&self, cx: &Cx, account: Uuid) -> Result<Account, AccountError>;

    /// Ends every session of an account: its epoch is one more from now on. API tokens stay.
    #[call(once)]
    async fn sign_out_everywhere(&self, cx: &Cx, account: Uuid) -> Result<(), AccountError>;

    /// Sets the password, for whoever knows the old one (or has none yet); every other session ends.
    #[call(once)]
    async fn change_password(&self, cx: &Cx, account: Uuid, old: Hidden, new: Hidden)
    -> Result<SignedIn, AccountError>;

    /// Sets the time zone, an IANA name such as `Europe/Berlin`.
    #[call(once)]
    async fn set_zone(&self, cx: &Cx, account: Uuid, zone: String) -> Result<Account, AccountError>;

    /// Adds an API token that the caller has made (at least 32 random bytes, as text).
    #[call(once)]
    async fn add_token(&self, cx: &Cx, account: Uuid, name: String, token: Hidden) -> Result<ApiToken, AccountError>;

    /// The API tokens of an account, the newest first.
    #[call(read)]
    async fn tokens(&self, cx: &Cx, account: Uuid) -> Result<Vec<ApiToken>, AccountError>;

    /// Ends an API token.
    #[call(once)]
    async fn revoke_token(&self, cx: &Cx, account: Uuid, id: Uuid) -> Result<(), AccountError>;

    /// For an operator: makes a verified account without a password, or finds the one that is there (and verifies it).
    #[call(once)]
    async fn add(&self, cx: &Cx, email: String) -> Result<Account, AccountError>;

    /// Deletes an account, for whoever knows its password (an account without one needs none): it is gone at once, and a
    /// job sees to it that all its data in the other components goes too.
    #[call(once)]
    async fn delete(&self, cx: &Cx, account: Uuid, password: Hidden) -> Result<(), AccountError>;
}

/// Who wants an account.
#[terrace::data]
pub struct SignUp {
    /// The address.
    pub email: String,
    /// The address of who asks, for the limit on attempts.
    pub from: String,
}

/// A person.
#[terrace::data]
pub struct Account {
    /// Which.
    pub id: Uuid,
    /// The verified address, in lower case.
    pub email: String,
    /// The time zone, an IANA name.
    pub zone: String,
    /// Whether there is a password, which an account made by an operator has not.
    pub has_password: bool,
    /// Since when.
    pub created_at: Timestamp,
}

/// What a session is made of.
#[terrace::data]
pub struct SignedIn {
    /// Which account.
    pub account: Uuid,
    /// Its epoch: a session of an earlier one is over.
    pub epoch: i64,
}

/// An API token, of which nothing opens anything.
#[terrace::data]
pub struct ApiToken {
    /// Which.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// Why it was not done.
#[terrace::data]
#[derive(thiserror::Error)]
pub enum AccountError {
    /// A field is wrong.
    #[error("{field}: {reason}")]
    #[error(code = "invalid_argument")]
    Invalid {
        /// `email`, `password`, `zone`, `name`.
        field: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Address and password do not fit, or the old password is wrong.
    #[error("e-mail address and password do not fit")]
    #[error(code = "unauthenticated")]
    Wrong,
    /// The session or the token is over.
    #[error("signed out; sign in again")]
    #[error(code = "unauthenticated")]
    SignedOut,
    /// A mailed link was used already, or is too old.
    #[error("this link was used already or is too old; ask for a new one")]
    #[error(code = "failed_precondition")]
    LinkOver,
    /// Too many attempts from there, or on that account.
    #[error("too many attempts; try again in {seconds} s")]
    #[error(code = "resource_exhausted")]
    TooMany {
        /// When to try again.
        seconds: u64,
    },
    /// There is none, or there is one too many.
    #[error("{what}")]
    #[error(code = "failed_precondition")]
    Refused {
        /// Why, and what to do.
        what: String,
    },
    /// There is no such account or token.
    #[error("there is no such account")]
    #[error(code = "not_found")]
    Unknown,
    /// The call itself failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for AccountError {
    fn from(error: CallError) -> AccountError {
        AccountError::Call(error)
    }
}

impl From<terrace::database::Error> for AccountError {
    fn from(error: terrace::database::Error) -> AccountError {
        AccountError::Call(error.into())
    }
}

impl From<terrace::jobs::Error> for AccountError {
    fn from(error: terrace::jobs::Error) -> AccountError {
        match error {
            terrace::jobs::Error::Database(error) => error.into(),
            other => CallError::maybe_run(CallErrorKind::Failed, other.to_string()).into(),
        }
    }
}
