//! Presets and axes as text, and which model is the stronger.

use std::time::Duration;

use crate::fault::PartitionShape;
use crate::model::words::{Argument, PARTITIONS, WORDS};
use crate::model::{Clocks, Disk, Faulty, Links, Model, Processes, Timing, describe_models};

fn model(text: &str) -> Model {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    match text.parse::<Model>() {
        Ok(_) => panic!("{text} is a model"),
        Err(error) => error.to_string(),
    }
}

/// A preset with which the word makes sense and says something.
fn with_preset(word: &str) -> String {
    let argument = WORDS
        .iter()
        .find(|known| known.name == word)
        .map(|known| known.argument);
    let argument = match argument {
        Some(argument) if argument != Argument::None => format!("({})", argument.example()),
        _ => String::new(),
    };
    let preset = match word {
        "rounds" | "crash-recovery" | "any-faulty" | "lossy" | "torn" | "whole-clients" => "synchronous",
        "split-clients" | "minority-faulty" => "web",
        "synced-only" => "asynchronous",
        _ => "datacentre",
    };
    format!("{preset} + {word}{argument}")
}

#[test]
fn every_preset_comes_back_from_its_text() {
    for preset in Model::presets() {
        assert_eq!(model(&preset.to_string()), preset);
        let json = serde_json::to_string(&preset).expect("a model is text");
        assert_eq!(json, format!("\"{preset}\""));
        assert_eq!(serde_json::from_str::<Model>(&json).expect("the same text"), preset);
    }
    assert_eq!(model("byzantine(3)").faulty_max, Faulty::AtMost(3));
    assert_eq!(model("byzantine(3)"), Model::byzantine(3));
}

#[test]
fn every_axis_parses_and_comes_back_and_most_change_the_model() {
    for word in WORDS {
        let text = with_preset(word.name);
        let parsed = model(&text);
        assert_eq!(parsed.to_string(), text);
        assert_eq!(model(&parsed.to_string()), parsed);
        let mut preset = model(text.split(' ').next().expect("a preset"));
        preset.name.clone_from(&parsed.name);
        let same = ["minority-faulty", "crash-recovery"].contains(&word.name) && !text.starts_with("synchronous");
        assert_eq!(parsed == preset, same, "{text}");
    }
}

#[test]
fn an_axis_replaces_what_the_preset_says() {
    let two = model("asynchronous+byzantine( 2 )  +perfect-clocks + ring+ one-way");
    assert_eq!(
        two.to_string(),
        "asynchronous + byzantine(2) + perfect-clocks + ring + one-way"
    );
    assert_eq!(two.processes, Processes::Byzantine);
    assert_eq!(two.faulty_max, Faulty::AtMost(2));
    assert_eq!(two.clocks, Clocks::Perfect);
    assert_eq!(two.partitions, [PartitionShape::OneWay, PartitionShape::Ring].into());
    assert_eq!(two.links, Model::asynchronous().links);

    let timing = |delay_ms, rounds| Timing::Synchronous {
        delay_max: Duration::from_millis(delay_ms),
        rounds,
    };
    assert_eq!(model("synchronous + rounds").timing, timing(10, true));
    assert_eq!(model("synchronous + rounds + delay(20ms)").timing, timing(20, true));
    let stable = Timing::PartiallySynchronous {
        stable_after: Duration::from_secs(120),
        delay_max: Duration::from_secs(1),
    };
    assert_eq!(model("datacentre + stable-after(2min)").timing, stable);
    assert_eq!(model("datacentre + rotting").disk, Disk::Rotting);
    assert_eq!(model("datacentre + no-partitions").partitions, [].into());
    assert_eq!(model("asynchronous + correct").faulty_max, Faulty::AtMost(0));
}

#[test]
fn the_order_of_axes_does_not_matter() {
    for (left, right) in [
        (
            "asynchronous + jumps + skewed-clocks(1s)",
            "asynchronous + skewed-clocks(1s) + jumps",
        ),
        (
            "synchronous + duplicating + lossy(0.1)",
            "synchronous + lossy(0.1) + duplicating",
        ),
        (
            "synchronous + reordering + duplicating(0.2)",
            "synchronous + duplicating(0.2) + reordering",
        ),
    ] {
        let (left, mut right) = (model(left), model(right));
        right.name.clone_from(&left.name);
        assert_eq!(left, right);
    }
    let links = Links::FairLossy {
        loss: 0.1,
        duplication: 0.01,
        reorder: false,
    };
    assert_eq!(model("synchronous + duplicating + lossy(0.1)").links, links);
}

