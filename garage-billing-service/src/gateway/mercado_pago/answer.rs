//! What an HTTP answer of the provider amounts to. A no is believed only in the provider's own words: an
//! error page of something in between, or a status that means "not now", leaves open what happened behind it.

use garage_events::PaymentMethod;
use reqwest::StatusCode;
use serde_json::Value;

use super::response::{self, Refund};
use crate::gateway::{Charged, GatewayError};

/// "The same request within the last minute": the provider's own guard against doubles.
const SAME_REQUEST: &str = "801";
/// As much of a foreign sentence as is kept.
const LONGEST: usize = 300;

/// An answer as it came.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Answer {
    /// The body of a yes.
    pub(super) fn body(&self) -> Result<&str, GatewayError> {
        if self.status.is_success() {
            return Ok(&self.body);
        }
        let said = said(&self.body);
        let told = format!("{} ({})", said.as_deref().unwrap_or("no readable reason"), self.status.as_u16());
        Err(if self.is_final(said.is_some()) {
            GatewayError::Refused(told)
        } else {
            GatewayError::Unknown(told)
        })
    }

    /// Whether the provider itself said no for good. Nobody gets past 401 and 403, whoever says it.
    fn is_final(&self, is_the_provider: bool) -> bool {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::LOCKED
            | StatusCode::FAILED_DEPENDENCY
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => false,
            other => other.is_client_error() && is_the_provider,
        }
    }

    /// Whether the provider says that there is no such payment.
    pub(super) fn tells_of_nothing(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && said(&self.body).is_some()
    }

    /// Whether the provider says that this key, or this very charge, is not new to it.
    pub(super) fn tells_of_a_repeat(&self) -> bool {
        let same_request = || causes(&self.body).iter().any(|(code, _)| code == SAME_REQUEST);
        self.status == StatusCode::CONFLICT || (self.status.is_client_error() && same_request())
    }

    pub(super) fn payment(&self) -> Result<Charged, GatewayError> {
        response::payment(self.body()?).map_err(unreadable)
    }

    pub(super) fn found(&self, reference: &str) -> Result<Option<Charged>, GatewayError> {
        response::search(self.body()?, reference).map_err(unreadable)
    }

    pub(super) fn methods(&self) -> Result<Vec<PaymentMethod>, GatewayError> {
        response::methods(self.body()?).map_err(unreadable)
    }

    pub(super) fn refund(&self) -> Result<Refund, GatewayError> {
        serde_json::from_str(self.body()?).map_err(unreadable)
    }
}

/// A yes that cannot be read is a yes to something: no refusal.
fn unreadable(cause: serde_json::Error) -> GatewayError {
    GatewayError::Unknown(format!("an answer that does not read: {cause}"))
}

/// The provider's sentence with its codes. `None` when this is no error of the provider: neither its usual
/// shape (`message`, `error`, `cause`) nor its front gate's (`code`, `blocked_by`, `message`).
fn said(body: &str) -> Option<String> {
    let error: Value = serde_json::from_str(body).ok()?;
    let sentence = error["message"].as_str().or_else(|| error["error"].as_str())?;
    let causes = causes(body)
        .into_iter()
        .map(|(code, description)| format!("{code} {description}").trim_end().to_owned());
    let details: Vec<String> = text(&error["code"]).into_iter().chain(causes).collect();
    let told =
        if details.is_empty() { sentence.to_owned() } else { format!("{sentence}: {}", details.join("; ")) };
    Some(told.chars().take(LONGEST).collect())
}

/// Codes and what they mean; a code is a number or a text.
fn causes(body: &str) -> Vec<(String, String)> {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let list = error["cause"].as_array().cloned().unwrap_or_default();
    let pair = |cause: &Value| Some((text(&cause["code"])?, text(&cause["description"]).unwrap_or_default()));
    list.iter().filter_map(pair).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(ToOwned::to_owned).or_else(|| value.as_number().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALFORMED: &str = r#"{"message":"bad request","error":"bad_request","status":400,
        "cause":[{"code":4037,"description":"Invalid transaction_amount","data":null},{"code":"23","description":"Bad date"}]}"#;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status: StatusCode::from_u16(status).unwrap(), body: body.to_owned() }
    }

    fn is_refused(status: u16, body: &str) -> bool {
        matches!(answer(status, body).body(), Err(GatewayError::Refused(_)))
    }

    #[test]
    fn a_refusal_carries_the_sentence_and_the_codes() {
        let refused = GatewayError::Refused(
            "bad request: 4037 Invalid transaction_amount; 23 Bad date (400)".to_owned(),
        );
        assert_eq!(answer(400, MALFORMED).body(), Err(refused));
    }

    #[test]
    fn the_front_gate_speaks_another_shape_and_is_understood() {
        let gate = r#"{"code":"PA_UNAUTHORIZED_RESULT_FROM_POLICIES","blocked_by":"PolicyAgent","message":"blocked","status":403}"#;
        let refused = GatewayError::Refused("blocked: PA_UNAUTHORIZED_RESULT_FROM_POLICIES (403)".to_owned());
        assert_eq!(answer(403, gate).body(), Err(refused));
    }

    #[test]
    fn only_the_provider_s_own_no_is_believed() {
        assert!(is_refused(400, MALFORMED));
        assert!(is_refused(422, r#"{"error":"bad_request","cause":null}"#));
        assert!(!is_refused(400, "<html>nginx</html>"));
        assert!(!is_refused(413, "[]"));
        assert!(is_refused(401, "") && is_refused(403, "<html>"));
    }

    #[test]
    fn not_now_is_never_a_no() {
        for status in [302, 408, 423, 424, 425, 429, 500, 502, 503, 504] {
            assert!(!is_refused(status, MALFORMED), "{status}");
        }
    }

    #[test]
    fn a_missing_payment_is_the_provider_s_word_and_not_a_wrong_address() {
        assert!(
            answer(404, r#"{"message":"Payment not found","status":404,"cause":[{"code":2000}]}"#)
                .tells_of_nothing()
        );
        assert!(!answer(404, "<html>404</html>").tells_of_nothing());
    }

    #[test]
    fn a_repeat_is_told_by_conflict_or_by_code_801() {
        assert!(answer(400, r#"{"message":"x","cause":[{"code":801}]}"#).tells_of_a_repeat());
        assert!(answer(409, "").tells_of_a_repeat());
        assert!(!answer(400, MALFORMED).tells_of_a_repeat());
    }
}
