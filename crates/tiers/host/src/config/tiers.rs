//! `[tiers]`: which engine stands behind each tier, and what it is told.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::known::{DATABASE, JOBS, MAIL, TIERS};
use super::problem::Problems;
use super::secret::{Kept, SecretReference, secret, warn_of_url};
use super::source::Origin;
use super::table::{At, Table, as_text, kind};
use super::url::{self, Url};
use crate::limits::{LEASE_MIN, POLL_MIN};

/// `[tiers]`. What is absent is decided by its tier.
#[derive(Clone, Debug, Default)]
pub struct TiersConfig {
    /// `database`
    pub database: Option<DatabaseTier>,
    /// `mail`
    pub mail: Option<MailTier>,
    /// `jobs`
    pub jobs: Option<JobsTier>,
}

/// `database`: a URL, or a table with `url`.
#[derive(Clone, Debug)]
pub struct DatabaseTier {
    /// `sqlite:DIR`, where a relative folder begins at the configuration's; or `postgres://..`, without a password.
    pub url: String,
    /// The password, also where it stood in the URL.
    pub password: Option<SecretReference>,
    /// How many connections read at once.
    pub readers: Option<usize>,
    /// From when on a query is slow.
    pub slow: Option<Duration>,
    /// How long the answers of `once` are kept.
    pub once_retention: Option<Duration>,
    /// How many connections there are to a server.
    pub connections: Option<usize>,
    /// Whether migrations run at the start.
    pub migrate: Option<bool>,
    /// Where the URL was written.
    pub place: Origin,
}

/// `mail`: a URL, or a table with `url`.
#[derive(Clone, Debug)]
pub struct MailTier {
    /// `mailbox`, `smtp://host:port` or `smtps://host:port`, without user and password.
    pub url: String,
    /// Who sends, to the server; also where it stood in the URL.
    pub user: Option<String>,
    /// The password, also where it stood in the URL.
    pub password: Option<SecretReference>,
    /// The sender that a message has unless it says another.
    pub from: Option<String>,
    /// Where the URL was written.
    pub place: Origin,
}

/// `jobs`: a table.
#[derive(Clone, Debug)]
pub struct JobsTier {
    /// How often it is looked for due jobs.
    pub poll: Option<Duration>,
    /// How long a job belongs to who took it.
    pub lease: Option<Duration>,
    /// How many run at once in one process.
    pub concurrency: Option<usize>,
    /// How long finished jobs are kept.
    pub keep: Option<Duration>,
    /// Where the table was written.
    pub place: Origin,
}

/// The name of the variable that a message proposes for a secret.
const DATABASE_PASSWORD: Kept = Kept {
    key: "tiers.database.password",
    variable: "TERRACE_DATABASE_PASSWORD",
};
const MAIL_PASSWORD: Kept = Kept {
    key: "tiers.mail.password",
    variable: "TERRACE_MAIL_PASSWORD",
};

pub(super) fn read(table: &DeTable<'_>, problems: &mut Problems<'_>, warnings: &mut Vec<String>) -> TiersConfig {
    let tiers = Table::new("[tiers]", table, TIERS);
    let read = TiersConfig {
        database: tier(&tiers, "database", problems, |table, problems| {
            database(table, problems, warnings)
        }),
        mail: tier(&tiers, "mail", problems, |table, problems| {
            mail(table, problems, warnings)
        }),
        jobs: tiers.table("jobs", problems).and_then(|table| jobs(table, problems)),
    };
    tiers.finish(problems);
    read
}

/// One key of `[tiers]`; a text stands for a table that has only `url`.
fn tier<T>(
    tiers: &Table<'_>,
    key: &'static str,
    problems: &mut Problems<'_>,
    read: impl FnOnce(At<&DeTable<'_>>, &mut Problems<'_>) -> Option<T>,
) -> Option<T> {
    let found = tiers.value(key)?;
    let span = found.span();
    match found.get_ref() {
        DeValue::Table(value) => read(At { value, span }, problems),
        DeValue::Array(_) => {
            let kind = kind(found.get_ref());
            problems.add(
                &span,
                format!("{} is an address or a table with `url`, not {kind}", tiers.named(key)),
            );
            None
        }
        _ => {
            let mut value = DeTable::new();
            value.insert(Spanned::new(span.clone(), "url".into()), found.clone());
            read(At { value: &value, span }, problems)
        }
    }
}

