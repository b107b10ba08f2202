//! The JSON API.

use axum::http::Method;
use serde_json::{Value, json};

use crate::visit::visit;

const TODOS: &str = "/api/todos";

#[test]
fn a_to_do_is_added_edited_by_a_merge_patch_and_deleted() {
    visit("merge", async |site| {
        let ada = site.token("ada@example.org").await;
        let new = json!({ "title": " Milk ", "due": "2030-03-31T02:30:00.1234567+02:00", "tags": ["b", "a", "b"] });
        let added = site.api(&ada, Method::POST, TODOS, &new).await.is(201);
        let todo = added.json();
        let one = format!("{TODOS}/{}", todo["id"].as_str().expect("an id"));
        assert_eq!(added.headers["location"], one);
        assert_eq!(added.headers["cache-control"], "private, no-store");
        assert_eq!(todo["title"], "Milk");
        assert_eq!(todo["due"], "2030-03-31T00:30:00.123456Z");
        assert_eq!(todo["tags"], json!(["a", "b"]));
        assert_eq!(
            site.api(&ada, Method::PATCH, &one, &json!({})).await.is(200).json(),
            todo
        );
        let bearer = format!("Bearer {ada}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/merge-patch+json"),
        ];
        let patch = r#"{"due":null,"tags":null,"done":true}"#;
        let edited = site.ask(Method::PATCH, &one, &headers, patch).await.is(200).json();
        assert_eq!(edited["title"], "Milk");
        assert_eq!(
            (&edited["due"], &edited["tags"], &edited["done"]),
            (&Value::Null, &json!([]), &json!(true))
        );
        site.api(&ada, Method::DELETE, &one, &Value::Null).await.is(204);
        site.api(&ada, Method::GET, &one, &Value::Null).await.problem(404, None);
    });
}