#[test]
fn an_unknown_word_is_named_with_the_nearest() {
    assert_eq!(
        error("asynchronus"),
        "unknown preset `asynchronus`; did you mean `asynchronous`?"
    );
    assert_eq!(
        error("datacentre + lossi"),
        "unknown axis `lossi`; did you mean `lossy`?"
    );
    assert_eq!(
        error("Datacentre"),
        "unknown preset `Datacentre`; did you mean `datacentre`?"
    );
    let known = "synchronous, datacentre, web, asynchronous, byzantine";
    assert_eq!(
        error("mainframe"),
        format!("unknown preset `mainframe`; known are {known}")
    );
    assert!(error("web + zzzzzzzz").starts_with("unknown axis `zzzzzzzz`; known are rounds, delay, "));
    assert_eq!(
        error("crash-stop"),
        "`crash-stop` is an axis; begin with a preset, as in `datacentre + crash-stop`"
    );
}

#[test]
fn a_contradiction_names_both_words() {
    let presets = "`asynchronous` contradicts `synchronous`: both settle everything, as presets; keep one";
    assert_eq!(error("synchronous + asynchronous"), presets);
    for (text, both) in [
        (
            "datacentre + crash-stop + omission",
            "`omission` contradicts `crash-stop`: both settle how nodes fail",
        ),
        (
            "byzantine(1) + crash-stop",
            "`crash-stop` contradicts `byzantine(1)`: both settle how nodes fail",
        ),
        (
            "web + byzantine(1) + faulty(2)",
            "`faulty(2)` contradicts `byzantine(1)`: both settle how many nodes may fail",
        ),
        (
            "web + perfect-links + lossy",
            "`lossy` contradicts `perfect-links`: both settle what links do",
        ),
        (
            "web + ring + no-partitions",
            "`no-partitions` contradicts `ring`: both settle partitions",
        ),
        (
            "web + bounded-clocks + jumps",
            "`jumps` contradicts `bounded-clocks`: both settle clocks",
        ),
        ("web + ring + ring", "`ring` contradicts `ring`: both settle partitions"),
    ] {
        assert_eq!(error(text), format!("{both}; keep one"));
    }
    let unbounded = "`delay(1s)` contradicts `asynchronous`: there is no bound on delays here: begin with `synchronous` or \
                     `datacentre`";
    assert_eq!(error("asynchronous + delay(1s)"), unbounded);
    assert!(error("datacentre + rounds").starts_with("`rounds` contradicts `datacentre`: lock-step rounds need"));
    assert!(error("web + stable-after(1s)").starts_with("`stable-after(1s)` contradicts `web`: delays are bounded"));
}

#[test]
fn what_stands_in_parentheses_is_checked() {
    let count = "needs a number of nodes from 1 to 1000 in parentheses, as in `byzantine(1)`";
    for text in [
        "byzantine",
        "byzantine()",
        "byzantine(0)",
        "byzantine(-1)",
        "byzantine(1001)",
        "byzantine(many)",
    ] {
        assert_eq!(error(text), format!("`{text}` {count}"));
    }
    for text in ["lossy(0)", "lossy(1)", "lossy(NaN)", "lossy(-0.1)", "lossy()"] {
        let message = format!("`{text}` needs a share above 0 and below 1 in parentheses, as in `lossy(0.05)`");
        assert_eq!(error(&format!("web + {text}")), message);
    }
    for text in [
        "delay",
        "delay(20)",
        "delay(0s)",
        "delay(ms)",
        "delay(2h)",
        "delay(18446744073709551615min)",
    ] {
        let wanted = "a duration above 0 and up to a day, in us, ms, s or min";
        assert_eq!(
            error(&format!("web + {text}")),
            format!("`{text}` needs {wanted} in parentheses, as in `delay(20ms)`")
        );
    }
    assert_eq!(error("web + ring(1)"), "`ring` takes nothing in parentheses");
    assert_eq!(error("web(1)"), "`web` takes nothing in parentheses");
    assert_eq!(error("byzantine(1"), "`byzantine(1` has no `)` at its end");
}

#[test]
fn what_is_empty_or_endless_or_odd_is_refused_on_one_line() {
    assert!(error("").ends_with("nothing is written at word 1"));
    assert!(error("web + + ring").ends_with("nothing is written at word 2"));
    assert!(error("web +").ends_with("nothing is written at word 2"));
    assert_eq!(error(&"w".repeat(513)), "a model has at most 512 bytes, not 513");
    assert!(!error("we\nb\u{1b}").contains(['\n', '\u{1b}']));
    assert!(error(&"ü".repeat(200)).len() < 300);
    assert!(error("(((").starts_with('`'));
}

