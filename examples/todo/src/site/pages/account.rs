//! The page of an account: zone, password, tokens, sessions, data, the end.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono_tz::TZ_VARIANTS;
use serde::Deserialize;
use serde_json::{Value, json};
use terrace::database::Timestamp;
use terrace::front::{Form, Json, Path, Problem, Query, redirect};
use uuid::Uuid;

use super::super::{Site, account_problem, api, local};
use super::form::{self, Plain};
use super::visitor::Person;
use crate::accounts::{Accounts, PASSWORD_MAX, PASSWORD_MIN, TOKENS_MAX};
use crate::hidden::Hidden;

/// Bytes of randomness in an API token.
const TOKEN_BYTES: usize = 32;

#[derive(Deserialize)]
pub(super) struct Did {
    #[serde(default)]
    did: String,
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    person: Person,
    Query(did): Query<Did>,
) -> Result<Response, Problem> {
    let mut values = values(&site, &person).await?;
    values["did"] = match did.did.as_str() {
        "zone" => "The time zone is set.",
        "password" => "The password is changed, and every other session has ended.",
        "revoked" => "The token opens nothing any more.",
        _ => "",
    }
    .into();
    person.page("account.html", values)
}

async fn values(site: &Site, person: &Person) -> Result<Value, Problem> {
    let now = Timestamp::from(person.visitor.call.env().wall());
    let tokens = site
        .accounts
        .tokens(&person.cx(), person.id())
        .await
        .map_err(account_problem)?;
    let tokens = tokens.iter().map(|token| {
        let since = local::show(token.created_at, person.zone, now);
        json!({ "id": token.id, "name": token.name, "since": since })
    });
    let zones: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    Ok(json!({
        "tokens": tokens.collect::<Vec<_>>(),
        "tokens_max": TOKENS_MAX,
        "has_password": person.account.has_password,
        "since": local::show(person.account.created_at, person.zone, now),
        "zones": zones,
        "password_min": PASSWORD_MIN,
        "password_max": PASSWORD_MAX,
        "new_token": null,
        "did": "",
    }))
}

/// The page again, with what is wrong.
async fn again(site: &Site, person: &Person, problem: Problem) -> Result<Response, Problem> {
    let values = values(site, person).await?;
    person.again("account.html", values, problem)
}

pub(super) async fn set_zone(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Account>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    match site.accounts.set_zone(&person.cx(), person.id(), form.zone).await {
        Ok(_) => Ok(redirect("/account?did=zone")),
        Err(error) => again(&site, &person, account_problem(error)).await,
    }
}

pub(super) async fn change_password(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Account>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let (old, new) = (Hidden::new(form.old), Hidden::new(form.new));
    match site.accounts.change_password(&person.cx(), person.id(), old, new).await {
        Ok(signed_in) => Ok(person.visitor.signed_in(signed_in, "/account?did=password")),
        Err(error) => again(&site, &person, account_problem(error)).await,
    }
}

/// Makes a token, and shows it this once: nothing here keeps it.
pub(super) async fn add_token(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Account>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let mut bytes = [0; TOKEN_BYTES];
    person.visitor.call.env().random("API tokens").fill(&mut bytes);
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let added = site
        .accounts
        .add_token(&person.cx(), person.id(), form.name, Hidden::new(token.clone()))
        .await;
    match added {
        Ok(_) => {
            let mut values = values(&site, &person).await?;
            values["new_token"] = token.into();
            person.page("account.html", values)
        }
        Err(error) => again(&site, &person, account_problem(error)).await,
    }
}

pub(super) async fn revoke_token(
    State(site): State<Arc<Site>>,
    person: Person,
    Path(id): Path<Uuid>,
    Form(form): Form<Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let revoked = site.accounts.revoke_token(&person.cx(), person.id(), id).await;
    revoked.map_err(account_problem)?;
    Ok(redirect("/account?did=revoked"))
}

pub(super) async fn sign_out_everywhere(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<Plain>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    let over = site.accounts.sign_out_everywhere(&person.cx(), person.id()).await;
    over.map_err(account_problem)?;
    Ok(person.visitor.signed_out("/sign-in?did=everywhere"))
}

pub(super) async fn export(State(site): State<Arc<Site>>, person: Person) -> Result<Response, Problem> {
    let call = person.visitor.call.clone();
    api::export(site, call, person.id(), &person.account.email).await
}

/// Takes an export: as JSON from the page's script, with the token in `X-Csrf`; as the field of a form without it.
pub(super) async fn import(
    State(site): State<Arc<Site>>,
    person: Person,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let call = &person.visitor.call;
    if let Some(csrf) = headers.get("x-csrf") {
        person.check(csrf.to_str().unwrap_or_default())?;
        let brought = api::bring(&site, call, person.id(), body).await?;
        return Ok(Json(brought).into_response());
    }
    let mut request = axum::extract::Request::new(body);
    *request.method_mut() = axum::http::Method::POST;
    *request.headers_mut() = headers;
    request.extensions_mut().insert(call.clone());
    let form = <Form<form::Account> as axum::extract::FromRequest<()>>::from_request(request, &()).await;
    let form = form?.0;
    person.check(&form.csrf)?;
    match api::bring(&site, call, person.id(), Body::from(form.export)).await {
        Ok(brought) => {
            let mut values = values(&site, &person).await?;
            let (todos, reminders) = (brought.todos, brought.reminders);
            values["did"] = format!("Imported: {todos} to-dos and {reminders} reminders were not here yet.").into();
            person.page("account.html", values)
        }
        Err(mut problem) => {
            // What is no export is a mistake in a field of this form.
            if problem.status.is_client_error() {
                problem.status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            }
            again(&site, &person, problem).await
        }
    }
}

pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    person: Person,
    Form(form): Form<form::Account>,
) -> Result<Response, Problem> {
    person.check(&form.csrf)?;
    match site
        .accounts
        .delete(&person.cx(), person.id(), Hidden::new(form.old))
        .await
    {
        Ok(()) => Ok(person.visitor.signed_out("/sign-in?did=deleted")),
        Err(error) => again(&site, &person, account_problem(error)).await,
    }
}
