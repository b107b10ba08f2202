//! Accounts in a database: the module of [`Accounts`].

use terrace::database::{Database, FromRow, Row, Timestamp, Transaction};
use terrace::jobs::mail::Mail;
use terrace::jobs::{Job, Jobs};
use terrace::{CallError, Cx, Setup, SetupError};
use uuid::Uuid;

use super::letters::{self, Letter};
use super::limit::{ASKED_FROM_PLACE, FROM_PLACE, Limit, MAILS_TO, OF_ACCOUNT, RESETS_TO, place};
use super::password::Passwords;
use super::{
    Account, AccountError, Accounts, ApiToken, PENDING_MAX, RESET_MAX, SignUp, SignedIn, TOKENS_MAX, checked, leaving,
    secret,
};
use crate::hidden::Hidden;
use crate::recorded::new_id;

/// Columns of an [`Account`].
const ACCOUNT: &str = "id, email, zone, password is not null as has_password, created_at";

/// Accounts in a database.
pub struct Registry {
    db: Database,
    jobs: Jobs,
    mail: Mail,
    passwords: Passwords,
    /// Where people reach the application.
    url: String,
}

impl Registry {
    /// Needs a database, jobs and mail, and whoever keeps a person's data.
    pub async fn open(setup: &Setup) -> Result<Registry, SetupError> {
        let db = setup.database(terrace::migrations!("migrations/accounts")).await?;
        let jobs = setup.jobs(&db).await?;
        leaving::declare(&jobs, setup.reference(), setup.reference(), setup.reference())?;
        Ok(Registry {
            mail: setup.mail(&jobs).await?,
            passwords: Passwords::new(setup.env()),
            url: setup.public_url(),
            db,
            jobs,
        })
    }

    /// A letter with a link that holds `secret`, if there is one.
    fn letter(&self, letter: &Letter, to: &str, path: &str, secret: Option<&Hidden>) -> Result<Written, CallError> {
        let url = &self.url;
        let link = match secret {
            Some(secret) => format!("{url}/{path}?token={}", secret.reveal()),
            None => format!("{url}/{path}"),
        };
        Ok(Written {
            mail: self.mail.clone(),
            message: letter.write(&self.mail, to, &link)?,
        })
    }

    /// Counts an attempt before it is one, so that many at once are as many.
    async fn attempt(&self, cx: &Cx, limits: Vec<(Limit, String)>) -> Result<(), AccountError> {
        let now = now(cx);
        self.db
            .transaction(async move |tx: &Transaction<'_>| {
                for (limit, whose) in &limits {
                    limit.count(tx, whose, now).await?;
                }
                Ok(())
            })
            .await
    }

    async fn clear_attempts(&self, account: Uuid) -> Result<(), AccountError> {
        self.db
            .transaction(async move |tx: &Transaction<'_>| Ok(OF_ACCOUNT.clear(tx, &account.to_string()).await?))
            .await
    }

    /// Whether it is the account's password, within the limit of attempts.
    async fn must_know(&self, cx: &Cx, account: Uuid, password: &Hidden) -> Result<(), AccountError> {
        let sql = "select password from accounts where id = $1";
        let kept: Option<(Option<String>,)> = self.db.query_optional(sql, (account,)).await?;
        let (Some(kept),) = kept.ok_or(AccountError::Unknown)? else {
            return Ok(());
        };
        self.attempt(cx, vec![(OF_ACCOUNT, account.to_string())]).await?;
        if !self.passwords.is(Some(kept), password).await? {
            return Err(AccountError::Wrong);
        }
        self.clear_attempts(account).await
    }
}

/// A letter, and what sends it.
struct Written {
    mail: Mail,
    message: terrace::jobs::mail::Message,
}

