//! Where a configuration came from: a file, variables of the environment and `--set`, each a text at an offset of its
//! own, so that one span says the origin of a value and its place there.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::first_line;
use super::known::{Known, ROOT};
use super::nearest::shown;

/// Where a value of the configuration was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the file: `terrace.toml:12:8`.
    File {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
    },
    /// In the environment.
    Environment {
        /// The variable.
        variable: String,
    },
    /// On the command line, by `--set KEY=VALUE`.
    Set {
        /// The key.
        key: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Origin::Environment { variable } => write!(f, "environment variable `{}`", shown(variable)),
            Origin::Set { key } => write!(f, "--set {}=..", shown(key)),
        }
    }
}

/// The span of what is nowhere.
pub(crate) const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// Every text of a configuration, the weakest first.
#[derive(Clone, Default)]
pub(crate) struct Source {
    layers: Vec<Layer>,
}

/// One text.
#[derive(Clone)]
struct Layer {
    kind: Kind,
    text: Arc<str>,
    /// Where its spans begin. One more than its bytes is reserved, so that its end is its own.
    start: usize,
}

#[derive(Clone)]
enum Kind {
    File {
        path: PathBuf,
        /// Where each line but the first begins.
        line_starts: Vec<usize>,
    },
    Environment {
        variable: String,
        keys: Vec<String>,
    },
    Set {
        key: String,
        keys: Vec<String>,
    },
}

impl Source {
    pub(super) fn add_file(&mut self, path: &Path, text: &str) {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = ends.map(|(at, _)| at + 1).collect();
        let path = path.to_owned();
        self.add(Kind::File { path, line_starts }, text);
    }

    pub(super) fn add_variable(&mut self, variable: &str, keys: Vec<String>, text: &str) {
        let variable = variable.to_owned();
        self.add(Kind::Environment { variable, keys }, text);
    }

    pub(super) fn add_set(&mut self, key: &str, keys: Vec<String>, text: &str) {
        let key = key.to_owned();
        self.add(Kind::Set { key, keys }, text);
    }

    fn add(&mut self, kind: Kind, text: &str) {
        let start = self.layers.last().map_or(0, |last| last.start + last.text.len() + 1);
        let text = text.into();
        self.layers.push(Layer { kind, text, start });
    }

    /// The folder in which relative paths begin: the file's, or the one the process is in.
    pub(crate) fn folder(&self) -> &Path {
        let folder = self.layers.iter().find_map(|layer| match &layer.kind {
            Kind::File { path, .. } => path.parent(),
            Kind::Environment { .. } | Kind::Set { .. } => None,
        });
        folder.unwrap_or(Path::new(""))
    }

    fn layer(&self, span: &Range<usize>) -> Option<&Layer> {
        let after = self.layers.partition_point(|layer| layer.start <= span.start);
        let layer = self.layers.get(after.checked_sub(1)?)?;
        (span.start <= layer.start + layer.text.len()).then_some(layer)
    }

    pub(crate) fn origin(&self, span: &Range<usize>) -> Option<Origin> {
        let layer = self.layer(span)?;
        Some(match &layer.kind {
            Kind::File { path, line_starts } => {
                let at = span.start - layer.start;
                let above = line_starts.partition_point(|start| *start <= at);
                let begin = above.checked_sub(1).map_or(0, |last| line_starts[last]);
                let before = layer.text.get(begin..at).unwrap_or_default();
                Origin::File {
                    path: path.clone(),
                    line: above + 1,
                    column: before.chars().count() + 1,
                }
            }
            Kind::Environment { variable, .. } => Origin::Environment {
                variable: variable.clone(),
            },
            Kind::Set { key, .. } => Origin::Set { key: key.clone() },
        })
    }

    /// Which of two origins is the stronger: the file, the environment, the command line.
    pub(super) fn strength(&self, span: &Range<usize>) -> usize {
        match self.layer(span).map(|layer| &layer.kind) {
            None | Some(Kind::File { .. }) => 0,
            Some(Kind::Environment { .. }) => 1,
            Some(Kind::Set { .. }) => 2,
        }
    }

    /// The origin in words: `terrace.toml:3:1`
    pub(crate) fn place(&self, span: &Range<usize>) -> String {
        match self.origin(span) {
            Some(origin) => origin.to_string(),
            None => "the configuration".to_owned(),
        }
    }

