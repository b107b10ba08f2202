//! A node that a test of someone else's making hosts: the program is the production one, on a tokio runtime, and only
//! network, clock and randomness are the host's. Such a host is turmoil, which gives every simulated machine a paused
//! runtime and a network of its own.

mod tasks;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant as TokioInstant;

use self::tasks::Tasks;
use super::{Runtime, SLEEP_MAX, disk};
use crate::disk::{Disk, SqlitePlace};
use crate::env::{Env, Node};
use crate::network::{BoxFuture, Network};
use crate::random::{Hash, Random};
use crate::task::Cancel;
use crate::time::{Instant, Interval, Sleep, Wall, nanos};

/// What a hosted node is given.
#[derive(Clone)]
pub struct Hosting {
    /// Carries its bytes.
    pub network: Arc<dyn Network>,
    /// Its random numbers follow from this, its name and their purpose. A node that starts again needs another seed, or
    /// it draws the same ids again.
    pub seed: u64,
    /// What its wall clock shows when it is made; from then on it goes with tokio's clock.
    pub wall: Wall,
}

impl fmt::Debug for Hosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosting")
            .field("seed", &self.seed)
            .field("wall", &self.wall)
            .finish_non_exhaustive()
    }
}

impl Env {
    /// A node on the tokio runtime this is called in, with tokio's clock, which may be paused. It has no disk. Blocking
    /// work runs at once, in place. Panics outside a tokio runtime.
    pub fn hosted(node: impl Into<String>, hosting: Hosting) -> Env {
        let runtime = Runtime::here();
        let _entered = runtime.handle().enter();
        Env::new(Arc::new(Hosted {
            name: node.into(),
            origin: TokioInstant::now(),
            draws: Mutex::default(),
            disk: Arc::new(disk::Files::new(None, runtime.clone())),
            tasks: Arc::default(),
            runtime: runtime.clone(),
            hosting,
        }))
    }
}

struct Hosted {
    name: String,
    origin: TokioInstant,
    /// How many sources of each purpose were asked for.
    draws: Mutex<BTreeMap<String, u64>>,
    disk: Arc<disk::Files>,
    tasks: Arc<Tasks>,
    runtime: Runtime,
    hosting: Hosting,
}

impl Hosted {
    fn elapsed(&self) -> Duration {
        // Tokio's clock is the one of the runtime that the thread is in; whoever asks may be outside.
        let _entered = self.runtime.handle().enter();
        self.origin.elapsed()
    }
}

impl Node for Hosted {
    fn name(&self) -> &str {
        &self.name
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(nanos(self.elapsed()))
    }

    fn wall(&self) -> Wall {
        self.hosting.wall + self.elapsed()
    }

    fn interval(&self) -> Interval {
        Interval::UNBOUNDED
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let _entered = self.runtime.handle().enter();
        let after = Duration::from_nanos(at.as_nanos()).min(SLEEP_MAX);
        Sleep::new(tokio::time::sleep_until(self.origin + after))
    }

    fn random(&self, purpose: &str) -> Random {
        let mut draws = self.draws.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = draws.entry(purpose.to_owned()).or_default();
        *drawn += 1;
        let hash = Hash::new().u64(self.hosting.seed).text(&self.name).text(purpose);
        Random::stream(hash.u64(*drawn).finish())
    }

    fn network(&self) -> Arc<dyn Network> {
        self.hosting.network.clone()
    }

    fn disk(&self) -> Arc<dyn Disk> {
        self.disk.clone()
    }

    fn sqlite(&self, name: &str) -> io::Result<SqlitePlace> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!(
                "node `{}` is hosted and has no disk for `{name}`; test what is on disk in memory",
                self.name
            ),
        ))
    }

    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> Box<dyn Cancel> {
        self.tasks.spawn(self.runtime.handle(), task)
    }

    fn blocking(&self, _name: &'static str, work: Box<dyn FnOnce() + Send>) -> Box<dyn Cancel> {
        work();
        Box::new(Done)
    }
}

/// Work that has run.
struct Done;

impl Cancel for Done {
    fn cancel(&self) {}
}

#[cfg(test)]
mod tests {
    use super::Hosting;
    use crate::env::Env;
    use crate::time::Wall;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    fn run<T>(scene: impl AsyncFnOnce(&Env) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime starts").block_on(async {
            let hosting = Hosting {
                network: Arc::new(super::super::network::Tcp),
                seed: 1,
                wall: Wall::from_micros(5),
            };
            scene(&Env::hosted("guest", hosting)).await
        })
    }

    #[test]
    fn a_hosted_node_s_numbers_follow_from_seed_and_purpose() {
        let draw = || {
            run(async |env| {
                let draws = [env.random("a"), env.random("a"), env.random("b")];
                draws.map(|mut random| random.u64())
            })
        };
        let first = draw();
        assert_eq!(first, draw());
        assert!(first[0] != first[1] && first[1] != first[2], "{first:?}");
    }

    #[test]
    fn a_hosted_node_s_clocks_go_together_and_reach_its_sleeps() {
        run(async |env| {
            let began = env.now();
            env.sleep(Duration::from_millis(2)).await;
            assert!(env.now().saturating_duration_since(began) >= Duration::from_millis(2));
            assert!(env.wall() >= Wall::from_micros(2_005));
        });
    }

    #[test]
    fn a_hosted_node_s_tasks_end_with_it_in_the_order_in_which_they_began() {
        struct Ends(usize, Arc<Mutex<Vec<usize>>>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.1.lock().expect("nothing panics with it").push(self.0);
            }
        }
        let ended = Arc::new(Mutex::new(Vec::new()));
        run(async |env| {
            for number in 0..100 {
                let ends = Ends(number, ended.clone());
                let task = env.spawn("waits", async move {
                    let _ends = ends;
                    match number {
                        7 => {}
                        _ => std::future::pending().await,
                    }
                });
                if number == 50 {
                    task.cancel();
                }
            }
            tokio::task::yield_now().await;
            assert_eq!(ended.lock().expect("nothing panics with it").len(), 2);
        });
        let rest = (0..100).filter(|number| ![7, 50].contains(number));
        assert_eq!(
            ended.lock().expect("nothing panics with it")[2..],
            rest.collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_hosted_node_runs_blocking_work_in_place() {
        let here = std::thread::current().id();
        let ran_on = run(async |env| env.blocking("work", || std::thread::current().id()).await);
        assert_eq!(ran_on, Ok(here));
    }
}
