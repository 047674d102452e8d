//! Clients who mean harm: slow ones, loud ones, and those who try tokens out. None of them is a failure of ours, and
//! none keeps others waiting.

use axum::{
    Router,
    http::{Method, Request, StatusCode, header},
};
use garage_kit::{http::serve, program::install_crypto};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::demo::World;

/// A connection to the little service, as any program may open one.
async fn connection(world: &World) -> TcpStream {
    connection_to(world, world.router.clone()).await
}

async fn connection_to(world: &World, router: Router) -> TcpStream {
    install_crypto();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = world.shutdown.clone();
    tokio::spawn(async move { serve(listener, router, shutdown).await.unwrap() });
    TcpStream::connect(address).await.unwrap()
}

/// All that comes back until the other side hangs up.
async fn answer(connection: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // Who is cut off while still writing may see a reset; what came before it counts.
    let _ = connection.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

async fn said(world: &World, request: &str) -> String {
    let mut connection = connection(world).await;
    let _ = connection.write_all(request.as_bytes()).await;
    answer(&mut connection).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

#[tokio::test]
async fn who_is_slow_to_say_what_they_want_is_let_go() {
    let world = World::new().await;
    let mut connection = connection(&world).await;
    connection.write_all(b"GET /health HTTP/1.1\r\nHost: shop\r\nX-Slow: ").await.unwrap();
    tokio::time::pause();
    let begun = Instant::now();
    let told = answer(&mut connection).await;
    assert!(told.is_empty() || status(&told) == "408", "{told}");
    assert_eq!(begun.elapsed().as_secs(), 30);
}

/// More than the system keeps for a connection.
#[tokio::test]
async fn who_does_not_read_the_answer_is_let_go() {
    const LONG: usize = 64 * 1024 * 1024;
    let world = World::new().await;
    let router = world.router.clone().route("/long", axum::routing::get(async || vec![b'x'; LONG]));
    let mut connection = connection_to(&world, router).await;
    connection.write_all(b"GET /long HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").await.unwrap();
    connection.readable().await.unwrap();
    tokio::time::pause();
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    let told = answer(&mut connection).await;
    assert!(told.len() < LONG, "{}", told.len());
}

#[tokio::test]
async fn who_is_slow_to_send_a_body_is_told_so() {
    let world = World::new().await;
    let mut connection = connection(&world).await;
    let head = "POST /echo HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\nConnection: close\r\n\r\n12";
    connection.write_all(head.as_bytes()).await.unwrap();
    tokio::time::pause();
    let begun = Instant::now();
    let told = answer(&mut connection).await;
    assert_eq!(status(&told), "408", "{told}");
    assert!(told.contains("too_slow"), "{told}");
    assert_eq!(begun.elapsed().as_secs(), 20);
}

#[tokio::test]
async fn who_is_refused_before_all_was_read_is_told_that_the_connection_ends() {
    let world = World::new().await;
    let half = "POST /nowhere HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\n12";
    let told = said(&world, half).await;
    assert_eq!(status(&told), "404", "{told}");
    assert!(told.contains("\r\nconnection: close\r\n"), "{told}");

    let head = format!(
        "POST /notes HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {}\r\nContent-Type: application/json",
        world.token("ana", "manager")
    );
    let whole = format!("{head}\r\nContent-Length: 2\r\n\r\n[]");
    let in_chunks = format!("{head}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
    let last = "GET /nowhere HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n";
    let told = said(&world, &format!("{whole}{in_chunks}{last}")).await;
    assert_eq!(told.matches("HTTP/1.1 400").count(), 2, "{told}");
    assert_eq!(told.matches("\r\nconnection: close\r\n").count(), 1, "who sent all may go on: {told}");
}

#[tokio::test]
async fn a_flood_of_headers_or_a_huge_one_is_refused() {
    let world = World::new().await;
    let flood: String = (0..500).map(|n| format!("X-{n}: x\r\n")).collect();
    let huge = format!("X-Huge: {}\r\n", "x".repeat(200_000));
    for headers in [flood, huge] {
        let told = said(
            &world,
            &format!("GET /health HTTP/1.1\r\nHost: shop\r\n{headers}Connection: close\r\n\r\n"),
        )
        .await;
        assert_eq!(status(&told), "431", "{}", told.lines().next().unwrap_or_default());
    }
}

#[tokio::test]
async fn a_huge_query_is_refused_or_read_and_never_a_failure_of_ours() {
    let world = World::new().await;
    for length in [1_000, 30_000, 60_000, 70_000, 1_000_000] {
        let query = "a=1&".repeat(length / 4);
        let told =
            said(&world, &format!("GET /span?{query} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"))
                .await;
        assert!(["200", "204", "400", "414", "431"].contains(&status(&told)), "{length}: {}", status(&told));
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let world = World::new().await;
    for noise in [
        "\r\n\r\n\0\0\0\0",
        "GET\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let told = said(&world, noise).await;
        assert!(told.is_empty() || status(&told).starts_with('4'), "{noise:?}: {told}");
    }
}

#[tokio::test]
async fn two_lengths_of_one_body_are_refused() {
    let world = World::new().await;
    for lengths in
        ["Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: x\r\n", "Content-Length: -1\r\n"]
    {
        let told = said(&world, &format!("POST /echo HTTP/1.1\r\nHost: shop\r\n{lengths}\r\n12345")).await;
        assert_eq!(status(&told), "400", "{lengths}: {told}");
    }
}

#[tokio::test]
async fn a_bomb_of_nested_json_is_refused() {
    let world = World::new().await;
    for bomb in ["[", "{\"a\":", "{\"text\":[", "[[{\"a\":["] {
        let reply = world.post("/notes", bomb.repeat(500_000 / bomb.len())).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{bomb}");
        assert!(reply.text.len() < 2_000, "{}", reply.text.len());
    }
}

#[tokio::test]
async fn no_other_site_s_script_reads_an_answer() {
    let world = World::new().await;
    let origin = |method, path| world.request(method, path).header(header::ORIGIN, "https://evil.example");
    let preflight = origin(Method::OPTIONS, "/notes").header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    for request in [origin(Method::GET, "/notes"), preflight] {
        let reply = world.send(request.body("".into()).unwrap()).await;
        assert!(
            !reply.headers.keys().any(|name| name.as_str().starts_with("access-control")),
            "{:?}",
            reply.headers
        );
    }
}

#[tokio::test]
async fn every_answer_says_that_it_is_no_page_to_be_framed_or_guessed_at() {
    let world = World::new().await;
    for path in ["/notes", "/nowhere", "/health", "/metrics", "/openapi.json", "/fail/panic"] {
        let reply = world.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
    }
}

async fn with_token(world: &World, token: &str) -> (u16, String) {
    let request = Request::get("/notes").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let reply = world.send(request.body("".into()).unwrap()).await;
    (reply.status.as_u16(), reply.header("retry-after").to_owned())
}

#[tokio::test]
async fn who_is_wrong_about_tokens_too_often_must_wait_and_the_neighbours_need_not() {
    let world = World::new().await;
    for attempt in 0..300 {
        assert_eq!(with_token(&world, &format!("guess-{attempt}")).await.0, 401, "{attempt}");
    }
    assert_eq!(with_token(&world, "one more").await, (429, "1".to_owned()));
    let right = world.token("ana", "manager");
    assert_eq!(
        with_token(&world, &right).await.0,
        200,
        "a right token is not refused for a neighbour's wrong ones"
    );
    world.clock.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(with_token(&world, "again").await.0, 401);
}

#[tokio::test]
async fn who_may_not_is_not_who_is_wrong() {
    let world = World::new().await;
    let body = || r#"{"text":"x"}"#.into();
    let technician = world.token("tito", "technician");
    for _ in 0..400 {
        let request = Request::post("/notes").header(header::AUTHORIZATION, format!("Bearer {technician}"));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body()).unwrap();
        assert_eq!(world.send(request).await.status, StatusCode::FORBIDDEN);
    }
}
