//! `POST /webhooks/mercado-pago`: a signed hint makes the shop ask, and nothing else does anything.

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::{faults::Fault, ledger::Verdict};

use crate::world::{Order, Reply, WEBHOOK_SECRET, World, text};

/// An order whose payer takes time, and the payment's number at the gateway.
async fn pending(world: &World) -> (Order, String) {
    let order = world.approved("CONT").await;
    let pending = world.pay(order).await;
    let number = text(&pending.expect(StatusCode::ACCEPTED)["mercadoPagoPaymentId"]).to_owned();
    (order, number)
}

async fn told(world: &World, payment: &str) -> Reply {
    world.send(world.webhook(WEBHOOK_SECRET, payment)).await
}

/// The same call once more, byte by byte.
fn copied(request: &Request<Body>) -> Request<Body> {
    let copy = Request::builder().method(request.method()).uri(request.uri());
    let mut copy = copy.body(Body::empty()).unwrap();
    copy.headers_mut().extend(request.headers().clone());
    copy
}

#[tokio::test]
async fn a_payer_who_has_paid_is_known_at_once() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    world.payer_does(order, Verdict::Approve).await;
    told(&world, &number).await.expect(StatusCode::OK);
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    world.told("payment.approved").await;
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn it_is_only_a_hint_and_the_gateway_is_asked() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    told(&world, &number).await.expect(StatusCode::OK);
    assert_eq!(world.standing(order).await, ["PENDING"], "nobody has paid");
}

#[tokio::test]
async fn who_does_not_sign_changes_nothing_and_makes_nobody_ask() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    world.payer_does(order, Verdict::Approve).await;
    let mut unsigned = world.webhook(WEBHOOK_SECRET, &number);
    unsigned.headers_mut().remove("x-signature");
    let mut unreadable = world.webhook(WEBHOOK_SECRET, &number);
    unreadable.headers_mut().insert("x-signature", HeaderValue::from_static("ts=1,v1=abc"));
    let mut another_s = world.webhook(WEBHOOK_SECRET, "1000000000000");
    *another_s.uri_mut() = world.webhook(WEBHOOK_SECRET, &number).uri().clone();
    let foreign = world.webhook("another shop's secret", &number);
    for (request, why) in [
        (unsigned, "the webhook is not signed: x-signature is missing"),
        (unreadable, "x-signature must read ts=<number>,v1=<64 hexadecimal digits>"),
        (another_s, "the signature is not right"),
        (foreign, "the signature is not right"),
    ] {
        let refused = world.send(request).await;
        assert_eq!(refused.expect(StatusCode::UNAUTHORIZED)["detail"], why);
        assert_eq!(refused.body["code"], "webhook_not_believed");
    }
    assert_eq!(world.standing(order).await, ["PENDING"]);
}

#[tokio::test]
async fn what_was_signed_long_ago_is_refused_and_a_repeat_of_days_is_not() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    let (days, weeks) = (world.webhook(WEBHOOK_SECRET, &number), world.webhook(WEBHOOK_SECRET, &number));
    world.payer_does(order, Verdict::Approve).await;
    world.clock.advance(TimeDelta::days(4));
    world.send(days).await.expect(StatusCode::OK);
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    world.clock.advance(TimeDelta::days(4));
    let refused = world.send(weeks).await;
    assert_eq!(refused.expect(StatusCode::UNAUTHORIZED)["detail"], "the webhook was signed at another time");
}

#[tokio::test]
async fn a_notification_that_comes_twice_has_one_effect_and_asks_once() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    world.payer_does(order, Verdict::Approve).await;
    let first = world.webhook(WEBHOOK_SECRET, &number);
    let second = copied(&first);
    world.send(first).await.expect(StatusCode::OK);
    // A question would fail now.
    world.faults().expect(1, Fault::Unavailable);
    world.send(second).await.expect(StatusCode::OK);
    world.faults().clear();
    told(&world, &number).await.expect(StatusCode::OK);
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.approved").count(), 1);
}

#[tokio::test]
async fn a_notification_before_the_answer_is_the_answer() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    assert_eq!(world.standing(order).await, ["PROCESSING"]);
    let number = world.sandbox.payments(None, 1).await.unwrap()[0].number.to_string();
    told(&world, &number).await.expect(StatusCode::OK);
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    world.settle().await;
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn what_could_not_be_asked_is_told_again() {
    let world = World::sqlite().await;
    let (order, number) = pending(&world).await;
    world.payer_does(order, Verdict::Approve).await;
    let first = world.webhook(WEBHOOK_SECRET, &number);
    let repeat = copied(&first);
    world.faults().expect(1, Fault::RequestLost);
    let busy = world.send(first).await;
    assert_eq!((busy.status, busy.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "60"));
    world.send(repeat).await.expect(StatusCode::OK);
    assert_eq!(world.standing(order).await, ["APPROVED"]);
}

/// The dashboard's "simulate notification" tells of an invented payment and wants a 200.
#[tokio::test]
async fn what_is_none_of_ours_is_acknowledged_and_left_alone() {
    let world = World::sqlite().await;
    told(&world, "123456").await.expect(StatusCode::OK);
    let mut other_topic = world.webhook(WEBHOOK_SECRET, "123456");
    let uri = other_topic.uri().to_string().replace("type=payment", "type=topic_claims_integration_wh");
    *other_topic.uri_mut() = uri.parse().unwrap();
    world.faults().expect(1, Fault::Unavailable);
    world.send(other_topic).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_read_or_is_huge_is_refused() {
    let world = World::sqlite().await;
    let (_, number) = pending(&world).await;
    for (size, status) in [(10, StatusCode::BAD_REQUEST), (2 << 20, StatusCode::PAYLOAD_TOO_LARGE)] {
        let mut request = world.webhook(WEBHOOK_SECRET, &number);
        let uri = request.uri().to_string().replace("&type=payment", "");
        *request.uri_mut() = uri.parse().unwrap();
        *request.body_mut() = "{".repeat(size).into();
        world.send(request).await.expect(status);
    }
}
