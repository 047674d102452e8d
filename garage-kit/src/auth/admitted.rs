//! Callers who may take a route, as arguments of its handler. Axum reads arguments in order and the body last, so a
//! route that names its callers first answers 401 and 403 before anything else of the request is read: who may not
//! learns nothing of what would be right, and costs us no reading.

use std::{marker::PhantomData, ops::Deref};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::Caller;
use crate::http::Problem;

/// Roles that may do the same things. Which words are roles is the services' affair.
pub trait Group: Send + Sync {
    /// Any of these will do.
    const ROLES: &'static [&'static str];
}

/// A caller who has one of the roles of `G`. Everybody else is answered with 401 or 403.
#[derive(Clone, Debug)]
pub struct By<G>(Caller, PhantomData<G>);

/// A caller who has one of the roles of `G`, or who holds a link to some one thing. Whether it is the thing that the
/// request is about, the handler must ask with [`Caller::concerns`].
#[derive(Clone, Debug)]
pub struct ByOrLink<G>(Caller, PhantomData<G>);

impl<G> Deref for By<G> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<G> Deref for ByOrLink<G> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl<G: Group, S: Send + Sync> FromRequestParts<S> for By<G> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        caller.require(G::ROLES)?;
        Ok(Self(caller, PhantomData))
    }
}

impl<G: Group, S: Send + Sync> FromRequestParts<S> for ByOrLink<G> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.scope().is_none() {
            caller.require(G::ROLES)?;
        }
        Ok(Self(caller, PhantomData))
    }
}
