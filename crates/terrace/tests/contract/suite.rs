//! The component whose calls are compared between placements, and its module.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use terrace::once::{MemoryKeeper, once};
use terrace::{CallError, Cx, Ref};
use tokio::sync::watch;

/// A value of every kind that crosses.
#[terrace::data]
pub struct Rich {
    pub unit: (),
    pub flags: (bool, Option<bool>),
    pub signed: (i8, i16, i32, i64, i128),
    pub unsigned: (u8, u16, u32, u64, u128),
    pub floats: [f64; 3],
    pub single: f32,
    pub letter: char,
    pub text: String,
    pub bytes: Vec<u8>,
    pub list: Vec<Option<String>>,
    pub by_name: BTreeMap<String, Vec<u16>>,
    pub by_number: BTreeMap<u64, Choice>,
    pub set: BTreeSet<i32>,
    pub time: Duration,
    pub addresses: (IpAddr, SocketAddr),
    pub outcome: Result<u8, String>,
    pub tree: Tree,
}

#[terrace::data]
pub enum Choice {
    Unit,
    One(u32),
    Two(u32, String),
    Named {
        left: Box<Choice>,
        right: Option<Box<Choice>>,
    },
}

#[terrace::data]
pub struct Tree {
    pub name: String,
    pub children: Vec<Tree>,
}

/// The suite's own errors.
#[terrace::data]
pub enum Fault {
    Plain,
    Rich {
        code: u32,
        why: String,
        at: Vec<Option<i64>>,
    },
    Call(CallError),
}

impl From<CallError> for Fault {
    fn from(error: CallError) -> Fault {
        Fault::Call(error)
    }
}

/// What a method learns of its own call.
#[terrace::data]
pub struct Seen {
    pub id: u128,
    pub attempt: u8,
    pub hops: u8,
    pub principal: Option<String>,
    pub trace_id: u128,
    pub has_deadline: bool,
}

/// How a call inside a handler failed, as the handler saw it, and the error itself.
#[terrace::data]
pub struct Inner {
    pub certain: bool,
    pub error: CallError,
}

