//! `POST /executions/{id}/…`: the technician's steps.

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, Who, World, on_each_store, text, types};

on_each_store! {
    a_job_goes_through_the_workshop_and_every_step_is_told
    what_fails_in_the_test_is_repaired_again_and_told_as_a_whole
    a_job_that_cannot_be_done_fails_in_the_technicians_words
    a_step_out_of_order_is_a_conflict_that_names_the_state
    a_step_on_what_nobody_knows_is_not_found
    the_technician_who_begins_has_the_job
    a_manager_who_begins_leaves_the_job_to_whom_it_was_given
    a_step_that_needs_no_words_takes_a_body_all_the_same
    words_that_are_none_are_refused_by_their_place
    what_is_not_json_is_refused
    parts_and_services_are_taken_in_every_form
    the_largest_job_still_fits_into_the_event_of_its_end
    notes_that_grow_with_every_rework_have_an_end_that_is_named
    a_step_on_a_version_that_has_passed_is_refused
    of_those_who_take_a_job_at_once_one_gets_it
}

/// The steps from the queue to the finished car, with the state that each leads to.
fn way() -> [(&'static str, Value, &'static str); 6] {
    [
        ("start-diagnosis", Value::Null, "DIAGNOSING"),
        ("complete-diagnosis", json!({"notes": "worn brake pads"}), "DIAGNOSIS_COMPLETE"),
        ("start-repair", Value::Null, "REPAIRING"),
        ("complete-repair", json!({"notes": "pads replaced"}), "REPAIR_COMPLETE"),
        ("start-testing", Value::Null, "TESTING"),
        ("complete", Value::Null, "COMPLETED"),
    ]
}

/// The id of a job that stands here.
async fn standing(world: &World, status: &str) -> String {
    let id = text(&world.paid().await, "id").to_owned();
    let steps = way().into_iter().take_while(|(_, _, leads_to)| status != "QUEUED" && *leads_to != status);
    let last = way().into_iter().filter(|(_, _, leads_to)| *leads_to == status);
    for (step, body, _) in steps.chain(last) {
        assert_eq!(world.step(&id, step, body).await.status, 200);
    }
    id
}

async fn a_job_goes_through_the_workshop_and_every_step_is_told(world: World) {
    let execution = world.paid().await;
    let (id, order) = (text(&execution, "id").to_owned(), execution["workOrderId"].clone());
    for (step, body, status) in way() {
        world.turn(1);
        let reply = world.step(&id, step, body).await;
        assert_eq!((reply.status, text(&reply.body, "status")), (200, status), "{step}");
        assert_eq!(world.get(&format!("/executions/{id}")).await.body, reply.body);
    }
    let done = world.get(&format!("/executions/{id}")).await.body;
    assert_eq!(
        (text(&done, "diagnosisNotes"), text(&done, "repairNotes")),
        ("worn brake pads", "pads replaced")
    );
    assert_eq!(
        (text(&done, "startedAt"), text(&done, "completedAt")),
        ("2026-02-08T10:01:00.001Z", "2026-02-08T10:06:00.001Z")
    );
    let told = world.told().await;
    let data: Vec<&Value> = told.iter().map(|event| &event["data"]).collect();
    assert_eq!(
        data[0],
        &json!({"workOrderId": order, "executionId": id, "status": "QUEUED", "priority": "NORMAL"})
    );
    let statuses = ["QUEUED", "DIAGNOSING", "DIAGNOSIS_COMPLETE", "REPAIRING", "REPAIR_COMPLETE", "TESTING"];
    for (change, data) in statuses.windows(2).zip(&data[1..6]) {
        let changed = json!({"workOrderId": order, "executionId": id, "previousStatus": change[0], "newStatus": change[1]});
        assert_eq!(**data, changed);
    }
    assert_eq!(
        data[6],
        &json!({"workOrderId": order, "executionId": id, "partsUsed": [], "servicesPerformed": []})
    );
    let changes = ["execution.status-changed"; 5];
    assert_eq!(types(&told), [&["execution.created"], &changes[..], &["execution.completed"]].concat());
    assert!(told.iter().all(|event| event["correlationId"] == order && event["version"] == 1));
    assert!(told[1..].iter().all(|event| event["causationId"].is_null()), "people cause the steps");
}

