//! What is not believed: answers to other questions, answers twice, tokens that are not the provider's, not for us, not of
//! now. And nobody is led elsewhere.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    provider::{CLIENT, Signed},
    world::World,
};

#[tokio::test]
async fn an_answer_to_another_browser_s_question_lets_nobody_in() {
    let world = World::open().await;
    let (mut ana, mut eve) = (world.browser(), world.browser());
    let (for_ana, for_eve) =
        (ana.sent_back("/sign-in/oidc").await, eve.sent_back("/sign-in/oidc?next=/people").await);
    let mut without = world.browser();
    for (browser, path) in [(&mut ana, &for_eve), (&mut without, &for_ana)] {
        assert_eq!(browser.open(path).await.status, StatusCode::BAD_REQUEST);
        browser.must_show("was begun in another browser");
        assert!(!browser.is_signed_in().await);
    }
    assert!(eve.open(&for_eve).await.at == "/people", "nobody has used up what was Eve's");
}

#[tokio::test]
async fn a_state_or_a_ticket_that_somebody_made_up_lets_nobody_in() {
    let world = World::open().await;
    let mut ana = world.browser();
    let back = ana.sent_back("/sign-in/oidc").await;
    for state in ["", "state=", "state=guess"] {
        let path = format!("/sign-in/oidc/callback?code=x&{state}");
        assert_eq!(ana.open(&path).await.status, StatusCode::BAD_REQUEST, "{state}");
    }
    let ticket = ana.cookies["ticket"].clone();
    ana.cookies.insert("ticket".to_owned(), format!("{ticket}A"));
    assert_eq!(ana.open(&back).await.status, StatusCode::BAD_REQUEST);
    ana.cookies.insert("ticket".to_owned(), ticket);
    world.clock.advance(TimeDelta::minutes(10));
    assert_eq!(ana.open(&back).await.status, StatusCode::BAD_REQUEST, "it is too late");
    assert!(!ana.is_signed_in().await);
}

#[tokio::test]
async fn an_answer_lets_somebody_in_once() {
    let world = World::open().await;
    let mut ana = world.browser();
    let back = ana.sent_back("/sign-in/oidc?next=/people").await;
    let ticket = ana.cookies["ticket"].clone();
    assert_eq!(ana.open(&back).await.at, "/people");
    let mut eve = world.browser();
    assert_eq!(eve.open(&back).await.status, StatusCode::BAD_REQUEST);
    eve.cookies.insert("ticket".to_owned(), ticket);
    assert_eq!(eve.open(&back).await.status, StatusCode::BAD_REQUEST, "the provider knows the code no more");
    eve.must_show("no longer valid");
    assert!(!eve.is_signed_in().await);
}

#[tokio::test]
async fn an_answer_in_another_provider_s_name_lets_nobody_in() {
    let world = World::open().await;
    let mut ana = world.browser();
    let back = ana.sent_back("/sign-in/oidc").await;
    let (before, _) = back.split_once("&iss=").unwrap();
    for path in [before.to_owned(), format!("{before}&iss=https%3A%2F%2Fother.example")] {
        let ticket = ana.cookies["ticket"].clone();
        assert_eq!(ana.open(&path).await.status, StatusCode::BAD_GATEWAY, "{path}");
        ana.cookies.insert("ticket".to_owned(), ticket);
    }
    assert!(!ana.is_signed_in().await);
}

#[tokio::test]
async fn a_token_with_something_wrong_lets_nobody_in() {
    let world = World::open().await;
    let now = world.clock.now().timestamp();
    let wrong: [(&str, Value); 7] = [
        ("nonce", json!("another question's")),
        ("aud", json!("another client")),
        ("aud", json!([CLIENT, "another client"])),
        ("azp", json!("another client")),
        ("iss", json!("https://other.example")),
        ("exp", json!(now - 3600)),
        ("iat", json!(now - 3600)),
    ];
    for (claim, value) in wrong {
        let told = format!("{claim}: {value}");
        world.provider.says().change = Box::new(move |claims| claims[claim] = value.clone());
        let mut ana = world.browser();
        assert_eq!(ana.sign_in().await.status, StatusCode::BAD_GATEWAY, "{told}");
        ana.must_show("answered something that cannot be believed");
        assert!(!ana.is_signed_in().await, "{told}");
    }
    world.provider.says().change = Box::new(|_| {});
    assert_eq!(world.browser().sign_in().await.at, "/people", "else this proves nothing");
}

#[tokio::test]
async fn a_token_that_the_provider_s_keys_have_not_signed_lets_nobody_in() {
    let world = World::open().await;
    for signed in [Signed::None, Signed::ByModulus, Signed::ByJwk] {
        world.provider.says().signed = signed;
        let mut ana = world.browser();
        assert_eq!(ana.sign_in().await.status, StatusCode::BAD_GATEWAY);
        assert!(!ana.is_signed_in().await);
    }
    let world = World::open().await;
    (world.provider.says().signed, world.provider.says().published) = (Signed::ByAStranger, Signed::Ec);
    let mut ana = world.browser();
    assert_eq!(ana.sign_in().await.status, StatusCode::BAD_GATEWAY);
    assert!(!ana.is_signed_in().await);
    world.provider.says().signed = Signed::Ec;
    assert_eq!(ana.sign_in().await.at, "/people", "else this proves nothing");
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let world = World::open().await;
    for next in
        ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:1"]
    {
        let mut ana = world.browser();
        ana.sign_in_for(next).await;
        assert_eq!(ana.at, "/", "{next:?}");
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let mut bia = world.browser();
        let link = bia.open(&format!("/sign-in?{query}")).await.link("Sign in with Rede Boa").unwrap();
        assert!(link.starts_with("/sign-in/oidc?"), "{link}");
    }
}
