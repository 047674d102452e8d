//! What the service says of itself.

use std::collections::BTreeSet;

use axum::{body::Body, http::Method};
use serde_json::Value;

use crate::world::{Who, World, on_each_store};

on_each_store! {
    the_document_describes_every_route_and_every_answer
    the_service_is_well_without_a_token
}

const ROUTES: [&str; 22] = [
    "get /dead-letters",
    "get /dead-letters/audit",
    "get /dead-letters/{id}",
    "post /dead-letters/discard",
    "post /dead-letters/replay",
    "get /executions",
    "get /executions/queue",
    "get /executions/work-order/{workOrderId}",
    "get /executions/{id}",
    "get /queue",
    "get /queue/statistics",
    "patch /executions/{id}",
    "post /executions",
    "post /executions/{id}/complete",
    "post /executions/{id}/complete-diagnosis",
    "post /executions/{id}/complete-repair",
    "post /executions/{id}/fail",
    "post /executions/{id}/nudge",
    "post /executions/{id}/start-diagnosis",
    "post /executions/{id}/start-repair",
    "post /executions/{id}/start-testing",
    "get /events",
];

async fn the_document_describes_every_route_and_every_answer(world: World) {
    let document = world
        .send(world.request(Who::Nobody, Method::GET, "/openapi.json").body(Body::empty()).unwrap())
        .await
        .body;
    assert_eq!(
        (&document["openapi"], &document["info"]["title"]),
        (&"3.1.0".into(), &"Garage: Execution Service".into())
    );
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, route) in methods.as_object().unwrap() {
            found.insert(format!("{method} {path}"));
            described(&format!("{method} {path}"), route);
        }
    }
    assert!(ROUTES.iter().all(|route| found.contains(*route)), "{found:?}");
    let mut references = Vec::new();
    referred_to(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn described(name: &str, route: &Value) {
    assert_ne!(route["summary"], Value::Null, "{name}");
    for (status, response) in route["responses"].as_object().unwrap() {
        assert_ne!(response["description"], "", "{name} {status}");
    }
    let parameters: Vec<_> =
        route["parameters"].as_array().into_iter().flatten().map(|one| &one["name"]).collect();
    let distinct: BTreeSet<_> = parameters.iter().map(|name| name.as_str()).collect();
    assert_eq!(parameters.len(), distinct.len(), "{name}: {parameters:?}");
}

fn referred_to<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str));
            object.values().for_each(|value| referred_to(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| referred_to(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn the_service_is_well_without_a_token(world: World) {
    let reply =
        world.send(world.request(Who::Nobody, Method::GET, "/health").body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.body["status"].as_str()), (200, Some("ok")));
    assert_eq!(reply.body["service"], "execution-service");
}
