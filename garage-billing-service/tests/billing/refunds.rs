//! `POST /payments/{id}/refunds`: a part of the money back after the work; and what the payer's bank takes back.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::{
    faults::Fault,
    ledger::{RefundStatus, Verdict},
};
use serde_json::{Value, json};

use crate::world::{Order, Reply, World, text};

on_every_store! {
    a_part_goes_back_once_however_often_it_is_asked_for
    a_part_whose_answer_is_lost_goes_back_once
    a_part_is_not_taken_for_what_somebody_gave_back_at_the_gateway
    a_refund_that_was_accepted_and_rejected_goes_back_under_another_key
    of_what_went_back_in_part_at_the_gateway_the_rest_goes_back
}

/// An order whose work is finished and paid for.
async fn finished(world: &World) -> Order {
    let order = world.paid().await;
    world.complete(order).await;
    order
}

async fn path(world: &World, order: Order) -> String {
    format!("/payments/{}", text(&world.payments(order).await[0]["id"]))
}

async fn give_back(world: &World, order: Order, amount: Value) -> Reply {
    let path = format!("{}/refunds", path(world, order).await);
    world.post(&path, json!({ "amount": amount, "reason": "a scratch on the door" })).await
}

async fn refunds(world: &World, order: Order) -> Vec<(String, f64)> {
    let payment = world.payments(order).await.remove(0);
    let parts = payment["refunds"].as_array().cloned().unwrap_or_default();
    parts.iter().map(|part| (text(&part["status"]).to_owned(), part["amount"].as_f64().unwrap())).collect()
}

async fn a_part_goes_back_once_however_often_it_is_asked_for(world: World) {
    let order = finished(&world).await;
    let path = format!("{}/refunds", path(&world, order).await);
    let ask = || {
        let body = json!({ "amount": 30.5, "reason": "a scratch on the door" });
        let mut request = world.request("manager", Method::POST, &path, Some(body));
        request.headers_mut().insert("idempotency-key", "r-1".parse().unwrap());
        world.send(request)
    };
    let given = ask().await;
    let payment = given.expect(StatusCode::OK);
    assert_eq!((&payment["status"], &payment["refundedAmount"]), (&json!("APPROVED"), &json!(30.5)));
    let part = &payment["refunds"][0];
    assert_eq!((&part["status"], &part["reason"]), (&json!("DONE"), &json!("a scratch on the door")));
    assert_eq!(part["requestedBy"], "an manager");
    ask().await.expect(StatusCode::OK);
    assert_eq!(world.money().await, ["+150", "-30.5"]);
    let told = world.told("payment.refunded").await;
    assert_eq!((&told["amount"], &told["refundId"]), (&json!(30.5), &part["id"]));

    give_back(&world, order, json!(19.5)).await.expect(StatusCode::OK);
    assert_eq!(world.money().await, ["+150", "-30.5", "-19.5"]);
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.refunded").count(), 2);
}

async fn a_part_whose_answer_is_lost_goes_back_once(world: World) {
    let order = finished(&world).await;
    world.faults().let_pass(1);
    world.faults().expect(1, Fault::AnswerLost);
    give_back(&world, order, json!(10)).await.expect(StatusCode::ACCEPTED);
    assert_eq!(refunds(&world, order).await, [("PROCESSING".to_owned(), 10.0)]);
    let second = give_back(&world, order, json!(5)).await;
    let detail = "giving a part back is not possible: the earlier refund is still on its way";
    assert_eq!(second.expect(StatusCode::CONFLICT)["detail"], detail);
    world.settle().await;
    assert_eq!(refunds(&world, order).await, [("DONE".to_owned(), 10.0)]);
    assert_eq!(world.money().await, ["+150", "-10"]);
}

/// The gateway's number of an order's only payment.
async fn number(world: &World, order: Order) -> String {
    text(&world.payments(order).await[0]["mercadoPagoPaymentId"]).to_owned()
}

/// Somebody refunds so much in the gateway's dashboard.
async fn in_the_dashboard(world: &World, order: Order, amount: &str) {
    let amount = Some(amount.parse().unwrap());
    world.sandbox.give_back(&number(world, order).await, amount, "in the dashboard").await.unwrap();
}

