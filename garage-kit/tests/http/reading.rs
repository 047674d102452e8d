//! Bodies and parameters: what is refused, and in which words. Nothing that is sent brings the service down.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;

use crate::demo::World;

async fn refused(body: &str) -> (String, String) {
    let reply = World::new().await.post("/notes", body.to_owned()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}: {}", reply.text);
    let mut fields = reply.fields();
    assert_eq!(fields.len(), 1, "{body}: {}", reply.text);
    fields.remove(0)
}

#[tokio::test]
async fn a_field_that_is_not_right_is_named_with_what_would_be() {
    for (body, field, detail) in [
        (json!({}), "text", "is required"),
        (json!({"text": null}), "text", "is required"),
        (json!({"text": 5}), "text", "must be a text"),
        (json!({"text": "  "}), "text", "must have 1 to 20 characters"),
        (json!({"text": "x".repeat(21)}), "text", "must have 1 to 20 characters"),
        (json!({"text": "a\u{0}b"}), "text", "must not contain the NUL character"),
        (json!({"text": "a", "priority": 0}), "priority", "must be a whole number from 1 to 9"),
        (json!({"text": "a", "priority": 1.5}), "priority", "must be a whole number from 1 to 9"),
        (json!({"text": "a", "priority": 1e300}), "priority", "must be a whole number from 1 to 9"),
        (json!({"text": "a", "priority": "1"}), "priority", "must be a whole number from 1 to 9"),
        (json!({"text": "a", "lines": []}), "lines", "must be a list of 1 to 3 items"),
        (json!({"text": "a", "lines": {}}), "lines", "must be a list of 1 to 3 items"),
        (json!({"text": "a", "lines": [7]}), "lines[0]", "must be an object"),
        (
            json!({"text": "a", "lines": [{"words": "w", "count": 0}]}),
            "lines[0].count",
            "must be a whole number from 1 to 99",
        ),
        (json!({"text": "a", "owner": "me"}), "owner", "must be a UUID"),
        (json!({"text": "a", "owner": 1}), "owner", "must be a UUID"),
        (
            json!({"text": "a", "due": "tomorrow"}),
            "due",
            "must be a date and time with its zone, such as 2026-02-08T10:00:00Z",
        ),
        (json!({"text": "a", "extra": []}), "extra", "must be an object"),
        (
            json!({"text": "a", "extra": {"k": "v".repeat(100)}}),
            "extra",
            "must have at most 100 bytes as JSON",
        ),
        (json!({"text": "a", "extra": {"k": ["\u{0}"]}}), "extra.k[0]", "must not contain the NUL character"),
    ] {
        let (named, told) = refused(&body.to_string()).await;
        assert_eq!((named.as_str(), told.as_str()), (field, detail), "{body}");
    }
}

#[tokio::test]
async fn all_failing_fields_are_told_at_once() {
    let body = json!({"text": "", "priority": true, "lines": [{"count": 1}, {"words": "w"}], "owner": "x", "unknown": 1});
    let reply = World::new().await.post("/notes", body.to_string()).await;
    let fields: Vec<_> = reply.fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["text", "priority", "lines[0].words", "lines[1].count", "owner"]);
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_blanks_at_the_ends_go() {
    let reply = World::new().await.post("/notes", r#"{"text": "  hello ", "unknown": [{}]}"#).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    assert_eq!(reply.json()["text"], "hello");
}

#[tokio::test]
async fn text_that_is_no_json_says_where() {
    for (body, told) in [
        ("", "the body is empty"),
        ("{\n  \"text\" 1}", "line 2 column 10"),
        ("{\"text\": \"a\"} x", "trailing characters"),
        ("{\"text\": \"\\ud800\"}", "line 1"),
        ("{\"text\": 1e999}", "number out of range"),
        ("[]", "the body must be a JSON object"),
        ("7", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
    ] {
        let reply = World::new().await.post("/notes", body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(reply.json()["code"], "malformed");
        assert!(reply.json()["message"].as_str().unwrap().contains(told), "{body}: {}", reply.text);
    }
}

#[tokio::test]
async fn deep_nesting_is_refused_not_followed() {
    let world = World::new().await;
    for body in [
        "[".repeat(200_000),
        "{\"a\":".repeat(100_000),
        format!("{{\"extra\":{}1{}}}", "[".repeat(500), "]".repeat(500)),
    ] {
        assert_eq!(world.post("/notes", body).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_million_mistakes_make_a_short_answer() {
    let body = json!({"text": "a".repeat(500_000), "lines": vec![1; 100_000]});
    let reply = World::new().await.post("/notes", body.to_string()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.text.len() < 20_000, "{}", reply.text.len());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let reply = World::new().await.post("/notes", vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_media_type_is_415_and_json_relatives_are_fine() {
    let world = World::new().await;
    for (media, status) in [
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/x-www-form-urlencoded", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("application/json; charset=utf-8", StatusCode::CREATED),
        ("application/merge-patch+json", StatusCode::CREATED),
    ] {
        let request = world.request(Method::POST, "/notes").header("Content-Type", media);
        assert_eq!(
            world.send(request.body(r#"{"text": "a"}"#.into()).unwrap()).await.status,
            status,
            "{media}"
        );
    }
    let reply = world.send(world.request(Method::POST, "/notes").body("{}".into()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_413_whether_it_says_so_or_not() {
    let world = World::new().await;
    let large = vec![b' '; 1024 * 1024 + 1];
    let announced = world.json(Method::POST, "/echo").header("Content-Length", large.len());
    let reply = world.send(announced.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    for path in ["/echo", "/notes"] {
        let chunks = futures::stream::iter(
            large.chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
        );
        let reply = world.send(world.json(Method::POST, path).body(Body::from_stream(chunks)).unwrap()).await;
        assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(reply.json()["code"], "too_large");
    }
    assert_eq!(world.post("/echo", vec![b' '; 1024 * 1024]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_id_that_is_no_uuid_is_named() {
    let reply = World::new().await.get("/notes/17").await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.fields(), [("id".to_owned(), "must be a UUID".to_owned())]);
}

#[tokio::test]
async fn a_path_with_nul_or_broken_utf8_is_refused() {
    let world = World::new().await;
    assert_eq!(world.get("/fail/a%00b").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get("/fail/%ff").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_query_is_read_like_a_body() {
    let world = World::new().await;
    assert_eq!(world.get("/span?from=1&to=2&other=x").await.json(), json!([1, 2]));
    assert_eq!(world.get("/span?from=").await.json(), json!([null, null]));
    let named =
        |reply: crate::demo::Reply| reply.fields().into_iter().map(|(field, _)| field).collect::<Vec<_>>();
    assert_eq!(named(world.get("/span?from=x&to=%00").await), ["to"]);
    assert_eq!(named(world.get("/span?from=x&to=y").await), ["from", "to"]);
    assert_eq!(named(world.get("/span?from=3&to=2").await), ["to"]);
}
