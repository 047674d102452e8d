//! The provider's documentation as answers, recorded byte by byte: every status, every detail, every shape of an error.
//! What the client makes of each is the contract; the sandbox, which is written from the same pages, is held against it
//! where it can be brought to say the same. Each shape names the page that it is from.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

use garage_billing_service::gateway::{
    Charged, GatewayError, Standing,
    mercado_pago::{charged, found},
};
use garage_events::Cents;
use reqwest::StatusCode;
use serde_json::{Value, json};

const REFERENCE: &str = "0199c6e7-b1a7-7000-8000-123456789abc";

/// A payment as *Get payment* shows it.
fn payment(status: &str, detail: &str) -> Value {
    json!({
        "id": 20_359_978_000_123_u64, "date_created": "2026-11-23T10:15:30.000-03:00", "date_approved": null,
        "date_last_updated": "2026-11-23T10:15:30.000-03:00", "date_of_expiration": null, "money_release_date": null,
        "operation_type": "regular_payment", "issuer_id": "24", "payment_method_id": "master",
        "payment_type_id": "credit_card", "status": status, "status_detail": detail, "currency_id": "BRL",
        "description": "Quote 1042", "live_mode": false, "collector_id": 448_876_418, "external_reference": REFERENCE,
        "transaction_amount": 350.9, "transaction_amount_refunded": 0, "coupon_amount": 0, "installments": 1,
        "captured": true, "binary_mode": false, "metadata": {}, "refunds": [],
        "payer": { "email": null, "identification": { "type": null, "number": null } },
        "fee_details": [{ "type": "mercadopago_fee", "amount": 17.5, "fee_payer": "collector" }],
        "transaction_details": { "net_received_amount": 333.4, "total_paid_amount": 350.9, "overpaid_amount": 0,
            "external_resource_url": null, "installment_amount": 350.9 },
        "card": { "first_six_digits": "503143", "last_four_digits": "6351", "expiration_month": 11,
            "expiration_year": 2030, "cardholder": { "name": "APRO" } },
        "additional_info": { "items": [{ "id": "1", "quantity": "1", "unit_price": "350.90" }] }
    })
}

fn read(payment: &Value) -> Charged {
    charged(StatusCode::CREATED, &payment.to_string()).unwrap()
}

fn standing(status: &str, detail: &str) -> Standing {
    read(&payment(status, detail)).standing
}

/// *Payment status*.
#[test]
fn every_documented_status_and_detail_has_its_meaning() {
    let pending = [
        ("pending", "pending_waiting_transfer"),
        ("pending", "pending_waiting_payment"),
        ("pending", "pending_challenge"),
        ("pending", "pending_waiting_for_remedy"),
        ("in_process", "offline_process"),
        ("in_process", "pending_contingency"),
        ("in_process", "pending_review_manual"),
        ("in_process", "pending_provider_response"),
        ("authorized", "pending_capture"),
        ("in_mediation", "pending"),
        ("charged_back", "in_process"),
        ("a status of next year", "whatever"),
    ];
    for (status, detail) in pending {
        assert_eq!(standing(status, detail), Standing::Pending, "{status}/{detail}");
    }
    let approved =
        [("approved", "accredited"), ("approved", "partially_refunded"), ("charged_back", "reimbursed")];
    for (status, detail) in approved {
        assert_eq!(standing(status, detail), Standing::Approved, "{status}/{detail}");
    }
    let gone = [
        ("refunded", "refunded"),
        ("refunded", "by_admin"),
        ("charged_back", "settled"),
        ("charged_back", "refunded"),
    ];
    for (status, detail) in gone {
        assert_eq!(standing(status, detail), Standing::Refunded, "{status}/{detail}");
    }
    for detail in ["expired", "by_collector", "by_payer"] {
        assert_eq!(standing("cancelled", detail), Standing::Cancelled(detail.to_owned()));
    }
    // The Orders API's spelling.
    assert_eq!(standing("canceled", "expired"), Standing::Cancelled("expired".to_owned()));
}

/// *Payment status* and *Reasons for rejection*.
#[test]
fn every_documented_rejection_is_a_decline_with_its_word() {
    for detail in [
        "cc_rejected_bad_filled_card_number",
        "cc_rejected_bad_filled_date",
        "cc_rejected_bad_filled_security_code",
        "cc_rejected_bad_filled_other",
        "cc_rejected_call_for_authorize",
        "cc_rejected_card_disabled",
        "cc_rejected_card_error",
        "cc_rejected_other_reason",
        "cc_rejected_card_type_not_allowed",
        "cc_rejected_duplicated_payment",
        "cc_rejected_high_risk",
        "cc_rejected_blacklist",
        "cc_rejected_insufficient_amount",
        "cc_rejected_invalid_installments",
        "cc_rejected_max_attempts",
        "cc_rejected_3ds_challenge",
        "cc_rejected_3ds_mandatory",
        "bank_rejected",
        "bank_error",
        "rejected_by_bank",
        "rejected_by_regulations",
        "rejected_insufficient_data",
        "insufficient_amount",
        "cc_amount_rate_limit_exceeded",
        "a_reason_of_next_year",
    ] {
        assert_eq!(standing("rejected", detail), Standing::Declined(detail.to_owned()));
    }
}