async fn a_part_is_not_taken_for_what_somebody_gave_back_at_the_gateway(world: World) {
    let order = finished(&world).await;
    in_the_dashboard(&world, order, "40").await;
    world.faults().expect_refunds(1, RefundStatus::Rejected);
    give_back(&world, order, json!(30)).await.expect(StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
    assert_eq!(refunds(&world, order).await, [("REFUSED".to_owned(), 30.0)]);
    assert_eq!(world.money().await, ["+150", "-40"]);

    let all = give_back(&world, order, json!(110)).await;
    assert_eq!(all.fields(), ["amount"]);
    assert_eq!(all.body["errors"][0]["detail"], "must be above 0 and less than what is left, 110");
    give_back(&world, order, json!(20)).await.expect(StatusCode::OK);
    assert_eq!(world.told("payment.refunded").await["amount"], 20);
    assert_eq!(world.money().await, ["+150", "-40", "-20"]);
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.refunded").count(), 1);
}

async fn a_refund_that_was_accepted_and_rejected_goes_back_under_another_key(world: World) {
    let order = world.paid().await;
    world.faults().expect_refunds(9, RefundStatus::InProcess);
    world.give_up(order).await;
    world.settle().await;
    world.faults().clear();
    let entry = world.sandbox.payments(None, 1).await.unwrap().remove(0);
    let refund = entry.refunds[0].number;
    world.sandbox.decide_refund(&number(&world, order).await, refund, RefundStatus::Rejected).await.unwrap();
    world.settle().await;
    world.settle().await;
    assert_eq!(world.told("payment.refunded").await["amount"], 150);
    assert_eq!(world.standing(order).await, ["REFUNDED"]);
    assert_eq!(world.money().await, ["+150", "-150"]);
    let trail = world.get(&format!("{}/trail", path(&world, order).await)).await;
    let keys: Vec<_> = trail.body.as_array().unwrap().iter().map(|line| line["key"].clone()).collect();
    let id = text(&world.payments(order).await[0]["id"]).to_owned();
    assert!(keys.contains(&json!(format!("{id}-refund-1"))), "{keys:?}");
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.refunded").count(), 1);
}

async fn of_what_went_back_in_part_at_the_gateway_the_rest_goes_back(world: World) {
    for is_known in [true, false] {
        let order = world.paid().await;
        in_the_dashboard(&world, order, "40").await;
        if is_known {
            let verify = format!("{}/verify", path(&world, order).await);
            let shown = world.patch(&verify, json!({})).await;
            assert_eq!(shown.expect(StatusCode::OK)["refundedAtGateway"], 40);
        }
        world.give_up(order).await;
        for _ in 0..3 {
            world.settle().await;
        }
        assert_eq!(world.standing(order).await, ["REFUNDED"], "{is_known}");
    }
    assert_eq!(world.told_times("payment.refunded", 2).await.len(), 2);
    let mut money = world.money().await;
    money.sort();
    assert_eq!(money, ["+150", "+150", "-110", "-110", "-40", "-40"]);
}

#[tokio::test]
async fn no_part_is_taken_while_the_gateway_does_not_say_how_much_has_gone() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    world.faults().expect(1, Fault::Unavailable);
    let away = give_back(&world, order, json!(30)).await;
    away.expect(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(away.header("retry-after"), "10");
    assert_eq!((refunds(&world, order).await.len(), world.money().await), (0, vec!["+150".to_owned()]));
    give_back(&world, order, json!(30)).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn something_always_stays_and_amounts_are_amounts() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    for wrong in [json!(150), json!(150.01), json!(0), json!(-1), json!(1.001), json!("10"), Value::Null] {
        assert_eq!(give_back(&world, order, wrong.clone()).await.fields(), ["amount"], "{wrong}");
    }
    let path = format!("{}/refunds", path(&world, order).await);
    assert_eq!(world.post(&path, json!({ "amount": 1 })).await.fields(), ["reason"]);
    give_back(&world, order, json!(100)).await.expect(StatusCode::OK);
    let errors = give_back(&world, order, json!(50)).await;
    assert_eq!(errors.fields(), ["amount"]);
    assert_eq!(errors.body["errors"][0]["detail"], "must be above 0 and less than what is left, 50");
    assert_eq!(world.money().await, ["+150", "-100"]);
}

#[tokio::test]
async fn only_finished_work_is_given_back_in_parts_and_only_by_a_manager() {
    let world = World::sqlite().await;
    let order = world.paid().await;
    let refused = give_back(&world, order, json!(10)).await;
    let detail = "giving a part back is not possible: the work order is not known to be finished";
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], detail);
    world.complete(order).await;
    let path = format!("{}/refunds", path(&world, order).await);
    let body = json!({ "amount": 10, "reason": "a favour" });
    let by_the_desk = world.ask("attendant", Method::POST, &path, Some(body)).await;
    by_the_desk.expect(StatusCode::FORBIDDEN);
    assert_eq!(world.money().await, ["+150"]);
}

/// The OS Service says that it is, and whoever heard that is faster than the news of it.
#[tokio::test]
async fn work_that_is_just_finished_is_given_back_in_parts() {
    let world = World::sqlite().await;
    let order = world.paid().await;
    let (given, ()) = tokio::join!(give_back(&world, order, json!(10)), world.complete(order));
    given.expect(StatusCode::OK);
    assert_eq!(world.money().await, ["+150", "-10"]);
}