fn stronger(left: &Model, right: &Model) -> bool {
    left.at_least_as_strong_as(right).is_ok()
}

/// All presets, alone and with the axes that two of them take.
fn many() -> Vec<Model> {
    let mut many = Vec::from(Model::presets());
    many.extend([
        Model::byzantine(2),
        model("synchronous + rounds"),
        model("asynchronous + faulty(1)"),
    ]);
    for preset in ["web", "asynchronous"] {
        for word in WORDS {
            let text = with_preset(word.name);
            let axis = text.split_once(" + ").map_or("", |(_, axis)| axis).to_string();
            many.extend(format!("{preset} + {axis}").parse::<Model>());
        }
    }
    many
}

#[test]
fn strength_is_reflexive_and_transitive() {
    let many = many();
    assert!(many.len() > 60);
    let mut related = 0;
    for left in &many {
        assert!(stronger(left, left), "{left}");
        for middle in many.iter().filter(|middle| stronger(left, middle)) {
            for right in many.iter().filter(|right| stronger(middle, right)) {
                related += 1;
                assert!(stronger(left, right), "{left} >= {middle} >= {right}");
            }
        }
    }
    assert!(related > 5_000, "{related}");
}

#[test]
fn presets_are_ordered_as_textbooks_have_it() {
    let [synchronous, datacentre, web, asynchronous, byzantine] = Model::presets();
    let coming_back = model("synchronous + crash-recovery");
    for (left, right) in [
        (&coming_back, &datacentre),
        (&datacentre, &asynchronous),
        (&coming_back, &asynchronous),
        (&coming_back, &web),
        (&model("synchronous + correct"), &synchronous),
        (&web, &asynchronous),
        (&model("synchronous + rounds"), &synchronous),
        (&Model::byzantine(1), &Model::byzantine(2)),
        (&model("datacentre + stable-after(1min)"), &datacentre),
    ] {
        assert!(stronger(left, right), "{:?}", left.at_least_as_strong_as(right));
    }
    for (left, right) in [
        (&datacentre, &synchronous),
        (&synchronous, &datacentre),
        (&coming_back, &synchronous),
        (&asynchronous, &datacentre),
        (&web, &datacentre),
        (&datacentre, &web),
        (&byzantine, &datacentre),
        (&asynchronous, &byzantine),
        (&synchronous, &model("synchronous + rounds")),
        (&Model::byzantine(2), &Model::byzantine(1)),
    ] {
        assert!(!stronger(left, right), "{left} >= {right}");
    }
}

#[test]
fn each_weaker_axis_gets_its_sentence() {
    let weaker = |left: &str, right: &str| model(left).at_least_as_strong_as(&model(right)).expect_err("weaker");
    let links =
        "links: messages that may be lost (5 %), but `synchronous` has messages that arrive once, whole and in order";
    assert_eq!(weaker("synchronous + lossy(0.05)", "synchronous"), [links]);
    let axes: Vec<String> = weaker("asynchronous", "synchronous");
    let axes: Vec<&str> = axes.iter().filter_map(|sentence| sentence.split(':').next()).collect();
    assert_eq!(axes, ["timing", "processes", "disk", "links", "partitions", "clocks"]);
    let gone = "processes: nodes that stop for good, but `asynchronous` has nodes that stop and come back".to_string();
    assert_eq!(weaker("synchronous", "asynchronous"), [gone]);
    let faulty = "faulty: at most 2 at one moment, but `byzantine(1)` has at most 1 at one moment";
    assert_eq!(weaker("byzantine(2)", "byzantine(1)"), [faulty]);
    let clients = "clients: that may reach only some servers, but `web` has that reach all servers or none";
    assert_eq!(weaker("web + split-clients", "web"), [clients]);
}

#[test]
fn progress_is_claimed_where_delays_are_bounded_in_the_end() {
    let claims: Vec<bool> = Model::presets().iter().map(Model::claims_progress).collect();
    assert_eq!(claims, [true, true, true, false, true]);
}

#[test]
fn the_description_has_every_preset_word_and_axis_on_short_lines() {
    let text = describe_models();
    for word in WORDS {
        assert!(text.contains(word.name) && text.contains(word.simulator) && text.contains(word.checkable));
    }
    for preset in Model::presets() {
        assert!(text.contains(&preset.description()));
        assert_eq!(preset.description().lines().count(), 10);
    }
    assert!(text.contains("claimed after healing") && text.contains("not claimed"));
    for line in text.lines() {
        assert!(line.chars().count() <= 120, "{line}");
    }
    let shapes = WORDS.iter().filter(|word| word.axis == PARTITIONS).count();
    assert_eq!(shapes, PartitionShape::ALL.len() + 1);
}