async fn what_fails_in_the_test_is_repaired_again_and_told_as_a_whole(world: World) {
    let id = standing(&world, "REPAIRING").await;
    world.step(&id, "complete-repair", json!({"notes": "first", "servicesPerformed": ["pads"]})).await;
    world.step(&id, "start-testing", Value::Null).await;
    let again = world.step(&id, "start-repair", Value::Null).await;
    assert_eq!((again.status, text(&again.body, "status")), (200, "REPAIRING"));
    world.step(&id, "complete-repair", json!({"notes": "second", "servicesPerformed": ["bleeding"]})).await;
    let done = world.step(&id, "complete", Value::Null).await.body;
    assert_eq!(
        (text(&done, "repairNotes"), &done["servicesPerformed"]),
        ("first\nsecond", &json!(["pads", "bleeding"]))
    );
    let told = world.told().await;
    assert_eq!(told.last().unwrap()["data"]["servicesPerformed"], json!(["pads", "bleeding"]));
}

async fn a_job_that_cannot_be_done_fails_in_the_technicians_words(world: World) {
    let id = standing(&world, "REPAIRING").await;
    let failed = world.step(&id, "fail", json!({"reason": " the frame is bent "})).await;
    assert_eq!((failed.status, text(&failed.body, "status")), (200, "FAILED"));
    assert_eq!(
        (text(&failed.body, "failureReason"), &failed.body["completedAt"]),
        ("the frame is bent", &Value::Null)
    );
    let told = world.told().await;
    let last = told.last().unwrap();
    let data =
        json!({"workOrderId": failed.body["workOrderId"], "executionId": id, "reason": "the frame is bent"});
    assert_eq!((text(last, "eventType"), &last["data"]), ("execution.failed", &data));
}

async fn a_step_out_of_order_is_a_conflict_that_names_the_state(world: World) {
    let bodies = [("fail", json!({"reason": "rust"}))];
    let steps: Vec<_> = way().into_iter().map(|(step, body, _)| (step, body)).chain(bodies).collect();
    let allowed = [
        ("QUEUED", vec!["start-diagnosis", "fail"]),
        ("DIAGNOSING", vec!["complete-diagnosis", "fail"]),
        ("DIAGNOSIS_COMPLETE", vec!["start-repair", "fail"]),
        ("REPAIRING", vec!["complete-repair", "fail"]),
        ("REPAIR_COMPLETE", vec!["start-testing", "complete", "fail"]),
        ("TESTING", vec!["start-repair", "complete", "fail"]),
        ("COMPLETED", vec![]),
    ];
    for (status, allowed) in allowed {
        let id = standing(&world, status).await;
        for (step, body) in steps.iter().filter(|(step, _)| !allowed.contains(step)) {
            let reply = world.step(&id, step, body.clone()).await;
            assert_eq!((reply.status, text(&reply.body, "code")), (409, "conflict"), "{step} {status}");
            assert!(
                text(&reply.body, "detail").ends_with(&format!("the execution is {status}")),
                "{}",
                reply.body
            );
        }
        assert_eq!(world.get(&format!("/executions/{id}")).await.body["status"], status);
    }
}

async fn a_step_on_what_nobody_knows_is_not_found(world: World) {
    let reply = world.step(&Uuid::from_u128(7).to_string(), "start-repair", Value::Null).await;
    assert_eq!((reply.status, text(&reply.body, "detail")), (404, "there is no such execution"));
    assert_eq!(world.step("7", "start-repair", Value::Null).await.fields(), ["id"]);
    assert_eq!(world.step("queue", "complete", Value::Null).await.fields(), ["id"]);
}

async fn the_technician_who_begins_has_the_job(world: World) {
    let (mine, anothers) = (world.paid().await, world.paid().await);
    let begun = world.step(text(&mine, "id"), "start-diagnosis", Value::Null).await.body;
    assert_eq!(text(&begun, "technicianId"), "tito");
    let begun =
        world.step(text(&anothers, "id"), "start-diagnosis", json!({"technicianId": "ugo"})).await.body;
    assert_eq!(text(&begun, "technicianId"), "ugo");
}

