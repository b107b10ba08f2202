//! The nearest known word, for messages about an unknown one.

/// `` `listn`; did you mean `listen`? `` or `` `colour`; known are `format`, `level` ``.
pub(crate) fn suggested<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    let word = shown(word);
    match nearest(&word, known.clone()) {
        Some(near) => format!("`{word}`; did you mean `{near}`?"),
        None => match listed(known) {
            known if known.is_empty() => format!("`{word}`; none is known here"),
            known => format!("`{word}`; known are {known}"),
        },
    }
}

/// The one of `known` that is fewest edits from `word`, if that is near enough to be what was meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let chars = word.chars().count();
    let edits_max = chars.div_ceil(3).max(1);
    known
        .into_iter()
        .map(|candidate| (edits(&lower, &candidate.to_lowercase()), candidate))
        .min()
        // Of a short word half would be left of none.
        .filter(|&(edits, _)| edits <= edits_max && edits * 2 < chars.max(3))
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b`, `c` ``
pub(crate) fn listed<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// A key or value as a message shows it: bounded, without control characters.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let mut shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The distance of optimal string alignment: Levenshtein's, in which two letters that changed places are one edit.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut above_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, r) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(l != r);
            let mut fewest = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *l == right[column - 1] && left[row - 1] == *r {
                fewest = fewest.min(above_last[column - 1] + 1);
            }
            current.push(fewest);
        }
        above_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{shown, suggested};

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_gets_the_list() {
        assert_eq!(
            suggested("listn", ["listen", "token"]),
            "`listn`; did you mean `listen`?"
        );
        assert_eq!(
            suggested("Format", ["format", "level"]),
            "`Format`; did you mean `format`?"
        );
        assert_eq!(suggested("oops", ["jobs"]), "`oops`; known are `jobs`");
        assert_eq!(suggested("lgo", ["log", "face"]), "`lgo`; did you mean `log`?");
        assert_eq!(
            suggested("colour", ["format", "level"]),
            "`colour`; known are `format`, `level`"
        );
    }

    #[test]
    fn a_long_or_odd_word_stays_on_its_line() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 61);
    }
}
