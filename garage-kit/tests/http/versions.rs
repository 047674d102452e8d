//! Versions: who decided on an old one is told.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};

use crate::demo::{Reply, World};

async fn note(world: &World) -> String {
    let reply = world.post("/notes", r#"{"text": "first"}"#).await;
    assert_eq!((reply.status, reply.header("etag")), (StatusCode::CREATED, "\"1\""));
    reply.header("location").to_owned()
}

async fn put(world: &World, path: &str, text: &str, if_match: Option<&str>) -> Reply {
    let mut request = world.json(Method::PUT, path);
    if let Some(tag) = if_match {
        request = request.header("If-Match", tag);
    }
    world.send(request.body(format!(r#"{{"text": "{text}"}}"#).into()).unwrap()).await
}

async fn get(world: &World, path: &str, if_none_match: &str) -> Reply {
    let request = world.request(Method::GET, path).header("If-None-Match", if_none_match);
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_current_version_may_be_changed_and_a_passed_one_may_not() {
    let world = World::new().await;
    let path = note(&world).await;
    let changed = put(&world, &path, "second", Some("\"1\"")).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    let stale = put(&world, &path, "third", Some("\"1\"")).await;
    assert_eq!(
        (stale.status, stale.json()["code"].as_str()),
        (StatusCode::PRECONDITION_FAILED, Some("stale"))
    );
    assert_eq!(world.get(&path).await.json()["text"], "second");
}

#[tokio::test]
async fn who_names_no_version_or_any_changes_the_current_one() {
    let world = World::new().await;
    let path = note(&world).await;
    assert_eq!(put(&world, &path, "second", None).await.status, StatusCode::OK);
    assert_eq!(put(&world, &path, "third", Some("*")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_tag_that_we_never_gave_is_refused() {
    let world = World::new().await;
    let path = note(&world).await;
    for tag in ["1", "\"x\"", "W/\"1\"", "", "\"1\", \"2\""] {
        assert_eq!(put(&world, &path, "second", Some(tag)).await.status, StatusCode::BAD_REQUEST, "{tag}");
    }
}

#[tokio::test]
async fn who_has_the_newest_version_is_not_sent_it_again() {
    let world = World::new().await;
    let path = note(&world).await;
    for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let reply = get(&world, &path, tag).await;
        assert_eq!(
            (reply.status, reply.header("etag"), reply.text.as_str()),
            (StatusCode::NOT_MODIFIED, "\"1\"", ""),
            "{tag}"
        );
    }
    assert_eq!(get(&world, &path, "\"2\"").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_its_handler_says_not_to_store_is_sent_in_full() {
    let world = World::new().await;
    let path = note(&world).await;
    for tag in ["\"1\"", "*"] {
        let reply = get(&world, &format!("{path}/moving"), tag).await;
        assert_eq!((reply.status, reply.header("etag")), (StatusCode::OK, "\"1\""), "{tag}");
        assert_eq!(
            (reply.json()["text"].as_str(), reply.header("cache-control")),
            (Some("first"), "no-store")
        );
    }
}
