//! How messages travel between services. A publish counts once it is confirmed; a delivery is taken off its
//! queue once the consumer has committed. The topology arrives as data in the broker's own definitions
//! format. [`rabbitmq`] is a broker; [`local`] is the same promise inside one process.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{Failure, store::Message, trace::TraceContext};

pub mod backoff;
pub(crate) mod journal;
mod judge;
pub mod letters;
pub mod local;
pub mod rabbitmq;
mod retries;

pub use self::retries::Retries;

/// Exchanges, queues and bindings, as in a RabbitMQ definitions file.
#[derive(Clone, Debug, Deserialize)]
pub struct Definitions {
    /// Exchanges.
    pub exchanges: Vec<Exchange>,
    /// Queues, the dead-letter queues among them.
    pub queues: Vec<Queue>,
    /// What goes where.
    pub bindings: Vec<Binding>,
}

/// An exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// `topic` or `direct`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Survives a restart of the broker.
    pub durable: bool,
    /// Goes with its last queue.
    pub auto_delete: bool,
}

/// A queue.
#[derive(Clone, Debug, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Survives a restart of the broker.
    pub durable: bool,
    /// Texts and whole numbers.
    pub arguments: BTreeMap<String, Value>,
}

/// A queue's subscription to an exchange.
#[derive(Clone, Debug, Deserialize)]
pub struct Binding {
    /// The exchange.
    pub source: String,
    /// The queue.
    pub destination: String,
    /// The topic.
    pub routing_key: String,
}

/// A service's place on the bus: what it declares, where it publishes, what it consumes.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The connection's name, as operators see it.
    pub service: String,
    /// Where it publishes.
    pub exchange: String,
    /// Where it sets messages aside: published with the queue's name as routing key.
    pub dead_letter_exchange: String,
    /// The queues that it consumes.
    pub consumes: Vec<String>,
    /// What it declares at start.
    pub definitions: Definitions,
    /// How it tries again where its consumer fails.
    pub retries: Retries,
}

/// A message at a consumer's door.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The queue it came from.
    pub queue: String,
    /// The topic it was published with.
    pub topic: String,
    /// The publisher's id for it, if it gave one.
    pub message_id: Option<String>,
    /// Where it was told, if its publisher said so.
    pub trace: Option<TraceContext>,
    /// What was sent.
    pub body: Vec<u8>,
    /// How often it has been tried in vain, by whichever replica.
    pub attempts: u32,
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its effect is committed, or it has none.
    Done,
    /// It can never succeed: set it aside, with the reason.
    SetAside(String),
}

/// Somebody who takes deliveries.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Takes a batch, from any of its queues, in the order of arrival; one verdict per delivery, in their
    /// order. Must be safe to repeat.
    ///
    /// # Errors
    /// A passing one when our own database is away: nothing was decided, the batch will come again and no attempt
    /// counts. A lasting one, like a panic, is laid at the door of the deliveries that cause it even alone: those are
    /// tried again later, ever later, and set aside in the end.
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure>;
}

/// How a publish went.
#[derive(Debug, Default)]
pub struct Published {
    /// Ids that are safe: kept by the broker, or committed by every listener.
    pub confirmed: Vec<Uuid>,
    /// Mandatory ids that nobody listens for: they stay unsent and are tried again.
    pub unroutable: Vec<Uuid>,
    /// Why the others are neither.
    pub failure: Option<Failure>,
}

/// The way out and the way in; what was set aside on the way in rests in its letter box.
#[async_trait]
pub trait Bus: letters::LetterBox {
    /// Publishes a batch with one wait for all confirms, at most about five seconds.
    async fn publish(&self, batch: &[Message]) -> Published;

    /// Starts to deliver, for as long as the bus lives.
    fn subscribe(&self, consumer: Arc<dyn Consumer>);

    /// Whether messages can flow now.
    ///
    /// # Errors
    /// With what is missing.
    fn ready(&self) -> Result<(), Failure>;

    /// Waits until messages can flow, for ever if need be.
    async fn wait_until_ready(&self);

    /// Takes no more deliveries and finishes those at hand. What they tell can still be published.
    async fn drain(&self);

    /// Drains, and lets go of the broker.
    async fn close(&self);
}
