//! Mail to customers, through a server that a test holds: what is sent, how often, and what the order says of it.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use garage::shop::At;
use reqwest::StatusCode;
use serde_json::json;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    browser::{Browser, NOT_SENT},
    journey::{NEW, take_in},
    post::{Mood, PASSWORD, Post, readable},
    world::{World, until_it_shows},
};

async fn open(post: &Post) -> (World, Browser) {
    let world = World::open_with(post.settings()).await;
    let desk = world.manager().await;
    (world, desk)
}

/// The manager switches these stages on, and all others off.
async fn switch(desk: &mut Browser, stages: &[&str]) {
    desk.open("/messages").await;
    let mut fields: Vec<(&str, &str)> = stages.iter().map(|stage| ("stage", *stage)).collect();
    if fields.is_empty() {
        fields.push(("stage", NOT_SENT));
    }
    desk.press("Salvar", &fields).await.must_show("Salvo.");
}

/// Takes Ana's car in and sends her the quote; gives the order's page.
async fn quote(desk: &mut Browser, email: &str) -> String {
    let fields = [&NEW[..], &[("email", email)]].concat();
    take_in(desk, "ABC-1234", &fields).await;
    let order = desk.path.clone();
    until_it_shows(desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_gets_one_mail_for_each_stage_that_is_on_however_often_it_is_told() {
    let post = Post::open(Mood::Takes).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    let order = quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "O orçamento está pronto Enviado").await;
    let first = readable(&post.taken(1).await[0]);
    for words in [
        "RCPT TO:<ana@example.com>",
        "To: ana@example.com",
        "Auto-Submitted: auto-generated",
        "Olá Ana!",
        "O orçamento está pronto. (Toyota Corolla, ABC•••4)",
        "Oficina do Zé",
    ] {
        assert!(first.contains(words), "{words} is missing: {first}");
    }
    for personal in ["Souza", "98765-4321", "11987654321", "52998224725", "ABC-1234"] {
        assert!(!first.contains(personal), "a mail tells {personal}: {first}");
    }
    let link = first.lines().find_map(|line| line.strip_prefix("http://shop.example")).unwrap();
    world.browser().open(link).await.must_show("O orçamento espera por você");

    // Everything is told again, and then there is another text.
    let nudge = format!("/work-orders/{}/nudge", order.rsplit('/').next().unwrap());
    for _ in 0..2 {
        world.shop.post(At::Os, &nudge, json!({})).await.unwrap();
    }
    let line = [("line", "Discos"), ("quantity", "1"), ("price", "890"), ("of", ""), ("reason", "Gastos")];
    desk.open(&order).await.follow("Mudar o orçamento").await.press("Salvar", &line).await;
    desk.press("Enviar ao cliente", &[]).await;
    let taken = post.taken(2).await;
    assert!(taken[0].contains(".to_approve.1@") && taken[1].contains(".to_approve.2@"), "{taken:?}");

    // Approved and paid with the switches off, and then ready with its own on: nothing else in between.
    switch(&mut desk, &[]).await;
    desk.open(&order).await.press("Registrar aprovação", &[]).await;
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    switch(&mut desk, &["CLOSED"]).await;
    desk.open(&order).await.press("Cancelar a ordem", &[]).await;
    let taken = post.taken(3).await;
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(taken[2].contains(".closed.0@") && !taken[2].contains("http"), "{taken:?}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_of_the_screens_on_one_file_write_once() {
    let post = Post::open(Mood::Takes).await;
    let (world, mut desk) = open(&post).await;
    let other = world.another_front(post.settings()).await;
    switch(&mut desk, &["TO_APPROVE", "CLOSED"]).await;
    quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "O orçamento está pronto Enviado").await;
    other.stop().await;
    // A copy that comes later looks at everything when it starts.
    let other = world.another_front(post.settings()).await;
    desk.press("Cancelar a ordem", &[]).await;
    until_it_shows(&mut desk, "A ordem de serviço foi encerrada Enviado").await;
    let taken = post.taken(2).await;
    assert_eq!(taken.len(), 2, "{taken:?}");
    other.stop().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_an_address_gets_none_and_the_order_says_so() {
    let post = Post::open(Mood::Takes).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    quote(&mut desk, "").await;
    until_it_shows(&mut desk, "Não enviado: o cliente não tem um e-mail").await;
    assert!(post.taken(0).await.is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_waits_while_the_server_is_away_and_goes_when_it_is_back() {
    let post = Post::open(Mood::Away).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "Ainda não enviado, tentando de novo").await;
    post.be(Mood::Takes);
    until_it_shows(&mut desk, "O orçamento está pronto Enviado").await;
    assert_eq!(post.taken(1).await.len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_is_believed_and_the_order_says_why() {
    let post = Post::open(Mood::Refuses).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "O servidor de e-mail recusou").await;
    desk.must_show("nobody of that name here");
    assert!(post.taken(0).await.is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_order_has_left_behind_is_not_sent_any_more() {
    let post = Post::open(Mood::Away).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "tentando de novo").await;
    desk.press("Registrar aprovação", &[]).await;
    until_it_shows(&mut desk, "Não enviado: a ordem já tinha avançado").await;
    world.close().await;
}

/// What this program logs of mail, for all tests of this file.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_not_believed_is_in_no_log_and_on_no_page() {
    let log = Log::default();
    let everything = EnvFilter::new("garage_web=trace,lettre=trace,rustls=trace");
    tracing_subscriber::fmt().with_env_filter(everything).with_writer(log.clone()).try_init().unwrap();
    let post = Post::open(Mood::Forgetful).await;
    let (world, mut desk) = open(&post).await;
    switch(&mut desk, &["TO_APPROVE"]).await;
    quote(&mut desk, "ana@example.com").await;
    until_it_shows(&mut desk, "tentando de novo: permanent error (535): 5.7.8 who are you").await;
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("a message could not be sent"), "{said}");
    for secret in [PASSWORD, "ana@example.com", "Ana Souza"] {
        assert!(!said.contains(secret) && !desk.html.contains(PASSWORD), "{secret} is told: {said}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_manager_switches_and_all_is_off_before() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/messages").await.must_show("O e-mail não está configurado");
    assert!(!desk.html.contains(" checked"), "{}", desk.html);
    desk.open("/people").await;
    let ana = [("name", "Ana"), ("login", "ana"), ("password", "uma senha comprida"), ("role", "attendant")];
    desk.press("Adicionar", &ana).await;
    let mut other = world.browser();
    other.open("/").await.press("Entrar", &[("login", "ana"), ("password", "uma senha comprida")]).await;
    let word =
        other.html.split("name=\"word\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(other.open("/messages").await.status, StatusCode::FORBIDDEN);
    other.post("/messages", &[("word", &word), ("stage", "READY")]).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    assert!(!desk.open("/messages").await.html.contains(" checked"), "{}", desk.html);
    world.close().await;
}
