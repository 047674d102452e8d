//! What the payment provider answers. Two bytes are the status, the rest is the body. A no is only ever believed from a
//! client error, money only from a yes that says so, and nothing that does not read is either.

use garage_billing_service::gateway::{GatewayError, Standing, mercado_pago};
use reqwest::StatusCode;
use serde_json::Value;

pub fn check(data: &[u8]) {
    let [high, low, body @ ..] = data else { return };
    let status = 100 + u16::from_be_bytes([*high, *low]) % 500;
    let (status, body) = (StatusCode::from_u16(status).unwrap(), String::from_utf8_lossy(body));
    match mercado_pago::charged(status, &body) {
        Ok(charged) => {
            assert!(status.is_success(), "{status} is no yes");
            let said: Value = serde_json::from_str(&body).unwrap();
            let held =
                ["approved", "charged_back", "in_mediation"].iter().any(|word| said["status"] == *word);
            assert!(held || charged.standing != Standing::Approved, "{} is no money", said["status"]);
            assert!(charged.amount.centavos() >= 0);
        }
        Err(GatewayError::Refused(why)) => {
            assert!(status.is_client_error(), "{status} is no refusal");
            assert!(why.chars().count() < 400, "{} letters of a stranger's", why.len());
        }
        Err(GatewayError::Unknown(_)) => {}
    }
    if let Ok(Some(found)) = mercado_pago::found(status, &body, "01890000-0000-7000-8000-000000000000") {
        assert!(status.is_success() && body.contains("01890000"), "found what is not there: {found:?}");
    }
}