/// Everything that a call can do.
#[terrace::component(owner = "calls-team")]
pub trait Suite {
    /// Answers its argument.
    #[call(read)]
    async fn echo(&self, cx: &Cx, value: Rich) -> Result<Rich, Fault>;
    /// Answers its argument.
    #[call(idempotent)]
    async fn body(&self, cx: &Cx, text: String) -> Result<String, Fault>;
    /// Has no arguments.
    #[call(read)]
    async fn nothing(&self, cx: &Cx) -> Result<(), Fault>;
    /// May be called with fewer.
    #[call(read, key = key)]
    async fn missing(
        &self,
        cx: &Cx,
        key: String,
        text: Option<String>,
        number: Option<u64>,
    ) -> Result<(bool, bool), Fault>;
    /// Fails with its argument.
    #[call(read)]
    async fn fail(&self, cx: &Cx, fault: Fault) -> Result<u8, Fault>;
    /// Panics.
    async fn panics(&self, cx: &Cx, why: String) -> Result<u8, Fault>;
    /// Whether the error in its argument is certain.
    async fn is_certain(&self, cx: &Cx, error: CallError) -> Result<bool, Fault>;
    /// What its call carried.
    async fn seen(&self, cx: &Cx, what: u64) -> Result<Seen, Fault>;
    /// The same under a `read`.
    #[call(read)]
    async fn seen_reading(&self, cx: &Cx, what: u64) -> Result<Vec<Seen>, Fault>;
    /// What two equal calls and one other made by a handler carried, and what they carried in a `join!`.
    async fn seen_below(&self, cx: &Cx, what: u64, together: bool) -> Result<Vec<Seen>, Fault>;
    /// What a call named by `key` carried, whatever its argument.
    async fn seen_named(&self, cx: &Cx, key: String, what: u64) -> Result<Seen, Fault>;
    /// Says that it began, and waits for ever.
    async fn wait(&self, cx: &Cx, key: String) -> Result<u8, Fault>;
    /// The same, with little time.
    #[call(deadline = "40ms")]
    async fn wait_briefly(&self, cx: &Cx, key: String) -> Result<u8, Fault>;
    /// Has work to finish that waits for `open` and calls on.
    async fn finishes(&self, cx: &Cx, key: String) -> Result<u8, Fault>;
    /// Adds `item`, and answers how many items there are.
    #[call(once)]
    async fn add(&self, cx: &Cx, key: String, item: u64) -> Result<u64, Fault>;
    /// Waits for `open`, then adds.
    #[call(once)]
    async fn add_slowly(&self, cx: &Cx, key: String) -> Result<u64, Fault>;
    /// Fails until `open`, then adds.
    #[call(once)]
    async fn add_later(&self, cx: &Cx, key: String) -> Result<u64, Fault>;
    /// Panics until `open`, then adds.
    #[call(once)]
    async fn add_panicking(&self, cx: &Cx, key: String) -> Result<u64, Fault>;
    /// Adds by a call named `key`, whose argument is `item`.
    async fn add_named(&self, cx: &Cx, key: String, item: u64) -> Result<u64, Fault>;
    /// Calls `add`, which a `read` may not.
    #[call(read)]
    async fn add_reading(&self, cx: &Cx, key: String) -> Result<Option<Inner>, Fault>;
    /// Makes a call that certainly does not run, and answers its error as a value.
    async fn refused(&self, cx: &Cx) -> Result<Inner, Fault>;
    /// The same as an error.
    async fn refused_in_error(&self, cx: &Cx) -> Result<u8, Fault>;
    /// Calls itself `depth` times; the last answers its hops, or what became of the call beyond the limit.
    async fn descend(&self, cx: &Cx, depth: u8) -> Result<(u8, Option<Inner>), Fault>;
    /// The sum of `1..=number` through two components that call each other.
    #[call(idempotent)]
    async fn sum(&self, cx: &Cx, number: u64) -> Result<u64, Fault>;
    /// Lets waiting work of `key` go on.
    async fn open(&self, cx: &Cx, key: String) -> Result<(), Fault>;
    /// Waits until `entry` is in the log of `key`, and answers the log.
    #[call(read)]
    async fn until(&self, cx: &Cx, key: String, entry: String) -> Result<Vec<String>, Fault>;
}

/// Calls the suite, which calls it.
#[terrace::component(owner = "calls-team")]
pub trait Mirror {
    /// The sum of `1..=number`.
    #[call(idempotent)]
    async fn sum(&self, cx: &Cx, number: u64) -> Result<u64, Fault>;
}

/// How the components of one placement reach each other.
#[derive(Clone, Default)]
pub struct Peers {
    pub suite: Arc<OnceLock<Ref<dyn Suite>>>,
    pub mirror: Arc<OnceLock<Ref<dyn Mirror>>>,
}

impl Peers {
    fn suite(&self) -> &Ref<dyn Suite> {
        self.suite.get().unwrap()
    }
}

/// The module of [`Suite`].
pub struct Recorder {
    pub peers: Peers,
    pub keeper: Arc<MemoryKeeper>,
    pub logs: Arc<Logs>,
}

/// What happened, by key.
#[derive(Default)]
pub struct Logs {
    entries: Mutex<BTreeMap<String, Vec<String>>>,
    changed: watch::Sender<()>,
}

impl Logs {
    fn add(&self, key: &str, entry: &str) -> usize {
        let mut entries = self.entries.lock().unwrap();
        let log = entries.entry(key.to_string()).or_default();
        log.push(entry.to_string());
        let count = log.len();
        drop(entries);
        self.changed.send_replace(());
        count
    }

