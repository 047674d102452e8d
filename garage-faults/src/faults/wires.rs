//! What lies between: connections that are cut, stall without a word, are slow, or lose exactly one kind of answer.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use rand::Rng;
use tokio::time::{Instant, sleep};

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    wire::{Mode, Wire},
    world::World,
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("wire-cut", "every connection is cut, again and again", |scene| cut(scene).boxed()),
    Simple::new("wire-refuse", "nobody can connect to anything, for a while", |scene| refuse(scene).boxed()),
    Simple::new("wire-half-open", "the broker's wires carry nothing and tell nobody", |scene| {
        half_open(scene).boxed()
    })
    .with_sagas(30, 200),
    Simple::new("wire-delay", "everything between services and servers is slow", |scene| {
        delay(scene).boxed()
    })
    .with_sagas(24, 200),
    Simple::new("lost-confirm", "the broker has the events, its confirms get lost", |scene| {
        confirms(scene).boxed()
    })
    .with_sagas(30, 300),
    Simple::new("lost-ack", "consumers are done, their acknowledgements get lost", |scene| {
        acks(scene).boxed()
    })
    .with_sagas(30, 300),
    Simple::new("lost-commit-sql", "a transaction arrives, its answer does not", |scene| {
        commit_sql(scene).boxed()
    }),
    Simple::new("lost-commit-mongo", "an update arrives at MongoDB, its answer does not", |scene| {
        commit_mongo(scene).boxed()
    }),
];

/// All that lead to servers.
fn every(world: &World) -> impl Iterator<Item = &Wire> {
    let services = world.wires.iter().flat_map(|wires| [&wires.broker, &wires.database]);
    services.chain([&world.gateway_wire])
}

fn brokers(world: &World) -> impl Iterator<Item = &Wire> {
    world.wires.iter().map(|wires| &wires.broker)
}

async fn cut(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 60 } else { 12 };
    for _ in 0..times {
        let pause = scene.rng.random_range(50..500);
        sleep(Duration::from_millis(pause)).await;
        let wires: Vec<&Wire> = every(scene.world).collect();
        wires[scene.rng.random_range(0..wires.len())].cut();
    }
    Ok(Blow::times(times))
}

async fn refuse(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    for wire in every(scene.world) {
        wire.set(Mode::Refuse);
        wire.cut();
    }
    sleep(Duration::from_secs(2)).await;
    every(scene.world).for_each(|wire| wire.set(Mode::Pass));
    let took = scene.world.until_consumed().await?;
    Ok(Blow { recovery: Some(took), ..Blow::times(1) })
}

/// Longer than a publish waits for its confirms; then the wires are cut, as a router that lost its table would.
async fn half_open(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    brokers(scene.world).for_each(|wire| wire.set(Mode::Stall));
    sleep(Duration::from_secs(if scene.all { 40 } else { 7 })).await;
    brokers(scene.world).for_each(Wire::cut);
    brokers(scene.world).for_each(|wire| wire.set(Mode::Pass));
    let took = scene.world.until_consumed().await?;
    Ok(Blow { recovery: Some(took), ..Blow::times(1) })
}

async fn delay(scene: &mut Scene<'_>) -> Result<Blow> {
    every(scene.world).for_each(|wire| wire.set(Mode::Delay(Duration::from_millis(15))));
    scene.load.until(50).await?;
    every(scene.world).for_each(|wire| wire.set(Mode::Pass));
    Ok(Blow::times(1))
}

async fn confirms(scene: &mut Scene<'_>) -> Result<Blow> {
    swallow(scene, Mode::SwallowConfirms).await
}

async fn acks(scene: &mut Scene<'_>) -> Result<Blow> {
    swallow(scene, Mode::SwallowAcks).await
}

/// On until enough is swallowed; then the connections end, and what was not acknowledged comes again.
async fn swallow(scene: &mut Scene<'_>, mode: Mode) -> Result<Blow> {
    scene.load.until(10).await?;
    let before = lost(scene.world);
    brokers(scene.world).for_each(|wire| wire.set(mode));
    let deadline = Instant::now() + Duration::from_secs(if scene.all { 20 } else { 6 });
    while Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    brokers(scene.world).for_each(|wire| wire.set(Mode::Pass));
    brokers(scene.world).for_each(Wire::cut);
    let swallowed = lost(scene.world) - before;
    ensure!(swallowed > 0, "nothing came by that could be swallowed");
    Ok(Blow::times(swallowed))
}

fn lost(world: &World) -> usize {
    every(world).map(Wire::lost).sum()
}

/// Only what commits names the record that tells a message, by its table.
async fn commit_sql(scene: &mut Scene<'_>) -> Result<Blow> {
    lose_answers(scene, &[(0, b"work_orders:"), (2, b"jobs:")]).await
}

/// BSON's beginning of a command's first field: a text of this name.
async fn commit_mongo(scene: &mut Scene<'_>) -> Result<Blow> {
    lose_answers(scene, &[(1, b"\x02update\0")]).await
}

/// Of each service's questions to its database that have these words in them.
async fn lose_answers(scene: &mut Scene<'_>, services: &[(usize, &'static [u8])]) -> Result<Blow> {
    let times = if scene.all { 30 } else { 4 };
    let before = lost(scene.world);
    for _ in 0..times {
        for (service, words) in services {
            scene.world.wires[*service].database.lose_answers_to(words, 1);
        }
        sleep(Duration::from_millis(250)).await;
    }
    for (service, _) in services {
        scene.world.wires[*service].database.lose_answers_to(b"", 0);
    }
    let runs = lost(scene.world) - before;
    ensure!(runs > 0, "no commit came by");
    Ok(Blow::times(runs))
}
