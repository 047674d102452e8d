//! What the workshop makes of the other services' events, and of messages that are none.

use garage_events::WorkOrderStatus;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{
    World, cancelled, on_each_store, payment_approved, quote_approved, status_changed, text, types,
};

on_each_store! {
    the_payment_queues_the_job_and_says_what_caused_it
    the_same_event_twice_has_one_effect
    a_payment_before_the_quotes_approval_is_no_less_a_payment
    a_cancelled_order_stops_its_work_and_says_so
    a_cancelled_order_that_was_not_paid_is_dropped_in_silence
    a_payment_after_the_cancellation_is_answered_with_a_failure
    finished_work_stays_finished
    the_orders_status_is_followed_and_an_older_one_is_not
    a_message_that_is_no_event_is_set_aside_with_its_reason
    what_was_set_aside_holds_nothing_up
    an_event_with_fields_of_the_future_is_read
}

async fn the_payment_queues_the_job_and_says_what_caused_it(world: World) {
    let order = world.order();
    world.tell(quote_approved(order)).await;
    let cause = world.tell(payment_approved(order)).await;
    let execution = world.of(order).await;
    let told = world.told().await;
    assert_eq!(types(&told), ["execution.created"]);
    assert_eq!(
        (text(&told[0], "causationId"), text(&told[0], "correlationId")),
        (&*cause.to_string(), &*order.to_string())
    );
    assert_eq!(told[0]["data"]["executionId"], execution["id"]);
}

async fn the_same_event_twice_has_one_effect(world: World) {
    let order = world.order();
    let (_, message) = world.event(payment_approved(order));
    for _ in 0..3 {
        world.carry(&[message.clone(), message.clone()]).await;
        world.tell(payment_approved(order)).await;
    }
    assert_eq!(types(&world.told().await), ["execution.created"]);
}

async fn a_payment_before_the_quotes_approval_is_no_less_a_payment(world: World) {
    let order = world.order();
    world.tell(payment_approved(order)).await;
    let queued = world.of(order).await;
    world.tell(quote_approved(order)).await;
    assert_eq!(world.of(order).await, queued);
    assert_eq!(text(&queued, "status"), "QUEUED");
}

async fn a_cancelled_order_stops_its_work_and_says_so(world: World) {
    let execution = world.paid().await;
    let order = text(&execution, "workOrderId").parse().unwrap();
    world.step(text(&execution, "id"), "start-diagnosis", Value::Null).await;
    let cause = world.tell(cancelled(order)).await;
    let stopped = world.of(order).await;
    assert_eq!(
        (text(&stopped, "status"), text(&stopped, "failureReason")),
        ("FAILED", "WORK_ORDER_CANCELLED")
    );
    let told = world.told().await;
    let failed = told.last().unwrap();
    assert_eq!(
        (text(failed, "eventType"), text(failed, "causationId")),
        ("execution.failed", &*cause.to_string())
    );
    assert_eq!(text(&failed["data"], "reason"), "WORK_ORDER_CANCELLED");
}

async fn a_cancelled_order_that_was_not_paid_is_dropped_in_silence(world: World) {
    let order = world.order();
    world.tell(quote_approved(order)).await;
    world.tell(cancelled(order)).await;
    assert_eq!(world.of(order).await["status"], "CANCELLED");
    assert_eq!(types(&world.told().await), [""; 0]);
}

async fn a_payment_after_the_cancellation_is_answered_with_a_failure(world: World) {
    let (unknown, prepared) = (world.order(), world.order());
    world.tell(quote_approved(prepared)).await;
    for order in [unknown, prepared] {
        world.tell(cancelled(order)).await;
        world.tell(payment_approved(order)).await;
        assert_eq!(world.of(order).await["status"], "FAILED");
    }
    let told = world.told().await;
    assert_eq!(types(&told), ["execution.failed"; 2]);
    assert!(told.iter().all(|event| event["data"]["reason"] == "WORK_ORDER_CANCELLED"));
}

async fn finished_work_stays_finished(world: World) {
    let execution = world.paid().await;
    let (id, order) = (text(&execution, "id"), text(&execution, "workOrderId").parse().unwrap());
    for (step, body) in [
        ("start-diagnosis", Value::Null),
        ("complete-diagnosis", json!({"notes": "x"})),
        ("start-repair", Value::Null),
        ("complete-repair", json!({"notes": "x"})),
        ("complete", Value::Null),
    ] {
        assert_eq!(world.step(id, step, body).await.status, 200);
    }
    let done = world.of(order).await;
    world.tell(cancelled(order)).await;
    world.tell(payment_approved(order)).await;
    assert_eq!(world.of(order).await, done);
    assert_eq!(types(&world.told().await).last(), Some(&"execution.completed"));
}

async fn the_orders_status_is_followed_and_an_older_one_is_not(world: World) {
    let execution = world.paid().await;
    let order = text(&execution, "workOrderId").parse().unwrap();
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 4)).await;
    world.tell(status_changed(order, WorkOrderStatus::Approved, 3)).await;
    assert_eq!(world.of(order).await["orderStatus"], "IN_PROGRESS");
}

/// An event as JSON, to be spoilt.
fn event(order: Uuid) -> Value {
    json!({
        "eventId": Uuid::from_u128(1), "eventType": "payment.approved", "timestamp": "2026-02-08T10:00:00.000Z",
        "source": "billing-service", "correlationId": order,
        "data": {"workOrderId": order, "paymentId": Uuid::nil(), "quoteId": Uuid::nil(), "amount": 80, "paymentMethod": "PIX"},
    })
}

async fn carry(world: &World, body: impl ToString) {
    world.carry(&[world.message("payment.approved", body)]).await;
}

async fn a_message_that_is_no_event_is_set_aside_with_its_reason(world: World) {
    let order = world.order();
    let spoilt = |field: &str, value: Value| {
        let mut event = event(order);
        event[field] = value;
        event
    };
    let spoilt = [
        ("not JSON".to_owned(), "not an event"),
        ("[]".to_owned(), "not an event"),
        ("{}".to_owned(), "not an event"),
        (spoilt("eventType", json!("payment.exploded")).to_string(), "unknown event type `payment.exploded`"),
        (
            spoilt("version", json!(2)).to_string(),
            "`payment.approved` has version 2, this program reads up to 1",
        ),
        (
            spoilt("data", json!({"workOrderId": order})).to_string(),
            "the data of `payment.approved` is not as agreed",
        ),
        (
            spoilt("data", json!({"workOrderId": 7})).to_string(),
            "the data of `payment.approved` is not as agreed",
        ),
        (spoilt("source", json!("a-stranger")).to_string(), "not an event"),
    ];
    for (number, (body, reason)) in (1..).zip(spoilt) {
        world.turn(1);
        carry(&world, &body).await;
        let letters = world.dead_letters().await;
        let (queue, why) = letters.last().unwrap();
        assert_eq!((letters.len(), queue.as_str()), (number, "execution-payment-approved"), "{body}");
        assert!(why.starts_with(reason), "{body}: {why}");
    }
    assert_eq!(world.get("/executions").await.body, json!([]));
    assert_eq!(types(&world.told().await), [""; 0]);
}

async fn what_was_set_aside_holds_nothing_up(world: World) {
    carry(&world, "not JSON").await;
    assert_eq!(world.paid().await["status"], "QUEUED");
}

async fn an_event_with_fields_of_the_future_is_read(world: World) {
    let order = world.order();
    let mut event = event(order);
    event["mood"] = json!("good");
    event["data"]["tip"] = json!(10);
    carry(&world, event).await;
    assert_eq!(world.of(order).await["status"], "QUEUED");
}
