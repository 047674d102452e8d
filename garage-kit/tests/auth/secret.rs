//! Tokens signed with the shared secret.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use garage_kit::{
    auth::{Caller, Grant, Verifier, sign},
    clock::Clock,
    http::Problem,
    program::Env,
};
use serde_json::{Value, json};

use crate::issuer::{RSA, SECRET, claims, clock, hs256, rs256};

fn verifier(clock: &Clock) -> Verifier {
    Verifier::new(clock.clone()).secret(&SECRET.to_owned().into()).unwrap()
}

async fn verify(change: impl FnOnce(&mut Value)) -> Result<Caller, Problem> {
    let clock = clock();
    let mut claims = claims(&clock);
    change(&mut claims);
    verifier(&clock).verify(&hs256(SECRET, &claims)).await
}

async fn refused(change: impl FnOnce(&mut Value)) -> String {
    let problem = verify(change).await.unwrap_err();
    assert_eq!(problem.status(), 401);
    problem.detail().to_owned()
}

/// A token whose parts are as given, signed with nothing.
fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(header), part(claims))
}

#[tokio::test]
async fn a_right_token_says_who_and_what_its_bearer_is() {
    let caller = verify(|claims| claims["shop"] = json!("centro")).await.unwrap();
    assert_eq!((caller.subject(), caller.roles()), ("ana", ["manager".to_owned()].as_slice()));
    assert_eq!(caller.claim("shop"), Some(&json!("centro")));
    assert_eq!(caller.scope(), None);
}

#[tokio::test]
async fn a_token_is_good_until_the_second_it_expires() {
    let clock = clock();
    let (verifier, token) = (verifier(&clock), hs256(SECRET, &claims(&clock)));
    clock.advance(TimeDelta::milliseconds(3_599_999));
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(TimeDelta::milliseconds(1));
    let problem = verifier.verify(&token).await.unwrap_err();
    assert_eq!(problem.detail(), "the token has expired");
}

#[tokio::test]
async fn a_token_that_never_expires_is_refused() {
    let without = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("exp"));
    assert_eq!(refused(without).await, "the token has no exp: it must say when it expires");
    assert_eq!(refused(|claims| claims["exp"] = json!("tomorrow")).await, "the token's exp is not a time");
    assert_eq!(refused(|claims| claims["exp"] = json!(null)).await, "the token's exp is not a time");
}

#[tokio::test]
async fn times_out_of_any_range_are_times() {
    assert!(verify(|claims| claims["exp"] = json!(1e300)).await.is_ok());
    assert!(verify(|claims| claims["exp"] = json!(i64::MAX)).await.is_ok());
    assert_eq!(refused(|claims| claims["exp"] = json!(-1e300)).await, "the token has expired");
    assert_eq!(refused(|claims| claims["exp"] = json!(i64::MIN)).await, "the token has expired");
}

#[tokio::test]
async fn a_token_is_not_good_before_its_time() {
    let from =
        |seconds: i64| move |claims: &mut Value| claims["nbf"] = json!(clock().now().timestamp() + seconds);
    assert!(verify(from(5)).await.is_ok());
    assert_eq!(refused(from(6)).await, "the token is not valid yet");
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let clock = clock();
    let token = hs256("another secret, as long as ours", &claims(&clock));
    let problem = verifier(&clock).verify(&token).await.unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.detail()), (401, "the token's signature is not right"));
}

#[tokio::test]
async fn changed_claims_are_refused() {
    let clock = clock();
    let token = hs256(SECRET, &claims(&clock));
    let mut parts: Vec<_> = token.split('.').collect();
    let raised = BASE64_URL_SAFE_NO_PAD
        .encode(json!({"sub": "eva", "roles": ["manager"], "exp": 9_999_999_999_u64}).to_string());
    parts[1] = &raised;
    assert!(verifier(&clock).verify(&parts.join(".")).await.is_err());
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let clock = clock();
    for algorithm in ["none", "None", "NONE", "", "HS256"] {
        let token = unsigned(&json!({"alg": algorithm, "typ": "JWT"}), &claims(&clock));
        assert_eq!(verifier(&clock).verify(&token).await.unwrap_err().status(), 401, "{algorithm}");
    }
}

