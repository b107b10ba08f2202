//! Compares what one side writes with what the other reads. A list of open pairs stands in for recursion and each pair
//! of named types is followed once, so a hostile interface costs neither stack nor more than the budget.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Voice};
use super::may_be_absent;
use super::path::{Paths, Place, Segment, short};
use crate::shape::{Body, Case, Field, TypeDef, TypeRef};

/// What all comparisons of one interface may cost together.
pub(super) struct Budget {
    pub(super) steps_left: usize,
}

impl Budget {
    fn spend(&mut self, steps: usize) -> bool {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left = left.unwrap_or(0);
        left.is_some()
    }
}

/// One direction of one method.
pub(super) struct Comparison<'a> {
    writer: &'a [TypeDef],
    reader: &'a [TypeDef],
    voice: Voice,
    open: Vec<(&'a TypeRef, &'a TypeRef, Option<usize>)>,
    met: BTreeSet<(u32, u32)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(writer: &'a [TypeDef], reader: &'a [TypeDef], voice: Voice) -> Comparison<'a> {
        Comparison {
            writer,
            reader,
            voice,
            open: Vec::new(),
            met: BTreeSet::new(),
        }
    }

    /// Compares arguments, which are like the fields of a struct that is not closed.
    pub(super) fn fields(mut self, written: &'a [Field], read: &'a [Field], budget: &mut Budget, found: &mut Findings) {
        let mut paths = Paths::new(Place::Argument);
        self.struct_fields((written, read, false), None, &mut paths, budget, found);
        self.run(&mut paths, budget, found);
    }

    /// Compares a result or an error.
    pub(super) fn value(
        mut self,
        place: Place,
        written: &'a TypeRef,
        read: &'a TypeRef,
        budget: &mut Budget,
        found: &mut Findings,
    ) {
        self.open.push((written, read, None));
        self.run(&mut Paths::new(place), budget, found);
    }

    fn run(mut self, paths: &mut Paths<'a>, budget: &mut Budget, found: &mut Findings) {
        while let Some((written, read, at)) = self.open.pop() {
            if !budget.spend(1) {
                found
                    .breaking
                    .push(format!("{} is too large to compare", paths.words(at)));
                return;
            }
            self.pair(written, read, at, paths, budget, found);
        }
    }

    fn pair(
        &mut self,
        written: &'a TypeRef,
        read: &'a TypeRef,
        at: Option<usize>,
        paths: &mut Paths<'a>,
        budget: &mut Budget,
        found: &mut Findings,
    ) {
        let (writer_body, reader_body) = (body(self.writer, written), body(self.reader, read));
        if let (TypeRef::Named(writer), TypeRef::Named(reader)) = (written, read)
            && !self.met.insert((*writer, *reader))
        {
            return;
        }
        match (written, read) {
            (TypeRef::Opaque(written), TypeRef::Opaque(read)) if written == read => {}
            (TypeRef::Opaque(_), _) | (_, TypeRef::Opaque(_)) => {
                // A hello lets it pass: it may be what it was, under another name.
                found.unread(|| {
                    format!(
                        "{} is opaque on one side, and nobody can say whether it is read",
                        paths.words(at)
                    )
                });
            }
            // A struct of one unnamed field is written as that field.
            _ if let Some(Body::Newtype(inner)) = writer_body => self.open.push((inner, read, at)),
            _ if let Some(Body::Newtype(inner)) = reader_body => self.open.push((written, inner, at)),
            (TypeRef::Option(written), TypeRef::Option(read)) => self.open.push((written, read, at)),
            (_, TypeRef::Option(inner)) => {
                found.tolerated(|| format!("{} is optional for {} only", paths.words(at), self.voice.reader()));
                self.open.push((written, inner, at));
            }
            (TypeRef::Option(_), _) => found.breaking.push(format!(
                "{} is optional where it is written, and {} requires it",
                paths.words(at),
                self.voice.reader()
            )),
            (TypeRef::Sequence(written), TypeRef::Sequence(read)) => {
                let at = paths.below(at, Segment::Element);
                self.open.push((written, read, at));
            }
            (TypeRef::Map(written_key, written_value), TypeRef::Map(read_key, read_value)) => {
                let (key, value) = (paths.below(at, Segment::Key), paths.below(at, Segment::Value));
                self.open.push((written_value, read_value, value));
                self.open.push((written_key, read_key, key));
            }
            (TypeRef::Tuple(written), TypeRef::Tuple(read)) => self.tuples((written, read), at, paths, found),
            (TypeRef::Named(_), TypeRef::Named(_)) => {
                if let (Some(writer_body), Some(reader_body)) = (writer_body, reader_body) {
                    self.bodies((writer_body, reader_body), at, paths, budget, found);
                }
            }
            _ => self.scalars(written, read, at, paths, found),
        }
    }

    fn scalars(&self, written: &TypeRef, read: &TypeRef, at: Option<usize>, paths: &Paths<'a>, found: &mut Findings) {
        if written == read {
            return;
        }
        let fits = match (written, read) {
            (TypeRef::Int(from), TypeRef::Int(to))
            | (TypeRef::Uint(from), TypeRef::Uint(to))
            | (TypeRef::Float(from), TypeRef::Float(to)) => from <= to,
            (TypeRef::Uint(from), TypeRef::Int(to)) => from < to,
            _ => false,
        };
        let sentence = || {
            format!(
                "{} is written as {} and read as {}",
                paths.words(at),
                self.noun(self.writer, written),
                self.noun(self.reader, read)
            )
        };
        match fits {
            true => found.tolerated(sentence),
            false => found.breaking.push(format!("{}, which cannot hold it", sentence())),
        }
    }

    fn bodies(
        &mut self,
        (written, read): (&'a Body, &'a Body),
        at: Option<usize>,
        paths: &mut Paths<'a>,
        budget: &mut Budget,
        found: &mut Findings,
    ) {
        match (written, read) {
            (Body::Unit, Body::Unit) => {}
            (Body::Newtype(written), Body::Newtype(read)) => self.open.push((written, read, at)),
            (Body::Tuple(written), Body::Tuple(read)) => self.tuples((written, read), at, paths, found),
            (Body::Struct { fields: written, .. }, Body::Struct { fields: read, closed }) => {
                self.struct_fields((written, read, *closed), at, paths, budget, found);
            }
            (Body::Enum { cases: written }, Body::Enum { cases: read }) => {
                self.cases((written, read), at, paths, budget, found);
            }
            _ => found.breaking.push(format!(
                "{} is written as {} and read as {}",
                paths.words(at),
                body_noun(written),
                body_noun(read)
            )),
        }
    }

    fn tuples(
        &mut self,
        (written, read): (&'a [TypeRef], &'a [TypeRef]),
        at: Option<usize>,
        paths: &mut Paths<'a>,
        found: &mut Findings,
    ) {
        if written.len() != read.len() {
            let (written, read) = (written.len(), read.len());
            found.breaking.push(format!(
                "{} is written as {written} values and read as {read}",
                paths.words(at)
            ));
            return;
        }
        for (index, (written, read)) in written.iter().zip(read).enumerate().rev() {
            let at = paths.below(at, Segment::Index(index));
            self.open.push((written, read, at));
        }
    }

    fn struct_fields(
        &mut self,
        (written, read, closed): (&'a [Field], &'a [Field], bool),
        at: Option<usize>,
        paths: &mut Paths<'a>,
        budget: &mut Budget,
        found: &mut Findings,
    ) {
        if !budget.spend(written.len() + read.len()) {
            found
                .breaking
                .push(format!("{} is too large to compare", paths.words(at)));
            return;
        }
        let mut unknown: BTreeMap<&str, &Field> = written.iter().map(|field| (field.name.as_str(), field)).collect();
        for field in read.iter().rev() {
            let below = paths.below(at, Segment::Name(&field.name));
            match unknown.remove(field.name.as_str()) {
                Some(written) => self.open.push((&written.type_ref, &field.type_ref, below)),
                None if may_be_absent(field) => found.tolerated(|| {
                    let (place, reader) = (paths.words(below), self.voice.reader());
                    format!("{place} is only in {reader}, which does without it")
                }),
                None => found.breaking.push(self.voice.missing(&paths.words(below))),
            }
        }
        if closed {
            for field in unknown.into_values() {
                let below = paths.below(at, Segment::Name(&field.name));
                let reader = self.voice.reader();
                found.breaking.push(format!(
                    "{} is not known to {reader}, which refuses unknown fields",
                    paths.words(below)
                ));
            }
        } else {
            for field in unknown.into_values() {
                let below = paths.below(at, Segment::Name(&field.name));
                found.tolerated(|| {
                    let (writer, reader) = (self.voice.writer(), self.voice.reader());
                    format!(
                        "{} is only in {writer}, and {reader} passes over it",
                        paths.words(below)
                    )
                });
            }
        }
    }

    fn cases(
        &mut self,
        (written, read): (&'a [Case], &'a [Case]),
        at: Option<usize>,
        paths: &mut Paths<'a>,
        budget: &mut Budget,
        found: &mut Findings,
    ) {
        if !budget.spend(written.len() + read.len()) {
            found
                .breaking
                .push(format!("{} is too large to compare", paths.words(at)));
            return;
        }
        let known: BTreeMap<&str, &Case> = read.iter().map(|case| (case.name.as_str(), case)).collect();
        let other = read.iter().any(|case| case.other);
        for case in written {
            let below = paths.below(at, Segment::Name(&case.name));
            if let Some(reader) = known.get(case.name.as_str()) {
                self.bodies((&case.body, &reader.body), below, paths, budget, found);
                continue;
            }
            let sentence = |then: &str| {
                let reader = self.voice.reader();
                format!("{} is a case that {reader} does not know{then}", paths.words(below))
            };
            match other {
                true => found.tolerated(|| sentence(", and reads as its `#[other]` case")),
                false => found.unread(|| sentence("")),
            }
        }
    }

    fn noun(&self, types: &[TypeDef], type_ref: &TypeRef) -> String {
        match type_ref {
            TypeRef::Unit => "`()`".to_string(),
            TypeRef::Bool => "`bool`".to_string(),
            TypeRef::Int(bits) => format!("`i{bits}`"),
            TypeRef::Uint(bits) => format!("`u{bits}`"),
            TypeRef::Float(bits) => format!("`f{bits}`"),
            TypeRef::Char => "`char`".to_string(),
            TypeRef::String => "a string".to_string(),
            TypeRef::Bytes => "bytes".to_string(),
            TypeRef::Option(_) => "an option".to_string(),
            TypeRef::Sequence(_) => "a sequence".to_string(),
            TypeRef::Map(..) => "a map".to_string(),
            TypeRef::Tuple(elements) => format!("{} values", elements.len()),
            TypeRef::Named(_) => match body(types, type_ref) {
                Some(Body::Enum { .. }) => format!("the enum `{}`", self.type_name(types, type_ref)),
                _ => format!("the struct `{}`", self.type_name(types, type_ref)),
            },
            TypeRef::Opaque(_) => "opaque data".to_string(),
        }
    }

    fn type_name(&self, types: &[TypeDef], type_ref: &TypeRef) -> String {
        match type_ref {
            TypeRef::Named(index) => types
                .get(*index as usize)
                .map_or_else(String::new, |def| short(&def.name).into_owned()),
            _ => String::new(),
        }
    }
}

fn body<'a>(types: &'a [TypeDef], type_ref: &TypeRef) -> Option<&'a Body> {
    match type_ref {
        TypeRef::Named(index) => types.get(*index as usize).map(|def| &def.body),
        _ => None,
    }
}

fn body_noun(body: &Body) -> &'static str {
    match body {
        Body::Unit => "a name without data",
        Body::Newtype(_) => "one value",
        Body::Tuple(_) => "several values",
        Body::Struct { .. } => "named fields",
        Body::Enum { .. } => "an enum",
    }
}
