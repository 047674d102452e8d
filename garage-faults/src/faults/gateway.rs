//! The payment gateway: it does what it is told and does not say so, does not hear, is out of order, or is slow; and what
//! it tells by itself gets lost, or comes late, often, or before the answer to the call that has caused it.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use garage_billing_service::gateway::sandbox::faults::Fault as Trouble;
use tokio::time::sleep;

use super::Simple;
use crate::{
    doorbell::{Doorbell, Ring},
    fault::{Blow, Scene},
    load::AT_ONCE,
    saga::Mix,
    wire::Mode,
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("gateway-answer-lost", "the gateway does it, and its answer gets lost", |scene| {
        answer_lost(scene).boxed()
    })
    .with(Mix::Refunds)
    .settling(3),
    Simple::new("gateway-request-lost", "the gateway does not hear", |scene| request_lost(scene).boxed())
        .with(Mix::Refunds)
        .settling(3),
    Simple::new("gateway-5xx", "the gateway is out of order and says so", |scene| unavailable(scene).boxed())
        .with(Mix::Refunds)
        .settling(3),
    Simple::new("gateway-slow", "the gateway takes seconds", |scene| slow(scene).boxed()).with_sagas(24, 150),
    Simple::new("gateway-cut", "the connection to the gateway ends after the request was sent", |scene| {
        cut(scene).boxed()
    })
    .settling(3),
    Simple::new("webhook-lost", "notifications get lost: payers have paid, and nobody says so", |scene| {
        webhooks(scene, Ring::Lost, Doorbell::lost).boxed()
    })
    .with(Mix::Payers)
    .with_sagas(16, 48),
    Simple::new("webhook-late", "notifications come when what they tell has long been known", |scene| {
        webhooks(scene, Ring::Late(LATE), Doorbell::delivered).boxed()
    })
    .with(Mix::Payers)
    .with_sagas(16, 48),
    Simple::new(
        "webhook-repeated",
        "every notification comes three times at once, at both copies",
        |scene| webhooks(scene, Ring::Times(3), Doorbell::delivered).boxed(),
    )
    .with(Mix::Payers)
    .with_sagas(20, 200),
    Simple::new("webhook-early", "a notification comes before the answer to its own charge", |scene| {
        webhooks(scene, Ring::Early, Doorbell::early).boxed()
    })
    .with(Mix::Payers)
    .with_sagas(20, 200),
];

/// Later than Billing looks at a payment by itself.
const LATE: Duration = Duration::from_secs(12);

async fn trouble(scene: &mut Scene<'_>, trouble: Trouble) -> Result<Blow> {
    scene.load.until_begun(4).await;
    // Two for each order under way: whose answers are lost more often waits for minutes.
    let calls = if scene.all { 2 * AT_ONCE } else { 8 };
    scene.world.gateway.sandbox.faults().expect(calls, trouble);
    scene.load.until(40).await?;
    scene.world.gateway.sandbox.faults().clear();
    Ok(Blow::times(calls))
}

async fn answer_lost(scene: &mut Scene<'_>) -> Result<Blow> {
    trouble(scene, Trouble::AnswerLost).await
}

async fn request_lost(scene: &mut Scene<'_>) -> Result<Blow> {
    trouble(scene, Trouble::RequestLost).await
}

async fn unavailable(scene: &mut Scene<'_>) -> Result<Blow> {
    trouble(scene, Trouble::Unavailable).await
}

async fn slow(scene: &mut Scene<'_>) -> Result<Blow> {
    let seconds = if scene.all { 30 } else { 3 };
    scene.world.gateway_wire.set(Mode::Delay(Duration::from_millis(if scene.all { 8000 } else { 1500 })));
    sleep(Duration::from_secs(seconds)).await;
    scene.world.gateway_wire.set(Mode::Pass);
    Ok(Blow::times(1))
}

async fn cut(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 20 } else { 4 };
    let before = scene.world.gateway_wire.lost();
    scene.world.gateway_wire.lose_answers_to(b"POST /v1/payments", times);
    scene.load.until(50).await?;
    scene.world.gateway_wire.lose_answers_to(b"", 0);
    let runs = scene.world.gateway_wire.lost() - before;
    ensure!(runs > 0, "no call came by");
    Ok(Blow::times(runs))
}

/// What comes during the sagas comes like this; by itself the suite's gateway tells nobody.
async fn webhooks(scene: &mut Scene<'_>, ring: Ring, count: fn(&Doorbell) -> usize) -> Result<Blow> {
    let doorbell = scene.world.gateway.doorbell.clone();
    let before = count(&doorbell);
    doorbell.set(ring);
    let done = scene.load.until(70).await;
    if let Ring::Late(pause) = ring {
        sleep(pause).await;
    }
    doorbell.set(Ring::Lost);
    done?;
    let runs = count(&doorbell) - before;
    ensure!(runs > 0, "no notification came like that");
    Ok(Blow::times(runs))
}
