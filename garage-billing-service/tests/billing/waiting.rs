//! Clients that wait for the gateway, and those that do not.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::{
    bill::Bill,
    gateway::{
        Charge, Charged, Gateway, GatewayError, Lack, Refunded,
        sandbox::{Sandbox, faults::Fault},
    },
};
use garage_events::{Cents, PaymentId};
use tokio::sync::Semaphore;

use crate::world::{Order, World};

/// A gateway that takes its time: each payment waits at the gate until somebody opens it.
struct Slow {
    sandbox: Sandbox,
    arrived: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl Gateway for Slow {
    fn lacks(&self, _: &Charge) -> Vec<Lack> {
        Vec::new()
    }

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

/// Sends a payment and hangs up once it has reached the gateway.
async fn begin_to_pay(world: &World, order: Order, arrived: &Semaphore) {
    let tender = world.tender(order).await;
    let request = world.request("attendant", Method::POST, "/payments", Some(tender));
    tokio::select! {
        reply = world.send(request) => panic!("answered before the gateway: {reply:?}"),
        arrived = arrived.acquire() => drop(arrived),
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_its_payment() {
    let (world, arrived, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    begin_to_pay(&world, order, &arrived).await;
    gate.add_permits(1);
    world.told("payment.approved").await;
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (vec!["APPROVED".to_owned()], vec!["+150".to_owned()])
    );
}

#[tokio::test]
async fn a_gateway_that_takes_too_long_is_not_waited_for() {
    let (world, arrived, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    begin_to_pay(&world, order, &arrived).await;
    let bill = world.cashier.shell().repository.load::<Bill>(order.id).await.unwrap().unwrap().state;
    let due = bill.due().remove(0);
    let patience = Duration::from_millis(1);
    let answer = world.cashier.call_again(bill.work_order_id, due, patience).await.unwrap();
    assert_eq!(answer, None);
    gate.add_permits(2);
    world.told("payment.approved").await;
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (vec!["APPROVED".to_owned()], vec!["+150".to_owned()])
    );
}

#[tokio::test]
async fn a_service_that_stops_lets_its_gateway_calls_end() {
    let (world, arrived, gate) = slow().await;
    let order = world.approved("Ana Souza").await;
    begin_to_pay(&world, order, &arrived).await;
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
