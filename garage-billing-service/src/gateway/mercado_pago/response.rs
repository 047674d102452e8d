//! The provider's payments and refunds in our words. What money depends on is read strictly, amounts from
//! their decimal text and never through a binary fraction; what only helps the payer is read if it is there.

use chrono::{DateTime, Utc};
use garage_events::{Cents, PaymentId, PaymentMethod};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

use crate::gateway::{Charged, GatewayError, Instructions, Refunded, Standing, boleto::line_of};

/// The one in which quotes are made.
const CURRENCY: &str = "BRL";

/// A JSON number or text, as text: ids and amounts come as either.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str(raw.get()).map(Self).map_err(de::Error::custom),
            Some(b'-' | b'0'..=b'9') => Ok(Self(raw.get().to_owned())),
            _ => Err(de::Error::custom("must be a number or a text")),
        }
    }
}

#[derive(Deserialize)]
struct Payment {
    id: Text,
    status: String,
    status_detail: Option<String>,
    transaction_amount: Text,
    currency_id: Option<String>,
    transaction_amount_refunded: Option<Text>,
    external_reference: Option<Text>,
    #[serde(default)]
    refunds: Option<Vec<Listed>>,
}

/// A refund as its payment lists it.
#[derive(Deserialize)]
struct Listed {
    amount: Option<Text>,
    status: Option<String>,
}

impl Listed {
    /// One whose amount does not read is on its way all the same.
    fn at_least(&self) -> Cents {
        let told = self.amount.as_ref().and_then(|amount| cents(amount).ok());
        told.or(Cents::new(1)).unwrap_or_default()
    }

    /// Neither gone nor refused, as far as it says.
    fn is_on_its_way(&self) -> bool {
        !matches!(self.status.as_deref(), Some("approved" | "rejected" | "cancelled"))
    }
}

impl Payment {
    fn charged(self, body: &str) -> Result<Charged, serde_json::Error> {
        if let Some(other) = self.currency_id.as_deref().filter(|currency| *currency != CURRENCY) {
            return Err(de::Error::custom(format!(
                "an amount in {other}, and the shop knows {CURRENCY} alone"
            )));
        }
        let detail = self.status_detail.as_deref();
        let is_charged_back = self.status == "charged_back";
        Ok(Charged {
            gateway_id: self.id.0,
            reference: self.external_reference.and_then(|told| told.0.parse().ok().map(PaymentId)),
            standing: standing(&self.status, detail),
            amount: cents(&self.transaction_amount)?,
            refunded: self.transaction_amount_refunded.as_ref().map_or(Ok(Cents::ZERO), cents)?,
            going_back: going_back(self.refunds.as_deref().unwrap_or_default()),
            charge_back: is_charged_back.then(|| detail.unwrap_or("in_process").to_owned()),
            instructions: instructions(&serde_json::from_str(body)?),
        })
    }
}

fn going_back(refunds: &[Listed]) -> Cents {
    refunds.iter().filter(|refund| refund.is_on_its_way()).map(Listed::at_least).sum()
}

fn cents(told: &Text) -> Result<Cents, serde_json::Error> {
    told.0.parse().map_err(de::Error::custom)
}

/// A payment object.
pub(super) fn payment(body: &str) -> Result<Charged, serde_json::Error> {
    serde_json::from_str::<Payment>(body)?.charged(body)
}

/// The payment among a search's results that says most of what became of `reference`.
pub(super) fn search(body: &str, reference: &str) -> Result<Option<Charged>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Page {
        results: Vec<Box<RawValue>>,
    }
    let mut found = Vec::new();
    for result in serde_json::from_str::<Page>(body)?.results {
        let payment: Payment = serde_json::from_str(result.get())?;
        if payment.external_reference.as_ref().is_some_and(|told| told.0 == reference) {
            found.push(payment.charged(result.get())?);
        }
    }
    Ok(found.into_iter().min_by_key(|charged| weight(&charged.standing)))
}

/// The provider lets payments share a reference. Money held matters most, then money that may still come.
const fn weight(standing: &Standing) -> u8 {
    match standing {
        Standing::Approved => 0,
        Standing::Pending => 1,
        Standing::Refunded => 2,
        Standing::Declined(_) | Standing::Cancelled(_) => 3,
    }
}

