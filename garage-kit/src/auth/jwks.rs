//! An issuer's published keys (RFC 7517): fetched when a token needs them, kept, and fetched again when a
//! token names a key we do not have, but never more often than the issuer would like. Old keys serve on while
//! the issuer is away.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::program::Misconfigured;

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Between two fetches that a strange key asks for: anybody can make up a key's name.
const BETWEEN: TimeDelta = TimeDelta::seconds(30);
/// After a fetch that failed.
const AGAIN: Duration = Duration::from_secs(2);
/// Keys that are older are fetched again, so that one taken back is not believed for ever.
const OLDEST: TimeDelta = TimeDelta::minutes(10);

/// Why there is no key for a token.
#[derive(Debug)]
pub(super) enum Missing {
    /// The issuer does not publish it.
    Unknown,
    /// The issuer could not be asked, and we have none of its keys.
    Away(Duration),
}

struct Published {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Clone)]
struct Keys {
    published: Arc<[Published]>,
    fetched: DateTime<Utc>,
}

pub(super) struct Jwks {
    url: Url,
    client: Client,
    keys: RwLock<Option<Keys>>,
    /// When the issuer may be asked again; held while asking, so that one asks for all.
    next: Mutex<DateTime<Utc>>,
}

impl Jwks {
    pub(super) fn new(url: &str) -> Result<Self, Misconfigured> {
        let wrong = || {
            Misconfigured::new(
                "JWKS_URL must be an http or https address such as https://issuer.example/jwks.json",
            )
        };
        let url = Url::parse(url).map_err(|_| wrong())?;
        let client = Client::builder().timeout(TIME_LIMIT).redirect(Policy::none()).build();
        let client =
            client.map_err(|cause| Misconfigured::new(format!("JWKS_URL cannot be asked: {cause}")))?;
        Ok(Self { url, client, keys: RwLock::default(), next: Mutex::new(DateTime::<Utc>::MIN_UTC) })
    }

    pub(super) async fn key(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<DecodingKey, Missing> {
        let fresh = self.keys().filter(|keys| now - keys.fetched < OLDEST);
        if let Some(key) = fresh.and_then(|keys| keys.find(algorithm, id)) {
            return Ok(key);
        }
        self.refresh(now).await;
        let keys = self.keys().ok_or(Missing::Away(AGAIN))?;
        keys.find(algorithm, id).ok_or(Missing::Unknown)
    }

    fn keys(&self) -> Option<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, now: DateTime<Utc>) {
        let mut next = self.next.lock().await;
        if now < *next {
            return;
        }
        match self.fetch().await {
            Ok(published) => {
                let keys = Keys { published: published.into(), fetched: now };
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
                *next = now + BETWEEN;
            }
            Err(cause) => {
                // Neither the whole address nor the library's words, which repeat it: it may hold a password.
                let (cause, issuer) = (cause.without_url(), self.url.host_str().unwrap_or_default());
                tracing::warn!(%cause, issuer, "the issuer's keys could not be fetched");
                *next = now + AGAIN;
            }
        }
    }

    async fn fetch(&self) -> Result<Vec<Published>, reqwest::Error> {
        let response = self.client.get(self.url.clone()).send().await?.error_for_status()?;
        let set: Set = response.json().await?;
        Ok(set.keys.into_iter().filter_map(published).collect())
    }
}

impl Keys {
    /// By name; a token that names none is held against the one key that fits, if there is just one.
    fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Option<DecodingKey> {
        let mut fitting = self
            .published
            .iter()
            .filter(|key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id));
        let found = fitting.next()?;
        (id.is_some() || fitting.next().is_none()).then(|| found.key.clone())
    }
}

/// As the JWK set of the library, but one key that we do not understand does not spoil the others.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// A key that signs, in one of the two algorithms that are accepted. The key's type decides which.
fn published(key: Value) -> Option<Published> {
    let key: Jwk = serde_json::from_value(key).ok()?;
    let signs = key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    let algorithm = algorithm(&key.algorithm)?;
    let named = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let decoding = DecodingKey::from_jwk(&key).ok()?;
    (signs && named).then_some(Published { id: key.common.key_id, algorithm, key: decoding })
}

fn algorithm(key: &AlgorithmParameters) -> Option<Algorithm> {
    if let AlgorithmParameters::RSA(_) = key {
        return Some(Algorithm::RS256);
    }
    let AlgorithmParameters::EllipticCurve(curve) = key else {
        return None;
    };
    (curve.curve == EllipticCurve::P256).then_some(Algorithm::ES256)
}
