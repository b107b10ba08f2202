//! Words in a picture: escaped, shortened, measured; times as people read them.

/// Characters of a title, label or note that are kept at all.
pub(super) const TEXT_CHARS_MAX: usize = 160;

/// Escapes a text for XML and HTML, in content and in quoted attributes. What XML forbids, or would turn the direction
/// of writing around, becomes the replacement character.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars().map(visible) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A character that may stand in a picture.
pub(super) fn visible(letter: char) -> char {
    match letter {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        control if control.is_control() => '\u{fffd}',
        other => other,
    }
}

/// The first characters of a text, an ellipsis for the rest.
pub(super) fn shorten(text: &str, characters: usize) -> String {
    if text.chars().nth(characters).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(characters.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// A label of at most so many pixels: its end, which tells requests apart, outlives its beginning.
pub(super) fn fit(label: &str, ending: &str, size: f64, width_max: f64) -> Option<String> {
    let whole = format!("{label}{ending}");
    if width(&whole, size) <= width_max {
        return Some(whole);
    }
    let (method, id) = label.trim_end().rsplit_once(' ').unwrap_or((label, ""));
    let rest = if id.is_empty() {
        ending.to_owned()
    } else {
        format!(" {id}{ending}")
    };
    let room = ((width_max - width(&rest, size)) / (size * NARROW)).floor();
    if room >= 3.0 {
        return Some(format!("{}{rest}", shorten(method, room as usize)));
    }
    let room = (width_max / (size * NARROW)).floor();
    let short = if id.is_empty() { whole } else { format!("{id}{ending}") };
    (room >= 6.0).then(|| shorten(&short, room as usize))
}

/// Breaks a text into lines of at most so many characters; what is past the last line is left out.
pub(super) fn wrap(text: &str, characters: usize, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && longer > characters {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shorten(word, characters));
    }
    lines.push(line);
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            *last = shorten(&format!("{last} ……"), characters);
        }
    }
    lines
}

/// The usual width of a character of a sans-serif font, in its size.
const NARROW: f64 = 0.59;

/// About how wide a text is, in pixels; a picture cannot ask the font.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let wide = |letter: char| {
        if letter > '\u{1100}' && !('\u{2000}'..'\u{2e80}').contains(&letter) {
            1.0
        } else {
            NARROW
        }
    };
    text.chars().map(wide).sum::<f64>() * size
}

/// A moment or a length of time, three places after the point: `12.304 s`, `3.250 ms`, `17 µs`.
pub(super) fn time(nanoseconds: u64) -> String {
    let (whole, unit) = match nanoseconds {
        1_000_000_000.. => (1_000_000_000, "s"),
        1_000_000.. => (1_000_000, "ms"),
        1_000.. => (1_000, "µs"),
        _ => return format!("{nanoseconds} ns"),
    };
    let (before, after) = (nanoseconds / whole, nanoseconds % whole / (whole / 1_000));
    match format!("{after:03}").trim_end_matches('0') {
        "" => format!("{before} {unit}"),
        places => format!("{before}.{places} {unit}"),
    }
}

/// A moment on the axis: seconds to the millisecond, or to the microsecond where milliseconds do not tell it apart.
pub(super) fn clock(nanoseconds: u64, is_fine: bool) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let micros = nanoseconds % 1_000_000_000 / 1_000;
    match is_fine {
        true => format!("{seconds}.{:03} {:03} s", micros / 1_000, micros % 1_000),
        false => format!("{seconds}.{:03} s", micros / 1_000),
    }
}
