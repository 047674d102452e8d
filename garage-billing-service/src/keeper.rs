//! The stock keeper: carries to each part what the bills want of it, and notes in the bills what came of that. A bill and a
//! part are two records that no write holds together, so each step may be the last before a crash, and may be taken by two
//! replicas at once. What makes that safe is the order of things. The part is read before the bill, so whoever writes the
//! part has seen every wish that was carried to it before; the write names the version that was read, so of two that rest
//! on the same one loses and looks again; and every wish is carried by a write, also one that finds nothing to do, so that
//! whoever has seen an older wish loses. What an order has taken stays written in the part until its bill has noted it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use garage_events::{PartId, Refusal, Transition, WorkOrderId};
use garage_kit::{Basis, Decision, Failure, Loaded, Repository, crash, http::Problem, store::Outcome};
use garage_saga::Shell;
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

pub use self::plan::{Carried, Pair, Planned, plan};
use crate::{
    bill::Bill,
    part::{Claim, Part},
};

mod plan;

/// How often somebody looks for what was left over.
const LOOK: Duration = Duration::from_secs(1);
/// Rounds before a contended part is left to the next look.
const ROUNDS: usize = 8;

type Parts = HashMap<PartId, Arc<Loaded<Part>>>;
type Bills = HashMap<WorkOrderId, Bill>;

/// Carries the bills' wishes to the parts. Copies are the same keeper.
#[derive(Clone)]
pub struct Keeper(Arc<Room>);

struct Room {
    shell: Shell,
    /// Orders whose wish is to be carried now.
    waiting: Mutex<BTreeSet<WorkOrderId>>,
    wake: Notify,
}

impl Keeper {
    /// Reads and writes with `shell`.
    #[must_use]
    pub fn new(shell: Shell) -> Self {
        Self(Arc::new(Room { shell, waiting: Mutex::default(), wake: Notify::new() }))
    }

    /// Is shown a bill that has just been stored; what it wants is carried to the parts soon. Forgetting to show one only
    /// means that it is found later.
    pub fn show(&self, bill: &Bill) {
        if !bill.stock_due().is_empty() {
            self.0.waiting().insert(bill.work_order_id);
            self.0.wake.notify_one();
        }
    }

    /// Works until `stopping`: sees at once to the bills that it is shown, and looks for what was left over.
    pub async fn run(self, stopping: CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(worked) = stopping.run_until_cancelled(self.step(&mut look)).await {
            if let Err(problem) = worked {
                tracing::warn!(%problem, "the stock keeper will try again");
            }
        }
    }

    async fn step(&self, look: &mut tokio::time::Interval) -> Result<(), Problem> {
        tokio::select! {
            () = self.0.wake.notified() => {
                let orders = mem::take(&mut *self.0.waiting());
                self.see_to(orders).await
            }
            _ = look.tick() => self.keep_all().await,
        }
    }

