//! What telemetry promises to the crates above it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::{any, prop_assert_eq, proptest};
use telemetry::logs::{self, Format, Level};
use telemetry::{
    EdgeName, EdgeStatistics, Logs, Outcome, Route, SAMPLE_MASK, Slot, TraceContext, TraceparentError, snapshot, span,
};
use tracing_subscriber::fmt::MakeWriter;

fn edge(method: &'static str) -> EdgeName {
    EdgeName::new("Site", "Todos", method, Route::Direct)
}

fn statistics(method: &str) -> EdgeStatistics {
    let found = snapshot().into_iter().find(|edge| edge.name.method == method);
    found.expect("every registered edge is in the snapshot")
}

#[test]
fn one_name_has_one_slot() {
    let slot = Slot::register(edge("one_slot"));
    assert_eq!(Slot::register(edge("one_slot")), slot);
    assert_eq!(slot.name(), edge("one_slot"));
    assert_ne!(
        Slot::register(EdgeName {
            route: Route::Remote,
            ..edge("one_slot")
        }),
        slot
    );
}

#[test]
fn one_call_in_64_is_sampled() {
    let slot = Slot::register(edge("sampled"));
    let sampled = (0..6_400).filter(|_| slot.count() & SAMPLE_MASK == 0).count();
    assert_eq!(sampled, 100);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
fn a_snapshot_sums_every_thread_and_a_new_thread_goes_on_where_an_ended_one_stopped() {
    let slot = Slot::register(edge("threads"));
    for _ in 0..10 {
        let count = move || (0..1_000).map(|_| slot.count()).max();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(count)).collect();
        for thread in threads {
            thread.join().expect("counting does not panic");
        }
    }
    assert_eq!(statistics("threads").calls, 40_000);
}

#[test]
fn a_count_made_while_a_thread_ends_is_not_lost() {
    struct CountsWhenDropped(Slot);
    impl Drop for CountsWhenDropped {
        fn drop(&mut self) {
            self.0.count();
        }
    }
    thread_local! {
        static LAST: std::cell::RefCell<Option<CountsWhenDropped>> = const { std::cell::RefCell::new(None) };
    }
    let slot = Slot::register(edge("ending"));
    #[expect(clippy::disallowed_methods, reason = "the end of a thread is what is tested")]
    let thread = std::thread::spawn(move || {
        slot.count();
        LAST.set(Some(CountsWhenDropped(slot)));
    });
    thread.join().expect("counting while a thread ends does not panic");
    assert_eq!(statistics("ending").calls, 2);
}

#[test]
fn errors_are_counted_by_outcome_and_the_rest_is_ok() {
    let slot = Slot::register(edge("outcomes"));
    for _ in 0..20 {
        slot.count();
    }
    for outcome in Outcome::ALL {
        slot.outcome(outcome);
    }
    slot.outcome(Outcome::Denied);
    slot.retried();
    let edge = statistics("outcomes");
    assert_eq!((edge.calls, edge.ok, edge.retries), (20, 11, 1));
    assert_eq!((edge.errors.len(), edge.errors[&Outcome::Denied]), (8, 2));
    let json = serde_json::to_value(&edge).expect("statistics are JSON");
    assert_eq!(json["errors"]["denied"], 2);
    assert_eq!(
        (json["method"].as_str(), json["route"].as_str()),
        (Some("outcomes"), Some("direct"))
    );
}

#[test]
fn latencies_are_within_one_percent() {
    let slot = Slot::register(edge("latency"));
    for sample in 1..=1_000 {
        slot.latency(Duration::from_micros(sample));
    }
    let edge = statistics("latency");
    assert_eq!(edge.samples, 1_000);
    for (shown, expected) in [(edge.p50_us, 500.0), (edge.p99_us, 990.0), (edge.max_us, 1_000.0)] {
        assert!(
            (shown - expected).abs() <= expected / 100.0,
            "{shown} is not within 1 % of {expected}"
        );
    }
    slot.latency(Duration::MAX);
    slot.latency(Duration::ZERO);
    assert_eq!(
        statistics("latency").samples,
        1_002,
        "the extremes are clamped, not lost"
    );
}

