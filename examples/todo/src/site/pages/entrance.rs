//! How people come in and go: sign up, verify, sign in, reset, sign out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use terrace::front::{Form, Problem, Query, is_local, redirect};

use super::super::{Site, account_problem};
use super::form::{Entrance, Plain};
use super::visitor::Visitor;
use crate::accounts::{Accounts, PASSWORD_MAX, PASSWORD_MIN, SignUp};
use crate::hidden::Hidden;

/// What a link brings.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
    /// What was just done, so that it can be said.
    #[serde(default)]
    did: String,
}

/// What the pages show, with what was written already but for passwords.
fn values(form: Option<&Entrance>) -> Value {
    let text = |of: fn(&Entrance) -> &String| form.map(of).cloned().unwrap_or_default();
    json!({
        "email": text(|form| &form.email),
        "token": text(|form| &form.token),
        "next": text(|form| &form.next),
        "did": "",
        "password_min": PASSWORD_MIN,
        "password_max": PASSWORD_MAX,
    })
}

fn with_link(link: Link) -> Value {
    let mut values = values(None);
    values["token"] = link.token.into();
    values["next"] = link.next.into();
    values["did"] = link.did.into();
    values
}

/// The page to go on to: one of ours.
fn next(text: &str) -> &str {
    if is_local(text) { text } else { "/" }
}

pub(super) async fn sign_up_page(visitor: Visitor) -> Result<Response, Problem> {
    visitor.page("sign_up.html", values(None))
}

pub(super) async fn sign_up(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Form(form): Form<Entrance>,
) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    let request = SignUp {
        email: form.email.clone(),
        from: visitor.call.peer().to_owned(),
    };
    match site.accounts.sign_up(&visitor.call.cx(None), request).await {
        Ok(()) => visitor.page("sent.html", values(Some(&form))),
        Err(error) => visitor.again("sign_up.html", values(Some(&form)), account_problem(error)),
    }
}

/// The link of the mail. What it does needs a button, since programs that look at mails open links too.
pub(super) async fn verify_page(visitor: Visitor, Query(link): Query<Link>) -> Result<Response, Problem> {
    visitor.page("verify.html", with_link(link))
}

pub(super) async fn verify(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Form(form): Form<Entrance>,
) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    let (token, password) = (Hidden::new(form.token.clone()), Hidden::new(form.password.clone()));
    let cx = visitor.call.cx(None);
    match site.accounts.verify(&cx, token, password, form.zone.clone()).await {
        Ok(signed_in) => Ok(visitor.signed_in(signed_in, "/")),
        Err(error) => visitor.again("verify.html", values(Some(&form)), account_problem(error)),
    }
}

pub(super) async fn sign_in_page(visitor: Visitor, Query(link): Query<Link>) -> Result<Response, Problem> {
    if visitor.account().await?.is_some() {
        return Ok(redirect(next(&link.next)));
    }
    visitor.page("sign_in.html", with_link(link))
}

pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Form(form): Form<Entrance>,
) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    let password = Hidden::new(form.password.clone());
    let from = visitor.call.peer().to_owned();
    let signed_in = site
        .accounts
        .sign_in(&visitor.call.cx(None), form.email.clone(), password, from)
        .await;
    match signed_in {
        Ok(signed_in) => Ok(visitor.signed_in(signed_in, next(&form.next))),
        Err(error) => visitor.again("sign_in.html", values(Some(&form)), account_problem(error)),
    }
}

pub(super) async fn sign_out(visitor: Visitor, Form(form): Form<Plain>) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    Ok(visitor.signed_out("/"))
}

pub(super) async fn forgot_page(visitor: Visitor) -> Result<Response, Problem> {
    visitor.page("forgot.html", values(None))
}

pub(super) async fn forgot(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Form(form): Form<Entrance>,
) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    let from = visitor.call.peer().to_owned();
    match site
        .accounts
        .ask_reset(&visitor.call.cx(None), form.email.clone(), from)
        .await
    {
        Ok(()) => visitor.page("sent.html", values(Some(&form))),
        Err(error) => visitor.again("forgot.html", values(Some(&form)), account_problem(error)),
    }
}

pub(super) async fn reset_page(visitor: Visitor, Query(link): Query<Link>) -> Result<Response, Problem> {
    visitor.page("reset.html", with_link(link))
}

pub(super) async fn reset(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Form(form): Form<Entrance>,
) -> Result<Response, Problem> {
    visitor.check(&form.csrf)?;
    let (token, password) = (Hidden::new(form.token.clone()), Hidden::new(form.password.clone()));
    match site.accounts.reset(&visitor.call.cx(None), token, password).await {
        Ok(signed_in) => Ok(visitor.signed_in(signed_in, "/")),
        Err(error) => visitor.again("reset.html", values(Some(&form)), account_problem(error)),
    }
}