#[test]
fn a_request_sent_many_times_at_once_adds_one() {
    visit("once", async |site| {
        let ada = site.token("ada@example.org").await;
        let bearer = format!("Bearer {ada}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "4f3e"),
        ];
        let ask = |body: &'static str| site.ask(Method::POST, TODOS, &headers, body);
        let mut answers = Vec::new();
        let (a, b, c, d) = tokio::join!(
            ask(r#"{"title":"a"}"#),
            ask(r#"{"title":"a"}"#),
            ask(r#"{"title":"a"}"#),
            ask(r#"{"title":"a"}"#)
        );
        answers.extend([a, b, c, d].map(|answer| answer.is(201).json()));
        answers.dedup();
        assert_eq!(answers.len(), 1);
        ask(r#"{"title":"b"}"#).await.problem(422, Some("Idempotency-Key"));
        let listed = site.api(&ada, Method::GET, TODOS, &Value::Null).await.is(200).json();
        assert_eq!(listed, json!({ "todos": answers, "next": null }));
    });
}

#[test]
fn what_is_wrong_is_refused_with_its_field() {
    visit("wrong", async |site| {
        let ada = site.token("ada@example.org").await;
        for (body, field) in [
            (json!({}), "title"),
            (json!({ "title": null }), "title"),
            (json!({ "title": "x".repeat(501) }), "title"),
            (json!({ "title": "a\nb" }), "title"),
            (json!({ "title": "a\n" }), "title"),
            (json!({ "title": "t", "due": "2030-02-30T00:00:00Z" }), "due"),
            (json!({ "title": "t", "due": "2030-02-20 00:00:00Z" }), "due"),
            (json!({ "title": "t", "tags": [""] }), "tags"),
            (json!({ "title": "t", "tags": [7] }), "tags[0]"),
            (json!({ "title": "t", "titel": "t" }), "titel"),
        ] {
            site.api(&ada, Method::POST, TODOS, &body)
                .await
                .problem(422, Some(field));
        }
        site.api(&ada, Method::POST, TODOS, &json!(["t"]))
            .await
            .problem(422, None);
        for query in [
            "limit=0",
            "limit=201",
            "limit=x",
            "done=maybe",
            "after=forged",
            "tag=%00",
            "taq=a",
        ] {
            let field = query.split('=').next();
            site.api(&ada, Method::GET, &format!("{TODOS}?{query}"), &Value::Null)
                .await
                .problem(422, field);
        }
        let deep = "[".repeat(100_000);
        let bearer = format!("Bearer {ada}");
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        for body in ["", "{", "{\"title\":\"t\"}x", "{\"title\":\"\\ud800\"}", &deep] {
            site.ask(Method::POST, TODOS, &headers, body.to_owned())
                .await
                .problem(400, None);
        }
        headers[1].1 = "text/plain";
        site.ask(Method::POST, TODOS, &headers, "{}").await.problem(415, None);
    });
}

#[test]
fn who_has_no_token_gets_nothing_and_another_persons_is_not_there() {
    visit("nobody", async |site| {
        let (ada, eve) = (site.token("ada@example.org").await, site.token("eve@example.org").await);
        for credentials in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense"] {
            let answer = site
                .ask(Method::GET, TODOS, &[("authorization", credentials)], "")
                .await;
            assert!(
                answer
                    .header("www-authenticate".parse().expect("a name"))
                    .starts_with("Bearer")
            );
            answer.problem(401, None);
        }
        let added = site
            .api(&ada, Method::POST, TODOS, &json!({ "title": "mine" }))
            .await
            .is(201)
            .json();
        let one = format!("{TODOS}/{}", added["id"].as_str().expect("an id"));
        let later = json!({ "at": "2031-01-01T00:00:00Z" });
        site.api(&eve, Method::GET, &one, &Value::Null).await.problem(404, None);
        site.api(&eve, Method::PATCH, &one, &json!({ "title": "a" }))
            .await
            .problem(404, None);
        site.api(&eve, Method::DELETE, &one, &Value::Null)
            .await
            .problem(404, None);
        site.api(&eve, Method::POST, &format!("{one}/reminders"), &later)
            .await
            .problem(404, None);
        site.api(&eve, Method::GET, &format!("{one}/reminders"), &Value::Null)
            .await
            .problem(404, None);
        site.api(&ada, Method::GET, "/api/nothing", &Value::Null)
            .await
            .problem(404, None);
        let wrong = site.api(&ada, Method::PUT, TODOS, &Value::Null).await;
        assert!(wrong.headers.contains_key("allow"), "{wrong:?}");
        wrong.problem(405, None);
    });
}

#[test]
fn an_export_is_brought_back_once_and_what_is_wrong_in_it_is_named() {
    visit("export", async |site| {
        let (ada, eve) = (site.token("ada@example.org").await, site.token("eve@example.org").await);
        for number in 0..201 {
            let title = format!("n{number} ]}}\"");
            site.api(&ada, Method::POST, TODOS, &json!({ "title": title }))
                .await
                .is(201);
        }
        let first = site
            .api(&ada, Method::GET, "/api/todos?limit=1", &Value::Null)
            .await
            .json();
        let id = first["todos"][0]["id"].as_str().expect("an id").to_owned();
        let later = json!({ "at": "2031-01-01T00:00:00Z" });
        site.api(&ada, Method::POST, &format!("{TODOS}/{id}/reminders"), &later)
            .await
            .is(201);
        let export = site
            .api(&ada, Method::GET, "/api/export", &Value::Null)
            .await
            .is(200)
            .json();
        assert_eq!(export["todos"].as_array().map(Vec::len), Some(201));
        let import = |body: Value| {
            let (site, eve) = (&site, &eve);
            async move { site.api(eve, Method::POST, "/api/import", &body).await }
        };
        assert_eq!(
            import(export.clone()).await.is(200).json(),
            json!({ "todos": 201, "reminders": 1 })
        );
        assert_eq!(
            import(export.clone()).await.is(200).json(),
            json!({ "todos": 0, "reminders": 0 })
        );
        let mut wrong = export.clone();
        wrong["todos"][3]["due"] = "soon".into();
        import(wrong).await.problem(422, Some("todos[3].due"));
        let mut wrong = export.clone();
        wrong["todos"][200]["title"] = "".into();
        import(wrong).await.problem(422, Some("todos[200].title"));
        let mut wrong = export.clone();
        wrong["todos"][0]["reminders"][0]["id"] = "00000000-0000-4000-8000-000000000001".into();
        wrong["todos"][0]["reminders"][0]["at"] = "9000-01-01T00:00:00Z".into();
        import(wrong).await.problem(422, Some("todos[0].reminders"));
        let mut wrong = export;
        wrong["version"] = 2.into();
        import(wrong).await.problem(422, Some("version"));
        for none in [json!({}), json!([]), json!({ "others": [1] })] {
            import(none).await.problem(400, None);
        }
    });
}
