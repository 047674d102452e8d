//! All faults, in the order in which they are struck.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::{
    fault::{Blow, Fault, Scene},
    saga::Mix,
};

mod broker;
mod cluster;
mod crash;
mod databases;
mod gateway;
mod messages;
mod processes;
mod upgrade;
mod wires;

pub use crash::PLACES;
pub use upgrade::OLD_AND_NEW;

type Strike = for<'a, 'b> fn(&'a mut Scene<'b>) -> BoxFuture<'a, Result<Blow>>;

/// A fault that is a function.
pub struct Simple {
    name: &'static str,
    about: &'static str,
    strike: Strike,
    sagas: [usize; 2],
    mix: Mix,
    long: bool,
    alone: bool,
    settles: u64,
}

impl Simple {
    const fn new(name: &'static str, about: &'static str, strike: Strike) -> Self {
        Self { name, about, strike, sagas: [32, 350], mix: Mix::Usual, long: false, alone: false, settles: 3 }
    }

    const fn with_sagas(self, gate: usize, all: usize) -> Self {
        Self { sagas: [gate, all], ..self }
    }

    const fn with(self, mix: Mix) -> Self {
        Self { mix, ..self }
    }

    const fn long(self) -> Self {
        Self { long: true, ..self }
    }

    const fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    const fn settling(self, seconds: u64) -> Self {
        Self { settles: seconds, ..self }
    }
}

#[async_trait]
impl Fault for Simple {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn about(&self) -> String {
        self.about.to_owned()
    }

    fn is_long(&self) -> bool {
        self.long
    }

    fn is_alone(&self) -> bool {
        self.alone
    }

    fn sagas(&self) -> [usize; 2] {
        self.sagas
    }

    fn mix(&self) -> Mix {
        self.mix
    }

    fn settles_within(&self) -> Duration {
        Duration::from_secs(self.settles)
    }

    async fn strike(&self, scene: &mut Scene<'_>) -> Result<Blow> {
        (self.strike)(scene).await
    }
}

/// Those that need a cluster.
#[must_use]
pub fn of_a_cluster() -> Vec<&'static dyn Fault> {
    cluster::FAULTS.iter().map(|fault| fault as &dyn Fault).collect()
}

/// All that strike single servers, or none.
#[must_use]
pub fn all() -> Vec<&'static dyn Fault> {
    let places = PLACES.iter().map(|place| place as &dyn Fault);
    let groups = [
        processes::FAULTS,
        broker::FAULTS,
        wires::FAULTS,
        databases::FAULTS,
        gateway::FAULTS,
        messages::FAULTS,
    ];
    let begun_with = upgrade::FAULTS.iter().map(|fault| fault as &dyn Fault);
    begun_with.chain(places).chain(groups.into_iter().flatten().map(|fault| fault as &dyn Fault)).collect()
}
