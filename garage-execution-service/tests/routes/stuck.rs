//! `GET /executions?stuck=true` and `POST /executions/{id}/nudge`.

use axum::{
    body::Body,
    http::{Method, header},
};
use garage_events::WorkOrderStatus;
use serde_json::{Value, json};

use crate::world::{Who, World, cancelled, on_each_store, quote_approved, status_changed, text, types};

on_each_store! {
    a_job_that_nobody_takes_is_stuck_after_a_week
    a_job_whose_payment_was_not_heard_of_is_stuck
    an_order_of_which_only_its_status_was_heard_is_listed_until_somebody_queues_it
    an_order_whose_end_was_not_heard_of_is_listed_though_nothing_was_prepared
    what_is_stuck_is_paged_through_whether_it_has_an_execution_or_not
    a_patch_gives_the_workshop_no_more_time
    who_has_the_newest_version_still_hears_that_it_is_stuck
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

async fn an_order_of_which_only_its_status_was_heard_is_listed_until_somebody_queues_it(world: World) {
    let order = world.order();
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 3)).await;
    assert_eq!(stuck(&world).await, [] as [Value; 0]);
    world.turn(1);
    let since = "2026-02-08T10:00:00.001Z";
    let awaited = json!({"who": "billing-service", "what": "telling that the order is paid", "since": since, "deadline": "2026-02-08T10:01:00.001Z"});
    let whole = json!({
        "id": order, "withoutExecution": true, "workOrderId": order, "status": "AWAITING_PAYMENT", "priority": "NORMAL",
        "technicianId": null, "diagnosisNotes": null, "repairNotes": null, "partsUsed": [], "servicesPerformed": [],
        "failureReason": null, "orderStatus": "IN_PROGRESS", "waitingFor": awaited, "stuck": true,
        "statusSince": since, "createdAt": since, "updatedAt": since, "queuedAt": null, "startedAt": null, "completedAt": null,
    });
    assert_eq!(stuck(&world).await, std::slice::from_ref(&whole));
    assert_eq!(world.get("/executions").await.body, json!([]), "there is no execution yet");
    assert_eq!(world.get(&format!("/executions/work-order/{order}")).await.status, 404);
    let path = format!("/executions/{order}");
    assert_eq!(world.get(&path).await.body, whole);
    let nudge = world.json(Who::Manager, Method::POST, &format!("{path}/nudge"), json!({})).await;
    assert_eq!((nudge.status, nudge.body), (200, json!({"told": []})));
    assert_eq!(world.step(&order.to_string(), "start-diagnosis", Value::Null).await.status, 404);
    let queued = world.json(Who::Manager, Method::POST, "/executions", json!({"workOrderId": order})).await;
    assert_eq!((queued.status, &queued.body["withoutExecution"]), (201, &Value::Null));
    assert_ne!(queued.body["id"], whole["id"]);
    assert_eq!(stuck(&world).await, [] as [Value; 0]);
    assert_eq!(world.get(&path).await.status, 404);
}

async fn an_order_whose_end_was_not_heard_of_is_listed_though_nothing_was_prepared(world: World) {
    let order = world.order();
    world.tell(status_changed(order, WorkOrderStatus::Cancelled, 3)).await;
    world.turn(1);
    let found = stuck(&world).await;
    assert_eq!((&found[0]["workOrderId"], &found[0]["orderStatus"]), (&json!(order), &json!("CANCELLED")));
    assert_eq!(found[0]["waitingFor"]["what"], "telling that the order is off");
    world.tell(cancelled(order)).await;
    assert_eq!(stuck(&world).await, [] as [Value; 0]);
    assert_eq!(world.get(&format!("/executions/{order}")).await.status, 404);
}

async fn what_is_stuck_is_paged_through_whether_it_has_an_execution_or_not(world: World) {
    let orders = [world.order(), world.order(), world.order()];
    world.tell(quote_approved(orders[1])).await;
    for order in orders {
        world.turn(1);
        world.tell(status_changed(order, WorkOrderStatus::InProgress, 3)).await;
    }
    world.turn(1);
    let (mut path, mut seen) = (Some("/executions?stuck=true&limit=1".to_owned()), Vec::new());
    while let Some(page) = path {
        let reply = world.get(&page).await;
        seen.extend(reply.each("workOrderId").into_iter().map(str::to_owned));
        path = reply.header(header::LINK).split_once('>').map(|(target, _)| target[1..].to_owned());
    }
    assert_eq!(seen, orders.map(|order| order.to_string()));
    let narrowed = world.get("/executions?stuck=true&status=AWAITING_PAYMENT").await;
    assert_eq!(narrowed.each("workOrderId"), [orders[1].to_string()]);
}

async fn a_patch_gives_the_workshop_no_more_time(world: World) {
    let id = text(&world.paid().await, "id").to_owned();
    let begun = world.step(&id, "start-diagnosis", Value::Null).await.body;
    world.turn(WEEK);
    let path = format!("/executions/{id}");
    let given =
        world.json(Who::Manager, Method::PATCH, &path, json!({"technicianId": "ugo", "priority": "HIGH"}));
    let given = given.await.body;
    assert_eq!((text(&given, "technicianId"), &given["waitingFor"]), ("ugo", &begun["waitingFor"]));
    assert_eq!(given["statusSince"], begun["statusSince"]);
    assert_ne!(given["updatedAt"], begun["updatedAt"]);
    world.turn(WEEK);
    let ids: Vec<Value> = stuck(&world).await.into_iter().map(|mut job| job["id"].take()).collect();
    assert_eq!(ids, [json!(id)]);
}

async fn who_has_the_newest_version_still_hears_that_it_is_stuck(world: World) {
    let job = world.paid().await;
    let (id, order) = (text(&job, "id"), text(&job, "workOrderId"));
    let paths = [format!("/executions/{id}"), format!("/executions/work-order/{order}")];
    let known = world.get(&paths[0]).await.header(header::ETAG).to_owned();
    let asked = async |path: &str| {
        let request = world.request(Who::Manager, Method::GET, path).header(header::IF_NONE_MATCH, &known);
        world.send(request.body(Body::empty()).unwrap()).await
    };
    for path in &paths {
        assert_eq!(asked(path).await.status, 304, "{path}");
    }
    world.turn(WEEK);
    for path in &paths {
        let told = asked(path).await;
        assert_eq!((told.status, &told.body["stuck"]), (200, &json!(true)), "{path}");
        assert_eq!(told.header(header::ETAG), known);
    }
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
