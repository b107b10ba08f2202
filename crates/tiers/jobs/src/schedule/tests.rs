//! Gaps, folds and years, and an oracle that reads every minute.

use chrono::{DateTime, Datelike, Timelike, Utc};
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;

use super::*;

const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Africa/Cairo",     // its gap takes midnight away
    "Pacific/Apia",     // it left out 30 December 2011
    "America/St_Johns", // until 2011 it changed at one minute past midnight
];

fn schedule(cron: &str, zone: &str) -> Schedule {
    Schedule::parse(cron, zone).expect("a schedule")
}

fn micros(time: &str) -> i64 {
    time.parse::<DateTime<Utc>>().expect("a time").timestamp_micros()
}

/// The times after `begin`, in UTC and without the year.
fn times(cron: &str, zone: &str, begin: &str, count: usize) -> Vec<String> {
    let schedule = schedule(cron, zone);
    let mut at = micros(begin);
    let next = || {
        at = schedule.after(at).expect("a next time");
        let time = DateTime::from_timestamp_micros(at).expect("a time");
        time.format("%m-%d %H:%M").to_string()
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn a_fixed_hour_runs_after_the_gap_and_once_in_the_fold() {
    let spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 3);
    assert_eq!(spring, ["03-28 01:30", "03-29 01:00", "03-30 00:30"]);
    let autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", 3);
    assert_eq!(autumn, ["10-24 00:30", "10-25 00:30", "10-26 01:30"]);
    let spring = times("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
    assert_eq!(spring, ["03-08 07:00", "03-09 06:30"]);
    let autumn = times("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2);
    assert_eq!(autumn, ["11-01 05:30", "11-02 06:30"]);
}

#[test]
fn whoever_asks_while_an_hour_is_repeated_gets_what_comes_after_it() {
    // In Berlin it is 02:10 for the second time.
    let daily = times("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1);
    assert_eq!(daily, ["10-26 01:30"]);
    let often = times("*/20 2,3 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 2);
    assert_eq!(often, ["10-25 02:00", "10-25 02:20"]);
}

#[test]
fn several_runs_in_one_gap_are_one() {
    let spring = times("*/20 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 4);
    assert_eq!(spring, ["03-29 01:00", "03-29 01:20", "03-29 01:40", "03-30 00:00"]);
}

#[test]
fn steps_of_hours_are_fixed_hours() {
    let spring = times("0 */2 * * *", "Europe/Berlin", "2026-03-28T22:00:00Z", 3);
    assert_eq!(spring, ["03-28 23:00", "03-29 01:00", "03-29 02:00"]);
    let autumn = times("0 */2 * * *", "Europe/Berlin", "2026-10-24T21:00:00Z", 3);
    assert_eq!(autumn, ["10-24 22:00", "10-25 00:00", "10-25 03:00"]);
}

#[test]
fn every_hour_goes_on_through_gap_and_fold() {
    for hours in ["*", "*/1", "0-23"] {
        let hourly = format!("30 {hours} * * *");
        let spring = times(&hourly, "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
        assert_eq!(spring, ["03-29 00:30", "03-29 01:30", "03-29 02:30"]);
        let autumn = times(&hourly, "Europe/Berlin", "2026-10-24T23:00:00Z", 4);
        assert_eq!(autumn, ["10-24 23:30", "10-25 00:30", "10-25 01:30", "10-25 02:30"]);
    }
    let autumn = times("*/20 * * * *", "America/New_York", "2026-11-01T05:30:00Z", 4);
    assert_eq!(autumn, ["11-01 05:40", "11-01 06:00", "11-01 06:20", "11-01 06:40"]);
}

#[test]
fn half_an_hour_of_lord_howe() {
    // 4 October 2026, 02:00 (+10:30) becomes 02:30 (+11); 5 April 2026, 02:00 (+11) becomes 01:30 (+10:30).
    let gap = times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
    assert_eq!(gap, ["10-03 15:30", "10-04 15:15"]);
    let fold = times("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2);
    assert_eq!(fold, ["04-04 14:45", "04-05 15:15"]);
    let hourly = times("45 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 3);
    assert_eq!(hourly, ["04-04 14:45", "04-04 15:15", "04-04 16:15"]);
}

#[test]
fn ramadan_of_casablanca_and_the_half_hours_of_kolkata() {
    // 2026: back to UTC on 15 February at 03:00 (+1), forward on 22 March at 02:00.
    let fold = times("30 2 * * *", "Africa/Casablanca", "2026-02-14T12:00:00Z", 2);
    assert_eq!(fold, ["02-15 01:30", "02-16 02:30"]);
    let gap = times("30 2 * * *", "Africa/Casablanca", "2026-03-21T12:00:00Z", 2);
    assert_eq!(gap, ["03-22 02:00", "03-23 01:30"]);
    let kolkata = times("0 8 * * *", "Asia/Kolkata", "2026-12-31T00:00:00Z", 2);
    assert_eq!(kolkata, ["12-31 02:30", "01-01 02:30"]);
}

#[test]
fn a_day_that_a_zone_left_out_runs_when_the_next_begins() {
    let skipped = times("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 2);
    assert_eq!(skipped, ["12-30 10:00", "12-29 22:00"]);
}

#[test]
fn years_and_leap_years() {
    let year = times("0 0 1 1 *", "UTC", "2026-01-01T00:00:00Z", 1);
    assert_eq!(year, ["01-01 00:00"]);
    let leap = schedule("0 0 29 2 *", "UTC").after(micros("2096-03-01T00:00:00Z"));
    assert_eq!(leap, Some(micros("2104-02-29T00:00:00Z"))); // 2100 is none
    let rare = schedule("0 0 29 2 +MON#5", "UTC").after(micros("2026-01-01T00:00:00Z"));
    assert_eq!(rare, Some(micros("2044-02-29T00:00:00Z")));
}

#[test]
fn day_or_weekday_is_enough_and_words_are_known() {
    let either = times("0 9 13 * FRI", "UTC", "2026-11-10T00:00:00Z", 3);
    assert_eq!(either, ["11-13 09:00", "11-20 09:00", "11-27 09:00"]);
    assert_eq!(times("0 9 L * *", "UTC", "2026-02-10T00:00:00Z", 1), ["02-28 09:00"]);
    let words = NICKNAMES.map(|word| times(word, "UTC", "2026-11-10T00:30:00Z", 1).remove(0));
    assert_eq!(
        words,
        [
            "11-10 01:00",
            "11-11 00:00",
            "11-15 00:00",
            "12-01 00:00",
            "01-01 00:00",
            "01-01 00:00"
        ]
    );
}

#[test]
fn a_schedule_that_never_comes_is_refused() {
    for cron in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        assert_eq!(
            Schedule::parse(cron, "UTC").expect_err("no such day"),
            ScheduleError::Never { cron: cron.to_owned() }
        );
    }
}

#[test]
fn what_is_wrong_is_named_with_a_right_example() {
    let said = |cron: &str, zone: &str| Schedule::parse(cron, zone).expect_err("not right").to_string();
    for (cron, part) in [
        ("", "`` is no schedule: it has 0 fields"),
        ("0 8 * *", "it has 4 fields"),
        ("0 0 8 * * *", "it has 6 fields"),
        ("61 8 * * *", "61"),
        ("0 8 * * MOO", "`0 8 * * MOO` is no schedule"),
        ("@reboot", "known words are @hourly"),
        ("*/0 * * * *", "`*/0 * * * *` is no schedule"),
    ] {
        let said = said(cron, "UTC");
        assert!(said.contains(part), "{said}");
        assert!(
            said.contains("such as `0 8 * * 1-5` for 8:00 from Monday to Friday"),
            "{said}"
        );
    }
    for (zone, near) in [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("Kolkata", "Asia/Kolkata"),
        ("America/New York", "America/New_York"),
    ] {
        let said = said("0 8 * * *", zone);
        assert_eq!(said, format!("there is no time zone `{zone}`; did you mean `{near}`?"));
    }
    assert!(said("0 8 * * *", "the moon at night").contains("such as `Europe/Berlin` or `UTC`"));
}

#[test]
fn missed_runs_are_one_run_or_none() {
    let hourly = schedule("0 * * * *", "UTC");
    let last = micros("2026-01-01T00:00:00Z");
    let at_micros = micros("2026-01-03T07:00:00Z");
    let soon = micros("2026-01-03T07:00:59Z");
    let later = micros("2026-01-03T07:30:00Z");
    assert_eq!(hourly.due(last, last + 1, Missed::Once), None);
    assert_eq!(hourly.due(last, last - MICROS, Missed::Once), None);
    let run = |run| Some(Due { at_micros, run });
    assert_eq!(hourly.due(last, later, Missed::Once), run(true));
    assert_eq!(hourly.due(last, later, Missed::Skip), run(false));
    assert_eq!(hourly.due(last, soon, Missed::Skip), run(true));
    assert_eq!(hourly.due(at_micros, later, Missed::Once), None);
}

/// Fields of a kind that an oracle reads without a library: `*`, `*/n`, or a list.
#[derive(Clone, Debug)]
enum Field {
    All,
    Step(u32),
    List(Vec<u32>),
}

impl Field {
    fn has(&self, value: u32, first: u32) -> bool {
        match self {
            Field::All => true,
            Field::Step(step) => (value - first).is_multiple_of(*step),
            Field::List(values) => values.contains(&value),
        }
    }

    fn text(&self) -> String {
        match self {
            Field::All => "*".to_owned(),
            Field::Step(step) => format!("*/{step}"),
            Field::List(values) => values.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

fn field(first: u32, last: u32) -> impl Strategy<Value = Field> {
    prop_oneof![
        Just(Field::All),
        (1..=last / 2).prop_map(Field::Step),
        proptest::collection::vec(first..=last, 1..4).prop_map(Field::List),
    ]
}

/// Every minute is looked at, for up to 40 days.
fn oracle(minute: &Field, hour: &Field, weekday: &Field, micros: i64) -> Option<i64> {
    let first = micros.div_euclid(60 * MICROS) + 1;
    (first..first + 40 * 24 * 60).find_map(|at| {
        let time = DateTime::from_timestamp(at * 60, 0)?;
        let matches = minute.has(time.minute(), 0)
            && hour.has(time.hour(), 0)
            && weekday.has(time.weekday().num_days_from_sunday(), 0);
        matches.then_some(at * 60 * MICROS)
    })
}

/// From 1990 to 2060.
fn instants() -> impl Strategy<Value = i64> {
    631_152_000_000_000..2_840_140_800_000_000_i64
}

fn crons() -> impl Strategy<Value = String> {
    (field(0, 59), field(0, 23), prop_oneof![Just("*"), Just("1"), Just("L")])
        .prop_map(|(minute, hour, day)| format!("{} {} {day} * *", minute.text(), hour.text()))
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(128))]

    #[test]
    fn utc_is_what_looking_at_each_minute_finds(
        minute in field(0, 59), hour in field(0, 23), weekday in field(0, 6), at in instants(),
    ) {
        let cron = format!("{} {} * * {}", minute.text(), hour.text(), weekday.text());
        let expected = oracle(&minute, &hour, &weekday, at);
        prop_assert_eq!(schedule(&cron, "UTC").after(at), expected, "{}", cron);
    }

    #[test]
    fn times_only_grow_and_none_is_left_out(cron in crons(), zone in select(&ZONES), at in instants(), part in 0.0..1.0) {
        let schedule = schedule(&cron, zone);
        let one = schedule.after(at).expect("a time");
        let two = schedule.after(one).expect("a time");
        prop_assert!(at < one && one < two);
        // Whoever asks in between finds the same.
        let between = |from: i64, to: i64| from + ((to - from - 1) as f64 * part) as i64;
        prop_assert_eq!(schedule.after(between(at, one)), Some(one));
        prop_assert_eq!(schedule.after(between(one, two)), Some(two));
    }

    #[test]
    fn what_is_due_is_what_counting_finds(cron in crons(), zone in select(&ZONES), last in instants(), hours in 0..300_i64) {
        let schedule = schedule(&cron, zone);
        let now = last + hours * 3_600 * MICROS;
        let counted = std::iter::successors(schedule.after(last), |&at| schedule.after(at)).take_while(|&at| at <= now).last();
        prop_assert_eq!(schedule.due(last, now, Missed::Once).map(|due| due.at_micros), counted);
    }

    #[test]
    fn the_wall_shows_what_every_hour_was_asked_for(minute in 0..60_u32, zone in select(&ZONES), at in instants()) {
        let cron = format!("{minute} * * * *");
        let next = schedule(&cron, zone).after(at).expect("a time");
        let zone: Tz = zone.parse().expect("a zone");
        let shows = |micros: i64| zone::wall(zone, micros.div_euclid(MICROS)).expect("a wall").minute();
        prop_assert_eq!(shows(next), minute);
        // No minute in between shows it.
        let first = at.div_euclid(60 * MICROS) + 1;
        prop_assert!((first..next / (60 * MICROS)).all(|between| shows(between * 60 * MICROS) != minute));
    }

    #[test]
    fn no_text_and_no_time_makes_it_panic(cron in "[0-9*/,#LW@A-Z? +-]{0,30}", text: String, at in any::<i64>(), now in any::<i64>()) {
        let _ = Schedule::parse(&text, &text);
        if let Ok(schedule) = Schedule::parse(&cron, "Europe/Berlin") {
            prop_assert!(schedule.after(at).is_none_or(|next| next > at));
        }
        let daily = schedule("0 2 * * *", "Europe/Berlin");
        prop_assert!(daily.after(at).is_none_or(|next| next > at));
        let _ = daily.due(at, now, Missed::Once);
    }
}
