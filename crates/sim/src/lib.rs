//! A simulated world: many nodes in one process, with virtual time and faults on purpose.
//!
//! Whoever designs a distributed program assumes how nodes fail, how links fail and how time behaves. Here that
//! assumption is a value, a [`Model`], and a program is held to it: a [`Scenario`] sets up nodes and clients, whatever the
//! model allows goes wrong, everything is healed, and what came of it is checked.
//!
//! ```
//! # use std::time::Duration;
//! # use sim::{Run, Scenario, Verdict, World};
//! # use terrace::{CallError, Cx};
//! #[terrace::component]
//! pub trait Echo {
//!     #[call(read)]
//!     async fn echo(&self, cx: &Cx, text: String) -> Result<String, CallError>;
//! }
//!
//! struct Canyon;
//!
//! impl Echo for Canyon {
//!     async fn echo(&self, _: &Cx, text: String) -> Result<String, CallError> {
//!         Ok(text)
//!     }
//! }
//!
//! async fn an_echo_is_true(world: World) {
//!     world.provide::<dyn Echo, _, _, _>("canyon", |_| async { Canyon });
//!     let heard = world.clone();
//!     world.client("hiker", move |env| {
//!         let heard = heard.clone();
//!         async move {
//!             let (echo, cx) = (sim::reference::<dyn Echo>(&env, "canyon"), Cx::root(&env));
//!             match echo.echo(&cx, "hello".to_owned()).await {
//!                 Ok(text) if text != "hello" => heard.violated(&env, format!("heard {text}")),
//!                 _ => {}
//!             }
//!         }
//!     });
//!     world.chaos(Duration::from_secs(60)).await;
//! }
//!
//! let scenario = Scenario::new("echo", an_echo_is_true);
//! let run = Run { model: "asynchronous".to_owned(), seed: 7, ..Run::default() };
//! assert_eq!(sim::run::once(&scenario, &run).expect("a model").verdict, Verdict::Holds);
//! ```
//!
//! # Life of a run
//!
//! ```text
//! campaign::run → a process for each seed → child::answer → run::once, on a fresh thread, armed against leaks
//!   warm-up   World::{server, client, provide}       nodes boot on world::memory, each with a transport of ours
//!   chaos     plan::draw → chaos.strike              crashes, pauses, cuts, clocks, disks by time
//!             network.send → course → fate           each message: arrives, late, doubled, changed, reset, lost
//!             session → execution → liar → reply     executed on the callee's node, answered, perhaps with a lie
//!   heal      chaos.heal                             everything is mended, nothing is drawn any more
//!   settle    World::settle                          progress, where the model claims it
//!   check     World::{check, fail, violated}         → Outcome: a verdict, the faults that struck, a hash
//! a failure → minimise → saved beside the test → diagram
//! ```
//!
//! # Reading order
//!
//! | file | what is in it |
//! |---|---|
//! | `model.rs`, `fault.rs`, `plan.rs` | assumptions, faults and what a seed draws of them, as data |
//! | `world.rs`, `scenario.rs` | what a scenario's author uses |
//! | `network.rs`, `session.rs`, `transport.rs`, `inner.rs` | messages, sessions and their fates |
//! | `chaos.rs`, `source.rs`, `liar.rs`, `watch.rs` | what strikes when; drawn or from a list |
//! | `run.rs`, `determinism.rs`, `child.rs`, `campaign.rs` | one run, and many in processes |
//! | `minimise.rs`, `saved.rs`, `report.rs`, `diagram.rs` | what is made of a failure |
//! | `history.rs`, `linearizability.rs`, `check.rs` | checkers |
//!
//! # What is simulated, and what is not
//!
//! Messages are the production codec's bytes; sessions, streams and TCP beneath them are not there: a lost message is
//! noticed by [`SILENCE_MAX`](wire::limits::SILENCE_MAX), a reset at once, and a request whose method has no mark is
//! executed at most once on a session, as TCP has it. The real frames and hyper run over another simulator in
//! `crates/terrace/tests/turmoil`. Scheduling is that of one thread: there are no data races to find here.

pub mod campaign;
mod chaos;
pub mod check;
pub mod child;
pub mod determinism;
pub mod diagram;
pub mod fault;
pub mod harness;
pub mod history;
mod inner;
mod liar;
pub mod linearizability;
mod machine;
pub mod minimise;
pub mod model;
mod network;
pub mod plan;
mod random;
mod recorder;
pub mod report;
pub mod run;
pub mod saved;
mod scenario;
mod session;
mod source;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod trace;
mod transport;
mod watch;
mod world;

pub use crate::model::Model;
pub use crate::run::{Outcome, Run, Verdict};
pub use crate::scenario::Scenario;
pub use crate::world::{PORT, World, reference, serve};
