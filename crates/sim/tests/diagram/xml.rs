//! A strict reader of the XML that a picture may use: elements, quoted attributes, text, the five entities.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Its own text and that of its children.
    pub(crate) text: String,
    /// Where its parent is among the elements.
    pub(crate) parent: Option<usize>,
}

impl Element {
    pub(crate) fn is(&self, class: &str) -> bool {
        self.attribute("class").split(' ').any(|one| one == class)
    }

    pub(crate) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        self.attribute(name)
            .parse()
            .unwrap_or_else(|_| panic!("{name} of {self:?} is no number"))
    }
}

/// The elements of a document in their order; panics, saying where, if it is not well-formed.
pub(crate) fn read(document: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = document.trim_end();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("</") {
            let (name, after) = after.split_once('>').expect("an end tag ends");
            let index = open.pop().expect("an end tag has a start tag");
            assert_eq!(elements[index].name, name, "end tag before {}", near(after));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('<') {
            let name_end = after.find([' ', '>', '/', '\n']).expect("a tag ends");
            assert!(
                name_end > 0 && after[..name_end].chars().all(char::is_alphanumeric),
                "tag at {}",
                near(rest)
            );
            let mut element = Element {
                name: after[..name_end].to_owned(),
                parent: open.last().copied(),
                ..Element::default()
            };
            assert!(
                element.parent.is_some() || elements.is_empty(),
                "a second root at {}",
                near(rest)
            );
            rest = after[name_end..].trim_start();
            while !rest.starts_with(['>', '/']) {
                let (name, after) = rest.split_once("=\"").expect("an attribute has a value");
                assert!(
                    name.chars()
                        .all(|letter| letter.is_alphanumeric() || "-:".contains(letter)),
                    "attribute `{name}`"
                );
                let (value, after) = after.split_once('"').expect("a value ends");
                assert!(!value.contains('<'), "value at {}", near(after));
                let before = element.attributes.insert(name.to_owned(), unescape(value));
                assert!(before.is_none(), "{name} twice");
                rest = after.trim_start();
            }
            elements.push(element);
            if let Some(after) = rest.strip_prefix("/>") {
                rest = after;
            } else {
                open.push(elements.len() - 1);
                rest = rest.strip_prefix('>').expect("a tag ends");
            }
        } else {
            let end = rest.find('<').expect("no text after the root");
            let text = unescape(&rest[..end]);
            assert!(!open.is_empty(), "text outside: {}", near(rest));
            open.iter().for_each(|index| elements[*index].text.push_str(&text));
            rest = &rest[end..];
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    elements
}

fn near(text: &str) -> String {
    text.chars().take(60).collect()
}

fn unescape(text: &str) -> String {
    let is_forbidden = |letter: char| letter.is_control() && letter != '\n';
    assert!(
        !text.contains(is_forbidden) && !text.contains('>'),
        "forbidden in {text:?}"
    );
    let mut plain = String::new();
    let mut parts = text.split('&');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once(';').expect("an entity ends");
        plain.push_str(match name {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "#39" => "'",
            other => panic!("entity {other}"),
        });
        plain.push_str(rest);
    }
    plain
}
