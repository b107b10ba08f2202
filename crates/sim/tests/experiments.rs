//! What the pages in `docs/experiments` claim, with few seeds: each experiment has to show what its page says.

#[path = "../examples/experiments/chart.rs"]
mod chart;
#[path = "subjects/log.rs"]
mod log;
#[path = "../examples/experiments/lying_replica.rs"]
mod lying_replica;
#[path = "../examples/experiments/measure.rs"]
mod measure;
#[path = "../examples/experiments/one_second.rs"]
mod one_second;
#[path = "../examples/experiments/price_of_an_assumption.rs"]
mod price_of_an_assumption;
#[path = "../examples/experiments/two_generals.rs"]
mod two_generals;

use measure::Measured;
use price_of_an_assumption::{Built, MODELS, sum};

/// A picture on a page is read as a whole.
const PICTURE_BYTES_MAX: usize = 60 << 10;

#[test]
fn a_timeout_is_perfect_in_a_synchronous_world_only() {
    let [synchronous, partially, asynchronous] = one_second::TIMINGS.map(|(_, model)| one_second::row(model, 12));
    assert!(synchronous.right > 0, "nothing failed");
    let harm = [
        synchronous.wrong,
        synchronous.double,
        synchronous.kept,
        synchronous.refused,
    ];
    assert_eq!(
        harm, [0; 4],
        "false suspicions, double leaders, stale writes kept and refused"
    );
    for row in [&partially, &asynchronous] {
        assert!(row.wrong > 0 && row.double > 0, "{} and {}", row.wrong, row.double);
        assert!(row.kept > 0 && row.refused > 0, "{} and {}", row.kept, row.refused);
        assert_eq!(row.kept_by_fence, 0);
    }
    assert_eq!(partially.wrong_late, 0, "delays are bounded by then");
}

#[test]
fn no_number_of_acknowledgements_makes_two_generals_certain() {
    for acknowledgements in 0..=two_generals::ACKNOWLEDGEMENTS_MAX {
        let lossy = two_generals::ends(acknowledgements, 20, 12);
        assert!(lossy.one > 0, "{acknowledgements} acknowledgements are enough");
        assert!(lossy.both > 0);
        let perfect = two_generals::ends(acknowledgements, 0, 2);
        assert_eq!(
            (perfect.one, perfect.none),
            (0, 0),
            "{acknowledgements} acknowledgements"
        );
    }
}

#[test]
fn repeated_orders_are_answered_and_obeyed_once() {
    for (_, model) in two_generals::RETRIES {
        let all = two_generals::repeated(model, 6);
        assert_eq!((all.answered, all.obeyed), (all.orders, all.orders), "{model}");
        assert!(all.heard > all.obeyed, "{model}: nothing was repeated");
    }
}

#[test]
fn so_many_liars_as_are_tolerated_never_win_and_one_more_does() {
    for case in lying_replica::CASES {
        let tolerated = case.liars as usize <= case.tolerated;
        let seeds = if tolerated { 12 } else { SEEDS_TO_WIN };
        let reads = lying_replica::reads(case, seeds);
        let text = format!("{} of {} lie, {} tolerated", case.liars, case.replicas, case.tolerated);
        assert!(reads.right > 0 && reads.none < reads.right, "{text}");
        assert_eq!(reads.wrong == 0, tolerated, "{text}: {} wrong reads", reads.wrong);
    }
    /// Three of five liars have to tell one lie at once.
    const SEEDS_TO_WIN: u64 = 40;
}

#[test]
fn a_lock_holds_in_its_model_and_the_cheapest_breaks_in_the_next() {
    for (built, model) in Built::ALL.into_iter().zip(MODELS) {
        let own = sum(built, model, 6);
        assert_eq!((own.stale_runs, own.disorder_runs), (0, 0), "`{model}`");
        assert!(own.messages() >= 4.0);
    }
    let weaker = sum(Built::Timeout, MODELS[1], 12);
    assert!(weaker.stale_runs > 0, "a timeout is enough under `{}`", MODELS[1]);
    let fenced = sum(Built::Lease, MODELS[2], 12);
    assert_eq!(fenced.stale_runs, 0, "`{}`", MODELS[2]);
    // A lone server stops for good, and two of three go on.
    let stalled = Built::ALL.map(|built| sum(built, MODELS[0], 12).stalled_runs);
    assert!(stalled[0] > 0 && stalled[1] > 0 && stalled[2] == 0, "{stalled:?}");
}

#[test]
fn each_experiment_fills_its_page() {
    let measured: [(&str, Measured); 4] = [
        (
            include_str!("../../../docs/experiments/one_second.md"),
            one_second::measure(1),
        ),
        (
            include_str!("../../../docs/experiments/two_generals.md"),
            two_generals::measure(1),
        ),
        (
            include_str!("../../../docs/experiments/lying_replica.md"),
            lying_replica::measure(1),
        ),
        (
            include_str!("../../../docs/experiments/price_of_an_assumption.md"),
            price_of_an_assumption::measure(1),
        ),
    ];
    for (page, measured) in measured {
        let heads = measured
            .tables
            .lines()
            .filter(|line| line.contains(" | ") && !line.contains("---"));
        let head = heads.take(1).next().unwrap_or_default();
        assert!(
            page.contains(head),
            "no page has the table `{head}`; run the example with `--write`"
        );
        assert!(!measured.pictures.is_empty());
        for (name, svg) in measured.pictures {
            assert!(page.contains(&format!("({name}.svg)")), "no page shows {name}");
            assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
            assert!(svg.len() <= PICTURE_BYTES_MAX, "{name} has {} bytes", svg.len());
        }
    }
}
