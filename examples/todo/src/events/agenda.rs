//! Sources in a database: the module of [`Events`].

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use terrace::database::{Database, Timestamp, Transaction};
use terrace::jobs::Jobs;
use terrace::{Cx, SecretReference, Setup, SetupError};
use uuid::Uuid;

use super::facebook::{self, Facebook, Trouble};
use super::happening::id_of;
use super::kept::{self, Kept};
use super::poll::{self, Poller, Reading, TOKEN};
use super::sealed::Sealer;
use super::{ASKED_MAX, EventError, Events, Kind, NewSource, SOURCES_MAX, Source, Sources, State, checked};
use crate::hidden::Hidden;
use crate::outgoing::{Outgoing, Refusal};
use crate::recorded;

/// How long it takes a person to allow something.
const STATE_SECONDS_MAX: i64 = 15 * 60;

/// What seals who has gone to Facebook, and when.
const STATE: &str = "state";

/// Nobody has a source asked more often than that, who could be another one's server.
const APART: Duration = Duration::from_secs(5);

/// Within how long [`ASKED_MAX`] counts.
pub(super) const ASKED_WITHIN: Duration = Duration::from_secs(3600);

/// How long a source that is well is left alone: a quarter of an hour.
const EVERY_MS: u64 = 15 * 60 * 1000;
const EVERY_MS_MIN: u64 = 50;

/// `config` in `[components.Events]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Milliseconds between two turns of a source that is well.
    every_ms: u64,
    /// What seals tokens; replicas share one. Default: made on first use, kept beside the data.
    key: Option<SecretReference>,
    /// Default: nobody can connect Facebook.
    facebook: Option<facebook::Config>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            every_ms: EVERY_MS,
            key: None,
            facebook: None,
        }
    }
}

/// Sources in a database.
pub struct Agenda {
    db: Database,
    jobs: Jobs,
    outgoing: Outgoing,
    facebook: Option<Arc<(Facebook, Sealer)>>,
}

impl Agenda {
    /// Needs a database, jobs, whoever keeps to-dos, and whoever knows people and their zones.
    pub async fn open(setup: &Setup) -> Result<Agenda, SetupError> {
        let config: Config = setup.config()?;
        let db = setup.database(terrace::migrations!("migrations/events")).await?;
        let jobs = setup.jobs(&db).await?;
        let outgoing = Outgoing::open(setup)?;
        let facebook = match config.facebook {
            None => None,
            Some(of_facebook) => {
                if config.key.is_none() && db.is_postgres() {
                    return Err(
                        "replicas on PostgreSQL cannot read what the others have sealed: give all of them the same \
                                secret as `key` in [components.Events.config], such as { env = \"EVENTS_KEY\" }"
                            .into(),
                    );
                }
                let key = config.key.as_ref().map(|key| setup.secret(key)).transpose()?;
                let sealer = Sealer::open(setup.env(), key.as_ref().map(|key| key.reveal())).await?;
                Some(Arc::new((Facebook::open(setup, of_facebook, &outgoing)?, sealer)))
            }
        };
        poll::declare(Poller {
            db: db.clone(),
            jobs: jobs.clone(),
            outgoing: outgoing.clone(),
            todos: setup.reference(),
            accounts: setup.reference(),
            facebook: facebook.clone(),
            every: Duration::from_millis(config.every_ms.max(EVERY_MS_MIN)),
            reading: Reading::default(),
        })?;
        Ok(Agenda {
            db,
            jobs,
            outgoing,
            facebook,
        })
    }

    fn facebook(&self) -> Result<&(Facebook, Sealer), EventError> {
        self.facebook.as_deref().ok_or_else(|| EventError::Refused {
            what: "Facebook cannot be connected here; ask whoever runs this to configure it".to_owned(),
        })
    }

    /// Who has gone to Facebook with `state`.
    fn whose(sealer: &Sealer, owner: Uuid, state: &Hidden, now: Timestamp) -> Option<()> {
        use base64::Engine;
        let sealed = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(state.reveal())
            .ok()?;
        let since: i64 = sealer.unseal(STATE, owner, &sealed)?.reveal().parse().ok()?;
        let age = now.as_micros() / 1_000_000 - since;
        (0..=STATE_SECONDS_MAX).contains(&age).then_some(())
    }
}

