//! The bus inside one process: whoever publishes carries the messages to every listener and waits until each
//! has committed. Nothing is kept here; it is durable because a publisher's outbox keeps a message until it
//! is confirmed, and what its consumer fails over is parked, and what it can never consume rests, in the consumer's own
//! store. No broker, no queue.

use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::sync::{Mutex, Notify, watch};
use uuid::Uuid;

use self::parked::{Parked, Try};
pub use self::{
    dead_letter::{DEAD_LETTERS, DeadLetter},
    parked::PARKED,
};
use super::{
    Bus, Consumer, Delivery, Published, Topology,
    judge::{BATCH, Judge, Ruling},
};
use crate::{
    Failure,
    clock::Clock,
    store::{Message, Store},
};

mod again;
mod dead_letter;
mod letters;
mod parked;
mod topic;

/// Where the members of one process meet.
pub struct LocalBus {
    hub: Arc<Hub>,
}

#[derive(Default)]
struct Hub {
    clock: Clock,
    desks: RwLock<Vec<Arc<Desk>>>,
}

/// A member's end of the hub: what it consumes, and who consumes it.
struct Desk {
    topology: Topology,
    store: Arc<dyn Store>,
    listener: watch::Sender<Listener>,
    /// A consumer has one batch at a time, as from a broker, so that order is kept.
    turn: Mutex<()>,
    /// Wakes the task that tries again.
    stirred: Arc<Notify>,
    trying: OnceLock<()>,
}

enum Listener {
    Expected,
    There(Arc<Judge>),
    Gone,
}

struct Member {
    hub: Arc<Hub>,
    desk: Arc<Desk>,
}

impl LocalBus {
    /// A hub without members.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with_clock(Clock::system())
    }

    /// A hub that dates its dead letters by `clock`.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Arc<Self> {
        Arc::new(Self { hub: Arc::new(Hub { clock, desks: RwLock::default() }) })
    }

    /// Adds a service, or takes it in again after it was closed. What is published before a service was added is not for it:
    /// add all of them before any of them begins. What it fails over and what it sets aside goes to
    /// `store`, which must know [`PARKED`] and [`DEAD_LETTERS`].
    pub fn member(&self, topology: Topology, store: Arc<dyn Store>) -> Arc<dyn Bus> {
        let listener = watch::Sender::new(Listener::Expected);
        let (turn, stirred, trying) = (Mutex::default(), Arc::default(), OnceLock::new());
        let desk = Arc::new(Desk { topology, store, listener, turn, stirred, trying });
        let mut desks = self.hub.desks.write().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|other| other.topology.service != desk.topology.service || !other.is_gone());
        desks.push(Arc::clone(&desk));
        drop(desks);
        Arc::new(Member { hub: Arc::clone(&self.hub), desk })
    }
}

#[async_trait]
impl Bus for Member {
    /// Takes as long as the consumers take: a batch that was given up half-way would only come again.
    async fn publish(&self, batch: &[Message]) -> Published {
        let desks = self.hub.desks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mail: Vec<_> =
            desks.iter().map(|desk| Mail::sort(desk, &self.desk.topology.exchange, batch)).collect();
        let failures = join_all(mail.iter().map(|mail| mail.deliver(&self.hub.clock))).await;
        published(batch, &mail, failures)
    }

    /// Must be called inside a Tokio runtime.
    fn subscribe(&self, consumer: Arc<dyn Consumer>) {
        let judge = Judge::new(consumer, self.desk.topology.retries.clone());
        self.desk.listener.send_replace(Listener::There(Arc::new(judge)));
        let clock = self.hub.clock.clone();
        self.desk.trying.get_or_init(|| {
            let (desk, stirred) = (Arc::downgrade(&self.desk), Arc::clone(&self.desk.stirred));
            tokio::spawn(again::keep_trying(desk, stirred, clock));
        });
    }

    fn ready(&self) -> Result<(), Failure> {
        let nothing_to_consume = self.desk.topology.consumes.is_empty() && !self.desk.is_gone();
        if nothing_to_consume { Ok(()) } else { self.desk.judge().map(drop) }
    }

    async fn wait_until_ready(&self) {
        let mut listener = self.desk.listener.subscribe();
        let nothing_to_consume = self.desk.topology.consumes.is_empty();
        let _ =
            listener.wait_for(|listener| nothing_to_consume || matches!(listener, Listener::There(_))).await;
    }

    async fn drain(&self) {
        self.desk.listener.send_replace(Listener::Gone);
        self.desk.stirred.notify_one();
        drop(self.desk.turn.lock().await);
    }

    /// There is nothing to let go of.
    async fn close(&self) {
        self.drain().await;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stirred.notify_one();
    }
}

