//! `DELETE /payments/{id}`: the desk withdraws a payment that waits, so that another may be made.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::{faults::Fault, ledger::Verdict};
use serde_json::json;

use crate::world::{Order, Reply, World, text};

on_every_store! {
    a_payment_that_waits_is_withdrawn_and_another_may_follow
    a_payment_whose_withdrawal_is_not_answered_ends_when_the_gateway_says_so
}

async fn withdraw(world: &World, order: Order) -> Reply {
    let payment = text(&world.payments(order).await[0]["id"]).to_owned();
    world.ask("attendant", Method::DELETE, &format!("/payments/{payment}"), None).await
}

/// An order whose payer takes time.
async fn pending(world: &World) -> Order {
    let order = world.approved("CONT").await;
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    order
}

async fn a_payment_that_waits_is_withdrawn_and_another_may_follow(world: World) {
    let order = pending(&world).await;
    let number = text(&world.payments(order).await[0]["mercadoPagoPaymentId"]).to_owned();
    let withdrawn = withdraw(&world, order).await;
    let payment = withdrawn.expect(StatusCode::OK);
    assert_eq!((&payment["status"], &payment["reason"]), (&json!("REJECTED"), &json!("WITHDRAWN")));
    assert_eq!(payment["withdrawnBy"], "an attendant");
    assert_eq!(payment["withdrawnAt"], "2026-02-08T10:00:00.000Z");
    assert_eq!(world.told("payment.rejected").await["reason"], "WITHDRAWN");
    assert!(world.sandbox.decide(&number, Verdict::Approve).await.is_err(), "the code is worth nothing");
    withdraw(&world, order).await.expect(StatusCode::OK);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    assert_eq!(world.standing(order).await, ["REJECTED", "PENDING"]);
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.rejected").count(), 1);
}

async fn a_payment_whose_withdrawal_is_not_answered_ends_when_the_gateway_says_so(world: World) {
    let order = pending(&world).await;
    world.faults().expect(100, Fault::Unavailable);
    assert_eq!(withdraw(&world, order).await.expect(StatusCode::ACCEPTED)["status"], "PENDING");
    let again = world.pay(order).await;
    let detail = "paying again is not possible: the earlier payment is PENDING";
    assert_eq!(again.expect(StatusCode::CONFLICT)["detail"], detail);
    world.faults().clear();
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REJECTED"]);
    assert_eq!(world.told("payment.rejected").await["reason"], "WITHDRAWN");
    world.pay(order).await.expect(StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_charge_that_nobody_has_seen_is_withdrawn_once_it_must_have_shown() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::RequestLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    withdraw(&world, order).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.standing(order).await, ["PROCESSING"], "it may still be on its way");
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REJECTED"]);
    assert_eq!(world.told("payment.failed").await["reason"], "WITHDRAWN");
    assert!(world.money().await.is_empty());
}

#[tokio::test]
async fn money_that_came_before_the_withdrawal_counts_as_paid() {
    let world = World::sqlite().await;
    let order = pending(&world).await;
    world.payer_does(order, Verdict::Approve).await;
    let refused = withdraw(&world, order).await;
    let detail = "withdrawing is not possible: the payment is APPROVED";
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], detail);
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    world.told("payment.approved").await;
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn only_what_waits_is_withdrawn_and_not_by_a_customer_s_link() {
    let world = World::sqlite().await;
    let paid = world.paid().await;
    withdraw(&world, paid).await.expect(StatusCode::CONFLICT);
    let declined = world.approved("OTHE").await;
    world.pay(declined).await.expect(StatusCode::BAD_REQUEST);
    withdraw(&world, declined).await.expect(StatusCode::CONFLICT);
    let unknown = format!("/payments/{}", world.clock.id());
    let reply = world.ask("attendant", Method::DELETE, &unknown, None).await;
    assert_eq!(reply.expect(StatusCode::NOT_FOUND)["detail"], "there is no such payment");

    let order = pending(&world).await;
    let path = format!("/payments/{}", text(&world.payments(order).await[0]["id"]));
    for role in [format!("work-order:{}", order.id), "technician".to_owned()] {
        world.ask(&role, Method::DELETE, &path, None).await.expect(StatusCode::FORBIDDEN);
    }
    let shown = world.ask(&format!("work-order:{}", order.id), Method::GET, &path, None).await;
    assert_eq!(shown.expect(StatusCode::OK)["status"], "PENDING");
    world.ask("manager", Method::DELETE, &path, None).await.expect(StatusCode::OK);
    let shown = world.ask(&format!("work-order:{}", order.id), Method::GET, &path, None).await;
    assert_eq!(shown.expect(StatusCode::OK).get("withdrawnBy"), None);
}