    /// Carries every wish that any bill has, and forgets what every bill has noted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_all(&self) -> Result<(), Problem> {
        let bills = self.repository().all_with::<Bill>("stock", "true").await?;
        self.see_to(bills.iter().map(|bill| bill.state.work_order_id).collect()).await?;
        let parts = self.repository().all_with::<Part>("taken", "true").await?;
        let taken = parts.iter().flat_map(|part| part.state.takers().map(|order| (order, part.state.id)));
        self.carry(taken.collect()).await.map(drop)
    }

    /// Carries the wishes of these orders.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn see_to(&self, orders: BTreeSet<WorkOrderId>) -> Result<(), Problem> {
        let ids: Vec<_> = orders.iter().map(|order| order.0).collect();
        let bills = self.repository().load_many::<Bill>(&ids).await?;
        let due = |bill: &Loaded<Bill>| {
            let (order, parts) = (bill.state.work_order_id, bill.state.stock_due());
            parts.into_iter().map(move |part| (order, part))
        };
        let carried = self.carry(bills.iter().flat_map(due).collect()).await?;
        let noted = carried.into_iter().filter(|(_, standing)| *standing == Claim::Taken);
        self.carry(noted.map(|(pair, _)| pair).collect()).await.map(drop)
    }

    /// Brings every part that an order's quote names in line with it, whether or not anything is known to be due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mend(&self, order: WorkOrderId) -> Result<(), Problem> {
        let bill = self.repository().load::<Bill>(order.0).await?;
        let parts = bill.into_iter().flat_map(|bill| bill.state.parts().into_keys());
        self.carry(parts.map(|part| (order, part)).collect()).await?;
        self.see_to(BTreeSet::from([order])).await
    }

    /// Brings parts in line with orders and notes it in their bills; where each then stands. What is contended for too
    /// long is left to the next look.
    async fn carry(&self, mut pairs: BTreeSet<Pair>) -> Result<Vec<Carried>, Problem> {
        let mut carried = Vec::new();
        for _ in 0..ROUNDS {
            if pairs.is_empty() {
                break;
            }
            let written = self.write_parts(&pairs).await?;
            for (pair, _) in &written {
                pairs.remove(pair);
            }
            crash::point("keeper-carried");
            self.note(&written).await?;
            carried.extend(written);
        }
        Ok(carried)
    }

    /// One round over the parts; those that another writer overtook are not among the answers.
    async fn write_parts(&self, pairs: &BTreeSet<Pair>) -> Result<Vec<Carried>, Failure> {
        let (parts, bills) = self.read(pairs).await?;
        let at = self.0.shell.clock.now();
        let states = |id: PartId| parts.get(&id).map(|part| &part.state);
        let (mut written, mut carried, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for Planned { part, next, stands } in plan(pairs, states, |order| bills.get(&order), at) {
            let Some(next) = next else {
                written.extend(stands);
                continue;
            };
            let basis = Basis { current: parts.get(&part).map(Arc::clone), guessed: false };
            changes.push((part.0, basis, Decision { next: Some(next), messages: Vec::new() }));
            carried.push(stands);
        }
        crash::point("keeper-decided");
        let outcomes = self.repository().commit(changes).await?;
        let stored = carried.into_iter().zip(outcomes).filter(|(_, outcome)| *outcome == Outcome::Committed);
        written.extend(stored.flat_map(|(stands, _)| stands));
        Ok(written)
    }

    /// First the parts, then the bills: see the head of this file.
    async fn read(&self, pairs: &BTreeSet<Pair>) -> Result<(Parts, Bills), Failure> {
        let ids: BTreeSet<_> = pairs.iter().map(|(_, part)| part.0).collect();
        let parts = self.repository().load_many::<Part>(&Vec::from_iter(ids)).await?;
        let ids: BTreeSet<_> = pairs.iter().map(|(order, _)| order.0).collect();
        let bills = self.repository().load_many::<Bill>(&Vec::from_iter(ids)).await?;
        let parts = parts.into_iter().map(|part| (part.state.id, Arc::new(part))).collect();
        let bills = bills.into_iter().map(|bill| (bill.state.work_order_id, bill.state)).collect();
        Ok((parts, bills))
    }

    /// Notes in each bill where its order stands.
    async fn note(&self, written: &[Carried]) -> Result<(), Problem> {
        let mut by_order: BTreeMap<WorkOrderId, Vec<(PartId, Claim)>> = BTreeMap::new();
        for ((order, part), standing) in written {
            by_order.entry(*order).or_default().push((*part, *standing));
        }
        let noted = by_order.iter().map(|(order, standings)| {
            self.0.shell.decide::<Bill>(order.0, None, |bill, _| {
                let bill = bill.ok_or(Refusal::Unknown("work order"))?;
                let note = |bill: Bill, (part, standing): &(PartId, Claim)| bill.stocked(*part, *standing);
                Ok(Transition::quiet(standings.iter().fold(bill, note)))
            })
        });
        join_all(noted).await.into_iter().try_for_each(|noted| noted.map(drop))
    }

    fn repository(&self) -> &Repository {
        &self.0.shell.repository
    }
}

impl Room {
    fn waiting(&self) -> MutexGuard<'_, BTreeSet<WorkOrderId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
