//! What a source says now, held against what is known of it: new, changed, cancelled.

use std::collections::{BTreeMap, BTreeSet};

use terrace::database::{Error, Timestamp, Transaction};
use uuid::Uuid;

use super::happening::{Happening, Read, id_of};

/// Events of one source that are known at a time, those of the last months counted: a server that calls them something else each
/// time would add to them for ever.
pub(super) const KNOWN_MAX: usize = 10_000;
/// What is said where there are more.
pub(super) const TOO_MANY: &str = "it has had more than 10000 events of late; those that are new are left out until older ones are forgotten, \
     90 days after they begin";

/// What is known of an event.
struct Known {
    series: Uuid,
    title: String,
    start: Timestamp,
    is_cancelled: bool,
}

/// Notes what is new and what has changed; what was to come and is not said any more is cancelled.
/// Answers whether there was room for all that is new.
pub(super) async fn note(tx: &Transaction<'_>, source: Uuid, read: &Read, now: Timestamp) -> Result<bool, Error> {
    let known = known(tx, source).await?;
    let mut others = others(&known, read);
    let mut seen = BTreeSet::new();
    let mut room = KNOWN_MAX.saturating_sub(known.len());
    let mut fit = true;
    for happening in &read.happenings {
        let mut id = id_of_happening(happening);
        if !known.contains_key(&id) {
            let same = others.get_mut(&(happening.title.as_str(), happening.start));
            id = same.and_then(Vec::pop).unwrap_or(id);
        }
        if !seen.insert(id) {
            continue;
        }
        match known.get(&id) {
            // Of what was cancelled before anybody knew of it nobody needs to know.
            None if happening.is_cancelled => {}
            None if room == 0 => fit = false,
            None => {
                room -= 1;
                insert(tx, source, id, happening).await?;
            }
            Some(known) if is_same(known, happening) => {}
            Some(_) => {
                let sql = "update events set title = $3, start = $4, cancelled = $5, version = version + 1
                           where source = $1 and id = $2";
                let values = (source, id, &happening.title, happening.start, happening.is_cancelled);
                tx.execute(sql, values).await?;
            }
        }
    }
    let series: BTreeMap<Uuid, Timestamp> = read.series_until.iter().map(|(uid, at)| (id_of(&[uid]), *at)).collect();
    for (id, known) in &known {
        let until = series
            .get(&known.series)
            .map_or(read.until, |until| read.until.min(*until));
        let to_come = known.start > now && known.start < until;
        if to_come && !known.is_cancelled && !seen.contains(id) {
            let sql = "update events set cancelled = true, version = version + 1 where source = $1 and id = $2";
            tx.execute(sql, (source, *id)).await?;
        }
    }
    Ok(fit)
}

fn id_of_happening(happening: &Happening) -> Uuid {
    id_of(&[&happening.uid, &happening.recurrence])
}

/// What is known and has no part in `read` under its own name. There are calendars that call all of their events something else
/// each time they are read: what has the same title and begins at the same time as one of these is that one.
fn others<'k>(known: &'k BTreeMap<Uuid, Known>, read: &Read) -> BTreeMap<(&'k str, Timestamp), Vec<Uuid>> {
    let named: BTreeSet<Uuid> = read.happenings.iter().map(id_of_happening).collect();
    let mut others: BTreeMap<_, Vec<Uuid>> = BTreeMap::new();
    for (id, known) in known.iter().filter(|(id, _)| !named.contains(id)) {
        others.entry((known.title.as_str(), known.start)).or_default().push(*id);
    }
    others
}

fn is_same(known: &Known, happening: &Happening) -> bool {
    (&known.title, known.start, known.is_cancelled) == (&happening.title, happening.start, happening.is_cancelled)
}

async fn known(tx: &Transaction<'_>, source: Uuid) -> Result<BTreeMap<Uuid, Known>, Error> {
    let sql = "select id, series, title, start, cancelled from events where source = $1";
    let rows: Vec<(Uuid, Uuid, String, Timestamp, bool)> = tx.query(sql, (source,)).await?;
    let known = rows.into_iter().map(|(id, series, title, start, is_cancelled)| {
        let known = Known {
            series,
            title,
            start,
            is_cancelled,
        };
        (id, known)
    });
    Ok(known.collect())
}

async fn insert(tx: &Transaction<'_>, source: Uuid, id: Uuid, happening: &Happening) -> Result<(), Error> {
    let sql = "insert into events (source, id, series, title, start, cancelled, version, told, begun)
               values ($1, $2, $3, $4, $5, false, 1, 0, 0)";
    let series = id_of(&[&happening.uid]);
    let values = (source, id, series, &happening.title, happening.start);
    tx.execute(sql, values).await.map(drop)
}
