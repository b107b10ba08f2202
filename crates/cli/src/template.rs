//! The files of a new application. Those in `templates` are real ones, in which two words stand for its name.

use crate::name::Name;
use crate::source::Source;

/// Stands for the name of the package, and of the crate.
const PACKAGE: &str = "application-name";
const IDENT: &str = "application_name";

/// Stands for what is in the braces of the dependency.
const DEPENDENCY: &str = "@terrace@";

/// Stands for the command that builds an image, and for what it needs of the checkout.
const DOCKER_BUILD: &str = "@docker build@";
const DOCKER_COPY: &str = "@copy terrace@\n";

/// Path in the application, and text.
macro_rules! files {
    ($($path:literal $(from $template:literal)?),* $(,)?) => {
        &[$(($path, files!(@text $path $($template)?))),*]
    };
    (@text $path:literal) => { include_str!(concat!("../templates/", $path)) };
    // Cargo and git would take the file itself for one of theirs.
    (@text $path:literal $template:literal) => { include_str!(concat!("../", $template)) };
}

const FILES: &[(&str, &str)] = files!(
    ".gitignore" from "templates/gitignore",
    "Cargo.toml" from "templates/manifest.toml",
    "Dockerfile",
    "README.md",
    "migrations/0001_items.postgres.sql",
    "migrations/0001_items.sqlite.sql",
    "rust-toolchain.toml" from "../../rust-toolchain.toml",
    "rustfmt.toml" from "../../rustfmt.toml",
    "src/items.rs",
    "src/items/shelf.rs",
    "src/lib.rs",
    "src/main.rs",
    "src/site.rs",
    "static/app.css",
    "templates/base.html",
    "templates/list.html",
    "terrace.toml",
    "tests/application/fixture.rs",
    "tests/application/main.rs",
    "tests/application/pages.rs",
    "tests/application/placements.rs",
    "tests/simulated.rs",
);

/// Path and text of each file of the application `name`.
pub(crate) fn files(name: &Name, source: &Source) -> Vec<(&'static str, String)> {
    let (build, copy) = docker(name, source);
    let (ident, dependency) = (name.ident(), source.dependency());
    let words = [
        (PACKAGE, name.package()),
        (IDENT, &ident),
        (DEPENDENCY, &dependency),
        (DOCKER_BUILD, &build),
        (DOCKER_COPY, &copy),
    ];
    let filled = |text: &str| filled(text, &words);
    FILES.iter().map(|(path, text)| (*path, filled(text))).collect()
}

/// `text` with each of `words` instead of what stands for it, in one pass: a name may hold what stands for another.
fn filled(text: &str, words: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let found = words.iter().filter_map(|word| Some((rest.find(word.0)?, word)));
        let Some((at, (stands, word))) = found.min_by_key(|(at, _)| *at) else {
            break;
        };
        filled.push_str(&rest[..at]);
        filled.push_str(word);
        rest = &rest[at + stands.len()..];
    }
    filled + rest
}

/// An image is built from the application's folder, which a checkout is not in: it comes as a second context, at the path
/// that `Cargo.toml` names.
fn docker(name: &Name, source: &Source) -> (String, String) {
    let name = name.package();
    match source {
        Source::Git { .. } => (format!("docker build -t {name} ."), String::new()),
        Source::Checkout(path) => (
            format!("docker build --build-context \"terrace={path}\" -t {name} ."),
            format!(
                "COPY --from=terrace [\"Cargo.toml\", \"{path}/\"]\nCOPY --from=terrace [\"crates\", \"{path}/crates\"]\n"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{DEPENDENCY, DOCKER_BUILD, DOCKER_COPY, FILES, IDENT, PACKAGE, files};
    use crate::name::Name;
    use crate::source::Source;

    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => below(&path, found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn every_template_is_a_file_of_the_application() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut found = Vec::new();
        below(&folder, &mut found);
        for path in found {
            let name = path.strip_prefix(&folder).expect("it is below").to_str().expect("text");
            let name = match name {
                "gitignore" => ".gitignore",
                "manifest.toml" => "Cargo.toml",
                name => name,
            };
            assert!(FILES.iter().any(|(known, _)| *known == name), "add {name} to FILES");
        }
    }

    #[test]
    fn a_name_may_hold_what_stands_for_another() {
        let git = Source::Git {
            url: "https://example.org/terrace".to_owned(),
            rev: "0123abc".to_owned(),
        };
        let name = Name::parse("my-application_name").expect("a name");
        let files = files(&name, &git);
        let text = |path: &str| &files.iter().find(|(known, _)| *known == path).expect("a file").1;
        assert!(text("Cargo.toml").contains("name = \"my-application_name\""));
        assert!(text("src/main.rs").contains("use my_application_name::site"));
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        let name = Name::parse("my-shop").expect("a name");
        let git = Source::Git {
            url: "https://example.org/terrace".to_owned(),
            rev: "0123abc".to_owned(),
        };
        for source in [git, Source::Checkout("/terrace".to_owned())] {
            for (path, text) in files(&name, &source) {
                for left in [PACKAGE, IDENT, DEPENDENCY, DOCKER_BUILD, DOCKER_COPY.trim_end()] {
                    assert!(!text.contains(left), "{path}: {left}");
                }
            }
        }
    }
}
