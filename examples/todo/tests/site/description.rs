//! What is said of the API is so.

use axum::http::Method;
use serde_json::Value;
use todo::events::{NAME_MAX, SOURCES_MAX};
use todo::outgoing::ADDRESS_BYTES_MAX;
use todo::reminders::REMINDERS_MAX;
use todo::todos::{LIST_MAX, TAG_MAX, TAGS_MAX, TITLE_MAX};

use crate::visit::visit;

#[test]
fn the_description_has_the_limits_of_the_components() {
    visit("description", async |site| {
        let answer = site.ask(Method::GET, "/api/openapi.json", &[], "").await.is(200);
        let said = answer.json();
        let at = |path: &str| {
            said.pointer(path)
                .and_then(Value::as_i64)
                .unwrap_or_else(|| panic!("no {path}"))
        };
        let schemas = "/components/schemas";
        assert_eq!(
            at(&format!("{schemas}/NewTodo/properties/title/maxLength")),
            TITLE_MAX as i64
        );
        assert_eq!(
            at(&format!("{schemas}/NewTodo/properties/tags/maxItems")),
            TAGS_MAX as i64
        );
        assert_eq!(
            at(&format!("{schemas}/NewTodo/properties/tags/items/maxLength")),
            TAG_MAX as i64
        );
        let source = format!("{schemas}/NewSource/properties");
        assert_eq!(at(&format!("{source}/url/maxLength")), ADDRESS_BYTES_MAX as i64);
        assert_eq!(at(&format!("{source}/name/maxLength")), NAME_MAX as i64);
        let listed = "/paths/~1api~1sources/get/responses/200/content/application~1json/schema";
        assert_eq!(at(&format!("{listed}/properties/sources/maxItems")), SOURCES_MAX);
        let imported = format!("{schemas}/Import/properties/todos/items/properties");
        assert_eq!(at(&format!("{imported}/reminders/maxItems")), REMINDERS_MAX);
        assert_eq!(
            at("/paths/~1api~1todos/get/parameters/4/schema/maximum"),
            i64::from(LIST_MAX)
        );
        let Some(paths) = said["paths"].as_object() else {
            panic!("no paths");
        };
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().expect("an object") {
                if method == "parameters" || operation["security"] == serde_json::json!([]) {
                    continue;
                }
                let method: Method = method.to_uppercase().parse().expect("a method");
                site.ask(method, &path.replace("{id}", "1"), &[], "")
                    .await
                    .problem(401, None);
            }
        }
    });
}
