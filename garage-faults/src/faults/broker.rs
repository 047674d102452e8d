//! The broker: ended, killed, frozen, short of memory or disk, impatient, or without one of its queues.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use garage_events::topology::QUEUES;
use rand::Rng;
use tokio::time::{Instant, sleep};

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    load::AT_ONCE,
    saga::Mix,
    world::On,
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("broker-restart", "the broker is stopped and started", |scene| restart(scene).boxed()),
    Simple::new("broker-kill", "kill -9 of the broker under load", |scene| kill(scene).boxed()),
    Simple::new("broker-restarts", "the broker is restarted again and again", |scene| {
        restarts(scene).boxed()
    })
    .with_sagas(40, 600)
    .long(),
    Simple::new("broker-freeze", "the broker is frozen, its sockets stay open", |scene| {
        freeze(scene).boxed()
    })
    .with_sagas(30, 200),
    Simple::new("broker-memory", "memory alarm: it takes nothing, for a while", |scene| {
        memory(scene).boxed()
    }),
    Simple::new("broker-disk", "disk alarm: it takes nothing, for a while", |scene| disk(scene).boxed()),
    Simple::new("overload", "ten times as many sagas at once, while the broker takes nothing", |scene| {
        overload(scene).boxed()
    })
    .with_sagas(12, 120)
    .settling(20),
    Simple::new("broker-closes", "an operator closes every connection, again and again", |scene| {
        closes(scene).boxed()
    }),
    Simple::new("queue-deleted", "an operator deletes a queue that is empty", |scene| deleted(scene).boxed()),
];

/// Raises the alarm, and lowers it.
const MEMORY: [[&str; 2]; 2] =
    [["set_vm_memory_high_watermark", "0.00001"], ["set_vm_memory_high_watermark", "0.4"]];
/// A service's limit in `deploy/kubernetes`.
const ROOM: u64 = 256 << 20;

/// Waits for the consumers, and says how long: by the services' own word, as the broker counts seldom.
async fn back(scene: &mut Scene<'_>) -> Result<Duration> {
    let begun = Instant::now();
    scene.world.until_ready().await?;
    let took = begun.elapsed();
    scene.world.until_consumed().await?;
    Ok(took)
}

async fn restart(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    scene
        .world
        .server(On::Rabbit, |server, _| {
            server.stop();
            Ok(())
        })
        .await?;
    sleep(Duration::from_secs(if scene.all { 30 } else { 1 })).await;
    scene.world.server(On::Rabbit, |server, leash| server.restart(leash)).await?;
    Ok(Blow { recovery: Some(back(scene).await?), ..Blow::times(1) })
}

async fn kill(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 5 } else { 1 };
    let mut recovery = Duration::ZERO;
    for round in 0..times {
        scene.load.until(20 + 10 * round).await?;
        scene.world.server(On::Rabbit, |server, leash| server.restart(leash)).await?;
        recovery = recovery.max(back(scene).await?);
    }
    Ok(Blow { recovery: Some(recovery), ..Blow::times(times) })
}

async fn restarts(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 30 } else { 2 };
    let mut recovery = Duration::ZERO;
    for _ in 0..times {
        if scene.load.is_over() {
            scene.load.more(20, Mix::Usual, scene.rng);
        }
        let pause = scene.rng.random_range(0..1500);
        sleep(Duration::from_millis(pause)).await;
        scene.world.server(On::Rabbit, |server, leash| server.restart(leash)).await?;
        recovery = recovery.max(back(scene).await?);
    }
    Ok(Blow { recovery: Some(recovery), ..Blow::times(times) })
}

async fn freeze(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(20).await?;
    let seconds = if scene.all { 60 } else { 7 };
    scene
        .world
        .server(On::Rabbit, |server, _| {
            server.signal("STOP");
            Ok(())
        })
        .await?;
    sleep(Duration::from_secs(seconds)).await;
    scene
        .world
        .server(On::Rabbit, |server, _| {
            server.signal("CONT");
            Ok(())
        })
        .await?;
    let took = scene.world.until_consumed().await?;
    Ok(Blow { recovery: Some(took), ..Blow::times(1) })
}

async fn memory(scene: &mut Scene<'_>) -> Result<Blow> {
    alarm(scene, &MEMORY[0], &MEMORY[1]).await
}

async fn disk(scene: &mut Scene<'_>) -> Result<Blow> {
    alarm(scene, &["set_disk_free_limit", "9999GB"], &["set_disk_free_limit", "50MB"]).await
}

/// While the broker takes nothing, commands are answered: only publishing waits.
async fn alarm(
    scene: &mut Scene<'_>,
    raise: &'static [&'static str],
    lower: &'static [&'static str],
) -> Result<Blow> {
    scene.load.until(20).await?;
    scene.world.server(On::Rabbit, |server, _| server.control(raise)).await?;
    let opened = opened_within(scene, Duration::from_secs(if scene.all { 60 } else { 3 })).await;
    scene.world.server(On::Rabbit, |server, _| server.control(lower)).await?;
    opened?;
    Ok(Blow::times(1))
}

/// What waits for the broker waits in the outboxes, and no copy outgrows the memory that the deployment gives it.
async fn overload(scene: &mut Scene<'_>) -> Result<Blow> {
    let crowd = if scene.all { 600 } else { 240 };
    scene.world.server(On::Rabbit, |server, _| server.control(&MEMORY[0])).await?;
    scene.load.crowd(crowd, 10 * AT_ONCE, Mix::Usual, scene.rng);
    let opened = until_opened(scene, 8 * AT_ONCE).await;
    scene.world.server(On::Rabbit, |server, _| server.control(&MEMORY[1])).await?;
    opened?;
    scene.load.until(90).await?;
    for replica in &scene.world.replicas {
        let most = replica.most_memory()?;
        ensure!(most < ROOM, "{} has had {} MiB of memory", replica.name(), most >> 20);
    }
    Ok(Blow::times(1))
}

async fn until_opened(scene: &Scene<'_>, count: usize) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while scene.load.opened() < count {
        ensure!(Instant::now() < deadline, "{} of {count} orders are opened", scene.load.opened());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Adds sagas meanwhile, and expects their first command to be answered.
async fn opened_within(scene: &mut Scene<'_>, time: Duration) -> Result<()> {
    let before = scene.load.opened();
    scene.load.more(10, Mix::Usual, scene.rng);
    sleep(time).await;
    let opened = scene.load.opened() - before;
    ensure!(opened > 0, "no order could be opened while the broker took nothing");
    Ok(())
}

async fn closes(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 20 } else { 4 };
    let mut closed = 0;
    for _ in 0..times {
        sleep(Duration::from_millis(900)).await;
        closed += scene.world.broker.close_connections().await?;
    }
    ensure!(closed > 0, "no connection was there to close");
    let took = scene.world.until_consumed().await?;
    Ok(Blow { recovery: Some(took), ..Blow::times(closed) })
}

/// What is in a queue when an operator deletes it is gone, and that is his word; so this one is empty: its topic rests
/// until the services have declared it again.
async fn deleted(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(100).await?;
    let queue = QUEUES[scene.rng.random_range(0..QUEUES.len())].name;
    scene.world.until_empty(queue).await?;
    scene.world.broker.delete_queue(queue).await?;
    let took = scene.world.until_consumed().await?;
    scene.load.more(20, Mix::Usual, scene.rng);
    Ok(Blow { recovery: Some(took), ..Blow::times(1) })
}
