//! A rolling upgrade under load: the services of an earlier commit, then both versions beside each other in every mixture,
//! forward, all the way back, and forward again. Databases and queues are those of the earlier commit to begin with.

use anyhow::{Context, Result};
use futures::FutureExt;

use super::Simple;
use crate::{
    fault::{Blow, Scene},
    replica::{At, Release},
    saga::Mix,
};

/// Its name.
pub const OLD_AND_NEW: &str = "old-and-new";

pub(super) const FAULTS: &[Simple] =
    &[Simple::new(OLD_AND_NEW, "copies of an earlier commit work beside today's, there and back", |scene| {
        roll(scene).boxed()
    })
    .with_sagas(12, 60)];

/// Which copy of each service is changed, and whether to today's program.
const STEPS: [(usize, bool); 6] = [(1, true), (0, true), (1, false), (0, false), (0, true), (1, true)];

async fn roll(scene: &mut Scene<'_>) -> Result<Blow> {
    let Some(earlier) = scene.world.earlier.clone() else {
        return Ok(Blow::skipped("needs --old COMMIT"));
    };
    let sagas = if scene.all { 60 } else { 12 };
    scene.load.until(50).await?;
    for (number, forward) in STEPS {
        for at in At::ALL {
            let release = if forward { Release::Todays } else { Release::Earlier(earlier.clone()) };
            let way = if forward { "forward" } else { "back" };
            let name = || format!("{} {number}, {way}", at.program());
            scene.world.roll(at, number, release).await.with_context(name)?;
            scene.load.more(sagas / 3, Mix::Usual, scene.rng);
        }
        scene.load.until(90).await?;
    }
    Ok(Blow::times(STEPS.len() * At::ALL.len()))
}
