//! Tokens signed with an issuer's published keys.

use std::time::Duration;

use chrono::TimeDelta;
use garage_kit::{
    auth::Verifier,
    clock::Clock,
    http::Problem,
    testing::bus::{until, within},
};
use serde_json::{Value, json};

use crate::issuer::{EC, Issuer, OTHER_EC, RSA, SECRET, claims, clock, es256, hs256, published, rs256};

struct World {
    clock: Clock,
    issuer: Issuer,
    verifier: Verifier,
}

impl World {
    async fn with(keys: Option<Vec<Value>>) -> Self {
        let (clock, issuer) = (clock(), Issuer::default());
        issuer.publish(keys).await;
        let verifier = Verifier::new(clock.clone()).jwks(&issuer.start().await).unwrap();
        Self { clock, issuer, verifier }
    }

    async fn verify(&self, token: &str) -> Result<String, Problem> {
        self.verifier.verify(token).await.map(|caller| caller.subject().to_owned())
    }

    async fn refused(&self, token: &str) -> String {
        let problem = self.verify(token).await.unwrap_err();
        assert_eq!(problem.status(), 401, "{problem}");
        problem.detail().to_owned()
    }
}

/// Claims that are right for a day.
fn lasting_claims(clock: &Clock) -> Value {
    let mut claims = claims(clock);
    claims["exp"] = json!(clock.now().timestamp() + 24 * 3600);
    claims
}

#[tokio::test]
async fn tokens_of_both_sorts_of_key_are_believed() {
    let world = World::with(Some(vec![published(RSA, "r"), published(EC, "e")])).await;
    assert_eq!(world.verify(&rs256(RSA, "r", &claims(&world.clock))).await.unwrap(), "ana");
    assert_eq!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.unwrap(), "ana");
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn a_token_that_names_no_key_is_held_against_the_only_one_that_fits() {
    let world = World::with(Some(vec![published(RSA, "r"), published(EC, "e")])).await;
    assert!(world.verify(&es256(EC, "", &claims(&world.clock))).await.is_ok());
    let world = World::with(Some(vec![published(EC, "e"), published(OTHER_EC, "o")])).await;
    world.refused(&es256(EC, "", &claims(&world.clock))).await;
}

#[tokio::test]
async fn a_public_key_used_as_a_secret_is_refused() {
    let world = World::with(Some(vec![published(RSA, "r")])).await;
    let key = published(RSA, "r");
    for secret in [key["n"].as_str().unwrap().to_owned(), key.to_string()] {
        let told = world.refused(&hs256(&secret, &claims(&world.clock))).await;
        assert_eq!(told, "the token's algorithm is not accepted here");
    }
}

#[tokio::test]
async fn the_other_sort_of_key_under_a_known_name_is_refused() {
    let world = World::with(Some(vec![published(RSA, "k")])).await;
    world.refused(&es256(EC, "k", &claims(&world.clock))).await;
}

#[tokio::test]
async fn a_strangers_key_under_a_known_name_is_refused() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    assert_eq!(
        world.refused(&es256(OTHER_EC, "e", &claims(&world.clock))).await,
        "the token's signature is not right"
    );
}

#[tokio::test]
async fn a_secret_and_published_keys_may_stand_side_by_side() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let both = world.verifier.clone().secret(&SECRET.to_owned().into()).unwrap();
    assert!(both.verify(&hs256(SECRET, &claims(&world.clock))).await.is_ok());
    assert!(both.verify(&es256(EC, "e", &claims(&world.clock))).await.is_ok());
}

