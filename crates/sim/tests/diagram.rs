//! Space-time diagrams: what a reader must see in them, and that no text of a trace can break them.

#[path = "diagram/traces.rs"]
mod traces;
#[path = "diagram/xml.rs"]
mod xml;

use sim::diagram::{ARROWS_MAX, NODES_MAX, PAGE_MESSAGES_MAX, View, page, svg};
use sim::trace::{Event, Kind, Trace, What};
use traces::{Writer, busy, doubled_transfer, two_leaders};
use xml::Element;

const MS: u64 = 1_000_000;

/// A picture of any trace is smaller.
const PICTURE_BYTES_MAX: usize = 200_000;

/// A page of a trace as it comes is smaller, and one of the longest and strangest texts.
const PAGE_BYTES_MAX: usize = 2_000_000;
const WORST_PAGE_BYTES_MAX: usize = 10_000_000;

/// What somebody would write into a label who wants to break out of it.
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&]]>--><!--</title></style>\
                       \u{0}\u{1b}[31m\u{202e}\u{2028}\u{ffff}\n`${alert(3)}`";

fn picture(trace: &Trace) -> Vec<Element> {
    xml::read(&svg(trace, &View::of(trace).titled("a title", "wrong answer")))
}

fn of_class<'a>(elements: &'a [Element], class: &str) -> Vec<&'a Element> {
    elements.iter().filter(|element| element.is(class)).collect()
}

/// The arrows of messages; samples of the legend are none.
fn arrows(elements: &[Element]) -> Vec<&Element> {
    of_class(elements, "message")
        .into_iter()
        .filter(|element| !element.is("sample"))
        .collect()
}

/// The height of the tick that says a moment.
fn tick(elements: &[Element], words: &str) -> f64 {
    let ticks = of_class(elements, "tick");
    let tick = ticks
        .iter()
        .find(|tick| tick.text == words)
        .unwrap_or_else(|| panic!("no tick {words}"));
    tick.number("y") - 4.0
}

#[test]
fn a_reader_sees_the_lost_reply_and_the_retry_of_the_same_request() {
    let trace = doubled_transfer();
    let elements = picture(&trace);
    let lost: Vec<&Element> = arrows(&elements).into_iter().filter(|arrow| arrow.is("lost")).collect();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].is("reply") && lost[0].is("focus") && !lost[0].is("retry"));
    assert!(lost[0].text.contains("Ledger.transfer 3fa9") && lost[0].text.contains("connection reset"));
    let retries: Vec<&Element> = arrows(&elements)
        .into_iter()
        .filter(|arrow| arrow.is("retry"))
        .collect();
    assert_eq!(retries.len(), 2, "the second request and its reply");
    let labels: Vec<&str> = of_class(&elements, "label")
        .into_iter()
        .map(|label| label.text.as_str())
        .collect();
    assert!(labels.contains(&"Ledger.transfer 3fa9 · attempt 2"), "{labels:?}");
    assert!(
        labels.contains(&"Bank.transfer 51c0"),
        "the request that caused it is there too: {labels:?}"
    );
    assert!(
        !labels.iter().any(|label| label.contains("balance")),
        "what has nothing to do with it is not: {labels:?}"
    );
    let child = |class: &str| {
        let of_lost = |element: &&Element| {
            element
                .parent
                .is_some_and(|parent| std::ptr::eq(&elements[parent], lost[0]))
        };
        of_class(&elements, class).into_iter().filter(of_lost).count()
    };
    assert_eq!(
        (child("cross"), child("head"), child("why")),
        (1, 0, 1),
        "a lost message has a cross and no head"
    );
}

#[test]
fn the_view_finds_the_request_that_the_violation_names() {
    let view = View::around_violation(&doubled_transfer()).expect("something was violated");
    assert_eq!(
        view.focus,
        ["Ledger.transfer 3fa9"],
        "and not one whose id looks like a sum in the text"
    );
    assert!(
        view.from_ns <= 12_308 * MS && view.from_ns >= 12_000 * MS,
        "from {}",
        view.from_ns
    );
    assert_eq!(view.to_ns, 45_010 * MS);
}

#[test]
fn the_view_finds_the_request_in_most_trouble_when_no_violation_names_one() {
    let mut trace = doubled_transfer();
    trace.events.retain(|event| !matches!(event.what, What::Violated(_)));
    assert_eq!(View::around_violation(&trace), None);
    assert_eq!(View::of(&trace).focus, ["Ledger.transfer 3fa9"]);
    trace.events.push(Event {
        at: 46_000 * MS,
        node: None,
        what: What::Violated("the sum is wrong".to_owned()),
    });
    assert_eq!(View::of(&trace).focus, ["Ledger.transfer 3fa9"]);
    assert_eq!(View::of(&trace).to_ns, 46_000 * MS);
}

