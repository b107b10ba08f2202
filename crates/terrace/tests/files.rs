//! `files!`: a folder and those below it, in the program.
#![cfg(feature = "front")]

use terrace::front::{File, Files};

const STATIC: &[File] = terrace::files!("tests/files/static");

#[test]
fn a_folder_is_in_the_program_by_name_and_without_what_is_hidden() {
    let names: Vec<_> = STATIC.iter().map(|file| file.name).collect();
    assert_eq!(names, ["app.css", "icons/one.svg"]);
    assert_eq!(STATIC[0].bytes, include_bytes!("files/static/app.css"));
    assert!(
        Files::embedded(STATIC)
            .url("icons/one.svg")
            .starts_with("/static/icons/one.svg?v=")
    );
}
