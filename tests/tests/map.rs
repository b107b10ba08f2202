//! The map tells the truth: its paths exist, every crate is on it, and files keep to the size a reader can hold.

use std::path::Path;

use house::{packages, read, root, sources};

const MAP: &str = "ARCHITECTURE.md";
const LIB_LINES_MAX: usize = 120;
const FILE_LINES_MAX: usize = 500;
const NAMES_REFUSED: [&str; 10] = [
    "mod", "util", "utils", "helper", "helpers", "common", "misc", "types", "manager", "prelude",
];

#[test]
fn every_path_in_where_do_i_change_x_exists() {
    let map = read(MAP);
    let (_, table) = map
        .split_once("## Where do I change X?")
        .expect("the map has the table");
    let table = table.split("\n## ").next().unwrap_or(table);
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let place = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let paths: Vec<&str> = quoted(place).collect();
        assert!(!paths.is_empty(), "this row names no path: {row}");
        for path in paths {
            assert!(root().join(path).exists(), "`{path}` does not exist; the row is: {row}");
        }
        rows += 1;
    }
    assert!(rows > 10, "the table has {rows} rows");
}

#[test]
fn every_crate_is_on_the_map() {
    let map = read(MAP);
    for package in packages() {
        let folder = format!("`{}`", package.folder.display());
        assert!(
            map.contains(&folder),
            "{folder} is not in {MAP}; add its paragraph on its floor"
        );
    }
}

#[test]
fn every_relative_link_of_the_documents_leads_somewhere() {
    for document in documents() {
        let text = read(&document);
        let folder = Path::new(&document).parent().unwrap_or(Path::new(""));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || target.contains("://") {
                continue;
            }
            assert!(
                root().join(folder).join(path).exists(),
                "{document} links to `{target}`, which does not exist"
            );
        }
    }
}

#[test]
fn every_source_says_first_what_it_is() {
    for path in packages()
        .iter()
        .flat_map(|package| sources(package.folder.join("src")))
    {
        assert!(
            read(&path).starts_with("//!"),
            "{} does not begin with `//!`; say what it is for",
            path.display()
        );
    }
}

#[test]
fn files_are_of_a_size_a_reader_can_hold() {
    for path in packages().iter().flat_map(|package| sources(&package.folder)) {
        let lines = read(&path).lines().count();
        let lib = path.ends_with("src/lib.rs");
        let lines_max = if lib { LIB_LINES_MAX } else { FILE_LINES_MAX };
        assert!(
            lines <= lines_max,
            "{} has {lines} lines; at most {lines_max}",
            path.display()
        );
    }
}

#[test]
fn no_file_is_named_for_nothing() {
    for path in packages().iter().flat_map(|package| sources(&package.folder)) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(
            !NAMES_REFUSED.contains(&name),
            "{}: name it by the field's noun",
            path.display()
        );
    }
}

fn documents() -> Vec<String> {
    let mut documents = vec!["README.md".to_string(), MAP.to_string()];
    for entry in root().join("docs").read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            documents.push(format!("docs/{name}"));
        }
    }
    documents.sort();
    documents
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
