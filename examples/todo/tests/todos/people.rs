//! Somebody who knows people, as far as reminders ask.

use std::collections::BTreeMap;

use terrace::{Cx, Setup, SetupError};
use todo::accounts::{Account, AccountError, Accounts, ApiToken, SignUp, SignedIn};
use todo::hidden::Hidden;
use uuid::Uuid;

/// Two people, in different zones.
pub(crate) struct People(BTreeMap<Uuid, Account>);

pub(crate) const ADA: Uuid = Uuid::from_u128(0xada);
pub(crate) const BOB: Uuid = Uuid::from_u128(0xb0b);

impl People {
    pub(crate) async fn open(_: &Setup) -> Result<People, SetupError> {
        let people = [(ADA, "ada", "Europe/Berlin"), (BOB, "bob", "America/New_York")];
        let known = people.map(|(id, name, zone)| {
            let account = Account {
                id,
                email: format!("{name}@example.org"),
                zone: zone.to_owned(),
                has_password: false,
                created_at: terrace::database::Timestamp::from_micros(0),
            };
            (id, account)
        });
        Ok(People(known.into()))
    }
}

impl Accounts for People {
    async fn account(&self, _: &Cx, account: Uuid) -> Result<Account, AccountError> {
        self.0.get(&account).cloned().ok_or(AccountError::Unknown)
    }

    async fn sign_up(&self, _: &Cx, _: SignUp) -> Result<(), AccountError> {
        Err(AccountError::Unknown)
    }

    async fn verify(&self, _: &Cx, _: Hidden, _: Hidden, _: String) -> Result<SignedIn, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn sign_in(&self, _: &Cx, _: String, _: Hidden, _: String) -> Result<SignedIn, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn ask_reset(&self, _: &Cx, _: String, _: String) -> Result<(), AccountError> {
        Err(AccountError::Unknown)
    }

    async fn reset(&self, _: &Cx, _: Hidden, _: Hidden) -> Result<SignedIn, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn session(&self, _: &Cx, _: Uuid, _: i64) -> Result<Account, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn bearer(&self, _: &Cx, _: Hidden) -> Result<Account, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn sign_out_everywhere(&self, _: &Cx, _: Uuid) -> Result<(), AccountError> {
        Err(AccountError::Unknown)
    }

    async fn change_password(&self, _: &Cx, _: Uuid, _: Hidden, _: Hidden) -> Result<SignedIn, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn set_zone(&self, _: &Cx, _: Uuid, _: String) -> Result<Account, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn add_token(&self, _: &Cx, _: Uuid, _: String, _: Hidden) -> Result<ApiToken, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn tokens(&self, _: &Cx, _: Uuid) -> Result<Vec<ApiToken>, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn revoke_token(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<(), AccountError> {
        Err(AccountError::Unknown)
    }

    async fn add(&self, _: &Cx, _: String) -> Result<Account, AccountError> {
        Err(AccountError::Unknown)
    }

    async fn delete(&self, _: &Cx, _: Uuid, _: Hidden) -> Result<(), AccountError> {
        Err(AccountError::Unknown)
    }
}
