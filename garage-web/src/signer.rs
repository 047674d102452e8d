//! The tokens with which the screens ask: one for a person, by their name and roles, one for a customer's order. Signed
//! with the secret that the services believe, and short-lived, as each request has its own.

use chrono::TimeDelta;
use garage_events::WorkOrderId;
use garage_kit::{
    Failure,
    auth::{Grant, sign},
    clock::Clock,
    program::{Env, Misconfigured},
};
use garage_saga::roles::link_to;
use secrecy::SecretString;

/// Longer than any request, shorter than anybody could make use of.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Signs tokens.
pub struct Signer {
    secret: SecretString,
    audience: Option<String>,
    issuer: Option<String>,
}

impl Signer {
    /// Signs with this secret.
    #[must_use]
    pub const fn new(secret: SecretString) -> Self {
        Self { secret, audience: None, issuer: None }
    }

    /// From `JWT_SECRET`, `JWT_AUDIENCE` and `JWT_ISSUER`.
    ///
    /// # Errors
    /// When the secret is missing, or one of them is not as it should be.
    pub fn from_env(env: &Env) -> Result<Self, Misconfigured> {
        let secret = env.required_secret("JWT_SECRET", "the secret with which the services check tokens")?;
        Ok(Self { secret, audience: env.text("JWT_AUDIENCE")?, issuer: env.text("JWT_ISSUER")? })
    }

    pub(crate) const fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// For somebody who works here.
    pub(crate) fn staff(&self, login: &str, roles: &[&str], clock: &Clock) -> Result<String, Failure> {
        self.sign(Grant::new(login, roles, LIFETIME), clock)
    }

    /// For whoever holds the link to this order.
    pub(crate) fn customer(&self, order: WorkOrderId, clock: &Clock) -> Result<String, Failure> {
        self.sign(Grant::link(&link_to(order), LIFETIME), clock)
    }

    fn sign(&self, grant: Grant, clock: &Clock) -> Result<String, Failure> {
        let claims = [("aud", &self.audience), ("iss", &self.issuer)];
        let given = claims.into_iter().filter_map(|(claim, value)| Some((claim, value.clone()?)));
        let grant = given.fold(grant, |grant, (claim, value)| grant.with(claim, value));
        sign(&self.secret, &grant, clock)
    }
}