async fn a_manager_who_begins_leaves_the_job_to_whom_it_was_given(world: World) {
    let path = format!("/executions/{}", text(&world.paid().await, "id"));
    world.json(Who::Manager, Method::PATCH, &path, json!({"technicianId": "ugo"})).await;
    let begun = world.json(Who::Manager, Method::POST, &format!("{path}/start-diagnosis"), "{}").await.body;
    assert_eq!((text(&begun, "status"), text(&begun, "technicianId")), ("DIAGNOSING", "ugo"));
}

async fn a_step_that_needs_no_words_takes_a_body_all_the_same(world: World) {
    let id = text(&world.paid().await, "id").to_owned();
    for (step, body, _) in way() {
        let body = if body.is_null() { json!({"colour": "red"}) } else { body };
        assert_eq!(world.step(&id, step, body).await.status, 200, "{step}");
    }
}

async fn words_that_are_none_are_refused_by_their_place(world: World) {
    let (queued, diagnosing, repairing) = (
        standing(&world, "QUEUED").await,
        standing(&world, "DIAGNOSING").await,
        standing(&world, "REPAIRING").await,
    );
    let (many, long) = (vec!["x"; 201], "x".repeat(4001));
    for (id, step, body, fields) in [
        (&queued, "start-diagnosis", json!({"technicianId": 7}), vec!["technicianId"]),
        (&diagnosing, "complete-diagnosis", json!({}), vec!["notes"]),
        (&diagnosing, "complete-diagnosis", json!({"notes": " "}), vec!["notes"]),
        (&diagnosing, "complete-diagnosis", json!({"notes": long}), vec!["notes"]),
        (&diagnosing, "complete-diagnosis", json!({"notes": ["x"]}), vec!["notes"]),
        (
            &repairing,
            "complete-repair",
            json!({"partsUsed": "x", "servicesPerformed": {}}),
            vec!["notes", "partsUsed", "servicesPerformed"],
        ),
        (
            &repairing,
            "complete-repair",
            json!({"notes": "x", "partsUsed": many, "servicesPerformed": many}),
            vec!["partsUsed", "servicesPerformed"],
        ),
        (
            &repairing,
            "complete-repair",
            json!({"notes": "x", "partsUsed": [{"partId": "x", "quantity": 0}]}),
            vec!["partsUsed[0].partId", "partsUsed[0].quantity"],
        ),
        (
            &repairing,
            "complete-repair",
            json!({"notes": "x", "partsUsed": ["pads", {"quantity": 2}, 7]}),
            vec!["partsUsed[1].partId", "partsUsed[2]"],
        ),
        (
            &repairing,
            "complete-repair",
            json!({"notes": "x", "servicesPerformed": ["", {}, null]}),
            vec!["servicesPerformed[0]", "servicesPerformed[1].name", "servicesPerformed[2]"],
        ),
        (&repairing, "fail", json!({}), vec!["reason"]),
        (&repairing, "fail", json!({"reason": ""}), vec!["reason"]),
        (&repairing, "fail", json!({"reason": "  "}), vec!["reason"]),
        (&repairing, "fail", json!({"reason": long}), vec!["reason"]),
        (&repairing, "fail", json!({"reason": " WORK_ORDER_CANCELLED "}), vec!["reason"]),
        (&repairing, "fail", json!({"reason": 7}), vec!["reason"]),
    ] {
        let reply = world.step(id, step, body.clone()).await;
        assert_eq!((reply.status, reply.fields()), (400, fields), "{step} {body}: {}", reply.body);
    }
}

