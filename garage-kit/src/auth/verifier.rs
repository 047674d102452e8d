//! Which tokens are believed. The algorithm is the verifier's choice, never the token's: HS256 belongs to the
//! secret, RS256 and ES256 to the published keys, and nothing else is accepted, `none` least of all. Times
//! are held against the injected clock.

use std::{fmt, sync::Arc, time::Duration};

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, decode, errors::ErrorKind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::{
    Caller,
    cache::Cache,
    caller::Believed,
    jwks::{ACCEPTED, Jwks, Missing, header, signature_only},
};
use crate::{
    clock::Clock,
    http::{Peer, Problem, Proxies, RateLimit},
    program::{Env, Misconfigured},
};

/// A shorter secret can be guessed from one token, off line.
const SHORTEST_SECRET: usize = 16;
/// No honest token is longer, in bytes.
const LONGEST_TOKEN: usize = 8192;
/// What one address may be wrong about tokens in a row, and again per period: a client that does not notice that its
/// token has expired is slowed down, and so is whoever tries tokens out. A right token is never refused for the wrong ones
/// of a neighbour, as a whole shop may have one address.
const FAILURES: u32 = 300;
const PERIOD: Duration = Duration::from_secs(300);
/// How far an issuer's clock may be ahead of ours.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

/// Believes tokens, or says why not. Copies share keys and memory.
#[derive(Clone)]
pub struct Verifier(Arc<Trust>);

#[derive(Clone)]
struct Trust {
    clock: Clock,
    secret: Option<DecodingKey>,
    jwks: Option<Arc<Jwks>>,
    audience: Option<String>,
    issuer: Option<String>,
    cache: Arc<Cache>,
    failures: RateLimit,
    proxies: Proxies,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trust { audience, issuer, secret, jwks, .. } = &*self.0;
        let (by_secret, by_keys) = (secret.is_some(), jwks.is_some());
        write!(
            f,
            "Verifier {{ by_secret: {by_secret}, by_keys: {by_keys}, audience: {audience:?}, issuer: {issuer:?} }}"
        )
    }
}

impl Verifier {
    /// Believes nobody yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let failures = RateLimit::new(FAILURES, PERIOD, clock.clone());
        Self(Arc::new(Trust {
            clock,
            failures,
            proxies: Proxies::default(),
            secret: None,
            jwks: None,
            audience: None,
            issuer: None,
            cache: Arc::default(),
        }))
    }

    /// From `JWT_SECRET`, `JWKS_URL`, `JWT_AUDIENCE`, `JWT_ISSUER` and `TRUSTED_PROXIES`.
    ///
    /// # Errors
    /// When neither secret nor keys are configured, or one of the five is not as it should be.
    pub fn from_env(env: &Env, clock: Clock) -> Result<Self, Misconfigured> {
        let (secret, jwks) = (env.secret("JWT_SECRET")?, env.url("JWKS_URL", &["https", "http"])?);
        if secret.is_none() && jwks.is_none() {
            return Err(Misconfigured::new(
                "JWT_SECRET is not set: give the secret that signs tokens, or the address of an issuer's keys in JWKS_URL",
            ));
        }
        let mut verifier = Self::new(clock);
        if let Some(secret) = &secret {
            verifier = verifier.secret(secret)?;
        }
        if let Some(url) = &jwks {
            verifier = verifier.jwks(url.expose_secret())?;
        }
        const NETWORKS: &str = "addresses or networks with commas between, such as 10.0.0.0/8";
        let proxies = env.parse("TRUSTED_PROXIES", NETWORKS)?.unwrap_or_default();
        Ok(verifier.claims(env.text("JWT_AUDIENCE")?, env.text("JWT_ISSUER")?).behind(proxies))
    }

    /// Also believes HS256 tokens signed with `secret`.
    ///
    /// # Errors
    /// When the secret is too short to be one.
    pub fn secret(self, secret: &SecretString) -> Result<Self, Misconfigured> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < SHORTEST_SECRET {
            return Err(Misconfigured::new(format!(
                "JWT_SECRET must have at least {SHORTEST_SECRET} bytes; it has {}",
                bytes.len()
            )));
        }
        Ok(self.with(|trust| trust.secret = Some(DecodingKey::from_secret(bytes))))
    }

    /// Also believes RS256 and ES256 tokens signed with a key that is published at `url`. It is asked when a
    /// token needs it, so an issuer that is away does not keep the service from starting.
    ///
    /// # Errors
    /// When `url` is none.
    pub fn jwks(self, url: &str) -> Result<Self, Misconfigured> {
        let jwks = Arc::new(Jwks::new(url)?);
        Ok(self.with(|trust| trust.jwks = Some(jwks)))
    }

    /// Believes only tokens for this audience (`aud`) and from this issuer (`iss`), where given.
    #[must_use]
    pub fn claims(self, audience: Option<String>, issuer: Option<String>) -> Self {
        self.with(|trust| (trust.audience, trust.issuer) = (audience, issuer))
    }

    /// Takes these proxies' word on a client's address.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        self.with(|trust| trust.proxies = proxies)
    }

    /// Whose word on a client's address is taken.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    /// What somebody is answered whose token is missing or wrong: 401, or 429 if it was so too often.
    pub(super) fn refuse(&self, peer: Peer, problem: Problem) -> Problem {
        let is_theirs = problem.status() == StatusCode::UNAUTHORIZED;
        let too_often = is_theirs.then(|| self.0.failures.check(peer).err()).flatten();
        too_often.unwrap_or(problem)
    }

    fn with(self, change: impl FnOnce(&mut Trust)) -> Self {
        let mut trust = (*self.0).clone();
        change(&mut trust);
        trust.cache = Arc::default();
        Self(Arc::new(trust))
    }

    /// Who the bearer of `token` is.
    ///
    /// # Errors
    /// 401 with the reason; 503 when the issuer's keys are needed and away.
    pub async fn verify(&self, token: &str) -> Result<Caller, Problem> {
        let now = self.0.clock.now();
        match self.0.cache.get(token, now) {
            Some(caller) => Ok(caller),
            None => self.0.check(token, now).await,
        }
    }
}

