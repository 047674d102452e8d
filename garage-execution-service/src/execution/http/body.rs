//! A body that may be left out: a step that needs no words is posted without any, as many clients do with
//! `Content-Length: 0` and no `Content-Type`. A body that is there must be right.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
};
use garage_kit::http::{FromFields, Json, Problem, RawBody, read};
use serde_json::{Map, Value};

/// A JSON body, or none: then it reads as an object without fields.
pub(super) struct Optional<T>(pub(super) T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Optional<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let RawBody(bytes) = RawBody::from_request(Request::new(body), state).await?;
        if bytes.is_empty() {
            return read::document(&Value::Object(Map::new())).map(Self);
        }
        let Json(read) = Json::from_request(Request::from_parts(parts, Body::from(bytes)), state).await?;
        Ok(Self(read))
    }
}
