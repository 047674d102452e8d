//! Time and ends: requests that never answer, streams, and the stop of the program.

use std::sync::Arc;

use axum::http::StatusCode;
use chrono::DateTime;
use futures::StreamExt;
use garage_kit::{http::serve, program::install_crypto, store::Message};
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use crate::demo::World;

async fn listening(world: &World) -> (String, JoinHandle<()>) {
    install_crypto();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = serve(listener, world.router.clone(), world.shutdown.clone());
    (address, tokio::spawn(async move { served.await.unwrap() }))
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn message(topic: &str) -> Arc<Message> {
    Arc::new(Message {
        id: Uuid::from_u128(7),
        kind: "notes".to_owned(),
        aggregate: Uuid::nil(),
        topic: topic.to_owned(),
        correlation: Uuid::nil(),
        causation: None,
        trace: None,
        source: "notes-service".to_owned(),
        version: 1,
        at: DateTime::UNIX_EPOCH,
        mandatory: false,
        body: "{\"eventType\":\"note.written\"}".to_owned(),
    })
}

#[tokio::test]
async fn a_handler_that_never_answers_is_given_up_after_thirty_seconds() {
    let world = World::new().await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let reply = world.get("/fail/never").await;
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("timed_out"))
    );
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(started.elapsed().as_secs(), 30);
}

#[tokio::test]
async fn a_stream_tells_what_passes_its_filter_and_ends_when_the_program_stops() {
    let world = World::new().await;
    let (address, serving) = listening(&world).await;
    let mut response = client().get(format!("{address}/watch")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    world.told.send(message("note.hidden")).unwrap();
    world.told.send(message("note.written")).unwrap();
    let event = String::from_utf8(response.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let expected = format!(
        "id: {}\nevent: note.written\ndata: {{\"eventType\":\"note.written\"}}\n\n",
        Uuid::from_u128(7)
    );
    assert_eq!(event, expected);
    world.shutdown.cancel();
    assert_eq!(response.chunk().await.unwrap(), None);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_cut_off() {
    let world = World::new().await;
    let request = axum::http::Request::get("/watch").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(world.router.clone(), request).await.unwrap();
    for _ in 0..3 {
        world.told.send(message("note.written")).unwrap();
    }
    let mut stream = response.into_body().into_data_stream();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn once_stopped_the_server_is_gone() {
    let world = World::new().await;
    let (address, serving) = listening(&world).await;
    let client = client();
    assert_eq!(client.get(format!("{address}/health")).send().await.unwrap().status(), 200);
    world.shutdown.cancel();
    serving.await.unwrap();
    assert!(client.get(format!("{address}/health")).send().await.is_err());
}

#[tokio::test]
async fn peers_are_told_apart_by_their_address_and_not_by_what_they_claim() {
    let world = World::new().await;
    let (address, _serving) = listening(&world).await;
    let mut statuses = Vec::new();
    for n in 0..4 {
        let request =
            client().get(format!("{address}/limited")).header("X-Forwarded-For", format!("10.0.0.{n}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [204, 204, 204, 429]);
}
