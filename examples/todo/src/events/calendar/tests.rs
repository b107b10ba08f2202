//! What calendars say, and what becomes of it.

use chrono_tz::Tz;
use terrace::database::Timestamp;

use super::lines::LINES_MAX;
use super::{EVENTS_MAX, HAPPENINGS_MAX, NoCalendar, Read, SERIES_AHEAD};

/// 2027-03-01T12:00:00Z.
const NOW: Timestamp = Timestamp::from_micros(1_803_902_400_000_000);

fn read(lines: &str) -> Read {
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n",
        lines.trim().replace('\n', "\r\n")
    );
    whole(&text, Tz::Europe__Berlin).expect("a calendar")
}

fn whole(text: &str, home: Tz) -> Result<Read, NoCalendar> {
    super::read(text.as_bytes(), NOW, home, Box::new(|| false))
}

fn budget() -> super::Budget {
    super::Budget::new(Box::new(|| false))
}

/// What happens, one line each.
fn said(read: &Read) -> Vec<String> {
    let each = read.happenings.iter().map(|happening| {
        let mark = if happening.is_cancelled { " (cancelled)" } else { "" };
        let start = happening.start.to_string();
        format!("{} {}{mark}", start.trim_end_matches(":00.000000Z"), happening.title)
    });
    each.collect()
}

fn check(lines: &str, expected: &[&str]) {
    assert_eq!(said(&read(lines)), expected, "{lines}");
}

#[test]
fn a_weekly_event_keeps_its_hour_through_daylight_saving_and_its_exceptions() {
    check(
        "BEGIN:VEVENT
UID:choir
SUMMARY:Choir
DTSTART;TZID=Europe/Berlin:20270302T180000
RRULE:FREQ=WEEKLY;COUNT=7
EXDATE;TZID=Europe/Berlin:20270316T180000
END:VEVENT
BEGIN:VEVENT
UID:choir
RECURRENCE-ID;TZID=Europe/Berlin:20270323T180000
SUMMARY:Choir\\, in the church
DTSTART;TZID=Europe/Berlin:20270324T193000
END:VEVENT
BEGIN:VEVENT
UID:choir
RECURRENCE-ID:20270406T160000Z
SUMMARY:Choir
STATUS:CANCELLED
DTSTART;TZID=Europe/Berlin:20270406T180000
END:VEVENT",
        &[
            "2027-03-02T17:00 Choir",
            "2027-03-09T17:00 Choir",
            "2027-03-24T18:30 Choir, in the church",
            "2027-03-30T16:00 Choir",
            "2027-04-06T16:00 Choir (cancelled)",
            "2027-04-13T16:00 Choir",
        ],
    );
}

#[test]
fn a_zone_is_known_by_its_name_by_windows_name_or_by_its_definition() {
    let event = |zone: &str| {
        format!(
            "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID={zone}:20270327T120000\nRRULE:FREQ=DAILY;COUNT=2\nEND:VEVENT"
        )
    };
    let berlin = ["2027-03-27T11:00 x", "2027-03-28T10:00 x"];
    check(&event("Europe/Berlin"), &berlin);
    check(&event("\"/freeassociation.sourceforge.net/Europe/Berlin\""), &berlin);
    check(&event("W. Europe Standard Time"), &berlin);
    check(&event("Nowhere"), &berlin);
    let defined = "BEGIN:VTIMEZONE
TZID:Ours
BEGIN:STANDARD
DTSTART:16011028T030000
TZOFFSETFROM:+0300
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
TZOFFSETFROM:+0200
TZOFFSETTO:+0300
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
";
    check(
        &format!("{defined}{}", event("Ours")),
        &["2027-03-27T10:00 x", "2027-03-28T09:00 x"],
    );
}

#[test]
fn a_time_that_the_clock_skips_is_later_and_of_one_that_comes_twice_it_is_the_first() {
    let at = |start: &str| format!("BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Europe/Berlin:{start}\nEND:VEVENT");
    check(&at("20270328T023000"), &["2027-03-28T01:30 x"]);
    check(&at("20271031T023000"), &["2027-10-31T00:30 x"]);
}

