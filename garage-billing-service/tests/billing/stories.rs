//! The stories in which money moves, from the order to the end, on every store.

use axum::http::StatusCode;
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::{faults::Fault, ledger::Verdict};
use serde_json::json;

use crate::world::{Order, World};

on_every_store! {
    an_order_is_quoted_approved_and_paid
    a_declined_payment_is_a_400_and_another_may_follow
    a_request_that_was_lost_is_made_again
    an_answer_that_was_lost_is_asked_for_and_nothing_is_charged_twice
    a_payment_that_waits_for_its_payer_is_found_paid
    a_payment_refused_after_it_was_pending_is_rejected
    an_order_called_off_while_the_payer_hesitates_costs_nothing
    money_that_comes_after_the_cancellation_goes_back
    a_charge_whose_answer_was_lost_is_found_and_given_back_after_the_cancellation
    a_charge_that_never_arrived_is_not_made_after_the_cancellation
    a_charge_that_was_sent_again_is_searched_for_from_then_on
    money_that_came_before_the_cancellation_waits_for_the_workshop
    work_that_fails_is_refunded_exactly_once
    an_order_called_off_before_it_is_known_gets_a_void_quote
    a_service_that_died_between_storing_and_calling_goes_on_where_it_was
}

async fn an_order_is_quoted_approved_and_paid(world: World) {
    let order = world.order("Ana Souza").await;
    let quote = world.quote(order).await;
    assert_eq!((&quote["status"], &quote["totalAmount"]), (&json!("PENDING"), &json!(150)));
    world.say(order, "send").await.expect(StatusCode::OK);
    world.say(order, "approve").await.expect(StatusCode::OK);
    let paid = world.pay(order).await;
    assert_eq!(paid.expect(StatusCode::OK)["status"], "APPROVED");
    assert_eq!(world.money().await, ["+150"]);
    let told = world.told("payment.approved").await;
    assert_eq!((&told["paymentId"], &told["amount"]), (&paid.body["id"], &json!(150)));
    let told = world.end().await;
    assert_eq!(told, ["quote.created", "quote.sent", "quote.approved", "payment.approved"]);
}

async fn a_declined_payment_is_a_400_and_another_may_follow(world: World) {
    let order = world.approved("OTHE").await;
    let declined = world.pay(order).await;
    let problem = declined.expect(StatusCode::BAD_REQUEST);
    assert_eq!((&problem["statusCode"], &problem["code"]), (&json!(400), &json!("payment_failed")));
    assert_eq!(problem["detail"], "the payment was declined: cc_rejected_other_reason");
    let payment = world.get(declined.header("location")).await;
    assert_eq!(payment.expect(StatusCode::OK)["status"], "REJECTED");
    assert_eq!(world.told("payment.failed").await["reason"], "cc_rejected_other_reason");

    world.pay(order).await.expect(StatusCode::BAD_REQUEST);
    assert_eq!(world.standing(order).await, ["REJECTED", "REJECTED"]);
    assert_eq!(world.quote(order).await["status"], "APPROVED");
    assert!(world.money().await.is_empty());
}

async fn a_request_that_was_lost_is_made_again(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::RequestLost);
    let reply = world.pay(order).await;
    assert_eq!(reply.expect(StatusCode::ACCEPTED)["status"], "PROCESSING");
    assert!(world.money().await.is_empty());
    world.settle().await;
    assert_eq!((world.standing(order).await, world.money().await), (words(&["APPROVED"]), words(&["+150"])));
    world.told("payment.approved").await;
}

async fn an_answer_that_was_lost_is_asked_for_and_nothing_is_charged_twice(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(3, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.standing(order).await, ["PROCESSING"]);
    let again = world.pay(order).await;
    assert_eq!(
        again.expect(StatusCode::CONFLICT)["detail"],
        "paying again is not possible: the earlier payment is PROCESSING"
    );
    world.settle().await;
    world.settle().await;
    assert_eq!((world.standing(order).await, world.money().await), (words(&["APPROVED"]), words(&["+150"])));
    world.told("payment.approved").await;
    let told = world.end().await;
    assert_eq!(count(&told, "payment.approved"), 1);
}

async fn a_payment_that_waits_for_its_payer_is_found_paid(world: World) {
    let order = world.approved("CONT").await;
    let reply = world.pay(order).await;
    let pending = reply.expect(StatusCode::ACCEPTED);
    assert_eq!(pending["status"], "PENDING");
    assert!(pending["qrCode"].as_str().unwrap().starts_with("000201"), "{pending}");
    assert_eq!(pending["expiresAt"], "2026-02-09T10:00:00.000Z");
    world.payer_does(order, Verdict::Approve).await;
    world.settle().await;
    assert_eq!((world.standing(order).await, world.money().await), (words(&["APPROVED"]), words(&["+150"])));
    world.told("payment.approved").await;
}

