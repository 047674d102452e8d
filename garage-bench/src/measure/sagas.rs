//! Whole sagas and single routes, on a shop that is otherwise quiet.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::bench::{Bench, Load};
use crate::{
    counters::Counters,
    outcome::{Outcome, count},
    processes::usage,
    report::{Row, Unit, say},
    shop::{Shop, Topology},
};

/// Clients of the single routes.
pub(super) const ROUTE_CLIENTS: usize = 16;
/// Clients that are full load.
pub(super) const FULL_LOAD: usize = 64;
/// Clients of an open loop: enough that one is always free.
const OPEN_LOOP: usize = 256;
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

    /// Full load on two and four replicas of every service.
    pub(super) async fn replicas(&mut self) -> Result<()> {
        for replicas in [2, 4] {
            let shop = self.open(Topology::Distributed, replicas).await?;
            let outcome = self.full_load(&shop).await?;
            self.add_full_load(&shop, format!("sagas, {replicas} replicas per service"), &outcome);
        }
        Ok(())
    }

    /// Whole sagas of as many clients as are full load.
    pub(super) async fn full_load(&self, shop: &Shop) -> Result<Outcome> {
        self.drive(shop, self.load("saga", FULL_LOAD)).await
    }

    /// A row of full load, with its ratio to the same load on the plain, empty shop if that was measured.
    pub(super) fn add_full_load(&mut self, shop: &Shop, what: String, outcome: &Outcome) {
        let topology = shop.topology().word();
        let is_plain =
            |row: &&Row| row.topology == topology && row.what == "sagas" && row.clients == FULL_LOAD;
        let plain = self.report.rows.iter().find(is_plain).map(|row| row.per_s);
        let mut row = Row::of(topology, what, FULL_LOAD, outcome).counting(Unit::Saga);
        if let Some(plain) = plain.filter(|plain| *plain > 0.0) {
            row = row.noting(format!("{:.2} of the plain rate", outcome.per_s / plain));
        }
        self.add(row);
    }
}
