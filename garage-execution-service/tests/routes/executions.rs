//! `GET /executions` and `POST /executions`.

use axum::http::{Method, header};
use garage_events::WorkOrderStatus;
use serde_json::{Value, json};

use crate::world::{
    Reply, Who, World, cancelled, on_each_store, payment_approved, quote_approved, status_changed, text,
    types,
};

on_each_store! {
    the_newest_order_comes_first_and_pages_lead_to_the_oldest
    what_is_only_remembered_of_an_order_is_not_listed
    a_list_is_narrowed_to_a_status_or_a_technician_or_both
    a_filter_that_is_none_is_named
    a_paid_order_without_an_execution_is_queued_by_hand
    by_hand_a_job_is_queued_as_urgent_as_the_manager_says
    an_order_that_is_not_known_to_be_paid_is_not_queued_by_hand
    an_order_that_is_in_work_is_not_queued_again
    a_new_execution_that_is_none_is_refused_field_by_field
}

async fn the_newest_order_comes_first_and_pages_lead_to_the_oldest(world: World) {
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(text(&world.paid().await, "workOrderId").to_owned());
    }
    let (mut path, mut seen) = (Some("/executions?limit=2".to_owned()), Vec::new());
    while let Some(page) = path {
        let reply = world.get(&page).await;
        seen.extend(reply.each("workOrderId").into_iter().map(str::to_owned));
        path = reply.header(header::LINK).split_once('>').map(|(target, _)| target[1..].to_owned());
    }
    orders.reverse();
    assert_eq!(seen, orders);
}

async fn what_is_only_remembered_of_an_order_is_not_listed(world: World) {
    let (followed, tombstone) = (world.order(), world.order());
    world.tell(status_changed(followed, WorkOrderStatus::Quoted, 1)).await;
    world.tell(cancelled(tombstone)).await;
    assert_eq!(world.get("/executions").await.body, json!([]));
    assert_eq!(world.get("/queue").await.body, json!([]));
}

async fn a_list_is_narrowed_to_a_status_or_a_technician_or_both(world: World) {
    let (first, second, waiting) = (world.paid().await, world.paid().await, world.paid().await);
    world.step(text(&first, "id"), "start-diagnosis", Value::Null).await;
    world.step(text(&second, "id"), "start-diagnosis", json!({"technicianId": "ugo"})).await;
    let ids = |query: &'static str| {
        let world = &world;
        async move { world.get(query).await.each("id").into_iter().map(str::to_owned).collect::<Vec<_>>() }
    };
    assert_eq!(ids("/executions?status=DIAGNOSING").await, [text(&second, "id"), text(&first, "id")]);
    assert_eq!(ids("/executions?status=QUEUED").await, [text(&waiting, "id")]);
    assert_eq!(ids("/executions?technicianId=ugo").await, [text(&second, "id")]);
    assert_eq!(ids("/executions?status=DIAGNOSING&technicianId=tito").await, [text(&first, "id")]);
    assert_eq!(ids("/executions?status=QUEUED&technicianId=tito").await, [""; 0]);
}

async fn a_filter_that_is_none_is_named(world: World) {
    for status in ["queued", "BROKEN", "1"] {
        let reply = world.get(&format!("/executions?status={status}")).await;
        assert_eq!((reply.status, reply.fields()), (400, vec!["status"]), "{status}");
    }
}

async fn by_hand(world: &World, body: Value) -> Reply {
    world.json(Who::Manager, Method::POST, "/executions", body).await
}

async fn a_paid_order_without_an_execution_is_queued_by_hand(world: World) {
    let order = world.order();
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 4)).await;
    let reply = by_hand(&world, json!({"workOrderId": order})).await;
    let id = text(&reply.body, "id").to_owned();
    assert_eq!((reply.status, reply.header(header::LOCATION)), (201, format!("/executions/{id}").as_str()));
    assert_eq!((text(&reply.body, "status"), text(&reply.body, "orderStatus")), ("QUEUED", "IN_PROGRESS"));
    assert_eq!(world.of(order).await, reply.body);
    assert_eq!(world.get("/queue").await.each("id"), [id]);
}

async fn by_hand_a_job_is_queued_as_urgent_as_the_manager_says(world: World) {
    let (order, prepared) = (world.order(), world.order());
    world.tell(quote_approved(prepared)).await;
    for order in [order, prepared] {
        world.tell(status_changed(order, WorkOrderStatus::InProgress, 4)).await;
        let reply =
            by_hand(&world, json!({"workOrderId": order, "priority": "URGENT", "technicianId": "ugo"})).await;
        assert_eq!((text(&reply.body, "priority"), text(&reply.body, "technicianId")), ("URGENT", "ugo"));
    }
    let told = world.told().await;
    assert_eq!(types(&told), ["execution.created"; 2]);
    for event in told {
        assert_eq!(
            (&event["data"]["priority"], &event["data"]["technicianId"]),
            (&json!("URGENT"), &json!("ugo"))
        );
        assert_eq!(event["causationId"], Value::Null);
    }
}

async fn an_order_that_is_not_known_to_be_paid_is_not_queued_by_hand(world: World) {
    let (unknown, prepared, approved, called_off) =
        (world.order(), world.order(), world.order(), world.order());
    world.tell(quote_approved(prepared)).await;
    world.tell(status_changed(approved, WorkOrderStatus::Approved, 3)).await;
    world.tell(status_changed(called_off, WorkOrderStatus::InProgress, 4)).await;
    world.tell(cancelled(called_off)).await;
    for (order, state) in [
        (unknown, "not known to be paid"),
        (prepared, "not known to be paid"),
        (approved, "APPROVED"),
        (called_off, "CANCELLED"),
    ] {
        let reply = by_hand(&world, json!({"workOrderId": order, "priority": "HIGH"})).await;
        assert_eq!(reply.status, 409);
        assert!(
            text(&reply.body, "detail").ends_with(&format!("the work order is {state}")),
            "{}",
            reply.body
        );
    }
    assert_eq!(world.of(prepared).await["priority"], "NORMAL", "a refused wish leaves nothing behind");
    assert_eq!(types(&world.told().await), [""; 0]);
}

async fn an_order_that_is_in_work_is_not_queued_again(world: World) {
    let order = world.order();
    world.tell(payment_approved(order)).await;
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 4)).await;
    let reply = by_hand(&world, json!({"workOrderId": order})).await;
    assert_eq!((reply.status, text(&reply.body, "detail").ends_with("the execution is QUEUED")), (409, true));
}

async fn a_new_execution_that_is_none_is_refused_field_by_field(world: World) {
    let all_wrong = json!({"workOrderId": "x", "priority": "SOON", "technicianId": 7});
    for (body, fields) in [
        (json!({}), vec!["workOrderId"]),
        (json!({"workOrderId": null}), vec!["workOrderId"]),
        (all_wrong, vec!["workOrderId", "priority", "technicianId"]),
        (json!({"workOrderId": world.order(), "technicianId": "x".repeat(201)}), vec!["technicianId"]),
        (json!([]), vec![]),
    ] {
        let reply = by_hand(&world, body.clone()).await;
        assert_eq!((reply.status, reply.fields()), (400, fields), "{body}");
    }
}
