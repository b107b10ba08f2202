//! Children of this process, started again when they end.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use wire::{ExternalLimits, Origin, Token, Whereabouts};
use world::{Address, Env, First, Instant, KeptFrom, Process, Program, Said, Task, first};

use crate::backoff::Backoff;
use crate::limits::{FIRST_LIVES, LAST_LINE_CHARS_MAX, READY_EVERY, READY_MAX, STOP_MAX};

/// The variable that tells a program where to serve: `127.0.0.1:41237`.
pub const ADDRESS: &str = "TERRACE_EXTERNAL_ADDRESS";

/// The variable that tells a program which bearer token its callers show.
pub const TOKEN: &str = "TERRACE_EXTERNAL_TOKEN";

/// How the variables begin that configure this process, and none of its children.
const OURS: &str = "TERRACE_";

/// A program to be kept running.
#[derive(Clone, Debug)]
pub struct Child {
    /// The component that it is.
    pub component: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The folder it is started in. Default: that of this process.
    pub folder: Option<PathBuf>,
    /// Variables of this process that hold secrets, which it does not get.
    pub secrets: BTreeSet<String>,
}

/// Programs that are kept running.
#[derive(Default)]
pub struct Supervisor {
    watched: Vec<Watched>,
}

/// One of them.
struct Watched {
    component: String,
    whereabouts: Whereabouts,
    /// Has no permits, and is closed when the program is to stop.
    stop: Arc<Semaphore>,
    task: Mutex<Option<Task<()>>>,
}

/// Why a program is not kept running: it has never answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "external component `{component}`: `{command}` {why}; start it by hand with {ADDRESS}=127.0.0.1:9000 and {TOKEN}=x to see more"
)]
pub struct StartError {
    /// The component.
    pub component: String,
    /// The program and its arguments.
    pub command: String,
    /// What became of it.
    pub why: String,
}

impl Supervisor {
    /// Starts `children`, and waits until all of them answer. If one does not, all are killed again.
    pub async fn start(env: &Env, children: Vec<Child>) -> Result<Supervisor, StartError> {
        let mut supervisor = Supervisor::default();
        let mut starting = Vec::new();
        for child in children {
            // Its command is for whoever runs it, not for its callers.
            let whereabouts = Whereabouts::nowhere("its program", "it is being started");
            let stop = Arc::new(Semaphore::new(0));
            let (started, answer) = oneshot::channel();
            let keeper = Keeper {
                env: env.clone(),
                child: child.clone(),
                whereabouts: whereabouts.clone(),
                stop: stop.clone(),
            };
            supervisor.watched.push(Watched {
                component: child.component.clone(),
                whereabouts,
                stop,
                task: Mutex::new(Some(env.spawn("external component", keeper.keep(started)))),
            });
            starting.push((child, answer));
        }
        for (child, answer) in starting {
            let answer = answer.await.unwrap_or_else(|_| Err("was not watched".to_owned()));
            if let Err(why) = answer {
                // Whoever started this may end at once, and with it whatever would still kill them.
                supervisor.stop().await;
                return Err(StartError {
                    component: child.component,
                    command: child.command.join(" "),
                    why,
                });
            }
        }
        Ok(supervisor)
    }

    /// Where each program is, by its component.
    pub fn whereabouts(&self) -> BTreeMap<String, Whereabouts> {
        let watched = self.watched.iter();
        watched
            .map(|watched| (watched.component.clone(), watched.whereabouts.clone()))
            .collect()
    }

    /// Asks all programs to end, kills those that have not after [`STOP_MAX`], and waits until none is left.
    pub async fn stop(&self) {
        for watched in &self.watched {
            watched.stop.close();
        }
        for watched in &self.watched {
            let task = watched.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                // It ends by itself; whoever panicked has dropped its child, and so killed it.
                let _ = task.await;
            }
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.cancel();
        }
    }
}

/// Keeps one program running.
struct Keeper {
    env: Env,
    child: Child,
    whereabouts: Whereabouts,
    stop: Arc<Semaphore>,
}

/// How one life of a program ended.
enum End {
    /// It was told to.
    Stopped,
    /// By itself, after it had answered for so long.
    Fell {
        why: String,
        /// What it wrote last, which is for whoever runs it, and not for its callers.
        last_line: String,
        steady: Duration,
        /// Whether another port may help it.
        is_quick: bool,
    },
}

type Started = oneshot::Sender<Result<(), String>>;

impl Keeper {
    /// Until it is to stop. `started` gets what came of the first life.
    async fn keep(self, started: Started) {
        let mut started = Some(started);
        let mut backoff = Backoff::default();
        let mut lives = 0;
        loop {
            let End::Fell {
                why,
                last_line,
                steady,
                is_quick,
            } = self.live(&mut started).await
            else {
                return;
            };
            lives += 1;
            // Somebody else may have taken its port: it gets another one before it is given up.
            if let Some(started) = started.take_if(|_| lives >= FIRST_LIVES || !is_quick) {
                // Whoever waited for it may be gone.
                let _ = started.send(Err(format!("{why}{last_line}")));
                return;
            }
            let wait = backoff.ended(steady);
            let component = &self.child.component;
            tracing::warn!(
                target: "terrace::external", %component,
                "it {why}{last_line}; it is started again in {} ms", wait.as_millis()
            );
            self.whereabouts.set(Err(format!("it {why}, and is started again")));
            if let First::One(_) = first(self.stop.acquire(), self.env.sleep(wait)).await {
                return;
            }
        }
    }

