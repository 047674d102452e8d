//! What goes well: people come in as who they are and with the roles that they have, and go out again.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    provider::{Answers, Signed},
    world::{NO_PROVIDER, World},
};

#[tokio::test]
async fn somebody_signs_in_by_the_provider_and_is_where_they_wanted_to_go() {
    let world = World::open().await;
    for (lang, words) in [("en", "Sign in with Rede Boa"), ("pt-BR", "Entrar com Rede Boa")] {
        let mut ana = world.browser();
        ana.cookies.insert("lang".to_owned(), lang.to_owned());
        assert_eq!(ana.open("/people").await.at, "/sign-in?next=%2Fpeople");
        let button = ana.link(words).unwrap_or_else(|| panic!("no {words:?}: {}", ana.html));
        let back = ana.sent_back(&button).await;
        assert!(ana.cookies.contains_key("ticket"));
        assert_eq!(ana.open(&back).await.at, "/people");
        assert_eq!(ana.status, StatusCode::OK);
        ana.must_show("Ana Silva").must_show(&world.provider.url);
        assert!(!ana.cookies.contains_key("ticket"), "what is answered is over");
        let sent = world.provider.says().sent.clone();
        assert_eq!(sent["redirect_uri"], format!("{}/sign-in/oidc/callback", world.base));
        assert!(sent["state"].len() == 43 && sent["nonce"].len() == 43 && sent["code_challenge"].len() == 43);
    }
}

