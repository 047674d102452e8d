//! The one shape of every error: RFC 9457, which also carries what the original's clients read (`statusCode`,
//! `message`, `error`). The body says what the caller can act on; causes go to the log, never here.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use axum::{
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, Response as Documented, ResponseBuilder},
};

use crate::{Failure, Unchanged};

/// When to come back after a failure that heals by itself.
const SOON: Duration = Duration::from_secs(2);
/// A detail never echoes more of what was sent than this many characters.
const LONGEST_DETAIL: usize = 300;

/// A request that was not granted, and why. Goes out as `application/problem+json`; the shell fills in the
/// path and the request's id.
#[derive(Clone, Debug)]
pub struct Problem(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    title: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    headers: HeaderMap,
}

/// One field of a request that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: `name`, `items[0].quantity`, a parameter's name.
    pub field: String,
    /// What would be right.
    #[schema(example = "is required")]
    pub detail: String,
}

impl FieldError {
    /// Says of `field` what would be right, as the end of a sentence: `must be …`, `is required`.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: shortened(field.into()), detail: shortened(detail.into()) }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Problem {
    /// Any problem. `code` is the stable word for programs, in snake case; the title is the status' own.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").into();
        let detail = shortened(detail.into());
        Self(Box::new(Parts { status, code, title, detail, errors: Vec::new(), headers: HeaderMap::new() }))
    }

    /// 400: the request reads, but fields of it are not valid. Lists them all.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.detail),
            many => format!("{} fields are not valid", many.len()),
        };
        let mut problem =
            Self::new(StatusCode::BAD_REQUEST, "validation_failed", detail).titled("Validation failed");
        problem.0.errors = errors;
        problem
    }

    /// 400: the request cannot be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail).titled("Malformed request")
    }

    /// 401: nobody is known to be asking. `WWW-Authenticate` names the scheme.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).header(WWW_AUTHENTICATE, "Bearer")
    }

    /// 403: the caller is known and may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404: there is no such `what` ("quote").
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    /// 409: not possible in this state; says which.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    /// 412: the caller decided on a version that has passed.
    #[must_use]
    pub fn stale(version: u64) -> Self {
        let detail = format!("it has changed meanwhile and is at version {version} now: read it again");
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
    }

    /// 413: the body is over the limit, in bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body may have at most {limit} bytes"),
        )
    }

    /// 415: the body is something else than `wanted`.
    #[must_use]
    pub fn unsupported_media_type(wanted: &str) -> Self {
        let detail = format!("the body must be {wanted}, named by Content-Type");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// 429: too often; `Retry-After` says when again.
    #[must_use]
    pub fn too_many(retry_after: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests: wait a little")
            .retry_after(retry_after)
    }

    /// 503: not now; `Retry-After` says when again.
    #[must_use]
    pub fn unavailable(retry_after: Duration) -> Self {
        let detail = "something this service needs is away: try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after)
    }

    /// 500: our mistake. Whoever makes one logs why; the body never says.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something went wrong on our side; the request's id finds it in our log",
        )
    }

    /// What a bare status means, for answers that were not ours to word.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(status, "not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => Self::new(
                status,
                "method_not_allowed",
                "this address does not know this method; Allow lists those it knows",
            ),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(SOON),
            _ if status.is_server_error() => Self::internal(),
            _ => Self::new(status, "refused", status.canonical_reason().unwrap_or("refused").to_lowercase()),
        }
    }

    /// The same problem under a narrower code.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// The same problem with what stands in the way, each under its name.
    #[must_use]
    pub fn about(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The same problem with another title.
    #[must_use]
    pub fn titled(mut self, title: impl Into<Cow<'static, str>>) -> Self {
        self.0.title = title.into();
        self
    }

    /// The same problem with a header of its own. One that cannot be a header is left out.
    #[must_use]
    pub fn header(mut self, name: axum::http::HeaderName, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.0.headers.insert(name, value);
        }
        self
    }

    fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(RETRY_AFTER, seconds.max(1).to_string())
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What the caller can act on.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The fields that are not valid.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The body, for a request to `instance` that is known by `request_id`.
    #[must_use]
    pub fn body<'a>(&'a self, instance: Option<&'a str>, request_id: Option<&'a str>) -> ProblemBody<'a> {
        let Parts { status, code, title, detail, errors, .. } = &*self.0;
        let message = match errors.as_slice() {
            [] => Message::Text(detail),
            errors => Message::List(
                errors.iter().map(|error| format!("{} {}", error.field, error.detail)).collect(),
            ),
        };
        ProblemBody {
            r#type: format!("urn:garage:problem:{code}"),
            title,
            status: status.as_u16(),
            detail,
            instance,
            status_code: status.as_u16(),
            message,
            error: status.canonical_reason().unwrap_or("Error"),
            code,
            errors,
            request_id,
        }
    }

    /// The whole response. `plain` is for clients that know `application/json` only.
    pub(super) fn render(&self, instance: Option<&str>, request_id: Option<&str>, plain: bool) -> Response {
        let body = serde_json::to_vec(&self.body(instance, request_id)).unwrap_or_default();
        let media =
            HeaderValue::from_static(if plain { "application/json" } else { "application/problem+json" });
        let mut response = (self.0.status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, media);
        response.headers_mut().extend(self.0.headers.clone());
        response
    }
}

