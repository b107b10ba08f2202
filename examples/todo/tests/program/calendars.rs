//! Events of a calendar become to-dos, and stay what they are.

use std::collections::BTreeSet;

use chrono::{Offset, TimeDelta, TimeZone};
use serde_json::json;

use crate::client::until;
use crate::feed::{Feed, OFTEN, ZONE, add, evening, event, instant, local, said, stands, text, todos};
use crate::on_both;
use crate::place::Place;
use crate::todo::{Todo, token};

on_both!(
    a_weekly_event_becomes_its_to_dos_and_follows_its_calendar,
    what_a_person_calls_an_event_stays_and_what_the_calendar_calls_it_does_not_count,
    a_calendar_read_again_and_again_adds_nothing_whenever_it_is_killed,
);

/// Weeks of a weekly event: so many that a clock changes within them.
const WEEKS: i64 = 36;

/// How often a calendar is read in between kills.
const POLLS: usize = 12;
const POLLS_FULL: usize = 100;
/// How often of these the application is killed.
const POLLS_OF_A_KILL: usize = 4;

fn a_weekly_event_becomes_its_to_dos_and_follows_its_calendar(place: Place) {
    let todo = Todo::open_with(&place, &OFTEN);
    let ada = todo.client(&place, "ada@example.org");
    let feed = Feed::open();
    let first = evening(&ada);
    let week = |number: i64| first + TimeDelta::weeks(number);
    let dentist = first + TimeDelta::hours(20);
    let moved_to = week(2) + TimeDelta::minutes(24 * 60 + 90);
    let weekly = event(
        "choir",
        "Choir",
        &format!(
            "DTSTART{}\nRRULE:FREQ=WEEKLY;COUNT={WEEKS}\nEXDATE{}",
            local(first),
            local(week(4))
        ),
    );
    let moved = event(
        "choir",
        "Choir\\, in the church",
        &format!("RECURRENCE-ID{}\nDTSTART{}", local(week(2)), local(moved_to)),
    );
    let day = first.date() + TimeDelta::days(9);
    let birthday = event(
        "birthday",
        "Birthday",
        &format!("DTSTART;VALUE=DATE:{}", day.format("%Y%m%d")),
    );
    let visit = event("dentist", "Dentist", &format!("DTSTART{}", local(dentist)));
    feed.say(&[weekly.clone(), moved.clone(), birthday, visit]);

    let source = add(&ada, &feed.url());
    assert_eq!(
        (&source["kind"], &source["url"]),
        (&json!("calendar"), &json!(feed.url())),
        "{source}"
    );
    let read = stands(&ada, &source, "well");
    assert_eq!(
        (&read["name"], &read["events"]),
        (&json!("Work"), &json!(WEEKS - 1 + 2)),
        "{read}"
    );
    let mut expected: Vec<_> = (0..WEEKS)
        .filter(|number| ![2, 4].contains(number))
        .map(|number| (instant(week(number)), "Choir".to_owned()))
        .collect();
    // The hour stays while the clock changes.
    let offsets: BTreeSet<i32> = expected
        .iter()
        .map(|(due, _)| ZONE.offset_from_utc_datetime(&due.naive_utc()).fix().local_minus_utc())
        .collect();
    assert_eq!(offsets.len(), 2, "no clock changes within {WEEKS} weeks");
    expected.push((instant(moved_to), "Choir, in the church".to_owned()));
    expected.push((instant(dentist), "Dentist".to_owned()));
    // A day is one where its person is, who has no zone yet.
    expected.push((
        day.and_hms_opt(0, 0, 0).expect("a time").and_utc(),
        "Birthday".to_owned(),
    ));
    expected.sort();
    let before = todos(&ada);
    assert_eq!(said(&before), expected);

    // Read again it adds nothing, and what has not changed is not sent again.
    feed.polled(5);
    assert_eq!(todos(&ada), before);
    let last = feed.played.asked("/work.ics").pop().expect("it was asked");
    assert_eq!(last.header("if-none-match"), Some("\"v1\""), "{last:?}");
    assert!(last.header("if-modified-since").is_some(), "{last:?}");

    // One is called off, one is moved and renamed, one is not there any more.
    let called_off = event(
        "choir",
        "Choir",
        &format!(
            "RECURRENCE-ID{}\nSTATUS:CANCELLED\nDTSTART{}",
            local(week(1)),
            local(week(1))
        ),
    );
    let later = dentist + TimeDelta::hours(3);
    let visit = event(
        "dentist",
        "Dentist\\; the new one",
        &format!("SEQUENCE:1\nDTSTART{}", local(later)),
    );
    feed.say(&[weekly, moved, called_off, visit]);
    let mut changed = before.clone();
    for (due, title, _) in &mut changed {
        match &**title {
            "Dentist" => (*due, *title) = (instant(later), "Dentist; the new one".to_owned()),
            "Birthday" => *title = "Cancelled: Birthday".to_owned(),
            "Choir" if *due == instant(week(1)) => *title = "Cancelled: Choir".to_owned(),
            _ => {}
        }
    }
    changed.sort();
    until("the changes", || (todos(&ada) == changed).then_some(()));
    feed.polled(3);
    assert_eq!(todos(&ada), changed);

    // What the person does themselves stays, and what is removed is read no more.
    ada.delete(&format!("/api/todos/{}", changed[0].2)).is(204);
    feed.polled(3);
    assert_eq!(todos(&ada), changed[1..]);
    ada.delete(&format!("/api/sources/{}", text(&source["id"]))).is(204);
    assert_eq!(ada.get("/api/sources").is(200).json(), json!({ "sources": [] }));
    assert_eq!(todos(&ada), changed[1..]);
    drop(todo);
    place.remove();
}

