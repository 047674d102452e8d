//! Hears events for a service: reads them, loads every aggregate that a batch concerns at once, reacts in
//! order, and commits the batch in one go. What can never succeed is set aside with its reason; everything
//! else is safe to hear again.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use garage_events::{Envelope, Transition, WorkOrderId};
use garage_kit::{
    Aggregate, Basis, Decision, Failure,
    bus::{Consumer, Delivery, Verdict},
    crash,
    store::Outcome,
    trace,
};
use uuid::Uuid;

use crate::{
    measures::Measures,
    shell::{Occasion, Shell},
    told::{Hearing, Told},
};

/// Rounds before a contended batch is left to come again.
const ROUNDS: usize = 8;

/// An event at our door.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The event as it was told.
    pub envelope: Envelope,
    /// Our time.
    pub at: DateTime<Utc>,
    /// An id for whatever may begin with it.
    pub fresh: Uuid,
}

/// One that was heard, with where its trace goes on.
struct Placed {
    heard: Heard,
    hearing: Hearing,
}

/// Why an event can never have an effect here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(pub String);

/// A service's reactions.
#[async_trait]
pub trait Listener: Send + Sync + 'static {
    /// What reacts: one per work order.
    type Aggregate: Aggregate;
    /// What reactions need to know beyond the aggregate.
    type Knowledge: Send + Sync;

    /// Looks that up, for a whole batch.
    ///
    /// # Errors
    /// When the store fails; the batch will come again.
    async fn look_up(&self, heard: &[&Heard]) -> Result<Self::Knowledge, Failure>;

    /// The reaction; total but for what is impossible.
    ///
    /// # Errors
    /// When the event can never have an effect; it will be set aside.
    fn react(
        &self,
        knowledge: &Self::Knowledge,
        current: Option<Self::Aggregate>,
        heard: &Heard,
    ) -> Result<Transition<Self::Aggregate>, Impossible>;

    /// Told of every aggregate that a reaction has changed, after the commit.
    fn committed(&self, aggregate: &Self::Aggregate);
}

/// The consumer that performs a listener's reactions.
pub struct Ear<L> {
    shell: Shell,
    listener: Arc<L>,
    measures: Measures,
}

/// What one batch says of one work order.
#[derive(Default)]
struct Group {
    /// The positions of its deliveries.
    positions: Vec<usize>,
    /// Only a newer version than this may be remembered; everything else is read.
    passed: Option<u64>,
}

impl Group {
    /// The same once more: what it rested on has passed, or is only believed to be so.
    fn again(self, passed: u64) -> Self {
        Self { passed: Some(passed), ..self }
    }
}

type Groups = HashMap<WorkOrderId, Group>;

/// What is to be written of one order, and what it rests on.
type Decided<A> = (WorkOrderId, Group, Basis<A>, Decision<A>, Vec<Told>);

/// What a batch says of one order, decided.
enum Folded<A> {
    /// To be written.
    Change { basis: Basis<A>, decision: Decision<A>, told: Vec<Told> },
    /// Nothing has come of it, as the store knows the order.
    Nothing,
    /// Nothing has come of it, as the order is remembered: the store must say so.
    Unsure,
}

impl<L: Listener> Ear<L> {
    /// Performs the reactions of `listener` with `shell`.
    pub(crate) const fn new(shell: Shell, listener: Arc<L>, measures: Measures) -> Self {
        Self { shell, listener, measures }
    }

    fn hear(&self, delivery: &Delivery) -> Result<Placed, Verdict> {
        let envelope = Envelope::from_json(&delivery.body)
            .map_err(|unreadable| Verdict::SetAside(unreadable.to_string()))?;
        let hearing = Hearing::of(&envelope.event, envelope.event_id, delivery.trace);
        let heard = Heard { envelope, at: self.shell.clock.now(), fresh: self.shell.clock.id() };
        hearing.log(&delivery.queue, &heard, self.shell.service);
        Ok(Placed { heard, hearing })
    }

