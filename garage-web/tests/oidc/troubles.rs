//! A provider that is away, says no or answers nonsense: words for people, and nobody is let in.

use chrono::TimeDelta;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    provider::Answers,
    world::{NO_PROVIDER, NOWHERE, World},
};

#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be_and_asked_again() {
    let world = World::open().await;
    world.provider.says().discovered = Answers::Failing;
    let mut ana = world.browser();
    assert_eq!(ana.open("/sign-in/oidc").await.status, StatusCode::BAD_GATEWAY);
    ana.must_show("Rede Boa does not answer right now.");
    let id = ana.headers["x-request-id"].to_str().unwrap().to_owned();
    ana.must_show(&id);
    ana.cookies.insert("lang".to_owned(), "pt-BR".to_owned());
    ana.open("/sign-in/oidc").await.must_show("Rede Boa não responde agora.");
    world.provider.says().discovered = Answers::Well;
    world.clock.advance(TimeDelta::seconds(7));
    assert_eq!(ana.sign_in().await.at, "/people");
    world.provider.says().discovered = Answers::Failing;
    world.clock.advance(TimeDelta::hours(1));
    assert_eq!(world.browser().sign_in().await.at, "/people", "what it said before serves on");
}

#[tokio::test]
async fn where_nobody_listens_the_provider_is_away() {
    let world = World::with(&[("OIDC_ISSUER", NOWHERE)]).await;
    let mut ana = world.browser();
    assert_eq!(ana.open("/sign-in/oidc").await.status, StatusCode::BAD_GATEWAY);
    ana.must_show("does not answer right now");
}

#[tokio::test]
async fn a_provider_that_takes_a_call_and_says_nothing_is_away() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let world = World::with(&[("OIDC_ISSUER", &issuer)]).await;
    let mut ana = world.browser();
    assert_eq!(ana.open("/sign-in/oidc").await.status, StatusCode::BAD_GATEWAY);
    ana.must_show("does not answer right now");
}

#[tokio::test]
async fn a_discovery_document_that_cannot_be_believed_leads_nowhere() {
    type Change = Box<dyn Fn(&mut serde_json::Value) + Send>;
    let wrong: [Change; 4] = [
        Box::new(|document| document["issuer"] = json!("https://other.example")),
        Box::new(|document| document["token_endpoint"] = json!("http://login.example/token")),
        Box::new(|document| document["authorization_endpoint"] = json!("javascript:alert(1)")),
        Box::new(|document| *document = json!([])),
    ];
    for change in wrong {
        let world = World::open().await;
        world.provider.says().discovery = change;
        let mut ana = world.browser();
        assert_eq!(ana.open("/sign-in/oidc").await.status, StatusCode::BAD_GATEWAY);
        ana.must_show("answered something that cannot be believed");
        assert!(!ana.cookies.contains_key("ticket"));
    }
    let world = World::open().await;
    world.provider.says().discovered = Answers::Nonsense;
    let mut ana = world.browser();
    ana.open("/sign-in/oidc").await.must_show("answered something that cannot be believed");
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_lets_nobody_in_and_says_so() {
    let world = World::open().await;
    for (answers, words) in [
        (Answers::Failing, "does not answer right now"),
        (Answers::Nonsense, "answered something that cannot be believed"),
        (Answers::Refusing("invalid_client"), "answered something that cannot be believed"),
        (Answers::Refusing("invalid_grant"), "no longer valid"),
    ] {
        world.provider.says().tokens = answers;
        let mut ana = world.browser();
        ana.sign_in().await.must_show(words);
        assert!(ana.status.is_client_error() || ana.status == StatusCode::BAD_GATEWAY, "{}", ana.status);
        assert!(!ana.is_signed_in().await);
    }
}

#[tokio::test]
async fn whom_the_provider_refuses_is_told_so() {
    let world = World::open().await;
    let mut ana = world.browser();
    let back = ana.sent_back("/sign-in/oidc").await;
    let (_, rest) = back.split_once('&').unwrap();
    ana.open(&format!("/sign-in/oidc/callback?error=access_denied&{rest}")).await;
    assert_eq!(ana.status, StatusCode::FORBIDDEN);
    ana.must_show("was refused or broken off");
    assert!(!ana.is_signed_in().await);
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_way() {
    let world = World::with(&NO_PROVIDER).await;
    let mut ana = world.browser();
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback?code=x&state=y"] {
        assert_eq!(ana.open(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    ana.open("/sign-in").await;
    assert!(!ana.html.contains("/sign-in/oidc"));
}
