//! What Billing keeps of a customer who was erased.

use axum::http::{Method, StatusCode};
use garage_billing_service::bill::BILLS;
use garage_events::{
    WorkOrderId, WorkOrderStatus,
    event::{Payer, WorkOrderStatusChanged, reason},
};
use serde_json::{Value, json};

use crate::world::{Order, World, text};

on_every_store! {
    the_books_stay_and_whose_they_are_goes
    an_order_s_opening_that_comes_after_brings_nobody_back
}

/// What only the customer's own data hold.
const THEIRS: [&str; 6] = ["Quixada", "52998224725", "quixada@example.com", "Flores", "achou caro", "risco"];

fn payer() -> Option<Payer> {
    let (email, document) = ("quixada@example.com".to_owned(), "52998224725".to_owned());
    Some(Payer { name: "Iracema Quixada".to_owned(), email: Some(email), document: Some(document) })
}

async fn erased(world: &World, order: Order, new_status: WorkOrderStatus) {
    world
        .hear(WorkOrderStatusChanged {
            work_order_id: WorkOrderId(order.id),
            previous_status: WorkOrderStatus::Pending,
            new_status,
            revision: 6,
            customer_erased: true,
        })
        .await;
}

/// What of it is still in the order's record.
async fn left(world: &World, order: Order) -> Vec<&'static str> {
    let record = world.store.load(&BILLS, &[order.id]).await.unwrap().pop().unwrap();
    THEIRS.into_iter().filter(|theirs| record.body.contains(theirs)).collect()
}

/// An order that was paid by boleto, and of which a part went back.
async fn done(world: &World) -> Order {
    let order = world.order_with("", |wish| wish.customer = payer()).await;
    world.say(order, "approve").await.expect(StatusCode::OK);
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("BOLETO");
    tender["payer"] = json!({ "address": { "zipCode": "01310100", "street": "Rua das Flores", "number": "7",
        "neighborhood": "Centro", "city": "Recife", "state": "PE" } });
    world.post("/payments", tender).await.expect(StatusCode::OK);
    world.complete(order).await;
    let payment = world.payments(order).await.remove(0);
    let part = json!({ "amount": 20, "reason": "um risco na porta da Quixada" });
    world.post(&format!("/payments/{}/refunds", text(&payment["id"])), part).await.expect(StatusCode::OK);
    world.settle().await;
    order
}

async fn the_books_stay_and_whose_they_are_goes(world: World) {
    let order = done(&world).await;
    assert!(!left(&world, order).await.is_empty());
    let (quote, payments) = (world.quote(order).await, world.payments(order).await);

    erased(&world, order, WorkOrderStatus::Delivered).await;
    assert_eq!(left(&world, order).await, [""; 0]);
    let kept = |payment: &Value| {
        ["id", "amount", "paymentMethod", "status", "mercadoPagoPaymentId", "approvedAt", "refundedAmount"]
            .map(|field| payment[field].clone())
    };
    let now = world.payments(order).await;
    assert_eq!(kept(&now[0]), kept(&payments[0]));
    assert_eq!(now[0]["refunds"][0]["amount"], 20);
    assert_eq!(now[0]["refunds"][0]["reason"], reason::ERASED);
    let again = world.quote(order).await;
    assert_eq!((&again["items"], &again["approvedAt"]), (&quote["items"], &quote["approvedAt"]));

    let refused = world.order_with("", |wish| wish.customer = payer()).await;
    let path = format!("/quotes/{}/reject", text(&world.quote(refused).await["id"]));
    world
        .ask("attendant", Method::PUT, &path, Some(json!({ "reason": "achou caro" })))
        .await
        .expect(StatusCode::OK);
    world.call_off(refused).await;
    erased(&world, refused, WorkOrderStatus::Cancelled).await;
    assert_eq!(left(&world, refused).await, [""; 0]);
    assert_eq!(world.quote(refused).await["status"], "REJECTED");
}

async fn an_order_s_opening_that_comes_after_brings_nobody_back(world: World) {
    let order = Order { id: world.clock.id(), customer: world.clock.id() };
    let mut created = world.created(order, "");
    created.customer = payer();
    world.call_off(order).await;
    erased(&world, order, WorkOrderStatus::Cancelled).await;
    world.hear(created.clone()).await;
    assert_eq!(left(&world, order).await, [""; 0]);
    assert_eq!(world.quote(order).await["status"], "CANCELLED");
    world.hear(created).await;
    assert_eq!(left(&world, order).await, [""; 0]);
}
