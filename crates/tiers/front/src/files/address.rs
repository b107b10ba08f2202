//! The name of a file that a path asks for.

/// What a folder's own address shows.
const INDEX: &str = "index.html";

/// The name below the folder that `path`, still percent-encoded and without its first slash, asks for. `None` is a path that
/// no file can have: one with a part that is empty or begins with a dot, with a separator that is encoded or of another
/// system, with a control character, or that is no UTF-8.
pub(super) fn name(path: &str) -> Option<String> {
    let (above, last) = match path.rsplit_once('/') {
        Some((above, last)) => (Some(above), last),
        None => (None, path),
    };
    let last = if last.is_empty() { INDEX } else { last };
    let parts: Option<Vec<String>> = above
        .into_iter()
        .flat_map(|above| above.split('/'))
        .chain([last])
        .map(part)
        .collect();
    parts.map(|parts| parts.join("/"))
}

/// One part of a path as it is called on a disk.
fn part(encoded: &str) -> Option<String> {
    let bad = |letter: char| matches!(letter, '/' | '\\' | ':') || letter.is_control();
    let part = decoded(encoded)?;
    (!part.is_empty() && !part.starts_with('.') && !part.contains(bad)).then_some(part)
}

fn decoded(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(high? * 16 + low?).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_path_is_a_name_inside_the_folder_or_nothing() {
        for (path, expected) in [
            ("app.css", Some("app.css")),
            ("icons/a.png", Some("icons/a.png")),
            ("", Some("index.html")),
            ("docs/", Some("docs/index.html")),
            ("a%20b%C3%A9.txt", Some("a bé.txt")),
            ("a+b", Some("a+b")),
            ("%61pp.css", Some("app.css")),
            ("..", None),
            ("../secret", None),
            ("a/../../secret", None),
            ("a/..", None),
            (".", None),
            ("./app.css", None),
            ("%2e%2e/secret", None),
            ("%2E%2E%2Fsecret", None),
            (".%2e/secret", None),
            ("..%2fsecret", None),
            ("a%2Fb", None),
            ("a%2fb", None),
            ("..%5csecret", None),
            ("a\\b", None),
            ("%252e%252e/secret", Some("%2e%2e/secret")),
            ("app.css%00.png", None),
            ("a%0d%0ab", None),
            ("a%7fb", None),
            (".env", None),
            (".git/config", None),
            ("a/.hidden", None),
            ("/etc/passwd", None),
            ("//etc/passwd", None),
            ("a//b", None),
            ("a//", None),
            ("/", None),
            ("c:/windows", None),
            ("c%3A", None),
            ("app.css::$DATA", None),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
            ("%ff", None),
            ("%c0%ae%c0%ae/secret", None),
        ] {
            assert_eq!(name(path).as_deref(), expected, "{path}");
        }
    }
}
