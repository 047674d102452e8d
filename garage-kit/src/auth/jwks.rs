//! An issuer's published keys (RFC 7517): fetched when a token needs them, kept, and fetched again when a
//! token names a key we do not have, but never more often than the issuer would like. Old keys serve on while
//! the issuer is away.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use reqwest::{Client, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::{Failure, program::Misconfigured};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Between two fetches that a strange key asks for: anybody can make up a key's name.
const BETWEEN: TimeDelta = TimeDelta::seconds(30);
/// After a fetch that began and failed, its time limit included: whoever came meanwhile does not wait for another one.
const AGAIN: Duration = Duration::from_secs(7);
/// Keys that are older are fetched again, so that one taken back is not believed for ever.
const OLDEST: TimeDelta = TimeDelta::minutes(10);

/// The algorithms that published keys sign by. None of them takes a public key for a secret.
pub(super) const ACCEPTED: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Why there is no key for a token.
#[derive(Debug)]
pub(super) enum Missing {
    /// The issuer does not publish it.
    Unknown,
    /// The issuer could not be asked, and we have none of its keys.
    Away(Duration),
}

/// Why what somebody says to have signed is not believed.
#[derive(Debug, thiserror::Error)]
pub enum NotBelieved {
    /// It is not what it must be; the reason ends the sentence "the token …".
    #[error("the token {0}")]
    Token(&'static str),
    /// The issuer could not be asked for its keys, and we have none of them.
    #[error("the issuer's keys could not be fetched")]
    Away,
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

/// The keys that an issuer publishes at one address.
pub struct Jwks {
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
        Self::at(url).map_err(|cause| Misconfigured::new(format!("JWKS_URL cannot be asked: {cause}")))
    }

    /// The keys at this address, which is asked when a token needs one.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(url: Url) -> Result<Self, Failure> {
        let client = Client::builder().timeout(TIME_LIMIT).redirect(Policy::none()).build();
        let client = client.map_err(|cause| Failure::lasting("making an HTTP client", cause))?;
        Ok(Self { url, client, keys: RwLock::default(), next: Mutex::new(DateTime::<Utc>::MIN_UTC) })
    }

    /// Where they are.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// What the issuer has signed with one of its keys by RS256 or ES256. Nothing but the signature is looked at: whom it
    /// is for and until when is the caller's to check.
    ///
    /// # Errors
    /// When it is not signed so, or when the keys are needed and away.
    pub async fn claims(&self, token: &str, now: DateTime<Utc>) -> Result<Map<String, Value>, NotBelieved> {
        let header = header(token).map_err(NotBelieved::Token)?;
        if !ACCEPTED.contains(&header.alg) {
            return Err(NotBelieved::Token("has an algorithm that is not accepted"));
        }
        let key =
            self.key(header.alg, header.kid.as_deref(), now).await.map_err(|missing| match missing {
                Missing::Unknown => {
                    NotBelieved::Token("is signed with a key that its issuer does not publish")
                }
                Missing::Away(_) => NotBelieved::Away,
            })?;
        let read = decode(token, &key, &signature_only(header.alg));
        read.map(|read| read.claims).map_err(|_| NotBelieved::Token("has a signature that is not right"))
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

/// By which algorithm and key a token says to be signed; what is wrong with it ends the sentence "the token …".
pub(super) fn header(token: &str) -> Result<Header, &'static str> {
    let header = decode_header(token).map_err(|_| "is not a JWT with an accepted algorithm")?;
    let asks = header.crit.is_some();
    if asks { Err("asks for an extension that is not understood here") } else { Ok(header) }
}

/// The library holds times against the machine's clock; we do that ourselves.
pub(super) fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    validation
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
