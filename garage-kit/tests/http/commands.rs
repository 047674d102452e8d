//! Commands that may be repeated.

use axum::http::{Method, StatusCode};

use crate::demo::{Reply, World};

async fn write(world: &World, key: &str, body: &str) -> Reply {
    let request = world.json(Method::POST, "/notes").header("Idempotency-Key", key);
    world.send(request.body(body.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn the_same_key_and_body_have_one_effect_and_the_same_answer() {
    let world = World::new().await;
    let first = write(&world, "k-1", r#"{"text": "a", "priority": 1}"#).await;
    let again = write(&world, "k-1", r#"{ "priority":1, "text":"a" }"#).await;
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(world.get("/notes").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let world = World::new().await;
    write(&world, "k-1", r#"{"text": "a"}"#).await;
    let reply = write(&world, "k-1", r#"{"text": "b"}"#).await;
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (StatusCode::CONFLICT, Some("idempotency_key_reused"))
    );
}

#[tokio::test]
async fn requests_that_race_with_one_key_have_one_effect() {
    let world = World::new().await;
    let racing = (0..8).map(|_| write(&world, "k-1", r#"{"text": "a"}"#));
    let replies = futures::future::join_all(racing).await;
    assert!(replies.iter().all(|reply| reply.status == StatusCode::CREATED && reply.text == replies[0].text));
    assert_eq!(world.get("/notes").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn another_callers_same_key_is_another_key() {
    let world = World::new().await;
    let first = write(&world, "k-1", r#"{"text": "a"}"#).await;
    let bearer = format!("Bearer {}", world.token("bia", "attendant"));
    let request =
        axum::http::Request::post("/notes").header("Authorization", bearer).header("Idempotency-Key", "k-1");
    let request = request.header("Content-Type", "application/json").body(r#"{"text": "b"}"#.into()).unwrap();
    let other = world.send(request).await;
    assert_eq!(other.status, StatusCode::CREATED);
    assert_ne!(other.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn without_a_key_every_command_has_its_effect() {
    let world = World::new().await;
    let first = world.post("/notes", r#"{"text": "a"}"#).await;
    let second = world.post("/notes", r#"{"text": "a"}"#).await;
    assert_ne!(first.json()["id"], second.json()["id"]);
}

#[tokio::test]
async fn the_quoted_key_of_the_draft_is_the_bare_key() {
    let world = World::new().await;
    let bare = write(&world, "k-1", r#"{"text": "a"}"#).await;
    assert_eq!(write(&world, "\"k-1\"", r#"{"text": "a"}"#).await.text, bare.text);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let world = World::new().await;
    for key in [String::new(), "\"\"".to_owned(), "a b".to_owned(), "x".repeat(256), "é".to_owned()] {
        let reply = write(&world, &key, r#"{"text": "a"}"#).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{key}");
        assert_eq!(reply.fields()[0].0, "Idempotency-Key");
    }
    assert_eq!(write(&world, &"x".repeat(255), r#"{"text": "a"}"#).await.status, StatusCode::CREATED);
}