impl Trust {
    async fn check(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, Problem> {
        if token.len() > LONGEST_TOKEN {
            return Err(invalid("the token is too long"));
        }
        let header = header(token).map_err(|wrong| invalid(&format!("the token {wrong}")))?;
        let key = self.key(header.alg, header.kid.as_deref(), now).await?;
        let claims = decode::<Map<String, Value>>(token, &key, &signature_only(header.alg))
            .map_err(|cause| unreadable(cause.kind()))?
            .claims;
        let expires = self.check_claims(&claims, now)?;
        let caller = Caller::new(believed(claims, header.alg == Algorithm::HS256)?);
        self.cache.put(token, caller.clone(), expires, now);
        Ok(caller)
    }

    async fn key(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<DecodingKey, Problem> {
        let not_accepted = || invalid("the token's algorithm is not accepted here");
        if algorithm == Algorithm::HS256 {
            return self.secret.clone().ok_or_else(not_accepted);
        }
        if !ACCEPTED.contains(&algorithm) {
            return Err(not_accepted());
        }
        let jwks = self.jwks.as_ref().ok_or_else(not_accepted)?;
        jwks.key(algorithm, id, now).await.map_err(|missing| match missing {
            Missing::Unknown => invalid("the token is signed with a key that its issuer does not publish"),
            Missing::Away(wait) => Problem::unavailable(wait),
        })
    }

    /// When the token expires, if it is valid now and meant for us.
    fn check_claims(
        &self,
        claims: &Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, Problem> {
        let expires = instant(claims, "exp")?
            .ok_or_else(|| invalid("the token has no exp: it must say when it expires"))?;
        if expires <= now {
            return Err(invalid("the token has expired"));
        }
        if instant(claims, "nbf")?.is_some_and(|from| from > now + LEEWAY) {
            return Err(invalid("the token is not valid yet"));
        }
        let matches = |wanted: &Option<String>, claim| {
            wanted.as_ref().is_none_or(|wanted| names(claims.get(claim), wanted))
        };
        if !matches(&self.audience, "aud") {
            return Err(invalid("the token is for another audience"));
        }
        if !matches(&self.issuer, "iss") {
            return Err(invalid("the token is from another issuer"));
        }
        Ok(expires)
    }
}

/// RFC 6750: what is wrong, in the header as in the body. Never says more than the token's bearer can act on.
fn invalid(reason: &str) -> Problem {
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"");
    Problem::unauthorized(reason).header(axum::http::header::WWW_AUTHENTICATE, challenge)
}

fn unreadable(cause: &ErrorKind) -> Problem {
    let forged = matches!(cause, ErrorKind::InvalidSignature);
    invalid(if forged { "the token's signature is not right" } else { "the token cannot be read" })
}

/// Seconds since 1970, whole or not (RFC 7519's NumericDate).
fn instant(claims: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_f64()
        .filter(|seconds| seconds.is_finite())
        .ok_or_else(|| invalid(&format!("the token's {name} is not a time")))?;
    let since = TimeDelta::try_milliseconds(
        value.as_i64().map_or_else(|| saturated(seconds), |whole| whole.saturating_mul(1000)),
    );
    let time = since.and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since));
    Ok(Some(time.unwrap_or(if seconds > 0.0 { DateTime::<Utc>::MAX_UTC } else { DateTime::<Utc>::MIN_UTC })))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from a float saturates, which is what a time out of range needs"
)]
fn saturated(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

fn names(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::Array(values)) => values.iter().any(|value| value == wanted),
        Some(value) => value == wanted,
        None => false,
    }
}

/// Links are ours, so only the shared secret makes them. In another issuer's tokens `scope` has OAuth's
/// meaning, which is not for us, and stays one claim among others.
fn believed(mut claims: Map<String, Value>, ours: bool) -> Result<Believed, Problem> {
    let subject = text(claims.remove("sub"), "sub")?
        .ok_or_else(|| invalid("the token has no sub: it must say who its bearer is"))?;
    let scope = if ours { text(claims.remove("scope"), "scope")? } else { None };
    let roles = claims.remove("roles").unwrap_or_else(|| Value::Array(Vec::new()));
    let roles =
        serde_json::from_value(roles).map_err(|_| invalid("the token's roles must be a list of texts"))?;
    Ok(Believed { subject, roles, scope, claims })
}

fn text(claim: Option<Value>, name: &str) -> Result<Option<String>, Problem> {
    match claim {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(&format!("the token's {name} must be a text"))),
    }
}
