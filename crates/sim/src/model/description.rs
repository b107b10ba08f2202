//! Models in words, for people who choose one.

use std::fmt::Write;

use crate::model::words::{Argument, WORDS};
use crate::model::{Clocks, Disk, Faulty, Links, Model, Processes, Timing};

/// How a model is written; the same as in the documentation of this module.
const GRAMMAR: &str = "\
A model is a preset, or a preset and the axes that differ:

  model    = preset { \"+\" axis }                asynchronous + byzantine(1)
  axis     = word [ \"(\" argument \")\" ]
  argument = count | share | duration           2, 0.05, 20ms (us, ms, s, min)

An axis replaces what the preset says of the same thing; the partitions that are named are the only ones.
";

/// Columns of the first two columns of a table.
const AXIS_COLUMNS: usize = 11;
const WORD_COLUMNS: usize = 22;

/// All presets, all axes and how a model is written: the text of `describe --models`.
pub fn describe_models() -> String {
    let mut text = String::from("Presets, from what each assumes\n");
    for preset in Model::presets() {
        let _ = write!(text, "\n{}", preset.description());
    }
    text.push_str("\nAxes: what the simulator does; what becomes checkable\n");
    let mut axis = "";
    for word in WORDS {
        if word.axis != axis {
            axis = word.axis;
            let _ = writeln!(text, "\n  {axis}");
        }
        let written = match word.argument {
            Argument::None => word.name.to_string(),
            argument if argument.needed() => format!("{}({})", word.name, argument.example()),
            argument => format!("{}[({})]", word.name, argument.example()),
        };
        let _ = writeln!(text, "    {written:WORD_COLUMNS$} {}", word.simulator);
        let _ = writeln!(text, "    {:WORD_COLUMNS$} -> {}", "", word.checkable);
    }
    text.push('\n');
    text.push_str(GRAMMAR);
    text
}

impl Model {
    /// The model as its name and a row for each axis.
    pub fn description(&self) -> String {
        let mut text = format!("{}\n", self.name);
        for (axis, words) in self.rows() {
            let _ = writeln!(text, "  {axis:AXIS_COLUMNS$} {words}");
        }
        text
    }

    /// Each axis and what it is here.
    pub fn rows(&self) -> [(&'static str, String); 9] {
        let progress = if self.claims_progress() {
            "claimed after healing"
        } else {
            "not claimed"
        };
        [
            ("timing", self.timing_in_words()),
            ("processes", self.processes_in_words().to_string()),
            ("faulty", self.faulty_in_words()),
            ("disk", self.disk_in_words().to_string()),
            ("links", self.links_in_words()),
            ("partitions", self.partitions_in_words()),
            ("clocks", self.clocks_in_words()),
            ("clients", self.clients_in_words().to_string()),
            ("progress", progress.to_string()),
        ]
    }

    pub(super) fn timing_in_words(&self) -> String {
        match self.timing {
            Timing::Synchronous { delay_max, rounds } => {
                let rounds = if rounds { ", in lock-step rounds" } else { "" };
                format!("delays of at most {delay_max:?}{rounds}")
            }
            Timing::PartiallySynchronous {
                stable_after,
                delay_max,
            } => format!("delays without a bound for up to {stable_after:?}, then of at most {delay_max:?}"),
            Timing::Asynchronous => "delays without a bound".to_string(),
        }
    }

    pub(super) fn processes_in_words(&self) -> &'static str {
        match self.processes {
            Processes::Correct => "nodes that do not fail",
            Processes::CrashStop => "nodes that stop for good",
            Processes::CrashRecovery => "nodes that stop and come back",
            Processes::Omission => "nodes that stop and come back, or lose messages",
            Processes::Timing => "nodes that stop and come back, lose messages, or are late",
            Processes::Byzantine => "nodes that do anything",
        }
    }

    pub(super) fn faulty_in_words(&self) -> String {
        match self.faulty_max {
            Faulty::AtMost(0) => "no node fails".to_string(),
            Faulty::AtMost(count) => format!("at most {count} at one moment"),
            Faulty::Minority => "fewer than half of the servers at one moment".to_string(),
            Faulty::Any => "any number at one moment".to_string(),
        }
    }

    pub(super) fn disk_in_words(&self) -> &'static str {
        match self.disk {
            Disk::SyncedOnly => "exactly what was synced after a crash",
            Disk::Torn => "any part of what was not synced after a crash",
            Disk::Full => "torn writes, and disks that run full",
            Disk::Rotting => "torn writes, disks that run full, and bits that change",
        }
    }

    pub(super) fn links_in_words(&self) -> String {
        let percent = |share: f64| format!("{} %", (share * 10_000.0).round() / 100.0);
        match self.links {
            Links::Perfect => "messages that arrive once, whole and in order".to_string(),
            Links::Authenticated => "messages that arrive once, whole, in order and from whom they say".to_string(),
            Links::FairLossy {
                loss,
                duplication,
                reorder,
            } => {
                let mut text = format!("messages that may be lost ({})", percent(loss));
                if duplication > 0.0 {
                    let _ = write!(text, ", doubled ({})", percent(duplication));
                }
                text.push_str(if reorder { ", overtaken" } else { "" });
                text
            }
            Links::Corrupting {
                loss,
                duplication,
                corruption,
            } => {
                let (loss, corruption) = (percent(loss), percent(corruption));
                let doubled = match duplication {
                    0.0 => String::new(),
                    share => format!(", doubled ({})", percent(share)),
                };
                format!("messages that may be lost ({loss}){doubled}, overtaken, changed ({corruption})")
            }
        }
    }

    pub(super) fn partitions_in_words(&self) -> String {
        if self.partitions.is_empty() {
            return "none".to_string();
        }
        let names: Vec<&str> = self.partitions.iter().map(|shape| shape.name()).collect();
        names.join(", ")
    }

    pub(super) fn clocks_in_words(&self) -> String {
        match self.clocks {
            Clocks::Perfect => "the truth".to_string(),
            Clocks::Bounded { uncertainty } => format!("wrong by at most {uncertainty:?}"),
            Clocks::Skewed {
                offset,
                drift_ppm,
                jumps,
            } => {
                let jumps = if jumps { ", with jumps" } else { "" };
                format!("wrong by up to {offset:?}, drifting by up to {drift_ppm} ppm{jumps}")
            }
        }
    }

    pub(super) fn clients_in_words(&self) -> &'static str {
        if self.clients_whole {
            "that reach all servers or none"
        } else {
            "that may reach only some servers"
        }
    }
}
