//! What every plan keeps to, whatever its seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::Fault;
use crate::model::{Faulty, Model};
use crate::plan::{FaultKind, Node, Plan, Role, Window, draw};

const SEEDS: u64 = 2_000;

const BEGINS_US: u64 = 5_000_000;
const ENDS_US: u64 = 65_000_000;

fn window(model: &Model, seed: u64) -> Window {
    Window::new(model, seed, BEGINS_US, ENDS_US)
}

fn nodes(servers: usize, clients: usize) -> Vec<Node> {
    let node = |role, name: String| Node { name, role };
    let servers = (0..servers).map(|number| node(Role::Server, format!("server-{number}")));
    let clients = (0..clients).map(|number| node(Role::Client, format!("client-{number}")));
    servers
        .chain(clients)
        .chain([node(Role::Witness, "witness".to_string())])
        .collect()
}

fn models() -> Vec<Model> {
    let texts = [
        "asynchronous + rotting",
        "asynchronous + byzantine(2) + rotting",
        "datacentre + any-faulty + full",
        "synchronous + timing",
        "synchronous + omission + faulty(2)",
        "datacentre + omission",
        "asynchronous + correct",
        "web + one-way + bridge + ring + isolate-leader + halves",
        "asynchronous + corrupting + whole-clients",
        "datacentre + stable-after(500ms)",
    ];
    let more = texts.iter().map(|text| text.parse().expect("a model"));
    Vec::from(Model::presets()).into_iter().chain(more).collect()
}

fn for_each_plan(of: &[Node], check: impl Fn(&Model, &Plan, u64)) {
    for (at, model) in models().into_iter().enumerate() {
        let seeds = if at < Model::presets().len() { SEEDS } else { SEEDS / 10 };
        for seed in 0..seeds {
            check(&model, &draw(&model, seed, of, window(&model, seed)), seed);
        }
    }
}

/// The node and the time for which a fault makes it faulty.
fn failure(fault: &Fault) -> Option<(&str, u64, u64)> {
    match fault {
        Fault::Crash {
            node, at_us, down_us, ..
        } => Some((node, *at_us, down_us.map_or(u64::MAX, |down_us| at_us + down_us))),
        Fault::Pause { node, at_us, for_us }
        | Fault::Slow {
            node, at_us, for_us, ..
        }
        | Fault::Full { node, at_us, for_us } => Some((node, *at_us, at_us + for_us)),
        Fault::Rot { node, at_us } => Some((node, *at_us, u64::MAX)),
        _ => None,
    }
}

#[test]
fn never_more_nodes_fail_at_one_moment_than_the_model_allows() {
    let nodes = nodes(5, 2);
    for_each_plan(&nodes, |model, plan, seed| {
        let faulty_max = match model.faulty_max {
            Faulty::AtMost(count) => count as usize,
            Faulty::Minority => 2,
            Faulty::Any => return,
        };
        let always = plan.liars.union(&plan.omitting);
        let always: Vec<_> = always.map(|node| (node.as_str(), BEGINS_US, ENDS_US)).collect();
        let failures: Vec<_> = plan.faults.iter().filter_map(failure).chain(always).collect();
        for (_, moment, _) in &failures {
            let now = failures
                .iter()
                .filter(|(_, from, until)| from <= moment && moment <= until);
            let failing: BTreeSet<&str> = now.map(|(node, ..)| *node).collect();
            assert!(
                failing.len() <= faulty_max,
                "{model}, seed {seed}: {failing:?} fail at {moment}"
            );
        }
    });
}

#[test]
fn the_bound_on_failing_nodes_is_reached() {
    let nodes = nodes(5, 2);
    let model = Model::asynchronous();
    let most = (0..SEEDS).map(|seed| {
        let plan = draw(&model, seed, &nodes, window(&model, seed));
        let failures: Vec<_> = plan.faults.iter().filter_map(failure).collect();
        let at = |moment: u64| {
            failures
                .iter()
                .filter(|(_, from, until)| (*from..=*until).contains(&moment))
                .count()
        };
        failures.iter().map(|(_, from, _)| at(*from)).max().unwrap_or(0)
    });
    assert!(most.max() >= Some(2));
}