#[test]
fn a_day_is_one_where_its_person_is() {
    check(
        "BEGIN:VEVENT\nUID:1\nSUMMARY:Birthday\nDTSTART;VALUE=DATE:20270501\nRRULE:FREQ=YEARLY;UNTIL=20270501\nEND:VEVENT",
        &["2027-04-30T22:00 Birthday"],
    );
    check(
        "X-WR-TIMEZONE:Asia/Tokyo\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:20270501T090000\nEND:VEVENT",
        &["2027-05-01T00:00 x"],
    );
}

#[test]
fn rules_end_where_they_say_and_what_is_added_is_there() {
    check(
        "BEGIN:VEVENT
UID:1
SUMMARY:x
DTSTART;TZID=America/New_York:20270310T200000
RRULE:FREQ=WEEKLY;BYDAY=WE,FR;UNTIL=20270318T000000Z;WKST=SU
RDATE;TZID=America/New_York:20270401T200000,20270402T200000
END:VEVENT",
        // New York changes its clock on 14 March; the end is 20:00 on the 17th there.
        &[
            "2027-03-11T01:00 x",
            "2027-03-13T01:00 x",
            "2027-03-18T00:00 x",
            "2027-04-02T00:00 x",
            "2027-04-03T00:00 x",
        ],
    );
    check(
        "BEGIN:VEVENT\nUID:1\nSUMMARY:last\nDTSTART:20270131T100000Z\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3\nEND:VEVENT",
        &["2027-03-26T10:00 last", "2027-04-30T10:00 last"],
    );
}

#[test]
fn a_series_is_looked_ahead_so_far_and_what_comes_later_is_not_known() {
    let read = read("BEGIN:VEVENT\nUID:daily\nSUMMARY:x\nDTSTART:19700101T060000Z\nRRULE:FREQ=DAILY\nEND:VEVENT");
    assert_eq!(read.happenings.len(), SERIES_AHEAD);
    assert_eq!(read.happenings[0].start.to_string(), "2027-03-01T06:00:00.000000Z");
    let until = read.series_until["daily"];
    assert_eq!(until.to_string(), "2027-04-10T06:00:00.000000Z");
}

#[test]
fn a_series_that_moves_within_its_days_stays_the_same() {
    let keys = |hour: &str| {
        let lines = format!(
            "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Europe/Berlin:20270302T{hour}0000\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT"
        );
        let keys: Vec<String> = read(&lines).happenings.into_iter().map(|one| one.recurrence).collect();
        keys
    };
    assert_eq!(keys("18"), keys("20"));
    assert_eq!(keys("18"), ["2027-03-02", "2027-03-09", "2027-03-16"]);
}

#[test]
fn what_is_folded_escaped_or_nested_is_read() {
    let lines = "X-WR-CALNAME:Work\\, mostly\nBEGIN:VEVENT\nUID:1\nSUMMARY;LANGUAGE=\"a:b;c\":A ti\n tle\\nin two \\;-)\nDTSTART:20270401T100000Z\nBEGIN:VALARM\nSUMMARY:no\nDTSTART:20270402T100000Z\nEND:VALARM\nEND:VEVENT";
    check(lines, &["2027-04-01T10:00 A title in two ;-)"]);
    assert_eq!(read(lines).name.as_deref(), Some("Work, mostly"));
}

#[test]
fn the_later_version_of_an_event_counts_and_what_is_over_does_not() {
    check(
        "BEGIN:VEVENT\nUID:1\nSEQUENCE:2\nSUMMARY:new\nDTSTART:20270401T100000Z\nEND:VEVENT
BEGIN:VEVENT\nUID:1\nSEQUENCE:1\nSUMMARY:old\nDTSTART:20270402T100000Z\nEND:VEVENT
BEGIN:VEVENT\nUID:2\nSUMMARY:over\nDTSTART:20270201T100000Z\nEND:VEVENT
BEGIN:VEVENT\nUID:3\nSUMMARY:no time\nEND:VEVENT",
        &["2027-04-01T10:00 new"],
    );
}

