//! Services that die, freeze, or are asked to end, at any moment; and clocks that are wrong.

use std::time::Duration;

use anyhow::{Result, ensure};
use futures::FutureExt;
use rand::Rng;
use rustix::process::Signal;
use tokio::time::sleep;

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    replica::At,
    saga::Mix,
    world::REPLICAS,
};

pub(super) const FAULTS: &[Simple] = &[
    Simple::new("process-kill", "kill -9 of any copy at any moment", |scene| kill(scene).boxed()),
    Simple::new("process-kill-both", "kill -9 of both copies of a service at once", |scene| {
        kill_both(scene).boxed()
    }),
    Simple::new("process-freeze", "a copy is frozen for longer than its events may wait", |scene| {
        freeze(scene).boxed()
    }),
    Simple::new("process-term", "SIGTERM to every copy in turn, under load", |scene| {
        terminate(scene).boxed()
    }),
    Simple::new("clock-skew", "the copies' clocks are ten minutes apart", |scene| skew(scene).boxed()),
    Simple::new("race", "two people act on one order at once, at two copies", |scene| race(scene).boxed())
        .with(Mix::Races),
];

async fn kill(scene: &mut Scene<'_>) -> Result<Blow> {
    let times = if scene.all { 40 } else { 6 };
    for _ in 0..times {
        let pause = scene.rng.random_range(100..900);
        sleep(Duration::from_millis(pause)).await;
        let at = At::ALL[scene.rng.random_range(0..3)];
        let number = scene.rng.random_range(0..REPLICAS);
        scene.world.restart(at, number, &[]).await?;
    }
    scene.world.until_ready().await?;
    Ok(Blow::times(times))
}

async fn kill_both(scene: &mut Scene<'_>) -> Result<Blow> {
    for at in At::ALL {
        scene.load.until(10 + 25 * (at as usize)).await?;
        for number in 0..REPLICAS {
            scene.world.replica(at, number).kill().await?;
        }
        sleep(Duration::from_millis(300)).await;
        for number in 0..REPLICAS {
            scene.world.replica(at, number).start(&[])?;
        }
        scene.world.until_ready().await?;
    }
    Ok(Blow::times(6))
}

async fn freeze(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until_begun(8).await;
    for at in At::ALL {
        scene.world.replica(at, 0).signal(Signal::STOP)?;
    }
    // Its sibling's sweep takes what is left for longer than three seconds.
    sleep(Duration::from_secs(5)).await;
    for at in At::ALL {
        scene.world.replica(at, 0).signal(Signal::CONT)?;
    }
    scene.world.until_ready().await?;
    Ok(Blow::times(3))
}

/// Within ten seconds, and well.
async fn terminate(scene: &mut Scene<'_>) -> Result<Blow> {
    let rounds = if scene.all { 9 } else { 1 };
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        for at in At::ALL {
            for number in 0..REPLICAS {
                if scene.load.is_over() {
                    scene.load.more(12, Mix::Usual, scene.rng);
                }
                let ended = scene.world.replica(at, number).terminate(Duration::from_secs(20)).await?;
                longest = longest.max(ended);
                scene.world.replica(at, number).start(&[])?;
                scene.world.until_ready().await?;
            }
        }
    }
    ensure!(longest < Duration::from_secs(11), "a service took {longest:?} to end");
    Ok(Blow::times(rounds * 6))
}

async fn skew(scene: &mut Scene<'_>) -> Result<Blow> {
    for at in At::ALL {
        for (number, shift) in ["-600", "600"].into_iter().enumerate() {
            scene.world.restart(at, number, &[("GARAGE_CLOCK_SHIFT", shift)]).await?;
        }
    }
    scene.world.until_ready().await?;
    scene.load.until(90).await?;
    for at in At::ALL {
        for number in 0..REPLICAS {
            scene.world.restart(at, number, &[]).await?;
        }
    }
    scene.world.until_ready().await?;
    Ok(Blow::times(6))
}

async fn race(scene: &mut Scene<'_>) -> Result<Blow> {
    scene.load.until(90).await?;
    Ok(Blow::times(scene.load.done()))
}
