//! The provider's ways of saying no: its usual shape, its front gate's, and the page of something in between
//! that is no JSON at all.

use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER as RETRY_AFTER_HEADER},
    response::{Html, IntoResponse, Response},
};
use garage_kit::Failure;
use serde_json::{Value, json};

use crate::gateway::sandbox::{Unanswered, faults::Fault, ledger::Refusal};

pub(super) struct Error(Kind);

enum Kind {
    Provider(StatusCode, Value),
    InBetween(StatusCode),
    Busy,
}

/// When a busy provider wants to be asked again, in seconds.
const RETRY_AFTER: u64 = 5;

impl Error {
    /// A request that is not as it must be.
    pub(super) fn malformed(code: u16, description: &str) -> Self {
        Self::provider(StatusCode::BAD_REQUEST, "bad_request", json!(code), description)
    }

    pub(super) fn wrong_token() -> Self {
        let body =
            json!({"message": "invalid access token", "error": "unauthorized", "status": 401, "cause": []});
        Self(Kind::Provider(StatusCode::UNAUTHORIZED, body))
    }

    pub(super) fn without_token() -> Self {
        let body = json!({"code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES", "blocked_by": "PolicyAgent",
            "message": "At least one policy returned UNAUTHORIZED.", "status": 403});
        Self(Kind::Provider(StatusCode::FORBIDDEN, body))
    }

    fn provider(status: StatusCode, error: &str, code: Value, description: &str) -> Self {
        let cause = json!([{"code": code, "description": description, "data": null}]);
        Self(Kind::Provider(
            status,
            json!({"message": description, "error": error, "status": status.as_u16(), "cause": cause}),
        ))
    }

    fn failed(failure: &Failure) -> Self {
        tracing::error!(%failure, "the sandbox's store failed");
        let body = json!({"message": "internal_error", "error": "internal_server_error", "status": 500, "cause": []});
        Self(Kind::Provider(StatusCode::INTERNAL_SERVER_ERROR, body))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code().parse::<u16>().map_or_else(|_| json!(refusal.code()), Value::from);
        let (status, error) = match refusal {
            Refusal::NotFound | Refusal::NoSuchRefund => (StatusCode::NOT_FOUND, "not_found"),
            Refusal::KeyReused => (StatusCode::CONFLICT, "conflict"),
            Refusal::NotPending
            | Refusal::NotCaptured
            | Refusal::AlreadyRefunded
            | Refusal::TooMuch
            | Refusal::NotPositive => (StatusCode::BAD_REQUEST, "bad_request"),
        };
        Self::provider(status, error, code, &refusal.to_string())
    }
}

impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(refusal) => refusal.into(),
            Unanswered::Fault(Fault::Unavailable) => Self(Kind::InBetween(StatusCode::SERVICE_UNAVAILABLE)),
            Unanswered::Fault(Fault::Busy) => Self(Kind::Busy),
            Unanswered::Fault(Fault::RequestLost | Fault::AnswerLost | Fault::Slow) => {
                Self(Kind::InBetween(StatusCode::GATEWAY_TIMEOUT))
            }
            Unanswered::Failed(failure) => Self::failed(&failure),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self.0 {
            Kind::Provider(status, body) => (status, Json(body)).into_response(),
            Kind::Busy => {
                let body = json!({"message": "Too many requests", "error": "too_many_requests", "status": 429, "cause": []});
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER_HEADER, RETRY_AFTER.to_string())], Json(body))
                    .into_response()
            }
            Kind::InBetween(status) => (status, Html(format!("<h1>{status}</h1>"))).into_response(),
        }
    }
}