#[test]
fn what_is_no_calendar_or_was_cut_is_refused() {
    for (text, why) in [
        ("", NoCalendar::Other),
        ("<html>", NoCalendar::Other),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1", NoCalendar::Cut),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nEND:VCALENDAR", NoCalendar::Cut),
    ] {
        assert_eq!(whole(text, Tz::UTC), Err(why), "{text}");
    }
}

#[test]
fn wrong_lines_harm_nobody_else() {
    let fine = "BEGIN:VEVENT\nUID:fine\nSUMMARY:fine\nDTSTART:20270401T100000Z\nEND:VEVENT";
    for wrong in [
        "DTSTART:99999999T999999Z",
        "DTSTART:20270230T100000Z",
        "DTSTART;TZID=:",
        "DTSTART:20270401T1\u{e9}0000",
        "DTSTART:00010101T000000\nRRULE:FREQ=YEARLY",
        "DTSTART:20270401T100000Z\nRRULE:FREQ=NEVER",
        "DTSTART:20270401T100000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART:19000101T000000Z\nRRULE:FREQ=SECONDLY",
        "DTSTART:20270401T100000Z\nRRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART:20270401T100000Z\nRRULE:FREQ=DAILY;UNTIL=20200101T000000Z",
        "DTSTART:20270401T100000Z\nEXDATE:,,\nRDATE:x/y",
        ":::;;;\n;=:\n\"",
    ] {
        let read = read(&format!(
            "BEGIN:VEVENT\nUID:wrong\nSUMMARY:wrong\n{wrong}\nEND:VEVENT\n{fine}"
        ));
        let found = read.happenings.iter().filter(|one| one.title == "fine").count();
        assert_eq!(found, 1, "{wrong}");
    }
}

#[test]
fn a_series_that_goes_on_since_long_ago_is_looked_at_where_it_is_now() {
    let start = "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Europe/Berlin:19020103T180000\n";
    // Every other Friday and Sunday since a Friday, which was 45,710 days before 26 February 2027: 3,265 fortnights.
    check(
        &format!("{start}RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=FR,SU;UNTIL=20270330T000000Z\nEND:VEVENT"),
        &[
            "2027-02-28T17:00 x",
            "2027-03-12T17:00 x",
            "2027-03-14T17:00 x",
            "2027-03-26T17:00 x",
            "2027-03-28T16:00 x",
        ],
    );
    check(
        &format!("{start}RRULE:FREQ=DAILY;UNTIL=20260101T000000Z\nEND:VEVENT"),
        &[],
    );
    check(
        &format!("{start}RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20270501T000000Z\nEND:VEVENT"),
        &["2027-03-28T16:00 x"],
    );
    let hourly = read(&format!("{start}RRULE:FREQ=HOURLY;INTERVAL=6\nEND:VEVENT"));
    assert_eq!(hourly.happenings.len(), SERIES_AHEAD);
    assert_eq!(said(&hourly)[..2], ["2027-02-28T17:00 x", "2027-02-28T23:00 x"]);
}

#[test]
fn to_begin_later_changes_nothing() {
    let day = |text: &str| super::moment::local(text).expect("a time").0;
    let until = day("20270601T000000");
    for rule in [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3;BYMONTH=3,4",
        "FREQ=DAILY;BYHOUR=6,18;BYDAY=MO,TU",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO;WKST=SU",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO;WKST=MO",
        "FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,WE,SA;BYSETPOS=-1",
        "FREQ=WEEKLY;UNTIL=20270415T000000Z",
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=HOURLY;INTERVAL=25;BYDAY=FR",
        "FREQ=DAILY;COUNT=500",
    ] {
        for first in [
            "20260105T081500",
            "20260214T233000",
            "20261231T000000",
            "20270226T120000",
            "20270501T100000",
        ] {
            let first = day(first);
            let expand = |since| {
                let window = (since, until);
                super::series::locals((first, false), &super::Zone::UTC, rule, window, &mut budget())
            };
            for since in ["20260301T000000", "20270228T120000", "20270520T000000"] {
                let since = day(since);
                let after =
                    |all: Vec<chrono::NaiveDateTime>| all.into_iter().filter(|at| *at >= since).collect::<Vec<_>>();
                assert_eq!(
                    after(expand(since).locals),
                    after(expand(first).locals),
                    "{rule} {first} {since}"
                );
            }
        }
    }
}

