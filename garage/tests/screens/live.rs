//! Pages that change by themselves: what one browser does, the others are told, each only what it may know.

use std::time::Duration;

use reqwest::Response;
use tokio::time::timeout;

use crate::{
    browser::Browser,
    journey::{NEW, customer, take_in},
    world::{World, until_it_shows},
};

/// Reads a stream until it says this.
async fn until_it_says(stream: &mut Response, words: &str) -> String {
    let mut said = String::new();
    let reading = async {
        while !said.contains(words) {
            said.push_str(&String::from_utf8_lossy(
                &stream.chunk().await.unwrap().expect("the stream ended"),
            ));
        }
    };
    let read = timeout(Duration::from_secs(30), reading).await;
    assert!(read.is_ok(), "the stream never says {words:?}: {said}");
    said
}

fn order_of(browser: &Browser) -> String {
    browser.path.split(['/', '?']).nth(2).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_tab_is_told_what_another_browser_has_done() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let mut board = desk.stream("/live").await;
    until_it_says(&mut board, "open").await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    until_it_says(&mut board, &format!("data: {}", order_of(&desk))).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_s_page_is_told_of_its_own_order_alone() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    let mine = order_of(&desk);
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Registrar aprovação").await;
    let phone = customer(&world, &desk).await;
    let mut stream = phone.stream(&format!("{}/live", phone.path)).await;
    until_it_says(&mut stream, "open").await;
    let mut other = world.manager().await;
    take_in(&mut other, "XYZ9A87", &NEW).await;
    let theirs = order_of(&other);
    desk.press("Registrar aprovação", &[]).await;
    let said = until_it_says(&mut stream, &format!("data: {mine}")).await;
    assert!(!said.contains(&theirs), "{said}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_page_that_objects_to_a_form_is_marked_until_it_is_asked_for_again() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Registrar aprovação").await;
    let refusal = desk.form_of("Registrar recusa").unwrap();
    desk.press("Registrar aprovação", &[]).await;
    assert!(!desk.html.contains("data-answer"), "nothing is objected to");
    desk.send(&refusal, &[]).await;
    assert!(desk.status.is_client_error(), "{}: {}", desk.status, desk.text());
    assert!(desk.html.contains("data-answer") && desk.html.contains("data-live"), "{}", desk.html);
    let path = desk.path.clone();
    assert!(!desk.open(&path).await.html.contains("data-answer"));
    world.close().await;
}
