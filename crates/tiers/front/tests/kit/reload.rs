//! Pages that load themselves anew: which get the script, and what it hears.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get as on_get;
use front::{Call, Html, Problem, compressed, reloading};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use world::Env;
use world::memory::World;

use crate::ask::{Answer, ask, get};

/// A site with a page, and something else.
fn site(env: &Env) -> Router {
    let site = Router::new()
        .route("/", on_get(|| async { Html("<p>page</p>".repeat(1000)) }))
        .route("/text", on_get(|| async { "text" }))
        .route("/broken", on_get(|| async { Problem::invalid("a<b", "a & b") }));
    reloading(compressed(site), env)
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Env) -> F) {
    let world = World::new(1);
    let env = world.node("server");
    world.run(test(env));
}

/// Which start the page is from, as it says.
fn started(page: &Answer) -> String {
    let (_, rest) = page.text().split_once("data-started=\"").expect("a script");
    rest.split('"').next().unwrap_or_default().to_owned()
}

#[test]
fn a_page_has_the_script_and_hears_of_another_start() {
    run(async |env| {
        let (site, restarted) = (site(&env), site(&env));
        let page = get(&site, "/", &[("accept-encoding", "gzip")]).await;
        assert!(page.text().starts_with("<p>page</p>"), "it is not packed");
        assert!(page.text().contains("<script src=\"/terrace/reload.js\" "));
        let script = get(&site, "/terrace/reload.js", &[]).await;
        assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
        assert!(script.text().contains("\"/terrace/started\""));
        assert_ne!(started(&page), started(&get(&restarted, "/", &[]).await));
        for (site, is_same) in [(site, true), (restarted, false)] {
            let request = Request::get("/terrace/started").extension(Call::new(&env));
            let request = request.body(Body::empty()).expect("a request");
            let mut body = site.oneshot(request).await.expect("an answer").into_body();
            let frame = body.frame().await.expect("an event").expect("a frame");
            let bytes = frame.into_data().expect("data");
            let same = format!("event: started\ndata: {}\n\n", started(&page));
            assert_eq!(bytes == same, is_same);
        }
    });
}

#[test]
fn a_problem_is_a_page_where_one_was_to_be_shown() {
    run(async |env| {
        let site = site(&env);
        let page = get(&site, "/broken", &[("accept", "text/html,*/*;q=0.8")]).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (422, "text/html; charset=utf-8")
        );
        assert!(
            page.text().contains("a&lt;b") && page.text().contains("a &amp; b"),
            "{}",
            page.text()
        );
        started(&page);
        let plain = get(&site, "/broken", &[("accept", "application/json")]).await;
        assert_eq!(plain.header("content-type"), "application/problem+json");
    });
}

#[test]
fn only_pages_that_are_opened_get_the_script() {
    run(async |env| {
        let site = site(&env);
        assert_eq!(get(&site, "/text", &[]).await.text(), "text");
        let page = get(&site, "/", &[("sec-fetch-dest", "document")]).await;
        assert!(page.text().contains("<script"));
        for dest in ["empty", "image"] {
            let page = get(&site, "/", &[("sec-fetch-dest", dest)]).await;
            assert!(!page.text().contains("<script"), "{dest}");
        }
        assert_eq!(ask(&site, "HEAD", "/", &[], Body::empty()).await.text(), "");
    });
}
