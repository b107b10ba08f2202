//! `Accounts` on an engine of its own, beside components that say what they were told to forget.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::{Config, Modules, Opened, Setup, SetupError};
use servers::Postgres;
use terrace::database::{Database, Timestamp};
use terrace::{CallId, Cx, Env, Ref, Root};
use todo::accounts::{Accounts, Registry, SignUp, SignedIn};
use todo::events::{EventError, Events, NewSource, Source, Sources};
use todo::hidden::Hidden;
use todo::reminders::{Reminder, ReminderError, Reminders};
use todo::todos::{Change, Filter, NewTodo, Overview, Page, Todo, TodoError, Todos};
use uuid::Uuid;
use world::production::Options;

/// How long what happens beside a test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test gets.
pub(crate) struct Desk {
    pub(crate) env: Env,
    pub(crate) accounts: Ref<dyn Accounts>,
    database: Database,
    mail: terrace::jobs::mail::Mail,
    told: Told,
    _opened: Mutex<Opened>,
}

/// Who was told to forget whom.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeSet<(&'static str, Uuid)>>>);

impl Told {
    fn add(&self, who: &'static str, whom: Uuid) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((who, whom));
    }

    fn has(&self, who: &'static str, whom: Uuid) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&(who, whom))
    }
}

impl Desk {
    async fn open(env: Env, database: &str) -> Desk {
        let told = Told::default();
        let mut modules = Modules::default();
        modules.provide::<dyn Accounts>(None, Registry::open);
        modules.provide::<dyn Todos>(None, NoTodos::opened(&told));
        modules.provide::<dyn Reminders>(None, NoReminders::opened(&told));
        modules.provide::<dyn Events>(None, NoEvents::opened(&told));
        let config = format!("[tiers]\njobs = {{ poll = \"20ms\" }}\n{database}");
        let config = Config::parse(&config, Path::new("terrace.toml")).expect("a configuration");
        let mut opened = modules.open(&env, Arc::new(config)).await.expect("it opens");
        opened.start_jobs().await.expect("jobs run");
        let (_, mail) = opened.mails().pop().expect("it has mail");
        Desk {
            env,
            accounts: opened.reference("test").expect("it is here"),
            database: opened.databases().pop().expect("it has a database"),
            mail,
            told,
            _opened: Mutex::new(opened),
        }
    }

    /// A request of its own.
    pub(crate) fn cx(&self) -> Cx {
        Cx::root(&self.env)
    }

    /// Makes requests with one id, as of somebody who repeats one.
    pub(crate) fn cx_with_id(&self) -> impl Fn() -> Cx {
        let id = CallId::from_parts(&[&self.env.random("repeats").u128().to_le_bytes()]);
        let env = self.env.clone();
        move || {
            let root = Root {
                began: None,
                id: Some(id),
                deadline: None,
                principal: None,
                trace: None,
            };
            Cx::from_root(&env, root)
        }
    }

    /// Somebody with a verified address, signed in.
    pub(crate) async fn person(&self, email: &str) -> SignedIn {
        let request = SignUp {
            email: email.to_owned(),
            from: "192.0.2.1".to_owned(),
        };
        self.accounts
            .sign_up(&self.cx(), request)
            .await
            .expect("it is asked for");
        let token = self.link(email, "verify").await;
        let password = Hidden::new(crate::PASSWORD);
        let cx = self.cx();
        let verified = self.accounts.verify(&cx, token, password, "UTC".to_owned());
        verified.await.expect("it is verified")
    }

    /// Subject and text of each mail to an address, the newest first.
    pub(crate) async fn mails(&self, to: &str) -> Vec<(String, String)> {
        let all = self.mail.mailbox(200).await.expect("the mailbox");
        let drafts = all.into_iter().map(|received| received.message.into_draft());
        let theirs = drafts.filter(|draft| draft.to == [to]);
        theirs
            .map(|draft| (draft.subject, draft.text.unwrap_or_default()))
            .collect()
    }

    /// The token of the newest link to `path`.
    pub(crate) async fn link(&self, to: &str, path: &str) -> Hidden {
        let found = self.links(to, path).await.into_iter().next();
        found.unwrap_or_else(|| panic!("no link to {path}"))
    }

    /// The tokens of all of them, the newest first.
    pub(crate) async fn links(&self, to: &str, path: &str) -> Vec<Hidden> {
        let before = format!("/{path}?token=");
        let mails = self.mails(to).await;
        let found = mails.iter().filter_map(|(_, text)| text.split_once(&before));
        let token = |(_, rest): (&str, &str)| Hidden::new(rest.split_whitespace().next().unwrap_or_default());
        found.map(token).collect()
    }

    /// Waits until all other components were told.
    pub(crate) async fn forgotten(&self, whom: Uuid) {
        let told = self.env.timeout(PATIENCE, async {
            while ["events", "todos", "reminders"]
                .iter()
                .any(|who| !self.told.has(who, whom))
            {
                self.env.sleep(Duration::from_millis(10)).await;
            }
        });
        told.await.expect("they are told");
    }

    /// All that the tables of the component and of `once` hold, as text; the mailbox holds links by its nature.
    pub(crate) async fn dump(&self) -> String {
        let mut dump = String::new();
        let sql = "select email, coalesce(password, '') from accounts";
        let accounts: Vec<(String, String)> = self.database.query(sql, ()).await.expect("accounts");
        dump += &format!("{accounts:?}");
        for sql in [
            "select digest from tokens",
            "select digest from pending",
            "select answer from terrace_once",
            "select payload from terrace_jobs",
        ] {
            let bytes: Vec<(Vec<u8>,)> = self.database.query(sql, ()).await.expect("rows");
            dump.extend(bytes.iter().map(|(bytes,)| String::from_utf8_lossy(bytes).into_owned()));
        }
        dump
    }
}