/// Only an explicit end is one. A dispute (`in_mediation`) has none yet: pending, which changes nothing for
/// an attempt that was approved before and starts no work for one that was not. After a chargeback the
/// card's bank decides who has the money: `settled` and `refunded` mean the payer, who must not get it from
/// us again; `reimbursed` means us; until then nobody knows.
fn standing(status: &str, detail: Option<&str>) -> Standing {
    let why = || detail.unwrap_or(status).to_owned();
    match (status, detail) {
        ("approved", _) | ("charged_back", Some("reimbursed")) => Standing::Approved,
        ("refunded", _) | ("charged_back", Some("settled" | "refunded")) => Standing::Refunded,
        ("rejected", _) => Standing::Declined(why()),
        ("cancelled" | "canceled", _) => Standing::Cancelled(why()),
        _ => Standing::Pending,
    }
}

/// What the payer needs, from wherever the provider puts it for PIX and for boletos.
fn instructions(payment: &Value) -> Option<Instructions> {
    let told = |places: &[&str]| {
        places.iter().find_map(|place| payment.pointer(place)?.as_str()).map(ToOwned::to_owned)
    };
    let instructions = Instructions {
        qr_code: told(&["/point_of_interaction/transaction_data/qr_code"]),
        qr_code_base64: told(&["/point_of_interaction/transaction_data/qr_code_base64"]),
        ticket_url: told(&[
            "/point_of_interaction/transaction_data/ticket_url",
            "/transaction_details/external_resource_url",
        ]),
        barcode: told(&["/transaction_details/digitable_line", "/digitable_line"])
            .or_else(|| told(&["/transaction_details/barcode/content", "/barcode/content"]).map(line_of)),
        expires_at: None,
    };
    let expires_at = told(&["/date_of_expiration"]).and_then(|text| moment(&text));
    (instructions != Instructions::default()).then_some(Instructions { expires_at, ..instructions })
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc())
}

/// What an account's active methods amount to (Get payment methods).
pub(super) fn methods(body: &str) -> Result<Vec<PaymentMethod>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Method {
        id: String,
        payment_type_id: String,
        status: Option<String>,
    }
    let listed: Vec<Method> = serde_json::from_str(body)?;
    let active = |is: &dyn Fn(&Method) -> bool| {
        listed
            .iter()
            .any(|method| method.status.as_deref().is_none_or(|status| status == "active") && is(method))
    };
    let takes = |method: &PaymentMethod| match method {
        PaymentMethod::Pix => active(&|listed| listed.id == "pix"),
        PaymentMethod::Boleto => active(&|listed| listed.id == "bolbradesco"),
        PaymentMethod::CreditCard => active(&|listed| listed.payment_type_id == "credit_card"),
        PaymentMethod::DebitCard => active(&|listed| listed.payment_type_id == "debit_card"),
    };
    Ok(PaymentMethod::ALL.iter().copied().filter(takes).collect())
}

/// A refund object.
#[derive(Deserialize)]
pub(super) struct Refund {
    id: Text,
    status: Option<String>,
}

impl Refund {
    pub(super) fn id(&self) -> &str {
        &self.id.0
    }

