//! Publishing a batch with one wait for all its confirms. The broker confirms an unroutable message like any
//! other and sends it back as well; lapin hands what came back to whichever confirm resolves next, so only
//! the batch as a whole tells the truth: safe is what was acknowledged and not returned. No batch may start
//! while a confirm of the one before is still open.

use std::{collections::HashSet, sync::Arc, task::Poll, time::Duration};

use futures::{StreamExt as _, poll, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Channel, Confirmation,
    message::BasicReturnMessage,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use tokio::{
    sync::{OwnedMutexGuard, oneshot},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use super::link::Link;
use crate::{Failure, bus::Published, crash, store::Message, trace::TRACEPARENT};

/// For a batch, from the wait for its turn to its last confirm.
const DEADLINE: Duration = Duration::from_secs(5);
/// AMQP's word for a message that survives the broker's restart.
const PERSISTENT: u8 = 2;

/// A message on its way to the broker.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) mandatory: bool,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

/// What the broker said of a batch.
#[derive(Default)]
pub(super) struct Receipt {
    /// Positions in the batch that it acknowledged.
    acknowledged: HashSet<usize>,
    /// What it sent back; which position each came back for is not known.
    returned: Vec<BasicReturnMessage>,
    /// Why other positions are not acknowledged.
    failure: Option<Failure>,
    /// The broker itself did not take one of them.
    refused: bool,
}

/// Why messages of which each must arrive are not all safe.
#[derive(Debug)]
pub(super) enum Unpublished {
    /// The broker did not take some, as when their queue is full: the link is healthy, and another would fare no better.
    Refused {
        /// Positions of those that it did take.
        taken: HashSet<usize>,
        /// What it said of the others.
        failure: Failure,
    },
    /// Anything else.
    Failed(Failure),
}

impl From<Unpublished> for Failure {
    fn from(unpublished: Unpublished) -> Self {
        match unpublished {
            Unpublished::Refused { failure, .. } | Unpublished::Failed(failure) => failure,
        }
    }
}

/// Publishes events.
pub(super) async fn publish(link: &Arc<Link>, exchange: &str, batch: &[Message]) -> Published {
    let outgoing = batch.iter().map(|message| event(exchange, message)).collect();
    let receipt = send(link, outgoing, Patience::Deadline).await;
    if crash::planted("no-confirm") {
        let all = batch.iter().map(|message| message.id);
        return Published { confirmed: all.collect(), ..Published::default() };
    }
    let came_back: HashSet<Uuid> = receipt.returned.iter().filter_map(id_of).collect();
    let ids = batch.iter().map(|message| message.id);
    let confirmed = ids.clone().enumerate().filter(|(position, _)| receipt.acknowledged.contains(position));
    Published {
        confirmed: confirmed.map(|(_, id)| id).filter(|id| !came_back.contains(id)).collect(),
        unroutable: ids.filter(|id| came_back.contains(id)).collect(),
        failure: receipt.failure,
    }
}

/// How long a publish is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Until the deadline: its message is kept elsewhere and can be sent again.
    Deadline,
    /// Until an alarm that has come in between is over: sent again, it would be there twice.
    Alarm,
}

/// Publishes messages of which each must arrive.
///
/// # Errors
/// When any of them is not safe.
pub(super) async fn publish_all(link: &Arc<Link>, outgoing: Vec<Outgoing>) -> Result<(), Unpublished> {
    let count = outgoing.len();
    let receipt = send(link, outgoing, Patience::Alarm).await;
    if let Some(returned) = receipt.returned.first() {
        let nowhere =
            format!("`{}` leads nowhere on `{}`", returned.delivery.routing_key, returned.delivery.exchange);
        return Err(Unpublished::Failed(Failure::passing("publishing", nowhere)));
    }
    match receipt.failure {
        Some(failure) if receipt.refused => {
            Err(Unpublished::Refused { taken: receipt.acknowledged, failure })
        }
        Some(failure) => Err(Unpublished::Failed(failure)),
        None if receipt.acknowledged.len() == count => Ok(()),
        None => Err(Unpublished::Failed(Failure::passing("publishing", "not all were confirmed"))),
    }
}

fn event(exchange: &str, message: &Message) -> Outgoing {
    let mut headers = FieldTable::default();
    headers.insert("version".into(), AMQPValue::LongLongInt(message.version.into()));
    if let Some(causation) = message.causation {
        headers.insert("causation-id".into(), AMQPValue::LongString(causation.to_string().into()));
    }
    headers.insert(TRACEPARENT.into(), AMQPValue::LongString(message.context().to_string().into()));
    let properties = BasicProperties::default()
        .with_message_id(message.id.to_string().into())
        .with_type(message.topic.as_str().into())
        .with_app_id(message.source.as_str().into())
        .with_correlation_id(message.correlation.to_string().into())
        .with_timestamp(message.at.timestamp().unsigned_abs())
        .with_content_type("application/json".into())
        .with_headers(headers);
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: message.topic.clone(),
        mandatory: message.mandatory,
        properties,
        body: message.body.clone().into_bytes(),
    }
}

fn id_of(returned: &BasicReturnMessage) -> Option<Uuid> {
    returned.delivery.properties.message_id().as_ref()?.as_str().parse().ok()
}

