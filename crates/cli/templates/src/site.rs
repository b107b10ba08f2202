//! The pages. The routes here are the controller: they ask the model, the component [`Items`], and fill the views in
//! `templates`.

use std::path::Path as Folder;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use terrace::front::{Call, Files, Form, Json, Path, Problem, Sessions, Templates, compressed, redirect};
use terrace::{Ref, Setup, SetupError};

use crate::items::{Item, ItemError, Items, TEXT_CHARS_MAX};

/// What the routes share.
struct Site {
    items: Ref<dyn Items>,
    sessions: Sessions,
    templates: Templates,
}

/// The routes of the application.
pub async fn open(setup: &Setup) -> Result<Router, SetupError> {
    routes(setup.reference(), Sessions::of(setup).await?, setup.templates())
}

/// The routes over any `items`; with `templates`, that folder is read anew for each page.
pub fn routes(items: Ref<dyn Items>, sessions: Sessions, templates: Option<&Folder>) -> Result<Router, SetupError> {
    let files = Files::embedded(terrace::files!("static"));
    let embedded = Templates::embedded(terrace::files!("templates"))?.with_files(&files);
    let site = Arc::new(Site {
        items,
        sessions,
        templates: match templates {
            Some(folder) => embedded.reloaded(folder),
            None => embedded,
        },
    });
    let router = Router::new()
        .route("/", get(page))
        .route("/items", post(add))
        .route("/items/{id}/remove", post(remove))
        .route("/api/items", get(list));
    Ok(compressed(router.with_state(site).merge(files.router())))
}

/// What `list.html` shows.
#[derive(Serialize)]
struct Page<'p> {
    items: Vec<Item>,
    text_chars_max: usize,
    /// What proves that a form comes from this page.
    csrf: String,
    /// Sent with the form, so that sending it twice adds once.
    key: String,
    /// What was written and not taken, and why.
    text: &'p str,
    problem: Option<&'p str>,
}

#[derive(Deserialize)]
struct Add {
    csrf: String,
    key: String,
    text: String,
}

#[derive(Deserialize)]
struct Remove {
    csrf: String,
}

async fn page(State(site): State<Arc<Site>>, call: Call, headers: HeaderMap) -> Result<Response, Problem> {
    site.page(&call, &headers, "", None).await
}

async fn add(
    State(site): State<Arc<Site>>,
    call: Call,
    headers: HeaderMap,
    Form(form): Form<Add>,
) -> Result<Response, Problem> {
    site.check(&call, &headers, &form.csrf)?;
    let cx = call.keyed("anybody", "POST /items", &form.key);
    match site.items.add(&cx, form.text.clone()).await {
        Ok(_) => Ok(redirect("/")),
        Err(ItemError::Call(error)) => Err(error.into()),
        Err(refused) => {
            let why = refused.to_string();
            let mut response = site.page(&call, &headers, &form.text, Some(&why)).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
    }
}

async fn remove(
    State(site): State<Arc<Site>>,
    call: Call,
    headers: HeaderMap,
    Path(id): Path<i64>,
    Form(form): Form<Remove>,
) -> Result<Response, Problem> {
    site.check(&call, &headers, &form.csrf)?;
    match site.items.remove(&call.cx(None), id).await {
        // Somebody else was faster, and it is gone all the same.
        Ok(()) | Err(ItemError::Unknown) => Ok(redirect("/")),
        Err(error) => Err(problem(error)),
    }
}

async fn list(State(site): State<Arc<Site>>, call: Call) -> Result<Json<Vec<Item>>, Problem> {
    let items = site.items.list(&call.cx(None)).await;
    items.map(Json).map_err(problem)
}

/// What a refusal of `Items` is to a client.
fn problem(error: ItemError) -> Problem {
    let said = error.to_string();
    match error {
        ItemError::Text { .. } => Problem::invalid("text", said),
        ItemError::Unknown => Problem::new(StatusCode::NOT_FOUND, said),
        ItemError::Full => Problem::new(StatusCode::CONFLICT, said),
        ItemError::Call(error) => error.into(),
    }
}

impl Site {
    /// Refuses a form that no page of this browser's session has sent.
    fn check(&self, call: &Call, headers: &HeaderMap, csrf: &str) -> Result<(), Problem> {
        let session = self.sessions.read(headers, call.is_tls());
        let session = session.unwrap_or_else(|| self.sessions.anonymous());
        self.sessions.check_csrf(&session, csrf, headers)
    }

    async fn page(
        &self,
        call: &Call,
        headers: &HeaderMap,
        text: &str,
        problem: Option<&str>,
    ) -> Result<Response, Problem> {
        let items = self.items.list(&call.cx(None)).await.map_err(self::problem)?;
        let known = self.sessions.read(headers, call.is_tls());
        let is_new = known.is_none();
        let session = known.unwrap_or_else(|| self.sessions.anonymous());
        let page = Page {
            items,
            text_chars_max: TEXT_CHARS_MAX,
            csrf: session.csrf(),
            key: format!("{:032x}", call.env().random("forms").u128()),
            text,
            problem,
        };
        let mut response = self.templates.render("list.html", page)?.into_response();
        if is_new {
            let cookie = self.sessions.set_cookie(&session, call.is_tls());
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }
}
