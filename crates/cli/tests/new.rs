//! `terrace new`, as a person runs it.
#![expect(clippy::disallowed_methods, reason = "a test drives real processes from outside")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TERRACE: &str = env!("CARGO_BIN_EXE_terrace");

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command.output().expect("it runs")
}

/// What `terrace` prints, where it succeeds.
#[track_caller]
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(TERRACE, folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// `terrace` fails, says `next`, and leaves the folder as it was.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], status: i32, next: &str) {
    let before = names(folder);
    let output = run(TERRACE, folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), output.stdout),
        (Some(status), Vec::new()),
        "{error}"
    );
    assert!(error.contains(next), "{arguments:?}: {error}");
    assert_eq!(names(folder), before, "{arguments:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn an_application_has_its_name_and_everything_in_one_folder() {
    let folder = folder("files");
    let said = printed(&folder, &["new", "my-shop"]);
    assert_eq!(
        said,
        "my-shop is written. Next: cd my-shop && cargo test && cargo run\n"
    );
    assert_eq!(names(&folder), ["my-shop"]);
    let app = folder.join("my-shop");
    let expected = [
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "README.md",
        "migrations",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "src",
        "static",
        "templates",
        "terrace.toml",
        "tests",
    ];
    assert_eq!(names(&app), expected);
    assert!(read(app.join("Cargo.toml")).contains("name = \"my-shop\""));
    assert!(read(app.join("src/main.rs")).contains("use my_shop::items::"));
    assert!(read(app.join("templates/list.html")).contains("<h1>my-shop</h1>"));
}

#[test]
fn it_depends_on_this_checkout_or_another_or_a_revision() {
    let folder = folder("sources");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checkout = checkout.canonicalize().expect("a checkout");
    let local = format!("terrace = {{ path = \"{}/crates/terrace\" }}", checkout.display());
    printed(&folder, &["new", "here"]);
    assert!(read(folder.join("here/Cargo.toml")).contains(&local));
    printed(&folder, &["new", "there", "--path", checkout.to_str().expect("text")]);
    assert!(read(folder.join("there/Cargo.toml")).contains(&local));

    let git = [
        "new",
        "far",
        "--git",
        "https://example.org/terrace",
        "--rev",
        "0123abc",
        "--json",
    ];
    let said: serde_json::Value = serde_json::from_str(&printed(&folder, &git)).expect("JSON");
    assert_eq!(said["name"], "far");
    assert_eq!(Path::new(said["folder"].as_str().expect("a path")), folder.join("far"));
    let manifest = read(folder.join("far/Cargo.toml"));
    assert!(manifest.contains(r#"terrace = { git = "https://example.org/terrace", rev = "0123abc" }"#));
    // Of a revision it is not known what it was tested with.
    assert!(!folder.join("far/Cargo.lock").exists());
}

#[test]
fn what_cannot_be_made_is_refused_with_the_next_step_and_leaves_nothing() {
    let folder = folder("refused");
    std::fs::create_dir(folder.join("taken")).expect("a folder");
    let elsewhere = folder.to_str().expect("text");
    for (arguments, status, next) in [
        (&["new"][..], 2, "<NAME>"),
        (&["new", "My Shop"], 1, "try `terrace new my-shop`"),
        (
            &["new", "match"],
            1,
            "is a keyword of Rust; add a word, such as `terrace new my-match`",
        ),
        (&["new", "terrace-shop"], 1, "is a name of Terrace's own packages"),
        (&["new", "test"], 1, "is a crate that comes with Rust"),
        (
            &["new", "taken"],
            1,
            "`taken` is here already; choose another name, or remove it first",
        ),
        (
            &["new", "a", "--path", elsewhere],
            1,
            "give the folder that `git clone` made",
        ),
        (
            &["new", "a", "--path", "nowhere"],
            1,
            "give the folder that `git clone` made",
        ),
        (&["new", "a", "--git", "https://example.org/terrace"], 2, "--rev"),
        (&["new", "a", "--rev", "1"], 2, "--git"),
        (
            &["new", "a", "--path", ".", "--git", "u", "--rev", "1"],
            2,
            "cannot be used with",
        ),
        (&["dev"], 1, "there is no Cargo.toml here"),
        (&["neww"], 2, "a similar subcommand exists: 'new'"),
    ] {
        refused(&folder, arguments, status, next);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_told_and_a_link_to_nothing_is_something() {
    let folder = folder("unwritten");
    std::os::unix::fs::symlink("nothing", folder.join("link")).expect("a link");
    refused(&folder, &["new", "link"], 1, "is here already");
    let mut command = Command::new(TERRACE);
    // Nobody can write there, root neither.
    let output = command.args(["new", "shopping"]).current_dir("/proc").output();
    let output = output.expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("cannot write `shopping`; nothing is left of it: "),
        "{error}"
    );
}

/// One build of all that an application depends on: two minutes on two cores, 10 s once that is built. It is made in
/// the folder of the workspace's own builds, and takes from there what is the same.
#[test]
fn an_application_is_formatted_and_passes_its_tests_at_once() {
    let folder = folder("built");
    // The longest name there may be.
    let name = format!("my-{}", "shop".repeat(12).split_at(47).0);
    printed(&folder, &["new", &name]);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is below");
    for arguments in [&["fmt", "--check"][..], &["test", "--offline"]] {
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(folder.join(&name));
        // Build scripts that read what cargo has set for this test would run again, here and in the workspace (ring's: 20 s).
        for (variable, _) in std::env::vars_os() {
            let name = variable.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&variable);
            }
        }
        let output = command.env("CARGO_TARGET_DIR", target).output().expect("cargo runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(!said.contains("warning: "), "{arguments:?}: {said}");
    }
    // What it needs of the lock file is all that is left of it.
    assert!(!read(folder.join(&name).join("Cargo.lock")).contains("name = \"todo\""));
}

#[test]
fn what_its_image_is_built_from_is_a_package() {
    let folder = folder("image");
    printed(&folder, &["new", "shopping"]);
    let (app, image) = (folder.join("shopping"), folder.join("image"));
    std::fs::create_dir(&image).expect("a folder");
    let dockerfile = read(app.join("Dockerfile"));
    let build = dockerfile.split("\nFROM").nth(1).expect("a stage");
    let copied = build.lines().filter_map(|line| line.strip_prefix("COPY "));
    for line in copied.filter(|line| !line.starts_with("--from")) {
        let names: Vec<&str> = line.split(' ').map(|name| name.trim_end_matches('*')).collect();
        let (sources, to) = names.split_at(names.len() - 1);
        for source in sources {
            let to = if to[0] == "./" { source } else { &to[0] };
            let mut copy = Command::new("cp");
            copy.arg("-r").arg(app.join(source)).arg(image.join(to));
            assert!(copy.status().expect("cp runs").success(), "{line}");
        }
    }
    let expected = targets(&app);
    assert!(expected.len() > 2, "{expected:?}");
    assert_eq!(targets(&image), expected);
}

/// What cargo would build of the package in a folder, each a file that is there.
#[track_caller]
fn targets(folder: &Path) -> Vec<String> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest.to_str().expect("text");
    let asked = [
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
        "--manifest-path",
        manifest,
    ];
    let said = run("cargo", folder, &asked);
    let metadata: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let targets = metadata["packages"][0]["targets"].as_array().expect("targets");
    let there = targets.iter().filter_map(|target| target["src_path"].as_str());
    let there = there.filter_map(|path| {
        Path::new(path)
            .strip_prefix(folder)
            .ok()
            .filter(|_| Path::new(path).is_file())
    });
    there.map(|path| path.display().to_string()).collect()
}
