//! [`Templates`]: pages, by minijinja.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use crate::files::{File, Files};
use crate::problem::Problem;

/// Bytes of one template's file.
const TEMPLATE_BYTES_MAX: usize = 1 << 20;

/// A template that is wrong, which only the program's author can mend.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not text.
    #[error("the template `{name}` is not UTF-8; save it as UTF-8")]
    NoText {
        /// Which.
        name: String,
    },
    /// It cannot be read as a template.
    #[error("the template `{name}` is wrong: {why}; mend it there")]
    Wrong {
        /// Which.
        name: String,
        /// What, and in which line.
        why: String,
    },
}

/// The templates of a site. Whatever they show is escaped for HTML, but in those called `*.txt`. What a template shows and a
/// page does not give is an error, but may be asked for: `{% if problem %}`. A clone is the same.
#[derive(Clone)]
pub struct Templates {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    embedded: &'static [File],
    environment: Environment<'static>,
    files: Option<Files>,
    /// Where they are read anew for each page.
    folder: Option<PathBuf>,
}

/// A page. It is not stored by anyone, unless its handler says so: it may be private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html(pub String);

impl Templates {
    /// Those that are in the program, by `terrace::files!("templates")`.
    pub fn embedded(files: &'static [File]) -> Result<Templates, TemplateError> {
        let mut environment = prepared();
        for File { name, bytes } in files {
            let wrong = |error: &Error| TemplateError::Wrong {
                name: (*name).to_owned(),
                why: chain(error),
            };
            let text = std::str::from_utf8(bytes).map_err(|_| TemplateError::NoText {
                name: (*name).to_owned(),
            })?;
            environment.add_template(name, text).map_err(|error| wrong(&error))?;
        }
        Ok(Templates {
            inner: Arc::new(Inner {
                embedded: files,
                environment,
                files: None,
                folder: None,
            }),
        })
    }

    /// The same, but while the site is written: those in `folder` are read anew for each page, and a mistake in one is shown
    /// on it.
    pub fn reloaded(mut self, folder: impl Into<PathBuf>) -> Templates {
        Arc::make_mut(&mut self.inner).folder = Some(folder.into());
        self
    }

    /// The same, with the function `url` for templates: `{{ url("app.css") }}` is [`Files::url`].
    pub fn with_files(mut self, files: &Files) -> Templates {
        let inner = Arc::make_mut(&mut self.inner);
        inner.files = Some(files.clone());
        add_url(&mut inner.environment, files);
        self
    }

    /// The page that the template `name` makes of `values`.
    pub fn render(&self, name: &str, values: impl Serialize) -> Result<Html, Problem> {
        let inner = &*self.inner;
        let rendered = match &inner.folder {
            None => render(&inner.environment, name, &values),
            Some(folder) => render(&inner.read_anew(folder.clone()), name, &values),
        };
        rendered.map(Html).map_err(|error| {
            let why = format!("the template `{name}` cannot be rendered: {}", chain(&error));
            match &inner.folder {
                None => Problem::internal(why),
                // Whoever reads this writes it.
                Some(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why.clone()).logged(why),
            }
        })
    }
}

impl Inner {
    fn read_anew(&self, folder: PathBuf) -> Environment<'static> {
        let mut environment = prepared();
        let embedded = self.embedded;
        environment.set_loader(move |name| match read(&folder, name)? {
            Some(text) => Ok(Some(text)),
            None => Ok(embedded
                .iter()
                .find(|file| file.name == name)
                .map(|file| String::from_utf8_lossy(file.bytes).into_owned())),
        });
        if let Some(files) = &self.files {
            add_url(&mut environment, files);
        }
        environment
    }
}

/// The template `name` of `folder`, if it is there.
fn read(folder: &std::path::Path, name: &str) -> Result<Option<String>, Error> {
    let inside = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0', ':']);
    if !name.split('/').all(inside) {
        return Ok(None);
    }
    let unreadable = |why: String| Error::new(ErrorKind::InvalidOperation, format!("`{name}` cannot be read: {why}"));
    match world::production::read_file(&folder.join(name), TEMPLATE_BYTES_MAX) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|error| unreadable(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error.to_string())),
    }
}

fn prepared() -> Environment<'static> {
    let mut environment = Environment::new();
    // By what a file is not rather than by what it is: a new ending is escaped.
    environment.set_auto_escape_callback(|name| match name.ends_with(".txt") {
        true => AutoEscape::None,
        false => AutoEscape::Html,
    });
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment
}

fn add_url(environment: &mut Environment<'static>, files: &Files) {
    let files = files.clone();
    environment.add_function("url", move |name: &str| files.url(name));
}

fn render(environment: &Environment<'_>, name: &str, values: &impl Serialize) -> Result<String, Error> {
    environment.get_template(name)?.render(Serde(values))
}

/// An error with its causes: the template, the line and what was wrong there.
fn chain(error: &Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said.push_str(": ");
        said.push_str(&error.to_string());
        cause = error.source();
    }
    said
}

impl IntoResponse for Html {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        let stored = HeaderValue::from_static("no-store");
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, stored)], self.0).into_response()
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.inner.embedded.iter().map(|file| file.name);
        f.debug_struct("Templates")
            .field("embedded", &names.collect::<Vec<_>>())
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}