#[test]
fn planned_faults_are_sorted_and_stay_in_the_chaos_and_before_delays_are_bounded() {
    let nodes = nodes(5, 2);
    for_each_plan(&nodes, |model, plan, seed| {
        let begins: Vec<_> = plan.faults.iter().map(Fault::begins_us).collect();
        assert!(begins.is_sorted(), "{model}, seed {seed}");
        let ends_us = window(model, seed).faults_end_us;
        for fault in &plan.faults {
            let (from, until) = match fault {
                Fault::Crash {
                    at_us, down_us: None, ..
                }
                | Fault::Rot { at_us, .. }
                | Fault::Jump { at_us, .. } => (*at_us, *at_us),
                Fault::Partition { at_us, for_us, .. } => (*at_us, at_us + for_us),
                fault => failure(fault).map(|(_, from, until)| (from, until)).expect("a failure"),
            };
            assert!(BEGINS_US <= from && until <= ends_us, "{model}, seed {seed}: {fault:?}");
        }
    });
}

#[test]
fn a_client_reaches_all_servers_or_none_where_clients_stay_whole() {
    for servers in 1..=5 {
        let nodes = nodes(servers, 3);
        let mut cut_off = 0;
        for model in models().iter().filter(|model| model.clients_whole) {
            for seed in 0..SEEDS / 20 {
                for fault in draw(model, seed, &nodes, window(model, seed)).faults {
                    let Fault::Partition { cuts, .. } = fault else { continue };
                    // By client and direction: the servers it does not reach, or that do not reach it.
                    let mut off: BTreeMap<(&str, bool), BTreeSet<&str>> = BTreeMap::new();
                    for (from, to) in &cuts {
                        let (from, to) = (from.as_str(), to.as_str());
                        match (from.starts_with("client"), to.starts_with("client")) {
                            (true, false) => off.entry((from, true)).or_default().insert(to),
                            (false, true) => off.entry((to, false)).or_default().insert(from),
                            _ => continue,
                        };
                    }
                    cut_off += off.len();
                    assert!(
                        off.values().all(|of| of.len() == servers),
                        "{model}, seed {seed}: {cuts:?}"
                    );
                }
            }
        }
        assert!(cut_off > 0, "with {servers} servers");
    }
}

#[test]
fn there_is_one_partition_at_a_time_and_it_cuts_somebody_off() {
    let nodes = nodes(5, 2);
    for_each_plan(&nodes, |model, plan, seed| {
        let mut last_until = 0;
        for fault in &plan.faults {
            let Fault::Partition {
                cuts, at_us, for_us, ..
            } = fault
            else {
                continue;
            };
            assert!(
                !cuts.is_empty() && cuts.iter().all(|(from, to)| from != to),
                "{model}, seed {seed}"
            );
            assert!(last_until < *at_us, "{model}, seed {seed}");
            last_until = at_us + for_us;
        }
    });
}

#[test]
fn nothing_happens_to_a_witness_nor_that_is_not_enabled() {
    let nodes = nodes(3, 2);
    for_each_plan(&nodes, |model, plan, seed| {
        let kinds = model.kinds();
        for fault in &plan.faults {
            let text = format!("{fault:?}");
            assert!(!text.contains("witness"), "{model}, seed {seed}: {text}");
            assert!(
                plan.enabled.contains(&fault.kind()) && kinds.contains(&fault.kind()),
                "{model}: {text}"
            );
        }
        let allowed = |kind: &FaultKind| kinds.contains(kind) || *kind == FaultKind::Buggify;
        assert!(plan.enabled.iter().all(allowed), "{model}, seed {seed}");
        assert!(
            plan.liars.iter().all(|liar| liar.starts_with("server")),
            "{model}, seed {seed}"
        );
    });
}

#[test]
fn any_seeds_in_a_row_as_many_as_kinds_enable_every_kind() {
    let nodes = nodes(4, 1);
    for model in models() {
        let kinds = model.kinds_among(&nodes);
        assert_eq!(kinds, model.kinds(), "{model}");
        for first in [0, 1, 777, u64::MAX - 100] {
            let row = first..first + kinds.len() as u64;
            let enabled: BTreeSet<FaultKind> = row
                .flat_map(|seed| draw(&model, seed, &nodes, window(&model, seed)).enabled)
                .collect();
            assert!(enabled.is_superset(&kinds), "{model}, from {first}");
        }
    }
}