    /// Reacts to everything said of one order, event by event.
    fn fold(
        &self,
        knowledge: &L::Knowledge,
        basis: Basis<L::Aggregate>,
        heard: &[(usize, &Placed)],
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Folded<L::Aggregate>, Failure> {
        let mut current = basis.current.as_ref().map(|read| read.state.clone());
        let (mut messages, mut told, mut impossible) = (Vec::new(), Vec::new(), Vec::new());
        for &(position, Placed { heard: event, hearing }) in heard {
            verdicts[position] = None;
            match self.listener.react(knowledge, current.clone(), event) {
                Ok(transition) => {
                    let cause = Some(event.envelope.event_id);
                    let occasion = Occasion { cause, at: event.at, place: Some(hearing.here) };
                    let order = event.envelope.event.work_order_id().0;
                    messages.extend(self.shell.messages::<L::Aggregate>(
                        order,
                        transition.events,
                        occasion,
                        &mut told,
                    )?);
                    current = Some(transition.state);
                }
                Err(Impossible(reason)) => impossible.push((position, reason)),
            }
        }
        let before = basis.current.as_ref().map(|read| &read.state);
        let unchanged = messages.is_empty() && before == current.as_ref();
        if basis.guessed && (unchanged || !impossible.is_empty()) {
            return Ok(Folded::Unsure);
        }
        for (position, reason) in impossible {
            verdicts[position] = Some(Verdict::SetAside(reason));
        }
        Ok(match current {
            Some(next) if !unchanged => {
                Folded::Change { basis, decision: Decision { next: Some(next), messages }, told }
            }
            Some(_) | None => Folded::Nothing,
        })
    }

    /// One round: load, react, commit. Leaves the groups that another writer overtook, or that need the store's word.
    async fn round(
        &self,
        mut groups: Groups,
        heard: &BTreeMap<usize, Placed>,
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Groups, Failure> {
        let about = |group: &Group| -> Vec<(usize, &Placed)> {
            group.positions.iter().filter_map(|at| heard.get(at).map(|event| (*at, event))).collect()
        };
        let all: Vec<&Heard> = groups.values().flat_map(&about).map(|(_, placed)| &placed.heard).collect();
        let knowledge = self.listener.look_up(&all).await?;
        let ids: Vec<Uuid> = groups.keys().map(|order| order.0).collect();
        let passed = |id| groups.get(&WorkOrderId(id)).and_then(|group| group.passed);
        let bases = self.shell.repository.bases::<L::Aggregate>(&ids, passed).await?;
        let (mut left, mut decided) = (Groups::new(), Vec::new());
        for (id, basis) in bases {
            let order = WorkOrderId(id);
            let Some(group) = groups.remove(&order) else { continue };
            match self.fold(&knowledge, basis, &about(&group), verdicts)? {
                Folded::Change { basis, decision, told } => {
                    decided.push((order, group, basis, decision, told));
                }
                Folded::Nothing => {}
                Folded::Unsure => drop(left.insert(order, group.again(u64::MAX))),
            }
        }
        left.extend(self.commit(decided, verdicts).await?);
        Ok(left)
    }

    /// Spans, if anybody wants them.
    fn record(&self, batch: &[Delivery], heard: &BTreeMap<usize, Placed>, verdicts: &[Option<Verdict>]) {
        if !trace::is_on() {
            return;
        }
        let now = self.shell.clock.now();
        for (position, Placed { heard, hearing }) in heard {
            let failed = match &verdicts[*position] {
                Some(Verdict::SetAside(reason)) => Some(reason.clone()),
                Some(Verdict::Done) | None => None,
            };
            hearing.record(&batch[*position].queue, heard, failed, self.shell.service, now);
        }
    }

    /// Writes what was decided; the groups that another writer overtook.
    async fn commit(
        &self,
        decided: Vec<Decided<L::Aggregate>>,
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Groups, Failure> {
        crash::point("consumer-decided");
        let (mut groups, mut changes) =
            (Vec::with_capacity(decided.len()), Vec::with_capacity(decided.len()));
        for (order, group, basis, decision, told) in decided {
            groups.push((order, group, basis.version(), decision.next.clone(), told));
            changes.push((order.0, basis, decision));
        }
        let outcomes = self.shell.repository.commit(changes).await?;
        let mut overtaken = Groups::new();
        for ((order, group, version, next, told), outcome) in groups.into_iter().zip(outcomes) {
            let aside = match outcome {
                Outcome::Committed => {
                    next.iter().for_each(|next| self.listener.committed(next));
                    told.into_iter().for_each(|told| told.tell(self.shell.service));
                    continue;
                }
                Outcome::Conflict => {
                    overtaken.insert(order, group.again(version));
                    continue;
                }
                Outcome::Taken { field } => format!("another record has this {field}"),
                Outcome::Dangling => "it refers to something that is not there".to_owned(),
            };
            for position in group.positions {
                verdicts[position].get_or_insert(Verdict::SetAside(aside.clone()));
            }
        }
        Ok(overtaken)
    }
}

#[async_trait]
impl<L: Listener> Consumer for Ear<L> {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let begun = Instant::now();
        let mut verdicts: Vec<Option<Verdict>> = vec![None; batch.len()];
        let mut heard = BTreeMap::new();
        let mut groups = Groups::new();
        for (position, delivery) in batch.iter().enumerate() {
            match self.hear(delivery) {
                Ok(event) => {
                    let group = groups.entry(event.heard.envelope.event.work_order_id()).or_default();
                    group.positions.push(position);
                    heard.insert(position, event);
                }
                Err(verdict) => verdicts[position] = Some(verdict),
            }
        }
        for _ in 0..ROUNDS {
            if groups.is_empty() {
                self.record(batch, &heard, &verdicts);
                let verdicts: Vec<_> =
                    verdicts.into_iter().map(|verdict| verdict.unwrap_or(Verdict::Done)).collect();
                let queues = batch.iter().map(|delivery| delivery.queue.as_str());
                self.measures.took(queues.zip(&verdicts), begun.elapsed());
                return Ok(verdicts);
            }
            groups = self.round(groups, &heard, &mut verdicts).await?;
        }
        Err(Failure::passing("reacting to events", "other writers were faster, again and again"))
    }
}
