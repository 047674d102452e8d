//! A service that is killed at a named place in its own code. One copy of each service that has the place dies there,
//! proven by the note it leaves, and comes back; its sibling goes on meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use rand::Rng;
use tokio::time::{Instant, sleep};

use crate::{
    fault::{Blow, Fault, Scene},
    replica::At,
    saga::Mix,
    wire::Mode,
};

/// A place in the services' code.
pub struct Place {
    name: &'static str,
    about: &'static str,
    services: &'static [At],
    needs: Needs,
}

/// What must happen for a place to be passed at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Load,
    Refunds,
    /// Messages that can never be read.
    Poison,
    /// Events that were left behind.
    Backlog,
    /// Quotes that nobody answered, and a clock that is eleven days ahead.
    Lapses,
}

const ALL: &[At] = &At::ALL;
const SQL: &[At] = &[At::Os, At::Execution];
const BILLING: &[At] = &[At::Billing];

const fn place(name: &'static str, services: &'static [At], about: &'static str) -> Place {
    Place { name, about, services, needs: Needs::Load }
}

const fn with(needs: Needs, place: Place) -> Place {
    Place { needs, ..place }
}

/// Every place, in the order in which a command passes them.
pub const PLACES: &[Place] = &[
    place("http-before-handling", ALL, "a command has arrived, nothing is done yet"),
    place("key-claimed", &[At::Os, At::Billing], "its idempotency key is claimed, its effect is not there"),
    place("outbox-before-commit", ALL, "a group of writes is about to be committed"),
    place("sql-commit-sent", SQL, "the transaction is on its way, its answer is not"),
    place("mongo-write-sent", BILLING, "the update is on its way to MongoDB, its answer is not"),
    place("outbox-after-commit", ALL, "the group is committed, nobody has been told"),
    place("http-before-answer", ALL, "the effect is committed, the client has no answer"),
    place("relay-claimed", ALL, "the relay has taken a batch"),
    place("relay-mid-batch", ALL, "half of a batch is with the broker"),
    place("relay-published", ALL, "a batch is with the broker, unconfirmed"),
    place("relay-confirmed", ALL, "a batch is confirmed, and marked nowhere"),
    place("relay-before-mark", ALL, "confirmed events are about to be marked"),
    place("relay-marked", ALL, "events are marked as sent"),
    with(Needs::Backlog, place("sweep-claimed", ALL, "the sweep has found events that were left behind")),
    place("consumer-received", ALL, "a batch of deliveries has arrived, nothing is decided"),
    place("consumer-decided", ALL, "reactions are decided, nothing is committed"),
    place("consumer-committed", ALL, "reactions are committed, nothing is acknowledged"),
    place("consumer-acked", ALL, "acknowledgements are handed over, perhaps not yet sent"),
    with(
        Needs::Poison,
        place("letter-rested", ALL, "a dead letter is confirmed, its original not acknowledged"),
    ),
    place("cashier-charge-due", BILLING, "an attempt to pay is stored, the gateway has not been asked"),
    place("gateway-asked", BILLING, "the gateway has been asked and has not answered"),
    place("cashier-charged", BILLING, "the gateway has answered, its answer is not stored"),
    place("cashier-stored", BILLING, "the gateway's answer is stored"),
    with(
        Needs::Refunds,
        place("cashier-refund-due", BILLING, "money is owed back, the gateway has not been asked"),
    ),
    with(Needs::Refunds, place("cashier-refunded", BILLING, "the gateway has given back, and nobody knows")),
    place("keeper-decided", BILLING, "it is decided what an order has of a part, nothing is committed"),
    place("keeper-carried", BILLING, "a part knows what an order has of it, the order's bill does not"),
    with(Needs::Lapses, place("expiry-claimed", BILLING, "a lapsed quote has been found, not yet expired")),
];

/// Ahead of every quote's validity.
const ELEVEN_DAYS: &str = "950400";
/// Sagas that are added when a place has not been passed.
const MORE: usize = 12;

#[async_trait]
impl Fault for Place {
    fn name(&self) -> String {
        format!("crash-{}", self.name)
    }

    fn about(&self) -> String {
        format!("kill -9 where {}", self.about)
    }

    fn is_alone(&self) -> bool {
        self.needs == Needs::Lapses
    }

