//! What stands in the address: the path's parameter and the query. Both answer 400 with the parameter's name,
//! as a body does with its fields.

use axum::{
    extract::{FromRequestParts, Query as Pairs, RawPathParams},
    http::{Uri, request::Parts},
};
use serde::de::{
    DeserializeOwned, IntoDeserializer,
    value::{Error, StrDeserializer},
};
use serde_json::{Map, Value};

use super::{FieldError, FromFields, Problem, read};

/// The one parameter of a route's path, read by serde: an id, a plate.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let unreadable =
            |_| Problem::malformed("the path is not valid UTF-8 once its percent signs are decoded");
        let params = RawPathParams::from_request_parts(parts, state).await.map_err(unreadable)?;
        let (name, text) = params.iter().next().ok_or_else(without_parameter)?;
        let refused = |detail: String| Problem::invalid(vec![FieldError::new(name, detail)]);
        if text.contains('\0') {
            return Err(refused("must not contain the NUL character".to_owned()));
        }
        let text: StrDeserializer<'_, Error> = text.into_deserializer();
        T::deserialize(text).map(Self).map_err(|cause| refused(read::wanted(&cause.to_string())))
    }
}

fn without_parameter() -> Problem {
    tracing::error!("a handler takes a path parameter that its route does not have");
    Problem::internal()
}

/// The query, read by [`FromFields`]: every value is a text; empty ones count as missing.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T: FromFields, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri).map(Self)
    }
}

pub(super) fn query<T: FromFields>(uri: &Uri) -> Result<T, Problem> {
    let unreadable =
        |_| Problem::malformed("the query is not valid UTF-8 once its percent signs are decoded");
    let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(unreadable)?;
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    let object: Map<String, Value> = given.map(|(name, value)| (name, Value::String(value))).collect();
    let document = Value::Object(object);
    read::without_nul(&document)?;
    read::document(&document)
}
