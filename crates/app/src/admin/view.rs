//! How the operator's pages look: templates that are part of the program.

use std::error::Error;
use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{AutoEscape, Environment, Value, context};

/// The names of templates, and their texts.
const TEMPLATES: [(&str, &str); 7] = [
    ("frame.html", include_str!("../../admin/frame.html")),
    ("overview.html", include_str!("../../admin/overview.html")),
    ("mailbox.html", include_str!("../../admin/mailbox.html")),
    ("mail.html", include_str!("../../admin/mail.html")),
    ("jobs.html", include_str!("../../admin/jobs.html")),
    ("job.html", include_str!("../../admin/job.html")),
    ("refused.html", include_str!("../../admin/refused.html")),
];

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    for (name, text) in TEMPLATES {
        // They are read by a test, each with what it is shown with.
        if let Err(error) = environment.add_template(name, text) {
            tracing::error!(target: "terrace::app", name, %error, "a template of the operator's pages is wrong");
        }
    }
    environment
});

/// A page that is shown.
pub(super) struct Shown;

impl Shown {
    /// The template `name` with `values`.
    pub(super) fn page(name: &str, values: Value) -> Response {
        match PAGES.get_template(name).and_then(|template| template.render(values)) {
            Ok(text) => Html(text).into_response(),
            Err(error) => failed(&error),
        }
    }
}

/// What is shown to whoever is not let in.
pub(super) fn refused(status: StatusCode, why: &str) -> Response {
    (
        status,
        Shown::page("refused.html", context! { title => "not here", why }),
    )
        .into_response()
}

/// What is shown where something went wrong; the log has why.
pub(super) fn failed(error: &(dyn Error + 'static)) -> Response {
    tracing::error!(target: "terrace::app", error, "a page for the operator could not be shown");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Html("<!doctype html><title>failed</title><p>This page could not be shown; the log says why."),
    )
        .into_response()
}

pub(super) async fn missing() -> Response {
    refused(StatusCode::NOT_FOUND, "there is no such page")
}

pub(super) async fn style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("../../admin/style.css")).into_response()
}

#[cfg(test)]
mod tests {
    use super::{PAGES, TEMPLATES};

    #[test]
    fn every_template_is_one() {
        for (name, _) in TEMPLATES {
            PAGES.get_template(name).expect(name);
        }
    }
}
