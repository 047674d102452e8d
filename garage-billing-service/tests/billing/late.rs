//! Money that shows at the gateway when the shop has given a payment up, or that had gone before it was seen.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::{
    Charge, Charged, Gateway, GatewayError, Lack, Refunded,
    sandbox::{
        Sandbox,
        faults::Fault,
        ledger::{Request, Verdict},
    },
};
use garage_events::{Cents, PaymentId, PaymentMethod, event::Payer};
use serde_json::json;
use uuid::Uuid;

use crate::world::{Order, WEBHOOK_SECRET, World, text};

/// The sandbox, which takes charges or refuses them.
struct Moody {
    sandbox: Sandbox,
    refuses: Arc<AtomicBool>,
}

#[async_trait]
impl Gateway for Moody {
    fn lacks(&self, charge: &Charge) -> Vec<Lack> {
        self.sandbox.lacks(charge)
    }

    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(GatewayError::Refused("not today".to_owned()));
        }
        self.sandbox.create(charge).await
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        self.sandbox.read(gateway_id).await
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        self.sandbox.search(reference).await
    }

    async fn cancel(&self, gateway_id: &str, key: &str) -> Result<Charged, GatewayError> {
        self.sandbox.cancel(gateway_id, key).await
    }

    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        self.sandbox.refund(gateway_id, amount, key).await
    }

    async fn check(&self) -> Result<(), GatewayError> {
        self.sandbox.check().await
    }
}

/// A world in which a charge was sent twice, refused, and given up when it did not show in ample time.
async fn given_up_on(world: &World, refuses: &AtomicBool) -> Order {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::RequestLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    refuses.store(true, Ordering::Relaxed);
    world.clock.advance(TimeDelta::seconds(1));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["PROCESSING"], "another sending may be under way");
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REJECTED"]);
    assert_eq!(world.told("payment.failed").await["reason"], "not today");
    refuses.store(false, Ordering::Relaxed);
    order
}

async fn world() -> (World, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(false));
    let mood = refuses.clone();
    (World::between(|sandbox| Arc::new(Moody { sandbox, refuses: mood })).await, refuses)
}

/// The charge of an order's first payment comes through after all; its number at the gateway, of which the shop is told.
async fn comes_through(world: &World, order: Order, payer: &str) -> String {
    let payment = text(&world.payments(order).await[0]["id"]).to_owned();
    let request = Request {
        amount: "150".parse().unwrap(),
        method: PaymentMethod::Pix,
        brand: None,
        installments: 1,
        holder: None,
        payer: Payer { name: payer.to_owned(), email: None, document: None },
        external_reference: Some(payment.clone()),
        description: String::new(),
        expires_at: None,
        notification_url: None,
    };
    let key: Uuid = payment.parse().unwrap();
    let number = world.sandbox.charge(key, request).await.unwrap().number.to_string();
    world.send(world.webhook(WEBHOOK_SECRET, &number)).await.expect(StatusCode::OK);
    number
}

fn sorted(mut money: Vec<String>) -> Vec<String> {
    money.sort();
    money
}

#[tokio::test]
async fn money_that_comes_for_a_payment_that_was_given_up_goes_back() {
    let (world, refuses) = world().await;
    let order = given_up_on(&world, &refuses).await;
    comes_through(&world, order, "Ana Souza").await;
    world.settle().await;
    let told = world.told("payment.refunded").await;
    assert_eq!((&told["amount"], &told["reason"]), (&json!(150), &json!("CAPTURED_AFTER_END")));
    assert_eq!(world.standing(order).await, ["REFUNDED"]);
    assert_eq!(world.money().await, ["+150", "-150"]);
    world.pay(order).await.expect(StatusCode::OK);
    let events = world.end().await;
    assert_eq!(events.iter().filter(|event| *event == "payment.approved").count(), 1);
}

#[tokio::test]
async fn the_payment_that_was_made_meanwhile_stays() {
    let (world, refuses) = world().await;
    let order = given_up_on(&world, &refuses).await;
    world.pay(order).await.expect(StatusCode::OK);
    comes_through(&world, order, "Ana Souza").await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["REFUNDED", "APPROVED"]);
    assert_eq!(sorted(world.money().await), ["+150", "+150", "-150"]);
}

#[tokio::test]
async fn a_code_that_shows_for_a_payment_that_was_given_up_can_be_paid_no_more() {
    let (world, refuses) = world().await;
    let order = given_up_on(&world, &refuses).await;
    let number = comes_through(&world, order, "CONT").await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["CANCELLED"]);
    assert!(world.sandbox.decide(&number, Verdict::Approve).await.is_err());
    world.pay(order).await.expect(StatusCode::OK);
    let mut told = world.end().await;
    told.retain(|event| event.starts_with("payment."));
    assert_eq!(told, ["payment.failed", "payment.approved"], "its end was told, and is not told again");
}

#[tokio::test]
async fn money_that_was_refunded_at_the_gateway_before_it_was_seen_is_told_as_that() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let tender = world.tender(order).await;
    let pay = || {
        let mut request = world.request("attendant", Method::POST, "/payments", Some(tender.clone()));
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        world.send(request)
    };
    world.faults().expect(1, Fault::AnswerLost);
    pay().await.expect(StatusCode::ACCEPTED);
    let number = world.sandbox.payments(None, 1).await.unwrap()[0].number.to_string();
    world.sandbox.give_back(&number, None, "in the dashboard").await.unwrap();
    world.settle().await;
    assert_eq!(world.told("payment.refunded").await["reason"], "REFUNDED_AT_GATEWAY");
    let again = pay().await;
    let detail = "the payment is REFUNDED: the money was given back at the payment provider";
    assert_eq!(again.expect(StatusCode::CONFLICT)["detail"], detail);
    world.pay(order).await.expect(StatusCode::OK);
    assert_eq!(sorted(world.money().await), ["+150", "+150", "-150"]);
}
