//! The nearest known word, for messages about an unknown one.

/// The one of `known` that is fewest edits from `word`, if that is near enough to be what was meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let edits_max = word.chars().count().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|&(edits, _)| edits <= edits_max)
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b`, `c` ``
pub(crate) fn listed<'k>(words: impl IntoIterator<Item = &'k str>) -> String {
    words
        .into_iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Levenshtein's distance, by rows.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, l) in left.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        let known = ["read", "idempotent", "once", "key"];
        assert_eq!(nearest("reed", known), Some("read"));
        assert_eq!(nearest("idempotant", known), Some("idempotent"));
        assert_eq!(nearest("eventually", known), None);
    }
}
