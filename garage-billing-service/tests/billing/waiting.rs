//! Clients that wait for the gateway, and those that do not.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::{
    Charge, Charged, Gateway, GatewayError, Refunded,
    sandbox::{Sandbox, faults::Fault},
};
use garage_events::{Cents, PaymentId};
use tokio::sync::Semaphore;

use crate::world::World;

/// A gateway that takes its time: each payment waits at the gate until somebody opens it.
struct Slow {
    sandbox: Sandbox,
    arrived: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Gateway for Slow {
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        self.arrived.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
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

async fn slow() -> (World, Arc<Semaphore>, Arc<Semaphore>) {
    let (arrived, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = |sandbox| Slow { sandbox, arrived: arrived.clone(), gate: gate.clone() };
    let world = World::between(|sandbox| Arc::new(slow(sandbox))).await;
    (world, arrived, gate)
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_its_payment() {
    let (world, arrived, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    let tender = world.tender(order).await;
    let request = world.request("attendant", Method::POST, "/payments", Some(tender));
    tokio::select! {
        reply = world.send(request) => panic!("answered before the gateway: {reply:?}"),
        arrived = arrived.acquire() => drop(arrived),
    }
    gate.add_permits(1);
    world.told("payment.approved").await;
    assert_eq!((world.standing(order).await, world.money().await), (vec!["APPROVED".to_owned()], vec!["+150".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_takes_too_long_is_answered_for_with_a_202() {
    let (world, _, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    let reply = world.pay(order).await;
    assert_eq!(reply.expect(StatusCode::ACCEPTED)["status"], "PROCESSING");
    gate.add_permits(1);
    world.told("payment.approved").await;
    assert_eq!(world.standing(order).await, ["APPROVED"]);
}

#[tokio::test]
async fn a_service_that_stops_lets_its_gateway_calls_end() {
    let (world, arrived, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    let tender = world.tender(order).await;
    let request = world.request("attendant", Method::POST, "/payments", Some(tender));
    tokio::select! {
        reply = world.send(request) => panic!("answered before the gateway: {reply:?}"),
        arrived = arrived.acquire() => drop(arrived),
    }
    gate.add_permits(1);
    assert_eq!(world.end().await.last().unwrap(), "payment.approved");
}

#[tokio::test]
async fn what_the_gateway_did_not_answer_is_asked_again_in_time() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::Unavailable);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.clock.advance(TimeDelta::seconds(21));
    world.told("payment.approved").await;
}
