//! An issuer's published keys (RFC 7517): fetched when a token needs them, kept, and fetched again when a
//! token names a key we do not have, but never more often than the issuer would like, whatever becomes of the request
//! that asked. Old keys serve on while newer ones are on their way or the issuer is away.

use std::{
    error::Error,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::{sync::watch, time::timeout};

use crate::{Failure, program::Misconfigured};

const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Between two fetches that a strange key asks for: anybody can make up a key's name.
const BETWEEN: TimeDelta = TimeDelta::seconds(30);
/// After a fetch that began and failed, its time limit included: whoever came meanwhile does not wait for another one.
const AGAIN: Duration = Duration::from_secs(7);
/// Keys that are older are fetched again, so that one taken back is not believed for ever.
const OLD: TimeDelta = TimeDelta::minutes(10);
/// Keys that are older do not serve while newer ones are on their way, unless the issuer is known to be away.
const TOO_OLD: TimeDelta = TimeDelta::hours(1);
/// No honest set of keys is longer, in bytes.
const LONGEST: usize = 64 * 1024;

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
pub struct Jwks(Arc<Issuer>);

struct Issuer {
    url: Url,
    client: Client,
    keys: RwLock<Option<Keys>>,
    asking: watch::Sender<Asking>,
}

/// One asks for all.
struct Asking {
    /// When the issuer may be asked again.
    next: DateTime<Utc>,
    underway: bool,
    /// The last time was in vain.
    failed: bool,
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
        let asking =
            watch::Sender::new(Asking { next: DateTime::<Utc>::MIN_UTC, underway: false, failed: false });
        Ok(Self(Arc::new(Issuer { url, client, keys: RwLock::default(), asking })))
    }

    /// Where they are.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0.url
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
        let known = self.0.keys();
        let age = known.as_ref().map_or(TimeDelta::MAX, |keys| now - keys.fetched);
        let found = known.and_then(|keys| keys.find(algorithm, id));
        if found.is_none() || age >= OLD {
            self.ask(now);
        }
        if let Some(key) = found
            && (age < TOO_OLD || self.0.asking.borrow().failed)
        {
            return Ok(key);
        }
        self.answered().await;
        let keys = self.0.keys().ok_or(Missing::Away(AGAIN))?;
        keys.find(algorithm, id).ok_or(Missing::Unknown)
    }

    /// Fetches the keys unless that was tried lately, in a task of its own: whoever asked for them may hang up.
    fn ask(&self, now: DateTime<Utc>) {
        let is_time = self.0.asking.send_if_modified(|asking| {
            let is_time = now >= asking.next;
            if is_time {
                (asking.next, asking.underway) = (now + AGAIN, true);
            }
            is_time
        });
        if is_time {
            let issuer = Arc::clone(&self.0);
            tokio::spawn(async move { issuer.refresh(now).await });
        }
    }

    /// Waits while they are on their way.
    async fn answered(&self) {
        let mut asking = self.0.asking.subscribe();
        let _ = timeout(AGAIN, asking.wait_for(|asking| !asking.underway)).await;
    }
}

impl Issuer {
    fn keys(&self) -> Option<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, now: DateTime<Utc>) {
        let fetched = self.fetch().await;
        let failed = fetched.is_err();
        match fetched {
            Ok(published) => {
                let keys = Keys { published: published.into(), fetched: now };
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
            }
            Err(cause) => {
                let issuer = self.url.host_str().unwrap_or_default();
                tracing::warn!(%cause, issuer, "the issuer's keys could not be fetched");
            }
        }
        let next = if failed { now + AGAIN } else { now + BETWEEN };
        self.asking.send_replace(Asking { next, underway: false, failed });
    }

    /// What went wrong is told neither with the whole address nor in the library's words that repeat it: it may hold a
    /// password.
    async fn fetch(&self) -> Result<Vec<Published>, Box<dyn Error + Send + Sync>> {
        let answer = self.client.get(self.url.clone()).send().await;
        let answer = answer.and_then(Response::error_for_status).map_err(reqwest::Error::without_url)?;
        let set: Set = serde_json::from_slice(&body(answer).await?)?;
        Ok(set.keys.into_iter().filter_map(published).collect())
    }
}

async fn body(mut answer: Response) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + part.len() > LONGEST {
            return Err(format!("the answer is longer than {LONGEST} bytes").into());
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
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