#[tokio::test]
async fn another_algorithm_is_refused_even_of_the_same_family() {
    let clock = clock();
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS512);
    let token = jsonwebtoken::encode(&header, &claims(&clock), &key).unwrap();
    let problem = verifier(&clock).verify(&token).await.unwrap_err();
    assert_eq!(problem.detail(), "the token's algorithm is not accepted here");
    let problem = verifier(&clock).verify(&rs256(RSA, "", &claims(&clock))).await.unwrap_err();
    assert_eq!(problem.detail(), "the token's algorithm is not accepted here");
}

#[tokio::test]
async fn an_extension_that_must_be_understood_and_is_not_is_refused() {
    let clock = clock();
    let header = jsonwebtoken::Header { crit: Some(vec!["b64".to_owned()]), ..Default::default() };
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&header, &claims(&clock), &key).unwrap();
    assert!(verifier(&clock).verify(&token).await.is_err());
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let clock = clock();
    let long = "a".repeat(10_000);
    for token in ["", "a", "a.b.c", "....", "é", "e30.e30.e30", &long] {
        assert_eq!(verifier(&clock).verify(token).await.unwrap_err().status(), 401, "{token}");
    }
}

#[tokio::test]
async fn a_token_for_another_audience_or_from_another_issuer_is_refused() {
    let clock = clock();
    let strict = verifier(&clock).claims(Some("garage".to_owned()), Some("shop".to_owned()));
    for (audience, issuer, expected) in [
        (json!("garage"), json!("shop"), None),
        (json!(["other", "garage"]), json!("shop"), None),
        (json!("other"), json!("shop"), Some("the token is for another audience")),
        (json!([]), json!("shop"), Some("the token is for another audience")),
        (json!(null), json!("shop"), Some("the token is for another audience")),
        (json!("garage"), json!("other"), Some("the token is from another issuer")),
    ] {
        let mut claims = claims(&clock);
        (claims["aud"], claims["iss"]) = (audience, issuer);
        let told =
            strict.verify(&hs256(SECRET, &claims)).await.err().map(|problem| problem.detail().to_owned());
        assert_eq!(told.as_deref(), expected, "{claims}");
    }
    assert!(strict.verify(&hs256(SECRET, &claims(&clock))).await.is_err());
}

#[tokio::test]
async fn claims_of_the_wrong_sort_are_refused() {
    assert_eq!(
        refused(|claims| claims["roles"] = json!("manager")).await,
        "the token's roles must be a list of texts"
    );
    assert_eq!(
        refused(|claims| claims["roles"] = json!([1])).await,
        "the token's roles must be a list of texts"
    );
    assert_eq!(refused(|claims| claims["sub"] = json!(7)).await, "the token's sub must be a text");
    assert_eq!(refused(|claims| claims["scope"] = json!(["x"])).await, "the token's scope must be a text");
    let without = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("sub"));
    assert_eq!(refused(without).await, "the token has no sub: it must say who its bearer is");
}

#[tokio::test]
async fn a_bearer_without_roles_may_nothing() {
    let caller = verify(|claims| drop(claims.as_object_mut().unwrap().remove("roles"))).await.unwrap();
    assert_eq!(caller.require(&["manager"]).unwrap_err().status(), 403);
}

#[tokio::test]
async fn a_signed_grant_is_believed_until_it_expires() {
    let clock = clock();
    let grant = Grant::new("ana", &["attendant"], TimeDelta::hours(8)).with("aud", "garage");
    let token = sign(&SECRET.to_owned().into(), &grant, &clock).unwrap();
    let verifier = verifier(&clock).claims(Some("garage".to_owned()), None);
    let caller = verifier.verify(&token).await.unwrap();
    assert!(caller.require(&["attendant", "manager"]).is_ok());
    assert_eq!(caller.require(&["manager"]).unwrap_err().detail(), "this takes one of the roles manager");
    clock.advance(TimeDelta::hours(8));
    assert!(verifier.verify(&token).await.is_err());
}