async fn send(world: &World, path: &str, media: &str, body: &str) -> Reply {
    let request = world.request(Who::Technician, Method::POST, path).header(header::CONTENT_TYPE, media);
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn what_is_not_json_is_refused(world: World) {
    let id = standing(&world, "QUEUED").await;
    for step in ["start-diagnosis", "complete-diagnosis", "complete-repair", "fail"] {
        let path = format!("/executions/{id}/{step}");
        assert_eq!(send(&world, &path, "application/json", "{").await.status, 400, "{step}");
        assert_eq!(send(&world, &path, "application/json", "[]").await.status, 400, "{step}");
        assert_eq!(send(&world, &path, "text/plain", "no spare part").await.status, 415, "{step}");
        let large = format!("{{\"notes\": \"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(send(&world, &path, "application/json", &large).await.status, 413, "{step}");
    }
    assert_eq!(send(&world, &format!("/executions/{id}/fail"), "application/json", "").await.status, 400);
}

async fn parts_and_services_are_taken_in_every_form(world: World) {
    let id = standing(&world, "REPAIRING").await;
    let part = Uuid::from_u128(9);
    let sent = json!({
        "notes": "all done",
        "partsUsed": [{"partId": part, "name": "pad", "quantity": 2}, {"name": "oil", "quantity": 4.5}, part, "a screw"],
        "servicesPerformed": ["brakes", {"name": "oil change", "serviceId": part}, {"serviceId": part}],
    });
    let parts = json!([
        {"partId": part, "name": "pad", "quantity": 2}, {"name": "oil", "quantity": 4.5},
        {"partId": part, "quantity": 1}, {"name": "a screw", "quantity": 1},
    ]);
    let reply = world.step(&id, "complete-repair", sent).await;
    assert_eq!((reply.status, &reply.body["partsUsed"]), (200, &parts));
    assert_eq!(reply.body["servicesPerformed"], json!(["brakes", "oil change", part]));
    world.step(&id, "complete", Value::Null).await;
    let told = world.told().await;
    assert_eq!(told.last().unwrap()["data"]["partsUsed"], parts);
}

async fn the_largest_job_still_fits_into_the_event_of_its_end(world: World) {
    let id = standing(&world, "REPAIRING").await;
    let longest = "\u{1}".repeat(100);
    let part = json!({"partId": Uuid::from_u128(9), "name": longest, "quantity": 999_999.999});
    let all = json!({"notes": "x", "partsUsed": vec![part; 200], "servicesPerformed": vec![longest; 200]});
    let repaired = world.step(&id, "complete-repair", all).await;
    assert_eq!(repaired.status, 200, "{}", repaired.body);
    world.step(&id, "start-testing", Value::Null).await;
    world.step(&id, "start-repair", Value::Null).await;
    let more = world.step(&id, "complete-repair", json!({"notes": "x", "partsUsed": ["a screw"]})).await;
    assert_eq!((more.status, more.fields()), (400, vec!["partsUsed"]));
    world.step(&id, "complete-repair", json!({"notes": "x"})).await;
    assert_eq!(world.step(&id, "complete", Value::Null).await.status, 200);
}

async fn notes_that_grow_with_every_rework_have_an_end_that_is_named(world: World) {
    let id = standing(&world, "REPAIRING").await;
    let longest = json!({"notes": "x".repeat(4000)});
    for _ in 0..4 {
        assert_eq!(world.step(&id, "complete-repair", longest.clone()).await.status, 200);
        world.step(&id, "start-testing", Value::Null).await;
        world.step(&id, "start-repair", Value::Null).await;
    }
    let more = world.step(&id, "complete-repair", longest).await;
    assert_eq!((more.status, more.fields()), (400, vec!["notes"]));
    let why = "must not bring the job to 20004 characters in all: it may have 20000";
    assert_eq!(text(&more.body["errors"][0], "detail"), why);
    let less = world.step(&id, "complete-repair", json!({"notes": "x".repeat(3996)})).await;
    assert_eq!((less.status, text(&less.body, "repairNotes").len()), (200, 20_000));
}

async fn a_step_on_a_version_that_has_passed_is_refused(world: World) {
    let path = format!("/executions/{}", standing(&world, "QUEUED").await);
    let seen = world.get(&path).await.header(header::ETAG).to_owned();
    let step = |step: &str| {
        let path = format!("{path}/{step}");
        world.send(
            world
                .request(Who::Technician, Method::POST, &path)
                .header(header::IF_MATCH, &seen)
                .body(Body::empty())
                .unwrap(),
        )
    };
    assert_eq!(step("start-diagnosis").await.status, 200);
    assert_eq!(step("start-repair").await.status, 412);
}

async fn of_those_who_take_a_job_at_once_one_gets_it(world: World) {
    let id = standing(&world, "QUEUED").await;
    let take = || world.step(&id, "start-diagnosis", Value::Null);
    let (one, other, third) = tokio::join!(take(), take(), take());
    let mut answers = [one.status, other.status, third.status];
    answers.sort_unstable();
    assert_eq!(answers, [200, 409, 409]);
    assert_eq!(types(&world.told().await), ["execution.created", "execution.status-changed"]);
}
