//! What a believed token says of its bearer.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use serde_json::{Map, Value};

use super::Verifier;
use crate::http::{Peer, Problem};

/// Whoever sent a request, as their token has it. As an argument of a handler it makes the route answer 401
/// without a valid token.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Believed>);

/// The claims of a token whose signature is right.
#[derive(Debug)]
pub(super) struct Believed {
    pub(super) subject: String,
    pub(super) roles: Vec<String>,
    pub(super) scope: Option<String>,
    pub(super) claims: Map<String, Value>,
}

impl Caller {
    pub(super) fn new(believed: Believed) -> Self {
        Self(Arc::new(believed))
    }

    /// Who (`sub`).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// What they are (`roles`).
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.0.roles
    }

    /// The one thing that the token is for (`scope`), such as `work-order:<id>`; `None` for all that the
    /// roles allow.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// Any other claim.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.claims.get(name)
    }

    /// Whether the caller is one of these, and not held to one thing by a scope.
    #[must_use]
    pub fn is(&self, roles: &[&str]) -> bool {
        self.scope().is_none() && self.roles().iter().any(|role| roles.contains(&role.as_str()))
    }

    /// Lets pass who is one of these.
    ///
    /// # Errors
    /// 403 for everybody else, and for tokens that are scoped to one thing.
    pub fn require(&self, roles: &[&str]) -> Result<(), Problem> {
        if self.is(roles) {
            return Ok(());
        }
        let detail = match self.scope() {
            Some(_) => "this token is for one thing, and this is another".to_owned(),
            None => format!("this takes one of the roles {}", roles.join(", ")),
        };
        Err(Problem::forbidden(detail))
    }

    /// Whether the caller has to do with this thing: a link, if it is the link's own; anybody else, with everything that
    /// their roles allow.
    #[must_use]
    pub fn concerns(&self, scope: &str) -> bool {
        self.scope().is_none_or(|own| own == scope)
    }

    /// Lets pass who is one of these, or holds a token for exactly this thing.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn require_or_scope(&self, roles: &[&str], scope: &str) -> Result<(), Problem> {
        if self.scope() == Some(scope) { Ok(()) } else { self.require(roles) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(verifier) = parts.extensions.get::<Verifier>() else {
            tracing::error!("a route that needs a caller stands outside the shell");
            return Err(Problem::internal());
        };
        let believed = match bearer(&parts.headers) {
            Ok(token) => verifier.verify(token).await,
            Err(missing) => Err(missing),
        };
        believed.map_err(|problem| verifier.refuse(Peer::of(parts), problem))
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthorized("a token is missing: send Authorization: Bearer <token>"));
    };
    let (scheme, token) = value.to_str().unwrap_or_default().split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        return Ok(token.trim());
    }
    Err(Problem::unauthorized("Authorization must be Bearer <token>"))
}
