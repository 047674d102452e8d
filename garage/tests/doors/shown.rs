//! What a customer's link shows: how far the order is and what it costs, and nothing of a person, of the shop's own notes
//! or of what parts cost the shop.

use futures::{StreamExt, future::select_all, stream::unfold};
use garage::shop::At;
use reqwest::Method;
use serde_json::json;

use crate::{
    who,
    world::{World, by_link},
};

/// Things that somebody wrote or is, and that are not for whoever holds a link.
const INNER: [&str; 14] = [
    "Ana Souza",
    "customer@example.com",
    "11987654321",
    "Berta at the desk",
    "argues about every price",
    "tec-77",
    "pays late",
    "looked after by Tito",
    "rust under the paint",
    "Bia Lima",
    "71.31",
    "costPrice",
    "\"document\"",
    "\"email\"",
];

/// The staff writes down what it thinks, wherever it can.
async fn gossip(world: &World) {
    let mine = &world.mine;
    let order =
        json!({ "metadata": { "note": "argues about every price" }, "assignedTechnicianId": "tec-77" });
    let order_path = format!("/work-orders/{}", mine["workOrderId"]);
    assert!(
        world.shop.ask(At::Os, Method::PATCH, &order_path, Some(order)).await.unwrap().status.is_success()
    );
    let job = format!("/executions/{}", mine["executionId"]);
    for (step, words) in [
        ("start-diagnosis", json!({ "technicianId": "looked after by Tito" })),
        ("complete-diagnosis", json!({ "notes": "rust under the paint" })),
    ] {
        world.shop.post(At::Execution, &format!("{job}/{step}"), words).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_shows_nothing_of_a_person_and_nothing_of_the_shop_s_own() {
    let world = World::open().await;
    gossip(&world).await;
    let link = world.token(&by_link(&world.mine));
    let (plate, document) = (world.mine["plate"].clone(), world.mine["document"].clone());
    let mut seen = 0;
    for operation in world.operations().await.iter().filter(|operation| operation.method == Method::GET) {
        if !who(operation).admits_links() || operation.path == "/events" {
            continue;
        }
        let answer = world.answer(Some(&link), operation, &operation.path_to(&world.mine), None).await;
        assert_eq!(answer.status(), 200, "{operation}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{operation}");
        let told = answer.text().await.unwrap();
        for inner in INNER.into_iter().chain([plate.as_str(), &document]) {
            assert!(!told.contains(inner), "{operation} tells {inner}: {told}");
        }
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} routes were looked at");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_hears_of_its_order_s_events_without_what_is_inner() {
    let world = World::open().await;
    let link = world.token(&by_link(&world.mine));
    let mut streams = Vec::new();
    for operation in world.operations().await.iter().filter(|operation| operation.path == "/events") {
        let answer = world.answer(Some(&link), operation, &operation.path_to(&world.mine), None).await;
        assert_eq!(answer.status(), 200, "{operation}");
        streams.push(unfold(answer, |mut answer| async { Some((answer.chunk().await, answer)) }).boxed());
    }
    gossip(&world).await;
    let reason = json!({ "reason": "the frame is bent" });
    let fail = format!("/executions/{}/fail", world.mine["executionId"]);
    world.shop.post(At::Execution, &fail, reason).await.unwrap();
    // The workshop's failure comes last, and Billing's refund and OS's change of status follow from it.
    let mut told = String::new();
    while !["execution.failed", "payment.refunded", "work-order.status-changed"]
        .iter()
        .all(|event| told.contains(event))
    {
        let (chunk, at, _) = select_all(streams.iter_mut().map(StreamExt::next)).await;
        let chunk = chunk.and_then(|chunk| chunk.unwrap()).unwrap_or_else(|| panic!("stream {at} ended"));
        told.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(told.contains(&world.mine["workOrderId"]), "{told}");
    for inner in INNER {
        assert!(!told.contains(inner), "{inner}: {told}");
    }
    world.close().await;
}
