//! What every side promises, asked of it before it is measured: who promises less is not compared.

use anyhow::ensure;
use http_body_util::Full;
use hyper::{StatusCode, header};
use serde_json::Value;

use crate::http::{Answer, Connection, LIST, TODOS, to_do};

/// To-dos of a page.
const PAGE: usize = 50;

pub(crate) async fn check(connection: &mut Connection, token: &str) -> anyhow::Result<()> {
    let added = connection.add(token, "promise", to_do(1)).await?;
    is_answer(&added, StatusCode::CREATED)?;
    let again = connection.add(token, "promise", to_do(1)).await?;
    is_answer(&again, StatusCode::CREATED)?;
    let same = json(&added)? == json(&again)?;
    ensure!(same, "a repeated request got another answer than the first one");
    let other = connection.add(token, "promise", to_do(2)).await?;
    is_problem(&other, StatusCode::UNPROCESSABLE_ENTITY, None)?;

    let listed = connection.list(token).await?;
    is_answer(&listed, StatusCode::OK)?;
    let page = json(&listed)?;
    let todos = page["todos"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(todos.len() == PAGE, "a page has {} to-dos, not {PAGE}", todos.len());
    ensure!(
        page["next"].is_string(),
        "a page does not say where the next one begins"
    );
    ensure!(
        todos[0] == json(&added)?,
        "the to-do that was added last is not the first of the page: {}",
        todos[0]
    );

    let nobody = connection.request("GET", LIST, None).body(Full::default())?;
    is_problem(&connection.ask(nobody).await?, StatusCode::UNAUTHORIZED, None)?;
    let forged = connection.request("GET", LIST, Some("forged")).body(Full::default())?;
    is_problem(&connection.ask(forged).await?, StatusCode::UNAUTHORIZED, None)?;
    let many = connection.request("GET", "/api/todos?limit=201", Some(token));
    let many = connection.ask(many.body(Full::default())?).await?;
    is_problem(&many, StatusCode::UNPROCESSABLE_ENTITY, Some("limit"))?;
    let empty = connection.add(token, "empty", r#"{"title":" "}"#.to_owned()).await?;
    is_problem(&empty, StatusCode::UNPROCESSABLE_ENTITY, Some("title"))?;
    let malformed = connection.add(token, "malformed", r#"{"title":"#.to_owned()).await?;
    is_problem(&malformed, StatusCode::BAD_REQUEST, None)?;
    let text = connection
        .request("POST", TODOS, Some(token))
        .header(header::CONTENT_TYPE, "text/plain");
    let text = connection.ask(text.body(Full::from("milk"))?).await?;
    is_problem(&text, StatusCode::UNSUPPORTED_MEDIA_TYPE, None)
}

fn is_problem(answer: &Answer, status: StatusCode, field: Option<&str>) -> anyhow::Result<()> {
    is_answer(answer, status)?;
    let content_type = answer.headers.get(header::CONTENT_TYPE);
    ensure!(
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json")),
        "a refusal is of type {content_type:?}"
    );
    let problem = json(answer)?;
    let named = problem["field"].as_str();
    ensure!(
        field.is_none() || field == named,
        "a refusal names the field {named:?}, not {field:?}"
    );
    Ok(())
}

fn is_answer(answer: &Answer, status: StatusCode) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&answer.body);
    ensure!(answer.status == status, "{} instead of {status}: {said}", answer.status);
    for name in [
        "x-request-id",
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
    ] {
        ensure!(answer.headers.contains_key(name), "an answer has no `{name}`");
    }
    Ok(())
}

fn json(answer: &Answer) -> anyhow::Result<Value> {
    Ok(serde_json::from_slice(&answer.body)?)
}
