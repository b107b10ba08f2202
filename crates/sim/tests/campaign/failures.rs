//! What is kept of failures, and that nothing passes which was not run.

use std::path::Path;
use std::process::Command;

use sim::campaign::{Campaign, replay};
use sim::fault::Fault;
use sim::run::Run;
use sim::{Verdict, saved};

use crate::counter::{LOSSY, by_hand, one_try, two_bugs};
use crate::{be_child, campaign, folder, only, seeds};

#[test]
fn a_campaign_without_a_seed_does_not_pass() {
    let report = campaign(
        "failures::a_campaign_without_a_seed_does_not_pass",
        &one_try(),
        &seeds(0),
    );
    assert!(
        !report.passed() && report.text().contains("no seed was run"),
        "{}",
        report.text()
    );
}

#[test]
fn a_failure_is_not_made_small_until_it_is_another_one() {
    const NAME: &str = "failures::a_failure_is_not_made_small_until_it_is_another_one";
    let report = campaign(NAME, &two_bugs(), &seeds(2));
    let failure = only(&report);
    assert_eq!(
        (failure.message.as_str(), failure.faults.len()),
        ("the other bug", 2),
        "{failure:?}"
    );
}

#[test]
fn the_pictures_of_one_seed_under_two_models_are_both_kept() {
    const NAME: &str = "failures::the_pictures_of_one_seed_under_two_models_are_both_kept";
    be_child(&by_hand());
    let folder = folder("two-models");
    let _ = std::fs::remove_dir_all(&folder);
    let pictures = [LOSSY, "synchronous + correct + lossy(0.03)"].map(|model| {
        let asked = Campaign {
            model: Some(model.to_owned()),
            saved: Some(folder.clone()),
            ..seeds(1)
        };
        let failure = only(&campaign(NAME, &by_hand(), &asked)).clone();
        let (saved, svg) = (failure.saved.expect("a file"), failure.svg.expect("a picture"));
        assert_eq!(saved.with_extension("svg"), svg);
        svg
    });
    assert_ne!(pictures[0], pictures[1]);
}

/// What is said of a saved failure like this, of which no process is started.
fn refused(name: &str, change: impl FnOnce(&mut saved::Saved)) -> String {
    let mut failure = saved::Saved {
        environment: Default::default(),
        scenario: "by-hand".to_owned(),
        model: LOSSY.to_owned(),
        seed: 3,
        faults: None,
        verdict: Verdict::WrongAnswer,
        message: "it was wrong".to_owned(),
        hash: "0".to_owned(),
    };
    change(&mut failure);
    let file = folder("refused").join(name);
    std::fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("a folder");
    std::fs::write(&file, serde_json::to_string(&failure).expect("JSON")).expect("a file");
    let asked = Campaign {
        scenarios: vec!["by-hand".to_owned(), "one-try".to_owned()],
        ..Campaign::default()
    };
    let launch = |_: &Run| -> Command { panic!("no process is started") };
    replay(&file, &asked, &launch).expect_err("it is refused").to_string()
}

#[test]
fn what_is_saved_of_an_unknown_scenario_or_model_or_fault_is_refused_before_anything_runs() {
    let scenario = refused("scenario.json", |failure| failure.scenario = "by-foot".to_owned());
    assert!(
        scenario.contains("`by-foot`") && scenario.contains("`by-hand`, `one-try`"),
        "{scenario}"
    );
    let model = refused("model.json", |failure| failure.model = "synchronos".to_owned());
    assert!(model.contains("did you mean `synchronous`?"), "{model}");
    let fault = refused("fault.json", |failure| {
        failure.faults = Some(vec![Fault::Rot {
            node: "counter".to_owned(),
            at_us: u64::MAX,
        }]);
    });
    assert!(fault.contains("make it sooner or shorter"), "{fault}");
}
