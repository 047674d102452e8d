//! Lists, a page at a time.

use axum::http::StatusCode;

use crate::demo::{Reply, World};

async fn with_notes(texts: &[&str]) -> World {
    let world = World::new().await;
    for text in texts {
        assert_eq!(
            world.post("/notes", format!(r#"{{"text": "{text}"}}"#)).await.status,
            StatusCode::CREATED
        );
    }
    world
}

fn texts(reply: &Reply) -> Vec<String> {
    reply.json().as_array().unwrap().iter().map(|note| note["text"].as_str().unwrap().to_owned()).collect()
}

/// The target of the link to the next page.
fn next(reply: &Reply) -> Option<String> {
    let (target, rest) = reply.header("link").strip_prefix('<')?.split_once('>')?;
    assert_eq!(rest, "; rel=\"next\"");
    Some(target.to_owned())
}

#[tokio::test]
async fn the_links_lead_through_every_item_once() {
    let world = with_notes(&["e", "a", "c", "b", "d"]).await;
    let (mut path, mut seen, mut pages) = (Some("/notes?limit=2&other=x%20y".to_owned()), Vec::new(), 0);
    while let Some(page) = path {
        let reply = world.get(&page).await;
        assert_eq!(reply.status, StatusCode::OK, "{page}: {}", reply.text);
        seen.extend(texts(&reply));
        path = next(&reply);
        pages += 1;
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn a_link_keeps_the_other_parameters_and_replaces_the_cursor() {
    let world = with_notes(&["a", "b", "c"]).await;
    let first = next(&world.get("/notes?q=x%26y&limit=1").await).unwrap();
    assert!(first.starts_with("/notes?q=x%26y&limit=1&cursor="), "{first}");
    let second = next(&world.get(&first).await).unwrap();
    assert_eq!(second.matches("cursor=").count(), 1, "{second}");
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_page_that_ends_exactly_with_the_list_has_no_next() {
    let world = with_notes(&["a", "b"]).await;
    let reply = world.get("/notes?limit=2").await;
    assert_eq!(texts(&reply), ["a", "b"]);
    assert_eq!(next(&reply), None);
}

#[tokio::test]
async fn an_empty_list_is_an_empty_array() {
    let reply = World::new().await.get("/notes").await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, "[]"));
}

#[tokio::test]
async fn a_limit_or_cursor_that_is_none_is_named() {
    let world = World::new().await;
    for limit in ["0", "201", "-1", "x", "1.0", "99999999999999999999"] {
        let reply = world.get(&format!("/notes?limit={limit}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{limit}");
        assert_eq!(reply.fields()[0].0, "limit");
    }
    for cursor in ["x", "!!!!", "AAAA", "bm90IGFuIGlkIGF0IGFsbCBidXQgbG9uZyBlbm91Z2ggZm9yIG9uZQ"] {
        let reply = world.get(&format!("/notes?cursor={cursor}")).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{cursor}");
        assert_eq!(reply.fields()[0].0, "cursor");
    }
    assert_eq!(world.get("/notes?limit=200").await.status, StatusCode::OK);
}
