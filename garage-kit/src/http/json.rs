//! JSON bodies, in and out. A body is read whole before anything happens: its size, its media type, its
//! syntax and its fields each have their own answer.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{FromFields, Problem, read};

/// No body may be larger, in bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A JSON body: a request's, read by [`FromFields`], or an answer's, written by serde.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

impl<T: FromFields, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read::document(&json(request).await?).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
            }
            Err(cause) => {
                tracing::error!(%cause, "an answer could not be written as JSON");
                Problem::internal().into_response()
            }
        }
    }
}

/// A JSON body that may be left out: then it reads as an object without fields. A step that needs no words is posted
/// without any, as many clients do with `Content-Length: 0` and no `Content-Type`; a body that is there must be right.
#[derive(Clone, Debug)]
pub struct Optional<T>(pub T);

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

/// The body as it was sent, for what must be checked byte by byte: a webhook's signature.
#[derive(Clone, Debug)]
pub struct RawBody(pub Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        collect(request.into_body()).await.map(Self)
    }
}

/// 201 with the `Location` of what was made.
#[derive(Clone, Debug)]
pub struct Created<T>(pub String, pub T);

impl<T: IntoResponse> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, self.1).into_response();
        if let Ok(location) = HeaderValue::from_str(&self.0) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// The document that was sent, free of what the databases cannot keep.
pub(super) async fn json(request: Request) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let body = collect(body).await?;
    if body.is_empty() {
        return Err(Problem::malformed("the body is empty; it must be a JSON object"));
    }
    if !is_json(&parts.headers) {
        return Err(Problem::unsupported_media_type("application/json"));
    }
    let document = serde_json::from_slice(&body)
        .map_err(|cause| Problem::malformed(format!("the body is not valid JSON: {cause}")))?;
    read::without_nul(&document)?;
    Ok(document)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A client that dawdles is no failure of ours.
async fn collect(body: Body) -> Result<Vec<u8>, Problem> {
    let slow = |_| {
        let detail = format!("the body must arrive within {} seconds", PATIENCE.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail)
    };
    timeout(PATIENCE, whole(body)).await.map_err(slow)?
}

async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the body broke off"))?;
        if whole.len() + chunk.len() > BODY_LIMIT {
            return Err(Problem::too_large(BODY_LIMIT));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