fn database(table: At<&DeTable<'_>>, problems: &mut Problems<'_>, warnings: &mut Vec<String>) -> Option<DatabaseTier> {
    let folder = problems.source.folder().to_owned();
    let keys = Table::new("[tiers.database]", table.value, DATABASE);
    let written = secret(&keys, "password", &DATABASE_PASSWORD, problems, warnings);
    let url = address(&keys, &table, problems, |text| url::database(text, &folder));
    let password = url
        .as_ref()
        .and_then(|url| password(url, written, &DATABASE_PASSWORD, problems, warnings));
    let read = (
        keys.count("readers", problems),
        keys.duration("slow", problems),
        keys.duration("once_retention", problems),
        keys.count("connections", problems),
        keys.boolean("migrate", problems).map(|migrate| migrate.value),
    );
    keys.finish(problems);
    let url = url?;
    let (readers, slow, once_retention, connections, migrate) = read;
    Some(DatabaseTier {
        place: problems.source.origin(&url.span)?,
        url: url.value.url,
        password,
        readers,
        slow,
        once_retention,
        connections,
        migrate,
    })
}

fn mail(table: At<&DeTable<'_>>, problems: &mut Problems<'_>, warnings: &mut Vec<String>) -> Option<MailTier> {
    let keys = Table::new("[tiers.mail]", table.value, MAIL);
    let written = secret(&keys, "password", &MAIL_PASSWORD, problems, warnings);
    let url = address(&keys, &table, problems, url::mail);
    let password = url
        .as_ref()
        .and_then(|url| password(url, written, &MAIL_PASSWORD, problems, warnings));
    let user = keys.text("user", problems).map(|user| user.value);
    let from = keys.text("from", problems).map(|from| from.value);
    keys.finish(problems);
    let url = url?;
    Some(MailTier {
        place: problems.source.origin(&url.span)?,
        user: user.or(url.value.user),
        url: url.value.url,
        password,
        from,
    })
}

fn jobs(table: At<&DeTable<'_>>, problems: &mut Problems<'_>) -> Option<JobsTier> {
    let keys = Table::new("[tiers.jobs]", table.value, JOBS);
    let read = JobsTier {
        poll: keys.at_least("poll", POLL_MIN, problems),
        lease: keys.at_least("lease", LEASE_MIN, problems),
        concurrency: keys.count("concurrency", problems),
        keep: keys.duration("keep", problems),
        place: problems.source.origin(&table.span)?,
    };
    keys.finish(problems);
    Some(read)
}

/// The `url` of a tier. No message shows it.
fn address(
    keys: &Table<'_>,
    table: &At<&DeTable<'_>>,
    problems: &mut Problems<'_>,
    read: impl FnOnce(&str) -> Result<Url, String>,
) -> Option<At<Url>> {
    let Some(found) = keys.value("url") else {
        problems.add(&table.span, format!("{} names no engine; add `url`", keys.place));
        return None;
    };
    let span = found.span();
    let read = match as_text(found, problems.source) {
        Some(text) => read(&text),
        None => Err("it is a text in quotes".to_owned()),
    };
    match read {
        Ok(value) => Some(At { value, span }),
        Err(error) => {
            problems.add(&span, format!("`url` in {}: {error}", keys.place));
            None
        }
    }
}

/// The password of a tier: that of the key or that of the URL, whichever has the stronger origin.
fn password(
    url: &At<Url>,
    written: Option<At<SecretReference>>,
    kept: &Kept,
    problems: &mut Problems<'_>,
    warnings: &mut Vec<String>,
) -> Option<SecretReference> {
    let Some(inside) = &url.value.password else {
        return written.map(|written| written.value);
    };
    let of_url = problems.source.strength(&url.span);
    if let Some(written) = written {
        let of_key = problems.source.strength(&written.span);
        if of_key > of_url {
            return Some(written.value);
        }
        if of_key == of_url {
            problems.add(&written.span, "the password is here and in the `url`, too; keep one");
            return None;
        }
    }
    warnings.extend(warn_of_url(problems.source, &url.span, &url.value, kept));
    Some(SecretReference::Literal(inside.clone()))
}
