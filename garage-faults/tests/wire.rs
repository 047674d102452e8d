//! What a hand on a wire does to those at its ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot begin must stop")]

use std::time::Duration;

use garage_faults::wire::{Mode, Wire};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// A server that says everything again, and a wire to it.
async fn echo() -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = client.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    Wire::to(far, false).await.unwrap()
}

/// What is answered to these words; none when the connection ends first.
async fn ask(client: &mut TcpStream, words: &str) -> Option<String> {
    client.write_all(words.as_bytes()).await.ok()?;
    let mut answer = vec![0; words.len()];
    client.read_exact(&mut answer).await.ok()?;
    String::from_utf8(answer).ok()
}

#[tokio::test]
async fn a_cut_wire_ends_what_is_connected_and_lets_the_next_one_in() {
    let wire = echo().await;
    let mut client = TcpStream::connect(wire.near()).await.unwrap();
    assert_eq!(ask(&mut client, "hello").await.as_deref(), Some("hello"));
    wire.cut();
    assert_eq!(ask(&mut client, "hello").await, None);
    let mut next = TcpStream::connect(wire.near()).await.unwrap();
    assert_eq!(ask(&mut next, "hello").await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_stalled_wire_says_nothing_until_it_goes_on() {
    let wire = echo().await;
    let mut client = TcpStream::connect(wire.near()).await.unwrap();
    wire.set(Mode::Stall);
    client.write_all(b"hello").await.unwrap();
    let mut answer = [0; 5];
    assert!(timeout(Duration::from_millis(100), client.read_exact(&mut answer)).await.is_err());
    wire.set(Mode::Pass);
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello");
}

#[tokio::test]
async fn the_answer_to_a_doomed_question_gets_lost_once() {
    let wire = echo().await;
    wire.lose_answers_to(b"COMMIT", 1);
    let mut client = TcpStream::connect(wire.near()).await.unwrap();
    assert_eq!(ask(&mut client, "BEGIN").await.as_deref(), Some("BEGIN"));
    assert_eq!(ask(&mut client, "COMMIT").await, None);
    let mut again = TcpStream::connect(wire.near()).await.unwrap();
    assert_eq!(ask(&mut again, "COMMIT").await.as_deref(), Some("COMMIT"));
    assert_eq!(wire.lost(), 1);
}
