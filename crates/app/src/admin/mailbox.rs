//! The mailbox: messages that were sent to nobody's server, for a person to read.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use front::Path;
use jobs::JobId;
use jobs::mail::Received;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use uuid::Uuid;

use super::Looked;
use super::view::{self, Shown};

/// Messages of one component that are listed.
const MESSAGES_MAX: u32 = 200;

/// A message, as data.
#[derive(Serialize)]
struct Line {
    component: String,
    id: String,
    message_id: String,
    arrived: String,
    from: String,
    to: Vec<String>,
    subject: String,
    text: Option<String>,
    html: Option<String>,
}

impl Line {
    fn of(component: &str, received: Received) -> Line {
        let message = received.message.into_draft();
        Line {
            component: component.to_owned(),
            id: received.id.to_string(),
            message_id: received.message_id,
            arrived: received.arrived.to_string(),
            from: message.from,
            to: message.to,
            subject: message.subject,
            text: message.text,
            html: message.html,
        }
    }
}

/// All messages, the newest first; as JSON for whoever asks for that.
pub(super) async fn list(State(looked): State<Arc<Looked>>, headers: HeaderMap) -> Response {
    let mut lines = Vec::new();
    for (component, mail) in &looked.mails {
        match mail.mailbox(MESSAGES_MAX).await {
            Ok(received) => lines.extend(received.into_iter().map(|received| Line::of(component, received))),
            Err(error) => return view::failed(&error),
        }
    }
    lines.sort_by(|one, other| other.arrived.cmp(&one.arrived));
    if wants_json(&headers) {
        return Json(lines).into_response();
    }
    Shown::page("mailbox.html", context! { title => "Mailbox", lines => Serde(&lines) })
}

/// One message.
pub(super) async fn show(
    State(looked): State<Arc<Looked>>,
    Path((component, id)): Path<(String, Uuid)>,
    headers: HeaderMap,
) -> Response {
    let Some((_, mail)) = looked.mails.iter().find(|(known, _)| *known == component) else {
        return view::refused(StatusCode::NOT_FOUND, "there is no such component with mail");
    };
    let line = match mail.message(JobId(id)).await {
        Ok(Some(received)) => Line::of(&component, received),
        Ok(None) => return view::refused(StatusCode::NOT_FOUND, "there is no such message"),
        Err(error) => return view::failed(&error),
    };
    if wants_json(&headers) {
        return Json(line).into_response();
    }
    let parts = parts(line.text.as_deref().unwrap_or_default());
    Shown::page(
        "mail.html",
        context! { title => line.subject.clone(), mail => Serde(&line), parts => Serde(&parts) },
    )
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

/// A piece of a text, and whether it is a link.
#[derive(Debug, PartialEq, Serialize)]
struct Part<'t> {
    text: &'t str,
    link: bool,
}

/// The text cut at its links.
fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(start) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        let link = &rest[start..];
        let ends = |letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '"');
        let end = link.find(ends).unwrap_or(link.len());
        let link = link[..end].trim_end_matches(['.', ',', ')', ';']);
        if start > 0 {
            parts.push(Part {
                text: &rest[..start],
                link: false,
            });
        }
        parts.push(Part { text: link, link: true });
        rest = &rest[start + link.len()..];
    }
    if !rest.is_empty() {
        parts.push(Part {
            text: rest,
            link: false,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_link_ends_before_the_sentence_does() {
        for (text, cut) in [
            ("", vec![]),
            ("no link", vec![("no link", false)]),
            (
                "see http://a/b?c=d. Or not",
                vec![("see ", false), ("http://a/b?c=d", true), (". Or not", false)],
            ),
            (
                "https://a\nhttp://b",
                vec![("https://a", true), ("\n", false), ("http://b", true)],
            ),
            ("<http://é>", vec![("<", false), ("http://é", true), (">", false)]),
            ("http://", vec![("http://", true)]),
        ] {
            let found: Vec<(&str, bool)> = parts(text).iter().map(|part| (part.text, part.link)).collect();
            assert_eq!(found, cut, "{text}");
        }
    }
}