    /// One life of the program.
    async fn live(&self, started: &mut Option<Started>) -> End {
        let component = &self.child.component;
        let fell = |why: String, last_line: String| End::Fell {
            why,
            last_line,
            steady: Duration::ZERO,
            is_quick: false,
        };
        let (origin, variables) = match self.place().await {
            Ok(place) => place,
            Err(error) => return fell(format!("has no address: {error}"), String::new()),
        };
        let last_line = Arc::new(Mutex::new(String::new()));
        let program = Program {
            command: self.child.command.clone(),
            folder: self.child.folder.clone(),
            environment: variables,
            kept_from: KeptFrom {
                names: self.child.secrets.clone(),
                prefix: Some(OURS.to_owned()),
            },
        };
        let mut process = match self.env.processes().start(&program, self.said(&last_line)) {
            Ok(process) => process,
            Err(error) => return fell(format!("cannot be started: {error}"), String::new()),
        };
        let ready = self.env.timeout(READY_MAX, self.answers(&origin));
        let ready = first(self.stop.acquire(), first(process.ended(), ready)).await;
        match ready {
            First::One(_) => return self.end(process).await,
            First::Other(First::One(ended)) => {
                return End::Fell {
                    why: format!("ended before it answered: {}", told(ended)),
                    last_line: last(&last_line),
                    steady: Duration::ZERO,
                    is_quick: true,
                };
            }
            First::Other(First::Other(Err(elapsed))) => {
                process.kill();
                let why = format!("serves no HTTP at {origin}, which {ADDRESS} says; {elapsed}");
                return fell(why, last(&last_line));
            }
            First::Other(First::Other(Ok(()))) => {}
        }
        tracing::info!(target: "terrace::external", %component, at = %origin, "started");
        self.whereabouts.set(Ok(origin));
        if let Some(started) = started.take() {
            // Whoever waited for it may be gone.
            let _ = started.send(Ok(()));
        }
        let began: Instant = self.env.now();
        match first(self.stop.acquire(), process.ended()).await {
            First::One(_) => self.end(process).await,
            First::Other(ended) => End::Fell {
                why: format!("ended: {}", told(ended)),
                last_line: last(&last_line),
                is_quick: true,
                steady: self.env.now().saturating_duration_since(began),
            },
        }
    }

    /// A port that is free, and a token. Somebody else may take the port before the program does; then that ends, and the
    /// next life gets another. It is asked without the token until it answers, so that nobody else sees that.
    async fn place(&self) -> io::Result<(Origin, Vec<(String, String)>)> {
        let any = Address::new("127.0.0.1:0");
        let address = self.env.network().listen(&any).await?.address();
        let token = format!("{:032x}", self.env.random("token of an external component").u128());
        let shown = Token::new(&token).map_err(io::Error::other)?;
        let origin = Origin::new(&format!("http://{address}"), Some(shown)).map_err(io::Error::other)?;
        let variables = [(ADDRESS, address.to_string()), (TOKEN, token)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Ok((origin, variables.into()))
    }

    /// What the program writes goes to the log; its last line says most about why it ended.
    fn said(&self, last_line: &Arc<Mutex<String>>) -> Said {
        let (component, last_line) = (self.child.component.clone(), last_line.clone());
        Arc::new(move |line| {
            tracing::info!(target: "terrace::external", %component, "{line}");
            if !line.trim().is_empty() {
                let mut last_line = last_line.lock().unwrap_or_else(PoisonError::into_inner);
                *last_line = line.chars().take(LAST_LINE_CHARS_MAX).collect();
            }
        })
    }

    /// Waits until it does.
    async fn answers(&self, origin: &Origin) {
        let limits = ExternalLimits::default();
        while wire::external::answers(&self.env, origin, &limits).await.is_err() {
            self.env.sleep(READY_EVERY).await;
        }
    }

    async fn end(&self, mut process: Box<dyn Process>) -> End {
        let component = &self.child.component;
        self.whereabouts.set(Err("it was stopped".to_owned()));
        process.ask_to_end();
        let ended = self.env.timeout(STOP_MAX, process.ended()).await;
        match ended {
            Ok(ended) => {
                let ended = told(ended);
                tracing::info!(target: "terrace::external", %component, %ended, "stopped");
            }
            Err(_) => {
                tracing::warn!(
                    target: "terrace::external", %component,
                    "it had not ended {} s after it was asked to, and is killed", STOP_MAX.as_secs()
                );
                process.kill();
                // A process that was killed ends.
                let _ = process.ended().await;
            }
        }
        End::Stopped
    }
}

fn told(ended: io::Result<String>) -> String {
    ended.unwrap_or_else(|error| error.to_string())
}

fn last(line: &Mutex<String>) -> String {
    let line = line.lock().unwrap_or_else(PoisonError::into_inner);
    match line.is_empty() {
        true => String::new(),
        false => format!("; its last line: {line}"),
    }
}
