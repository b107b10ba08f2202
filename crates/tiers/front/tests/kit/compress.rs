//! Packed answers: which, for whom, and that nothing of them waits.

use std::io::Read as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::routing::get as on_get;
use flate2::read::GzDecoder;
use front::{Problem, compressed};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use tower::ServiceExt as _;
use world::memory::World;

use crate::ask::{ask, get};

const GZIP: &[(&str, &str)] = &[("accept-encoding", "gzip")];

fn long() -> String {
    "a line of text, and then another\n".repeat(3000)
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).expect("gzip");
    text
}

/// Gives one part, and then never another.
struct Stuck(Option<Bytes>);

impl hyper::body::Body for Stuck {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

fn router() -> Router {
    let fixed = HeaderValue::from_static;
    let router = Router::new()
        .route("/text", on_get(|| async { long() }))
        .route("/edge", on_get(|| async { "a".repeat(1024) }))
        .route("/short", on_get(|| async { "a".repeat(1023) }))
        .route("/bytes", on_get(|| async { long().into_bytes() }))
        .route(
            "/events",
            on_get(move || async move { ([(CONTENT_TYPE, fixed("text/event-stream"))], long()) }),
        )
        .route(
            "/packed",
            on_get(move || async move { ([(CONTENT_ENCODING, fixed("br"))], long()) }),
        )
        .route(
            "/as-is",
            on_get(move || async move { ([(CACHE_CONTROL, fixed("no-store, no-transform"))], long()) }),
        )
        .route(
            "/tagged",
            on_get(move || async move { ([(ETAG, fixed("\"a\"")), (VARY, fixed("cookie"))], long()) }),
        )
        .route(
            "/problem",
            on_get(|| async { Problem::new(axum::http::StatusCode::NOT_FOUND, "x".repeat(5000)) }),
        )
        .route(
            "/stuck",
            on_get(move || async move {
                let body = Body::new(Stuck(Some(long().into())));
                ([(CONTENT_TYPE, fixed("text/plain"))], body)
            }),
        );
    compressed(router)
}

#[test]
fn a_long_text_is_packed_and_what_gains_nothing_is_not() {
    World::new(1).run(async {
        let packed = get(&router(), "/text", GZIP).await;
        assert_eq!(
            (packed.header("content-encoding"), packed.header("vary")),
            ("gzip", "accept-encoding")
        );
        assert_eq!(packed.header("content-length"), "");
        assert!(packed.body.len() < 2000, "{}", packed.body.len());
        assert_eq!(unpacked(&packed.body), long());
        assert_eq!(unpacked(&get(&router(), "/edge", GZIP).await.body), "a".repeat(1024));
        for path in ["/short", "/bytes", "/events", "/as-is", "/problem"] {
            let plain = get(&router(), path, GZIP).await;
            assert_eq!(
                (plain.header("content-encoding"), plain.header("vary")),
                ("", ""),
                "{path}"
            );
        }
        assert_eq!(get(&router(), "/packed", GZIP).await.header("content-encoding"), "br");
    });
}

#[test]
fn only_who_takes_gzip_gets_it() {
    World::new(1).run(async {
        for (accepted, is_packed) in [
            ("gzip", true),
            ("GZip", true),
            ("x-gzip", true),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("*", true),
            ("gzip;q=0.001", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("*;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=x", false),
            ("gzip;q=nan", false),
            ("br", false),
            ("identity", false),
            ("gzipx", false),
            ("", false),
        ] {
            let answer = get(&router(), "/text", &[("accept-encoding", accepted)]).await;
            assert_eq!(answer.header("content-encoding") == "gzip", is_packed, "{accepted}");
            assert_eq!(answer.header("vary"), "accept-encoding", "{accepted}");
        }
        assert_eq!(get(&router(), "/text", &[]).await.text(), long());
    });
}

#[test]
fn a_tag_gets_weak_and_other_variants_stay_named() {
    World::new(1).run(async {
        let packed = get(&router(), "/tagged", GZIP).await;
        assert_eq!(packed.header("etag"), "W/\"a\"");
        let vary: Vec<_> = packed.headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["cookie", "accept-encoding"]);
        assert_eq!(get(&router(), "/tagged", &[]).await.header("etag"), "\"a\"");
        let head = ask(&router(), "HEAD", "/text", GZIP, Body::empty()).await;
        assert_eq!(
            (head.header("content-encoding"), head.header("vary")),
            ("gzip", "accept-encoding")
        );
        assert_eq!(head.header("content-length"), "");
    });
}

#[test]
fn what_has_come_so_far_is_sent_while_the_rest_is_waited_for() {
    World::new(1).run(async {
        let request = axum::http::Request::get("/stuck").header("accept-encoding", "gzip");
        let answer = router().oneshot(request.body(Body::empty()).expect("a request")).await;
        let mut body = answer.expect("an answer").into_body();
        let mut come = Vec::new();
        let mut decoder = flate2::write::GzDecoder::new(Vec::new());
        while decoder.get_ref().len() < long().len() {
            let frame = body.frame().await.expect("more").expect("a frame");
            come.extend_from_slice(&frame.into_data().expect("data"));
            std::io::Write::write_all(&mut decoder, &come).expect("gzip");
            std::io::Write::flush(&mut decoder).expect("gzip");
            come.clear();
        }
        assert_eq!(decoder.get_ref(), long().as_bytes());
    });
}
