//! Messages that come too often, too late, in any order, or were never any.

use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use rand::Rng;
use tokio::time::sleep;

use super::{Simple, crash::poison};
use crate::{
    fault::{Blow, Scene},
    replica::At,
    tap::Echo,
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("duplicates", "every event is delivered five times", |scene| duplicates(scene).boxed()),
    Simple::new("reordered", "events arrive in any order", |scene| reordered(scene).boxed())
        .with_sagas(30, 300)
        .settling(10),
    Simple::new("poison", "what can never be read comes between", |scene| poisoned(scene).boxed()),
    Simple::new(
        "days-late",
        "every event of every saga so far is told once more, when all is over",
        |scene| late(scene).boxed(),
    )
    .alone(),
];

async fn duplicates(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.world.tap.echo(Echo::Repeat(4));
    scene.load.until(95).await?;
    // Events of the last sagas are repeated too.
    sleep(Duration::from_millis(500)).await;
    scene.world.tap.echo(Echo::None);
    Ok(Blow::times(scene.load.done()))
}

/// The services hear nothing by themselves for a while; the tap gives them what was meant for them.
async fn reordered(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.world.tap.echo(Echo::Shuffle(scene.rng.random()));
    scene.world.broker.bind_all(false).await?;
    let done = scene.load.until(95).await;
    scene.world.broker.bind_all(true).await?;
    // What is told from here on is heard twice; that does no harm.
    sleep(Duration::from_millis(500)).await;
    scene.world.tap.echo(Echo::None);
    done?;
    Ok(Blow::times(scene.load.done()))
}

async fn poisoned(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 60 } else { 9 };
    for round in 0..times {
        poison(scene, At::ALL[round % 3]).await?;
        sleep(Duration::from_millis(50)).await;
    }
    Ok(Blow::times(times))
}

/// By clocks that are eleven days ahead of everything that is told; for the gate a third of it, whichever.
async fn late(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(100).await?;
    for at in At::ALL {
        scene.world.restart(at, 0, &[("GARAGE_CLOCK_SHIFT", "950400")]).await?;
        scene.world.replica(at, 1).kill().await?;
    }
    scene.world.until_ready().await?;
    let mut events: Vec<_> = scene.world.tap.events().into_values().collect();
    if !scene.all {
        events.retain(|_| scene.rng.random_ratio(1, 3));
    }
    scene.world.tap.tell_again(&events).await?;
    for queue in garage_events::topology::QUEUES {
        scene.world.until_empty(queue.name).await?;
    }
    for at in At::ALL {
        for number in [0, 1] {
            scene.world.restart(at, number, &[]).await?;
        }
    }
    scene.world.until_ready().await?;
    Ok(Blow::times(events.len()))
}