#[tokio::test]
async fn a_part_that_takes_its_time_is_followed_to_the_end() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    world.faults().expect_refunds(1, RefundStatus::InProcess);
    give_back(&world, order, json!(10)).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(refunds(&world, order).await, [("PROCESSING".to_owned(), 10.0)]);
    let entry = world.sandbox.payments(None, 1).await.unwrap().remove(0);
    let (number, refund) = (entry.number.to_string(), entry.refunds[0].number);
    world.sandbox.decide_refund(&number, refund, RefundStatus::Approved).await.unwrap();
    world.settle().await;
    assert_eq!(refunds(&world, order).await, [("DONE".to_owned(), 10.0)]);
}

#[tokio::test]
async fn a_part_that_the_gateway_refuses_says_so_once_that_is_certain_and_another_may_follow() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    world.faults().expect_refunds(1, RefundStatus::Rejected);
    give_back(&world, order, json!(10)).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(
        refunds(&world, order).await,
        [("PROCESSING".to_owned(), 10.0)],
        "another sending may be under way"
    );
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
    let payment = world.payments(order).await.remove(0);
    assert_eq!(payment["refunds"][0]["status"], "REFUSED");
    assert!(text(&payment["refunds"][0]["refusedBecause"]).contains("rejected"), "{payment}");
    give_back(&world, order, json!(10)).await.expect(StatusCode::OK);
    assert_eq!(world.money().await, ["+150", "-10"]);
}

#[tokio::test]
async fn a_part_on_its_way_for_long_is_shown_as_stuck() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    world.faults().expect_refunds(1, RefundStatus::InProcess);
    give_back(&world, order, json!(10)).await.expect(StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::minutes(11));
    let stuck = world.get("/payments?stuck=true").await;
    let stuck = stuck.expect(StatusCode::OK);
    assert_eq!((stuck.as_array().unwrap().len(), &stuck[0]["waitingFor"]["what"]), (1, &json!("a refund")));
    assert_eq!(stuck[0]["workOrderId"], json!(order.id));
}

#[tokio::test]
async fn what_the_payer_s_bank_takes_back_is_shown_and_starts_no_refund() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    let payment = path(&world, order).await;
    let number = text(&world.payments(order).await[0]["mercadoPagoPaymentId"]).to_owned();
    for (act, standing) in [
        (Verdict::ChargeBack, "in_process"),
        (Verdict::Settle, "settled"),
        (Verdict::Reimburse, "reimbursed"),
    ] {
        world.clock.advance(TimeDelta::days(1));
        world.sandbox.decide(&number, act).await.unwrap();
        world.send(world.webhook(crate::world::WEBHOOK_SECRET, &number)).await.expect(StatusCode::OK);
        let shown = world.get(&payment).await;
        let shown = shown.expect(StatusCode::OK);
        assert_eq!(
            (&shown["status"], &shown["chargeBack"]["standing"]),
            (&json!("APPROVED"), &json!(standing))
        );
        assert_eq!(shown["chargeBack"]["at"], "2026-02-09T10:00:00.000Z");
    }
    assert_eq!(world.money().await, ["+150"]);
}

#[tokio::test]
async fn money_owed_back_that_the_bank_has_taken_is_not_given_twice() {
    let world = World::sqlite().await;
    let order = world.paid().await;
    let number = text(&world.payments(order).await[0]["mercadoPagoPaymentId"]).to_owned();
    world.sandbox.decide(&number, Verdict::ChargeBack).await.unwrap();
    world.give_up(order).await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REFUNDING"]);
    world.sandbox.decide(&number, Verdict::Settle).await.unwrap();
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REFUNDED"]);
    assert_eq!(world.money().await, ["+150"], "the shop has given nothing");
}

#[tokio::test]
async fn what_somebody_gives_back_at_the_gateway_itself_is_shown() {
    let world = World::sqlite().await;
    let order = finished(&world).await;
    give_back(&world, order, json!(10)).await.expect(StatusCode::OK);
    let payment = path(&world, order).await;
    let number = text(&world.payments(order).await[0]["mercadoPagoPaymentId"]).to_owned();
    world.patch(&format!("{payment}/verify"), json!({})).await.expect(StatusCode::OK);
    assert_eq!(world.get(&payment).await.body.get("refundedAtGateway"), None);
    world.sandbox.give_back(&number, Some("40".parse().unwrap()), "in the dashboard").await.unwrap();
    let verified = world.patch(&format!("{payment}/verify"), json!({})).await;
    let shown = verified.expect(StatusCode::OK);
    assert_eq!((&shown["refundedAmount"], &shown["refundedAtGateway"]), (&json!(10), &json!(50)));
    assert_eq!(shown["status"], "APPROVED");
}