#[test]
fn a_violation_is_a_bar_at_its_moment_below_all_that_led_to_it() {
    let elements = picture(&doubled_transfer());
    let bars = of_class(&elements, "bar");
    assert_eq!(bars.len(), 1);
    let y: f64 = bars[0]
        .attribute("d")
        .split(' ')
        .nth(1)
        .and_then(|rest| rest.split('h').next()?.parse().ok())
        .expect("a height");
    assert!((y - tick(&elements, "45.010 s")).abs() < 0.2, "{y}");
    assert!(y > tick(&elements, "23.000 s") && tick(&elements, "23.000 s") > tick(&elements, "12.417 s"));
    assert!(of_class(&elements, "violation")[0].text.contains("money doubled"));
}

#[test]
fn a_quiet_stretch_is_folded_and_says_how_long_it_was() {
    let elements = picture(&doubled_transfer());
    assert!(
        of_class(&elements, "fold")
            .iter()
            .any(|fold| fold.text.ends_with("+ 22.01 s"))
    );
    assert!(
        elements[0].number("height") < 1_100.0,
        "{}",
        elements[0].number("height")
    );
}

#[test]
fn a_partition_is_a_band_with_a_wall_between_its_sides() {
    let elements = picture(&two_leaders());
    let cuts: Vec<&Element> = of_class(&elements, "cut")
        .into_iter()
        .filter(|cut| cut.text.contains(" | "))
        .collect();
    assert_eq!(cuts.len(), 1, "twelve directions are one partition");
    assert!(
        cuts[0].text.contains("cut: ada, bob | cleo, dan, eve"),
        "{}",
        cuts[0].text
    );
    assert_eq!(of_class(&elements, "wall").len(), 2, "one wall, and one in the legend");
}

#[test]
fn a_node_s_line_is_broken_while_it_is_down_and_hatched_while_it_is_paused() {
    let elements = picture(&two_leaders());
    assert_eq!(of_class(&elements, "down").len(), 1);
    assert_eq!(
        of_class(&elements, "life").len(),
        6,
        "one line for each of five nodes, and one more after a restart"
    );
    let hatched = elements
        .iter()
        .filter(|element| element.name == "rect" && element.is("paused"))
        .count();
    assert_eq!(hatched, 2, "one, and one in the legend");
}

#[test]
fn a_message_that_arrives_twice_has_two_heads() {
    let elements = picture(&two_leaders());
    let twice: Vec<usize> = (0..elements.len())
        .filter(|index| elements[*index].is("twice"))
        .collect();
    assert_eq!(twice.len(), 1);
    let heads = of_class(&elements, "head")
        .into_iter()
        .filter(|head| head.parent == Some(twice[0]))
        .count();
    assert_eq!(heads, 2);
}

#[test]
fn only_the_nodes_that_a_view_names_are_shown_and_the_others_are_said() {
    let trace = two_leaders();
    let nodes = Some(vec!["cleo".to_owned(), "eve".to_owned(), "nobody".to_owned()]);
    let elements = xml::read(&svg(
        &trace,
        &View {
            nodes,
            ..View::of(&trace)
        },
    ));
    let headings: Vec<&str> = of_class(&elements, "heading")
        .into_iter()
        .map(|heading| heading.text.as_str())
        .collect();
    assert_eq!(
        headings.first().zip(headings.get(1)),
        Some((&"cleo", &"eve")),
        "{headings:?}"
    );
    assert!(
        arrows(&elements)
            .iter()
            .all(|arrow| arrow.text.contains("cleo → eve") || arrow.text.contains("eve → cleo"))
    );
    assert!(
        of_class(&elements, "facts")
            .iter()
            .any(|said| said.text.contains("3 of 5 nodes are not shown"))
    );
}

#[test]
fn a_trace_without_events_nodes_or_sense_still_has_a_picture_and_a_page() {
    let empty = Trace::default();
    let mut alone = Writer::new(&["alone"]);
    alone.message(MS, (0, 0), MS, Kind::Request, "Self.call 01", 0);
    let mut senseless = Writer::new(&["one"]);
    senseless.message(u64::MAX - 5, (0, 7), 5, Kind::Request, "to nobody", u8::MAX);
    senseless
        .event(3, 9, What::Crashed)
        .event(4, None, What::Crashed)
        .event(5, None, What::Paused(true));
    senseless
        .event(6, 0, What::Restarted)
        .event(7, 0, What::Cut { to: 0, begins: true });
    senseless.event(9, 0, What::Delivered { message: 99 }).event(
        2,
        0,
        What::Lost {
            message: 1,
            why: String::new(),
        },
    );
    senseless.event(u64::MAX, 0, What::Violated(String::new()));
    for trace in [empty, alone.finish(), senseless.finish()] {
        let view = View::of(&trace);
        xml::read(&svg(&trace, &view));
        xml::read(&svg(
            &trace,
            &View {
                from_ns: 9,
                to_ns: 3,
                ..view.clone()
            },
        ));
        xml::read(&svg(&trace, &View::whole(&trace)));
        assert!(page(&trace, &view).ends_with("</html>\n"));
    }
}