/// In a task of its own: a caller who loses patience must not tear a batch from its confirms.
async fn send(link: &Arc<Link>, batch: Vec<Outgoing>, patience: Patience) -> Receipt {
    let (answer, receipt) = oneshot::channel();
    tokio::spawn(run(Arc::clone(link), batch, patience, answer));
    receipt.await.unwrap_or_else(|_| Receipt::none("the program is stopping"))
}

async fn run(link: Arc<Link>, batch: Vec<Outgoing>, patience: Patience, answer: oneshot::Sender<Receipt>) {
    let mut deadline = Instant::now() + DEADLINE;
    let turn = match turn(&link, patience, deadline).await {
        Ok(turn) => turn,
        Err(cause) => return drop(answer.send(Receipt::none(cause))),
    };
    if patience == Patience::Alarm {
        deadline = Instant::now() + DEADLINE;
    }
    let batch = start(link, turn, batch).await;
    crash::point("relay-published");
    batch.finish(deadline, patience, answer).await;
}

async fn turn(
    link: &Arc<Link>,
    patience: Patience,
    mut deadline: Instant,
) -> Result<OwnedMutexGuard<()>, &'static str> {
    loop {
        if link.is_blocked() && patience == Patience::Deadline {
            return Err("the broker takes nothing now: it is short of memory or disk");
        }
        if link.is_blocked() {
            link.unblocked().await;
            deadline = Instant::now() + DEADLINE;
        }
        match timeout_at(deadline, Arc::clone(&link.turn).lock_owned()).await {
            Ok(_) if link.is_given_up() => return Err("the connection is lost"),
            Ok(turn) => return Ok(turn),
            Err(_) if patience == Patience::Alarm && link.is_blocked() => {}
            Err(_) => return Err("the batch before still waits for the broker"),
        }
    }
}

type Answer = (usize, lapin::Result<Confirmation>);

/// A batch that has been handed to lapin.
struct Batch<F> {
    link: Arc<Link>,
    _turn: OwnedMutexGuard<()>,
    open: FuturesUnordered<F>,
    receipt: Receipt,
}

/// Hands over each message before the next: order is kept.
async fn start(
    link: Arc<Link>,
    turn: OwnedMutexGuard<()>,
    messages: Vec<Outgoing>,
) -> Batch<impl Future<Output = Answer> + Send> {
    let (mut receipt, open) = (Receipt::default(), FuturesUnordered::new());
    for (position, message) in messages.into_iter().enumerate() {
        let mut confirm = Box::pin(hand_over(link.publishing.clone(), position, message));
        if position == 1 {
            crash::point("relay-mid-batch");
        }
        match poll!(&mut confirm) {
            Poll::Ready(answer) => receipt.note(answer),
            Poll::Pending => open.push(confirm),
        }
    }
    Batch { link, _turn: turn, open, receipt }
}

impl<F: Future<Output = Answer> + Send> Batch<F> {
    async fn finish(mut self, deadline: Instant, patience: Patience, answer: oneshot::Sender<Receipt>) {
        let mut overdue = timeout_at(deadline, self.confirms()).await.is_err();
        if overdue && patience == Patience::Alarm && self.link.is_blocked() {
            self.outlast_it().await;
            overdue = !self.open.is_empty();
        }
        let mut receipt = std::mem::take(&mut self.receipt);
        if overdue {
            receipt.failed("the broker did not confirm in time");
        }
        let alarm = overdue && self.link.is_blocked();
        if !alarm && (overdue || !self.link.publishing.status().connected()) {
            self.link.give_up(receipt.failure.as_ref().map(ToString::to_string).unwrap_or_default());
        }
        let _ = answer.send(receipt);
        if alarm {
            self.outlast_it().await;
        }
    }

    async fn confirms(&mut self) {
        while let Some(answer) = self.open.next().await {
            self.receipt.note(answer);
        }
    }

    /// A blocked connection is healthy, so it is kept; but nobody may publish on it before this batch is
    /// through.
    async fn outlast_it(&mut self) {
        let link = Arc::clone(&self.link);
        tokio::select! {
            () = self.confirms() => {}
            _ = link.given_up() => {}
        }
    }
}

async fn hand_over(channel: Channel, position: usize, message: Outgoing) -> Answer {
    let options = BasicPublishOptions { mandatory: message.mandatory, ..BasicPublishOptions::default() };
    let properties = message.properties.with_delivery_mode(PERSISTENT);
    let (exchange, key) = (message.exchange.into(), message.routing_key.into());
    let confirmation = match channel.basic_publish(exchange, key, options, &message.body, properties).await {
        Ok(confirm) => confirm.await,
        Err(cause) => Err(cause),
    };
    (position, confirmation)
}

impl Receipt {
    fn none(cause: &'static str) -> Self {
        Self { failure: Some(Failure::passing("publishing", cause)), ..Self::default() }
    }

    fn note(&mut self, (position, confirmation): Answer) {
        match confirmation {
            Ok(Confirmation::Ack(returned)) => {
                self.acknowledged.insert(position);
                self.returned.extend(returned);
            }
            Ok(Confirmation::Nack(returned)) => {
                self.returned.extend(returned);
                self.refused = true;
                self.failed("the broker refused it: a queue is full or away");
            }
            Ok(Confirmation::NotRequested) => self.failed("confirms are off"),
            Err(cause) => self.failed(cause.to_string()),
        }
    }

    fn failed(&mut self, cause: impl Into<String>) {
        self.failure.get_or_insert_with(|| Failure::passing("publishing", cause.into()));
    }
}
