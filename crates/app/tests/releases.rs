//! Two releases of one program: what `check` says of them, what `describe --dot` and `--docs` show.
#![cfg(all(feature = "database", feature = "front"))]
#![allow(clippy::disallowed_methods, reason = "a test reads and writes files of its own")]
#![allow(unreachable_pub, missing_docs, reason = "each release is a module of its own")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use app::{App, Console};
use database::Migrations;
use front::Sessions;
use host::{Setup, SetupError};

use terrace::{CallError, Cx, Ref};

macro_rules! ledger {
    ($module:ident, $number:ty, $payload:ty) => {
        mod $module {
            use super::*;

            /// Keeps numbers. Nobody <else> does.
            #[terrace::component(owner = "counting-house")]
            pub trait Ledger {
                /// The last number, as `keep` got it.
                #[call(read)]
                async fn last(&self, cx: &Cx) -> Result<$number, CallError>;

                /// Keeps a number.
                #[call(once)]
                async fn keep(&self, cx: &Cx, number: u32) -> Result<$number, CallError>;
            }

            pub struct Book;

            impl Ledger for Book {
                async fn last(&self, _: &Cx) -> Result<$number, CallError> {
                    Ok(1)
                }

                async fn keep(&self, _: &Cx, number: u32) -> Result<$number, CallError> {
                    Ok(number.into())
                }
            }

            impl Book {
                async fn open(setup: &Setup) -> Result<Book, SetupError> {
                    let database = setup.database(Migrations::NONE).await?;
                    let jobs = setup.jobs(&database).await?;
                    jobs.kind::<$payload>("audit").run(|_, _| async { Ok(()) })?;
                    Ok(Book)
                }
            }

            pub struct Reader;

            impl Desk for Reader {
                async fn read(&self, _: &Cx) -> Result<u64, CallError> {
                    Ok(1)
                }
            }

            impl Reader {
                async fn open(setup: &Setup) -> Result<Reader, SetupError> {
                    let _: Ref<dyn Ledger> = setup.reference();
                    Ok(Reader)
                }
            }

            /// Its pages would have the number of one's desk in the session.
            async fn pages(setup: &Setup) -> Result<axum::Router, SetupError> {
                Sessions::<$payload>::of(setup).await?;
                Ok(axum::Router::new())
            }

            pub fn app() -> App {
                App::new("ledger")
                    .version(stringify!($module))
                    .provide::<dyn Ledger>(Book::open)
                    .provide::<dyn Desk>(Reader::open)
                    .front("Pages", pages)
            }
        }
    };
}

/// Reads to people.
#[terrace::component(owner = "front-desk")]
pub trait Desk {
    async fn read(&self, cx: &Cx) -> Result<u64, CallError>;
}

