//! The page of jobs: what waits, what failed, and what an operator does about it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use front::{Form, Path, Query};
use jobs::{Error, Filter, JobId, Jobs, State as JobState};
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Looked;
use super::view::{self, Shown};

/// Jobs of one component that are listed.
const JOBS_MAX: u32 = 200;

/// Which jobs.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
}

/// What to do with one.
#[derive(Deserialize)]
pub(super) struct Action {
    action: String,
    #[serde(default)]
    may_repeat: bool,
}

/// A job in the list.
#[derive(Serialize)]
struct Line {
    component: String,
    id: String,
    kind: String,
    state: &'static str,
    due: String,
    attempts: i64,
    reason: String,
}

/// Of each kind how many are in each state.
pub(super) async fn counts(all: &[Jobs]) -> Result<Vec<(String, String, u64)>, Error> {
    let mut rows = Vec::new();
    for jobs in all {
        let component = jobs.database().component();
        let counted = jobs.counts().await?.into_iter();
        rows.extend(
            counted.map(|(kind, state, count)| (format!("{component}: {kind}"), state.word().to_owned(), count)),
        );
    }
    Ok(rows)
}

/// The newest jobs.
pub(super) async fn list(State(looked): State<Arc<Looked>>, Query(asked): Query<Asked>) -> Response {
    let filter = Filter {
        state: JobState::from_word(&asked.state),
        ..Filter::default()
    };
    let mut found = Vec::new();
    for jobs in &looked.jobs {
        match jobs.list(&filter, JOBS_MAX).await {
            Ok(listed) => found.extend(listed.into_iter().map(|job| (jobs.database().component(), job))),
            Err(error) => return view::failed(&error),
        }
    }
    found.sort_by_key(|(_, job)| std::cmp::Reverse(job.enqueued));
    let lines: Vec<Line> = found
        .into_iter()
        .map(|(component, job)| Line {
            component: component.to_owned(),
            id: job.id.to_string(),
            kind: job.kind,
            state: job.state.word(),
            due: job.due.to_string(),
            attempts: job.attempts,
            reason: job.reason.unwrap_or_default(),
        })
        .collect();
    Shown::page(
        "jobs.html",
        context! { title => "Jobs", lines => Serde(&lines), state => asked.state },
    )
}

/// One job.
pub(super) async fn show(State(looked): State<Arc<Looked>>, Path((component, id)): Path<(String, Uuid)>) -> Response {
    match find(&looked, &component) {
        Some(jobs) => shown(jobs, id, "").await,
        None => view::missing().await,
    }
}

/// Replays or cancels one.
pub(super) async fn act(
    State(looked): State<Arc<Looked>>,
    Path((component, id)): Path<(String, Uuid)>,
    Form(action): Form<Action>,
) -> Response {
    let Some(jobs) = find(&looked, &component) else {
        return view::missing().await;
    };
    let done = match action.action.as_str() {
        "retry" => jobs.retry(JobId(id), action.may_repeat).await,
        "cancel" => jobs.cancel_job(JobId(id)).await,
        _ => return view::refused(StatusCode::BAD_REQUEST, "a job can be replayed or cancelled"),
    };
    match done {
        Ok(()) => {
            // Of a path that was matched nothing can break out of a header: a component's name, and a number.
            let location = HeaderValue::from_str(&format!("/jobs/{component}/{id}"));
            let location = location.unwrap_or(HeaderValue::from_static("/jobs"));
            (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
        }
        Err(error) => shown(jobs, id, &error.to_string()).await,
    }
}

fn find<'l>(looked: &'l Looked, component: &str) -> Option<&'l Jobs> {
    looked.jobs.iter().find(|jobs| jobs.database().component() == component)
}

async fn shown(jobs: &Jobs, id: Uuid, refused: &str) -> Response {
    let job = match jobs.show(JobId(id)).await {
        Ok(job) => job,
        Err(Error::Missing { .. }) => return view::missing().await,
        Err(error) => return view::failed(&error),
    };
    let lines = crate::jobs::fields(jobs.database().component(), &job);
    let (retry, cancel) = (
        job.state == JobState::Parked,
        matches!(job.state, JobState::Waiting | JobState::Running),
    );
    Shown::page(
        "job.html",
        context! { title => job.kind, lines => Serde(&lines), retry, cancel, refused },
    )
}
