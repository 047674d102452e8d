//! What a fault is to the suite: a name, the sagas it is met with, and a blow that is struck while they run and mended
//! before it returns.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use rand::rngs::StdRng;

use crate::{load::Load, saga::Mix, world::World};

/// A way in which things fail.
#[async_trait]
pub trait Fault: Send + Sync {
    /// Its name, as `--only` takes it.
    fn name(&self) -> String;

    /// What is broken, in one sentence.
    fn about(&self) -> String;

    /// Whether it is too slow for every change: only `--all` runs it.
    fn is_long(&self) -> bool {
        false
    }

    /// Whether nothing else may be under way, as it turns clocks further than a quote is valid.
    fn is_alone(&self) -> bool {
        false
    }

    /// How many sagas it is met with: in the gate, and all in all.
    fn sagas(&self) -> [usize; 2] {
        [40, 350]
    }

    /// Which sagas.
    fn mix(&self) -> Mix {
        Mix::Usual
    }

    /// How long its sagas may go on after the blow before the next fault begins; they go on beside it.
    fn settles_within(&self) -> Duration {
        Duration::from_secs(8)
    }

    /// Strikes while `scene.load` runs, and mends.
    ///
    /// # Errors
    /// When the fault could not be made to happen, or what must not depend on it did.
    async fn strike(&self, scene: &mut Scene<'_>) -> Result<Blow>;
}

/// Where a fault strikes.
pub struct Scene<'a> {
    /// Everything that can be broken.
    pub world: &'a mut World,
    /// Its sagas, under way.
    pub load: &'a mut Load,
    /// Its own chance, drawn from the seed.
    pub rng: &'a mut StdRng,
    /// Whether time does not matter.
    pub all: bool,
    /// Bodies that were published to be set aside.
    pub poison: &'a mut Vec<String>,
}

/// How a blow went.
#[derive(Debug, Default)]
pub struct Blow {
    /// How often it was struck.
    pub runs: usize,
    /// How long it took until all was back, if the fault itself knows better than a saga afterwards.
    pub recovery: Option<Duration>,
    /// Why it was not struck at all.
    pub skipped: Option<String>,
}

impl Blow {
    /// Struck so many times.
    #[must_use]
    pub fn times(runs: usize) -> Self {
        Self { runs, ..Self::default() }
    }

    /// Not struck on this machine.
    #[must_use]
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::default() }
    }
}