ledger!(narrow, u32, u32);
ledger!(wide, u64, u64);

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A folder of one test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("the path is text").to_owned()
    }

    /// Status, standard output, standard error.
    fn run(&self, app: App, arguments: &[&str]) -> (u8, String, String) {
        let (out, error) = (Written::default(), Written::default());
        let data = self.path("data");
        let program = ["ledger", "--data", &data];
        let arguments = program.iter().chain(arguments).map(Into::into);
        let status = app.run_on(arguments.collect(), Console::new(out.clone(), error.clone()));
        (status, out.text(), error.text())
    }

    /// Keeps what a release says of itself.
    fn keep(&self, app: App) -> String {
        let (status, out, error) = self.run(app, &["describe", "--json"]);
        assert_eq!(status, 0, "{error}");
        let path = self.path("release.json");
        std::fs::write(&path, out).expect("the file is written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is below the build's own folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_release_that_breaks_nothing_passes_with_the_order_of_its_rollout() {
    let folder = Folder::new("ordered");
    let old = folder.keep(narrow::app());
    let (status, out, error) = folder.run(wide::app(), &["check", "--against", &old]);
    assert_eq!(status, 0, "{out}{error}");
    for shown in [
        "narrow to wide: 0 breaking, 5 ordered, 0 safe",
        "caller first",
        "Desk -> Ledger.last",
        "front-desk -> counting-house",
        "result is written as `u64` and read as `u32`",
        "old stops first",
        "job `audit` of Ledger",
        "recorded answer of Ledger.keep",
        "sessions of Pages",
        "has to sign in again",
        "  1. Desk (front-desk)\n  2. Ledger (counting-house), whose old processes stop first, and which cannot be rolled back\n  3. Pages, whose old processes stop first, and which cannot be rolled back\n",
    ] {
        assert!(out.contains(shown), "`{shown}` is not in\n{out}");
    }
    let (status, out, _) = folder.run(narrow::app(), &["check", "--against", &old]);
    assert_eq!(
        (status, out.as_str()),
        (0, "narrow to narrow: nothing differs that another process could see\n")
    );
}

#[test]
fn a_release_that_breaks_another_is_refused_with_the_team_it_breaks() {
    let folder = Folder::new("breaking");
    let old = folder.keep(wide::app());
    let (status, out, _) = folder.run(narrow::app(), &["check", "--against", &old]);
    assert_eq!(status, 1, "{out}");
    assert!(
        out.starts_with("wide to narrow: 3 breaking, 2 ordered, 0 safe"),
        "{out}"
    );
    let (status, json, _) = folder.run(narrow::app(), &["check", "--json", "--against", &old]);
    assert_eq!(status, 1);
    let report: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(report["verdict"], "breaking");
    assert_eq!(report["changes"][0]["callee_owner"], "counting-house");
    assert_eq!(report["changes"][0]["what"]["job"]["kind"], "audit");
    assert_eq!(report["changes"][3]["verdict"]["ordered"], "callee_first");
    assert_eq!(report["rollout"][0]["name"], "Ledger");
}

#[test]
fn who_runs_elsewhere_calls_others_all_the_same() {
    let folder = Folder::new("elsewhere");
    let (_, here, _) = folder.run(wide::app(), &["describe", "--json"]);
    let here: serde_json::Value = serde_json::from_str(&here).expect("it is JSON");
    for set in [
        "components.Desk.at=\"127.0.0.1:7001\"",
        "external.Desk.command=[\"python3\", \"desk.py\"]",
    ] {
        let (status, there, error) = folder.run(wide::app(), &["describe", "--json", "--set", set]);
        assert_eq!(status, 0, "{error}");
        let there: serde_json::Value = serde_json::from_str(&there).expect("it is JSON");
        assert_eq!(there["calls"], here["calls"], "{set}");
        let (was, is) = (&here["components"][0], &there["components"][0]);
        assert_eq!((&was["name"], &was["module"]), (&"Desk".into(), &"Reader".into()));
        assert!(
            is["module"].is_null() && (is["at"].is_string() || is["external"].is_string()),
            "{is}"
        );
    }
}

#[test]
fn what_is_no_release_is_told() {
    let folder = Folder::new("none");
    let path = folder.path("release.json");
    let (status, _, error) = folder.run(narrow::app(), &["check", "--against", &path]);
    assert_eq!(status, 2);
    assert!(
        error.contains("cannot read") && error.contains("describe --json"),
        "{error}"
    );
    std::fs::write(&path, "{\"components\": 7}").expect("the file is written");
    let (status, _, error) = folder.run(narrow::app(), &["check", "--against", &path]);
    assert_eq!(status, 2);
    assert!(error.contains("is not what `describe --json` prints"), "{error}");
    // One of another application, and one that cannot be run.
    let (_, out, _) = folder.run(narrow::app(), &["describe", "--json"]);
    let other = out.replacen("\"application\": \"", "\"application\": \"other-", 1);
    std::fs::write(&path, other).expect("the file is written");
    let (status, _, error) = folder.run(narrow::app(), &["check", "--against", &path]);
    assert_eq!(status, 2);
    assert!(error.contains("is a release of `other-"), "{error}");
    std::fs::write(&path, "# Notes").expect("the file is written");
    let (status, _, error) = folder.run(narrow::app(), &["check", "--against", &path]);
    assert_eq!(status, 2);
    assert!(error.contains("cannot be run either"), "{error}");
    let (status, _, error) = folder.run(narrow::app(), &["check"]);
    assert_eq!(status, 2);
    assert!(error.contains("--against"), "{error}");
}

#[test]
fn the_call_graph_stands_in_boxes_of_its_owners() {
    let folder = Folder::new("dot");
    let (status, out, _) = folder.run(narrow::app(), &["describe", "--dot"]);
    assert_eq!(status, 0);
    for shown in [
        "digraph \"ledger\"",
        "label=\"counting-house\"",
        "\"Ledger\" [label=\"Ledger\\nBook\"]",
        "\"Desk\" -> \"Ledger\";",
    ] {
        assert!(out.contains(shown), "`{shown}` is not in\n{out}");
    }
}

#[test]
fn pages_are_made_of_doc_comments() {
    let folder = Folder::new("docs");
    let docs = folder.path("docs");
    // What is there is replaced.
    for _ in 0..2 {
        let (status, _, error) = folder.run(narrow::app(), &["describe", "--docs", &docs]);
        assert_eq!(status, 0, "{error}");
    }
    let index = std::fs::read_to_string(folder.path("docs/index.html")).expect("a page");
    assert!(
        index.contains("<a href=\"Ledger.html\">Ledger</a> Keeps numbers."),
        "{index}"
    );
    let page = std::fs::read_to_string(folder.path("docs/Ledger.html")).expect("a page");
    for shown in [
        "Nobody &lt;else&gt; does.",
        "Called by: Desk.",
        "as <code>keep</code> got it",
        "keep(number: u32) -&gt; u32",
    ] {
        assert!(page.contains(shown), "`{shown}` is not in\n{page}");
    }
}
