//! `GET /executions?stuck=true` and `POST /executions/{id}/nudge`.

use axum::http::Method;
use garage_events::WorkOrderStatus;
use serde_json::{Value, json};

use crate::world::{Who, World, on_each_store, quote_approved, status_changed, text, types};

on_each_store! {
    a_job_that_nobody_takes_is_stuck_after_a_week
    a_job_whose_payment_was_not_heard_of_is_stuck
    an_end_is_told_again_at_a_manager_s_nudge
}

async fn stuck(world: &World) -> Vec<Value> {
    world.get("/executions?stuck=true").await.body.as_array().unwrap().clone()
}

const WEEK: i64 = 7 * 24 * 60;

async fn a_job_that_nobody_takes_is_stuck_after_a_week(world: World) {
    let (first, second) = (world.paid().await, world.paid().await);
    world.turn(WEEK - 1);
    assert_eq!(stuck(&world).await, [] as [Value; 0]);
    world.turn(1);
    let found = stuck(&world).await;
    let ids: Vec<&str> = found.iter().map(|job| text(job, "id")).collect();
    assert_eq!(ids, [text(&first, "id"), text(&second, "id")]);
    assert_eq!((&found[0]["stuck"], &found[0]["waitingFor"]["who"]), (&json!(true), &json!("workshop")));
    world.step(text(&first, "id"), "start-diagnosis", Value::Null).await;
    assert_eq!(stuck(&world).await, found[1..]);
    assert_eq!(world.get("/executions?stuck=true&status=DIAGNOSING").await.body, json!([]));
}

async fn a_job_whose_payment_was_not_heard_of_is_stuck(world: World) {
    let order = world.order();
    world.tell(quote_approved(order)).await;
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 3)).await;
    assert_eq!(stuck(&world).await, [] as [Value; 0]);
    world.turn(1);
    let found = stuck(&world).await;
    assert_eq!((text(&found[0], "workOrderId"), found.len()), (order.to_string().as_str(), 1));
    assert_eq!(found[0]["waitingFor"]["who"], "billing-service");
}

async fn an_end_is_told_again_at_a_manager_s_nudge(world: World) {
    let job = world.paid().await;
    let place = format!("/executions/{}/nudge", text(&job, "id"));
    let nudge = world.json(Who::Manager, Method::POST, &place, json!({})).await;
    assert_eq!((nudge.status, nudge.body), (200, json!({"told": []})));
    world.step(text(&job, "id"), "fail", json!({"reason": "the frame is bent"})).await;
    let nudge = world.json(Who::Manager, Method::POST, &place, json!({})).await;
    assert_eq!(nudge.body, json!({"told": ["execution.failed"]}));
    let told = world.told().await;
    assert_eq!(types(&told), ["execution.created", "execution.failed", "execution.failed"]);
    assert_eq!(told[1]["data"], told[2]["data"]);
}
