//! The commands on jobs: `jobs list | show | retry | cancel`, of a process that runs or of data that nobody holds.

pub(crate) mod command_line;

use std::sync::Arc;

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use component::Ref;
use database::Timestamp;
use host::{Config, Modules};
use jobs::{Filter, Shown};
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use uuid::Uuid;
use wire::Foreign;
use world::Env;

use self::command_line::Choice;
use crate::console::{Console, plain};
use crate::database::held::{self, any_holder, connect, cx};
use crate::failure::CommandError;
use crate::operator::{self, Operator};

/// A job, and whose it is.
#[derive(Serialize)]
struct Line {
    component: String,
    #[serde(flatten, serialize_with = "with_times")]
    job: Shown,
}

/// What of a job is a time.
const TIMES: [&str; 6] = ["due", "enqueued", "first", "started", "ended", "lease_until"];

/// A job whose times are texts as RFC 3339 has it; between processes they are numbers.
fn with_times<S: Serializer>(job: &Shown, serializer: S) -> Result<S::Ok, S::Error> {
    let mut value = serde_json::to_value(job).map_err(S::Error::custom)?;
    for name in TIMES {
        if let Some(micros) = value[name].as_i64() {
            value[name] = Timestamp::from_micros(micros).to_string().into();
        }
    }
    value.serialize(serializer)
}

pub(crate) async fn run(
    env: &Env,
    modules: Modules,
    config: Arc<Config>,
    choice: Choice,
    json: bool,
    console: &Console,
) -> Result<u8, CommandError> {
    let (operator, owner) = operator(env, modules, config).await?;
    let done = act(env, &operator, choice, json, console).await;
    done.map_err(|error| match owner {
        Some((component, pid)) if error.is_late() => held::silent(&component, pid),
        _ => error,
    })
}

async fn act(
    env: &Env,
    operator: &Ref<dyn Operator>,
    choice: Choice,
    json: bool,
    console: &Console,
) -> Result<u8, CommandError> {
    match choice {
        Choice::List {
            component,
            filter,
            limit,
        } => {
            let lines = list(env, operator, component, filter, limit).await?;
            match json {
                true => console.text(&format!("{}\n", serde_json::to_string_pretty(&lines)?))?,
                false => console.text(&plain(listed(&lines)))?,
            }
        }
        Choice::Show { id } => {
            let line = find(env, operator, id).await?;
            match json {
                true => console.text(&format!("{}\n", serde_json::to_string_pretty(&line)?))?,
                false => console.text(&plain(shown(&line)))?,
            }
        }
        Choice::Retry { id, may_repeat } => {
            let component = find(env, operator, id).await?.component;
            operator.retry(&cx(env), component, id, may_repeat).await?;
            told(console, json, id, "waiting", "is run again")?;
        }
        Choice::Cancel { id } => {
            let component = find(env, operator, id).await?.component;
            operator.cancel(&cx(env), component, id).await?;
            let line = find(env, operator, id).await?;
            let what = match line.job.state {
                jobs::State::Cancelled => "is cancelled",
                _ => "is asked to stop; what its steps have done is taken back",
            };
            told(console, json, id, line.job.state.word(), what)?;
        }
    }
    Ok(0)
}

/// The component by whose data another process was found, and its number.
type Owner = (String, u32);

/// Who does it: the process that has the data, or this one.
async fn operator(
    env: &Env,
    modules: Modules,
    config: Arc<Config>,
) -> Result<(Ref<dyn Operator>, Option<Owner>), CommandError> {
    let settings = host::databases::configured(&config)?;
    if let Some((component, holder)) = any_holder(env, &modules.names(), &settings)? {
        let operator = connect(env, &component, &holder).await?;
        return Ok((operator, Some((component, holder.pid))));
    }
    let opened = modules.open(env, config).await?;
    Ok((operator::here(env, opened.databases(), opened.jobs()), None))
}

async fn list(
    env: &Env,
    operator: &Ref<dyn Operator>,
    component: Option<String>,
    filter: Filter,
    limit: u32,
) -> Result<Vec<Line>, CommandError> {
    let components = match component {
        Some(component) => vec![component],
        None => operator.workers(&cx(env)).await?,
    };
    let mut lines = Vec::new();
    for component in components {
        let jobs = operator
            .jobs(&cx(env), component.clone(), Foreign(filter.clone()), limit)
            .await?;
        lines.extend(jobs.into_iter().map(|Foreign(job)| Line {
            component: component.clone(),
            job,
        }));
    }
    Ok(lines)
}

async fn find(env: &Env, operator: &Ref<dyn Operator>, id: Uuid) -> Result<Line, CommandError> {
    for component in operator.workers(&cx(env)).await? {
        if let Some(Foreign(job)) = operator.job(&cx(env), component.clone(), id).await? {
            return Ok(Line { component, job });
        }
    }
    Err(format!("there is no job {id}; `jobs list` shows those there are").into())
}

fn listed(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no jobs\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header([
        "job",
        "component",
        "kind",
        "state",
        "due",
        "attempts",
        "reason",
    ]);
    for Line { component, job } in lines {
        let reason = job.reason.clone().unwrap_or_default();
        table.add_row([
            &job.id.to_string(),
            component,
            &job.kind,
            job.state.word(),
            &job.due.to_string(),
            &job.attempts.to_string(),
            &reason,
        ]);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// All that is known of one, a line each.
fn shown(Line { component, job }: &Line) -> String {
    let lines = fields(component, job);
    lines
        .iter()
        .map(|(name, value)| format!("{name:<15} {value}\n"))
        .collect()
}

/// All that is known of a job, by name.
pub(crate) fn fields(component: &str, job: &Shown) -> Vec<(&'static str, String)> {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let steps = match &job.progress.done[..] {
        [] => "none".to_owned(),
        done => done.join(", "),
    };
    let undone = match &job.progress.undoing {
        None => "-".to_owned(),
        Some(undoing) => match &undoing.undone[..] {
            [] => "none yet".to_owned(),
            undone => undone.join(", "),
        },
    };
    vec![
        ("job", job.id.to_string()),
        ("component", component.to_owned()),
        ("kind", job.kind.clone()),
        ("key", text(&job.key)),
        ("state", job.state.word().to_owned()),
        ("reason", text(&job.reason)),
        ("priority", job.priority.to_string()),
        ("enqueued", job.enqueued.to_string()),
        ("due", job.due.to_string()),
        ("first attempt", time(job.first)),
        ("latest attempt", time(job.started)),
        ("ended", time(job.ended)),
        ("attempts", job.attempts.to_string()),
        ("held by", text(&job.holder)),
        ("held until", time(job.lease_until)),
        ("steps done", steps),
        ("taken back", undone),
        ("payload", format!("{} bytes", job.payload_bytes)),
    ]
}

fn told(console: &Console, json: bool, id: Uuid, state: &str, what: &str) -> Result<(), CommandError> {
    let text = match json {
        true => format!("{}\n", serde_json::json!({ "job": id.to_string(), "state": state })),
        false => format!("job {id} {what}\n"),
    };
    Ok(console.text(&text)?)
}
