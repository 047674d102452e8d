//! Versions in HTTP's words: an aggregate's version is its `ETag`, so a caller can say which version a
//! decision was made on (`If-Match`, 412 when it has passed). That a reader has the newest already
//! (`If-None-Match`, 304) is the shell's affair.

use axum::{
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{Json, Problem};

/// One aggregate's JSON with its version as `ETag`.
#[derive(Clone, Debug)]
pub struct Versioned<T>(pub u64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.0)) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// For an answer that changes without a new version, as when something becomes stuck: while it `differs` from what whoever
/// has this version may have read, it is sent in full, and never as a 304.
#[must_use]
pub fn in_full(differs: bool) -> Option<[(HeaderName, HeaderValue); 1]> {
    differs.then_some([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
}

/// The version that the caller decided on: `None` when it did not say, or any will do (`*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl IfMatch {
    /// Whether the caller's version is the current one.
    ///
    /// # Errors
    /// 412 when it has passed.
    pub fn check(self, current: u64) -> Result<(), Problem> {
        match self.0 {
            Some(version) if version != current => Err(Problem::stale(current)),
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(tag) = parts.headers.get(header::IF_MATCH) else {
            return Ok(Self(None));
        };
        match tag.to_str().unwrap_or_default().trim() {
            "*" => Ok(Self(None)),
            tag => version(tag).map(|version| Self(Some(version))),
        }
    }
}

fn version(tag: &str) -> Result<u64, Problem> {
    let digits = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let version = digits.and_then(|digits| digits.parse().ok());
    version.ok_or_else(|| {
        Problem::malformed("If-Match must be * or one ETag as this service gives it, such as \"3\"")
    })
}

/// Whether an `If-None-Match` names `tag`. The comparison is the weak one, as RFC 9110 wants it here.
pub(super) fn names(if_none_match: &HeaderValue, tag: &HeaderValue) -> bool {
    let mut known = if_none_match.to_str().unwrap_or_default().split(',').map(str::trim);
    known.any(|known| known == "*" || known.trim_start_matches("W/").as_bytes() == tag.as_bytes())
}
