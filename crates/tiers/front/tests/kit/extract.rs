//! What a request brings: JSON, a form, parameters.

use axum::Router;
use axum::body::Body;
use axum::routing::{get as on_get, post};
use front::{Call, Form, Json, Path, Query};
use serde::{Deserialize, Serialize};
use world::memory::World;

use crate::ask::{Answer, ask, get};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Todo {
    title: String,
    #[serde(default)]
    priority: u8,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Step {
    what: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    limit: Option<u16>,
    q: Option<String>,
}

fn router() -> Router {
    Router::new()
        .route("/json", post(|Json(todo): Json<Todo>| async { Json(todo) }))
        .route("/any", post(|Json(any): Json<serde_json::Value>| async { Json(any) }))
        .route("/query", on_get(|Query(wanted): Query<Wanted>| async { Json(wanted) }))
        .route("/form", on_get(form).post(form))
        .route(
            "/todos/{id}",
            on_get(|Path(id): Path<u32>| async move { id.to_string() }),
        )
        .route("/named/{name}", on_get(|Path(name): Path<String>| async { name }))
}

async fn form(Form(wanted): Form<Wanted>) -> Json<Wanted> {
    Json(wanted)
}

async fn post_json(path: &str, body: &str) -> Answer {
    let headers = [("content-type", "application/json")];
    ask(&router(), "POST", path, &headers, Body::from(body.to_owned())).await
}

#[test]
fn json_is_read_or_it_is_said_what_and_where_is_wrong() {
    World::new(1).run(async {
        let taken = post_json("/json", r#"{"title":"a","steps":[{"what":"b"}]}"#).await;
        assert_eq!(taken.text(), r#"{"title":"a","priority":0,"steps":[{"what":"b"}]}"#);
        for (body, status, field) in [
            ("", 400, ""),
            ("{", 400, ""),
            (r#"{"title":"a"} x"#, 400, ""),
            ("{\"title\":\"\u{1}\"}", 400, ""),
            (r#"{"title":"\ud800"}"#, 400, ""),
            ("nonsense", 400, ""),
            ("[]", 422, ""),
            ("1", 422, ""),
            ("{}", 422, "title"),
            (r#"{"title":1}"#, 422, "title"),
            (r#"{"title":null}"#, 422, "title"),
            (r#"{"title":"a","priority":256}"#, 422, "priority"),
            (r#"{"title":"a","priority":-1}"#, 422, "priority"),
            (r#"{"title":"a","priority":1.5}"#, 422, "priority"),
            (r#"{"title":"a","title":"b"}"#, 422, "title"),
            (r#"{"title":"a","colour":1}"#, 422, "colour"),
            (
                r#"{"title":"a","steps":[{"what":"b"},{"what":3}]}"#,
                422,
                "steps[1].what",
            ),
            (r#"{"title":"a","steps":[{"what":"b"},{}]}"#, 422, "steps[1].what"),
            (r#"{"title":"a","steps":{}}"#, 422, "steps"),
        ] {
            let answer = post_json("/json", body).await;
            assert_eq!(
                (answer.status, &*answer.problem("field")),
                (status, field),
                "{body}: {answer:?}"
            );
        }
    });
}

#[test]
fn json_of_any_depth_size_and_bytes_is_answered() {
    World::new(1).run(async {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(post_json("/any", &deep).await.status, 400);
        let long = format!("\"{}\"", "a".repeat(1 << 20));
        assert_eq!(post_json("/any", &long).await.status, 413);
        let headers = [("content-type", "application/json")];
        let answer = ask(&router(), "POST", "/any", &headers, Body::from(vec![b'"', 0xff, b'"'])).await;
        assert_eq!(answer.status, 400);
        let mut name = "k".repeat(100_000);
        name = format!("{{\"title\":\"a\",\"{name}\":1}}");
        let answer = post_json("/json", &name).await;
        assert!(
            answer.status == 422 && answer.body.len() < 2048,
            "{}",
            answer.body.len()
        );
    });
}

#[test]
fn a_route_that_allows_more_gets_more() {
    let world = World::new(1);
    let env = world.node("server");
    world.run(async move {
        let body = format!("\"{}\"", "a".repeat(1 << 20));
        let call = Call::new(&env);
        call.allow(2 << 20, std::time::Duration::from_secs(1));
        let router = router().layer(axum::Extension(call));
        let headers = [("content-type", "application/json")];
        let answer = ask(&router, "POST", "/any", &headers, Body::from(body)).await;
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn a_body_of_another_kind_is_refused() {
    World::new(1).run(async {
        for (kind, json, form) in [
            ("application/json", 200, 415),
            ("application/json; charset=utf-8", 200, 415),
            ("Application/JSON", 200, 415),
            ("application/merge-patch+json", 200, 415),
            ("application/x-www-form-urlencoded", 415, 200),
            ("text/plain", 415, 415),
            ("application/jsonx", 415, 415),
            ("text/json", 415, 415),
            ("multipart/form-data; boundary=a", 415, 415),
            ("", 415, 415),
        ] {
            let headers = [("content-type", kind)];
            let answer = ask(&router(), "POST", "/any", &headers, Body::from("1")).await;
            assert_eq!(answer.status, json, "{kind}");
            let answer = ask(&router(), "POST", "/form", &headers, Body::from("limit=1")).await;
            assert_eq!(answer.status, form, "{kind}");
        }
        let answer = ask(&router(), "POST", "/any", &[], Body::from("1")).await;
        assert!(answer.problem("detail").contains("`application/json`"), "{answer:?}");
        let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
        assert_eq!(
            ask(&router(), "POST", "/any", &twice, Body::from("1")).await.status,
            415
        );
    });
}

#[test]
fn parameters_and_forms_are_read_or_the_wrong_one_is_named() {
    World::new(1).run(async {
        for (given, status, said) in [
            ("limit=10&q=a%20b+c", 200, r#"{"limit":10,"q":"a b c"}"#),
            ("", 200, r#"{"limit":null,"q":null}"#),
            ("other=1", 200, r#"{"limit":null,"q":null}"#),
            ("q=%ff", 200, "{\"limit\":null,\"q\":\"\u{fffd}\"}"),
            ("limit=ten", 422, "limit"),
            ("limit=-1", 422, "limit"),
            ("limit=70000", 422, "limit"),
            ("limit=", 422, "limit"),
            ("limit=1&limit=2", 422, "limit"),
        ] {
            let of_query = get(&router(), &format!("/query?{given}"), &[]).await;
            let of_get = get(&router(), &format!("/form?{given}"), &[]).await;
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            let of_form = ask(&router(), "POST", "/form", &headers, Body::from(given)).await;
            for answer in [of_query, of_get, of_form] {
                assert_eq!(answer.status, status, "{given}: {answer:?}");
                if status == 200 {
                    assert_eq!(answer.text(), said);
                } else {
                    assert_eq!(answer.problem("field"), said, "{answer:?}");
                }
            }
        }
    });
}

#[test]
fn a_path_that_cannot_be_is_not_there() {
    World::new(1).run(async {
        assert_eq!(get(&router(), "/todos/7", &[]).await.text(), "7");
        for path in ["/todos/x", "/todos/-1", "/todos/99999999999", "/named/%ff"] {
            let answer = get(&router(), path, &[]).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.problem("detail").contains("nothing at this address"));
        }
    });
}
