//! Files of the program: whole, in part, packed, unchanged.

use std::io::Read as _;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use flate2::read::GzDecoder;
use front::{File, Files};
use proptest::prelude::*;
use world::memory::World;

use crate::ask::{Answer, ask, get};

const CSS: &[u8] = &[b'a'; 5000];
const NOISE: &[u8] = b"\x89PNG\r\n";

const FILES: &[File] = &[
    File {
        name: "app.css",
        bytes: CSS,
    },
    File {
        name: "icons/one.png",
        bytes: NOISE,
    },
    File {
        name: "index.html",
        bytes: b"<p>index",
    },
    File {
        name: "empty.txt",
        bytes: b"",
    },
    File {
        name: "ten.txt",
        bytes: b"0123456789",
    },
];

fn router() -> Router {
    let files = Files::embedded(FILES);
    Router::new()
        .route("/", on_get(|| async { "page" }))
        .merge(files.router())
}

async fn asked(path: &str, headers: &[(&str, &str)]) -> Answer {
    get(&router(), path, headers).await
}

#[test]
fn a_file_has_its_kind_its_length_and_a_tag_of_what_it_holds() {
    World::new(1).run(async {
        for (path, kind, bytes) in [
            ("/static/app.css", "text/css; charset=utf-8", CSS),
            ("/static/icons/one.png", "image/png", NOISE),
            ("/static/", "text/html; charset=utf-8", b"<p>index"),
            ("/static/empty.txt", "text/plain; charset=utf-8", b""),
        ] {
            let answer = asked(path, &[]).await;
            assert_eq!((answer.status, &*answer.body), (200, bytes), "{path}");
            assert_eq!(answer.header("content-type"), kind);
            assert_eq!(answer.header("content-length"), bytes.len().to_string());
            assert_eq!(answer.header("cache-control"), "no-cache");
            assert_eq!(answer.header("accept-ranges"), "bytes");
            assert!(answer.header("etag").starts_with('"'), "{answer:?}");
        }
        let (one, other) = (asked("/static/app.css", &[]).await, asked("/static/ten.txt", &[]).await);
        assert_ne!(one.header("etag"), other.header("etag"));
    });
}

#[test]
fn an_address_with_the_right_version_may_be_kept_for_ever() {
    let files = Files::embedded(FILES);
    let url = files.url("app.css");
    let (path, version) = url.split_once("?v=").expect("a version");
    assert_eq!((path, version.len()), ("/static/app.css", 16));
    assert_eq!(files.url("none.css"), "/static/none.css");
    assert_eq!(files.clone().at("/assets/").url("none.css"), "/assets/none.css");
    World::new(1).run(async {
        let forever = "public, max-age=31536000, immutable";
        let other = format!("/static/ten.txt?v={version}");
        for (path, kept) in [
            (&*url, forever),
            ("/static/app.css?v=old", "no-cache"),
            ("/static/app.css?v=", "no-cache"),
            ("/static/app.css", "no-cache"),
            (&*other, "no-cache"),
        ] {
            let answer = asked(path, &[]).await;
            assert_eq!((answer.status, answer.header("cache-control")), (200, kept), "{path}");
        }
    });
}

#[test]
fn what_is_no_file_is_404_and_what_is_no_reading_405() {
    World::new(1).run(async {
        for path in [
            "/static/none.css",
            "/static/icons",
            "/static/icons/",
            "/static/../secret",
            "/static/%2e%2e/secret",
            "/static/icons%2fone.png",
            "/static/app.css%00",
            "/static//app.css",
            "/static/app.css/",
            "/static/.app.css",
        ] {
            let answer = asked(path, &[]).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.problem("detail").contains("no file"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"] {
            let answer = ask(&router(), method, "/static/app.css", &[], Body::empty()).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
        }
    });
}

#[test]
fn head_is_get_without_the_bytes() {
    World::new(1).run(async {
        for headers in [&[][..], &[("accept-encoding", "gzip")], &[("range", "bytes=0-1")]] {
            let full = match headers {
                // A range is for GET alone.
                [("range", _)] => asked("/static/app.css", &[]).await,
                _ => asked("/static/app.css", headers).await,
            };
            let head = ask(&router(), "HEAD", "/static/app.css", headers, Body::empty()).await;
            assert_eq!((head.status, &*head.body), (200, &b""[..]));
            assert_eq!(head.headers, full.headers, "{headers:?}");
        }
    });
}

#[test]
fn texts_are_packed_for_those_who_take_it_under_another_tag() {
    World::new(1).run(async {
        let plain = asked("/static/app.css", &[]).await;
        assert_eq!(
            (plain.header("vary"), plain.header("content-encoding")),
            ("accept-encoding", "")
        );
        let packed = asked("/static/app.css", &[("accept-encoding", "br, gzip;q=0.5")]).await;
        assert_eq!(
            (packed.header("vary"), packed.header("content-encoding")),
            ("accept-encoding", "gzip")
        );
        assert!(packed.body.len() < 100, "{}", packed.body.len());
        assert_ne!(packed.header("etag"), plain.header("etag"));
        let mut unpacked = Vec::new();
        GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, CSS);
        for path in ["/static/icons/one.png", "/static/ten.txt"] {
            let answer = asked(path, &[("accept-encoding", "gzip")]).await;
            assert_eq!(
                (answer.header("vary"), answer.header("content-encoding")),
                ("", ""),
                "{path}"
            );
        }
        let part = [("accept-encoding", "gzip"), ("range", "bytes=0-9")];
        let part = asked("/static/app.css", &part).await;
        assert_eq!(
            (part.status, part.header("content-encoding"), part.body.len()),
            (206, "", 10)
        );
    });
}