impl Written {
    /// Sends it unless the address has had too many that nobody has to have asked for. Whoever asks does not learn that.
    async fn send(&self, tx: &Transaction<'_>, limit: Limit, to: &str, now: Timestamp) -> Result<(), AccountError> {
        match limit.count(tx, to, now).await {
            Ok(()) => Ok(self.mail.send(tx, &self.message).await.map(drop)?),
            Err(AccountError::TooMany { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

impl Accounts for Registry {
    async fn sign_up(&self, cx: &Cx, request: SignUp) -> Result<(), AccountError> {
        let email = checked::email(&request.email)?;
        self.attempt(cx, vec![(ASKED_FROM_PLACE, place(&request.from))]).await?;
        let (now, token) = (now(cx), secret::new(cx.env()));
        let verify = self.letter(&letters::VERIFY, &email, "verify", Some(&token))?;
        let known = self.letter(&letters::KNOWN, &email, "sign-in", None)?;
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                if by_email(tx, &email).await?.is_some() {
                    return known.send(tx, MAILS_TO, &email, now).await;
                }
                let sql = "insert into pending (digest, email, at) values ($1, $2, $3)";
                tx.execute(sql, (secret::digest(&token), &email, now)).await?;
                verify.send(tx, MAILS_TO, &email, now).await
            })
            .await
    }

    async fn verify(&self, cx: &Cx, token: Hidden, password: Hidden, zone: String) -> Result<SignedIn, AccountError> {
        checked::password(&password)?;
        let zone = checked::zone_or_utc(&zone);
        let (now, id) = (now(cx), new_id(cx.env()));
        let (digest, since) = (secret::digest(&token), now.before(PENDING_MAX));
        // Nobody has a password worked on without a link.
        let sql = "select email from pending where digest = $1 and at > $2";
        let known: Option<(String,)> = self.db.query_optional(sql, (&digest, since)).await?;
        let hash = match known {
            Some(_) => Some(self.passwords.hash(&password).await?),
            None => None,
        };
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let found: Option<(String,)> = tx.query_optional(sql, (&digest, since)).await?;
                let (Some((email,)), Some(hash)) = (found, &hash) else {
                    return Err(AccountError::LinkOver);
                };
                if by_email(tx, &email).await?.is_some() {
                    return Err(AccountError::LinkOver);
                }
                // Nobody else's link to this address counts from now on.
                tx.execute("delete from pending where email = $1", (&email,)).await?;
                let sql = "insert into accounts (id, email, password, zone, epoch, created_at) values ($1, $2, $3, $4, 1, $5)";
                tx.execute(sql, (id, &email, hash, &zone, now)).await?;
                Ok(SignedIn { account: id, epoch: 1 })
            })
            .await
    }

    async fn sign_in(&self, cx: &Cx, email: String, password: Hidden, from: String) -> Result<SignedIn, AccountError> {
        let email = checked::email(&email).map_err(|_| AccountError::Wrong)?;
        let sql = "select id, epoch, password from accounts where email = $1";
        let found: Option<(Uuid, i64, Option<String>)> = self.db.query_optional(sql, (&email,)).await?;
        let whose = found.as_ref().map_or(email, |(id, ..)| id.to_string());
        self.attempt(cx, vec![(OF_ACCOUNT, whose), (FROM_PLACE, place(&from))])
            .await?;
        let kept = found.as_ref().and_then(|(.., password)| password.clone());
        let right = self.passwords.is(kept, &password).await?;
        match found.filter(|_| right) {
            Some((account, epoch, _)) => {
                self.clear_attempts(account).await?;
                Ok(SignedIn { account, epoch })
            }
            None => Err(AccountError::Wrong),
        }
    }

    async fn ask_reset(&self, cx: &Cx, email: String, from: String) -> Result<(), AccountError> {
        let email = checked::email(&email)?;
        self.attempt(cx, vec![(ASKED_FROM_PLACE, place(&from))]).await?;
        let (now, token) = (now(cx), secret::new(cx.env()));
        let reset = self.letter(&letters::RESET, &email, "reset", Some(&token))?;
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let Some(account) = by_email(tx, &email).await? else {
                    return Ok(());
                };
                let sql = "insert into resets (digest, account, at) values ($1, $2, $3)";
                tx.execute(sql, (secret::digest(&token), account, now)).await?;
                reset.send(tx, RESETS_TO, &email, now).await
            })
            .await
    }

    async fn reset(&self, cx: &Cx, token: Hidden, password: Hidden) -> Result<SignedIn, AccountError> {
        checked::password(&password)?;
        let (digest, since) = (secret::digest(&token), now(cx).before(RESET_MAX));
        // Nobody has a password worked on without a link.
        let sql = "select account from resets where digest = $1 and at > $2";
        let known: Option<(Uuid,)> = self.db.query_optional(sql, (&digest, since)).await?;
        let hash = match known {
            Some(_) => Some(self.passwords.hash(&password).await?),
            None => None,
        };
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let account: Option<(Uuid,)> = tx.query_optional(sql, (&digest, since)).await?;
                let (Some((account,)), Some(hash)) = (account, &hash) else {
                    return Err(AccountError::LinkOver);
                };
                OF_ACCOUNT.clear(tx, &account.to_string()).await?;
                set_password(tx, account, hash).await
            })
            .await
    }

    async fn session(&self, _: &Cx, account: Uuid, epoch: i64) -> Result<Account, AccountError> {
        let sql = format!("select {ACCOUNT} from accounts where id = $1 and epoch = $2");
        let found = self.db.query_optional(&sql, (account, epoch)).await?;
        found.ok_or(AccountError::SignedOut)
    }

    async fn bearer(&self, _: &Cx, token: Hidden) -> Result<Account, AccountError> {
        let sql = format!("select {ACCOUNT} from accounts where id = (select account from tokens where digest = $1)");
        let found = self.db.query_optional(&sql, (secret::digest(&token),)).await?;
        found.ok_or(AccountError::SignedOut)
    }

    async fn account(&self, _: &Cx, account: Uuid) -> Result<Account, AccountError> {
        let sql = format!("select {ACCOUNT} from accounts where id = $1");
        let found = self.db.query_optional(&sql, (account,)).await?;
        found.ok_or(AccountError::Unknown)
    }

    async fn sign_out_everywhere(&self, cx: &Cx, account: Uuid) -> Result<(), AccountError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = "update accounts set epoch = epoch + 1 where id = $1";
                match tx.execute(sql, (account,)).await? {
                    0 => Err(AccountError::Unknown),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn change_password(
        &self,
        cx: &Cx,
        account: Uuid,
        old: Hidden,
        new: Hidden,
    ) -> Result<SignedIn, AccountError> {
        checked::password(&new)?;
        // Judged in the transaction, so that a repeat gets the first answer: by then the old password is another.
        let hash = match self.must_know(cx, account, &old).await {
            Ok(()) => Ok(self.passwords.hash(&new).await?),
            Err(error) => Err(error),
        };
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                set_password(tx, account, &hash.clone()?).await
            })
            .await
    }

    async fn set_zone(&self, cx: &Cx, account: Uuid, zone: String) -> Result<Account, AccountError> {
        let zone = checked::zone(&zone)?;
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = format!("update accounts set zone = $2 where id = $1 returning {ACCOUNT}");
                let changed = tx.query_optional(&sql, (account, &zone)).await?;
                changed.ok_or(AccountError::Unknown)
            })
            .await
    }

    async fn add_token(&self, cx: &Cx, account: Uuid, name: String, token: Hidden) -> Result<ApiToken, AccountError> {
        let token = (
            secret::digest(&token),
            ApiToken {
                id: new_id(cx.env()),
                name: checked::name(&name)?,
                created_at: now(cx),
            },
        );
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = "select count(*) from tokens where account = $1";
                let count: i64 = tx.query_one(sql, (account,)).await?;
                if count >= TOKENS_MAX as i64 {
                    let what = format!("an account has {TOKENS_MAX} API tokens at most; revoke one");
                    return Err(AccountError::Refused { what });
                }
                let found: Option<(Uuid,)> = tx
                    .query_optional("select id from accounts where id = $1", (account,))
                    .await?;
                found.ok_or(AccountError::Unknown)?;
                let (digest, token) = &token;
                let sql = "insert into tokens (id, account, name, digest, created_at) values ($1, $2, $3, $4, $5)";
                tx.execute(sql, (token.id, account, &token.name, digest, token.created_at))
                    .await?;
                Ok(token.clone())
            })
            .await
    }

    async fn tokens(&self, _: &Cx, account: Uuid) -> Result<Vec<ApiToken>, AccountError> {
        let sql = "select id, name, created_at from tokens where account = $1 order by created_at desc, id";
        Ok(self.db.query(sql, (account,)).await?)
    }

    async fn revoke_token(&self, cx: &Cx, account: Uuid, id: Uuid) -> Result<(), AccountError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = "delete from tokens where account = $1 and id = $2";
                match tx.execute(sql, (account, id)).await? {
                    0 => Err(AccountError::Unknown),
                    _ => Ok(()),
                }
            })
            .await
    }

    async fn add(&self, cx: &Cx, email: String) -> Result<Account, AccountError> {
        let email = checked::email(&email)?;
        let (now, id) = (now(cx), new_id(cx.env()));
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                // Whoever asked for an account with this address may verify it no more: it has one.
                tx.execute("delete from pending where email = $1", (&email,)).await?;
                let sql = "insert into accounts (id, email, zone, epoch, created_at) values ($1, $2, 'UTC', 1, $3)
                           on conflict (email) do nothing";
                tx.execute(sql, (id, &email, now)).await?;
                let sql = format!("select {ACCOUNT} from accounts where email = $1");
                Ok(tx.query_one(&sql, (&email,)).await?)
            })
            .await
    }

    async fn delete(&self, cx: &Cx, account: Uuid, password: Hidden) -> Result<(), AccountError> {
        // As a changed password: a repeat finds no account any more.
        let known = self.must_know(cx, account, &password).await;
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                known.clone()?;
                let sql = "delete from accounts where id = $1";
                if tx.execute(sql, (account,)).await? == 0 {
                    return Err(AccountError::Unknown);
                }
                jobs.enqueue(tx, Job::new(leaving::LEAVE, &account)).await?;
                Ok(())
            })
            .await
    }
}

