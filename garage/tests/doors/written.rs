//! What a caller may write: fields that are the shop's to know (ids, states, totals, who and when) are not taken from a
//! body, whoever sends it.

use garage::shop::At;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

const FOREIGN: &str = "01890000-0000-7000-8000-00000000beef";

/// Everything that somebody might hope to slip in.
fn slipped_in(mut body: Value) -> Value {
    let hopes = json!({
        "id": FOREIGN, "_id": FOREIGN, "version": 999, "revision": 999, "state": "DELIVERED",
        "createdAt": "2001-01-01T00:00:00Z", "updatedAt": "2001-01-01T00:00:00Z", "approvedAt": "2001-01-01T00:00:00Z",
        "approvedBy": "the attacker", "capturedAt": "2001-01-01T00:00:00Z", "refundedAt": "2001-01-01T00:00:00Z",
        "completedAt": "2001-01-01T00:00:00Z", "totalAmount": 0.01, "totalPrice": 0.01, "quoteStatus": "APPROVED",
        "gatewayId": "free", "mercadoPagoPaymentId": "free", "orderStatus": "DELIVERED", "facts": [], "attempts": [],
        "index": {}, "quote": { "status": "APPROVED" }, "roles": ["manager"], "__proto__": { "status": "APPROVED" },
    });
    for (name, value) in hopes.as_object().unwrap() {
        body.as_object_mut().unwrap().entry(name.clone()).or_insert(value.clone());
    }
    body
}

/// That of which an answer must not say what was hoped for.
fn assert_unmoved(what: &str, answer: &Value) {
    let told = answer.to_string();
    for hope in [FOREIGN, "the attacker", "2001-01-01", ":\"free\"", ":999"] {
        assert!(!told.contains(hope), "{what} took {hope}: {told}");
    }
    assert_ne!(answer["totalAmount"], json!(0.01), "{what}: {told}");
    assert_ne!(answer["status"], "DELIVERED", "{what}: {told}");
}

async fn written(world: &World, at: At, method: Method, path: &str, body: Value) -> Value {
    let reply = world.shop.ask(at, method.clone(), path, Some(slipped_in(body))).await.unwrap();
    assert!(reply.status.is_success(), "{method} {path}: {} {}", reply.status, reply.body);
    assert_unmoved(&format!("{method} {path}"), &reply.body);
    let id = reply.body["id"].as_str().unwrap_or_default();
    let place =
        if method == Method::POST && !path.contains(id) { format!("{path}/{id}") } else { path.to_owned() };
    if id.is_empty() {
        return reply.body;
    }
    let read = world.shop.get(at, place.trim_end_matches("/stock")).await.unwrap_or_default();
    assert_unmoved(&place, &read);
    reply.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_the_shop_s_to_know_is_not_taken_from_a_body() {
    let world = World::open().await;
    let mine = &world.mine;
    let customer = json!({ "name": "Caio", "personType": "INDIVIDUAL", "document": "52998224725", "phone": "11987654321" });
    let customer = written(&world, At::Os, Method::POST, "/customers", customer).await;
    written(
        &world,
        At::Os,
        Method::PATCH,
        &format!("/customers/{}", mine["customerId"]),
        json!({ "name": "Ana" }),
    )
    .await;
    let vehicle = json!({ "plate": "XYZ9Z99", "brand": "Fiat", "model": "Uno", "year": 1999, "customerId": customer["id"] });
    let vehicle = written(&world, At::Os, Method::POST, "/vehicles", vehicle).await;
    let order = json!({ "customerId": customer["id"], "vehicleId": vehicle["id"], "description": "Smokes",
        "status": "COMPLETED" });
    let order = written(&world, At::Os, Method::POST, "/work-orders", order).await;
    assert_eq!((&order["status"], &order["revision"]), (&json!("PENDING"), &json!(0)));
    let path = format!("/work-orders/{}", mine["workOrderId"]);
    let edited = written(&world, At::Os, Method::PATCH, &path, json!({ "description": "Squeals" })).await;
    assert_eq!(edited["status"], "IN_PROGRESS");
    let part = json!({ "name": "Oil", "partNumber": "O-1", "price": 10 });
    written(&world, At::Billing, Method::POST, "/parts", part).await;
    written(
        &world,
        At::Billing,
        Method::PATCH,
        &format!("/parts/{}", mine["partId"]),
        json!({ "price": 11 }),
    )
    .await;
    written(
        &world,
        At::Billing,
        Method::POST,
        "/services",
        json!({ "name": "Wash", "price": 5, "duration": 5 }),
    )
    .await;
    let job = format!("/executions/{}", mine["executionId"]);
    let job = written(&world, At::Execution, Method::PATCH, &job, json!({ "technicianId": "tito" })).await;
    assert_eq!(job["status"], "QUEUED");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_prices_a_quote_or_approves_a_payment_by_a_field_of_the_body() {
    let world = World::open().await;
    let car = world.shop.take_in("CONT", 3).await.unwrap();
    let quote = world.shop.quote_is(&car, "PENDING").await.unwrap();
    let path = format!("/quotes/{}", quote["id"].as_str().unwrap());
    let lines = json!({ "items": [slipped_in(json!({ "name": "Pads", "quantity": 2, "unitPrice": 100 }))], "status": "APPROVED" });
    let edited = written(&world, At::Billing, Method::PUT, &path, lines).await;
    assert_eq!((&edited["status"], &edited["totalAmount"]), (&json!("PENDING"), &json!(200)));
    let approved = written(&world, At::Billing, Method::PUT, &format!("{path}/approve"), json!({})).await;
    assert_eq!(
        (&approved["approvedBy"], &approved["totalAmount"]),
        (&json!("Berta at the desk"), &json!(200))
    );
    let tender = json!({ "quoteId": quote["id"], "workOrderId": car.order, "customerId": car.customer, "amount": 200,
        "paymentMethod": "PIX", "status": "APPROVED" });
    let paid = written(&world, At::Billing, Method::POST, "/payments", tender.clone()).await;
    assert_eq!(paid["status"], "PENDING", "the gateway decides on a payment, and nobody else: {paid}");
    let mut cheap = tender;
    cheap["amount"] = json!(0.01);
    let refused = world.shop.ask(At::Billing, Method::POST, "/payments", Some(cheap)).await.unwrap();
    assert!(refused.status.is_client_error(), "{} {}", refused.status, refused.body);
    world.close().await;
}