    /// What stands at `span`, if that is the whole of a variable or of a `--set`.
    pub(super) fn whole(&self, span: &Range<usize>) -> Option<&str> {
        let layer = self.layer(span)?;
        if let Kind::File { .. } = layer.kind {
            return None;
        }
        let text = layer
            .text
            .get(span.start - layer.start..span.end.checked_sub(layer.start)?)?;
        (layer.text.trim() == text.trim()).then_some(text)
    }

    /// All texts as one table, in which a later origin has replaced what an earlier one says. An error is one line.
    pub(super) fn merged(&self) -> Result<DeTable<'_>, String> {
        let mut root = Spanned::new(NOWHERE, DeValue::Table(DeTable::new()));
        for layer in &self.layers {
            let value = match &layer.kind {
                Kind::File { .. } => {
                    let table = DeTable::parse(&layer.text).map_err(|error| {
                        let span = error.span().unwrap_or_default();
                        format!("{}: {}", self.place(&span), first_line(error.message()))
                    })?;
                    Spanned::new(table.span(), DeValue::Table(table.into_inner()))
                }
                Kind::Environment { keys, .. } | Kind::Set { keys, .. } => below(keys, given(layer)),
            };
            merge(Known::Keys(ROOT), &mut root, shifted(value, layer.start));
        }
        match root.into_inner() {
            DeValue::Table(table) => Ok(table),
            _ => Ok(DeTable::new()),
        }
    }
}

/// A value of TOML, if the text is one; else the text itself.
fn given(layer: &Layer) -> Spanned<DeValue<'_>> {
    let as_text = |_| Spanned::new(0..layer.text.len(), DeValue::String(layer.text.as_ref().into()));
    DeValue::parse(&layer.text).unwrap_or_else(as_text)
}

/// `value` in the tables that lead to it.
fn below<'t>(keys: &'t [String], value: Spanned<DeValue<'t>>) -> Spanned<DeValue<'t>> {
    keys.iter().rev().fold(value, |value, key| {
        let mut table = DeTable::new();
        table.insert(Spanned::new(0..0, key.as_str().into()), value);
        Spanned::new(0..0, DeValue::Table(table))
    })
}

/// The same value with every span moved by `start`.
fn shifted(value: Spanned<DeValue<'_>>, start: usize) -> Spanned<DeValue<'_>> {
    let moved = |span: Range<usize>| span.start + start..span.end + start;
    let span = moved(value.span());
    let value = match value.into_inner() {
        DeValue::Table(table) => {
            let keys = table.into_iter().map(|(key, value)| {
                let at = moved(key.span());
                (Spanned::new(at, key.into_inner()), shifted(value, start))
            });
            DeValue::Table(keys.collect())
        }
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(|item| shifted(item, start)).collect()),
        single => single,
    };
    Spanned::new(span, value)
}

/// A table merges key by key; anything else replaces what was there.
fn merge<'t>(known: Known, under: &mut Spanned<DeValue<'t>>, over: Spanned<DeValue<'t>>) {
    if let (Known::Tier(_), DeValue::String(_), DeValue::Table(_)) = (known, under.get_ref(), over.get_ref()) {
        let span = under.span();
        let url = std::mem::replace(under, Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
        if let DeValue::Table(table) = under.get_mut() {
            table.insert(Spanned::new(span, "url".into()), url);
        }
    }
    let span = over.span();
    match (known, under.get_mut(), over.into_inner()) {
        (known, DeValue::Table(under), DeValue::Table(over)) if !matches!(known, Known::Secret) => {
            for (key, value) in over {
                let known = known.below(key.get_ref());
                match under.get_mut(key.get_ref().as_ref()) {
                    Some(under) => merge(known, under, value),
                    None => drop(under.insert(key, value)),
                }
            }
        }
        (_, _, over) => *under = Spanned::new(span, over),
    }
}

/// The texts may hold secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.layers.iter().map(|layer| match &layer.kind {
            Kind::File { path, .. } => path.display().to_string(),
            Kind::Environment { variable, .. } => variable.clone(),
            Kind::Set { key, .. } => key.clone(),
        });
        f.debug_list().entries(names).finish()
    }
}
