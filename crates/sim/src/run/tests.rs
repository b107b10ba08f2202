//! What a run comes to when its scenario or its faults are odd.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use terrace::{CallError, Cx};

use super::{FAULT_US_MAX, Run, RunError, Verdict, once};
use crate::fault::{Fate, Fault};
use crate::scenario::Scenario;
use crate::trace::Kind;

fn run(faults: Option<Vec<Fault>>) -> Run {
    Run {
        model: "asynchronous".to_owned(),
        seed: 1,
        faults,
        ..Run::default()
    }
}

fn refused(fault: Fault) -> Option<String> {
    let idle = Scenario::new("idle", |_| async {});
    match once(&idle, &run(Some(vec![fault]))) {
        Err(RunError::Fault(error)) => Some(error.to_string()),
        other => {
            assert_eq!(other.expect("a model").verdict, Verdict::Holds);
            None
        }
    }
}

#[test]
fn an_unwinding_that_no_hook_saw_does_not_hold() {
    let scenario = Scenario::new("unwinds", |_| async { resume_unwind(Box::new("boom")) });
    let outcome = once(&scenario, &run(None)).expect("a model");
    let why = "the scenario ended by a panic without a message".to_owned();
    assert_eq!((outcome.verdict, outcome.message), (Verdict::WrongAnswer, why));
}

#[test]
fn a_drift_by_which_a_clock_stands_still_is_refused() {
    let skew = |drift_ppm| Fault::Skew {
        node: "a".to_owned(),
        offset_us: 0,
        drift_ppm,
    };
    for drift_ppm in [-1_000_000, 1_000_000, i32::MIN, i32::MAX] {
        let why = refused(skew(drift_ppm)).expect("it is refused");
        assert!(
            why.contains(&format!("{drift_ppm} ppm")) && why.ends_with("make it smaller"),
            "{why}"
        );
    }
    assert_eq!([-999_999, 999_999].map(|drift| refused(skew(drift))), [None, None]);
}

#[test]
fn a_time_that_no_clock_holds_is_refused() {
    let node = || "a".to_owned();
    let faults = |us: u64| {
        let by_us = -i64::try_from(us).unwrap_or(i64::MAX);
        let message = |fate| Fault::Message {
            from: node(),
            to: node(),
            kind: Kind::Reply,
            nth: 0,
            fate,
        };
        [
            Fault::Rot {
                node: node(),
                at_us: us,
            },
            Fault::Pause {
                node: node(),
                at_us: 0,
                for_us: us,
            },
            Fault::Slow {
                node: node(),
                at_us: 0,
                for_us: 1,
                step_us: us,
            },
            Fault::Jump {
                node: node(),
                at_us: 0,
                by_us,
            },
            Fault::Skew {
                node: node(),
                offset_us: by_us,
                drift_ppm: 0,
            },
            message(Fate::Late { by_us: us }),
            message(Fate::Duplicated { after_us: us }),
        ]
    };
    for fault in faults(FAULT_US_MAX) {
        assert_eq!(refused(fault), None);
    }
    for fault in [faults(FAULT_US_MAX + 1), faults(u64::MAX)].concat() {
        let why = refused(fault.clone()).expect("it is refused");
        assert!(
            why.contains(&fault.to_string()) && why.ends_with("make it sooner or shorter"),
            "{why}"
        );
    }
}

#[test]
fn a_fault_that_strikes_the_scenario_itself_is_refused() {
    let node = || "scenario".to_owned();
    let crash = Fault::Crash {
        node: node(),
        at_us: 0,
        down_us: None,
        torn: false,
        after_changes: None,
    };
    let cut = Fault::Partition {
        shape: crate::fault::PartitionShape::OneWay,
        cuts: vec![("a".to_owned(), node())],
        at_us: 0,
        for_us: 1,
    };
    for fault in [crash, cut] {
        let why = refused(fault).expect("it is refused");
        assert!(
            why.contains("strikes `scenario`") && why.ends_with("name another node"),
            "{why}"
        );
    }
    let offer = Fault::Buggify {
        node: node(),
        name: "rare".to_owned(),
        nth: 0,
    };
    assert_eq!(refused(offer), None);
}

#[terrace::component]
trait Silent {
    async fn ask(&self, cx: &Cx) -> Result<(), CallError>;
}

struct Sleeper;

impl Silent for Sleeper {
    async fn ask(&self, _: &Cx) -> Result<(), CallError> {
        std::future::pending().await
    }
}

#[test]
fn nothing_is_left_of_a_run_that_ends_while_requests_are_under_way() {
    let worlds = Arc::new(Mutex::new(Vec::new()));
    let own = worlds.clone();
    let scenario = Scenario::new("silent", move |world| {
        let weak = Arc::downgrade(&world.inner);
        own.lock().unwrap_or_else(PoisonError::into_inner).push(weak);
        async move {
            world.provide::<dyn Silent, _, _, _>("sleeper", |_| async { Sleeper });
            world.client("asks", |env| async move {
                let silent = crate::reference::<dyn Silent>(&env, "sleeper");
                drop(silent.ask(&Cx::root(&env)).await);
            });
            world.env().sleep(Duration::from_secs(1)).await;
        }
    });
    let outcome = once(&scenario, &run(None)).expect("a model");
    assert_eq!((outcome.verdict, outcome.messages), (Verdict::Holds, 3));
    let worlds = worlds.lock().unwrap_or_else(PoisonError::into_inner);
    let left: Vec<usize> = worlds.iter().map(|world| world.strong_count()).collect();
    assert_eq!(left, [0]);
}