    fn of(&self, key: &str) -> Vec<String> {
        self.entries.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    async fn until(&self, key: &str, entry: &str) -> Vec<String> {
        let mut changed = self.changed.subscribe();
        loop {
            let log = self.of(key);
            if entry.is_empty() || log.iter().any(|found| found == entry) {
                return log;
            }
            changed.changed().await.unwrap();
        }
    }

    fn is_open(&self, key: &str) -> bool {
        self.of(key).iter().any(|entry| entry == "open")
    }

    /// How many items were added.
    fn items(&self, key: &str) -> u64 {
        self.of(key).iter().filter(|entry| entry.starts_with("item")).count() as u64
    }
}

/// Says in the log that it was dropped, unless it is forgotten.
struct Dropped(Arc<Logs>, String);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add(&self.1, "dropped");
    }
}

pub fn seen(cx: &Cx) -> Seen {
    Seen {
        id: cx.call_id().0,
        attempt: cx.attempt(),
        hops: cx.hops(),
        principal: cx.principal().map(str::to_string),
        trace_id: cx.trace().trace_id,
        has_deadline: cx.deadline().is_some(),
    }
}

fn inner(error: Fault) -> Inner {
    match error {
        Fault::Call(error) => Inner {
            certain: error.certainly_did_not_run(),
            error,
        },
        other => panic!("{other:?} is not a call's failure"),
    }
}

impl Recorder {
    async fn wait_for_ever(&self, key: String) -> Result<u8, Fault> {
        let _dropped = Dropped(self.logs.clone(), key.clone());
        self.logs.add(&key, "began");
        std::future::pending().await
    }

    async fn add_once<F>(&self, cx: &Cx, effect: impl FnOnce(Arc<Logs>) -> F) -> Result<u64, Fault>
    where
        F: Future<Output = Result<u64, Fault>> + Send + 'static,
    {
        let logs = self.logs.clone();
        once(self.keeper.clone(), cx, "add", move || effect(logs)).await
    }
}

impl Suite for Recorder {
    async fn echo(&self, _: &Cx, value: Rich) -> Result<Rich, Fault> {
        Ok(value)
    }

    async fn body(&self, _: &Cx, text: String) -> Result<String, Fault> {
        Ok(text)
    }

    async fn nothing(&self, _: &Cx) -> Result<(), Fault> {
        Ok(())
    }

    async fn missing(
        &self,
        _: &Cx,
        _key: String,
        text: Option<String>,
        number: Option<u64>,
    ) -> Result<(bool, bool), Fault> {
        Ok((text.is_none(), number.is_none()))
    }

    async fn fail(&self, _: &Cx, fault: Fault) -> Result<u8, Fault> {
        Err(fault)
    }

    async fn panics(&self, _: &Cx, why: String) -> Result<u8, Fault> {
        panic!("{why}")
    }

    async fn is_certain(&self, _: &Cx, error: CallError) -> Result<bool, Fault> {
        Ok(error.certainly_did_not_run())
    }

    async fn seen(&self, cx: &Cx, _what: u64) -> Result<Seen, Fault> {
        Ok(seen(cx))
    }

    async fn seen_reading(&self, cx: &Cx, what: u64) -> Result<Vec<Seen>, Fault> {
        Ok(vec![seen(cx), self.peers.suite().seen(cx, what).await?])
    }

    async fn seen_below(&self, cx: &Cx, what: u64, together: bool) -> Result<Vec<Seen>, Fault> {
        let suite = self.peers.suite();
        if together {
            let (other, one, two) = tokio::join!(suite.seen(cx, 0), suite.seen(cx, what), suite.seen(cx, what));
            return Ok(vec![one?, two?, other?]);
        }
        Ok(vec![
            suite.seen(cx, what).await?,
            suite.seen(cx, what).await?,
            suite.seen(cx, 0).await?,
        ])
    }

    async fn seen_named(&self, cx: &Cx, key: String, what: u64) -> Result<Seen, Fault> {
        self.peers.suite().seen(&cx.named("event", &key), what).await
    }

    async fn wait(&self, _: &Cx, key: String) -> Result<u8, Fault> {
        self.wait_for_ever(key).await
    }

    async fn wait_briefly(&self, _: &Cx, key: String) -> Result<u8, Fault> {
        self.wait_for_ever(key).await
    }