#[tokio::test]
async fn another_issuers_scope_is_no_link() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let mut claims = claims(&world.clock);
    claims["scope"] = json!("openid email");
    let caller = world.verifier.verify(&es256(EC, "e", &claims)).await.unwrap();
    assert_eq!(caller.scope(), None);
    assert!(caller.require(&["manager"]).is_ok());
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_but_not_more_often_than_every_thirty_seconds() {
    let world = World::with(Some(vec![published(EC, "old")])).await;
    assert!(world.verify(&es256(EC, "old", &claims(&world.clock))).await.is_ok());
    world.issuer.publish(Some(vec![published(OTHER_EC, "new")])).await;
    let token = es256(OTHER_EC, "new", &claims(&world.clock));
    for _ in 0..5 {
        assert!(world.refused(&token).await.contains("does not publish"));
    }
    assert_eq!(world.issuer.asked(), 1);
    world.clock.advance(TimeDelta::seconds(30));
    assert!(world.verify(&token).await.is_ok());
    assert_eq!(world.issuer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_not_believed_for_long() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let token = es256(EC, "e", &claims(&world.clock));
    assert!(world.verify(&token).await.is_ok());
    world.issuer.publish(Some(vec![])).await;
    world.clock.advance(TimeDelta::minutes(10));
    until("it is refused", async || {
        world.clock.advance(TimeDelta::minutes(1));
        world.verify(&token).await.err()
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_taken_back_while_nobody_asked_is_not_believed_once() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let token = es256(EC, "e", &lasting_claims(&world.clock));
    assert!(world.verify(&token).await.is_ok());
    world.issuer.publish(Some(vec![])).await;
    world.clock.advance(TimeDelta::hours(1));
    world.refused(&token).await;
}

#[tokio::test]
async fn old_keys_serve_while_newer_ones_are_on_their_way() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let token = es256(EC, "e", &claims(&world.clock));
    assert!(world.verify(&token).await.is_ok());
    world.clock.advance(TimeDelta::minutes(10));
    let hesitating = world.issuer.hesitate().await;
    assert!(within("nobody waits", world.verify(&token)).await.is_ok());
    drop(hesitating);
    until("the issuer was asked", async || (world.issuer.asked() == 2).then_some(())).await;
}

#[tokio::test]
async fn who_makes_up_a_key_and_hangs_up_makes_us_ask_no_more_often() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let hesitating = world.issuer.hesitate().await;
    for number in 0..20 {
        let token = es256(OTHER_EC, &format!("made-up-{number}"), &claims(&world.clock));
        let hung_up = tokio::time::timeout(Duration::from_millis(20), world.verify(&token)).await;
        assert!(hung_up.is_err(), "the issuer has not answered");
    }
    assert_eq!(world.issuer.asked(), 1);
    drop(hesitating);
    assert!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.is_ok(), "the answer was not lost");
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn a_set_of_keys_beyond_all_measure_is_not_read_to_its_end() {
    let padding = json!({ "kty": "?", "padding": "x".repeat(64 * 1024) });
    let world = World::with(Some(vec![published(EC, "e"), padding])).await;
    assert_eq!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.unwrap_err().status(), 503);
}

#[tokio::test]
async fn an_issuer_that_is_away_at_first_is_asked_again_and_the_service_says_when_to_come_back() {
    let world = World::with(None).await;
    let token = es256(EC, "e", &claims(&world.clock));
    let problem = world.verify(&token).await.unwrap_err();
    assert_eq!(problem.status(), 503);
    world.issuer.publish(Some(vec![published(EC, "e")])).await;
    world.clock.advance(TimeDelta::seconds(6));
    assert_eq!(world.verify(&token).await.unwrap_err().status(), 503);
    world.clock.advance(TimeDelta::seconds(1));
    assert!(world.verify(&token).await.is_ok());
}

#[tokio::test]
async fn old_keys_serve_on_while_the_issuer_is_away() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    assert!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.is_ok());
    world.issuer.publish(None).await;
    world.clock.advance(TimeDelta::minutes(30));
    assert!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.is_ok());
}

#[tokio::test]
async fn requests_that_come_together_ask_the_issuer_once() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let token = es256(EC, "e", &claims(&world.clock));
    let verified = futures::future::join_all((0..20).map(|_| world.verify(&token))).await;
    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn keys_that_we_do_not_understand_do_not_spoil_the_others() {
    let mut for_encryption = published(OTHER_EC, "x");
    for_encryption["use"] = json!("enc");
    let mut for_another_algorithm = published(RSA, "r");
    for_another_algorithm["alg"] = json!("RS512");
    let strange =
        vec![json!({"kty": "?"}), json!(7), for_encryption, for_another_algorithm, published(EC, "e")];
    let world = World::with(Some(strange)).await;
    assert!(world.verify(&es256(EC, "e", &claims(&world.clock))).await.is_ok());
    world.refused(&es256(OTHER_EC, "x", &claims(&world.clock))).await;
    world.refused(&rs256(RSA, "r", &claims(&world.clock))).await;
}

#[test]
fn an_address_that_is_none_is_a_sentence() {
    let told = Verifier::new(clock()).jwks("not an address").unwrap_err().to_string();
    assert!(told.starts_with("JWKS_URL must be"), "{told}");
}

#[tokio::test]
async fn a_token_by_secret_is_refused_where_only_keys_are_published() {
    let world = World::with(Some(vec![published(RSA, "r")])).await;
    let told = world.refused(&hs256(SECRET, &claims(&world.clock))).await;
    assert_eq!(told, "the token's algorithm is not accepted here");
}

#[tokio::test]
async fn names_of_keys_are_names_and_neither_paths_nor_addresses() {
    let world = World::with(Some(vec![published(EC, "e")])).await;
    let names = [
        "../e",
        "/etc/passwd",
        "file:///dev/null",
        "http://evil.example/e",
        "E",
        "e ",
        "e\0",
        &"k".repeat(4000),
    ];
    for name in names {
        let told = world.refused(&es256(EC, name, &claims(&world.clock))).await;
        assert!(told.contains("does not publish"), "{name:?}: {told}");
    }
    assert_eq!(world.issuer.asked(), 1, "made-up names must not make us ask the issuer again and again");
}