impl IntoResponse for Problem {
    /// Complete by itself; the problem travels along so that the shell can add what only it knows.
    fn into_response(self) -> Response {
        let mut response = self.render(None, None, false);
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail)?;
        self.0.errors.iter().try_for_each(|error| write!(f, "; {} {}", error.field, error.detail))
    }
}

impl std::error::Error for Problem {}

impl From<Failure> for Problem {
    /// The causes go to the log, where the request's span adds its id.
    fn from(failure: Failure) -> Self {
        tracing::error!(%failure, "a request failed");
        if failure.is_passing() { Self::unavailable(SOON) } else { Self::internal() }
    }
}

impl<R: Into<Self>> From<Unchanged<R>> for Problem {
    fn from(unchanged: Unchanged<R>) -> Self {
        match unchanged {
            Unchanged::Refused(refusal) => refusal.into(),
            Unchanged::Taken(field) => {
                Self::conflict(format!("another one has this {}", field.replace('_', " "))).coded("taken")
            }
            Unchanged::Dangling => {
                Self::conflict("it refers to something that is not there, or something still refers to it")
                    .coded("dangling")
            }
            Unchanged::Failed(failure) => failure.into(),
        }
    }
}

/// The body of every error answer: RFC 9457, with the fields that the original's clients read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody<'a> {
    /// `urn:garage:problem:` and the code.
    #[schema(example = "urn:garage:problem:validation_failed")]
    r#type: String,
    /// The sort of problem, for people.
    #[schema(example = "Validation failed")]
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What is wrong with this request.
    #[schema(example = "name is required")]
    detail: &'a str,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// The HTTP status again, as the original names it.
    #[schema(example = 400)]
    status_code: u16,
    /// The detail; for fields that are not valid, a list with a sentence for each.
    message: Message<'a>,
    /// The reason phrase.
    #[schema(example = "Bad Request")]
    error: &'a str,
    /// The stable word for programs.
    #[schema(example = "validation_failed")]
    code: &'a str,
    /// The fields that are not valid; with a 409 whatever stands in the way, by its id.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// The request's id, by which it is found in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Message<'a> {
    Text(&'a str),
    List(Vec<String>),
}

impl IntoResponses for Problem {
    /// Documents every error of a route in one word: `responses(…, Problem)`.
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        let refused = "The request is not granted: 400 malformed or invalid (every failing field listed), 401 no valid token, \
             403 not allowed, 404 not there, 409 not possible in this state, 412 changed meanwhile, 413 too large, \
             415 not JSON, 429 too often";
        let failed =
            "Our side failed: 500 a mistake, 503 something is away (Retry-After says when to try again)";
        [("4XX", refused), ("5XX", failed)]
            .map(|(status, text)| (status.to_owned(), documented(text).into()))
            .into()
    }
}

fn documented(description: &str) -> Documented {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