#[test]
fn every_planned_kind_occurs_whenever_its_turn_comes() {
    for nodes in [nodes(4, 1), nodes(5, 3), nodes(2, 1), nodes(1, 0)] {
        for model in models() {
            let kinds: Vec<FaultKind> = model.kinds_among(&nodes).into_iter().collect();
            for seed in 0..200 {
                let Some(kind) = kinds.get((seed as usize).checked_rem(kinds.len()).unwrap_or(0)) else {
                    continue;
                };
                let plan = draw(&model, seed, &nodes, window(&model, seed));
                let occurs = plan.faults.iter().any(|fault| fault.kind() == *kind);
                assert!(occurs || !kind.is_planned(), "{model}, seed {seed}: {kind}");
                assert!(
                    !matches!(kind, FaultKind::Lie(_)) || !plan.liars.is_empty(),
                    "{model}, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn omitting_nodes_are_found_where_links_lose_nothing() {
    let nodes = nodes(3, 1);
    let model: Model = "synchronous + omission".parse().expect("a model");
    let omitting = |seed: u64| draw(&model, seed, &nodes, window(&model, seed)).omitting.len();
    let counts: BTreeSet<usize> = (0..SEEDS).map(omitting).collect();
    assert_eq!(counts, [0, 1].into());
}

#[test]
fn a_run_without_a_kind_is_as_common_as_one_with_it() {
    let nodes = nodes(4, 1);
    let model = Model::asynchronous();
    let enabled: Vec<BTreeSet<FaultKind>> = (0..SEEDS)
        .map(|seed| draw(&model, seed, &nodes, window(&model, seed)).enabled)
        .collect();
    for kind in model.kinds() {
        let with = enabled.iter().filter(|enabled| enabled.contains(&kind)).count();
        assert!(
            (SEEDS as usize * 45 / 100..SEEDS as usize * 65 / 100).contains(&with),
            "{kind}: {with}"
        );
    }
}

#[test]
fn the_same_seed_draws_the_same_plan_and_another_one_another() {
    let nodes = nodes(4, 1);
    for model in models() {
        assert_eq!(
            draw(&model, 7, &nodes, window(&model, 7)),
            draw(&model, 7, &nodes, window(&model, 7))
        );
    }
    let plans: Vec<Plan> = (0..100)
        .map(|seed| {
            draw(
                &Model::asynchronous(),
                seed,
                &nodes,
                window(&Model::asynchronous(), seed),
            )
        })
        .collect();
    let different = plans.iter().enumerate().all(|(at, plan)| !plans[..at].contains(plan));
    assert!(different);
}

#[test]
fn any_number_of_nodes_and_any_window_has_a_plan() {
    let windows = [(BEGINS_US, ENDS_US), (0, 0), (5, 6), (9, 3), (0, 1_000), (1, u64::MAX)];
    for model in models() {
        for (servers, clients) in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 3), (2, 0), (3, 0), (9, 9)] {
            for (begins_us, ends_us) in windows {
                for seed in 0..8 {
                    let window = Window::new(&model, seed, begins_us, ends_us);
                    let plan = draw(&model, seed, &nodes(servers, clients), window);
                    let nobody = servers + clients == 0;
                    assert!(!nobody || plan.faults.is_empty() && plan.liars.is_empty());
                }
            }
        }
        assert!(draw(&model, 1, &[], window(&model, 1)).faults.is_empty());
    }
}

#[test]
fn message_rates_hold_during_the_chaos_only() {
    for model in models() {
        let (kinds, window) = (model.kinds(), window(&model, 7));
        let ends_us = window.faults_end_us;
        let during = model.rates(&kinds, BEGINS_US, window);
        assert_eq!(
            during.loss + during.omission > 0.0,
            kinds.contains(&FaultKind::Loss),
            "{model}"
        );
        assert_eq!(during.reset > 0.0, kinds.contains(&FaultKind::Reset), "{model}");
        assert_eq!(
            during.duplication > 0.0,
            kinds.contains(&FaultKind::Duplication),
            "{model}"
        );
        assert_eq!(
            during.corruption > 0.0,
            kinds.contains(&FaultKind::Corruption),
            "{model}"
        );
        assert_eq!(
            during.late.0 > 0.0 && during.late.1 > 0,
            kinds.contains(&FaultKind::Late),
            "{model}"
        );
        for us in [0, BEGINS_US - 1, ENDS_US, u64::MAX] {
            assert_eq!(model.rates(&kinds, us, window), Default::default(), "{model} at {us}");
        }
        assert_eq!(
            model.rates(&BTreeSet::new(), BEGINS_US, window),
            Default::default(),
            "{model}"
        );
        if ends_us < ENDS_US {
            let stable = model.rates(&kinds, ends_us, window);
            let loses = stable.loss + stable.reset + stable.duplication + stable.corruption + stable.omission;
            let bound = model.delay_max().expect("a bound").as_micros() as u64;
            assert!(loses == 0.0 && stable.late.1 < bound, "{model}: {stable:?}");
            let before = model.rates(&kinds, ends_us - 1, window);
            assert!(
                before.late.1 <= bound,
                "{model}: sent before the moment, it arrives within the bound after it"
            );
        }
    }
}

#[test]
fn kinds_are_those_of_the_model() {
    let kinds = |text: &str| text.parse::<Model>().expect("a model").kinds();
    assert_eq!(kinds("synchronous"), [FaultKind::CrashForGood].into());
    assert_eq!(kinds("synchronous + rounds + correct"), [].into());
    let synchronous = kinds("synchronous + timing");
    assert_eq!(
        synchronous,
        [FaultKind::Crash, FaultKind::Pause, FaultKind::Loss].into()
    );
    assert!(kinds("datacentre").contains(&FaultKind::Slow) && !kinds("datacentre").contains(&FaultKind::TornCrash));
    let asynchronous = kinds("asynchronous + rotting + corrupting + byzantine(1)");
    for kind in [
        FaultKind::Jump,
        FaultKind::TornCrash,
        FaultKind::Full,
        FaultKind::Rot,
        FaultKind::Corruption,
    ] {
        assert!(asynchronous.contains(&kind), "{kind}");
    }
    assert_eq!(
        asynchronous
            .iter()
            .filter(|kind| matches!(kind, FaultKind::Lie(_)))
            .count(),
        6
    );
    let names: BTreeSet<String> = asynchronous.iter().map(FaultKind::to_string).collect();
    assert_eq!(names.len(), asynchronous.len());
}

#[test]
fn a_pause_stays_within_the_bound_where_there_is_one() {
    let model: Model = "synchronous + timing".parse().expect("a model");
    let mut longest = 0;
    for seed in 0..SEEDS {
        for fault in draw(&model, seed, &nodes(3, 1), window(&model, seed)).faults {
            if let Fault::Pause { for_us, .. } = fault {
                longest = longest.max(for_us);
            }
        }
    }
    assert!((5_000..=10_000).contains(&longest), "{longest}");
}

#[test]
fn nobody_knows_when_delays_become_bounded_but_no_later_than_the_model_says() {
    let model = Model::datacentre();
    let latest_us = BEGINS_US + 30_000_000;
    let moments: Vec<u64> = (0..SEEDS).map(|seed| window(&model, seed).faults_end_us).collect();
    assert!(
        moments
            .iter()
            .all(|moment| (BEGINS_US + 1..=latest_us).contains(moment))
    );
    let latest = moments.iter().filter(|moment| **moment == latest_us).count() as u64;
    assert!((SEEDS / 5..SEEDS / 3).contains(&latest), "{latest}");
    let different: BTreeSet<u64> = moments.iter().copied().collect();
    assert!(different.len() as u64 > SEEDS / 2);
    let early = moments
        .iter()
        .filter(|moment| **moment < BEGINS_US + 10_000_000)
        .count() as u64;
    assert!(early > SEEDS / 6, "{early}");
    assert_eq!(window(&model, 5), window(&model, 5));
    for model in [Model::synchronous(), Model::asynchronous()] {
        assert_eq!(window(&model, 5).faults_end_us, ENDS_US);
    }
}

#[test]
fn some_crashes_strike_within_a_step_and_only_where_the_node_comes_back() {
    let (mut within, mut between) = (0, 0);
    let nodes = nodes(5, 2);
    for model in models() {
        for seed in 0..SEEDS / 10 {
            for fault in draw(&model, seed, &nodes, window(&model, seed)).faults {
                match fault {
                    Fault::Crash {
                        down_us,
                        after_changes: Some(changes),
                        ..
                    } => {
                        assert!(down_us.is_some() && changes < 32, "{model}, seed {seed}: {changes}");
                        within += 1;
                    }
                    Fault::Crash { down_us: Some(_), .. } => between += 1,
                    _ => {}
                }
            }
        }
    }
    assert!(0 < between && between < within, "{between} {within}");
}

#[test]
fn a_crash_that_was_saved_without_changes_is_read_and_written_as_it_was() {
    let text = r#"{"fault":"crash","node":"a","at_us":5,"down_us":7,"torn":true}"#;
    let fault: Fault = serde_json::from_str(text).expect("a fault");
    assert_eq!(serde_json::to_string(&fault).expect("JSON"), text);
    assert_eq!(fault.to_string(), "a crashes with torn writes at 5 µs, back after 7 µs");
}
