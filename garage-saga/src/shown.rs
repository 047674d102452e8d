//! What a customer's link may see of an event. A link is passed on, so what it opens holds nothing of a person and
//! nothing of the shop's own (LGPD art. 6): of an event's data only what is named here is shown, so that a field that is
//! added tomorrow stays inside until somebody names it.

use serde_json::Value;

/// How far the order is, and what it costs.
const SHOWN: [&str; 13] = [
    "workOrderId",
    "status",
    "previousStatus",
    "newStatus",
    "revision",
    "reason",
    "quoteId",
    "totalAmount",
    "validUntil",
    "paymentId",
    "amount",
    "paymentMethod",
    "executionId",
];

/// An event's JSON with no more in its data than a customer may see; nothing, if it is no event.
pub(crate) fn to_the_customer(event: &str) -> Option<String> {
    let mut event: Value = serde_json::from_str(event).ok()?;
    event.get_mut("data")?.as_object_mut()?.retain(|name, _| SHOWN.contains(&name.as_str()));
    Some(event.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_sees_how_far_it_is_and_nobody_s_name() {
        let event = r#"{"eventType":"work-order.created","data":{"workOrderId":"w","status":"PENDING",
            "customer":{"name":"Ana","document":"52998224725"},"description":"as always late"}}"#;
        let shown = to_the_customer(event).unwrap_or_default();
        assert!(shown.contains("PENDING") && shown.contains("work-order.created"), "{shown}");
        for hidden in ["Ana", "52998224725", "late", "customer"] {
            assert!(!shown.contains(hidden), "{hidden}: {shown}");
        }
    }

    #[test]
    fn what_is_no_event_is_not_shown() {
        assert_eq!(to_the_customer("secret"), None);
        assert_eq!(to_the_customer(r#"{"data":"secret"}"#), None);
    }
}
