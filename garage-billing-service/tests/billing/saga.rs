//! What Billing makes of the other services' events, and of time.

use axum::http::StatusCode;
use chrono::TimeDelta;
use garage_billing_service::quote::expiry::expire_lapsed;
use garage_events::{
    PartId, ServiceId, WorkOrderId, WorkOrderStatus,
    event::{RequestedPart, RequestedService, WorkOrderStatusChanged},
};
use serde_json::{Value, json};

use crate::world::{Order, World, text};

on_every_store! {
    a_quote_is_priced_from_the_catalogue
    a_quote_nobody_answers_expires_and_says_so
    a_repeated_event_changes_nothing
}

async fn a_quote_is_priced_from_the_catalogue(world: World) {
    let part = json!({ "name": "Oil", "partNumber": "O-1", "price": 39.99, "stockQuantity": 9 });
    let part = PartId(text(&world.post("/parts", part).await.body["id"]).parse().unwrap());
    let service = json!({ "name": "Oil change", "price": 80, "duration": 30, "active": false });
    let service = ServiceId(text(&world.post("/services", service).await.body["id"]).parse().unwrap());
    let unknown = PartId(world.clock.id());
    let order = world.order_with("Ana Souza", |wish| {
        let quantity = serde_json::from_str("4.5").unwrap();
        wish.parts.push(RequestedPart { part_id: part, quantity });
        wish.parts.push(RequestedPart { part_id: unknown, quantity: Default::default() });
        wish.services.push(RequestedService { service_id: service, quantity: Default::default() });
    });
    let order = order.await;
    let quote = world.quote(order).await;
    let line = |index: usize, field: &str| quote["items"][index][field].clone();
    assert_eq!(
        (line(0, "name"), line(0, "totalPrice"), line(0, "serviceId")),
        (json!("Oil change"), json!(80), json!(service))
    );
    assert_eq!(
        (line(1, "quantity"), line(1, "unitPrice"), line(1, "totalPrice")),
        (json!(4.5), json!(39.99), json!(179.96))
    );
    assert_eq!(
        (line(2, "unitPrice"), line(2, "totalPrice"), line(2, "partId")),
        (Value::Null, json!(0), json!(unknown))
    );
    assert_eq!(quote["totalAmount"], json!(259.96));
    let refused = world.say(order, "approve").await;
    assert!(
        text(&refused.expect(StatusCode::CONFLICT)["detail"]).contains("has no price yet"),
        "{}",
        refused.body
    );
}

async fn a_quote_nobody_answers_expires_and_says_so(world: World) {
    let (early, late) = (world.order("Ana Souza").await, world.order("Bia Lima").await);
    let until = world.clock.now() + TimeDelta::days(30);
    let lines = json!({ "items": [{ "name": "Paint", "unitPrice": 900 }], "validUntil": until });
    world
        .put(&format!("/quotes/{}", text(&world.quote(late).await["id"])), lines)
        .await
        .expect(StatusCode::OK);
    world.say(early, "send").await.expect(StatusCode::OK);

    world.clock.advance(TimeDelta::days(10));
    expire_lapsed(world.cashier.shell()).await.unwrap();
    assert_eq!(world.quote(early).await["status"], "SENT", "its last moment is not over");

    world.clock.advance(TimeDelta::milliseconds(1));
    let refused = world.say(early, "approve").await;
    assert_eq!(
        refused.expect(StatusCode::CONFLICT)["detail"],
        "approving is not possible: the quote is EXPIRED"
    );
    expire_lapsed(world.cashier.shell()).await.unwrap();
    assert_eq!(world.quote(early).await["status"], "EXPIRED");
    assert_eq!(world.quote(late).await["status"], "PENDING");
    let told = world.told("quote.rejected").await;
    assert_eq!((&told["workOrderId"], &told["reason"]), (&json!(early.id), &json!("EXPIRED")));
}

async fn a_repeated_event_changes_nothing(world: World) {
    let order = Order { id: world.clock.id(), customer: world.clock.id() };
    let created = world.created(order, "Ana Souza");
    world.hear(created.clone()).await;
    let first = world.get(&format!("/quotes/work-order/{}", order.id)).await;
    world.hear(created).await;
    let again = world.get(&format!("/quotes/work-order/{}", order.id)).await;
    assert_eq!((&first.body, first.header("etag")), (&again.body, again.header("etag")));
    assert_eq!(world.end().await, ["quote.created"]);
}

#[tokio::test]
async fn the_order_s_status_alone_makes_no_quote() {
    let world = World::sqlite().await;
    let order = Order { id: world.clock.id(), customer: world.clock.id() };
    let changed = WorkOrderStatusChanged {
        work_order_id: WorkOrderId(order.id),
        previous_status: WorkOrderStatus::Pending,
        new_status: WorkOrderStatus::Quoted,
        revision: 1,
        customer_erased: false,
    };
    world.hear(changed).await;
    let quote = world.get(&format!("/quotes/work-order/{}", order.id)).await;
    assert_eq!(quote.expect(StatusCode::NOT_FOUND)["detail"], "there is no such quote");
    assert_eq!(world.get("/quotes").await.body, json!([]));
    world.hear(world.created(order, "Ana Souza")).await;
    assert_eq!(world.quote(order).await["status"], "PENDING");
}

#[tokio::test]
async fn the_desk_s_guess_is_the_price_of_the_diagnosis() {
    let world = World::sqlite().await;
    let order = world.order_with("Ana Souza", |wish| wish.estimated_cost = "99.90".parse().ok());
    let quote = world.quote(order.await).await;
    assert_eq!((&quote["items"][0]["name"], &quote["totalAmount"]), (&json!("Diagnosis"), &json!(99.9)));
}
