//! Rows with goals; the table, the JSON and the page.

use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::figure::Figure;
use crate::machine;
use crate::options::Options;

/// Everything one bench found out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the bench, as given to `./bench/run`.
    pub bench: String,
    /// What it ran on.
    pub machine: String,
    /// Rounds behind each median.
    pub rounds: u32,
    /// One row for each case and peer.
    pub rows: Vec<Row>,
    /// What was tuned, what is left out, how to read it. Only on the page.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Every side by itself. Only on the page.
    #[serde(skip)]
    pub details: Option<Details>,
    #[serde(skip)]
    quick: bool,
}

/// One case against one peer.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was done.
    pub case: String,
    /// What the figures count.
    pub unit: String,
    /// Our median.
    pub ours: Option<f64>,
    /// The peer, with the settings that were its best.
    pub peer: Option<String>,
    /// The peer's median.
    pub theirs: Option<f64>,
    /// The median of what physics allows, in the same unit.
    pub limit: Option<f64>,
    /// Ours divided by theirs.
    pub ratio: Option<f64>,
    /// What is promised, as text.
    pub goal: Option<String>,
    /// Whether it is kept; `None` where nothing is promised or ours was not measured.
    pub met: Option<bool>,
    #[serde(skip)]
    spread: [Option<Figure>; 2],
}

/// A promise about a ratio or, where there is no peer, about our own figure.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

/// A table with one line for each side.
#[derive(Debug)]
pub struct Details {
    /// Column names.
    pub header: Vec<String>,
    /// How many of the columns, from the left, are names and not figures.
    pub names: usize,
    /// Cells of each line.
    pub lines: Vec<Vec<String>>,
}

impl Goal {
    fn met(self, value: f64) -> bool {
        match self {
            Goal::AtLeast(bound) => value >= bound,
            Goal::AtMost(bound) => value <= bound,
        }
    }

    fn text(self, suffix: &str) -> String {
        match self {
            Goal::AtLeast(bound) => format!("≥ {bound}{suffix}"),
            Goal::AtMost(bound) => format!("≤ {bound}{suffix}"),
        }
    }
}

impl Row {
    /// Ours beside a peer; the goal is about ours divided by theirs.
    #[must_use]
    pub fn beside(
        case: impl Into<String>,
        unit: impl Into<String>,
        ours: Option<Figure>,
        (peer, theirs): (impl Into<String>, Figure),
        limit: Option<Figure>,
        goal: Option<Goal>,
    ) -> Row {
        let ratio = ours.map(|ours| ours.median / theirs.median);
        Row {
            case: case.into(),
            unit: unit.into(),
            ours: ours.map(|figure| figure.median),
            peer: Some(peer.into()),
            theirs: Some(theirs.median),
            limit: limit.map(|figure| figure.median),
            ratio,
            goal: goal.map(|goal| goal.text("×")),
            met: goal.zip(ratio).map(|(goal, ratio)| goal.met(ratio)),
            spread: [ours, Some(theirs)],
        }
    }

    /// Ours alone; the goal is about the figure itself.
    #[must_use]
    pub fn alone(case: impl Into<String>, unit: impl Into<String>, ours: Figure, goal: Option<Goal>) -> Row {
        let unit = unit.into();
        Row {
            case: case.into(),
            ours: Some(ours.median),
            peer: None,
            theirs: None,
            limit: None,
            ratio: None,
            goal: goal.map(|goal| goal.text(&format!(" {unit}"))),
            met: goal.map(|goal| goal.met(ours.median)),
            unit,
            spread: [Some(ours), None],
        }
    }

    /// The same row with a goal about our own figure, whatever the peer's is.
    #[must_use]
    pub fn with_own_goal(mut self, goal: Goal) -> Row {
        self.goal = Some(goal.text(&format!(" {}", self.unit)));
        self.met = self.ours.map(|ours| goal.met(ours));
        self
    }

    fn cells(&self) -> Vec<String> {
        let [ours, theirs] = self.spread;
        vec![
            self.case.clone(),
            self.unit.clone(),
            optional(ours, with_spread),
            self.peer.clone().unwrap_or_else(|| "–".to_owned()),
            optional(theirs, with_spread),
            optional(self.limit, number),
            optional(self.ratio, |ratio| format!("{ratio:.2}×")),
            self.goal.clone().unwrap_or_else(|| "–".to_owned()),
            optional(self.met, |met| if met { "yes" } else { "NO" }.to_owned()),
        ]
    }
}

