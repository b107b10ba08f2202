//! Who looks at a page: somebody signed in, or anybody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono_tz::Tz;
use serde_json::{Value, json};
use terrace::Cx;
use terrace::front::{Call, Problem, Session, redirect};
use uuid::Uuid;

use super::super::{Site, account_problem, local};
use crate::accounts::{Account, AccountError, Accounts, SignedIn};

/// Bytes of the address that one is led back to after one has signed in.
const NEXT_BYTES_MAX: usize = 1_000;

/// Anybody.
pub(super) struct Visitor {
    site: Arc<Site>,
    pub(super) call: Call,
    pub(super) session: Session,
    headers: HeaderMap,
    /// Whether the browser has to be told of the session.
    is_new: bool,
}

/// Somebody who is signed in.
pub(super) struct Person {
    pub(super) visitor: Visitor,
    pub(super) account: Account,
    pub(super) zone: Tz,
}

impl FromRequestParts<Arc<Site>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Visitor, Problem> {
        let call = match Call::from_request_parts(parts, site).await {
            Ok(call) => call,
            Err(_) => return Err(Problem::internal("a request without its Call")),
        };
        let read = site.sessions.read(&parts.headers, call.is_tls());
        Ok(Visitor {
            call,
            is_new: read.is_none(),
            session: read.unwrap_or_else(|| site.sessions.anonymous()),
            headers: parts.headers.clone(),
            site: site.clone(),
        })
    }
}

impl Visitor {
    /// The page `name`, with a session for its forms.
    pub(super) fn page(&self, name: &str, values: Value) -> Result<Response, Problem> {
        self.page_of(name, values, None)
    }

    fn page_of(&self, name: &str, mut values: Value, person: Option<&Account>) -> Result<Response, Problem> {
        values["csrf"] = self.session.csrf().into();
        values["person"] = person.map_or(
            Value::Null,
            |account| json!({ "email": account.email, "zone": account.zone }),
        );
        let mut response = self.site.templates.render(name, values)?.into_response();
        if self.is_new {
            let cookie = self.site.sessions.set_cookie(&self.session, self.call.is_tls());
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// The same page again, with what is wrong about what was sent.
    pub(super) fn again(&self, name: &str, mut values: Value, problem: Problem) -> Result<Response, Problem> {
        if !is_told_in_place(&problem) {
            return Err(problem);
        }
        values["problem"] = told(&problem);
        let mut response = self.page(name, values)?;
        *response.status_mut() = problem.status;
        Ok(response)
    }

    /// Refuses what no form of this session sent.
    pub(super) fn check(&self, csrf: &str) -> Result<(), Problem> {
        self.site.sessions.check_csrf(&self.session, csrf, &self.headers)
    }

    /// Gives the browser a session of whoever signed in, and leads it to the page `to`.
    pub(super) fn signed_in(&self, signed_in: SignedIn, to: &str) -> Response {
        let session = self
            .site
            .sessions
            .signed_in(signed_in.account.to_string(), signed_in.epoch);
        let mut response = redirect(to);
        let cookie = self.site.sessions.set_cookie(&session, self.call.is_tls());
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        response
    }

    /// Takes the session from the browser, and leads it to the page `to`.
    pub(super) fn signed_out(&self, to: &str) -> Response {
        let mut response = redirect(to);
        let cookie = self.site.sessions.clear_cookie(self.call.is_tls());
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        response
    }

    /// The account of the session, if it has one that is not over.
    pub(super) async fn account(&self) -> Result<Option<Account>, Problem> {
        let id = self.session.account.as_deref().and_then(|id| Uuid::try_parse(id).ok());
        let Some(id) = id else {
            return Ok(None);
        };
        match self
            .site
            .accounts
            .session(&self.call.cx(None), id, self.session.epoch)
            .await
        {
            Ok(account) => Ok(Some(account)),
            Err(AccountError::SignedOut | AccountError::Unknown | AccountError::Wrong) => Ok(None),
            Err(other) => Err(account_problem(other)),
        }
    }

    /// The same visitor, who is known by now.
    pub(super) fn known(self, account: Account) -> Person {
        Person {
            zone: local::zone(&account.zone),
            account,
            visitor: self,
        }
    }
}

impl FromRequestParts<Arc<Site>> for Person {
    type Rejection = Response;

    /// Whoever is not signed in is led to where one signs in, and from there to the page that was asked for.
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Person, Response> {
        let visitor = Visitor::from_request_parts(parts, site)
            .await
            .map_err(Problem::into_response)?;
        match visitor.account().await {
            Ok(Some(account)) => Ok(visitor.known(account)),
            Ok(None) if parts.method == Method::GET => {
                // By HTTP/2 the address holds the host too, which is no page of ours.
                let to = encoded(parts.uri.path_and_query().map_or("/", |path| path.as_str()));
                let to = if to.len() <= NEXT_BYTES_MAX { &*to } else { "" };
                Err(redirect(&format!("/sign-in?next={to}")))
            }
            Ok(None) => Err(redirect("/sign-in")),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

impl Person {
    pub(super) fn id(&self) -> Uuid {
        self.account.id
    }

    pub(super) fn cx(&self) -> Cx {
        self.visitor.call.cx(Some(&self.account.id.to_string()))
    }

    /// The context of what the form with the hidden `key` does; sent twice, it is done once.
    pub(super) fn once(&self, form: &str, key: &str) -> Cx {
        let cx = self.visitor.call.keyed(&self.account.id.to_string(), form, key);
        cx.named("request", &())
    }

    /// What a form sends back when it is sent, so that sending it twice does once what it says.
    pub(super) fn new_key(&self) -> String {
        let mut bytes = [0; 16];
        self.visitor.call.env().random("forms").fill(&mut bytes);
        Uuid::from_bytes(bytes).simple().to_string()
    }

    pub(super) fn check(&self, csrf: &str) -> Result<(), Problem> {
        self.visitor.check(csrf)
    }

    pub(super) fn page(&self, name: &str, values: Value) -> Result<Response, Problem> {
        self.visitor.page_of(name, values, Some(&self.account))
    }

    /// The same page again, with what is wrong about what was sent.
    pub(super) fn again(&self, name: &str, mut values: Value, problem: Problem) -> Result<Response, Problem> {
        if !is_told_in_place(&problem) {
            return Err(problem);
        }
        values["problem"] = told(&problem);
        let mut response = self.page(name, values)?;
        *response.status_mut() = problem.status;
        Ok(response)
    }
}

/// What a person can mend on the page that was sent.
fn is_told_in_place(problem: &Problem) -> bool {
    let in_place = [
        StatusCode::UNPROCESSABLE_ENTITY,
        StatusCode::CONFLICT,
        StatusCode::GONE,
        StatusCode::UNAUTHORIZED,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    in_place.contains(&problem.status)
}

fn told(problem: &Problem) -> Value {
    json!({ "field": problem.field, "detail": problem.detail })
}

/// An address as the value of a parameter.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out += &format!("%{other:02X}"),
        }
    }
    out
}
