//! The front of the application: pages for people, and a JSON API for programs.
//!
//! ```text
//! /api/*     JSON, for whoever has a token          site/api.rs
//! /static/*  style and script                       static/
//! the rest   pages, for whoever has a session       site/pages.rs
//! ```

mod api;
mod local;
mod pages;

use std::sync::Arc;

use axum::Router;
use terrace::front::{Files, Problem, Sessions, Templates, compressed};
use terrace::{Ref, Setup, SetupError};

use crate::accounts::{AccountError, Accounts};
use crate::events::{EventError, Events};
use crate::reminders::{ReminderError, Reminders};
use crate::todos::{TodoError, Todos};

/// What the routes share.
struct Site {
    accounts: Ref<dyn Accounts>,
    todos: Ref<dyn Todos>,
    reminders: Ref<dyn Reminders>,
    events: Ref<dyn Events>,
    sessions: Sessions,
    templates: Templates,
}

/// The routes. They keep no data of their own but what signs the sessions.
pub async fn open(setup: &Setup) -> Result<Router, SetupError> {
    let files = Files::embedded(terrace::files!("static"));
    let mut templates = Templates::embedded(terrace::files!("templates"))?.with_files(&files);
    if let Some(folder) = setup.templates() {
        templates = templates.reloaded(folder);
    }
    let site = Arc::new(Site {
        accounts: setup.reference(),
        todos: setup.reference(),
        reminders: setup.reference(),
        events: setup.reference(),
        sessions: Sessions::of(setup).await?,
        templates,
    });
    let router = pages::routes(&site).nest("/api", api::routes());
    Ok(compressed(router.with_state(site).merge(files.router())))
}

/// A field that a component refuses.
fn invalid(field: String, reason: String) -> Problem {
    Problem::invalid(field, reason)
}

fn too_many(detail: String, seconds: u64) -> Problem {
    let problem = Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, detail);
    problem.header(axum::http::header::RETRY_AFTER, seconds.into())
}

/// What a refusal of `Todos` is to a client.
fn todo_problem(error: TodoError) -> Problem {
    let said = error.to_string();
    match error {
        TodoError::Invalid { field, reason } => invalid(field, reason),
        TodoError::Unknown => Problem::new(axum::http::StatusCode::NOT_FOUND, said),
        TodoError::NothingToUndo | TodoError::Full => Problem::new(axum::http::StatusCode::CONFLICT, said),
        TodoError::Reused => Problem::invalid("Idempotency-Key", said),
        TodoError::Call(error) => error.into(),
    }
}

/// What a refusal of `Reminders` is to a client.
fn reminder_problem(error: ReminderError) -> Problem {
    let said = error.to_string();
    match error {
        ReminderError::Invalid { field, reason } => invalid(field, reason),
        ReminderError::Unknown => Problem::new(axum::http::StatusCode::NOT_FOUND, said),
        ReminderError::Full => Problem::new(axum::http::StatusCode::CONFLICT, said),
        ReminderError::Reused => Problem::invalid("Idempotency-Key", said),
        ReminderError::Call(error) => error.into(),
    }
}

/// What a refusal of `Events` is to a client.
fn event_problem(error: EventError) -> Problem {
    let said = error.to_string();
    match error {
        EventError::Invalid { field, reason } => invalid(field, reason),
        EventError::Unknown => Problem::new(axum::http::StatusCode::NOT_FOUND, said),
        EventError::Refused { .. } => Problem::new(axum::http::StatusCode::CONFLICT, said),
        EventError::TooMany { seconds } => too_many(said, seconds),
        EventError::Reused => Problem::invalid("Idempotency-Key", said),
        EventError::Call(error) => error.into(),
    }
}

/// What a refusal of `Accounts` is to a client.
fn account_problem(error: AccountError) -> Problem {
    let said = error.to_string();
    match error {
        AccountError::Invalid { field, reason } => invalid(field, reason),
        AccountError::Wrong | AccountError::SignedOut => Problem::new(axum::http::StatusCode::UNAUTHORIZED, said),
        AccountError::LinkOver => Problem::new(axum::http::StatusCode::GONE, said),
        AccountError::Refused { .. } => Problem::new(axum::http::StatusCode::CONFLICT, said),
        AccountError::TooMany { seconds } => too_many(said, seconds),
        AccountError::Unknown => Problem::new(axum::http::StatusCode::NOT_FOUND, said),
        AccountError::Call(error) => error.into(),
    }
}
