//! `GET` and `PATCH /executions/{id}`.

use axum::{
    body::Body,
    http::{Method, header},
};
use garage_events::WorkOrderStatus;
use serde_json::{Value, json};

use crate::world::{Reply, Who, World, on_each_store, status_changed, text, types};

on_each_store! {
    an_execution_is_shown_whole
    an_id_that_nothing_has_is_not_found_and_one_that_is_none_is_refused
    its_version_is_its_etag_and_grows_with_what_is_seen
    a_patch_changes_what_it_names_and_leaves_the_rest
    null_takes_the_technician_away
    a_patch_that_is_none_is_refused_field_by_field
    a_patch_on_a_version_that_has_passed_is_refused
    the_status_is_not_patched
    what_has_ended_is_not_patched
    assigning_tells_nobody
}

async fn patch(world: &World, execution: &Value, body: Value) -> Reply {
    let path = format!("/executions/{}", text(execution, "id"));
    world.json(Who::Manager, Method::PATCH, &path, body).await
}

async fn an_execution_is_shown_whole(world: World) {
    let paid = world.paid().await;
    let order = text(&paid, "workOrderId").parse().unwrap();
    world.tell(status_changed(order, WorkOrderStatus::InProgress, 4)).await;
    let reply = world.get(&format!("/executions/{}", text(&paid, "id"))).await;
    let now = "2026-02-08T10:00:00.001Z";
    let whole = json!({
        "id": paid["id"], "workOrderId": order, "status": "QUEUED", "priority": "NORMAL", "technicianId": null,
        "diagnosisNotes": null, "repairNotes": null, "partsUsed": [], "servicesPerformed": [], "failureReason": null,
        "orderStatus": "IN_PROGRESS", "statusSince": now, "createdAt": now, "updatedAt": now, "queuedAt": now, "startedAt": null, "completedAt": null,
        "stuck": false, "waitingFor": {"who": "workshop", "what": "a technician", "since": now, "deadline": "2026-02-15T10:00:00.001Z"},
    });
    assert_eq!((reply.status, reply.body), (200, whole));
}

async fn an_id_that_nothing_has_is_not_found_and_one_that_is_none_is_refused(world: World) {
    let order = text(&world.paid().await, "workOrderId").to_owned();
    let reply = world.get(&format!("/executions/{order}")).await;
    assert_eq!((reply.status, text(&reply.body, "detail")), (404, "there is no such execution"));
    let reply = world.get("/executions/7").await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["id"]));
}

async fn its_version_is_its_etag_and_grows_with_what_is_seen(world: World) {
    let paid = world.paid().await;
    let path = format!("/executions/{}", text(&paid, "id"));
    let before = world.get(&path).await.header(header::ETAG).to_owned();
    let request = world.request(Who::Manager, Method::GET, &path).header(header::IF_NONE_MATCH, &before);
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 304);
    world
        .tell(status_changed(text(&paid, "workOrderId").parse().unwrap(), WorkOrderStatus::InProgress, 4))
        .await;
    assert_ne!(world.get(&path).await.header(header::ETAG), before);
}

async fn a_patch_changes_what_it_names_and_leaves_the_rest(world: World) {
    let paid = world.paid().await;
    world.turn(5);
    let reply = patch(&world, &paid, json!({"priority": "HIGH", "technicianId": " ugo "})).await;
    assert_eq!(
        (reply.status, text(&reply.body, "priority"), text(&reply.body, "technicianId")),
        (200, "HIGH", "ugo")
    );
    assert_eq!(text(&reply.body, "updatedAt"), "2026-02-08T10:05:00.001Z");
    let version = reply.header(header::ETAG).to_owned();
    world.turn(5);
    for nothing in
        [json!({}), json!({"priority": null}), json!({"priority": "HIGH"}), json!({"colour": "red"})]
    {
        let same = patch(&world, &paid, nothing).await;
        assert_eq!((same.header(header::ETAG), &same.body), (version.as_str(), &reply.body));
    }
    let technician = patch(&world, &paid, json!({"technicianId": "ivo"})).await.body;
    assert_eq!((text(&technician, "priority"), text(&technician, "technicianId")), ("HIGH", "ivo"));
}

async fn null_takes_the_technician_away(world: World) {
    let paid = world.paid().await;
    patch(&world, &paid, json!({"technicianId": "ugo"})).await;
    assert_eq!(patch(&world, &paid, json!({"technicianId": null})).await.body["technicianId"], Value::Null);
    assert_eq!(world.get("/executions?technicianId=ugo").await.body, json!([]));
}

async fn a_patch_that_is_none_is_refused_field_by_field(world: World) {
    let paid = world.paid().await;
    for (body, fields) in [
        (json!({"priority": "SOON", "technicianId": ""}), vec!["priority", "technicianId"]),
        (json!({"priority": 1}), vec!["priority"]),
        (json!({"technicianId": ["ugo"]}), vec!["technicianId"]),
        (json!({"technicianId": "x".repeat(201)}), vec!["technicianId"]),
        (json!({"technicianId": "u\u{0}go"}), vec!["technicianId"]),
        (json!("HIGH"), vec![]),
    ] {
        let reply = patch(&world, &paid, body.clone()).await;
        assert_eq!((reply.status, reply.fields()), (400, fields), "{body}");
    }
}

async fn a_patch_on_a_version_that_has_passed_is_refused(world: World) {
    let paid = world.paid().await;
    let path = format!("/executions/{}", text(&paid, "id"));
    let seen = world.get(&path).await.header(header::ETAG).to_owned();
    let send = |priority: &str| {
        let request = world.request(Who::Manager, Method::PATCH, &path).header(header::IF_MATCH, &seen);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        world.send(request.body(json!({"priority": priority}).to_string().into()).unwrap())
    };
    assert_eq!(send("HIGH").await.status, 200);
    let late = send("LOW").await;
    assert_eq!((late.status, text(&late.body, "code")), (412, "stale"));
    assert_eq!(world.get(&path).await.body["priority"], "HIGH");
}

async fn the_status_is_not_patched(world: World) {
    let paid = world.paid().await;
    let reply = patch(&world, &paid, json!({"status": "COMPLETED"})).await;
    assert_eq!((reply.status, reply.fields()), (400, vec!["status"]));
}

async fn what_has_ended_is_not_patched(world: World) {
    let paid = world.paid().await;
    world.step(text(&paid, "id"), "fail", json!({"reason": "no spare part"})).await;
    let reply = patch(&world, &paid, json!({"priority": "HIGH"})).await;
    assert_eq!(
        (reply.status, text(&reply.body, "detail")),
        (409, "changing is not possible: the execution is FAILED")
    );
}

async fn assigning_tells_nobody(world: World) {
    let paid = world.paid().await;
    patch(&world, &paid, json!({"priority": "HIGH", "technicianId": "ugo"})).await;
    assert_eq!(types(&world.told().await), ["execution.created"]);
}
