//! Errors: one shape, whoever makes them.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

use crate::demo::World;

#[tokio::test]
async fn a_problem_speaks_rfc_9457_and_the_originals_words() {
    let world = World::new().await;
    let id = "00000000-0000-7000-8000-000000000000";
    let request = world.request(Method::GET, &format!("/notes/{id}")).header("X-Request-Id", "r-1");
    let reply = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let expected = json!({
        "type": "urn:garage:problem:not_found", "title": "Not Found", "status": 404, "detail": "there is no such note",
        "instance": format!("/notes/{id}"), "statusCode": 404, "message": "there is no such note", "error": "Not Found",
        "code": "not_found", "requestId": "r-1"
    });
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn a_client_that_knows_only_json_gets_json() {
    let world = World::new().await;
    for (accept, media) in [
        ("application/json", "application/json"),
        ("application/json, */*", "application/json"),
        ("application/problem+json, application/json", "application/problem+json"),
        ("*/*", "application/problem+json"),
    ] {
        let request =
            world.request(Method::GET, "/nowhere").header("Accept", accept).body(Body::empty()).unwrap();
        let reply = world.send(request).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::NOT_FOUND, media), "{accept}");
        assert_eq!(reply.json()["statusCode"], 404);
    }
}

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let reply = World::new().await.get("/nowhere?secret=1").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.json()["instance"], "/nowhere");
    assert_eq!(reply.json()["code"], "not_found");
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_lists_the_right_ones() {
    let reply = World::new().await.post("/limited", "{}").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.header("allow"), "GET,HEAD");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert_eq!(reply.json()["code"], "method_not_allowed");
}

#[tokio::test]
async fn a_passing_failure_is_503_with_a_time_to_come_back_and_no_internals() {
    let reply = World::new().await.get("/fail/passing").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.header("retry-after"), "2");
    assert!(!reply.text.contains("hunter2"), "{}", reply.text);
}

#[tokio::test]
async fn a_lasting_failure_is_500_and_no_internals() {
    let reply = World::new().await.get("/fail/lasting").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.json()["error"], "Internal Server Error");
    assert!(!reply.text.contains("column"), "{}", reply.text);
}

#[tokio::test]
async fn a_panic_is_500_and_the_next_request_is_served() {
    let world = World::new().await;
    let reply = world.get("/fail/panic").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!reply.text.contains("a mistake"), "{}", reply.text);
    assert_eq!(world.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_conflict_says_its_own_code() {
    let reply = World::new().await.get("/fail/otherwise").await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
    assert_eq!(reply.json()["code"], "wrong_state");
    assert_eq!(reply.json()["type"], "urn:garage:problem:wrong_state");
}

#[tokio::test]
async fn without_a_token_the_answer_says_how_to_send_one() {
    let world = World::new().await;
    let reply = world.send(Request::get("/notes").body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    assert_eq!(reply.json()["code"], "unauthorized");
}

#[tokio::test]
async fn with_a_wrong_role_the_answer_names_the_right_ones() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.token("tito", "technician"));
    let request =
        Request::post("/notes").header("Authorization", bearer).header("Content-Type", "application/json");
    let reply = world.send(request.body(r#"{"text": "hello"}"#.into()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(reply.json()["message"], "this takes one of the roles attendant, manager");
}

#[tokio::test]
async fn who_asks_too_often_waits_and_is_served_again() {
    let world = World::new().await;
    for _ in 0..3 {
        assert_eq!(world.get("/limited").await.status, StatusCode::NO_CONTENT);
    }
    let reply = world.get("/limited").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header("retry-after"), "20");
    world.clock.advance(chrono::TimeDelta::seconds(20));
    assert_eq!(world.get("/limited").await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get("/limited").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn validation_lists_a_sentence_for_each_field() {
    let reply = World::new().await.post("/notes", r#"{"priority": 10}"#).await;
    let told = reply.json();
    assert_eq!(told["title"], "Validation failed");
    assert_eq!(told["detail"], "2 fields are not valid");
    assert_eq!(told["message"], json!(["text is required", "priority must be a whole number from 1 to 9"]));
    assert_eq!(told["errors"][0], json!({"field": "text", "detail": "is required"}));
    assert_eq!(told.get("requestId").and_then(Value::as_str), Some(reply.header("x-request-id")));
}