#[tokio::test]
async fn somebody_of_a_provider_s_has_no_password_here() {
    let world = World::open().await;
    let mut ana = world.browser();
    let word = ana.sign_in().await.word();
    ana.open("/account").await.must_show("looks after the password").must_show(&world.provider.url);
    let fields = [("word", word.as_str()), ("old", ""), ("new", "a long password")];
    assert_eq!(ana.go(Method::POST, "/account", &fields).await.status, StatusCode::FORBIDDEN);
    let reset = ana.go(Method::POST, "/people/ana/password", &[("word", &word)]).await;
    assert_eq!(reset.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_technician_is_a_technician() {
    let world = World::with(&[("OIDC_ROLES_CLAIM", "realm_access.roles")]).await;
    world.provider.says().claims =
        json!({"sub": "8", "email": "bia@shop.example", "realm_access": {"roles": ["technician"]}});
    let mut bia = world.browser();
    assert_eq!(bia.sign_in().await.status, StatusCode::FORBIDDEN);
    bia.open("/account").await.must_show("bia@shop.example");
    assert_eq!(bia.status, StatusCode::OK);
}

#[tokio::test]
async fn names_and_roles_may_stand_beside_the_token() {
    let world = World::open().await;
    world.provider.says().claims = json!({"sub": "7"});
    world.provider.says().userinfo = json!({"sub": "7", "name": "Ana Silva", "roles": ["manager"]});
    world.browser().sign_in().await.must_show("Ana Silva");
    world.provider.says().userinfo = json!({"sub": "8", "name": "Ana Silva", "roles": ["manager"]});
    let mut other = world.browser();
    assert_eq!(other.sign_in().await.status, StatusCode::BAD_GATEWAY);
    assert!(!other.is_signed_in().await);
}

#[tokio::test]
async fn the_secret_is_shown_as_the_provider_takes_it() {
    let world = World::open().await;
    world.provider.says().discovery = Box::new(|document| {
        document["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"])
    });
    assert_eq!(world.browser().sign_in().await.at, "/people");
    let public = World::with(&[("OIDC_CLIENT_SECRET", "-")]).await;
    let mut ana = public.browser();
    assert_eq!(ana.sign_in().await.status, StatusCode::BAD_GATEWAY, "this provider wants a secret");
}

#[tokio::test]
async fn a_change_of_roles_holds_from_the_next_sign_in_on_for_every_window() {
    let world = World::open().await;
    let (mut one, mut other) = (world.browser(), world.browser());
    assert_eq!(one.sign_in().await.status, StatusCode::OK);
    world.provider.says().claims["roles"] = json!(["technician"]);
    assert_eq!(one.open("/people").await.status, StatusCode::OK);
    assert_eq!(other.sign_in().await.status, StatusCode::FORBIDDEN);
    assert_eq!(one.open("/people").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn who_has_no_role_is_told_which_there_are_and_loses_what_they_had() {
    let world = World::open().await;
    let (mut one, mut other) = (world.browser(), world.browser());
    one.sign_in().await;
    world.provider.says().claims["roles"] = json!(["customer"]);
    assert_eq!(other.sign_in().await.status, StatusCode::FORBIDDEN);
    other.must_show("Ana Silva").must_show("Rede Boa").must_show("in roles: attendant, technician, manager");
    assert!(!other.is_signed_in().await && !one.is_signed_in().await);
    other.cookies.insert("lang".to_owned(), "pt-BR".to_owned());
    other
        .sign_in()
        .await
        .must_show("não tem função nesta oficina")
        .must_show("attendant, technician, manager");
    let another = other.link("Entrar com outra conta").unwrap();
    other.open(&another).await;
    assert!(other.at.contains("prompt=login"), "{}", other.at);
}

#[tokio::test]
async fn who_has_left_stays_out() {
    let world = World::open().await;
    let mut ana = world.browser();
    let word = ana.sign_in().await.word();
    ana.go(Method::POST, "/people/ana", &[("word", &word)]).await;
    assert!(!ana.is_signed_in().await);
    assert_eq!(ana.sign_in().await.status, StatusCode::FORBIDDEN);
    ana.must_show("does not work here any more");
}

#[tokio::test]
async fn the_sign_out_goes_on_at_the_provider_if_it_has_one() {
    let world = World::open().await;
    let mut ana = world.browser();
    let word = ana.sign_in().await.word();
    let session = ana.cookies["session"].clone();
    ana.go(Method::POST, "/sign-out", &[("word", &word)]).await.must_show("Sign out of Rede Boa");
    let refresh = ana.headers["refresh"].to_str().unwrap().to_owned();
    let to = reqwest::Url::parse(refresh.strip_prefix("0; url=").unwrap()).unwrap();
    assert!(to.as_str().starts_with(&format!("{}/logout?", world.provider.url)), "{to}");
    let told: std::collections::HashMap<_, _> = to.query_pairs().into_owned().collect();
    assert_eq!(told["post_logout_redirect_uri"], format!("{}/sign-in", world.base));
    assert_eq!(told["id_token_hint"].split('.').count(), 3);
    ana.cookies.insert("session".to_owned(), session);
    assert!(!ana.is_signed_in().await, "the session is over, whoever has its cookie");

    let world = World::open().await;
    world.provider.says().discovery = Box::new(|document| {
        document.as_object_mut().unwrap().remove("end_session_endpoint");
    });
    let mut ana = world.browser();
    let word = ana.sign_in().await.word();
    assert_eq!(ana.go(Method::POST, "/sign-out", &[("word", &word)]).await.at, "/sign-in");
    assert!(!ana.is_signed_in().await);
}

#[tokio::test]
async fn a_new_key_of_the_provider_s_is_fetched_but_not_at_every_made_up_name() {
    let world = World::open().await;
    assert_eq!(world.browser().sign_in().await.at, "/people");
    (world.provider.says().signed, world.provider.says().published) = (Signed::Ec, Signed::Ec);
    for _ in 0..3 {
        assert_eq!(world.browser().sign_in().await.status, StatusCode::BAD_GATEWAY);
    }
    assert_eq!(world.provider.says().asked_for_keys, 1);
    world.clock.advance(TimeDelta::seconds(30));
    assert_eq!(world.browser().sign_in().await.at, "/people");
    assert_eq!(world.provider.says().asked_for_keys, 2);
}

#[tokio::test]
async fn a_password_opens_the_shop_while_the_provider_is_away() {
    let world = World::open().await;
    world.provider.says().discovered = Answers::Failing;
    let first = world.first.as_ref().unwrap();
    let mut desk = world.browser();
    let word = desk.open("/sign-in").await.word();
    let fields = [
        ("word", word.as_str()),
        ("login", &first.login),
        ("password", &first.password),
        ("next", "/people"),
    ];
    assert_eq!(desk.go(Method::POST, "/sign-in", &fields).await.at, "/people");
    desk.must_show("Somebody new");
}

#[tokio::test]
async fn where_the_provider_is_the_only_way_no_password_is_asked_for_or_taken() {
    let world = World::with(&[("OIDC_ONLY", "true")]).await;
    assert!(world.first.is_none());
    let mut ana = world.browser();
    ana.open("/sign-in").await.must_show("Sign in with Rede Boa");
    assert!(!ana.html.contains("type=\"password\""));
    ana.sign_in().await.must_show("Ana Silva");
    assert!(!ana.html.contains("Somebody new"));
    let mut stranger = world.browser();
    stranger.open("/sign-in").await;
    // The word is the visit's, whoever shows the form.
    let elsewhere = World::open().await;
    let mut twin = elsewhere.browser();
    twin.cookies.clone_from(&stranger.cookies);
    let word = twin.open("/sign-in").await.word();
    let fields = [("word", word.as_str()), ("login", "ana"), ("password", "")];
    stranger.go(Method::POST, "/sign-in", &fields).await.must_show("Nobody signs in with a password here.");
    assert_eq!(stranger.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_session_ends_with_the_way_by_which_it_began() {
    let world = World::open().await;
    let first = world.first.as_ref().unwrap();
    let (mut desk, mut ana) = (world.browser(), world.browser());
    let word = desk.open("/sign-in").await.word();
    let fields = [("word", word.as_str()), ("login", &first.login), ("password", &first.password)];
    desk.go(Method::POST, "/sign-in", &fields).await;
    ana.sign_in().await;
    assert!(desk.is_signed_in().await && ana.is_signed_in().await);
    let world = world.reopened(&[("OIDC_ONLY", "true")]).await;
    assert!(!desk.again_at(&world).is_signed_in().await && ana.again_at(&world).is_signed_in().await);
    let world = world.reopened(&NO_PROVIDER).await;
    assert!(desk.again_at(&world).is_signed_in().await && !ana.again_at(&world).is_signed_in().await);
}

#[tokio::test]
async fn who_has_no_place_to_go_is_told_so_and_can_sign_out() {
    let world = World::open().await;
    let first = world.first.as_ref().unwrap();
    world.take_the_roles_of(&first.login).await;
    let mut desk = world.browser();
    let word = desk.open("/sign-in").await.word();
    let fields = [("word", word.as_str()), ("login", &first.login), ("password", &first.password)];
    desk.go(Method::POST, "/sign-in", &fields).await.must_show("You have no role in this shop yet.");
    assert_eq!((desk.status, desk.at.as_str()), (StatusCode::OK, "/"));
    assert!(desk.html.contains("action=\"/sign-out\""), "{}", desk.html);
    let word = desk.word();
    assert_eq!(desk.go(Method::POST, "/sign-out", &[("word", &word)]).await.at, "/sign-in");
    assert!(!desk.is_signed_in().await);
}
