//! Limits on attempts and on mails: what was done lately is counted in the database, so that they hold across processes.

use std::net::IpAddr;
use std::time::Duration;

use terrace::database::{Database, Error, Timestamp, Transaction};

use super::AccountError;

/// So much of something in so much time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    what: &'static str,
    count_max: i64,
    within: Duration,
}

/// Wrong passwords of one account.
pub(super) const OF_ACCOUNT: Limit = Limit::new("password of", 10, 15 * 60);
/// Passwords, right or wrong, from one place.
pub(super) const FROM_PLACE: Limit = Limit::new("password from", 100, 15 * 60);
/// Accounts and resets asked for from one place.
pub(super) const ASKED_FROM_PLACE: Limit = Limit::new("asked from", 30, 60 * 60);
/// Mails to one address that nobody has to have asked for.
pub(super) const MAILS_TO: Limit = Limit::new("mail to", 3, 60 * 60);
/// Links by which a password is set anew, to one address: apart, so that other mails keep nobody from one.
pub(super) const RESETS_TO: Limit = Limit::new("reset to", 3, 60 * 60);

/// The longest time of them all: what is older counts nowhere.
const WITHIN_MAX: Duration = Duration::from_secs(60 * 60);

impl Limit {
    const fn new(what: &'static str, count_max: i64, within_s: u64) -> Limit {
        Limit {
            what,
            count_max,
            within: Duration::from_secs(within_s),
        }
    }

    /// Counts one more of `whose`, or refuses it.
    pub(super) async fn count(self, tx: &Transaction<'_>, whose: &str, now: Timestamp) -> Result<(), AccountError> {
        let key = self.key(whose);
        let since = now.before(self.within);
        let sql = "select count(*), min(at) from counted where what = $1 and at > $2";
        let (count, first): (i64, Option<Timestamp>) = tx.query_one(sql, (&key, since)).await?;
        if count >= self.count_max {
            let over = first.unwrap_or(now).after(self.within).as_micros() - now.as_micros();
            return Err(AccountError::TooMany {
                seconds: over.max(0).unsigned_abs() / 1_000_000 + 1,
            });
        }
        let sql = "insert into counted (what, at) values ($1, $2)";
        tx.execute(sql, (&key, now)).await?;
        Ok(())
    }

    /// Forgets what was counted of `whose`.
    pub(super) async fn clear(self, tx: &Transaction<'_>, whose: &str) -> Result<(), Error> {
        let sql = "delete from counted where what = $1";
        tx.execute(sql, (self.key(whose),)).await.map(drop)
    }

    fn key(self, whose: &str) -> String {
        // Whatever a peer says it is: an address is short.
        let whose: String = whose.chars().take(254).collect();
        format!("{} {whose}", self.what)
    }
}

/// Removes what counts nowhere any more.
pub(super) async fn tidy(db: &Database, now: Timestamp) -> Result<(), Error> {
    let sql = "delete from counted where at <= $1";
    db.execute(sql, (now.before(WITHIN_MAX),)).await.map(drop)
}

/// Who asks, as it is counted: who has one IPv6 address has its /64.
pub(super) fn place(from: &str) -> String {
    match from.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V6(ip)) => format!("{:x}/64", ip.to_bits() >> 64),
        _ => from.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn addresses_of_one_network_are_one_place() {
        assert_eq!(place("2001:db8:1:2:3::4"), place("2001:db8:1:2:ffff::"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("::ffff:192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
        assert_ne!(place("::ffff:192.0.2.1"), place("::ffff:192.0.2.2"));
    }
}