fn what_a_person_calls_an_event_stays_and_what_the_calendar_calls_it_does_not_count(place: Place) {
    let todo = Todo::open_with(&place, &OFTEN);
    let ada = todo.client(&place, "ada@example.org");
    let feed = Feed::open();
    let first = evening(&ada);
    let at = |hours: i64| first + TimeDelta::hours(hours);
    // Two of them have the same name and time.
    let named = |round: usize, status: &str| -> Vec<String> {
        [("Dentist", 20), ("Choir", 44), ("Choir", 44), ("Lunch", 68)]
            .iter()
            .enumerate()
            .map(|(number, (title, hours))| {
                let status = if *title == "Dentist" { status } else { "CONFIRMED" };
                let lines = format!("STATUS:{status}\nDTSTART{}", local(at(*hours)));
                event(&format!("{round}-{number}"), title, &lines)
            })
            .collect()
    };
    feed.say(&named(0, "CONFIRMED"));
    let source = add(&ada, &feed.url());
    stands(&ada, &source, "well");
    let before = todos(&ada);
    assert_eq!(before.len(), 4, "{before:?}");

    // A calendar that makes up other ids each time it is read has no other events for that.
    for round in 1..4 {
        feed.say(&named(round, "CONFIRMED"));
        feed.polled(1);
        assert_eq!(todos(&ada), before);
    }
    let read = stands(&ada, &source, "well");
    assert_eq!(read["events"], 4, "{read}");

    // What is called off is marked in the person's own words, and so is what takes place after all.
    let own = "Dentist: bring the papers";
    ada.patch(&format!("/api/todos/{}", before[0].2), &json!({ "title": own }))
        .is(200);
    for (status, title) in [
        ("CANCELLED", format!("Cancelled: {own}")),
        ("CONFIRMED", own.to_owned()),
    ] {
        feed.say(&named(3, status));
        until(status, || (todos(&ada)[0].1 == title).then_some(()));
        feed.polled(1);
        let mut expected = before.clone();
        expected[0].1 = title;
        assert_eq!(todos(&ada), expected);
    }
    drop(todo);
    place.remove();
}

fn a_calendar_read_again_and_again_adds_nothing_whenever_it_is_killed(place: Place) {
    let ada = token(&place, "ada@example.org");
    let polls = if std::env::var_os("TERRACE_FULL").is_some() {
        POLLS_FULL
    } else {
        POLLS
    };
    let feed = Feed::open();
    // So that each turn holds all of it against what is known.
    feed.always_whole();
    let (mut todo, mut client) = opened(&place, &ada);
    let first = evening(&client);
    let weekly = event(
        "choir",
        "Choir",
        &format!("DTSTART{}\nRRULE:FREQ=WEEKLY;COUNT=10", local(first)),
    );
    let of_round = |number: usize, round: usize| {
        let start = first + TimeDelta::hours(i64::try_from(number * 24 + round % 5).expect("few"));
        (
            start,
            event(
                &format!("n{number}"),
                &format!("Number {number}, {round}"),
                &format!("DTSTART{}", local(start)),
            ),
        )
    };
    // In each round there is one more, and those that are there change.
    let mut said_now = Vec::new();
    let mut round = 0;
    let mut source = None;
    while feed.polls() < polls {
        round += 1;
        said_now = (0..round).map(|number| of_round(number, round)).collect();
        let lines = said_now.iter().map(|(_, lines)| lines.clone());
        feed.say(&[weekly.clone()].into_iter().chain(lines).collect::<Vec<_>>());
        source.get_or_insert_with(|| add(&client, &feed.url()));
        let enough = feed.polls() + 1 + round % POLLS_OF_A_KILL;
        until("polls", || (feed.polls() >= enough).then_some(()));
        // Right after it was asked: what it was told is on its way into the database, and from there to the to-dos.
        todo.kill();
        (todo, client) = opened(&place, &ada);
    }
    assert!(round >= 3, "{round}");
    let mut expected: Vec<_> = (0..10)
        .map(|week| (instant(first + TimeDelta::weeks(week)), "Choir".to_owned()))
        .collect();
    let numbered = said_now.iter().enumerate();
    expected.extend(numbered.map(|(number, (start, _))| (instant(*start), format!("Number {number}, {round}"))));
    expected.sort();
    until("the last that was said", || {
        (said(&todos(&client)) == expected).then_some(())
    });
    feed.polled(3);
    assert_eq!(said(&todos(&client)), expected);
    let source = stands(&client, &source.expect("it was added"), "well");
    assert_eq!(source["events"], expected.len(), "{source}");
    report(feed.polls(), round);
    drop(todo);
    place.remove();
}

fn opened(place: &Place, token: &str) -> (Todo, crate::client::Client) {
    let todo = Todo::open_with(place, &OFTEN);
    let client = crate::client::Client::new(&todo.address, Some(token.to_owned()));
    (todo, client)
}

#[expect(clippy::print_stdout, reason = "it says what was tried")]
fn report(polls: usize, kills: usize) {
    println!("a calendar read {polls} times, killed {kills} times: no to-do lost, none doubled");
}
