//! Lines of iCalendar (RFC 5545, section 3.1): unfolded, as properties, as components within components.

use super::NoCalendar;
use super::moment::{self, Moment};
use super::zone::Zones;

/// How deep components lie within each other.
const DEPTH_MAX: usize = 8;

/// Lines of one file, each of which takes far more memory than its bytes.
pub(super) const LINES_MAX: usize = 250_000;

/// Parameters of one line that are looked at.
const PARAMETERS_MAX: usize = 32;

/// A property: `NAME;PARAMETER=VALUE:value`.
#[derive(Debug)]
pub(super) struct Property {
    /// In capitals.
    pub(super) name: String,
    parameters: Vec<(String, String)>,
    pub(super) value: String,
}

impl Property {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What stands between `BEGIN` and `END`.
#[derive(Debug, Default)]
pub(super) struct Component {
    /// In capitals.
    pub(super) name: String,
    pub(super) properties: Vec<Property>,
    pub(super) children: Vec<Component>,
}

impl Component {
    /// The value of the first property of that name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.properties.iter().filter(move |property| property.name == name);
        all.map(|property| property.value.as_str())
    }

    /// The times of all properties of that name; what is none is left out.
    pub(super) fn moments(&self, name: &str, zones: &Zones) -> Vec<Moment> {
        let all = self.properties.iter().filter(|property| property.name == name);
        all.flat_map(|property| moment::read(property, zones)).collect()
    }
}

/// The text of a file, unfolded: a line may be folded within a letter, too (section 3.1).
pub(super) fn unfold(bytes: &[u8]) -> String {
    let mut joined = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line {
            [b' ' | b'\t', more @ ..] if joined.last() == Some(&b'\n') => {
                joined.pop();
                if joined.last() == Some(&b'\r') {
                    joined.pop();
                }
                joined.extend_from_slice(more);
            }
            whole => joined.extend_from_slice(whole),
        }
    }
    String::from_utf8_lossy(&joined).into_owned()
}

/// The calendars of a text; one that was cut is refused, since what is missing in it is not cancelled.
pub(super) fn read(text: &str) -> Result<Vec<Component>, NoCalendar> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins = text
        .get(..15)
        .is_some_and(|first| first.eq_ignore_ascii_case("BEGIN:VCALENDAR"));
    if !begins {
        return Err(NoCalendar::Other);
    }
    let mut calendars = Vec::new();
    let mut open: Vec<Component> = Vec::new();
    // How many components are open that lie too deep to matter.
    let mut deeper = 0_usize;
    for line in unfolded(text)? {
        let Some(property) = property(&line) else { continue };
        match property.name.as_str() {
            "BEGIN" if open.len() >= DEPTH_MAX => deeper += 1,
            "BEGIN" => open.push(Component {
                name: property.value.trim().to_ascii_uppercase(),
                ..Component::default()
            }),
            "END" if deeper > 0 => deeper -= 1,
            "END" => {
                let ended = open.pop().ok_or(NoCalendar::Cut)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => calendars.push(ended),
                }
            }
            _ if deeper > 0 => {}
            _ => {
                if let Some(component) = open.last_mut() {
                    component.properties.push(property);
                }
            }
        }
    }
    match open.is_empty() {
        true => Ok(calendars),
        false => Err(NoCalendar::Cut),
    }
}

/// Lines whose continuations begin with a blank.
fn unfolded(text: &str) -> Result<Vec<String>, NoCalendar> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let count = lines.len();
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ if line.is_empty() => {}
            _ if count == LINES_MAX => return Err(NoCalendar::TooLong),
            _ => lines.push(line.to_owned()),
        }
    }
    Ok(lines)
}

fn property(line: &str) -> Option<Property> {
    let mut quoted = false;
    let end = line.find(|letter| {
        quoted ^= letter == '"';
        letter == ':' && !quoted
    })?;
    let (head, value) = (&line[..end], &line[end + 1..]);
    quoted = false;
    let mut parts = head.split(|letter| {
        quoted ^= letter == '"';
        letter == ';' && !quoted
    });
    let name = parts.next()?.trim().to_ascii_uppercase();
    let parameters = parts.take(PARAMETERS_MAX).filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((name.trim().to_ascii_uppercase(), value.trim_matches('"').to_owned()))
    });
    Some(Property {
        parameters: parameters.collect(),
        name,
        value: value.to_owned(),
    })
}

/// A text without its escapes (section 3.3.11).
pub(super) fn text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}
