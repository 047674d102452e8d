//! `/payments`. What happens to the money is told in the stories.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::{faults::Fault, ledger::Verdict};
use serde_json::{Value, json};

use crate::world::{Reply, World, text};

on_every_store! {
    the_list_goes_through_every_attempt_once
    the_same_command_is_one_attempt
    a_payment_is_found_by_its_own_id
}

/// The target of the link to the next page.
fn next(reply: &Reply) -> Option<String> {
    Some(reply.header("link").strip_prefix('<')?.split_once('>')?.0.to_owned())
}

async fn the_list_goes_through_every_attempt_once(world: World) {
    let mut newest_first = Vec::new();
    for attempts in [1, 3, 2] {
        let order = world.approved("OTHE").await;
        for _ in 0..attempts {
            world.clock.advance(TimeDelta::seconds(1));
            world.pay(order).await.expect(StatusCode::BAD_REQUEST);
        }
        let ids =
            world.payments(order).await.into_iter().rev().map(|payment| text(&payment["id"]).to_owned());
        newest_first.splice(0..0, ids);
    }
    world.order("Ana Souza").await;
    for limit in 1..=7 {
        let (mut page, mut seen) = (Some(format!("/payments?limit={limit}")), Vec::new());
        while let Some(path) = page {
            let reply = world.get(&path).await;
            let payments = reply.expect(StatusCode::OK).as_array().unwrap();
            assert!(payments.len() <= limit);
            seen.extend(payments.iter().map(|payment| text(&payment["id"]).to_owned()));
            page = next(&reply);
        }
        assert_eq!(seen, newest_first, "{limit} at a time");
    }
}

async fn the_same_command_is_one_attempt(world: World) {
    let order = world.approved("Ana Souza").await;
    let tender = world.tender(order).await;
    let pay = |body: Value| {
        let mut request = world.request("attendant", Method::POST, "/payments", Some(body));
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        world.send(request)
    };
    world.faults().expect(1, Fault::AnswerLost);
    let first = pay(tender.clone()).await;
    assert_eq!(first.expect(StatusCode::ACCEPTED)["status"], "PROCESSING");
    let meanwhile = pay(tender.clone()).await;
    assert_eq!((meanwhile.status, &meanwhile.body), (StatusCode::ACCEPTED, &first.body));
    world.settle().await;
    let later = pay(tender.clone()).await;
    let later = later.expect(StatusCode::OK);
    assert_eq!((&later["id"], &later["status"]), (&first.body["id"], &json!("APPROVED")));
    assert_eq!(world.standing(order).await, ["APPROVED"]);

    let mut other = tender;
    other["paymentMethod"] = json!("BOLETO");
    assert_eq!(pay(other).await.expect(StatusCode::CONFLICT)["code"], "idempotency_key_reused");
    assert_eq!(world.money().await, ["+150"]);
}

async fn a_payment_is_found_by_its_own_id(world: World) {
    let order = world.approved("OTHE").await;
    let (first, second) = (world.pay(order).await, world.pay(order).await);
    for declined in [first, second] {
        let path = declined.header("location").to_owned();
        let payment = world.get(&path).await;
        assert_eq!(format!("/payments/{}", text(&payment.expect(StatusCode::OK)["id"])), path);
    }
}

#[tokio::test]
async fn a_payment_says_everything_about_itself_but_the_card() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let mut tender = world.tender(order).await;
    let more = json!({ "paymentMethod": "CREDIT_CARD", "cardToken": "very-secret", "cardBrand": "visa",
        "installments": 3, "metadata": { "counter": 2, "$odd.key": [null] } });
    tender.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let paid = world.post("/payments", tender.clone()).await;
    let payment = paid.expect(StatusCode::OK);
    let wanted = json!({
        "id": payment["id"], "workOrderId": order.id, "quoteId": tender["quoteId"], "customerId": order.customer,
        "amount": 150, "paymentMethod": "CREDIT_CARD", "status": "APPROVED", "reason": null,
        "mercadoPagoPaymentId": payment["mercadoPagoPaymentId"], "installments": 3, "qrCode": null,
        "qrCodeBase64": null, "ticketUrl": null, "barcode": null, "expiresAt": null,
        "metadata": { "counter": 2, "$odd.key": [null] },
        "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z",
        "approvedAt": "2026-02-08T10:00:00.000Z", "refundedAt": null, "refundedAmount": 0, "stuck": false,
        "waitingFor": { "who": "os-service", "what": "hearing of the payment",
            "since": "2026-02-08T10:00:00.000Z", "deadline": "2026-02-08T10:01:00.000Z" },
    });
    assert_eq!(*payment, wanted);
    assert!(payment["mercadoPagoPaymentId"].is_string());
    assert_eq!(world.get(paid.header("location")).await.body, wanted);
}

#[tokio::test]
async fn a_boleto_says_how_to_pay_it() {
    let world = World::sqlite().await;
    let order = world.approved("CONT").await;
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("BOLETO");
    let pending = world.post("/payments", tender).await;
    let pending = pending.expect(StatusCode::ACCEPTED);
    assert_eq!((text(&pending["barcode"]).len(), &pending["qrCode"]), (47, &Value::Null));
    assert!(text(&pending["ticketUrl"]).starts_with("https://"));
}

