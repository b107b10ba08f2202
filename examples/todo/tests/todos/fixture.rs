//! The components of a test, on an engine of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host::{Config, Modules, Opened};
use servers::Postgres;
use terrace::database::{Database, Timestamp};
use terrace::{CallId, Cx, Env, Ref, Root};
use todo::accounts::Accounts;
use todo::reminders::{Bell, Reminders};
use todo::todos::{Filter, LIST_MAX, NewTodo, Notebook, Page, Todo, TodoError, Todos};
use uuid::Uuid;
use world::memory::World;
use world::production::Options;

use crate::people::People;

/// How long an engine may take for what happens beside a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often jobs are looked for.
const POLL: &str = "20ms";

/// What a test gets.
pub(crate) struct Fixture {
    pub(crate) env: Env,
    pub(crate) todos: Ref<dyn Todos>,
    pub(crate) reminders: Ref<dyn Reminders>,
    databases: Vec<Database>,
    // Kept, and shared by threads that only need the rest.
    _opened: Mutex<Opened>,
}

impl Fixture {
    async fn open(env: Env, poll: &str, database: &str) -> Fixture {
        let mut modules = Modules::default();
        modules.provide::<dyn Accounts>(None, People::open);
        modules.provide::<dyn Todos>(None, Notebook::open);
        modules.provide::<dyn Reminders>(None, Bell::open);
        let config = format!("[tiers]\njobs = {{ poll = \"{poll}\" }}\n{database}");
        let config = Config::parse(&config, Path::new("terrace.toml")).expect("a configuration");
        let mut opened = modules.open(&env, Arc::new(config)).await.expect("it opens");
        opened.start_jobs().await.expect("jobs run");
        Fixture {
            env,
            todos: opened.reference("test").expect("it is here"),
            reminders: opened.reference("test").expect("it is here"),
            databases: opened.databases(),
            _opened: Mutex::new(opened),
        }
    }

    /// A request of its own.
    pub(crate) fn cx(&self) -> Cx {
        Cx::root(&self.env)
    }

    /// The request that a person has called `key`.
    pub(crate) fn keyed(&self, key: &str) -> Cx {
        let root = Root {
            began: None,
            id: Some(CallId::from_parts(&[b"test", key.as_bytes()])),
            deadline: None,
            principal: None,
            trace: None,
        };
        Cx::from_root(&self.env, root).named("request", &())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.env.wall().into()
    }

    /// So many milliseconds from now.
    pub(crate) fn soon(&self, millis: u64) -> Timestamp {
        self.now().after(Duration::from_millis(millis))
    }

    pub(crate) async fn add(&self, owner: Uuid, title: &str) -> Todo {
        self.todos
            .add(&self.cx(), owner, new(title))
            .await
            .expect("it is added")
    }

    pub(crate) async fn page(&self, owner: Uuid, filter: Filter) -> Result<Page, TodoError> {
        let limit = if filter.limit == 0 { LIST_MAX } else { filter.limit };
        self.todos.list(&self.cx(), owner, Filter { limit, ..filter }).await
    }

    /// The titles that a filter finds.
    pub(crate) async fn titles(&self, owner: Uuid, filter: Filter) -> Vec<String> {
        let page = self.page(owner, filter).await.expect("a page");
        page.todos.into_iter().map(|todo| todo.title).collect()
    }

    pub(crate) fn database(&self, component: &str) -> Database {
        let mut all = self.databases.iter();
        let found = all.find(|database| database.component() == component);
        found.expect("it has a database").clone()
    }

    /// The mails so far, each as its fields one after the other.
    pub(crate) async fn mails(&self) -> Vec<String> {
        let sql = "select message from terrace_mailbox order by number";
        let mails: Vec<Vec<u8>> = self.database("Reminders").query(sql, ()).await.expect("mails");
        mails
            .iter()
            .map(|mail| String::from_utf8_lossy(mail).into_owned())
            .collect()
    }

    /// Waits until nothing is to be done any more at this time.
    pub(crate) async fn quiet(&self) {
        for component in ["Todos", "Reminders"] {
            let database = self.database(component);
            self.until("an end of all jobs", || async {
                let sql = "select count(*) from terrace_jobs where state = 'running' or (state = 'waiting' and ready)";
                let busy: i64 = database.query_one(sql, ()).await.expect("jobs");
                (busy == 0).then_some(())
            })
            .await;
        }
    }

    /// Waits until there is something.
    pub(crate) async fn until<T, O>(&self, what: &str, look: impl Fn() -> O) -> T
    where
        O: Future<Output = Option<T>>,
    {
        let waited = self.env.timeout(PATIENCE, async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                self.env.sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("{what} did not come"))
    }
}

pub(crate) fn new(title: &str) -> NewTodo {
    NewTodo {
        title: title.to_owned(),
        done: false,
        due: None,
        tags: Vec::new(),
    }
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// SQLite on real files.
pub(crate) fn on_sqlite<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Fixture) -> F) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("todos-{name}-{}", std::process::id()));
    let data = Some(folder.clone());
    let ended = catch_unwind(AssertUnwindSafe(|| {
        run(async {
            let options = Options {
                data,
                ..Options::default()
            };
            test(Fixture::open(Env::production_with("test", options), POLL, "").await).await;
        });
    }));
    // What a failure left may be looked at.
    match ended {
        Ok(()) => std::fs::remove_dir_all(folder).expect("nobody has it any more"),
        Err(panic) => resume_unwind(panic),
    }
}

/// A database of its own on a real PostgreSQL.
pub(crate) fn on_postgres<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Fixture) -> F) {
    let server = Postgres::shared();
    // A name has 63 bytes at most.
    let database: String = name.split('_').map(|word| &word[..word.len().min(3)]).collect();
    server.create_database(&database).expect("the server makes it");
    let database = format!("database = {{ url = \"{}\", connections = 4 }}", server.url(&database));
    run(async {
        test(Fixture::open(Env::production("test"), POLL, &database).await).await;
    });
}

/// SQLite on the disk of a simulated node.
pub(crate) fn simulated<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Fixture) -> F + Send + 'static) {
    simulated_polling(POLL, test);
}

/// The same for a test of days, in which jobs are looked for every `poll`.
pub(crate) fn simulated_polling<F: Future<Output = ()> + Send + 'static>(
    poll: &'static str,
    test: impl FnOnce(Fixture) -> F + Send + 'static,
) {
    sim::sqlite::register().expect("SQLite takes it");
    let world = World::new(1);
    let env = world.node("a");
    let ended = world.run(env.clone().spawn("test", async move {
        test(Fixture::open(env, poll, "").await).await;
    }));
    if let Err(lost) = ended {
        panic!("{lost}");
    }
}

fn run(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(test);
    // Two components that refer to each other are there until the process ends, with their connections.
    runtime.shutdown_background();
}