#[test]
fn a_huge_trace_has_a_picture_and_a_page_of_bounded_size_that_say_what_is_left_out() {
    let trace = busy(200_000);
    let view = View::of(&trace).titled("huge", "wrong answer");
    let drawn = svg(&trace, &view);
    assert!(drawn.len() < PICTURE_BYTES_MAX, "{} bytes", drawn.len());
    let elements = xml::read(&drawn);
    assert!(arrows(&elements).len() <= ARROWS_MAX);
    assert!(of_class(&elements, "heading").len() <= 2 * NODES_MAX);
    assert!(
        of_class(&elements, "facts")
            .iter()
            .any(|said| said.text.contains("messages of this time are drawn"))
    );
    let page = page(&trace, &view);
    assert!(page.len() < PAGE_BYTES_MAX, "{} bytes", page.len());
    let data = data(&page);
    assert_eq!(data["messages"].as_array().map(Vec::len), Some(PAGE_MESSAGES_MAX));
    assert!(
        data["leftOut"]["messages"].as_u64() > Some(50_000),
        "{}",
        data["leftOut"]
    );
}

#[test]
fn the_longest_and_strangest_texts_make_no_page_without_bound() {
    let mut writer = Writer::new(&["a", "b"]);
    for number in 0..10_000_u64 {
        let label = format!("{number} {}", "<".repeat(2_000));
        writer.lost(number * MS, (0, 1), MS, Kind::Request, &label, &label);
    }
    let trace = writer.finish();
    let page = page(&trace, &View::of(&trace));
    assert!(page.len() < WORST_PAGE_BYTES_MAX, "{} bytes", page.len());
    assert!(svg(&trace, &View::of(&trace)).len() < PICTURE_BYTES_MAX);
}

#[test]
fn no_text_of_a_trace_can_become_markup_or_script() {
    let mut writer = Writer::new(&[HOSTILE, "b"]);
    writer.message(MS, (0, 1), MS, Kind::Request, HOSTILE, 3);
    writer.lost(3 * MS, (1, 0), MS, Kind::Reply, HOSTILE, HOSTILE);
    writer.event(4 * MS, 0, What::Cut { to: 1, begins: true });
    writer
        .event(4 * MS, 1, What::Note(HOSTILE.to_owned()))
        .event(5 * MS, 0, What::Violated(HOSTILE.to_owned()));
    writer
        .event(
            4 * MS,
            0,
            What::Fault {
                text: HOSTILE.to_owned(),
            },
        )
        .event(0, None, What::Phase(HOSTILE.to_owned()));
    let reset = What::Reset {
        label: HOSTILE.to_owned(),
        why: HOSTILE.to_owned(),
    };
    let trace = writer.event(4 * MS, 1, reset).trace.clone();
    let view = View::of(&trace).titled(HOSTILE, HOSTILE);
    let elements = xml::read(&svg(&trace, &view));
    assert!(
        !elements
            .iter()
            .any(|element| element.name == "script" || element.name == "img")
    );
    let page = page(&trace, &view);
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--") && !page.contains('\u{0}') && !page.contains('\u{1b}'));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{2028}'));
    let data = data(&page);
    let texts = data["texts"].as_array().expect("texts");
    assert!(
        texts
            .iter()
            .any(|text| text.as_str().is_some_and(|text| text.starts_with("</script><script>"))),
        "kept as text"
    );
}

#[test]
fn a_page_needs_nothing_but_itself_and_opens_on_its_view() {
    let trace = doubled_transfer();
    let view = View::of(&trace).titled("hello/bank", "wrong answer");
    let page = page(&trace, &view);
    for outside in [
        "src=",
        "href=",
        "@import",
        "fetch(",
        "innerHTML",
        "XMLHttpRequest",
        "eval(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
    let data = data(&page);
    assert_eq!(
        data["view"][0].as_u64().zip(data["view"][1].as_u64()),
        Some((view.from_ns, view.to_ns))
    );
    assert_eq!(data["focus"][0], "Ledger.transfer 3fa9");
    assert_eq!(
        data["messages"].as_array().map(Vec::len),
        Some(96),
        "all of them, not only those near the view"
    );
    assert_eq!(data["leftOut"]["messages"], 0);
    let marks = data["marks"].as_array().expect("marks");
    let violated = marks
        .iter()
        .filter(|mark| mark[2] == "violated")
        .map(|mark| mark[3].as_str().unwrap_or_default());
    assert_eq!(
        violated
            .filter(|text| text.starts_with("money doubled: transfer 3fa9"))
            .count(),
        1
    );
}

/// The data that a page carries.
fn data(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"trace\">").expect("a page has data");
    let (data, _) = rest.split_once("</script>").expect("data ends");
    serde_json::from_str(data).expect("data is JSON")
}