async fn a_payment_refused_after_it_was_pending_is_rejected(world: World) {
    let order = world.approved("CONT").await;
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.payer_does(order, Verdict::Expire).await;
    world.settle().await;
    assert_eq!(world.told("payment.rejected").await["reason"], "expired");
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    assert_eq!(world.standing(order).await, ["REJECTED", "PENDING"]);
    let told = world.end().await;
    assert_eq!(count(&told, "payment.failed"), 0);
}

async fn an_order_called_off_while_the_payer_hesitates_costs_nothing(world: World) {
    let order = world.approved("CONT").await;
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.call_off(order).await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["CANCELLED"]);
    assert_eq!(world.quote(order).await["status"], "CANCELLED");
    let again = world.pay(order).await;
    assert_eq!(
        again.expect(StatusCode::CONFLICT)["detail"],
        "paying is not possible: the work order is CANCELLED"
    );
    assert!(world.money().await.is_empty());
    let told = world.end().await;
    assert_eq!(told, ["quote.created", "quote.approved"]);
}

async fn money_that_comes_after_the_cancellation_goes_back(world: World) {
    let order = world.approved("CONT").await;
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.payer_does(order, Verdict::Approve).await;
    world.call_off(order).await;
    let told = world.told("payment.refunded").await;
    assert_eq!((&told["amount"], &told["reason"]), (&json!(150), &json!("WORK_ORDER_CANCELLED")));
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (words(&["REFUNDED"]), words(&["+150", "-150"]))
    );
    let told = world.end().await;
    assert_eq!(told, ["quote.created", "quote.approved", "payment.refunded"]);
}

async fn a_charge_whose_answer_was_lost_is_found_and_given_back_after_the_cancellation(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.call_off(order).await;
    world.told("payment.refunded").await;
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (words(&["REFUNDED"]), words(&["+150", "-150"]))
    );
}

async fn a_charge_that_never_arrived_is_not_made_after_the_cancellation(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::RequestLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.call_off(order).await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["PROCESSING"], "it may still be on its way");
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["CANCELLED"]);
    assert!(world.money().await.is_empty());
}

async fn a_charge_that_was_sent_again_is_searched_for_from_then_on(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(100, Fault::RequestLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::minutes(14));
    world.settle().await;
    world.call_off(order).await;
    world.faults().clear();
    world.clock.advance(TimeDelta::minutes(2));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["PROCESSING"], "what was sent two minutes ago may still arrive");
    world.clock.advance(TimeDelta::minutes(14));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["CANCELLED"]);
    assert!(world.money().await.is_empty());
}

async fn money_that_came_before_the_cancellation_waits_for_the_workshop(world: World) {
    let order = world.paid().await;
    world.call_off(order).await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["APPROVED"], "the work may be finished already");
    world.give_up(order).await;
    world.told("payment.refunded").await;
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (words(&["REFUNDED"]), words(&["+150", "-150"]))
    );
    assert_eq!(world.quote(order).await["status"], "CANCELLED");
}

async fn work_that_fails_is_refunded_exactly_once(world: World) {
    let order = world.paid().await;
    world.faults().expect(2, Fault::AnswerLost);
    let failed = world.given_up(order);
    world.hear(failed.clone()).await;
    world.hear(failed).await;
    world.settle().await;
    world.settle().await;
    world.settle().await;
    let told = world.told("payment.refunded").await;
    assert_eq!((&told["amount"], &told["reason"]), (&json!(150), &json!("the frame is bent")));
    let again = world.pay(order).await;
    assert_eq!(
        again.expect(StatusCode::CONFLICT)["detail"],
        "paying is not possible: the work order is FAILED"
    );
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (words(&["REFUNDED"]), words(&["+150", "-150"]))
    );
    let told = world.end().await;
    assert_eq!(count(&told, "payment.refunded"), 1);
}

async fn an_order_called_off_before_it_is_known_gets_a_void_quote(world: World) {
    let order = Order { id: world.clock.id(), customer: world.clock.id() };
    world.call_off(order).await;
    world.hear(world.created(order, "Ana Souza")).await;
    assert_eq!(world.quote(order).await["status"], "CANCELLED");
    let refused = world.say(order, "approve").await;
    assert_eq!(
        refused.expect(StatusCode::CONFLICT)["detail"],
        "approving is not possible: the quote is CANCELLED"
    );
    assert!(world.end().await.is_empty());
}

async fn a_service_that_died_between_storing_and_calling_goes_on_where_it_was(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::RequestLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    let world = world.restarted().await;
    world.clock.advance(TimeDelta::seconds(21));
    world.told("payment.approved").await;
    assert_eq!((world.standing(order).await, world.money().await), (words(&["APPROVED"]), words(&["+150"])));
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn count(told: &[String], event_type: &str) -> usize {
    told.iter().filter(|told| *told == event_type).count()
}
