//! `migrations!("migrations")`: the numbered files of a folder as data, read while the program is built.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::Parser as _;

use crate::folder::{self, Arguments, Entry};
use crate::root::Root;

const FORM: &str = "write the folder beside `Cargo.toml`: `migrations!(\"migrations\")`";

/// What a file may be called.
const NAMES: &str = "`0001_name.sql`, or `0001_name.sqlite.sql` and `0001_name.postgres.sql` where the dialects differ";

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let arguments = match Arguments::read(FORM).parse2(input) {
        Ok(arguments) => arguments,
        Err(error) => return error.into_compile_error(),
    };
    let folder = arguments.folder.value();
    match read(&folder).and_then(|files| steps(&folder, &files)) {
        Ok(steps) => emit(&arguments.root, &folder, &steps),
        Err(mistakes) => mistakes
            .into_iter()
            .map(|mistake| syn::Error::new(arguments.folder.span(), mistake).into_compile_error())
            .collect(),
    }
}

/// What a folder holds: names, and bytes or why they cannot be read.
type Files = BTreeMap<String, Result<Vec<u8>, String>>;

/// One step with its file, or its file for each dialect.
#[derive(Debug, PartialEq)]
struct Step {
    number: u32,
    name: String,
    kind: Kind,
    sqlite: String,
    postgres: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Expand,
    Contract,
}

impl Kind {
    fn line(self) -> &'static str {
        match self {
            Kind::Expand => "-- expand",
            Kind::Contract => "-- contract",
        }
    }
}

/// The files of `folder`.
fn read(folder: &str) -> Result<Files, Vec<String>> {
    let entries = folder::list(folder, FORM)?;
    let file = |entry: Entry| {
        #[expect(
            clippy::disallowed_methods,
            reason = "a macro reads the source of the program that is built"
        )]
        let bytes = std::fs::read(entry.path).map_err(|error| error.to_string());
        (entry.name, bytes)
    };
    Ok(entries.into_iter().map(file).collect())
}