async fn by_email(tx: &Transaction<'_>, email: &str) -> Result<Option<Uuid>, AccountError> {
    let found: Option<(Uuid,)> = tx
        .query_optional("select id from accounts where email = $1", (email,))
        .await?;
    Ok(found.map(|(id,)| id))
}

/// Sets a password, and ends every session and every link by which another could be set.
async fn set_password(tx: &Transaction<'_>, account: Uuid, hash: &str) -> Result<SignedIn, AccountError> {
    tx.execute("delete from resets where account = $1", (account,)).await?;
    let sql = "update accounts set password = $2, epoch = epoch + 1 where id = $1 returning epoch";
    let epoch: Option<i64> = tx.query_optional(sql, (account, hash)).await?;
    let epoch = epoch.ok_or(AccountError::Unknown)?;
    Ok(SignedIn { account, epoch })
}

fn now(cx: &Cx) -> Timestamp {
    cx.env().wall().into()
}

impl FromRow for Account {
    fn from_row(row: &mut Row) -> Result<Account, terrace::database::Error> {
        Ok(Account {
            id: row.take("id")?,
            email: row.take("email")?,
            zone: row.take("zone")?,
            has_password: row.take("has_password")?,
            created_at: row.take("created_at")?,
        })
    }
}

impl FromRow for ApiToken {
    fn from_row(row: &mut Row) -> Result<ApiToken, terrace::database::Error> {
        Ok(ApiToken {
            id: row.take("id")?,
            name: row.take("name")?,
            created_at: row.take("created_at")?,
        })
    }
}
