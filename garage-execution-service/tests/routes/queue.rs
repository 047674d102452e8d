//! `GET /queue`, `GET /executions/queue` and `GET /queue/statistics`.

use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::world::{Who, World, on_each_store, payment_approved, text};

on_each_store! {
    the_most_urgent_is_next_and_among_equals_the_one_that_waits_longest
    the_queue_has_two_addresses_and_pages
    who_is_being_looked_at_waits_no_more
    an_empty_workshop_counts_nothing
    the_statistics_count_active_jobs_and_their_wait
    more_jobs_than_are_read_at_once_are_all_counted
}

async fn queued(world: &World, priority: &str) -> String {
    world.turn(1);
    let id = text(&world.paid().await, "id").to_owned();
    let reply = world
        .json(Who::Manager, Method::PATCH, &format!("/executions/{id}"), json!({"priority": priority}))
        .await;
    assert_eq!(reply.status, 200);
    id
}

async fn the_most_urgent_is_next_and_among_equals_the_one_that_waits_longest(world: World) {
    let mut jobs = Vec::new();
    for priority in ["LOW", "NORMAL", "URGENT", "HIGH", "NORMAL", "URGENT"] {
        jobs.push(queued(&world, priority).await);
    }
    let in_order = [2, 5, 3, 1, 4, 0].map(|place: usize| jobs[place].as_str());
    assert_eq!(world.get("/queue").await.each("id"), in_order);
}

async fn the_queue_has_two_addresses_and_pages(world: World) {
    for priority in ["LOW", "HIGH", "NORMAL"] {
        queued(&world, priority).await;
    }
    for address in ["/queue", "/executions/queue"] {
        let first = world.get(&format!("{address}?limit=2")).await;
        let (next, _) = first.header(header::LINK).split_once('>').unwrap();
        assert!(next.starts_with(&format!("<{address}?")), "{next}");
        let second = world.get(&next[1..]).await;
        assert_eq!([first.each("priority"), second.each("priority")].concat(), ["HIGH", "NORMAL", "LOW"]);
        assert_eq!(second.header(header::LINK), "");
    }
}

async fn who_is_being_looked_at_waits_no_more(world: World) {
    let (first, second) = (queued(&world, "HIGH").await, queued(&world, "LOW").await);
    world.step(&first, "start-diagnosis", Value::Null).await;
    assert_eq!(world.get("/queue").await.each("id"), [second]);
}

async fn an_empty_workshop_counts_nothing(world: World) {
    let none = json!({"QUEUED": 0, "DIAGNOSING": 0, "DIAGNOSIS_COMPLETE": 0, "REPAIRING": 0, "REPAIR_COMPLETE": 0, "TESTING": 0});
    let reply = world.get("/queue/statistics").await;
    assert_eq!(
        (reply.status, reply.body),
        (200, json!({"total": 0, "byStatus": none, "averageWaitTime": 0.0}))
    );
}

async fn the_statistics_count_active_jobs_and_their_wait(world: World) {
    let (begun, failed) = (world.paid().await, world.paid().await);
    world.turn(10);
    world.step(text(&begun, "id"), "start-diagnosis", Value::Null).await;
    world.step(text(&failed, "id"), "fail", json!({"reason": "no spare part"})).await;
    world.turn(40);
    world.paid().await;
    world.turn(5);
    let statistics = world.get("/queue/statistics").await.body;
    assert_eq!((&statistics["total"], &statistics["averageWaitTime"]), (&json!(2), &json!(7.5)));
    assert_eq!(
        (&statistics["byStatus"]["QUEUED"], &statistics["byStatus"]["DIAGNOSING"]),
        (&json!(1), &json!(1))
    );
}

async fn more_jobs_than_are_read_at_once_are_all_counted(world: World) {
    let paid: Vec<_> = (0..501).map(|_| world.event(payment_approved(world.order())).1).collect();
    world.carry(&paid).await;
    let statistics = world.get("/queue/statistics").await.body;
    assert_eq!((&statistics["total"], &statistics["byStatus"]["QUEUED"]), (&json!(501), &json!(501)));
}