/// The steps that `files` are, in order, or all that is wrong with them.
fn steps(folder: &str, files: &Files) -> Result<Vec<Step>, Vec<String>> {
    let mut mistakes = Vec::new();
    let mut numbered: BTreeMap<u32, Vec<Found<'_>>> = BTreeMap::new();
    for (file, bytes) in files {
        let place = format!("{folder}/{file}");
        let Some(name) = FileName::read(file) else {
            mistakes.push(format!(
                "`{place}` is no migration: call it {NAMES}, or put it elsewhere"
            ));
            continue;
        };
        match kind_of(&place, bytes) {
            Ok(kind) => numbered
                .entry(name.number)
                .or_default()
                .push(Found { file, name, kind }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if files.is_empty() {
        mistakes.push(format!(
            "the folder `{folder}` has no migration: begin with `{folder}/0001_name.sql`"
        ));
    }
    let mut steps = Vec::new();
    for (number, found) in &numbered {
        match step(folder, *number, found) {
            Ok(step) => steps.push(step),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    // A file that is refused for something else is not missing.
    if mistakes.is_empty() {
        for (expected, step) in (1..).zip(&steps) {
            if step.number != expected {
                mistakes.push(format!(
                    "`{folder}` has no migration {expected:04} before {:04}_{}: numbers have no gaps; give it {expected:04}",
                    step.number, step.name
                ));
                break;
            }
        }
    }
    if mistakes.is_empty() { Ok(steps) } else { Err(mistakes) }
}

struct Found<'f> {
    file: &'f str,
    name: FileName<'f>,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
struct FileName<'f> {
    number: u32,
    name: &'f str,
    dialect: Option<&'f str>,
}

impl<'f> FileName<'f> {
    fn read(file: &'f str) -> Option<FileName<'f>> {
        let stem = file.strip_suffix(".sql")?;
        let (stem, dialect) = match stem.split_once('.') {
            None => (stem, None),
            Some((stem, dialect @ ("sqlite" | "postgres"))) => (stem, Some(dialect)),
            Some(_) => return None,
        };
        let (number, name) = stem.split_once('_')?;
        let is_number = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !is_number || name.is_empty() || !name.bytes().all(letters) {
            return None;
        }
        let number = number.parse().ok().filter(|number| *number > 0)?;
        Some(FileName { number, name, dialect })
    }
}

fn kind_of(place: &str, bytes: &Result<Vec<u8>, String>) -> Result<Kind, String> {
    let bytes = bytes
        .as_ref()
        .map_err(|error| format!("`{place}` cannot be read: {error}"))?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        format!(
            "byte {} of `{place}` is not UTF-8: save it as UTF-8",
            error.valid_up_to()
        )
    })?;
    let first = text.lines().next().unwrap_or_default().trim_end();
    let known = [Kind::Expand, Kind::Contract]
        .into_iter()
        .find(|kind| first == kind.line());
    known.ok_or_else(|| {
        format!(
            "the first line of `{place}` says whether older programs go on with it: write `-- expand` where they do, \
             `-- contract` where it removes or tightens what they use"
        )
    })
}

/// The files of one number as one step.
fn step(folder: &str, number: u32, found: &[Found<'_>]) -> Result<Step, String> {
    let file = |dialect| {
        let file = found.iter().find(|found| found.name.dialect == dialect);
        file.map(|found| found.file.to_owned())
    };
    let one = &found[0];
    if let Some(other) = found.iter().find(|other| other.name.name != one.name.name) {
        return Err(format!(
            "`{folder}` has two migrations {number:04}, `{}` and `{}`: give the newer one the next free number",
            one.name.name, other.name.name
        ));
    }
    if let Some(other) = found.iter().find(|other| other.kind != one.kind) {
        return Err(format!(
            "`{folder}/{}` begins with `{}` and `{folder}/{}` with `{}`: the first line of both is the same",
            one.file,
            one.kind.line(),
            other.file,
            other.kind.line()
        ));
    }
    let (sqlite, postgres) = match (file(None), file(Some("sqlite")), file(Some("postgres"))) {
        (Some(both), None, None) => (both.clone(), both),
        (None, Some(sqlite), Some(postgres)) => (sqlite, postgres),
        (None, sqlite, _) => {
            let missing = if sqlite.is_some() { "postgres" } else { "sqlite" };
            let name = one.name.name;
            return Err(format!(
                "`{folder}/{}` is for one engine: write `{folder}/{number:04}_{name}.{missing}.sql` too, or call it \
                 `{number:04}_{name}.sql` if it is the same for both",
                one.file
            ));
        }
        (Some(both), _, _) => {
            return Err(format!(
                "`{folder}/{both}` is for both engines, and there is a file for one of them beside it: keep {NAMES}"
            ));
        }
    };
    Ok(Step {
        number,
        name: one.name.name.to_owned(),
        kind: one.kind,
        sqlite,
        postgres,
    })
}

/// `include_str!`, so that a file that changes is a reason to build again.
fn emit(root: &Root, folder: &str, steps: &[Step]) -> TokenStream {
    let text = |file: &str| {
        let path = format!("/{folder}/{file}");
        quote!(::core::include_str!(
            ::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), #path)
        ))
    };
    let steps = steps.iter().map(|step| {
        let (number, name, kind) = (step.number, &step.name, format_ident!("{}", format!("{:?}", step.kind)));
        let (sqlite, postgres) = (text(&step.sqlite), text(&step.postgres));
        quote! {
            #root::database::Migration {
                number: #number,
                name: #name,
                kind: #root::database::migration::Kind::#kind,
                sqlite: #sqlite,
                postgres: #postgres,
            }
        }
    });
    quote!(#root::database::Migrations { list: &[#(#steps),*] })
}

#[cfg(test)]
mod tests {
    use super::{Files, Kind, steps};

    const EXPAND: &[u8] = b"-- expand\ncreate table a (b text);\n";

    fn files(names: &[(&str, &[u8])]) -> Files {
        let file = |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), Ok(bytes.to_vec()));
        names.iter().map(file).collect()
    }

    #[test]
    fn files_become_steps_in_the_order_of_their_numbers() {
        let read = steps(
            "m",
            &files(&[
                ("0002_drop.sqlite.sql", b"-- contract\r\ndrop table a;"),
                ("0002_drop.postgres.sql", b"-- contract"),
                ("0001_todos.sql", EXPAND),
            ]),
        );
        let read = read.unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|step| (step.number, &*step.name, step.kind, &*step.sqlite, &*step.postgres))
            .collect();
        assert_eq!(
            told,
            [
                (1, "todos", Kind::Expand, "0001_todos.sql", "0001_todos.sql"),
                (
                    2,
                    "drop",
                    Kind::Contract,
                    "0002_drop.sqlite.sql",
                    "0002_drop.postgres.sql"
                ),
            ]
        );
    }

    #[test]
    fn whatever_is_wrong_with_a_folder_is_named_with_the_fix() {
        for (names, expected) in [
            (&[][..], "the folder `m` has no migration: begin with `m/0001_name.sql`"),
            (
                &[("notes.txt", EXPAND)],
                "`m/notes.txt` is no migration: call it `0001_name.sql`",
            ),
            (&[("1_a.sql", EXPAND)], "`m/1_a.sql` is no migration"),
            (&[("0000_a.sql", EXPAND)], "`m/0000_a.sql` is no migration"),
            (&[("0001_A.sql", EXPAND)], "`m/0001_A.sql` is no migration"),
            (&[("0001_a.mysql.sql", EXPAND)], "`m/0001_a.mysql.sql` is no migration"),
            (&[("0001_a.sql", b"")], "the first line of `m/0001_a.sql` says whether"),
            (
                &[("0001_a.sql", b"--expand\n")],
                "write `-- expand` where they do, `-- contract` where",
            ),
            (
                &[("0001_a.sql", b"-- expand\n\xff")],
                "byte 10 of `m/0001_a.sql` is not UTF-8",
            ),
            (&[("0002_a.sql", EXPAND)], "`m` has no migration 0001 before 0002_a"),
            (
                &[("0001_a.sql", EXPAND), ("0003_c.sql", EXPAND)],
                "no migration 0002 before 0003_c",
            ),
            (
                &[("0001_a.sql", EXPAND), ("0001_b.sql", EXPAND)],
                "two migrations 0001, `a` and `b`",
            ),
            (&[("0001_a.sqlite.sql", EXPAND)], "write `m/0001_a.postgres.sql` too"),
            (&[("0001_a.postgres.sql", EXPAND)], "write `m/0001_a.sqlite.sql` too"),
            (
                &[("0001_a.sql", EXPAND), ("0001_a.sqlite.sql", EXPAND)],
                "`m/0001_a.sql` is for both engines",
            ),
            (
                &[("0001_a.postgres.sql", EXPAND), ("0001_a.sqlite.sql", b"-- contract\n")],
                "begins with `-- expand` and `m/0001_a.sqlite.sql` with `-- contract`",
            ),
        ] {
            let mistakes = steps("m", &files(names)).unwrap_err();
            assert!(
                mistakes.len() == 1 && mistakes[0].contains(expected),
                "{mistakes:?} lack {expected:?}"
            );
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_none_is_made_up() {
        let files = files(&[
            ("0001_a.sql", b"create table a (b text)"),
            ("0002_b.sql", EXPAND),
            ("c", EXPAND),
        ]);
        let mistakes = steps("m", &files).unwrap_err();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    }
}