/// *Create payment*, *Error codes*, *Create refund*: the usual shape.
#[test]
fn every_documented_code_is_a_refusal_that_names_it() {
    let codes = [
        1, 3, 8, 23, 106, 109, 126, 129, 145, 150, 151, 160, 204, 2000, 2002, 2006, 2024, 2032, 2034, 2060,
        2062, 2063, 2067, 2072, 2085, 2131, 3003, 3005, 3024, 3028, 3029, 3030, 3032, 4000, 4001, 4002, 4003,
        4004, 4005, 4006, 4020, 4021, 4023, 4024, 4033, 4037, 4040, 4041, 4050, 4051, 4292, 4296, 6033, 7523,
        15016,
    ];
    for code in codes {
        for spelled in [json!(code), json!(code.to_string())] {
            let body = json!({ "message": "bad_request", "error": "bad_request", "status": 400,
                "cause": [{ "code": spelled, "description": "Something is wrong", "data": "23-11-2026T10:15:30UTC" }] });
            for status in [400, 404] {
                let Err(GatewayError::Refused(why)) = no(status, &body.to_string()) else { panic!("{code}") };
                assert!(why.contains(&format!("{code} Something is wrong")), "{why}");
            }
        }
    }
}

fn no(status: u16, body: &str) -> Result<Charged, GatewayError> {
    charged(StatusCode::from_u16(status).unwrap(), body)
}

/// *Error list*; the front gate's shape is from public issue threads.
#[test]
fn every_documented_shape_of_a_no_is_understood() {
    for (status, body, word) in [
        (
            401,
            json!({ "message": "invalid access token", "error": "unauthorized", "status": 401, "cause": [] }),
            "invalid access token",
        ),
        (
            403,
            json!({ "code": "PA_UNAUTHORIZED_RESULT_FROM_POLICIES", "blocked_by": "PolicyAgent",
                "message": "At least one policy returned UNAUTHORIZED.", "status": 403 }),
            "PA_UNAUTHORIZED_RESULT_FROM_POLICIES",
        ),
        (400, json!({ "message": "no cause", "error": "bad_request", "status": 400 }), "no cause"),
        (
            400,
            json!({ "message": "null cause", "error": "bad_request", "status": 400, "cause": null }),
            "null cause",
        ),
        (
            404,
            json!({ "message": "Payment not found", "error": "not_found", "status": 404, "cause": [{ "code": 2000, "description": "Payment not found" }] }),
            "2000",
        ),
    ] {
        let Err(GatewayError::Refused(why)) = no(status, &body.to_string()) else { panic!("{body}") };
        assert!(why.contains(word), "{why}");
    }
}

