//! What is traced: slow statements with their plan and without values, and commits.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use database::{Config, Database};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::fixture::{TABLES, env, folder};

/// What databases have traced in this process since somebody listens.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<Said>>>);

/// Listens, from the first call on.
pub(crate) fn listen() -> Heard {
    static HEARD: OnceLock<Heard> = OnceLock::new();
    let heard = HEARD.get_or_init(|| {
        let heard = Heard::default();
        tracing::subscriber::set_global_default(Ear(heard.clone())).expect("nobody else listens");
        heard
    });
    heard.clone()
}

impl Heard {
    fn all(&self) -> MutexGuard<'_, Vec<Said>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often a file was committed to, and how many transactions were.
    pub(crate) fn commits(&self, file: &str) -> (u64, u64) {
        let named = format!("file=\"{file}\"");
        let all = self.all();
        let of_file = all
            .iter()
            .filter(|said| said.transactions > 0 && said.text.contains(&named));
        of_file.fold((0, 0), |(commits, sum), said| (commits + 1, sum + said.transactions))
    }
}

struct Ear(Heard);

#[derive(Clone, Default)]
struct Said {
    text: String,
    transactions: u64,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text += &format!("{}={value:?} ", field.name());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.transactions = value;
        self.record_debug(field, &value);
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "terrace::database"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut said = Said {
            text: format!("{} ", event.metadata().level()),
            ..Said::default()
        };
        event.record(&mut said);
        self.0.all().push(said);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_slow_statement_is_traced_with_its_plan_and_without_values() {
    let heard = listen();
    let config = Config {
        slow: Duration::ZERO,
        ..Config::default()
    };
    let database = Database::open(&env(&folder("slow")), "Slow", &config, &TABLES)
        .await
        .expect("it opens");
    let found: Result<Vec<i64>, _> = database
        .query("select id from items where text = $1", ("a secret",))
        .await;
    assert_eq!(found, Ok(vec![]));
    let all = heard.all();
    let traced = all
        .iter()
        .find(|said| said.text.contains("select id from items where text = $1"));
    let text = &traced.expect("it is traced").text;
    for part in [
        "WARN ",
        "component=\"Slow\"",
        "milliseconds=",
        "plan=\"SCAN items\"",
        "a slow statement",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!all.iter().any(|said| said.text.contains("a secret")));
}