#[tokio::test]
async fn only_the_quote_s_total_is_taken_from_its_customer() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let other = world.approved("Bia Lima").await;
    let tender = world.tender(order).await;
    for (field, value) in [
        ("amount", json!(149.99)),
        ("amount", json!(0)),
        ("amount", json!(-150)),
        ("amount", json!(150.001)),
        ("amount", json!(1e12)),
        ("amount", json!("150")),
        ("amount", Value::Null),
        ("customerId", json!(other.customer)),
        ("customerId", json!("ana")),
        ("quoteId", world.quote(other).await["id"].clone()),
        ("paymentMethod", json!("CASH")),
        ("paymentMethod", json!(7)),
        ("installments", json!(0)),
        ("installments", json!(25)),
        ("installments", json!(1.5)),
        ("token", json!(["x"])),
        ("metadata", json!("notes")),
        ("metadata", json!({ "long": "x".repeat(9000) })),
    ] {
        let mut wrong = tender.clone();
        wrong[field] = value.clone();
        assert_eq!(world.post("/payments", wrong).await.fields(), [field], "{value}");
    }
    let nothing = world.post("/payments", json!({})).await;
    assert_eq!(nothing.fields(), ["quoteId", "workOrderId", "customerId", "amount", "paymentMethod"]);
    assert!(world.standing(order).await.is_empty() && world.money().await.is_empty());
}

#[tokio::test]
async fn only_an_approved_quote_is_paid_and_only_once() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let refused = world.pay(order).await;
    assert_eq!(
        refused.expect(StatusCode::CONFLICT)["detail"],
        "paying is not possible: the quote is PENDING"
    );
    world.say(order, "approve").await.expect(StatusCode::OK);
    world.pay(order).await.expect(StatusCode::OK);
    let refused = world.pay(order).await;
    let detail = "paying again is not possible: the earlier payment is APPROVED";
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], detail);

    let mut tender = world.tender(order).await;
    tender["workOrderId"] = json!(world.clock.id());
    let unknown = world.post("/payments", tender).await;
    assert_eq!(unknown.expect(StatusCode::NOT_FOUND)["detail"], "there is no such work order");
}

#[tokio::test]
async fn whoever_pays_twice_at_once_pays_once() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let paying = futures::future::join_all((0..8).map(|_| world.pay(order))).await;
    let paid = paying.iter().filter(|reply| reply.status == StatusCode::OK).count();
    let refused = paying.iter().filter(|reply| reply.status == StatusCode::CONFLICT).count();
    assert_eq!((paid, refused), (1, 7));
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn verifying_asks_the_gateway_now() {
    let world = World::sqlite().await;
    let order = world.approved("CONT").await;
    let pending = world.pay(order).await;
    let verify = format!("/payments/{}/verify", text(&pending.expect(StatusCode::ACCEPTED)["id"]));
    assert_eq!(world.patch(&verify, json!({})).await.expect(StatusCode::OK)["status"], "PENDING");
    world.payer_does(order, Verdict::Approve).await;
    assert_eq!(world.patch(&verify, json!({})).await.expect(StatusCode::OK)["status"], "APPROVED");
    assert_eq!(world.patch(&verify, json!({})).await.expect(StatusCode::OK)["status"], "APPROVED");
    world.told("payment.approved").await;
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn verifying_makes_a_charge_that_was_lost_and_bears_a_silent_gateway() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    world.faults().expect(2, Fault::RequestLost);
    let lost = world.pay(order).await;
    let verify = format!("/payments/{}/verify", text(&lost.expect(StatusCode::ACCEPTED)["id"]));
    assert_eq!(world.patch(&verify, json!({})).await.expect(StatusCode::OK)["status"], "PROCESSING");
    assert_eq!(world.patch(&verify, json!({})).await.expect(StatusCode::OK)["status"], "APPROVED");
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn what_was_called_off_is_told_to_whoever_asks_with_the_same_key() {
    let world = World::sqlite().await;
    let order = world.approved("CONT").await;
    let tender = world.tender(order).await;
    let pay = || {
        let mut request = world.request("attendant", Method::POST, "/payments", Some(tender.clone()));
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        world.send(request)
    };
    pay().await.expect(StatusCode::ACCEPTED);
    world.call_off(order).await;
    world.settle().await;
    let again = pay().await;
    assert_eq!(
        again.expect(StatusCode::CONFLICT)["detail"],
        "the payment is CANCELLED: the work order is off"
    );
}

#[tokio::test]
async fn an_order_nobody_paid_for_has_no_payments() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    for id in [order.id, world.clock.id()] {
        assert_eq!(world.get(&format!("/payments/work-order/{id}")).await.body, json!([]));
    }
    for path in ["/payments/", "/payments/{}/verify"] {
        let path = path.replace("{}", &world.clock.id().to_string());
        let path = if path.ends_with('/') { format!("{path}{}", world.clock.id()) } else { path };
        let method = if path.ends_with("verify") { Method::PATCH } else { Method::GET };
        let reply = world.ask("manager", method, &path, None).await;
        assert_eq!(reply.expect(StatusCode::NOT_FOUND)["detail"], "there is no such payment");
    }
    assert_eq!(world.get("/payments/seven").await.fields(), ["id"]);
    assert_eq!(world.get("/payments?cursor=x").await.fields(), ["cursor"]);
}
