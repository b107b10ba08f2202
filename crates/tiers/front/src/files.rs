//! [`Files`]: what is sent as it is, from the program or from a folder.
//!
//! ```text
//! path → name (address.rs) → found (embedded.rs, folder.rs) → conditions (condition.rs) → range (range.rs) → bytes
//! ```

mod address;
mod condition;
mod embedded;
mod folder;
mod kind;
mod range;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use world::{Env, Wall};

use self::condition::{Outcome, Validators};
use self::embedded::Embedded;
use self::folder::Folder;
use self::range::Asked;
use crate::compress;
use crate::headers;
use crate::problem::Problem;

/// A file that is in the program: what `terrace::files!("static")` gives a list of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder, with `/` between the parts.
    pub name: &'static str,
    /// What it holds.
    pub bytes: &'static [u8],
}

/// Where files are, unless [`Files::at`] says otherwise.
const PREFIX: &str = "/static";

/// For an address that names what a file holds, so that another file has another address.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// For others: it may be kept, and is asked for again each time.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Files that are sent as they are: whole or in part (RFC 9110, 13 and 14), by GET and HEAD. A clone is the same.
#[derive(Clone, Debug)]
pub struct Files {
    source: Source,
    prefix: Arc<str>,
    fallback: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
enum Source {
    Embedded(Arc<Embedded>),
    Folder(Arc<Folder>),
}

/// A file that was found, in the form that was asked for.
struct Found {
    kind: HeaderValue,
    validators: Validators,
    /// Whether it has another form for those who do not take this one.
    varies: bool,
    gzip: bool,
    bytes: u64,
    content: Content,
}

enum Content {
    Here(bytes::Bytes),
    Disk(folder::Open),
}

impl Files {
    /// Those that are in the program. They are packed by gzip when they are first asked for so.
    pub fn embedded(files: &'static [File]) -> Files {
        Files::new(Source::Embedded(Arc::new(Embedded::new(files))))
    }

    /// Those that are in `folder` and below it when they are asked for, but none whose path has a part that begins with a dot
    /// and none to which a symbolic link leads out of the folder.
    pub fn folder(env: &Env, folder: impl Into<PathBuf>) -> Files {
        Files::new(Source::Folder(Arc::new(Folder::new(env, folder.into()))))
    }

    fn new(source: Source) -> Files {
        Files {
            source,
            prefix: PREFIX.into(),
            fallback: None,
        }
    }

    /// The same below the path `prefix`, such as `/assets`; `/` for all of a site. It is `/static` otherwise.
    pub fn at(mut self, prefix: &str) -> Files {
        self.prefix = prefix.trim_end_matches('/').into();
        self
    }

    /// The same, and a browser that asks for a page which is no file is given the file `name`: a page whose script
    /// knows the others.
    pub fn fallback(mut self, name: &str) -> Files {
        self.fallback = Some(name.into());
        self
    }

    /// The address of the file `name`. One that is in the program may be kept for ever by whoever got it by this address; it
    /// changes with the file.
    pub fn url(&self, name: &str) -> String {
        let version = match &self.source {
            Source::Embedded(embedded) => embedded.version(name),
            Source::Folder(_) => None,
        };
        let prefix = &self.prefix;
        match version {
            Some(version) => format!("{prefix}/{name}?v={version}"),
            None => format!("{prefix}/{name}"),
        }
    }

    /// The routes of these files, to be merged with others. For files at `/` they are the fallback of a router:
    /// `router.fallback_service(files.router())`.
    pub fn router(&self) -> Router {
        let files = self.clone();
        let handler = any(move |request: Request| async move {
            let (parts, _) = request.into_parts();
            files.answer(&parts.method, &parts.uri, &parts.headers).await
        });
        match &*self.prefix {
            "" => Router::new().fallback_service(handler),
            prefix => Router::new()
                .route(&format!("{prefix}/"), handler.clone())
                .route(&format!("{prefix}/{{*path}}"), handler),
        }
    }

