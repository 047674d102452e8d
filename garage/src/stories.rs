//! The saga's stories, over real HTTP: the happy path and every compensation, each with the end that it must
//! have. The demo tells them, and the tests hold both ways of running to them.

use std::fmt::Debug;

use anyhow::{Result, ensure};
use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::shop::{At, Car, Shop, text};

/// The technician's steps from the queue to the end.
const REPAIR: [&str; 5] =
    ["start-diagnosis", "complete-diagnosis", "start-repair", "complete-repair", "complete"];

/// The second car of a story has this much on its number: no story has so many cars before it.
const OTHER: u64 = 500_000;

/// A story: its name, and how it goes. It fails where it does not end as it must, and gives the car otherwise.
pub struct Story {
    /// A sentence.
    pub name: &'static str,
    /// Tells it to a shop, with a number that no other car has had.
    pub tell: for<'a> fn(&'a Shop, u64) -> BoxFuture<'a, Result<Car>>,
}

macro_rules! stories {
    ($($name:literal $story:ident)+) => {
        /// Every story that needs no other clock than the shop's own.
        pub const STORIES: &[Story] = &[$(Story { name: $name, tell: |shop, number| Box::pin($story(shop, number)) }),+];
    };
}

stories! {
    "taken in, quoted, approved, paid, repaired, delivered" happy
    "declined at first, then paid" declined_then_paid
    "called off right after intake" cancelled_at_once
    "called off when quoted" cancelled_when_quoted
    "called off when approved" cancelled_when_approved
    "called off while a payment is pending" cancelled_in_payment
    "called off in the queue" cancelled_in_the_queue
    "called off under repair" cancelled_under_repair
    "called off too late" cancelled_too_late
    "the repair fails" repair_fails
    "the quote is rejected" rejected
    "parts put aside, then built in" parts_built_in
    "two cars want the last part" last_part
}

fn same<T: PartialEq + Debug>(what: &str, is: &T, must: &T) -> Result<()> {
    ensure!(is == must, "{what} is {is:?}, must be {must:?}");
    Ok(())
}

/// A car in the queue, paid.
async fn paid(shop: &Shop, number: u64) -> Result<Car> {
    let car = approved(shop, "Ana Souza", number).await?;
    same("the payment", &shop.pay(&car).await?.status, &StatusCode::OK)?;
    shop.job_is(&car, "QUEUED").await?;
    shop.order_is(&car, "IN_PROGRESS").await?;
    Ok(car)
}

async fn approved(shop: &Shop, name: &str, number: u64) -> Result<Car> {
    let car = shop.take_in(name, number).await?;
    shop.quote(&car, "send").await?;
    shop.order_is(&car, "QUOTE_SENT").await?;
    shop.quote(&car, "approve").await?;
    shop.order_is(&car, "APPROVED").await?;
    shop.job_is(&car, "AWAITING_PAYMENT").await?;
    Ok(car)
}

/// Intake to completion without a stop on the way, for measuring.
///
/// # Errors
/// Where it does not go as it must.
pub async fn straight_through(shop: &Shop, number: u64) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    shop.quote(&car, "approve").await?;
    same("the payment", &shop.pay(&car).await?.status, &StatusCode::OK)?;
    shop.job_is(&car, "QUEUED").await?;
    shop.work(&car, &REPAIR).await?;
    shop.order_is(&car, "COMPLETED").await?;
    Ok(car)
}

async fn happy(shop: &Shop, number: u64) -> Result<Car> {
    let car = paid(shop, number).await?;
    shop.work(&car, &REPAIR).await?;
    shop.order_is(&car, "COMPLETED").await?;
    shop.post(At::Os, &format!("/work-orders/{}/deliver", car.order), json!({})).await?;
    shop.order_is(&car, "DELIVERED").await?;
    kept(shop, &car).await
}

/// One payment, and it stays.
async fn kept(shop: &Shop, car: &Car) -> Result<Car> {
    let statuses: Vec<Value> =
        shop.payments(car).await?.iter().map(|payment| payment["status"].clone()).collect();
    same("what was captured", &statuses.iter().filter(|status| *status == "APPROVED").count(), &1)?;
    Ok(car.clone())
}