#[test]
fn what_would_take_much_time_or_memory_is_not_followed() {
    let numbers = |most: u32| (0..most).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let all_day = format!(
        "BYHOUR={};BYMINUTE={};BYSECOND={}",
        numbers(24),
        numbers(60),
        numbers(60)
    );
    let left_out = vec!["20270401T100000Z"; 4_000].join(",");
    let start = "DTSTART:20270301T100000Z\nRRULE:FREQ=DAILY";
    for heavy in [
        format!("DTSTART:20270301T100000Z\nRRULE:FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{all_day}"),
        format!("DTSTART:20270301T100000Z\nRRULE:FREQ=DAILY;{all_day}"),
        "DTSTART:00010101T000000\nRRULE:FREQ=MINUTELY;BYMONTH=12;BYMONTHDAY=31;BYHOUR=23;BYMINUTE=59".to_owned(),
        "DTSTART:00010101T000000\nRRULE:FREQ=SECONDLY;COUNT=4000000000".to_owned(),
        "DTSTART:00010101T000000\nRRULE:FREQ=HOURLY;COUNT=4000000000;BYHOUR=5;BYMONTH=2;BYMONTHDAY=29".to_owned(),
        format!("DTSTART:20270301T100000Z\nRRULE:FREQ=DAILY;BYSETPOS={}", numbers(1_000)),
        format!("{start}\n{}", format!("EXDATE:{left_out}\n").repeat(100)),
        format!(
            "DTSTART;TZID={}:20270301T100000\nRRULE:FREQ=DAILY",
            "a/".repeat(100_000)
        ),
    ] {
        let event = format!("BEGIN:VEVENT\nUID:heavy\nSUMMARY:heavy\n{heavy}\nEND:VEVENT\n");
        let fine = "BEGIN:VEVENT\nUID:fine\nSUMMARY:fine\nDTSTART:20270401T100000Z\nEND:VEVENT";
        let read = read(&format!("{event}{fine}"));
        let found = read.happenings.iter().filter(|one| one.title == "fine").count();
        assert_eq!(found, 1, "{}", &event[..100]);
        assert!(read.happenings.len() <= 1 + SERIES_AHEAD, "{}", &event[..100]);
    }
    // Many rules, each of which comes seldom: what is left over for them all is bounded too.
    let rule = "DTSTART:00010101T000000\nRRULE:FREQ=DAILY;COUNT=900000;BYMONTH=2;BYMONTHDAY=29";
    let many: Vec<String> = (0..500)
        .map(|number| format!("BEGIN:VEVENT\nUID:{number}\nSUMMARY:x\n{rule}\nEND:VEVENT"))
        .collect();
    assert!(read(&many.join("\n")).happenings.len() < 500);
}

#[test]
fn a_file_has_so_many_lines_and_events() {
    let whole = |lines: &str| whole(&format!("BEGIN:VCALENDAR\n{lines}END:VCALENDAR\n"), Tz::UTC);
    let lines = "X:\n".repeat(LINES_MAX);
    assert_eq!(whole(&lines), Err(NoCalendar::TooLong));
    let events = "BEGIN:VEVENT\nDTSTART:20270401T100000Z\nEND:VEVENT\n".repeat(EVENTS_MAX + 1);
    assert_eq!(whole(&events), Err(NoCalendar::TooMany));
    let deep = "BEGIN:A\n".repeat(10_000) + &"END:A\n".repeat(10_000);
    assert!(whole(&deep).is_ok_and(|read| read.happenings.is_empty()));
}

#[test]
fn too_many_are_cut_where_they_are_farthest() {
    let many: Vec<String> = (0..HAPPENINGS_MAX + 5)
        .map(|number| {
            let (day, minute) = (2 + number / 60 % 28, number % 60);
            format!("BEGIN:VEVENT\nUID:{number}\nSUMMARY:x\nDTSTART:202704{day:02}T10{minute:02}00Z\nEND:VEVENT")
        })
        .collect();
    let read = read(&many.join("\n"));
    assert_eq!(read.happenings.len(), HAPPENINGS_MAX);
    assert!(read.happenings.iter().all(|one| one.start <= read.until));
}

