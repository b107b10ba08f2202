//! A campaign ends when it is asked to, and its runs end with it.

use std::io::Write;
use std::process::Stdio;

use sim::campaign::{self, Campaign};
use sim::{Run, Scenario, child, harness};

use crate::{be_child, seeds};

/// A scenario that never lets go.
fn spins() -> Scenario {
    Scenario::new("spins", |_| async {
        loop {
            std::hint::spin_loop();
        }
    })
}

#[test]
fn a_campaign_that_is_asked_to_stop_reports_what_was_run_and_does_not_pass() {
    be_child(&spins());
    let asked = seeds(1_000);
    let launch =
        harness::launch("campaign::ending::a_campaign_that_is_asked_to_stop_reports_what_was_run_and_does_not_pass");
    let report = campaign::run(&spins(), &asked, &launch, &mut |_| asked.stop.ask()).expect("a report");
    assert!(report.stopped && !report.passed(), "{}", report.text());
    assert_eq!(report.seeds, 0);
    assert!(
        report.text().contains("spins: ended early, after 0 seeds"),
        "{}",
        report.text()
    );
}

#[test]
fn a_saved_failure_that_was_not_replayed_to_its_end_is_not_called_mended() {
    const NAME: &str = "campaign::ending::a_saved_failure_that_was_not_replayed_to_its_end_is_not_called_mended";
    be_child(&spins());
    let folder = crate::folder("ending");
    std::fs::create_dir_all(&folder).expect("a folder");
    let failure = r#"{"scenario":"spins","model":"asynchronous","seed":1,"faults":null,"verdict":"crash","message":"","hash":"0"}"#;
    std::fs::write(folder.join("spins-1.json"), failure).expect("a file");
    let asked = Campaign {
        saved: Some(folder),
        ..seeds(1)
    };
    let report = campaign::run(&spins(), &asked, &harness::launch(NAME), &mut |_| asked.stop.ask()).expect("a report");
    assert!(report.mended.is_empty() && !report.passed(), "{}", report.text());
}

#[test]
fn a_run_does_not_outlive_its_campaign() {
    be_child(&spins());
    let run = Run {
        scenario: "spins".to_owned(),
        model: "asynchronous".to_owned(),
        ..Run::default()
    };
    let mut command = harness::launch("campaign::ending::a_run_does_not_outlive_its_campaign")(&run);
    command.env(child::RUN, "1").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut process = command.spawn().expect("it starts");
    let mut input = process.stdin.take().expect("its input is piped");
    let request = serde_json::to_string(&run).expect("JSON");
    input.write_all(format!("{request}\n").as_bytes()).expect("it listens");
    // As when the campaign was killed.
    drop(input);
    assert_eq!(process.wait().expect("it ends").code(), Some(3));
}
