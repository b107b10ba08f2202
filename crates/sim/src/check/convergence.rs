//! Convergence: replicas that stopped changing hold the same.

use std::fmt::{Debug, Display, Write};

use super::Violation;

/// Lines that a message shows of each side of a difference.
const LINES_SHOWN_MAX: usize = 6;

/// Replicas that differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Divergence {
    /// The replicas by what they hold, the largest group first.
    pub groups: Vec<Group>,
}

/// Replicas that agree with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their names.
    pub names: Vec<String>,
    /// What they hold, in words on lines.
    pub state: String,
}

/// Checks that all replicas hold the same.
pub fn convergence<N: Display, S: PartialEq + Debug>(replicas: &[(N, S)]) -> Result<(), Violation> {
    let mut groups: Vec<(&S, Vec<String>)> = Vec::new();
    for (name, state) in replicas {
        match groups.iter_mut().find(|(other, _)| *other == state) {
            Some((_, names)) => names.push(name.to_string()),
            None => groups.push((state, vec![name.to_string()])),
        }
    }
    if groups.len() <= 1 {
        return Ok(());
    }
    groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    let groups = groups
        .into_iter()
        .map(|(state, names)| Group {
            names,
            state: format!("{state:#?}"),
        })
        .collect();
    Err(Divergence { groups }.into())
}

impl Divergence {
    /// Each group against the first: only the lines between what is the same at the beginning and at the end.
    fn text(&self) -> String {
        let mut text = "replicas differ".to_owned();
        let Some((first, others)) = self.groups.split_first() else {
            return text;
        };
        for other in others {
            let ours: Vec<&str> = first.state.lines().collect();
            let theirs: Vec<&str> = other.state.lines().collect();
            let before = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            let (ours, theirs) = (&ours[before..], &theirs[before..]);
            let after = ours
                .iter()
                .rev()
                .zip(theirs.iter().rev())
                .take_while(|(a, b)| a == b)
                .count();
            let (ours, theirs) = (&ours[..ours.len() - after], &theirs[..theirs.len() - after]);
            _ = write!(text, "; from line {} of what they hold:", before + 1);
            for (group, lines) in [(first, ours), (other, theirs)] {
                _ = write!(text, "\n  {}: {}", group.names.join(", "), shown(lines));
            }
        }
        text
    }
}

fn shown(lines: &[&str]) -> String {
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    let trimmed: Vec<_> = lines.iter().take(LINES_SHOWN_MAX).map(|line| line.trim()).collect();
    match lines.len() - trimmed.len() {
        0 => trimmed.join(" "),
        more => format!("{} and {more} more lines", trimmed.join(" ")),
    }
}