#[test]
fn a_day_is_that_of_whoever_reads_whatever_zone_the_calendar_has() {
    let lines = "BEGIN:VCALENDAR\nX-WR-TIMEZONE:UTC\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;VALUE=DATE:20270501\nEND:VEVENT\n\
                 BEGIN:VEVENT\nUID:2\nSUMMARY:y\nDTSTART:20270502T120000\nEND:VEVENT\nEND:VCALENDAR\n";
    let read = whole(lines, Tz::America__New_York).expect("a calendar");
    assert_eq!(said(&read), ["2027-05-01T04:00 x", "2027-05-02T12:00 y"]);
}

#[test]
fn in_a_series_of_days_whatever_time_is_written_means_the_day() {
    for (less, until) in [
        ("EXDATE;VALUE=DATE:20270303", "20270304"),
        ("EXDATE;TZID=America/New_York:20270303T000000", "20270304T000000Z"),
        ("EXDATE:20270303T000000Z", "20270304T000000"),
    ] {
        check(
            &format!(
                "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;VALUE=DATE:20270302\nRRULE:FREQ=DAILY;UNTIL={until}\n{less}\nEND:VEVENT"
            ),
            &["2027-03-01T23:00 x", "2027-03-03T23:00 x"],
        );
    }
    // Without a zone of its own it is left out by the clock of the series.
    check(
        "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=America/New_York:20270302T090000\nRRULE:FREQ=DAILY;COUNT=2\n\
         EXDATE:20270303T090000\nEND:VEVENT",
        &["2027-03-02T14:00 x"],
    );
}

#[test]
fn an_exception_is_the_same_one_before_and_while_its_series_is_looked_at() {
    let series = |count: u32| {
        format!(
            "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=America/Los_Angeles:20270301T180000\nRRULE:FREQ=DAILY;COUNT={count}\n\
             END:VEVENT\nBEGIN:VEVENT\nUID:1\nSUMMARY:moved\nRECURRENCE-ID:20270407T010000Z\nDTSTART:20270407T050000Z\n\
             END:VEVENT"
        )
    };
    let key = |count: u32| {
        let read = read(&series(count));
        let mut moved = read
            .happenings
            .into_iter()
            .filter(|happening| happening.title == "moved");
        moved.next().map(|happening| happening.recurrence)
    };
    // Of ten days it is behind the last one.
    assert_eq!(
        (key(10), key(40)),
        (Some("2027-04-06".to_owned()), Some("2027-04-06".to_owned()))
    );
}

#[test]
fn a_line_may_be_folded_within_a_letter() {
    let event = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20270302T120000Z\r\nSUMMARY:K".as_bytes();
    let text = [event, b"\xc3\r\n \xa4se\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"].concat();
    let read = super::read(&text, NOW, Tz::UTC, Box::new(|| false)).expect("a calendar");
    assert_eq!(said(&read), ["2027-03-02T12:00 Käse"]);
}

#[test]
fn what_a_program_calls_its_own_zone_is_as_it_defines_it() {
    check(
        "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T000000\nTZOFFSETFROM:+0500\n\
         TZOFFSETTO:+0500\nEND:STANDARD\nEND:VTIMEZONE\n\
         BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART;TZID=Customized Time Zone:20270302T120000\nEND:VEVENT",
        &["2027-03-02T07:00 x"],
    );
}

#[test]
fn after_its_time_no_rule_is_followed_any_more() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:20270302T120000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\n\
                END:VCALENDAR\n";
    let read = super::read(text.as_bytes(), NOW, Tz::UTC, Box::new(|| true)).expect("a calendar");
    assert_eq!(said(&read), ["2027-03-02T12:00 x"]);
    assert!(
        read.series_until.contains_key("1"),
        "the rest is not known to be cancelled"
    );
}