impl Events for Agenda {
    async fn add(&self, cx: &Cx, owner: Uuid, new: NewSource) -> Result<Source, EventError> {
        let digest = recorded::digest(&(owner, &new))?;
        let url = checked::url(&new.url)?;
        let named = new.name.as_deref().map(checked::name).transpose()?;
        self.outgoing.check(&url).await.map_err(|refusal| match refusal {
            Refusal::Address(why) => checked::invalid("url", why),
            other => checked::invalid("url", other.to_string()),
        })?;
        let now = Timestamp::from(cx.env().wall());
        let mut kept = Kept {
            source: source(recorded::new_id(cx.env()), Kind::Calendar, Some(url.clone()), now),
            owner,
            is_named: named.is_some(),
            sealed: None,
            failures: 0,
            turn: 1,
            etag: None,
            modified: None,
            whole_at: None,
            asked_at: None,
        };
        kept.source.name = named.unwrap_or_else(|| url.chars().take(super::NAME_MAX).collect());
        let jobs = self.jobs.clone();
        let recorded: (Uuid, Source) = self
            .db
            .once(cx, async move |tx: &Transaction<'_>| {
                must_fit(tx, owner).await?;
                count(tx, owner, now).await?;
                let sql = "select count(*) from sources where owner = $1 and url = $2";
                let same: i64 = tx.query_one(sql, (owner, &url)).await?;
                if same > 0 {
                    let what = "this address is a source already; remove that one first".to_owned();
                    return Err(EventError::Refused { what });
                }
                kept::insert(tx, &kept).await?;
                poll::enqueue(tx, &jobs, kept.source.id, kept.turn, Duration::ZERO).await?;
                Ok::<(Uuid, Source), EventError>((digest, kept.source.clone()))
            })
            .await?;
        match recorded {
            (of, source) if of == digest => Ok(source),
            _ => Err(EventError::Reused),
        }
    }

    async fn list(&self, _: &Cx, owner: Uuid) -> Result<Sources, EventError> {
        let all = kept::all(&self.db, owner).await?;
        Ok(Sources {
            sources: all.into_iter().map(|kept| kept.source).collect(),
            has_facebook: self.facebook.is_some(),
        })
    }

    async fn get(&self, _: &Cx, owner: Uuid, id: Uuid) -> Result<Source, EventError> {
        let kept = kept::one(&self.db, owner, id).await?;
        kept.map(|kept| kept.source).ok_or(EventError::Unknown)
    }

    async fn poll(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<Source, EventError> {
        let (now, jobs) = (Timestamp::from(cx.env().wall()), self.jobs.clone());
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let kept = kept::one_within(tx, owner, id).await?.ok_or(EventError::Unknown)?;
                let what = match kept.source.state {
                    State::Disconnected => "connect it again first",
                    State::Waiting => "it wants to be left alone for a while, and is read again after that",
                    // It is as new as if it were read now.
                    _ if kept.asked_at.is_some_and(|at| at <= now && now < at.after(APART)) => return Ok(kept.source),
                    _ => {
                        count(tx, owner, now).await?;
                        poll::cancel(tx, &jobs, id).await?;
                        poll::next_now(tx, &jobs, id, now).await?;
                        return Ok(kept.source);
                    }
                };
                Err(EventError::Refused { what: what.to_owned() })
            })
            .await
    }

    async fn remove(&self, cx: &Cx, owner: Uuid, id: Uuid) -> Result<(), EventError> {
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                let sql = "delete from sources where owner = $1 and id = $2";
                if tx.execute(sql, (owner, id)).await? == 0 {
                    return Err(EventError::Unknown);
                }
                poll::cancel(tx, &jobs, id).await?;
                Ok(())
            })
            .await
    }

    async fn connect(&self, cx: &Cx, owner: Uuid) -> Result<String, EventError> {
        use base64::Engine;
        let (facebook, sealer) = self.facebook()?;
        let seconds = cx.env().wall().as_micros() / 1_000_000;
        let sealed = sealer.seal(STATE, owner, &Hidden::new(seconds.to_string()));
        Ok(facebook.dialog(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sealed)))
    }

    async fn connected(&self, cx: &Cx, owner: Uuid, state: Hidden, code: Hidden) -> Result<Source, EventError> {
        let (facebook, sealer) = self.facebook()?;
        let now = Timestamp::from(cx.env().wall());
        Agenda::whose(sealer, owner, &state, now).ok_or_else(|| {
            checked::invalid(
                "state",
                "this took too long, or was begun by somebody else; connect again",
            )
        })?;
        // The code is good for one use: a call that is repeated has its answer already.
        if let Some(source) = self.db.once_answer::<Source, EventError>(cx).await? {
            return Ok(source);
        }
        let token = facebook.exchange(&code).await.map_err(|trouble| match trouble {
            Trouble::Disconnected(what) | Trouble::Failing(what) => EventError::Refused { what },
            Trouble::Wait(_) => EventError::Refused {
                what: "Facebook wants to be asked less often for a while; connect it later".to_owned(),
            },
        })?;
        // One of each person.
        let id = id_of(&["facebook", &owner.to_string()]);
        let mut kept = Kept {
            source: source(id, Kind::Facebook, None, now),
            owner,
            is_named: true,
            sealed: Some(sealer.seal(TOKEN, id, &token)),
            failures: 0,
            turn: 1,
            etag: None,
            modified: None,
            whole_at: None,
            asked_at: None,
        };
        kept.source.name = "Facebook".to_owned();
        let jobs = self.jobs.clone();
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                count(tx, owner, now).await?;
                let sql = "update sources set sealed = $2, state = 'new', reason = null, failures = 0 where id = $1";
                if tx.execute(sql, (id, &kept.sealed)).await? == 0 {
                    must_fit(tx, owner).await?;
                    kept::insert(tx, &kept).await?;
                }
                poll::cancel(tx, &jobs, id).await?;
                poll::next_now(tx, &jobs, id, now).await?;
                let there = kept::one_within(tx, owner, id).await?;
                there.map(|kept| kept.source).ok_or(EventError::Unknown)
            })
            .await
    }

    async fn forget(&self, cx: &Cx, owner: Uuid) -> Result<(), EventError> {
        self.db
            .once(cx, async move |tx: &Transaction<'_>| {
                // Their jobs find nothing when they run.
                tx.execute("delete from sources where owner = $1", (owner,)).await?;
                tx.execute("delete from asked where owner = $1", (owner,)).await?;
                let sql = "insert into gone (owner) values ($1) on conflict (owner) do nothing";
                tx.execute(sql, (owner,)).await?;
                Ok(())
            })
            .await
    }
}

