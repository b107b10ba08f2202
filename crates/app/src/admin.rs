//! The operator's pages: an overview, the mailbox, the jobs. They have a listener of their own on loopback, behind an
//! address that counts once.

mod guard;
#[cfg(feature = "database")]
mod jobs;
#[cfg(feature = "database")]
mod mailbox;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
#[cfg(feature = "database")]
use component::Ref;
use host::Opened;
#[cfg(feature = "database")]
use host::{Config, Modules};
use minijinja::context;
use minijinja::value::Serde;
#[cfg(feature = "database")]
use world::Env;

#[cfg(feature = "database")]
use crate::console::Console;
#[cfg(feature = "database")]
use crate::database::held::{any_holder, connect, cx};
#[cfg(feature = "database")]
use crate::failure::CommandError;
#[cfg(feature = "database")]
use crate::operator::Operator;

pub(crate) use self::guard::Guard;
use self::view::{Shown, style};

/// What the pages show.
pub(crate) struct Looked {
    pub(crate) application: &'static str,
    pub(crate) version: &'static str,
    components: Vec<String>,
    #[cfg(feature = "database")]
    jobs: Vec<::jobs::Jobs>,
    #[cfg(feature = "database")]
    mails: Vec<(String, ::jobs::mail::Mail)>,
}

impl Looked {
    pub(crate) fn at(application: &'static str, version: &'static str, opened: &Opened) -> Looked {
        let described = opened.describe();
        Looked {
            application,
            version,
            components: described
                .components
                .into_iter()
                .map(|component| component.name)
                .collect(),
            #[cfg(feature = "database")]
            jobs: opened.jobs(),
            #[cfg(feature = "database")]
            mails: opened.mails(),
        }
    }
}

/// The pages, for whoever `guard` lets in.
pub(crate) fn router(guard: Arc<Guard>, looked: Looked) -> Router {
    let looked = Arc::new(looked);
    let router = Router::new().route("/", get(overview)).route("/style.css", get(style));
    #[cfg(feature = "database")]
    let router = router
        .route("/mailbox", get(mailbox::list))
        .route("/mailbox/{component}/{id}", get(mailbox::show))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{component}/{id}", get(jobs::show).post(jobs::act));
    router
        .fallback(view::missing)
        .layer(axum::middleware::from_fn(move |request, next| {
            guard::admit(guard.clone(), request, next)
        }))
        .with_state(looked)
}

async fn overview(State(looked): State<Arc<Looked>>) -> Response {
    #[cfg(feature = "database")]
    let (rows, has_mail) = match jobs::counts(&looked.jobs).await {
        Ok(rows) => (rows, !looked.mails.is_empty()),
        Err(error) => return view::failed(&error),
    };
    #[cfg(not(feature = "database"))]
    let (rows, has_mail): (Vec<(String, String, u64)>, bool) = (Vec::new(), false);
    Shown::page(
        "overview.html",
        context! {
            title => looked.application, application => looked.application, version => looked.version,
            components => Serde(&looked.components), rows => Serde(&rows), has_mail,
        },
    )
}

/// Prints a new address of the pages of the process that has the data.
#[cfg(feature = "database")]
pub(crate) async fn invite(
    env: &Env,
    modules: Modules,
    config: &Config,
    console: &Console,
    json: bool,
) -> Result<u8, CommandError> {
    let settings = host::databases::configured(config)?;
    let Some((component, holder)) = any_holder(env, &modules.names(), &settings)? else {
        return Err(
            "no process on this machine has the application's data open; the address is printed when it starts".into(),
        );
    };
    let operator: Ref<dyn Operator> = connect(env, &component, &holder).await?;
    let Some(address) = operator.admin(&cx(env)).await? else {
        return Err(format!("process {} has no operator's pages; it has no front", holder.pid).into());
    };
    let told = match json {
        true => format!("{}\n", serde_json::json!({ "admin": address })),
        false => format!("{address}\n"),
    };
    console.text(&told)?;
    Ok(0)
}
