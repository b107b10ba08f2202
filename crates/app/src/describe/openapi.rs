//! `describe --openapi`: the HTTP face as OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1>), one operation for each method.

mod schema;

use host::{ComponentDescription, Description};
use serde_json::{Map, Value, json};
use wire::limits::KEY_BYTES_MAX;
use wire::{ErrorCode, Method};

use self::schema::Schemas;

pub(crate) fn document(application: &str, version: &str, description: &Description) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    for component in &description.components {
        schemas.name_types(component.interface);
        for method in &component.interface.methods {
            let path = format!("/{}/{}", component.name, method.name);
            paths.insert(path, json!({ "post": operation(component, method, &mut schemas) }));
        }
    }
    let tags = description.components.iter().map(|component| {
        let mut tag = json!({ "name": component.name });
        if !component.interface.doc.is_empty() {
            tag["description"] = component.interface.doc.clone().into();
        }
        if let Some(owner) = &component.owner {
            tag["x-owner"] = owner.clone().into();
        }
        tag
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": application,
            "version": version,
            "description": "Component methods over HTTP, by the unary rules of the Connect protocol. Integers past ±2^53 are \
                strings, bytes are base64.",
        },
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.into_object(),
            "parameters": parameters(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "The deployment's token." },
            },
        },
        // On loopback nobody is asked for the token.
        "security": [{ "bearer": [] }, {}],
    })
}

fn operation(component: &ComponentDescription, method: &Method, schemas: &mut Schemas) -> Value {
    let interface = component.interface;
    let arguments = schemas.arguments(interface, &method.arguments);
    let output = schemas.of(interface, &method.output);
    let failure = failure(component, method, schemas);
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let mut operation = json!({
        "operationId": format!("{}_{}", component.name, method.name),
        "tags": [component.name],
        "parameters": parameters().keys().map(|name| reference("parameters", name)).collect::<Vec<_>>(),
        "requestBody": { "required": true, "content": json_of(arguments) },
        "responses": {
            "200": { "description": "What the method answers.", "content": json_of(output) },
            "default": {
                "description": "The method's own error, in `details`, or a failed call.",
                "headers": {
                    "terrace-ran": {
                        "description": "Whether the method may have run; without it, it may.",
                        "schema": { "type": "string", "enum": ["no", "maybe"] },
                    },
                },
                "content": json_of(failure),
            },
        },
    });
    let doc = method.doc.trim();
    if !doc.is_empty() {
        operation["summary"] = super::docs::first_sentence(doc).into();
        operation["description"] = doc.into();
    }
    let marks = super::marks_of(component, method);
    if !marks.is_empty() {
        operation["x-marks"] = json!(marks);
    }
    operation
}

/// The schema of the method's error body.
fn failure(component: &ComponentDescription, method: &Method, schemas: &mut Schemas) -> Value {
    let error = schemas.of(component.interface, &method.error);
    let codes = ErrorCode::ALL.map(|code| code.name_and_status().0);
    let schema = json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": { "type": "string", "enum": codes },
            "message": { "type": "string" },
            "details": {
                "type": "array",
                "description": "Of an error of the method's own, itself.",
                "items": {
                    "type": "object",
                    "required": ["type", "value"],
                    "properties": {
                        "type": { "type": "string" },
                        "value": { "type": "string", "description": "The JSON of the error, in base64 without padding." },
                        "debug": error,
                    },
                },
            },
        },
    });
    schemas.named(&format!("{}.{}.Failure", component.name, method.name), schema)
}

fn parameters() -> Map<String, Value> {
    let header = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "header", "description": description, "schema": schema });
    let timeout = "Milliseconds that the caller waits: the call's deadline.";
    let key = "Makes a repeated request the same request: a method marked `once` has its effect once.";
    let trace = "The trace it belongs to (W3C Trace Context).";
    let key_schema = json!({ "type": "string", "minLength": 1, "maxLength": KEY_BYTES_MAX });
    Map::from_iter([
        (
            "ConnectTimeoutMs".to_owned(),
            header(
                "Connect-Timeout-Ms",
                timeout,
                json!({ "type": "integer", "minimum": 0, "maximum": 9_999_999_999_u64 }),
            ),
        ),
        ("IdempotencyKey".to_owned(), header("Idempotency-Key", key, key_schema)),
        (
            "Traceparent".to_owned(),
            header("traceparent", trace, json!({ "type": "string" })),
        ),
    ])
}

fn reference(of: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{of}/{name}") })
}