    /// The answer to a request for one of them.
    pub async fn answer(&self, method: &Method, uri: &http::Uri, headers: &HeaderMap) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let detail = "a file is only read; use GET or HEAD";
            let allowed = HeaderValue::from_static("GET, HEAD");
            return Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
                .header(header::ALLOW, allowed)
                .into_response();
        }
        let path = uri.path();
        let below = path.strip_prefix(&*self.prefix).unwrap_or(path);
        let name = below.strip_prefix('/').and_then(address::name);
        let found = match &name {
            Some(name) => self.find(name, headers).await,
            None => Ok(None),
        };
        let found = match found {
            Ok(None) if self.is_page(below, headers) => {
                self.find(self.fallback.as_deref().unwrap_or(""), headers).await
            }
            found => found,
        };
        match found {
            Ok(Some(found)) => {
                let forever = name.is_some_and(|name| self.is_version(&name, uri.query()));
                found.answer(method, headers, if forever { FOREVER } else { ASK_AGAIN })
            }
            Ok(None) => {
                let detail = "there is no file at this address; look at how it is written";
                Problem::new(StatusCode::NOT_FOUND, detail).into_response()
            }
            Err(problem) => problem.into_response(),
        }
    }

    async fn find(&self, name: &str, headers: &HeaderMap) -> Result<Option<Found>, Problem> {
        match &self.source {
            // A range is of the file itself: a part of packed bytes is of no use to those who ask for it by hand.
            Source::Embedded(embedded) => {
                let gzip = compress::takes_gzip(headers) && !headers.contains_key(header::RANGE);
                Ok(embedded.find(name, gzip))
            }
            Source::Folder(folder) => folder.find(name).await,
        }
    }

    /// Whether the fallback is meant: a browser goes to an address whose last part has no ending.
    fn is_page(&self, path: &str, headers: &HeaderMap) -> bool {
        let last = path.rsplit('/').next().unwrap_or_default();
        let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
        self.fallback.is_some() && !last.contains('.') && accepted.is_some_and(|kinds| kinds.contains("text/html"))
    }

    fn is_version(&self, name: &str, query: Option<&str>) -> bool {
        let Source::Embedded(embedded) = &self.source else {
            return false;
        };
        let asked = query.and_then(|query| query.strip_prefix("v="));
        asked.is_some() && asked == embedded.version(name)
    }
}

impl Found {
    fn answer(self, method: &Method, asked: &HeaderMap, kept: HeaderValue) -> Response {
        let mut response = Response::new(Body::empty());
        self.describe(response.headers_mut(), kept);
        match condition::judged(asked, &self.validators) {
            Outcome::Answer => {}
            Outcome::NotModified => {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                return response;
            }
            Outcome::Failed => {
                let detail = "the file is another one by now; get it without a condition";
                return Problem::new(StatusCode::PRECONDITION_FAILED, detail).into_response();
            }
        }
        let part = match self.asked(method, asked) {
            Asked::Whole => 0..self.bytes,
            Asked::Part(part) => {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let told = format!("bytes {}-{}/{}", part.start, part.end - 1, self.bytes);
                insert(response.headers_mut(), header::CONTENT_RANGE, told);
                part
            }
            Asked::Nothing => {
                let detail = format!(
                    "the file has {} bytes, and none of those asked for; ask for some of them",
                    self.bytes
                );
                let mut response = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail).into_response();
                insert(
                    response.headers_mut(),
                    header::CONTENT_RANGE,
                    format!("bytes */{}", self.bytes),
                );
                return response;
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind);
        headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
        if self.gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if *method == Method::GET {
            *response.body_mut() = match self.content {
                Content::Here(bytes) => Body::from(slice(&bytes, &part)),
                Content::Disk(open) => open.body(part),
            };
        }
        response
    }

    /// What a 304 says as well (15.4.5).
    fn describe(&self, headers: &mut HeaderMap, kept: HeaderValue) {
        headers.insert(header::ETAG, self.validators.tag.clone());
        headers.insert(header::CACHE_CONTROL, kept);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(modified) = self.validators.modified {
            let wall = Wall::from_micros(modified.saturating_mul(1_000_000));
            insert(headers, header::LAST_MODIFIED, headers::written(wall));
        }
        if self.varies {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
    }

    /// A range is for GET alone (14.2).
    fn asked(&self, method: &Method, headers: &HeaderMap) -> Asked {
        let mut given = headers.get_all(header::RANGE).iter();
        let only = given.next().filter(|_| given.next().is_none());
        match only.and_then(|range| range.to_str().ok()) {
            Some(range) if *method == Method::GET && condition::has_range(headers, &self.validators) => {
                range::asked(range, self.bytes)
            }
            _ => Asked::Whole,
        }
    }
}

fn slice(bytes: &bytes::Bytes, part: &std::ops::Range<u64>) -> bytes::Bytes {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(part.start)..at(part.end))
}

/// `text` is digits and words of ours.
fn insert(headers: &mut HeaderMap, name: header::HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}