/// *Error list* and the official SDK's README.
#[test]
fn what_may_have_happened_is_never_taken_for_a_no() {
    let usual = json!({ "message": "x", "error": "x", "status": 500, "cause": [] }).to_string();
    for status in [408, 423, 424, 425, 429, 500, 502, 503, 504] {
        for body in [usual.as_str(), "<html><h1>502 Bad Gateway</h1></html>", "", "null", "[]"] {
            assert!(matches!(no(status, body), Err(GatewayError::Unknown(_))), "{status} {body}");
        }
    }
    // A yes that does not read, and a no of something in between.
    for (status, body) in [(201, "{"), (200, "{}"), (201, r#"{"id":1,"status":"approved"}"#), (400, "<html>")]
    {
        assert!(matches!(no(status, body), Err(GatewayError::Unknown(_))), "{status} {body}");
    }
}

/// *Create payment*: 201 in the guide, 200 in the schema; amounts as numbers or texts.
#[test]
fn a_yes_is_a_yes_with_either_status_and_amounts_are_exact() {
    for status in [StatusCode::OK, StatusCode::CREATED] {
        for amount in [json!(350.9), json!("350.9"), json!("350.90")] {
            let mut told = payment("approved", "accredited");
            told["transaction_amount"] = amount;
            let read = charged(status, &told.to_string()).unwrap();
            assert_eq!(
                (read.gateway_id.as_str(), read.amount),
                ("20359978000123", Cents::new(35090).unwrap())
            );
            assert_eq!(read.reference.map(|reference| reference.to_string()).as_deref(), Some(REFERENCE));
        }
    }
}

/// *Get payment*: what counts as paid is paid in reais.
#[test]
fn another_currency_is_no_answer_that_the_shop_acts_on() {
    let mut told = payment("approved", "accredited");
    told["currency_id"] = json!("ARS");
    let answer = charged(StatusCode::CREATED, &told.to_string());
    let Err(GatewayError::Unknown(why)) = answer else { panic!("{answer:?}") };
    assert!(why.contains("an amount in ARS, and the shop knows BRL alone"), "{why}");
}

/// *Payment with Pix*.
#[test]
fn a_pix_tells_its_text_its_picture_its_page_and_its_last_moment() {
    let mut told = payment("pending", "pending_waiting_transfer");
    told["date_of_expiration"] = json!("2026-11-24T18:00:00.000-03:00");
    told["point_of_interaction"] = json!({ "type": "OPENPLATFORM", "transaction_data": {
        "qr_code": "00020126600014br.gov.bcb.pix", "qr_code_base64": "iVBORw0KGgo=",
        "ticket_url": "https://www.mercadopago.com.br/payments/123/ticket" } });
    let shown = read(&told).instructions.unwrap();
    assert_eq!(shown.qr_code.as_deref(), Some("00020126600014br.gov.bcb.pix"));
    assert_eq!(shown.qr_code_base64.as_deref(), Some("iVBORw0KGgo="));
    assert!(shown.ticket_url.unwrap().ends_with("/ticket"));
    assert_eq!(shown.expires_at.unwrap().to_rfc3339(), "2026-11-24T21:00:00+00:00");
}

/// *Payment with boleto*.
#[test]
fn a_boleto_tells_its_page_and_its_digits_wherever_they_stand() {
    for (place, digits) in [
        (json!({ "barcode": { "content": "23791" }, "external_resource_url": "https://b" }), "23791"),
        (json!({ "digitable_line": "23793.38128", "external_resource_url": "https://b" }), "23793.38128"),
        (
            json!({ "barcode": { "content": "23799755200003700003381260007827139500006330" }, "external_resource_url": "https://b" }),
            "23793381286000782713695000063305975520000370000",
        ),
    ] {
        let mut told = payment("pending", "pending_waiting_payment");
        told["transaction_details"] = place;
        let shown = read(&told).instructions.unwrap();
        assert_eq!(
            (shown.barcode.as_deref(), shown.ticket_url.as_deref()),
            (Some(digits), Some("https://b"))
        );
    }
}

/// *Refunds and cancellations*, *Create refund*.
#[test]
fn refunds_of_a_payment_are_counted_by_whether_they_have_gone() {
    let mut told = payment("approved", "partially_refunded");
    told["transaction_amount_refunded"] = json!(10.5);
    let refund = |status: &str, amount: Value| {
        json!({ "id": 1, "payment_id": 2, "amount": amount, "status": status, "refund_mode": "standard",
            "source": [{ "id": "448876418", "name": "Shop", "type": "collector" }] })
    };
    told["refunds"] = json!([
        refund("approved", json!(10.5)),
        refund("in_process", json!("20")),
        refund("authorized", json!(1)),
        refund("rejected", json!(99)),
        refund("cancelled", json!(99))
    ]);
    let read = read(&told);
    assert_eq!((read.refunded.centavos(), read.going_back.centavos()), (1050, 2100));
    assert_eq!(read.standing, Standing::Approved);
}

/// *Chargebacks*.
#[test]
fn what_the_payer_s_bank_does_is_told_beside_the_standing() {
    for (detail, standing) in [
        ("in_process", Standing::Pending),
        ("settled", Standing::Refunded),
        ("reimbursed", Standing::Approved),
    ] {
        let told = read(&payment("charged_back", detail));
        assert_eq!((told.charge_back.as_deref(), told.standing), (Some(detail), standing));
    }
    assert_eq!(read(&payment("approved", "accredited")).charge_back, None);
}

/// *Search payments*: several payments may share a reference, and the first hit need not be the one.
#[test]
fn a_search_decides_by_what_holds_money() {
    let page = |results: Vec<Value>| {
        json!({ "paging": { "total": results.len(), "limit": 30, "offset": 0 }, "results": results })
            .to_string()
    };
    let both = page(vec![payment("rejected", "cc_rejected_other_reason"), payment("approved", "accredited")]);
    let hit = found(StatusCode::OK, &both, REFERENCE).unwrap().unwrap();
    assert_eq!(hit.standing, Standing::Approved);
    assert_eq!(found(StatusCode::OK, &both, "another"), Ok(None));
    assert_eq!(found(StatusCode::OK, &page(Vec::new()), REFERENCE), Ok(None));
}