impl Desk {
    fn judge(&self) -> Result<Arc<Judge>, Failure> {
        match &*self.listener.borrow() {
            Listener::There(judge) => Ok(Arc::clone(judge)),
            Listener::Expected => Err(self.away("does not listen yet")),
            Listener::Gone => Err(self.away("listens no more")),
        }
    }

    fn away(&self, why: &str) -> Failure {
        Failure::passing("delivering", format!("{} {why}", self.topology.service))
    }

    fn is_gone(&self) -> bool {
        matches!(&*self.listener.borrow(), Listener::Gone)
    }

    /// Its queues that take this topic.
    fn queues(&self, exchange: &str, topic: &str) -> impl Iterator<Item = &String> {
        self.topology.consumes.iter().filter(move |queue| {
            let mut bindings = self.topology.definitions.bindings.iter();
            bindings.any(|binding| {
                binding.source == exchange
                    && binding.destination == **queue
                    && topic::takes(&binding.routing_key, topic)
            })
        })
    }
}

/// What one publish brings to one desk.
struct Mail<'a> {
    desk: &'a Desk,
    /// Whether somebody consumed there when the publish began, or is about to.
    heard: bool,
    deliveries: Vec<Delivery>,
    /// What each delivery is a copy of.
    messages: Vec<&'a Message>,
}

/// Where a desk's mail ended.
struct Failed {
    /// Deliveries before this one are done.
    done: usize,
    failure: Failure,
}

impl<'a> Mail<'a> {
    fn sort(desk: &'a Desk, exchange: &str, batch: &'a [Message]) -> Self {
        let (mut deliveries, mut messages) = (Vec::new(), Vec::new());
        for message in batch {
            for queue in desk.queues(exchange, &message.topic) {
                deliveries.push(delivery(queue, message, 0));
                messages.push(message);
            }
        }
        Self { desk, heard: !desk.is_gone(), deliveries, messages }
    }

    async fn deliver(&self, clock: &Clock) -> Option<Failed> {
        let parts = self.deliveries.chunks(BATCH).zip(self.messages.chunks(BATCH));
        for (part, (deliveries, messages)) in parts.enumerate() {
            if let Err(failure) = self.hand_over(deliveries, messages, clock).await {
                return Some(Failed { done: part * BATCH, failure });
            }
        }
        None
    }

    async fn hand_over(
        &self,
        deliveries: &[Delivery],
        messages: &[&Message],
        clock: &Clock,
    ) -> Result<(), Failure> {
        let _turn = self.desk.turn.lock().await;
        let rulings = self.desk.judge()?.judge(deliveries).await?;
        let (mut letters, mut failing) = (Vec::new(), Vec::new());
        for ((delivery, message), ruling) in deliveries.iter().zip(messages).zip(rulings) {
            let queue = &delivery.queue;
            match ruling {
                Ruling::Done => {}
                Ruling::Rest { reason, attempts } => {
                    letters.push(DeadLetter::new(queue, message, &reason, attempts, clock.now()));
                }
                Ruling::Again { cause, attempts, pause } => {
                    failing.push(Parked::new(queue, message, Try { cause, attempts, pause }, clock.now()));
                }
            }
        }
        dead_letter::rest(&*self.desk.store, letters).await?;
        if !failing.is_empty() {
            parked::park(&*self.desk.store, failing).await?;
            self.desk.stirred.notify_one();
        }
        Ok(())
    }

    fn ids(&self) -> impl Iterator<Item = Uuid> {
        self.messages.iter().map(|message| message.id)
    }
}

fn delivery(queue: &str, message: &Message, attempts: u32) -> Delivery {
    Delivery {
        queue: queue.to_owned(),
        topic: message.topic.clone(),
        message_id: Some(message.id.to_string()),
        trace: Some(message.context()),
        body: message.body.clone().into_bytes(),
        attempts,
    }
}

/// Confirmed is what every listener has committed, and what nobody had to hear.
fn published(batch: &[Message], mail: &[Mail<'_>], failures: Vec<Option<Failed>>) -> Published {
    let heard: HashSet<Uuid> = mail.iter().filter(|mail| mail.heard).flat_map(Mail::ids).collect();
    let (mut undone, mut failure) = (HashSet::new(), None);
    for (mail, failed) in mail.iter().zip(failures) {
        if let Some(failed) = failed {
            undone.extend(mail.ids().skip(failed.done));
            failure.get_or_insert(failed.failure);
        }
    }
    let (unroutable, routed): (Vec<&Message>, Vec<&Message>) =
        batch.iter().partition(|message| message.mandatory && !heard.contains(&message.id));
    let (open, confirmed): (Vec<Uuid>, Vec<Uuid>) =
        routed.iter().map(|message| message.id).partition(|id| undone.contains(id));
    Published {
        confirmed,
        unroutable: unroutable.iter().map(|message| message.id).collect(),
        failure: failure.filter(|_| !open.is_empty()),
    }
}
