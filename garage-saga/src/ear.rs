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
    Aggregate, Decision, Failure,
    bus::{Consumer, Delivery, Verdict},
    change, crash,
    store::{Change, Outcome},
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

/// What one batch says of one work order, by the positions of its deliveries.
type Group = Vec<usize>;

/// A reaction that is ready to be written.
struct Ready<A> {
    order: WorkOrderId,
    group: Group,
    next: A,
    change: Option<Change>,
    told: Vec<Told>,
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
        loaded: Option<&garage_kit::Loaded<L::Aggregate>>,
        order: WorkOrderId,
        group: &[usize],
        heard: &BTreeMap<usize, Placed>,
        verdicts: &mut [Option<Verdict>],
    ) -> Result<Option<Ready<L::Aggregate>>, Failure> {
        let mut current = loaded.map(|read| read.state.clone());
        let (mut messages, mut told) = (Vec::new(), Vec::new());
        let mut touched = Vec::new();
        for &position in group {
            let Some(Placed { heard: event, hearing }) = heard.get(&position) else { continue };
            match self.listener.react(knowledge, current.clone(), event) {
                Ok(transition) => {
                    let cause = Some(event.envelope.event_id);
                    let occasion = Occasion { cause, at: event.at, place: Some(hearing.here) };
                    messages.extend(self.shell.messages::<L::Aggregate>(
                        order.0,
                        transition.events,
                        occasion,
                        &mut told,
                    )?);
                    current = Some(transition.state);
                    touched.push(position);
                }
                Err(Impossible(reason)) => verdicts[position] = Some(Verdict::SetAside(reason)),
            }
        }
        let Some(next) = current else { return Ok(None) };
        let unchanged = messages.is_empty() && loaded.is_some_and(|read| read.state == next);
        let version = loaded.map_or(0, |read| read.version);
        let decision = Decision { next: Some(next.clone()), messages };
        let change = if unchanged { None } else { Some(change(order.0, version, decision)?) };
        Ok(Some(Ready { order, group: touched, next, change, told }))
    }

    /// One round: load, react, commit. Leaves the groups that another writer overtook.
    async fn round(
        &self,
        groups: HashMap<WorkOrderId, Group>,
        heard: &BTreeMap<usize, Placed>,
        verdicts: &mut [Option<Verdict>],
    ) -> Result<HashMap<WorkOrderId, Group>, Failure> {
        let about: Vec<&Heard> =
            groups.values().flatten().filter_map(|position| Some(&heard.get(position)?.heard)).collect();
        let knowledge = self.listener.look_up(&about).await?;
        let ids: Vec<Uuid> = groups.keys().map(|order| order.0).collect();
        let loaded = self.shell.repository.load_many::<L::Aggregate>(&ids).await?;
        let loaded: HashMap<Uuid, _> = loaded.into_iter().map(|read| (read.state.id(), read)).collect();
        let mut ready = Vec::new();
        for (order, group) in groups {
            let read = loaded.get(&order.0);
            ready.extend(self.fold(&knowledge, read, order, &group, heard, verdicts)?);
        }
        self.commit(ready, verdicts).await
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

    async fn commit(
        &self,
        ready: Vec<Ready<L::Aggregate>>,
        verdicts: &mut [Option<Verdict>],
    ) -> Result<HashMap<WorkOrderId, Group>, Failure> {
        let (changed, unchanged): (Vec<_>, Vec<_>) = ready.into_iter().partition(|one| one.change.is_some());
        for one in unchanged {
            settle(verdicts, &one.group, &Verdict::Done);
        }
        let changes = changed.iter().filter_map(|one| one.change.clone()).collect();
        crash::point("consumer-decided");
        let outcomes = self.shell.repository.outbox().commit(changes).await?;
        let mut overtaken = HashMap::new();
        for (one, outcome) in changed.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Committed => {
                    self.listener.committed(&one.next);
                    one.told.into_iter().for_each(|told| told.tell(self.shell.service));
                    settle(verdicts, &one.group, &Verdict::Done);
                }
                Outcome::Conflict => {
                    overtaken.insert(one.order, one.group);
                }
                Outcome::Taken { field } => {
                    settle(
                        verdicts,
                        &one.group,
                        &Verdict::SetAside(format!("another record has this {field}")),
                    );
                }
                Outcome::Dangling => {
                    settle(
                        verdicts,
                        &one.group,
                        &Verdict::SetAside("it refers to something that is not there".to_owned()),
                    );
                }
            }
        }
        Ok(overtaken)
    }
}

fn settle(verdicts: &mut [Option<Verdict>], group: &[usize], verdict: &Verdict) {
    for &position in group {
        verdicts[position] = Some(verdict.clone());
    }
}

#[async_trait]
impl<L: Listener> Consumer for Ear<L> {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        let begun = Instant::now();
        let mut verdicts: Vec<Option<Verdict>> = vec![None; batch.len()];
        let mut heard = BTreeMap::new();
        let mut groups: HashMap<WorkOrderId, Group> = HashMap::new();
        for (position, delivery) in batch.iter().enumerate() {
            match self.hear(delivery) {
                Ok(event) => {
                    groups.entry(event.heard.envelope.event.work_order_id()).or_default().push(position);
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
