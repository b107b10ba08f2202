//! [`Scanner`]: the elements of the list `todos` of an export, one after the other, whatever its size.
//!
//! It finds where an element ends, by brackets and strings; what an element is, is for serde. Only the element at hand is
//! kept, and none above [`ELEMENT_BYTES_MAX`].

/// Bytes of one element: a to-do with all its tags and reminders, however it is escaped, is below a tenth of that.
pub(super) const ELEMENT_BYTES_MAX: usize = 256 << 10;

/// What an export begins with before its list, and has behind it: a few short members.
const FRAME_BYTES_MAX: usize = 4 << 10;

/// Why the bytes are no export.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// They are no object with a list called `todos`.
    Frame,
    /// An element is too large.
    Large,
}

/// Takes an export in pieces.
#[derive(Default)]
pub(super) struct Scanner {
    place: Place,
    /// What is at hand: a piece of the frame, or of an element.
    at_hand: Vec<u8>,
    /// The frame with an empty list, which is JSON by itself.
    frame: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether an element was there already, so that another has to come.
    after_comma: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Before,
    Within,
    Behind,
}

impl Scanner {
    /// Takes one byte; answers an element that ends with it.
    pub(super) fn take(&mut self, byte: u8) -> Result<Option<Vec<u8>>, Wrong> {
        match self.place {
            Place::Before => self.before(byte).map(|()| None),
            Place::Within => self.within(byte),
            Place::Behind => self.keep_frame(byte).map(|()| None),
        }
    }

    /// The frame with an empty list, where the list was ended.
    pub(super) fn end(self) -> Result<Vec<u8>, Wrong> {
        match self.place {
            Place::Behind => Ok(self.frame),
            Place::Before | Place::Within => Err(Wrong::Frame),
        }
    }

    fn keep_frame(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.frame.len() >= FRAME_BYTES_MAX {
            return Err(Wrong::Frame);
        }
        self.frame.push(byte);
        Ok(())
    }

    /// Up to the bracket that opens the list `todos`: the first one that is not within a string.
    fn before(&mut self, byte: u8) -> Result<(), Wrong> {
        let was_in_string = self.in_string;
        self.follow_string(byte);
        self.keep_frame(byte)?;
        if byte == b'[' && !was_in_string {
            let name = self.frame.strip_suffix(b"[").map(<[u8]>::trim_ascii_end);
            let name = name
                .and_then(|name| name.strip_suffix(b":"))
                .map(<[u8]>::trim_ascii_end);
            if !name.is_some_and(|name| name.ends_with(b"\"todos\"")) {
                return Err(Wrong::Frame);
            }
            self.place = Place::Within;
        }
        Ok(())
    }

    fn within(&mut self, byte: u8) -> Result<Option<Vec<u8>>, Wrong> {
        let was_in_string = self.in_string;
        self.follow_string(byte);
        if !was_in_string {
            match byte {
                b',' | b']' if self.depth == 0 => return self.end_element(byte),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Err(Wrong::Frame),
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        if self.at_hand.len() >= ELEMENT_BYTES_MAX {
            return Err(Wrong::Large);
        }
        self.at_hand.push(byte);
        Ok(None)
    }

    fn end_element(&mut self, byte: u8) -> Result<Option<Vec<u8>>, Wrong> {
        let element = std::mem::take(&mut self.at_hand);
        let is_blank = element.iter().all(u8::is_ascii_whitespace);
        if byte == b']' {
            self.place = Place::Behind;
            self.keep_frame(byte)?;
            // `[]` has no element. A comma before the end leaves an empty one, which serde refuses.
            return Ok((!is_blank || self.after_comma).then_some(element));
        }
        self.after_comma = true;
        Ok(Some(element))
    }

    fn follow_string(&mut self, byte: u8) {
        if self.escaped {
            self.escaped = false;
        } else if self.in_string && byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = !self.in_string;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ELEMENT_BYTES_MAX, Scanner, Wrong};

    fn scan(text: &str) -> Result<(Vec<String>, String), Wrong> {
        let mut scanner = Scanner::default();
        let mut elements = Vec::new();
        for byte in text.bytes() {
            elements.extend(
                scanner
                    .take(byte)?
                    .map(|bytes| String::from_utf8(bytes).expect("UTF-8")),
            );
        }
        Ok((elements, String::from_utf8(scanner.end()?).expect("UTF-8")))
    }

    #[test]
    fn each_element_is_found_whatever_its_strings_hold() {
        for (text, elements, frame) in [
            (r#"{"todos":[]}"#, &[][..], r#"{"todos":[]}"#),
            (r#"{"todos":[ ]}"#, &[], r#"{"todos":[]}"#),
            (r#"{"a":"[","todos":[1]}"#, &["1"], r#"{"a":"[","todos":[]}"#),
            (
                r#"{"todos":[{"a":"]},\"["},[[2],{}]],"b":1}"#,
                &[r#"{"a":"]},\"["}"#, "[[2],{}]"],
                r#"{"todos":[],"b":1}"#,
            ),
            (r#"{"todos":[1,]}"#, &["1", ""], r#"{"todos":[]}"#),
        ] {
            let (found, rest) = scan(text).expect("an export");
            assert_eq!(
                (found, rest),
                (
                    elements.iter().map(|text| (*text).to_owned()).collect(),
                    frame.to_owned()
                )
            );
        }
    }

    #[test]
    fn what_does_not_end_or_is_too_large_is_refused() {
        for text in [
            "",
            "{}",
            "[1]",
            r#"{"others":[1]}"#,
            r#"{"todos":[1"#,
            r#"{"todos":[}"#,
            &" ".repeat(10_000),
        ] {
            assert_eq!(scan(text), Err(Wrong::Frame), "{text:.40}");
        }
        let large = format!(r#"{{"todos":["{}"#, "x".repeat(ELEMENT_BYTES_MAX));
        assert_eq!(scan(&large), Err(Wrong::Large));
    }
}
