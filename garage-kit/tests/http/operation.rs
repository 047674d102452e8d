//! What operators and their tools find in every service.

use std::{
    io::Write,
    sync::{Arc, Mutex, atomic::Ordering},
};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

use crate::demo::World;

#[tokio::test]
async fn health_says_who_answers_and_how_it_is() {
    let world = World::new().await;
    let well = json!({"status": "ok", "service": "notes-service", "timestamp": "2026-02-08T10:00:00.000Z", "checks": {"database": "ok"}});
    assert_eq!(world.get("/health").await.json(), well);
    assert_eq!(world.get("/health/ready").await.json(), well);
}

#[tokio::test]
async fn a_database_that_is_away_makes_it_unready_and_degraded_but_alive() {
    let world = World::new().await;
    world.database.store(false, Ordering::SeqCst);
    let ready = world.get("/health/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["checks"], json!({"database": "degraded"}));
    assert!(!ready.text.contains("hunter2"));
    let health = world.get("/health").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (StatusCode::OK, Some("degraded")));
    assert_eq!(world.get("/health/live").await.json()["status"], "ok");
}

#[tokio::test]
async fn health_and_metrics_ask_for_no_token() {
    let world = World::new().await;
    for path in ["/health", "/health/live", "/health/ready", "/metrics", "/openapi.json", "/api/"] {
        let reply = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_duration_of_every_request_is_measured_by_route() {
    let world = World::new().await;
    world.get("/notes/17").await;
    world.get("/notes/18").await;
    world.get("/nowhere/at/all").await;
    let metrics = world.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for line in [
        r#"http_server_request_duration_seconds_count{method="GET",route="/notes/{id}",status="400"} 2"#,
        r#"http_server_request_duration_seconds_count{method="GET",route="unknown",status="404"} 1"#,
        "# EOF",
    ] {
        assert!(metrics.text.contains(line), "{line}: {}", metrics.text);
    }
}

#[tokio::test]
async fn a_made_up_method_is_counted_as_other() {
    let world = World::new().await;
    world.send(Request::builder().method("BREW").uri("/notes").body(Body::empty()).unwrap()).await;
    assert!(world.get("/metrics").await.text.contains(r#"method="OTHER""#));
}

#[tokio::test]
async fn a_sane_request_id_comes_back_and_others_are_replaced() {
    let world = World::new().await;
    let send = |id: &str| {
        world.send(
            world.request(Method::GET, "/health").header("X-Request-Id", id).body(Body::empty()).unwrap(),
        )
    };
    assert_eq!(send("abc-1").await.header("x-request-id"), "abc-1");
    assert_eq!(send(&"x".repeat(128)).await.header("x-request-id"), "x".repeat(128));
    for id in ["", "a b", &"x".repeat(129), "é"] {
        let made = send(id).await;
        assert_eq!(made.header("x-request-id").len(), 32, "{id}");
    }
    let (one, other) = (world.get("/health").await, world.get("/health").await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}

#[tokio::test]
async fn what_is_for_one_caller_is_stored_nowhere() {
    let world = World::new().await;
    let reply = world.get("/notes").await;
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn the_document_knows_the_routes_the_problem_and_the_token() {
    let document = World::new().await.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/notes", "/notes/{id}", "/health", "/health/live", "/health/ready", "/metrics"] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
    let schemas = &document["components"]["schemas"];
    for schema in ["Problem", "FieldError", "Note", "NewNote", "Line"] {
        assert!(schemas.get(schema).is_some(), "{schema}: {schemas:#}");
    }
    assert_eq!(document["security"], json!([{"bearer": []}]));
    assert_eq!(document["paths"]["/health"]["get"]["security"], json!([{}]));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn the_document_is_complete_and_refers_to_nothing_that_is_missing() {
    let document = World::new().await.get("/openapi.json").await.json();
    let write = &document["paths"]["/notes"]["post"];
    let problem = &write["responses"]["4XX"]["content"]["application/problem+json"]["schema"];
    assert_eq!(problem["$ref"], "#/components/schemas/Problem");
    assert_eq!(write["parameters"][0]["name"], "Idempotency-Key");
    assert_eq!(document["paths"]["/span"]["get"]["parameters"][1]["name"], "to");
    let change = &document["paths"]["/notes/{id}"]["put"]["parameters"];
    assert_eq!(change[0]["name"], "If-Match");
    let id =
        json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}});
    assert_eq!(change[1], id);
    assert_eq!(document["paths"]["/notes/{id}"]["get"]["operationId"], "getNotesById");
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
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
async fn the_api_page_is_served_from_within() {
    let world = World::new().await;
    let redirect = world.get("/api").await;
    assert_eq!((redirect.status, redirect.header("location")), (StatusCode::SEE_OTHER, "/api/"));
    let page = world.get("/api/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    let script = world.get("/api/swagger-initializer.js").await;
    assert!(script.text.contains("/openapi.json"));
}

/// What a log has been told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_and_the_causes_of_each_failure() {
    let log = Log::default();
    let writer = log.clone();
    let format = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone());
    // For the whole process: scoped logs of tests that run beside each other disturb one another.
    tracing::subscriber::set_global_default(format.finish()).unwrap();
    let world = World::new().await;
    let request = world.request(Method::GET, "/fail/passing?secret=hunter3").header("X-Request-Id", "r-log");
    world.send(request.body(Body::empty()).unwrap()).await;
    let written = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = lines.iter().find(|line| line["span"]["request_id"] == "r-log").unwrap();
    assert_eq!(failed["failure"], "asking: postgres://hunter2@db is away");
    let answered = lines.iter().find(|line| line["request_id"] == "r-log").unwrap();
    let told = ["message", "method", "route", "status"].map(|name| &answered[name]);
    assert_eq!(told, [&json!("answered"), &json!("GET"), &json!("/fail/{how}"), &json!(503)]);
    assert!(answered["ms"].is_number() && !written.contains("hunter3"), "{written}");
}