#[test]
fn what_is_unchanged_is_not_sent_again() {
    World::new(1).run(async {
        let tag = asked("/static/app.css", &[]).await.header("etag").to_owned();
        let same = asked("/static/app.css", &[("if-none-match", &tag)]).await;
        assert_eq!((same.status, &*same.body, same.header("etag")), (304, &b""[..], &*tag));
        assert_eq!(
            (same.header("cache-control"), same.header("vary")),
            ("no-cache", "accept-encoding")
        );
        assert_eq!(same.header("content-type"), "");
        // The packed form is another one.
        let other = [("if-none-match", &*tag), ("accept-encoding", "gzip")];
        assert_eq!(asked("/static/app.css", &other).await.status, 200);
        let failed = asked("/static/app.css", &[("if-match", "\"other\"")]).await;
        assert_eq!(failed.status, 412);
        assert!(failed.problem("detail").contains("without a condition"));
        // Nothing is known of when a file of the program was changed.
        let since = [("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT")];
        assert_eq!(asked("/static/app.css", &since).await.status, 200);
    });
}

#[test]
fn a_part_is_sent_with_its_place_or_it_is_said_that_there_is_none() {
    World::new(1).run(async {
        for (range, status, place, body) in [
            ("bytes=0-3", 206, "bytes 0-3/10", "0123"),
            ("bytes=5-", 206, "bytes 5-9/10", "56789"),
            ("bytes=-3", 206, "bytes 7-9/10", "789"),
            ("bytes=9-100", 206, "bytes 9-9/10", "9"),
            ("bytes=0-1,4-5", 200, "", "0123456789"),
            ("bytes=3-2", 200, "", "0123456789"),
            ("lines=0-1", 200, "", "0123456789"),
            ("bytes=10-", 416, "bytes */10", ""),
            ("bytes=-0", 416, "bytes */10", ""),
        ] {
            let answer = asked("/static/ten.txt", &[("range", range)]).await;
            assert_eq!(
                (answer.status, answer.header("content-range")),
                (status, place),
                "{range}"
            );
            if status == 416 {
                assert!(answer.problem("detail").contains("has 10 bytes"), "{answer:?}");
            } else {
                assert_eq!(answer.text(), body, "{range}");
                assert_eq!(answer.header("content-length"), body.len().to_string());
            }
        }
        let tag = asked("/static/ten.txt", &[]).await.header("etag").to_owned();
        for (if_range, status) in [(&*tag, 206), ("\"other\"", 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)] {
            let answer = asked("/static/ten.txt", &[("range", "bytes=0-1"), ("if-range", if_range)]).await;
            assert_eq!(answer.status, status, "{if_range}");
        }
        assert_eq!(asked("/static/empty.txt", &[("range", "bytes=0-")]).await.status, 416);
        let twice = [("range", "bytes=0-1"), ("range", "bytes=2-3")];
        assert_eq!(asked("/static/ten.txt", &twice).await.status, 200);
    });
}

#[test]
fn a_page_of_a_single_page_application_is_its_index() {
    World::new(1).run(async {
        let files = Files::embedded(FILES).at("/").fallback("index.html");
        let router = Router::new()
            .route("/api", on_get(|| async { "api" }))
            .fallback_service(files.router());
        let html = [("accept", "text/html,*/*")];
        for (path, headers, status, body) in [
            ("/", &html[..], 200, "<p>index"),
            ("/todos/7", &html, 200, "<p>index"),
            ("/todos/7?a=b", &html, 200, "<p>index"),
            ("/ten.txt", &html, 200, "0123456789"),
            ("/api", &html, 200, "api"),
            ("/todos/7", &[("accept", "application/json")], 404, ""),
            ("/todos/7", &[], 404, ""),
            ("/missing.js", &html, 404, ""),
        ] {
            let answer = get(&router, path, headers).await;
            assert_eq!(answer.status, status, "{path}");
            if status == 200 {
                assert_eq!(answer.text(), body, "{path}");
            }
        }
    });
}

#[test]
fn files_may_be_nested_in_other_routes() {
    World::new(1).run(async {
        let files = Files::embedded(FILES).at("/files");
        let router = Router::new().nest("/deep", files.router());
        assert_eq!(get(&router, "/deep/files/ten.txt", &[]).await.text(), "0123456789");
    });
}

proptest! {
    #[test]
    fn any_path_and_range_is_answered(path in "[ -~]{0,40}", range in "bytes=[0-9,-]{0,20}", tag in "[ -~]{0,20}") {
        let uri = format!("/static/{}", path.replace(['#', ' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}'], ""));
        if uri.parse::<axum::http::Uri>().is_ok() {
            World::new(1).run(async {
                let headers = [("range", &*range), ("if-range", &*tag), ("if-none-match", &*tag), ("accept-encoding", &*tag)];
                let answer = asked(&uri, &headers).await;
                assert!(matches!(answer.status, 200 | 206 | 304 | 404 | 416), "{uri}: {answer:?}");
                let part = asked("/static/ten.txt", &[("range", &*range)]).await;
                assert!(matches!(part.status, 200 | 206 | 416) && part.body.len() < 300, "{range}");
            });
        }
    }
}
