//! The pages of the real program in a real browser.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use servers::Browser;

/// Where pictures of the pages are wanted.
const PICTURES: &str = "TODO_PICTURES";

/// The program, killed with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn people_use_the_pages_in_a_browser() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{}", std::process::id()));
    let pictures = std::env::var_os(PICTURES).map_or_else(|| folder.join("pictures"), PathBuf::from);
    std::fs::create_dir_all(&pictures).expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_todo"))
        .args([
            "up",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--set",
            "feeds.allow=[\"127.0.0.1\"]",
            "--data",
        ])
        .arg(folder.join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the application runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let program = Program(child);
    let (pages, admin) = (said(&mut lines, "listening"), said(&mut lines, "admin"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/suite.py");
    let browser = Browser::find().expect("a browser");
    let steps = browser.run(&script, &[&pages, &admin, &pictures.to_string_lossy()]);
    let steps = steps.unwrap_or_else(|error| panic!("{error}"));
    let expected = "signed up\nseen in a second window\nused by keys\nreminded\nread a calendar\nused without a script\nsigned out everywhere\n";
    assert_eq!(steps, expected);
    drop(program);
    // What a failure left may be looked at.
    std::fs::remove_dir_all(folder).expect("nobody has it any more");
}

/// What the next line says of `key`.
fn said(lines: &mut Lines<BufReader<ChildStdout>>, key: &str) -> String {
    let line = lines.next().and_then(Result::ok).unwrap_or_default();
    let value: Value = serde_json::from_str(&line).unwrap_or_default();
    let said = value[key].as_str().unwrap_or_else(|| panic!("not {key}: {line}"));
    said.trim_end_matches('/').to_owned()
}