impl Report {
    /// An empty report of this machine.
    #[must_use]
    pub fn new(bench: &str, options: &Options) -> Report {
        Report {
            bench: bench.to_owned(),
            machine: machine::describe(),
            rounds: options.rounds(),
            rows: Vec::new(),
            notes: Vec::new(),
            details: None,
            quick: options.quick,
        }
    }

    /// The page: machine, table, details, notes.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = format!("# {}\n\n", self.bench);
        if self.quick {
            page.push_str("**A quick run: it proves that the bench works, its figures mean nothing.**\n\n");
        }
        page.push_str(&format!(
            "{}. Medians of {} rounds (lowest – highest).\n\n",
            self.machine, self.rounds
        ));
        let header = [
            "case", "unit", "ours", "peer", "theirs", "limit", "ratio", "goal", "met",
        ];
        page.push_str(&table(&header, 2, self.rows.iter().map(Row::cells)));
        if let Some(details) = &self.details {
            page.push_str("\n## Every side by itself\n\n");
            page.push_str(&table(&details.header, details.names, details.lines.iter().cloned()));
        }
        if !self.notes.is_empty() {
            page.push_str("\n## How it was measured\n\n");
        }
        for note in &self.notes {
            page.push_str(&format!("- {note}\n"));
        }
        page
    }

    /// Prints the page, and writes `NAME.json` and `NAME.md` beside the other results.
    ///
    /// # Errors
    /// When the directory cannot be written.
    #[expect(clippy::print_stdout, reason = "the table is what the bench is run for")]
    pub fn publish(&self, directory: &Path) -> anyhow::Result<()> {
        let page = self.page();
        println!("{page}");
        let file = |extension: &str| directory.join(format!("{}.{extension}", self.bench));
        let json = serde_json::to_string_pretty(self).context("cannot write the report as JSON")?;
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(file("json"), json + "\n"))
            .and_then(|()| fs::write(file("md"), page))
            .with_context(|| {
                format!(
                    "cannot write the results to `{}`; choose another --results",
                    directory.display()
                )
            })
    }
}

/// A figure as `median (lowest – highest)`.
#[must_use]
pub fn with_spread(figure: Figure) -> String {
    format!(
        "{} ({} – {})",
        number(figure.median),
        number(figure.lowest),
        number(figure.highest)
    )
}

/// A number with three or four digits that count.
#[must_use]
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{:.1} k", value / 1000.0),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn optional<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

fn table<H: ToString>(header: &[H], names: usize, lines: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_header(header.iter().map(ToString::to_string));
    table.add_rows(lines);
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use super::{Goal, Row};
    use crate::figure::Figure;

    fn figure(median: f64) -> Figure {
        Figure {
            median,
            lowest: median,
            highest: median,
        }
    }

    #[test]
    fn a_goal_is_held_against_ours_divided_by_theirs() {
        let row = |goal| {
            Row::beside(
                "a",
                "calls/CPU s",
                Some(figure(40.0)),
                ("b", figure(10.0)),
                None,
                Some(goal),
            )
        };
        assert_eq!(row(Goal::AtLeast(4.0)).met, Some(true));
        assert_eq!(row(Goal::AtLeast(5.0)).met, Some(false));
        assert_eq!(row(Goal::AtMost(1.3)).goal.as_deref(), Some("≤ 1.3×"));
    }

    #[test]
    fn a_goal_without_our_figure_is_neither_met_nor_missed() {
        let row = Row::beside("a", "ns", None, ("b", figure(10.0)), None, Some(Goal::AtMost(1.3)));
        assert_eq!((row.ratio, row.met), (None, None));
    }

    #[test]
    fn a_goal_of_our_own_does_not_look_at_the_peer() {
        let row = |ours| {
            Row::beside("a", "s", Some(figure(ours)), ("b", figure(1000.0)), None, None)
                .with_own_goal(Goal::AtLeast(5.0))
        };
        assert_eq!((row(6.0).met, row(4.0).met), (Some(true), Some(false)));
        assert_eq!(row(6.0).goal.as_deref(), Some("≥ 5 s"));
    }

    #[test]
    fn a_row_has_exactly_the_published_keys() {
        let row = serde_json::to_value(Row::alone("a", "s", figure(1.0), Some(Goal::AtMost(2.0)))).unwrap_or_default();
        let keys: Vec<&str> = row
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect();
        let published = [
            "case", "goal", "limit", "met", "ours", "peer", "ratio", "theirs", "unit",
        ];
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, published);
    }
}