    async fn finishes(&self, cx: &Cx, key: String) -> Result<u8, Fault> {
        let _dropped = Dropped(self.logs.clone(), key.clone());
        let logs = self.logs.clone();
        let work = async move {
            logs.add(&key, "began");
            logs.until(&key, "open").await;
            logs.add(&key, "finished");
            key
        };
        let key = cx.finish(work).await?;
        self.logs.add(&key, "answered");
        Ok(1)
    }

    async fn add(&self, cx: &Cx, key: String, item: u64) -> Result<u64, Fault> {
        let effect = move |logs: Arc<Logs>| async move {
            logs.add(&key, &format!("item {item}"));
            Ok(logs.items(&key))
        };
        self.add_once(cx, effect).await
    }

    async fn add_slowly(&self, cx: &Cx, key: String) -> Result<u64, Fault> {
        self.logs.add(&key, "asked");
        let effect = move |logs: Arc<Logs>| async move {
            logs.add(&key, "began");
            logs.until(&key, "open").await;
            logs.add(&key, "item");
            Ok(logs.items(&key))
        };
        self.add_once(cx, effect).await
    }

    async fn add_later(&self, cx: &Cx, key: String) -> Result<u64, Fault> {
        let effect = move |logs: Arc<Logs>| async move {
            if !logs.is_open(&key) {
                return Err(Fault::Plain);
            }
            logs.add(&key, "item");
            Ok(logs.items(&key))
        };
        self.add_once(cx, effect).await
    }

    async fn add_panicking(&self, cx: &Cx, key: String) -> Result<u64, Fault> {
        let effect = move |logs: Arc<Logs>| async move {
            assert!(logs.is_open(&key), "it is not open yet");
            logs.add(&key, "item");
            Ok(logs.items(&key))
        };
        self.add_once(cx, effect).await
    }

    async fn add_named(&self, cx: &Cx, key: String, item: u64) -> Result<u64, Fault> {
        self.peers
            .suite()
            .add(&cx.named("addition", &key), key.clone(), item)
            .await
    }

    async fn add_reading(&self, cx: &Cx, key: String) -> Result<Option<Inner>, Fault> {
        Ok(self.peers.suite().add(cx, key, 1).await.err().map(inner))
    }

    async fn refused(&self, cx: &Cx) -> Result<Inner, Fault> {
        let error = self
            .peers
            .suite()
            .nothing(&cx.within(Duration::ZERO))
            .await
            .unwrap_err();
        Ok(inner(error))
    }

    async fn refused_in_error(&self, cx: &Cx) -> Result<u8, Fault> {
        self.peers.suite().nothing(&cx.within(Duration::ZERO)).await?;
        Ok(1)
    }

    async fn descend(&self, cx: &Cx, depth: u8) -> Result<(u8, Option<Inner>), Fault> {
        if depth == 0 {
            return Ok((cx.hops(), None));
        }
        match self.peers.suite().descend(cx, depth - 1).await {
            Ok(answer) => Ok(answer),
            Err(error) => Ok((cx.hops(), Some(inner(error)))),
        }
    }

    async fn sum(&self, cx: &Cx, number: u64) -> Result<u64, Fault> {
        match number {
            0 => Ok(0),
            _ => Ok(number + self.peers.mirror.get().unwrap().sum(cx, number - 1).await?),
        }
    }

    async fn open(&self, _: &Cx, key: String) -> Result<(), Fault> {
        self.logs.add(&key, "open");
        Ok(())
    }

    async fn until(&self, _: &Cx, key: String, entry: String) -> Result<Vec<String>, Fault> {
        Ok(self.logs.until(&key, &entry).await)
    }
}

/// The module of [`Mirror`].
pub struct Reflection(pub Peers);

impl Mirror for Reflection {
    async fn sum(&self, cx: &Cx, number: u64) -> Result<u64, Fault> {
        match number {
            0 => Ok(0),
            _ => Ok(number + self.0.suite().sum(cx, number - 1).await?),
        }
    }
}
