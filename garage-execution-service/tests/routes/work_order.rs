//! `GET /executions/work-order/{workOrderId}`.

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::json;

use crate::world::{Who, World, cancelled, on_each_store, payment_approved, quote_approved, text};

on_each_store! {
    an_order_has_no_execution_before_its_quote_is_approved
    an_approved_quote_prepares_what_the_payment_queues
    an_id_that_is_none_is_refused
    a_customer_sees_how_far_it_is_and_no_more
}

async fn an_order_has_no_execution_before_its_quote_is_approved(world: World) {
    let (unknown, tombstone) = (world.order(), world.order());
    world.tell(cancelled(tombstone)).await;
    for order in [unknown, tombstone] {
        let reply = world.get(&format!("/executions/work-order/{order}")).await;
        assert_eq!((reply.status, text(&reply.body, "detail")), (404, "there is no such execution"));
    }
}

async fn an_approved_quote_prepares_what_the_payment_queues(world: World) {
    let order = world.order();
    world.tell(quote_approved(order)).await;
    let prepared = world.of(order).await;
    assert_eq!((text(&prepared, "status"), &prepared["queuedAt"]), ("AWAITING_PAYMENT", &json!(null)));
    world.turn(3);
    world.tell(payment_approved(order)).await;
    let queued = world.of(order).await;
    assert_eq!((text(&queued, "status"), &queued["id"]), ("QUEUED", &prepared["id"]));
    assert_eq!(
        (text(&queued, "createdAt"), text(&queued, "queuedAt")),
        ("2026-02-08T10:00:00.001Z", "2026-02-08T10:03:00.001Z")
    );
}

async fn an_id_that_is_none_is_refused(world: World) {
    let reply = world.get("/executions/work-order/7").await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["workOrderId"]));
}

async fn a_customer_sees_how_far_it_is_and_no_more(world: World) {
    let execution = world.paid().await;
    world.step(text(&execution, "id"), "start-diagnosis", json!(null)).await;
    world.step(text(&execution, "id"), "complete-diagnosis", json!({"notes": "drove without oil"})).await;
    let order = text(&execution, "workOrderId").parse().unwrap();
    let path = format!("/executions/work-order/{order}");
    let reply = world
        .send(world.request(Who::Customer(order), Method::GET, &path).body(Body::empty()).unwrap())
        .await;
    let now = "2026-02-08T10:00:00.001Z";
    let seen = json!({
        "id": execution["id"], "workOrderId": order, "status": "DIAGNOSIS_COMPLETE",
        "createdAt": now, "updatedAt": now, "queuedAt": now, "startedAt": now, "completedAt": null,
    });
    assert_eq!((reply.status, &reply.body), (200, &seen));
    assert_eq!(reply.header(header::ETAG), world.get(&path).await.header(header::ETAG));
}