    fn sagas(&self) -> [usize; 2] {
        match self.needs {
            Needs::Lapses => [8, 40],
            Needs::Load | Needs::Refunds | Needs::Poison | Needs::Backlog => [22, 300],
        }
    }

    fn mix(&self) -> Mix {
        match self.needs {
            Needs::Refunds => Mix::Refunds,
            Needs::Lapses => Mix::Lapses,
            Needs::Load | Needs::Poison | Needs::Backlog => Mix::Usual,
        }
    }

    fn settles_within(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn strike(&self, scene: &mut Scene<'_>) -> Result<Blow> {
        let rounds: &[u64] = if scene.all { &[1, 2, 0] } else { &[0] };
        let mut runs = 0;
        for round in rounds {
            let deepest = self.deepest();
            let nth = if *round > 0 { deepest.min(*round) } else { scene.rng.random_range(1..=deepest) };
            runs += self.round(scene, nth).await?;
        }
        Ok(Blow::times(runs))
    }
}

impl Place {
    /// The latest pass at which it may strike: rare ones must be struck soon, and one sweep takes all that was left behind.
    fn deepest(&self) -> u64 {
        match self.needs {
            Needs::Backlog => 1,
            Needs::Load if self.services.len() > 1 => 8,
            Needs::Load | Needs::Refunds | Needs::Poison | Needs::Lapses => 2,
        }
    }

    async fn round(&self, scene: &mut Scene<'_>, nth: u64) -> Result<usize> {
        let number = usize::from(scene.rng.random_bool(0.5));
        let order = format!("{}:{nth}", self.name);
        if self.needs == Needs::Lapses {
            // Those of the round before have lapsed. The quotes must be there before their time is over.
            if scene.load.is_over() {
                scene.load.more(MORE, self.mix(), scene.rng);
            }
            scene.load.until_quoted().await?;
        }
        if self.needs == Needs::Backlog {
            // What is never confirmed is never marked: it is left behind by all.
            scene.world.wires.iter().for_each(|wires| wires.broker.set(Mode::SwallowConfirms));
            sleep(Duration::from_millis(1500)).await;
        }
        for at in self.services {
            let mut more = vec![("GARAGE_CRASH_AT", order.as_str())];
            if self.needs == Needs::Lapses {
                more.push(("GARAGE_CLOCK_SHIFT", ELEVEN_DAYS));
            }
            scene.world.restart(*at, number, &more).await?;
        }
        for at in self.services {
            self.until_dead(scene, *at, number, nth).await?;
            scene.world.replica(*at, number).start(self.afterwards())?;
        }
        if self.needs == Needs::Backlog {
            scene.world.wires.iter().for_each(|wires| wires.broker.set(Mode::Pass));
            scene.world.wires.iter().for_each(|wires| wires.broker.cut());
        }
        scene.world.until_ready().await?;
        if self.needs == Needs::Lapses {
            scene.load.until(100).await?;
            scene.world.restart(At::Billing, number, &[]).await?;
            scene.world.until_ready().await?;
        }
        Ok(self.services.len())
    }

    /// Somebody must still expire the quotes.
    fn afterwards(&self) -> &'static [(&'static str, &'static str)] {
        if self.needs == Needs::Lapses { &[("GARAGE_CLOCK_SHIFT", ELEVEN_DAYS)] } else { &[] }
    }

    async fn until_dead(&self, scene: &mut Scene<'_>, at: At, number: usize, nth: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(40);
        let mut looks = 0;
        loop {
            if let Some(place) = scene.world.replica(at, number).died()? {
                ensure!(place == self.name, "{} died at {place}", at.program());
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{} was never killed at {}:{nth}", at.program(), self.name);
            // Some at once are one batch, and the sibling takes its share.
            if self.needs == Needs::Poison && looks % 4 == 0 {
                poison(scene, at).await?;
            }
            looks += 1;
            if scene.load.is_over() && self.needs != Needs::Lapses {
                scene.load.more(MORE, self.mix(), scene.rng);
            }
            sleep(Duration::from_millis(25)).await;
        }
    }
}

/// Something that is no event, for a queue of this service.
pub(super) async fn poison(scene: &mut Scene<'_>, at: At) -> Result<()> {
    let topic = match at {
        At::Os => "payment.failed",
        At::Billing => "execution.failed",
        At::Execution => "quote.approved",
    };
    let body = format!("poison {}", scene.poison.len());
    scene.poison.push(body.clone());
    scene.world.broker.publish(topic, &body).await
}
