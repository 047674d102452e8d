//! Tokens of every sort, and a server that publishes keys.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use garage_kit::clock::Clock;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, OwnedMutexGuard, RwLock},
};

pub(crate) const RSA: &[u8] = include_bytes!("keys/rsa.der");
pub(crate) const EC: &[u8] = include_bytes!("keys/ec.der");
pub(crate) const OTHER_EC: &[u8] = include_bytes!("keys/other-ec.der");
pub(crate) const SECRET: &str = "a secret that only this test knows";

pub(crate) fn clock() -> Clock {
    Clock::manual("2026-02-08T10:00:00Z".parse().unwrap())
}

/// Claims that are right for an hour.
pub(crate) fn claims(clock: &Clock) -> Value {
    json!({"sub": "ana", "roles": ["manager"], "exp": clock.now().timestamp() + 3600})
}

pub(crate) fn hs256(secret: &str, claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

pub(crate) fn rs256(der: &[u8], id: &str, claims: &Value) -> String {
    signed(Algorithm::RS256, &EncodingKey::from_rsa_der(der), id, claims)
}

pub(crate) fn es256(der: &[u8], id: &str, claims: &Value) -> String {
    signed(Algorithm::ES256, &EncodingKey::from_ec_der(der), id, claims)
}

fn signed(algorithm: Algorithm, key: &EncodingKey, id: &str, claims: &Value) -> String {
    let header = Header { kid: (!id.is_empty()).then(|| id.to_owned()), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}

/// The published half of a key.
pub(crate) fn published(der: &[u8], id: &str) -> Value {
    let (key, algorithm) = match der == RSA {
        true => (EncodingKey::from_rsa_der(der), Algorithm::RS256),
        false => (EncodingKey::from_ec_der(der), Algorithm::ES256),
    };
    let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
    jwk.common.key_id = Some(id.to_owned());
    serde_json::to_value(jwk).unwrap()
}

/// A server of keys that counts how often it is asked; without keys it answers 500.
#[derive(Clone, Default)]
pub(crate) struct Issuer {
    keys: Arc<RwLock<Option<Vec<Value>>>>,
    asked: Arc<AtomicUsize>,
    slow: Arc<Mutex<()>>,
}

impl Issuer {
    /// Its address, under which it answers until the test ends.
    pub(crate) async fn start(&self) -> String {
        garage_kit::program::install_crypto();
        let router = Router::new().route("/jwks.json", get(answer)).with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    pub(crate) async fn publish(&self, keys: Option<Vec<Value>>) {
        *self.keys.write().await = keys;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Nobody is answered while this is held.
    pub(crate) async fn hesitate(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.slow).lock_owned().await
    }
}

async fn answer(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    issuer.asked.fetch_add(1, Ordering::SeqCst);
    drop(issuer.slow.lock().await);
    let keys = issuer.keys.read().await.clone().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({"keys": keys})))
}