    /// An unknown word is no end here either.
    pub(super) fn standing(self) -> Result<Refunded, GatewayError> {
        match self.status.as_deref() {
            Some("approved") => Ok(Refunded::Done(self.id.0)),
            Some(status @ ("rejected" | "cancelled")) => {
                Err(GatewayError::Refused(format!("the refund was {status}")))
            }
            Some(_) | None => Ok(Refunded::Pending),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payment_object: &Value) -> Result<Charged, serde_json::Error> {
        payment(&payment_object.to_string())
    }

    #[test]
    fn ids_and_amounts_may_be_numbers_or_texts() {
        for body in [
            r#"{"id":20359978000123,"status":"approved","transaction_amount":9999999999.99}"#,
            r#"{"id":"20359978000123","status":"approved","transaction_amount":"9999999999.99","status_detail":null}"#,
        ] {
            let charged = payment(body).unwrap();
            assert_eq!((charged.gateway_id.as_str(), charged.amount), ("20359978000123", Cents::MAX));
        }
    }

    #[test]
    fn a_payment_without_a_readable_amount_is_not_read() {
        for amount in ["null", "true", "0.001", "\"R$ 5\"", "-1"] {
            let body = format!(r#"{{"id":1,"status":"approved","transaction_amount":{amount}}}"#);
            assert!(payment(&body).is_err(), "{amount}");
        }
    }

    #[test]
    fn only_an_explicit_end_is_one() {
        for (status, detail, expected) in [
            ("approved", "partially_refunded", Standing::Approved),
            ("authorized", "pending_capture", Standing::Pending),
            ("in_process", "pending_contingency", Standing::Pending),
            ("in_mediation", "pending", Standing::Pending),
            ("moon_phase", "waxing", Standing::Pending),
            (
                "rejected",
                "cc_rejected_other_reason",
                Standing::Declined("cc_rejected_other_reason".to_owned()),
            ),
            ("cancelled", "expired", Standing::Cancelled("expired".to_owned())),
            ("refunded", "by_admin", Standing::Refunded),
            ("charged_back", "in_process", Standing::Pending),
            ("charged_back", "settled", Standing::Refunded),
            ("charged_back", "reimbursed", Standing::Approved),
        ] {
            assert_eq!(standing(status, Some(detail)), expected, "{status}/{detail}");
        }
        assert_eq!(standing("rejected", None), Standing::Declined("rejected".to_owned()));
    }

    #[test]
    fn what_the_payer_needs_is_found_for_pix_and_for_boletos() {
        let pix = read(&json!({"id": 1, "status": "pending", "transaction_amount": 5,
            "date_of_expiration": "2026-11-24T18:00:00.000-03:00",
            "point_of_interaction": {"type": "PIX", "transaction_data": {"qr_code": "000201", "ticket_url": "https://t"}}}));
        let pix = pix.unwrap().instructions.unwrap();
        assert_eq!((pix.qr_code.as_deref(), pix.ticket_url.as_deref()), (Some("000201"), Some("https://t")));
        assert_eq!(pix.expires_at.unwrap().to_rfc3339(), "2026-11-24T21:00:00+00:00");

        let boleto =
            read(&json!({"id": 1, "status": "pending", "transaction_amount": 5, "date_of_expiration": 7,
            "transaction_details": {"external_resource_url": "https://b", "barcode": {"content": "237"}}}));
        let boleto = boleto.unwrap().instructions.unwrap();
        assert_eq!(
            (boleto.barcode.as_deref(), boleto.ticket_url.as_deref()),
            (Some("237"), Some("https://b"))
        );
        assert_eq!(boleto.expires_at, None);
    }

    #[test]
    fn a_boleto_is_told_by_the_digits_that_are_typed_and_not_by_those_under_the_bars() {
        let (bars, line) = (
            "00193373700000001000500940144816060680935031",
            "00190500954014481606906809350314337370000000100",
        );
        let digits = |details: Value| {
            let told = json!({"id": 1, "status": "pending", "transaction_amount": 5, "transaction_details": details});
            read(&told).unwrap().instructions.unwrap().barcode.unwrap()
        };
        assert_eq!(digits(json!({"barcode": {"content": bars}, "digitable_line": line})), line);
        assert_eq!(digits(json!({"barcode": {"content": bars}})), line);
        assert_eq!(digits(json!({"barcode": {"content": bars}, "digitable_line": null})), line);
    }

    #[test]
    fn among_payments_of_one_reference_the_one_that_holds_money_counts() {
        let result = |id: u8, status: &str, reference: &str| json!({"id": id, "status": status, "transaction_amount": 5, "external_reference": reference});
        let page = json!({"paging": {}, "results": [result(1, "rejected", "a"), result(2, "approved", "other"),
            result(3, "pending", "a"), result(4, "approved", "a"), result(5, "refunded", "a")]});
        let found =
            |reference| search(&page.to_string(), reference).unwrap().map(|charged| charged.gateway_id);
        assert_eq!(found("a").as_deref(), Some("4"));
        assert_eq!(found("b"), None);
    }

    #[test]
    fn a_refund_is_done_only_when_it_says_so() {
        let standing = |body: &str| serde_json::from_str::<Refund>(body).unwrap().standing();
        assert_eq!(standing(r#"{"id":7,"status":"approved"}"#), Ok(Refunded::Done("7".to_owned())));
        assert_eq!(standing(r#"{"id":"7","status":"in_process"}"#), Ok(Refunded::Pending));
        assert_eq!(standing(r#"{"id":7}"#), Ok(Refunded::Pending));
        assert!(matches!(standing(r#"{"id":7,"status":"rejected"}"#), Err(GatewayError::Refused(_))));
    }
}