#[test]
fn a_snapshot_is_sorted_by_name() {
    for method in ["z", "a", "m"] {
        Slot::register(edge(method));
    }
    assert!(snapshot().is_sorted_by(|left, right| left.name < right.name));
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn the_recommendation_s_examples_are_read() {
    let context: TraceContext = TRACEPARENT.parse().expect("section 3.2.3, first example");
    assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    assert_eq!((context.span_id, context.sampled), (0x00f0_67aa_0ba9_02b7, true));
    assert_eq!(context.to_string(), TRACEPARENT);
    let child = context.child(7);
    assert_eq!(
        (child.trace_id, child.span_id, child.sampled),
        (context.trace_id, 7, true)
    );
    let quiet: TraceContext = TRACEPARENT
        .replace("-01", "-00")
        .parse()
        .expect("section 3.2.3, second example");
    assert!(!quiet.sampled);
}

#[test]
fn a_later_version_is_read_as_far_as_ours_goes() {
    for tail in ["", "-", "-what comes later"] {
        let later = format!("{}{tail}", TRACEPARENT.replacen("00", "cc", 1));
        assert_eq!(
            later.parse::<TraceContext>().map(|context| context.to_string()),
            Ok(TRACEPARENT.to_string())
        );
    }
    let glued = format!("{}x", TRACEPARENT.replacen("00", "cc", 1));
    assert_eq!(glued.parse::<TraceContext>(), Err(TraceparentError::Dash { at: 55 }));
}

#[test]
fn unknown_flags_are_ignored_and_not_sent_on() {
    let context: TraceContext = TRACEPARENT
        .replace("-01", "-ff")
        .parse()
        .expect("only the sampled flag is defined");
    assert_eq!(context.to_string(), TRACEPARENT);
}

#[test]
fn a_malformed_traceparent_is_refused_with_the_place() {
    let cases = [
        (String::new(), TraceparentError::Length { bytes: 0 }),
        (TRACEPARENT[..54].to_string(), TraceparentError::Length { bytes: 54 }),
        (format!("{TRACEPARENT}-x"), TraceparentError::Length { bytes: 57 }),
        (TRACEPARENT.replacen("00", "ff", 1), TraceparentError::Version),
        (TRACEPARENT.replacen("00", "0G", 1), TraceparentError::Digit { at: 1 }),
        (TRACEPARENT.replacen('-', "_", 1), TraceparentError::Dash { at: 2 }),
        (TRACEPARENT.replace("-4b", "-4B"), TraceparentError::Digit { at: 4 }),
        (TRACEPARENT.replace("-01", "-0g"), TraceparentError::Digit { at: 54 }),
        (
            TRACEPARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            TraceparentError::ZeroTrace,
        ),
        (
            TRACEPARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            TraceparentError::ZeroParent,
        ),
    ];
    for (traceparent, error) in cases {
        assert_eq!(traceparent.parse::<TraceContext>(), Err(error), "{traceparent}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = TraceContext::parse(&bytes);
    }

    #[test]
    fn any_damage_to_a_traceparent_is_read_or_refused(at in 0..55_usize, byte in any::<u8>(), cut in 0..=55_usize) {
        let mut bytes = TRACEPARENT.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = TraceContext::parse(&bytes);
        let _ = TraceContext::parse(&bytes[..cut]);
    }

    #[test]
    fn what_is_written_is_read(trace_id in 1..=u128::MAX, span_id in 1..=u64::MAX, sampled in any::<bool>()) {
        let context = TraceContext { trace_id, span_id, sampled };
        prop_assert_eq!(context.to_string().parse(), Ok(context));
    }
}

/// What a logger wrote.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test panics while it writes").clone()).expect("lines are UTF-8")
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no test panics while it writes")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        self.clone()
    }
}

fn logged(logs: &Logs, run: impl FnOnce()) -> String {
    let lines = Lines::default();
    tracing::subscriber::with_default(logs::subscriber(logs, lines.clone()), run);
    lines.text()
}

#[test]
fn every_line_inside_a_sampled_call_carries_its_trace_id() {
    let context: TraceContext = TRACEPARENT.parse().expect("an example of the recommendation");
    for format in [Format::Text, Format::Json] {
        // The span survives a filter that lets only errors through, and a user's own span inside it.
        let logs = Logs {
            format,
            level: Level::Error,
            ..Logs::default()
        };
        let text = logged(&logs, || {
            let call = span::call(&edge("add"), context, Some(9));
            let _call = call.enter();
            let own = tracing::error_span!("own");
            let _own = own.enter();
            tracing::error!("disk is full");
        });
        assert!(text.contains("4bf92f3577b34da6a3ce929d0e0e4736"), "{text}");
        assert!(
            text.contains("disk is full") && text.contains("0000000000000009"),
            "{text}"
        );
    }
}

#[test]
fn a_span_says_how_its_call_ended() {
    let context: TraceContext = TRACEPARENT.parse().expect("an example of the recommendation");
    let logs = Logs {
        format: Format::Json,
        ..Logs::default()
    };
    let text = logged(&logs, || {
        let call = span::call(&edge("add"), context, None);
        span::record_outcome(&call, Some(Outcome::Overloaded));
        call.in_scope(|| tracing::info!("shed"));
    });
    let line: serde_json::Value = serde_json::from_str(&text).expect("one line of JSON");
    assert_eq!(line["spans"][0]["outcome"], "overloaded");
    assert_eq!(line["spans"][0]["callee"], "Todos");
    assert_eq!(line["level"], "INFO");
}

#[test]
fn a_target_has_its_own_level() {
    let targets = [("loud".to_string(), Level::Debug), ("quiet".to_string(), Level::Off)].into();
    let logs = Logs {
        level: Level::Warn,
        targets,
        ..Logs::default()
    };
    let text = logged(&logs, || {
        tracing::debug!(target: "loud::inside", "first");
        tracing::error!(target: "quiet", "second");
        tracing::info!(target: "elsewhere", "third");
        tracing::warn!(target: "elsewhere", "fourth");
    });
    let seen: Vec<bool> = ["first", "second", "third", "fourth"]
        .into_iter()
        .map(|word| text.contains(word))
        .collect();
    assert_eq!(seen, [true, false, false, true], "{text}");
}

#[test]
fn a_second_logger_is_refused() {
    let logs = Logs {
        level: Level::Off,
        ..Logs::default()
    };
    logs::init(&logs).expect("the first logger of this process");
    let error = logs::init(&logs).expect_err("the second");
    assert!(error.to_string().contains("already has a logger"), "{error}");
}

#[test]
fn logs_are_read_from_configuration() {
    let logs: Logs = serde_json::from_str(r#"{"format": "json", "targets": {"wire": "debug"}}"#).expect("known keys");
    assert_eq!(
        (logs.format, logs.level, logs.targets["wire"]),
        (Format::Json, Level::Info, Level::Debug)
    );
    assert!(serde_json::from_str::<Logs>(r#"{"colour": true}"#).is_err());
}