#[tokio::test]
async fn a_link_opens_one_thing_and_nothing_else() {
    let clock = clock();
    let token = sign(&SECRET.to_owned().into(), &Grant::link("order:1", TimeDelta::days(7)), &clock).unwrap();
    let caller = verifier(&clock).verify(&token).await.unwrap();
    assert!(caller.require_or_scope(&["attendant"], "order:1").is_ok());
    assert!(caller.require_or_scope(&["attendant"], "order:12").is_err());
    assert!(caller.require(&["customer"]).is_err(), "a scoped token must not pass for its role alone");
}

#[tokio::test]
async fn a_role_passes_where_a_link_would_too() {
    let caller = verify(|_| {}).await.unwrap();
    assert!(caller.require_or_scope(&["manager"], "order:1").is_ok());
}

#[test]
fn a_short_secret_is_refused_in_a_sentence() {
    let told = Verifier::new(clock()).secret(&"short".to_owned().into()).unwrap_err().to_string();
    assert_eq!(told, "JWT_SECRET must have at least 16 bytes; it has 5");
}

#[test]
fn nothing_configured_is_a_sentence_that_names_both_ways() {
    let told = Verifier::from_env(&Env::fixed(&[]), clock()).unwrap_err().to_string();
    assert!(told.contains("JWT_SECRET is not set") && told.contains("JWKS_URL"), "{told}");
}

#[tokio::test]
async fn the_environment_configures_secret_audience_and_issuer() {
    let clock = clock();
    let env = Env::fixed(&[("JWT_SECRET", SECRET), ("JWT_AUDIENCE", "garage")]);
    let verifier = Verifier::from_env(&env, clock.clone()).unwrap();
    assert!(verifier.verify(&hs256(SECRET, &claims(&clock))).await.is_err());
    assert!(!format!("{verifier:?}").contains(SECRET));
}

#[tokio::test]
async fn a_token_that_goes_on_and_on_is_refused_before_it_is_read() {
    let clock = clock();
    let mut claims = claims(&clock);
    claims["note"] = json!("x".repeat(8192));
    let problem = verifier(&clock).verify(&hs256(SECRET, &claims)).await.unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.detail()), (401, "the token is too long"));
    let enormous = "a".repeat(50_000_000);
    assert_eq!(verifier(&clock).verify(&enormous).await.unwrap_err().detail(), "the token is too long");
}

#[tokio::test]
async fn the_name_of_a_key_means_nothing_where_there_is_one_secret() {
    let clock = clock();
    for name in ["../../../../dev/null", "' OR 1=1 --", "http://evil.example/jwks.json", &"k".repeat(4000)] {
        let header = jsonwebtoken::Header { kid: Some(name.to_owned()), ..Default::default() };
        let sign = |secret: &str| {
            let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
            jsonwebtoken::encode(&header, &claims(&clock), &key).unwrap()
        };
        assert!(verifier(&clock).verify(&sign(SECRET)).await.is_ok(), "{name}");
        assert_eq!(verifier(&clock).verify(&sign("")).await.unwrap_err().status(), 401, "{name}");
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_or_points_to_is_not_looked_at() {
    let clock = clock();
    let (mine, key) = ("a secret of the attacker's own", crate::issuer::published(RSA, "r"));
    for header in [
        json!({"jwk": key}),
        json!({"jku": "http://127.0.0.1:1/jwks.json"}),
        json!({"x5u": "http://127.0.0.1:1"}),
    ] {
        let mut header = header;
        (header["alg"], header["typ"]) = (json!("HS256"), json!("JWT"));
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims(&clock)));
        let key = jsonwebtoken::EncodingKey::from_secret(mine.as_bytes());
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
        let problem = verifier(&clock).verify(&format!("{signed}.{signature}")).await.unwrap_err();
        assert_eq!(problem.status(), 401, "{header}");
    }
}
