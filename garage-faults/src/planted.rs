//! Mistakes that are known, switched on in the real programs: a suite that does not see them sees nothing. Each is met by
//! the fault that makes it hurt, and must come out as lost, doubled or wrong.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use futures::{FutureExt, future::BoxFuture};
use garage_billing_service::gateway::sandbox::faults::Fault as Trouble;
use tokio::time::{Instant, sleep};

use crate::{
    ledgers::Ledgers,
    load::Load,
    oracle::{Finding, Wrong, judge},
    replica::At,
    saga::Mix,
    suite::{Session, chance},
    table::say,
    wire::{Mode, Wire},
    world::{REPLICAS, World},
};

type Hurt = for<'a> fn(&'a mut World, &'a mut Load) -> BoxFuture<'a, Result<()>>;

/// A mistake.
pub struct Mistake {
    /// As `GARAGE_PLANT` names it.
    pub name: &'static str,
    /// What is done wrong.
    pub about: &'static str,
    mix: Mix,
    hurt: Hurt,
}

/// All of them.
pub const MISTAKES: [Mistake; 4] = [
    Mistake {
        name: "ack-before-commit",
        about: "planted: a consumer acknowledges before it commits",
        mix: Mix::Usual,
        hurt: |world, load| die_at(world, load, "consumer-decided").boxed(),
    },
    Mistake {
        name: "publish-before-commit",
        about: "planted: events are published before they are committed",
        mix: Mix::Usual,
        hurt: |world, load| die_at(world, load, "outbox-before-commit").boxed(),
    },
    Mistake {
        name: "no-confirm",
        about: "planted: a publish counts as safe without the broker's word",
        mix: Mix::Usual,
        hurt: |world, load| cut_stalled(world, load).boxed(),
    },
    Mistake {
        name: "no-idempotency-key",
        about: "planted: a charge that is repeated has another key",
        mix: Mix::Usual,
        hurt: |world, load| lose_answers(world, load).boxed(),
    },
];

const SAGAS: usize = 30;
/// Whoever waits longer than this waits for something that was lost.
const PATIENCE: Duration = Duration::from_secs(10);

impl Session {
    /// Whether each of the mistakes is caught.
    ///
    /// # Errors
    /// When one could not be planted.
    pub async fn planted(&mut self) -> Result<bool> {
        let mut well = true;
        for mistake in &MISTAKES {
            let begun = Instant::now();
            let caught = self.plant(mistake).await?;
            let word =
                if caught.is_empty() { "NOT CAUGHT".to_owned() } else { format!("caught: {}", caught[0]) };
            say(&format!(
                "{:<28} {word} ({} findings, {:.1} s)",
                mistake.name,
                caught.len(),
                begun.elapsed().as_secs_f64()
            ));
            well &= !caught.is_empty();
        }
        Ok(well)
    }

    async fn plant(&mut self, mistake: &Mistake) -> Result<Vec<String>> {
        for at in At::ALL {
            for number in 0..REPLICAS {
                self.world.restart(at, number, &[("GARAGE_PLANT", mistake.name)]).await?;
            }
        }
        self.world.until_ready().await?;
        let client = Arc::new(self.client.with_patience(PATIENCE));
        let mut rng = chance(self.seed, mistake.name);
        let mut load = Load::start(&client, &self.book, mistake.name, SAGAS, mistake.mix, &mut rng);
        (mistake.hurt)(&mut self.world, &mut load).await?;
        futures::future::join_all(load.settle(PATIENCE * 3).await).await;
        let ledgers = Ledgers::collect(&self.world, &self.client, self.book.all(), Vec::new()).await?;
        // That somebody waits proves nothing yet: something must be lost, doubled or paid wrong.
        let hurt = |found: &Finding| {
            found.fault.as_deref() == Some(mistake.name) && found.wrong != Wrong::Unfinished
        };
        let findings = judge(&ledgers).into_iter().filter(hurt);
        Ok(findings.map(|found| format!("{:?}, {}", found.wrong, found.text)).collect())
    }
}

/// Billing's copies die at a place, in turn, where the first thing that each hears after its start are new orders: nothing
/// else is underway. The mistake goes on.
async fn die_at(world: &mut World, load: &mut Load, place: &str) -> Result<()> {
    let mistake = load.fault().to_owned();
    let mut rng = chance(0, place);
    load.until(100).await?;
    for number in 0..REPLICAS {
        let more = [("GARAGE_PLANT", mistake.as_str()), ("GARAGE_CRASH_AT", place)];
        world.restart(At::Billing, number, &more).await?;
        // What a mistake has left may kill the second one before it is ready: then it has been where it shall be.
        let _ = world.until_ready().await;
        load.more(12, Mix::Usual, &mut rng);
        let deadline = Instant::now() + Duration::from_secs(30);
        while world.replica(At::Billing, number).runs() {
            ensure!(Instant::now() < deadline, "Billing was never killed at {place}");
            sleep(Duration::from_millis(20)).await;
            world.replica(At::Billing, number).died()?;
        }
        world.replica(At::Billing, number).start(&more[..1])?;
        world.until_ready().await?;
    }
    Ok(())
}

/// What was handed to a wire that carries nothing is gone when it is cut.
async fn cut_stalled(world: &mut World, load: &mut Load) -> Result<()> {
    load.until_begun(4).await;
    let wires = || world.wires.iter().map(|wires| &wires.broker);
    for _ in 0..3 {
        wires().for_each(|wire| wire.set(Mode::Stall));
        sleep(Duration::from_millis(700)).await;
        wires().for_each(Wire::cut);
        wires().for_each(|wire| wire.set(Mode::Pass));
        world.until_consumed().await?;
    }
    Ok(())
}

/// Charges whose answers get lost are repeated; by a clock that is ahead, at once.
async fn lose_answers(world: &mut World, load: &mut Load) -> Result<()> {
    let mistake = load.fault().to_owned();
    load.until_begun(4).await;
    world.gateway.sandbox.faults().expect(6, Trouble::AnswerLost);
    sleep(Duration::from_secs(2)).await;
    world.gateway.sandbox.faults().clear();
    for number in 0..REPLICAS {
        let more = [("GARAGE_PLANT", mistake.as_str()), ("GARAGE_CLOCK_SHIFT", "30")];
        world.restart(At::Billing, number, &more).await?;
    }
    world.until_ready().await
}
