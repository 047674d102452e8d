//! Whole sagas and single routes, on a shop that is otherwise quiet.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;

use super::bench::{Bench, Load};
use crate::{
    counters::Counters,
    outcome::{Outcome, count},
    processes::usage,
    report::{Row, Unit, say},
    shop::{Shop, Site, Topology},
};

/// Clients of the single routes.
pub(super) const ROUTE_CLIENTS: usize = 16;
/// Clients that are full load.
pub(super) const FULL_LOAD: usize = 64;
/// As many as more copies are for.
pub(super) const MORE_LOAD: usize = 4 * FULL_LOAD;
/// Clients of an open loop: enough that one is always free.
const OPEN_LOOP: usize = 256;
/// How often each of two shops has its turn.
pub(super) const TURNS: usize = 3;
/// After the start, until memory is said to be at rest.
const REST: Duration = Duration::from_secs(3);

impl Bench<'_> {
    /// Time to ready, and memory before anything has been asked.
    pub(super) async fn at_rest(&mut self, shop: &Shop) {
        sleep(REST).await;
        let processes = shop.processes();
        let resident = processes.iter().zip(usage(&processes));
        let resident = resident.map(|((name, _), usage)| format!("{name} {:.1}", usage.resident));
        let resident = resident.collect::<Vec<_>>().join(", ");
        let note = format!("ready after {} ms; MiB at rest: {resident}", shop.ready.as_millis());
        self.add(Row::words(shop.topology().word(), "start", note));
    }

    /// Whole sagas at every number of clients, then at half of the best rate.
    pub(super) async fn sagas(&mut self, shop: &Shop) -> Result<()> {
        say(&format!("{}, whole sagas:", shop.topology().word()));
        let mut best = 0.0_f64;
        let mut before = self.counted(shop).await?;
        for clients in self.options.clients.clone() {
            let outcome = self.drive(shop, self.load("saga", clients)).await?;
            let after = self.counted(shop).await?;
            best = best.max(outcome.per_s);
            let mut row = Row::of(shop.topology().word(), "sagas", clients, &outcome).counting(Unit::Saga);
            row.counted = after.since(&before, count(usize::try_from(outcome.completed_total)?));
            before = after;
            self.add(row);
        }
        self.half(shop, best).await
    }

    async fn counted(&self, shop: &Shop) -> Result<Counters> {
        match shop.topology() {
            Topology::Embedded => Counters::traffic(),
            Topology::Distributed => Counters::look(&self.options.servers).await,
        }
    }

    /// An open loop, so that a saga that waits does not keep the next from coming.
    async fn half(&mut self, shop: &Shop, best: f64) -> Result<()> {
        if best <= 0.0 {
            return Ok(());
        }
        let load = Load { rate: Some(best / 2.0), ..self.load("saga", OPEN_LOOP) };
        let outcome = self.drive(shop, load).await?;
        let spread = outcome.latency_ms.p99 / outcome.latency_ms.p50.max(0.001);
        let what = "sagas, open loop at half of the best rate";
        let row = Row::of(shop.topology().word(), what, OPEN_LOOP, &outcome);
        self.add(row.noting(format!("asked for {:.1} per s; p99 ÷ p50 is {spread:.2}", best / 2.0)));
        Ok(())
    }

    /// Create, read and list; `over` says over how many orders.
    pub(super) async fn routes(&mut self, shop: &Shop, over: &str) -> Result<()> {
        say(&format!("{}, single routes:", shop.topology().word()));
        for (mode, what, unit) in [
            ("create", "POST /work-orders", Unit::Step),
            ("get", "GET /work-orders/{id}", Unit::Other),
            ("list", "GET /work-orders?limit=50", Unit::Other),
            ("list-by-status", "GET /work-orders?status=COMPLETED&limit=50", Unit::Other),
        ] {
            let outcome = self.drive(shop, self.load(mode, ROUTE_CLIENTS)).await?;
            let what = format!("{what}{over}");
            self.add(Row::of(shop.topology().word(), what, ROUTE_CLIENTS, &outcome).counting(unit));
        }
        Ok(())
    }

    /// Two and four replicas of every service: full load, and four times as many clients.
    pub(super) async fn replicas(&mut self) -> Result<()> {
        for replicas in [2, 4] {
            let shop = self.open(Topology::Distributed, replicas).await?;
            for clients in [FULL_LOAD, MORE_LOAD] {
                let what = format!("sagas, {replicas} replicas per service");
                self.in_turns(&shop, self.load("saga", clients), what).await?;
            }
        }
        Ok(())
    }

    /// Load on a plain shop and on this one in turns, as the machine's own pace changes; the row is the middle
    /// one of this shop's.
    pub(super) async fn in_turns(&mut self, shop: &Shop, load: Load, what: String) -> Result<()> {
        let (_site, plain) = self.plain(shop.topology()).await?;
        let mut turns = Turns::default();
        for _ in 0..TURNS {
            let rate = self.drive(&plain, load).await?.per_s;
            turns.had(self.drive(shop, load).await?, rate);
        }
        self.add(turns.row(shop.topology(), what, load));
        Ok(())
    }

    /// A shop of one replica each, with a place of its own: empty at first, and with few orders later.
    pub(super) async fn plain(&self, topology: Topology) -> Result<(Site, Shop)> {
        let site = self.site.beside().await?;
        let shop = Shop::start(&site, topology, 1).await.context("starting the plain shop")?;
        Ok((site, shop))
    }
}

/// What two shops have done in turns: this one, and the plain one's rate before.
#[derive(Default)]
pub(super) struct Turns(Vec<(Outcome, f64)>);

impl Turns {
    pub(super) fn had(&mut self, outcome: Outcome, plain: f64) {
        self.0.push((outcome, plain));
    }

    /// The middle one, with the share that each was of the plain rate.
    pub(super) fn row(mut self, topology: Topology, what: String, load: Load) -> Row {
        let share = |(outcome, plain): &(Outcome, f64)| format!("{:.2}", outcome.per_s / plain.max(0.001));
        let shares = self.0.iter().map(share).collect::<Vec<_>>().join(", ");
        self.0.sort_by(|(one, _), (other, _)| one.per_s.total_cmp(&other.per_s));
        let (middle, _) = self.0.swap_remove(self.0.len() / 2);
        let row = Row::of(topology.word(), what, load.clients, &middle).counting(Unit::Saga);
        row.noting(format!("{shares} of the plain rate, in turns"))
    }
}
