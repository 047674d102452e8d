//! Making tokens: for the operator's command, for a customer's link, for tests. Only with the shared secret;
//! an issuer that publishes keys makes its own.

use chrono::TimeDelta;
use jsonwebtoken::{EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use crate::{Failure, clock::Clock};

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Grant {
    claims: Map<String, Value>,
    lifetime: TimeDelta,
}

impl Grant {
    /// `subject` may do what these roles may, for `lifetime`.
    #[must_use]
    pub fn new(subject: &str, roles: &[&str], lifetime: TimeDelta) -> Self {
        let claims = Map::from_iter([("sub".to_owned(), json!(subject)), ("roles".to_owned(), json!(roles))]);
        Self { claims, lifetime }
    }

    /// Whoever holds the token may do what concerns `scope` (`work-order:<id>`), as a customer, for `lifetime`.
    #[must_use]
    pub fn link(scope: &str, lifetime: TimeDelta) -> Self {
        Self::new(scope, &["customer"], lifetime).with("scope", scope)
    }

    /// One more claim: `aud`, `iss`, or one of the service's own.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }
}

/// A token for `grant`, signed with `secret` (HS256), from now on.
///
/// # Errors
/// When its lifetime is absurd, or it cannot be signed.
pub fn sign(secret: &SecretString, grant: &Grant, clock: &Clock) -> Result<String, Failure> {
    let now = clock.now();
    let mut claims = grant.claims.clone();
    let too_long = || Failure::lasting("signing a token", "its lifetime ends after the end of time");
    let expires = now.checked_add_signed(grant.lifetime).ok_or_else(too_long)?;
    claims.insert("iat".to_owned(), json!(now.timestamp()));
    claims.entry("exp").or_insert_with(|| json!(expires.timestamp()));
    let key = EncodingKey::from_secret(secret.expose_secret().as_bytes());
    encode(&Header::default(), &claims, &key).map_err(|cause| Failure::lasting("signing a token", cause))
}
