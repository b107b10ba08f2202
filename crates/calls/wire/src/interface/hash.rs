//! The hash of an interface: XXH3-128 of a text of what crosses.
//!
//! Inside: component and method names, the order, names and types of arguments, and for every type its exact fields
//! and cases. Outside: documentation, marks, owner, whether a reader can do without a field, and the Rust names of
//! types, none of which reaches the wire. Named types are numbered as they are first met, so that neither the order
//! in which they were registered nor recursion matters.

use xxhash_rust::xxh3::xxh3_128;

use super::Interface;
use crate::shape::{Body, Field, TypeRef};

/// The first line of the text; it changes when the positional codec does.
const FORM: &str = "terrace interface 1";

impl Interface {
    /// The hash that two sides compare: equal hashes mean that both write and read the same bytes positionally.
    pub fn hash(&self) -> u128 {
        xxh3_128(self.shape_text().as_bytes())
    }

    /// The text that is hashed, one line for each method and each type.
    pub fn shape_text(&self) -> String {
        let mut text = Text {
            out: format!("{FORM}\ncomponent {:?}\n", self.name),
            numbers: vec![None; self.types.len()],
            met: Vec::new(),
        };
        for method in &self.methods {
            text.line(|text| {
                text.word(&format!("method {:?} ", method.name));
                text.fields(&method.arguments);
                text.word(" -> ");
                text.type_ref(&method.output);
                text.word(" / ");
                text.type_ref(&method.error);
            });
        }
        let mut next = 0;
        while let Some(&index) = text.met.get(next) {
            text.line(|text| {
                text.word(&format!("type {next} "));
                text.body(&self.types[index].body);
            });
            next += 1;
        }
        text.out
    }
}

struct Text {
    out: String,
    numbers: Vec<Option<usize>>,
    met: Vec<usize>,
}

impl Text {
    fn word(&mut self, word: &str) {
        self.out.push_str(word);
    }

    fn line(&mut self, write: impl FnOnce(&mut Text)) {
        write(self);
        self.out.push('\n');
    }

    fn list<T>(&mut self, open: char, items: &[T], close: char, mut write: impl FnMut(&mut Text, &T)) {
        self.out.push(open);
        for item in items {
            write(self, item);
            self.out.push(',');
        }
        self.out.push(close);
    }

    fn fields(&mut self, fields: &[Field]) {
        self.list('{', fields, '}', |text, field| {
            text.word(&format!("{:?}:", field.name));
            text.type_ref(&field.type_ref);
        });
    }

    fn number(&mut self, index: usize) -> Option<usize> {
        let slot = self.numbers.get_mut(index)?;
        Some(*slot.get_or_insert_with(|| {
            self.met.push(index);
            self.met.len() - 1
        }))
    }

    fn type_ref(&mut self, type_ref: &TypeRef) {
        match type_ref {
            TypeRef::Unit => self.word("unit"),
            TypeRef::Bool => self.word("bool"),
            TypeRef::Int(bits) => self.word(&format!("i{bits}")),
            TypeRef::Uint(bits) => self.word(&format!("u{bits}")),
            TypeRef::Float(bits) => self.word(&format!("f{bits}")),
            TypeRef::Char => self.word("char"),
            TypeRef::String => self.word("string"),
            TypeRef::Bytes => self.word("bytes"),
            TypeRef::Option(inner) => self.list('?', &[&**inner], ';', |text, inner| text.type_ref(inner)),
            TypeRef::Sequence(inner) => self.list('[', &[&**inner], ']', |text, inner| text.type_ref(inner)),
            TypeRef::Map(key, value) => self.list('<', &[&**key, &**value], '>', |text, inner| text.type_ref(inner)),
            TypeRef::Tuple(elements) => self.list('(', elements, ')', Text::type_ref),
            TypeRef::Named(index) => {
                // An index past the types is refused at the border; here it only must not panic.
                let number = self
                    .number(*index as usize)
                    .map_or_else(|| "?".to_string(), |number| number.to_string());
                self.word(&format!("#{number}"));
            }
            TypeRef::Opaque(_) => self.word("opaque"),
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Unit => self.word("unit"),
            Body::Newtype(inner) => self.list('=', &[inner], ';', |text, inner| text.type_ref(inner)),
            Body::Tuple(elements) => self.list('(', elements, ')', Text::type_ref),
            Body::Struct { fields, .. } => self.fields(fields),
            Body::Enum { cases } => self.list('|', cases, '|', |text, case| {
                text.word(&format!("{:?}:", case.name));
                text.body(&case.body);
            }),
        }
    }
}
