//! Problems, and where a browser is led.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use front::{Problem, is_local, redirect};
use wire::{CallError, CallErrorKind};
use world::memory::World;

use crate::ask::Answer;

fn answered(response: impl IntoResponse) -> Answer {
    World::new(1).run(Answer::of(response.into_response()))
}

#[test]
fn a_problem_is_json_with_status_title_detail_and_field() {
    let problem = Problem::invalid("due", "`due` is no date; write it as RFC 3339 has it")
        .header(HeaderName::from_static("x-more"), HeaderValue::from_static("yes"));
    let answer = answered(problem);
    assert_eq!(answer.problem("title"), "Unprocessable Entity");
    assert_eq!(
        answer.problem("detail"),
        "`due` is no date; write it as RFC 3339 has it"
    );
    assert_eq!(answer.problem("field"), "due");
    assert_eq!((answer.status, answer.header("x-more")), (422, "yes"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let plain = answered(Problem::new(StatusCode::NOT_FOUND, "gone"));
    assert_eq!(plain.text(), r#"{"title":"Not Found","status":404,"detail":"gone"}"#);
}

#[test]
fn a_failed_call_says_whether_it_may_be_repeated_and_nothing_of_the_inside() {
    for (kind, status) in [
        (CallErrorKind::Unavailable, 503),
        (CallErrorKind::Overloaded, 503),
        (CallErrorKind::Cancelled, 503),
        (CallErrorKind::DeadlineExceeded, 504),
        (CallErrorKind::Denied, 403),
        (CallErrorKind::Incompatible, 500),
        (CallErrorKind::Failed, 500),
    ] {
        for error in [
            CallError::not_run(kind, "10.0.0.7:7000 refused"),
            CallError::maybe_run(kind, "10.0.0.7:7000 refused"),
        ] {
            let certain = error.certainly_did_not_run();
            let answer = answered(Problem::from(error));
            assert_eq!(answer.status, status, "{kind:?}");
            assert!(!answer.text().contains("10.0.0.7"), "{answer:?}");
            assert_eq!(answer.header("retry-after"), if status == 503 { "1" } else { "" });
            if matches!(status, 503 | 504) {
                let said = answer.problem("detail").contains("nothing was done");
                assert_eq!(said, certain, "{answer:?}");
            }
        }
    }
}

#[test]
fn what_a_peer_sent_is_quoted_in_no_length() {
    let answer = answered(Problem::invalid("é".repeat(5000), "x\u{e9}".repeat(5000)));
    assert!(answer.body.len() < 1200, "{}", answer.body.len());
}

#[test]
fn a_browser_is_led_to_pages_of_this_site_only() {
    for (to, led) in [
        ("/", true),
        ("/todos?tag=a%20b&x=//evil#top", true),
        ("/todos//x", true),
        ("", false),
        ("todos", false),
        ("//evil.example", false),
        ("///evil.example", false),
        ("/\\evil.example", false),
        ("\\\\evil.example", false),
        ("/a\\b", false),
        ("https://evil.example", false),
        ("javascript:alert(1)", false),
        ("/a\r\nset-cookie: session=x", false),
        ("/a\nb", false),
        ("/\t/evil.example", false),
        ("/\n/evil.example", false),
        (" //evil.example", false),
        ("/ /evil.example", false),
        ("/a\0", false),
        ("/é", false),
        ("/\u{7f}", false),
    ] {
        let answer = answered(redirect(to));
        assert_eq!(is_local(to), led, "{to:?}");
        if led {
            assert_eq!((answer.status, answer.header("location")), (303, to));
        } else {
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{to:?}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
    assert!(!is_local(&format!("/{}", "a".repeat(2048))));
}
