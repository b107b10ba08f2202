//! The one crate a user of Terrace names: write components, and where they run is a setting.
//!
//! With `default-features = false` it is what one component inside an existing program needs:
//! [`component`](macro@component), [`data`], [`Ref`], [`Cx`], [`Client`] and [`serve`]. The feature `app` (on by
//! default) adds `App`, and `Setup`, which a module is opened with; the feature `database` (on by default) adds
//! [`database`], [`Row`](derive@Row), [`migrations!`] and [`jobs`].

pub use ::telemetry::TraceContext;
#[cfg(feature = "app")]
pub use app::{App, Argument, Command, CommandError, Invocation};
pub use component::once;
pub use component::testing;
pub use component::{
    CallId, Canceller, Client, Component, Cx, Faults, Ref, Root, Served, Serving, Voted, VotedError, serve, serve_all,
    serve_with,
};
#[cfg(feature = "app")]
pub use host::{AddressRange, Background, Secret, SecretReference, Setup, SetupError};
#[cfg(feature = "front")]
pub use macros::files;
#[cfg(feature = "database")]
pub use macros::{Row, migrations};
pub use macros::{Shape, component, data};
pub use wire::{CallError, CallErrorKind, ErrorCode, Foreign, Origin, OriginError, Shape, Token, Whereabouts};
pub use world::{Address, BoxFuture, ByteStream, Disk, Env, File, Network, Random, always, buggify, sometimes};

/// What happens later: durable jobs, schedules, steps with compensations.
#[cfg(feature = "database")]
pub mod jobs {
    pub use ::jobs::{
        Backoff, Config, Declaration, Error, Filter, Job, JobError, JobId, Jobs, Missed, Progress, Schedule,
        ScheduleError, Shown, State, Steps, Undoing, Worker,
    };

    /// Messages, sent in the caller's own transaction.
    pub mod mail {
        pub use ::jobs::mail::{Draft, Mail, MailId, Message, MessageError, Posted, Received};
    }
}

#[cfg(feature = "simulate")]
pub use macros::simulate;

/// Worlds in which things go wrong on purpose, for scenarios.
#[cfg(feature = "simulate")]
pub mod simulation {
    pub use app::simulated::open;
    #[cfg(feature = "front")]
    pub use app::simulated::serve_fronts;
    pub use host::{Modules, Opened};
    pub use sim::harness::test;
    pub use sim::{Model, Outcome, PORT, Run, Scenario, Verdict, World, reference, serve};
    pub use sim::{campaign, check, child, fault, history, linearizability, model, report, run, trace};
}

/// How much a silent peer is to be suspected.
pub mod detector {
    pub use world::{Detector, PhiAccrual, PhiSettings, Suspicion, Timeout};
}

/// Points in time, and an order of events that does not depend on the clocks of nodes.
pub mod time {
    pub use world::{Ahead, HybridClock, Instant, Interval, Timestamp, Unbounded, Wall, wait_until_past};
}

/// The real world.
pub mod production {
    pub use world::production::Options;
}

/// A component's own data: SQLite or PostgreSQL, by one contract.
#[cfg(feature = "database")]
pub mod database {
    pub use ::database::{
        Applied, Config, Constraint, Database, Document, Documents, Error, Find, FromRow, FromValue, Holds, Index,
        Isolation, Json, Migration, Migrations, Mismatch, Parameters, Row, Timestamp, ToValue, Transaction, Value,
        config, document, limits, migration,
    };
}

/// What was called how often, and logs for a program without `App`.
pub mod telemetry {
    pub use ::telemetry::logs::{Format, Level, Logs, init};
    pub use ::telemetry::{EdgeStatistics, snapshot};
}

/// The web tier: routes by axum, served by HTTP and HTTPS.
#[cfg(feature = "front")]
pub mod front {
    pub use ::front::{
        ACCOUNT_BYTES_MAX, Call, Config, Event, EventSender, Events, File, Files, Form, Handle, Html, Json, NoListener,
        Path, Problem, Query, SESSION_LIFE, Session, SessionData, SessionDataError, Sessions, TemplateError, Templates,
        Tls, TlsError, Web, compressed, is_local, redirect, redirect_to_https, serve,
    };
}

/// What the macros' code names. Not for people.
#[doc(hidden)]
pub mod __macro {
    #[cfg(feature = "database")]
    pub use ::database;
    #[cfg(feature = "front")]
    pub use ::front;
    pub use component::__macro::*;
    pub use macros::Shape;
}

/// The README's listings are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
