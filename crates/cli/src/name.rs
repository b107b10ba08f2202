//! [`Name`]: what an application may be called.

/// Characters of a name. Lines of the application that have it keep to the width that rustfmt allows.
const CHARS_MAX: usize = 50;

/// Keywords of Rust 2024, strict and reserved (The Rust Reference, 2.1).
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Names that others have, with who that is.
const TAKEN: &[(&[&str], &str)] = &[
    (KEYWORDS, "a keyword of Rust"),
    (
        &["alloc", "core", "proc_macro", "std", "test"],
        "a crate that comes with Rust",
    ),
    (&["site"], "a module of the application"),
    (
        &["axum", "serde", "terrace", "thiserror", "tokio", "tower"],
        "a crate that the application depends on",
    ),
    (
        &["build", "deps", "examples", "incremental", "simulate"],
        "a folder of cargo's, beside which the program would lie",
    ),
    (
        &[
            "aux", "com1", "com2", "com3", "com4", "con", "lpt1", "lpt2", "lpt3", "nul", "prn",
        ],
        "a device on Windows",
    ),
];

/// What an application is called: a cargo package whose crate has a name in snake case, so that the compiler does not warn
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

/// Why a text is not taken for a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    /// It says where, too.
    #[error(
        "`{name}` is a path; go to the folder that it is to be made in, and give its name alone: `terrace new {instead}`"
    )]
    Path { name: String, instead: String },
    /// It has other characters, or in other places.
    #[error(
        "`{name}` cannot be the name of an application: it is made of words of lower-case letters and digits with one `-` or \
         `_` between them, and begins with a letter; try `terrace new {instead}`"
    )]
    Form { name: String, instead: String },
    /// It is too long.
    #[error("`{name}` has {chars} characters, and a name has at most {CHARS_MAX}; shorten it")]
    Long { name: String, chars: usize },
    /// It is something else already.
    #[error("`{name}` is {what}; add a word, such as `terrace new my-{name}`")]
    Taken { name: String, what: &'static str },
}

impl Name {
    /// The name that `text` is.
    pub(crate) fn parse(text: &str) -> Result<Name, NameError> {
        let name = text.to_owned();
        if text.contains(['/', '\\']) {
            let last = text.rsplit(['/', '\\']).find(|part| !part.is_empty());
            let instead = suggested(last.unwrap_or_default());
            return Err(NameError::Path { name, instead });
        }
        if !is_name(text) {
            let instead = suggested(text);
            return Err(NameError::Form { name, instead });
        }
        let chars = text.chars().count();
        if chars > CHARS_MAX {
            return Err(NameError::Long { name, chars });
        }
        match taken(text) {
            Some(what) => Err(NameError::Taken { name, what }),
            None => Ok(Name(name)),
        }
    }

    /// As a package.
    pub(crate) fn package(&self) -> &str {
        &self.0
    }

    /// As a crate, in code.
    pub(crate) fn ident(&self) -> String {
        self.0.replace('-', "_")
    }
}

fn is_name(text: &str) -> bool {
    let is_word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(plain)
    };
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split(['-', '_']).all(is_word)
}

/// What else has that name.
fn taken(name: &str) -> Option<&'static str> {
    let ident = name.replace('-', "_");
    let mut taken = TAKEN.iter();
    taken
        .find(|(names, _)| names.contains(&ident.as_str()))
        .map(|(_, what)| *what)
        .or_else(|| {
            ident
                .starts_with("terrace_")
                .then_some("a name of Terrace's own packages")
        })
}

/// A name that is like `text`.
fn suggested(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let like = words.join("-");
    let like = like.trim_start_matches(|first: char| !first.is_ascii_lowercase());
    match is_name(like) && like.len() <= CHARS_MAX && taken(like).is_none() {
        true => like.to_owned(),
        false => "shopping".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn a_name_is_a_package_and_a_crate() {
        for (text, ident) in [("shopping", "shopping"), ("my-shop2", "my_shop2"), ("a_b", "a_b")] {
            let name = Name::parse(text).expect(text);
            assert_eq!((name.package(), name.ident().as_str()), (text, ident));
        }
        assert!(Name::parse(&"a".repeat(50)).is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_next_step() {
        let long = "a".repeat(51);
        for (text, next) in [
            ("", "try `terrace new shopping`"),
            ("My Shop!", "try `terrace new my-shop`"),
            ("Shopping", "try `terrace new shopping`"),
            ("2shop", "try `terrace new shop`"),
            ("a--b", "try `terrace new a-b`"),
            ("a-", "try `terrace new a`"),
            ("-x", "try `terrace new x`"),
            ("läden", "try `terrace new l-den`"),
            ("Test", "try `terrace new shopping`"),
            ("../shop", "give its name alone: `terrace new shop`"),
            ("shop/", "give its name alone: `terrace new shop`"),
            (&long, "has 51 characters, and a name has at most 50; shorten it"),
            (
                "async",
                "is a keyword of Rust; add a word, such as `terrace new my-async`",
            ),
            ("gen", "is a keyword of Rust"),
            ("core", "is a crate that comes with Rust"),
            ("test", "is a crate that comes with Rust"),
            ("proc-macro", "is a crate that comes with Rust"),
            ("serde", "is a crate that the application depends on"),
            ("terrace", "is a crate that the application depends on"),
            ("terrace-wire", "is a name of Terrace's own packages"),
            ("deps", "is a folder of cargo's"),
            ("nul", "is a device on Windows"),
        ] {
            let error = Name::parse(text).expect_err(text).to_string();
            assert!(error.contains(next), "{text}: {error}");
        }
    }
}
