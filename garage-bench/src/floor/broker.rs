//! The broker's part of the floors: a quorum queue per step, persistent messages, publisher confirms. A message is the
//! number of the saga that it belongs to, and as many bytes as an event has.

use anyhow::{Context, Result, bail};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, PublisherConfirm,
    options::{
        BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, LongString},
};
use std::sync::Arc;

use super::{EVENT, STEPS};

/// As many as there are services.
const CONNECTIONS: usize = 3;
const PREFETCH: u16 = 256;
const PERSISTENT: u8 = 2;

/// Connections to the broker; copies share them.
#[derive(Clone)]
pub(super) struct Broker {
    connections: Arc<Vec<Connection>>,
}

/// The queue of a step's messages.
fn queue(step: usize) -> String {
    format!("floor-{step}")
}

impl Broker {
    /// Connects and declares the queues, empty.
    pub(super) async fn open(url: &str) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::connect(url, ConnectionProperties::default()).await?);
        }
        let broker = Self { connections: Arc::new(connections) };
        broker.remove().await?;
        let channel = broker.channel(0).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(LongString::from("quorum")));
        for step in 0..STEPS.len() {
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(queue(step).into(), options, arguments.clone()).await?;
        }
        Ok(broker)
    }

    /// Deletes the queues with what is in them.
    pub(super) async fn remove(&self) -> Result<()> {
        let channel = self.channel(0).await?;
        for step in 0..STEPS.len() {
            channel.queue_delete(queue(step).into(), QueueDeleteOptions::default()).await?;
        }
        Ok(())
    }

    async fn channel(&self, number: usize) -> Result<Channel> {
        let connection = self.connections.get(number % CONNECTIONS).context("a connection")?;
        Ok(connection.create_channel().await?)
    }

    /// The publisher's end for saga or worker `number`.
    pub(super) async fn publisher(&self, number: usize) -> Result<Publisher> {
        let channel = self.channel(number).await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Publisher { channel })
    }

    /// The deliveries of a step's queue.
    pub(super) async fn consumer(&self, step: usize) -> Result<Consumer> {
        let channel = self.channel(step).await?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        Ok(channel.basic_consume(queue(step).into(), "".into(), options, FieldTable::default()).await?)
    }
}

/// A channel with confirms.
pub(super) struct Publisher {
    channel: Channel,
}

impl Publisher {
    /// Sends saga `number`'s message of `step`; what is given back resolves with the broker's word on it.
    pub(super) async fn send(&self, step: usize, number: usize) -> Result<PublisherConfirm> {
        let mut body = vec![b'x'; EVENT];
        body[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        Ok(self.channel.basic_publish("".into(), queue(step).into(), options, &body, properties).await?)
    }
}

/// Waits until the broker has it.
pub(super) async fn confirmed(confirm: PublisherConfirm) -> Result<()> {
    match confirm.await? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => bail!("a message came back"),
        Confirmation::Nack(_) | Confirmation::NotRequested => bail!("a message was not confirmed"),
    }
}

/// Whose message it is.
pub(super) fn number(body: &[u8]) -> Result<usize> {
    let bytes = body.first_chunk::<8>().context("a message that is none of ours")?;
    Ok(usize::try_from(u64::from_le_bytes(*bytes))?)
}
