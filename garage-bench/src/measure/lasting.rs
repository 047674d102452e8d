//! What only shows after long: memory over minutes of full load, and a store that has a million finished orders.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    bench::{Bench, Load},
    sagas::FULL_LOAD,
};
use crate::{
    loader,
    processes::{Named, usage},
    report::{Row, Unit, say},
    shop::{Shop, Topology},
};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(5);

impl Bench<'_> {
    /// Full load for minutes; memory as it was after each fifth of the time.
    pub(super) async fn memory(&mut self, shop: &Shop) -> Result<()> {
        let minutes = self.options.minutes;
        say(&format!("{}, memory over {minutes} minutes:", shop.topology().word()));
        let seconds = Duration::from_secs(minutes * 60);
        let load = Load { seconds, ..self.load("saga", FULL_LOAD) };
        let processes = shop.processes();
        let watching = async {
            tokio::time::sleep(load.warmup).await;
            fifths(&processes, seconds).await
        };
        let (outcome, memory) = tokio::join!(self.drive(shop, load), watching);
        let outcome = outcome?;
        let what = format!("sagas, {minutes} minutes of full load");
        let mut row = Row::of(shop.topology().word(), what, FULL_LOAD, &outcome).counting(Unit::Saga);
        for (name, mib) in memory {
            let steps: Vec<String> = mib.iter().map(|mib| format!("{mib:.1}")).collect();
            row = row.noting(format!("{name} MiB {}", steps.join(" → ")));
        }
        self.add(row);
        Ok(())
    }

    /// Loads finished orders, then measures full load and the routes again. SQLite has one writer, so the embedded
    /// shop is closed meanwhile.
    pub(super) async fn million(&mut self, shop: Shop) -> Result<Shop> {
        let (topology, orders) = (shop.topology(), self.options.orders);
        let over = format!(", over {orders} orders");
        self.make(&shop, "saga", 1).await?;
        self.settled(&shop).await?;
        say(&format!("{}, loading {orders} finished orders …", topology.word()));
        let begun = Instant::now();
        let shop = match topology {
            Topology::Embedded => {
                drop(shop);
                loader::sqlite(&self.data(), orders).await?;
                self.open(topology, 1).await?
            }
            Topology::Distributed => {
                loader::servers(&self.options.servers, orders).await?;
                shop
            }
        };
        say(&format!("  loaded in {:.0} s", begun.elapsed().as_secs_f64()));
        self.in_turns(&shop, self.load("saga", FULL_LOAD), format!("sagas{over}")).await?;
        self.routes(&shop, &over).await?;
        Ok(shop)
    }
}

/// Resident MiB of each process at the beginning and after each fifth of the time, the highest since the last.
async fn fifths(processes: &[Named], time: Duration) -> BTreeMap<String, Vec<f64>> {
    let begun = Instant::now();
    let mut memory: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut look = interval(LOOK.min(time / 5).max(Duration::from_millis(100)));
    look.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        look.tick().await;
        let passed = begun.elapsed().as_secs_f64() / time.as_secs_f64().max(0.001);
        if passed >= 1.0 {
            return memory;
        }
        for ((name, _), usage) in processes.iter().zip(usage(processes)) {
            let steps = memory.entry(name.clone()).or_insert_with(|| vec![usage.resident]);
            for fifth in 1..=5_u8 {
                let (from, until) = (f64::from(fifth - 1) / 5.0, f64::from(fifth) / 5.0);
                if (from..until).contains(&passed) {
                    if steps.len() <= usize::from(fifth) {
                        steps.push(0.0);
                    }
                    if let Some(last) = steps.last_mut() {
                        *last = last.max(usage.resident);
                    }
                }
            }
        }
    }
}