/// One payment, and it went back; the workshop gave up.
async fn given_back(shop: &Shop, car: &Car) -> Result<Car> {
    shop.payment_is(car, "REFUNDED").await?;
    shop.job_is(car, "FAILED").await?;
    let told = |history: &Value| {
        history.as_array().is_some_and(|facts| facts.iter().any(|fact| fact["type"] == "PAYMENT_REFUNDED"))
    };
    shop.wait_for(At::Os, &format!("/work-orders/{}/history", car.order), "refunded", told).await?;
    Ok(car.clone())
}

async fn called_off(shop: &Shop, car: &Car) -> Result<()> {
    same("the cancellation", &shop.cancel(car).await?.status, &StatusCode::OK)?;
    shop.order_is(car, "CANCELLED").await?;
    same("cancelling once more", &shop.cancel(car).await?.status, &StatusCode::OK)
}

/// A card of a holder named OTHE is declined by the gateway, as in the provider's test data.
async fn declined_then_paid(shop: &Shop, number: u64) -> Result<Car> {
    let car = approved(shop, "Ana Souza", number).await?;
    same("the first payment", &shop.pay_by_card(&car, "OTHE").await?.status, &StatusCode::BAD_REQUEST)?;
    shop.payment_is(&car, "REJECTED").await?;
    shop.order_is(&car, "APPROVED").await?;
    same("the second payment", &shop.pay(&car).await?.status, &StatusCode::OK)?;
    shop.job_is(&car, "QUEUED").await?;
    shop.work(&car, &REPAIR).await?;
    shop.order_is(&car, "COMPLETED").await?;
    kept(shop, &car).await
}

async fn cancelled_at_once(shop: &Shop, number: u64) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    called_off(shop, &car).await?;
    shop.quote_is(&car, "CANCELLED").await?;
    Ok(car)
}

async fn cancelled_when_quoted(shop: &Shop, number: u64) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    shop.order_is(&car, "QUOTED").await?;
    called_off(shop, &car).await?;
    shop.quote_is(&car, "CANCELLED").await?;
    Ok(car)
}

async fn cancelled_when_approved(shop: &Shop, number: u64) -> Result<Car> {
    let car = approved(shop, "Ana Souza", number).await?;
    called_off(shop, &car).await?;
    shop.quote_is(&car, "CANCELLED").await?;
    shop.job_is(&car, "CANCELLED").await?;
    same("a payment afterwards", &shop.pay(&car).await?.status, &StatusCode::CONFLICT)?;
    Ok(car)
}

/// Whoever is named CONT has a payment that stays pending.
async fn cancelled_in_payment(shop: &Shop, number: u64) -> Result<Car> {
    let car = approved(shop, "CONT", number).await?;
    same("the payment", &shop.pay(&car).await?.status, &StatusCode::ACCEPTED)?;
    shop.payment_is(&car, "PENDING").await?;
    called_off(shop, &car).await?;
    shop.payment_is(&car, "CANCELLED").await?;
    shop.job_is(&car, "CANCELLED").await?;
    Ok(car)
}

async fn cancelled_in_the_queue(shop: &Shop, number: u64) -> Result<Car> {
    let car = paid(shop, number).await?;
    called_off(shop, &car).await?;
    given_back(shop, &car).await
}

async fn cancelled_under_repair(shop: &Shop, number: u64) -> Result<Car> {
    let car = paid(shop, number).await?;
    shop.work(&car, &REPAIR[..3]).await?;
    shop.job_is(&car, "REPAIRING").await?;
    called_off(shop, &car).await?;
    given_back(shop, &car).await
}

async fn cancelled_too_late(shop: &Shop, number: u64) -> Result<Car> {
    let car = paid(shop, number).await?;
    shop.work(&car, &REPAIR).await?;
    shop.order_is(&car, "COMPLETED").await?;
    same("the cancellation", &shop.cancel(&car).await?.status, &StatusCode::CONFLICT)?;
    shop.order_is(&car, "COMPLETED").await?;
    kept(shop, &car).await
}

