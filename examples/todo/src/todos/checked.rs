//! What a to-do's fields may hold; whatever is wrong is refused with the field's name.

use std::collections::BTreeSet;

use terrace::database::Timestamp;

use super::{TAG_MAX, TAGS_MAX, TITLE_MAX, TodoError};

/// Times lie between the years 1 and 9999, which RFC 3339 can write.
const TIME_MIN: Timestamp = Timestamp::from_micros(-62_135_596_800_000_000);
const TIME_MAX: Timestamp = Timestamp::from_micros(253_402_300_799_999_999);

/// What stands before a character of a pattern that is to be taken as it is.
pub(super) const ESCAPE: char = '!';

/// Why `field` is refused.
pub(super) fn invalid(field: &str, reason: impl Into<String>) -> TodoError {
    TodoError::Invalid {
        field: field.to_owned(),
        reason: reason.into(),
    }
}

/// A title without the white space around it.
pub(super) fn title(title: &str) -> Result<String, TodoError> {
    let trimmed = title.trim();
    let characters = trimmed.chars().count();
    if characters == 0 || characters > TITLE_MAX {
        return Err(invalid(
            "title",
            format!("it has {characters} characters; write 1 to {TITLE_MAX}"),
        ));
    }
    one_line("title", trimmed)?;
    Ok(trimmed.to_owned())
}

/// Tags without the white space around them, sorted, each once.
pub(super) fn tags(tags: &[String]) -> Result<Vec<String>, TodoError> {
    let mut sorted = BTreeSet::new();
    for tag in tags {
        sorted.insert(self::tag("tags", tag)?);
        if sorted.len() > TAGS_MAX {
            return Err(invalid(
                "tags",
                format!("a to-do has {TAGS_MAX} at most; leave some out"),
            ));
        }
    }
    Ok(sorted.into_iter().collect())
}

/// A tag without the white space around it.
pub(super) fn tag(field: &str, tag: &str) -> Result<String, TodoError> {
    let trimmed = tag.trim();
    let characters = trimmed.chars().count();
    if characters == 0 || characters > TAG_MAX {
        return Err(invalid(
            field,
            format!("a tag has {characters} characters; write 1 to {TAG_MAX}"),
        ));
    }
    one_line(field, trimmed)?;
    Ok(trimmed.to_owned())
}

/// A time that can be written.
pub(super) fn time(field: &str, time: Timestamp) -> Result<Timestamp, TodoError> {
    if (TIME_MIN..=TIME_MAX).contains(&time) {
        return Ok(time);
    }
    Err(invalid(
        field,
        "it lies outside of the years 1 to 9999; write one within",
    ))
}

/// The pattern of titles, in lower case, that have `q` in them; none where there is nothing to look for.
pub(super) fn pattern(q: &str) -> Result<Option<String>, TodoError> {
    let (q, characters) = (q.trim(), q.trim().chars().count());
    if characters > TITLE_MAX {
        return Err(invalid(
            "q",
            format!("it has {characters} characters; write {TITLE_MAX} at most"),
        ));
    }
    one_line("q", q)?;
    if q.is_empty() {
        return Ok(None);
    }
    let mut pattern = String::from("%");
    for character in q.to_lowercase().chars() {
        if matches!(character, '%' | '_' | ESCAPE) {
            pattern.push(ESCAPE);
        }
        pattern.push(character);
    }
    pattern.push('%');
    Ok(Some(pattern))
}

/// A title is a line of a list and the subject of a mail.
fn one_line(field: &str, text: &str) -> Result<(), TodoError> {
    match text.chars().any(char::is_control) {
        true => Err(invalid(
            field,
            "it has a line break or another control character; take it out",
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{TITLE_MAX, Timestamp, pattern, tags, time, title};

    #[test]
    fn a_title_is_one_line_of_bounded_length() {
        assert_eq!(title("  milk \n").expect("trimmed"), "milk");
        assert_eq!(
            title(&"ä".repeat(TITLE_MAX)).expect("characters, not bytes").len(),
            2 * TITLE_MAX
        );
        for wrong in ["", " \t", "a\nBcc: b", "a\0b", "a\u{7f}", &"a".repeat(TITLE_MAX + 1)] {
            assert!(title(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn tags_are_sorted_and_each_is_there_once() {
        let given = ["b", " a ", "b", "B"].map(str::to_owned);
        assert_eq!(tags(&given).expect("tags"), ["B", "a", "b"]);
        let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        assert!(tags(&many).is_err() && tags(&many[..20]).is_ok());
        for wrong in ["", " ", "a\0", &"x".repeat(51)] {
            assert!(tags(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn wildcards_of_a_search_stand_for_themselves() {
        for (q, expected) in [("  ", None), ("Ä_", Some("%ä!_%")), ("100%!", Some("%100!%!!%"))] {
            assert_eq!(pattern(q).expect("a pattern").as_deref(), expected);
        }
        assert!(pattern("a\0").is_err() && pattern(&"a".repeat(TITLE_MAX + 1)).is_err());
    }

    #[test]
    fn times_that_cannot_be_written_are_refused() {
        for (micros, right) in [
            (0, true),
            (i64::MAX, false),
            (i64::MIN, false),
            (-62_135_596_800_000_001, false),
        ] {
            assert_eq!(time("due", Timestamp::from_micros(micros)).is_ok(), right, "{micros}");
        }
    }
}
