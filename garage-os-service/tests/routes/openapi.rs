//! `/openapi.json`: what a client's generator reads.

use serde_json::{Value, json};

use crate::shop::Shop;

async fn document() -> Value {
    Shop::new().await.get("/openapi.json").await.ok()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, operations)| {
            operations
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        })
        .collect()
}

#[tokio::test]
async fn the_document_says_whose_it_is() {
    let document = document().await;
    assert_eq!(
        (&document["openapi"], &document["info"]["title"]),
        (&json!("3.1.0"), &json!("Garage: OS Service"))
    );
    assert_eq!(document["info"]["license"]["identifier"], "MIT OR Apache-2.0");
}

#[tokio::test]
async fn every_operation_has_a_name_a_tag_that_is_explained_and_described_answers() {
    let document = document().await;
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    for (name, operation) in operations(&document) {
        assert!(operation["summary"].is_string(), "{name}");
        assert!(tags.contains(&operation["tags"][0]), "{name}: {}", operation["tags"]);
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{name} {status}");
        }
    }
}

#[tokio::test]
async fn operations_are_told_apart_by_their_ids() {
    let document = document().await;
    let mut ids: Vec<_> =
        operations(&document).iter().map(|(_, operation)| operation["operationId"].to_string()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "{ids:?}");
}

#[tokio::test]
async fn every_parameter_of_a_path_and_every_filter_is_documented() {
    let document = document().await;
    let names = |path: &str, method: &str| -> Vec<String> {
        let parameters =
            document["paths"][path][method]["parameters"].as_array().cloned().unwrap_or_default();
        let names = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    assert_eq!(
        names("/work-orders", "get"),
        ["cursor", "customerId", "limit", "q", "status", "stuck", "vehicleId"]
    );
    assert_eq!(names("/work-orders", "post"), ["Idempotency-Key"]);
    assert_eq!(names("/vehicles/customer/{customerId}", "get"), ["cursor", "customerId", "limit"]);
    assert_eq!(names("/public/work-orders/{id}/status", "get"), ["document", "id"]);
    for (name, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for wanted in name.split(['{', '}']).skip(1).step_by(2) {
            assert!(parameters.iter().any(|parameter| parameter["name"] == wanted), "{name}");
        }
    }
}

#[tokio::test]
async fn the_document_refers_to_nothing_that_is_missing() {
    let document = document().await;
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for schema in ["Customer", "Vehicle", "WorkOrder", "NewWorkOrder", "Moment", "Progress", "Problem"] {
        assert!(document["components"]["schemas"].get(schema).is_some(), "{schema}");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn no_field_has_an_underscore() {
    let document = document().await;
    let mut names = Vec::new();
    properties(&document["components"]["schemas"], &mut names);
    let odd: Vec<_> = names.iter().filter(|name| name.contains('_')).collect();
    assert!(names.len() > 50 && odd.is_empty(), "{odd:?}");
}

fn properties(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let named = object.get("properties").and_then(Value::as_object);
            found.extend(named.into_iter().flat_map(|named| named.keys().cloned()));
            object.values().for_each(|value| properties(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| properties(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