async fn repair_fails(shop: &Shop, number: u64) -> Result<Car> {
    let car = paid(shop, number).await?;
    shop.work(&car, &["start-diagnosis", "complete-diagnosis", "start-repair", "fail"]).await?;
    shop.order_is(&car, "FAILED").await?;
    given_back(shop, &car).await
}

async fn rejected(shop: &Shop, number: u64) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    shop.quote(&car, "reject").await?;
    let order = shop.order_is(&car, "CANCELLED").await?;
    same("the reason", &order["cancellationReason"], &Value::from("QUOTE_REJECTED"))?;
    shop.quote_is(&car, "REJECTED").await?;
    Ok(car)
}

/// A part of the catalogue with so many on hand.
async fn part(shop: &Shop, number: u64, stock: u32) -> Result<String> {
    let part = json!({ "name": "Brake pad", "partNumber": format!("STORY-{number}"), "price": 120, "stockQuantity": stock });
    text(&shop.post(At::Billing, "/parts", part).await?, "id")
}

/// A car whose approved quote names so many of a part.
async fn wanting(shop: &Shop, number: u64, part: &str, quantity: u32) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    shop.order_is(&car, "QUOTED").await?;
    let quote = json!({ "workOrderId": car.order, "items": [{ "partId": part, "quantity": quantity }] });
    shop.post(At::Billing, "/quotes", quote).await?;
    shop.quote(&car, "approve").await?;
    shop.job_is(&car, "AWAITING_PAYMENT").await?;
    Ok(car)
}

/// Waits until so many of a part are on hand and so many put aside.
async fn shelf_is(shop: &Shop, part: &str, on_hand: u32, reserved: u32) -> Result<()> {
    let what = format!("{on_hand} on hand and {reserved} reserved");
    let is_so = |part: &Value| part["stockQuantity"] == on_hand && part["reserved"] == reserved;
    shop.wait_for(At::Billing, &format!("/parts/{part}"), &what, is_so).await.map(drop)
}

/// Waits until an order stands so with its only part.
async fn part_is(shop: &Shop, car: &Car, status: &str, missing: u32) -> Result<()> {
    let path = format!("/parts/work-order/{}", car.order);
    let is_so = |parts: &Value| parts[0]["status"] == status && parts[0]["missing"] == missing;
    shop.wait_for(At::Billing, &path, &format!("{status}, {missing} missing"), is_so).await.map(drop)
}

async fn parts_built_in(shop: &Shop, number: u64) -> Result<Car> {
    let part = part(shop, number, 5).await?;
    let car = wanting(shop, number, &part, 2).await?;
    shelf_is(shop, &part, 5, 2).await?;
    part_is(shop, &car, "RESERVED", 0).await?;
    same("the payment", &shop.pay(&car).await?.status, &StatusCode::OK)?;
    shop.job_is(&car, "QUEUED").await?;
    shop.work(&car, &REPAIR).await?;
    shop.order_is(&car, "COMPLETED").await?;
    shelf_is(shop, &part, 3, 0).await?;
    part_is(shop, &car, "TAKEN", 0).await?;
    kept(shop, &car).await
}

/// The first has it, the second waits; when the first is called off under repair, the second one's turn has come.
async fn last_part(shop: &Shop, number: u64) -> Result<Car> {
    let part = part(shop, number, 1).await?;
    let first = wanting(shop, number, &part, 1).await?;
    shelf_is(shop, &part, 1, 1).await?;
    let second = wanting(shop, number + OTHER, &part, 1).await?;
    part_is(shop, &second, "RESERVED", 1).await?;
    part_is(shop, &first, "RESERVED", 0).await?;
    same("the payment", &shop.pay(&first).await?.status, &StatusCode::OK)?;
    shop.job_is(&first, "QUEUED").await?;
    shop.work(&first, &REPAIR[..3]).await?;
    called_off(shop, &first).await?;
    given_back(shop, &first).await?;
    part_is(shop, &first, "GIVEN_BACK", 0).await?;
    part_is(shop, &second, "RESERVED", 0).await?;
    shelf_is(shop, &part, 1, 1).await?;
    Ok(first)
}