struct NoTodos(Told);

impl NoTodos {
    fn opened(told: &Told) -> impl for<'a> host::Open<'a, dyn Todos> + use<> {
        let told = told.clone();
        move |_: &Setup| {
            let module = NoTodos(told.clone());
            async move { Ok::<_, SetupError>(module) }
        }
    }
}

impl Todos for NoTodos {
    async fn add(&self, _: &Cx, _: Uuid, _: NewTodo) -> Result<Todo, TodoError> {
        Err(TodoError::Full)
    }

    async fn list(&self, _: &Cx, _: Uuid, _: Filter) -> Result<Page, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn get(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<Todo, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn edit(&self, _: &Cx, _: Uuid, _: Uuid, _: Change) -> Result<Todo, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn delete(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<(), TodoError> {
        Err(TodoError::Unknown)
    }

    async fn undo(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<Todo, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn overview(&self, _: &Cx, _: Uuid) -> Result<Overview, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn import(&self, _: &Cx, _: Uuid, _: Vec<Todo>) -> Result<u64, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn changed(&self, _: &Cx, _: Uuid, _: i64) -> Result<i64, TodoError> {
        Err(TodoError::Unknown)
    }

    async fn forget(&self, _: &Cx, owner: Uuid) -> Result<(), TodoError> {
        self.0.add("todos", owner);
        Ok(())
    }
}

struct NoReminders(Told);

impl NoReminders {
    fn opened(told: &Told) -> impl for<'a> host::Open<'a, dyn Reminders> + use<> {
        let told = told.clone();
        move |_: &Setup| {
            let module = NoReminders(told.clone());
            async move { Ok::<_, SetupError>(module) }
        }
    }
}

impl Reminders for NoReminders {
    async fn add(&self, _: &Cx, _: Uuid, _: Uuid, _: Timestamp) -> Result<Reminder, ReminderError> {
        Err(ReminderError::Full)
    }

    async fn list(&self, _: &Cx, _: Uuid, _: Vec<Uuid>) -> Result<Vec<Reminder>, ReminderError> {
        Err(ReminderError::Unknown)
    }

    async fn remove(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<(), ReminderError> {
        Err(ReminderError::Unknown)
    }

    async fn follow(&self, _: &Cx, _: Uuid, _: Uuid, _: bool, _: i64) -> Result<(), ReminderError> {
        Err(ReminderError::Unknown)
    }

    async fn import(&self, _: &Cx, _: Uuid, _: Vec<Reminder>) -> Result<u64, ReminderError> {
        Err(ReminderError::Unknown)
    }

    async fn forget(&self, _: &Cx, owner: Uuid) -> Result<(), ReminderError> {
        self.0.add("reminders", owner);
        Ok(())
    }
}

struct NoEvents(Told);

impl NoEvents {
    fn opened(told: &Told) -> impl for<'a> host::Open<'a, dyn Events> + use<> {
        let told = told.clone();
        move |_: &Setup| {
            let module = NoEvents(told.clone());
            async move { Ok::<_, SetupError>(module) }
        }
    }
}

impl Events for NoEvents {
    async fn add(&self, _: &Cx, _: Uuid, _: NewSource) -> Result<Source, EventError> {
        Err(EventError::Unknown)
    }

    async fn list(&self, _: &Cx, _: Uuid) -> Result<Sources, EventError> {
        Err(EventError::Unknown)
    }

    async fn get(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<Source, EventError> {
        Err(EventError::Unknown)
    }

    async fn poll(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<Source, EventError> {
        Err(EventError::Unknown)
    }

    async fn remove(&self, _: &Cx, _: Uuid, _: Uuid) -> Result<(), EventError> {
        Err(EventError::Unknown)
    }

    async fn connect(&self, _: &Cx, _: Uuid) -> Result<String, EventError> {
        Err(EventError::Unknown)
    }

    async fn connected(&self, _: &Cx, _: Uuid, _: Hidden, _: Hidden) -> Result<Source, EventError> {
        Err(EventError::Unknown)
    }

    async fn forget(&self, _: &Cx, owner: Uuid) -> Result<(), EventError> {
        self.0.add("events", owner);
        Ok(())
    }
}

/// Each promise on each engine, as a test of its own.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { crate::desk::on_sqlite(stringify!($name), super::$name); })*
        }
        mod postgres {
            $(#[test] fn $name() { crate::desk::on_postgres(stringify!($name), super::$name); })*
        }
    };
}
pub(crate) use on_both;

pub(crate) fn on_sqlite<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Desk) -> F) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("accounts-{name}-{}", std::process::id()));
    let options = Options {
        data: Some(folder.clone()),
        ..Options::default()
    };
    run(async { test(Desk::open(Env::production_with("test", options), "").await).await });
    // What a failure left may be looked at.
    std::fs::remove_dir_all(folder).expect("nobody needs it any more");
}

pub(crate) fn on_postgres<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Desk) -> F) {
    let server = Postgres::shared();
    // A name has 63 bytes at most.
    let database: String = name.split('_').map(|word| &word[..word.len().min(3)]).collect();
    let database = format!("accounts_{database}");
    server.create_database(&database).expect("the server makes it");
    let database = format!("database = {{ url = \"{}\", connections = 4 }}", server.url(&database));
    run(async { test(Desk::open(Env::production("test"), &database).await).await });
}

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(test);
    // Components that refer to each other are there until the process ends, with their connections.
    runtime.shutdown_background();
}