fn source(id: Uuid, kind: Kind, url: Option<String>, now: Timestamp) -> Source {
    Source {
        id,
        kind,
        name: String::new(),
        url,
        state: State::New,
        reason: None,
        events: 0,
        created_at: now,
        read_at: None,
        next_at: Some(now),
    }
}

/// Counts that a person has one more source asked, or refuses it.
async fn count(tx: &Transaction<'_>, owner: Uuid, now: Timestamp) -> Result<(), EventError> {
    let since = now.before(ASKED_WITHIN);
    let sql = "select count(*), min(at) from asked where owner = $1 and at > $2";
    let (count, first): (i64, Option<Timestamp>) = tx.query_one(sql, (owner, since)).await?;
    if count >= ASKED_MAX {
        let over = first.unwrap_or(now).after(ASKED_WITHIN).as_micros() - now.as_micros();
        return Err(EventError::TooMany {
            seconds: over.max(0).unsigned_abs() / 1_000_000 + 1,
        });
    }
    let sql = "insert into asked (owner, at) values ($1, $2)";
    tx.execute(sql, (owner, now)).await?;
    Ok(())
}

/// Refuses one source too many, and any of a person who has gone.
async fn must_fit(tx: &Transaction<'_>, owner: Uuid) -> Result<(), EventError> {
    let gone: i64 = tx
        .query_one("select count(*) from gone where owner = $1", (owner,))
        .await?;
    if gone > 0 {
        return Err(EventError::Unknown);
    }
    let count: i64 = tx
        .query_one("select count(*) from sources where owner = $1", (owner,))
        .await?;
    if count >= SOURCES_MAX {
        let what = format!("there are {SOURCES_MAX} sources already; remove one");
        return Err(EventError::Refused { what });
    }
    Ok(())
}
