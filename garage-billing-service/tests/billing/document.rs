//! The service's own description, which clients are made from.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::Value;

use crate::world::{World, text};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

async fn document() -> Value {
    World::sqlite().await.get("/openapi.json").await.expect(StatusCode::OK).clone()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let named = paths.iter().flat_map(|(path, item)| METHODS.map(|method| (path, method, &item[method])));
    named
        .filter(|(_, _, operation)| operation.is_object())
        .map(|(path, method, operation)| (format!("{method} {path}"), operation))
        .collect()
}

#[tokio::test]
async fn every_route_has_a_name_of_its_own_a_summary_and_described_answers() {
    let document = document().await;
    let mut names = BTreeSet::new();
    for (route, operation) in operations(&document) {
        assert!(names.insert(text(&operation["operationId"])), "{route}: its name is taken");
        assert!(!text(&operation["summary"]).is_empty(), "{route} says nothing of itself");
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.values().all(|answer| !text(&answer["description"]).is_empty()), "{route}");
        let path = route.split_once(' ').unwrap().1;
        if !path.starts_with("/health") && path != "/metrics" {
            assert!(answers.contains_key("4XX"), "{route} says nothing of refusals");
        }
    }
}

#[tokio::test]
async fn the_routes_are_those_of_the_specification() {
    let document = document().await;
    let routes: BTreeSet<String> = operations(&document).into_iter().map(|(route, _)| route).collect();
    for wanted in [
        "post /quotes",
        "get /quotes",
        "get /quotes/{id}",
        "get /quotes/work-order/{workOrderId}",
        "put /quotes/{id}",
        "put /quotes/{id}/approve",
        "patch /quotes/{id}/approve",
        "put /quotes/{id}/reject",
        "patch /quotes/{id}/reject",
        "put /quotes/{id}/send",
        "patch /quotes/{id}/send",
        "post /quotes/{id}/nudge",
        "post /payments",
        "get /payments",
        "get /payments/{id}",
        "get /payments/work-order/{workOrderId}",
        "patch /payments/{id}/verify",
        "get /parts",
        "post /parts",
        "get /parts/low-stock",
        "get /parts/missing",
        "get /parts/work-order/{workOrderId}",
        "get /parts/{id}/reservations",
        "get /parts/{id}",
        "put /parts/{id}",
        "patch /parts/{id}",
        "delete /parts/{id}",
        "put /parts/{id}/stock",
        "patch /parts/{id}/stock",
        "get /services",
        "post /services",
        "get /services/{id}",
        "put /services/{id}",
        "patch /services/{id}",
        "delete /services/{id}",
        "get /events",
        "get /health",
    ] {
        assert!(routes.contains(wanted), "{wanted} is missing");
    }
}

#[tokio::test]
async fn every_schema_that_is_named_is_there() {
    let document = document().await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    for name in named.collect::<BTreeSet<_>>() {
        assert!(schemas.contains_key(name), "{name} is described nowhere");
    }
}
