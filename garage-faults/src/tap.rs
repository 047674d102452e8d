//! A queue of the suite's own that hears every event, for three uses: what was told is compared with what came of it;
//! every event can be told again, right away or days late; and while the services hear nothing of their own, their
//! events can be handed to them in any order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::StreamExt;
use garage_events::topology::{EXCHANGE, QUEUES};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind, PublisherConfirm,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

/// Its name.
pub const QUEUE: &str = "faults-tap";
/// While events are shuffled, they are handed on this often.
const WINDOW: Duration = Duration::from_millis(120);

/// An event as it was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its type.
    pub topic: String,
    /// Its JSON.
    pub body: Arc<[u8]>,
    properties: BasicProperties,
}

/// What the tap does with what it hears, besides keeping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Nothing.
    None,
    /// Tells it so many times more.
    Repeat(usize),
    /// Hands it to those who should have heard it, window by window in an order drawn from this seed.
    Shuffle(u64),
}

/// The tap; dropping it lets go of the broker.
pub struct Tap {
    told: Arc<Mutex<HashMap<String, Told>>>,
    echo: watch::Sender<Echo>,
    url: String,
    closing: CancellationToken,
}

impl Tap {
    /// Declares it on the broker and begins to listen; comes back when the broker does.
    ///
    /// # Errors
    /// When the broker is away now.
    pub async fn open(url: &str) -> Result<Self> {
        let tap = Self {
            told: Arc::default(),
            echo: watch::Sender::new(Echo::None),
            url: url.to_owned(),
            closing: CancellationToken::new(),
        };
        let (connection, _) = connect(url).await?;
        say_goodbye(&connection).await;
        let (told, echo, url) = (Arc::clone(&tap.told), tap.echo.subscribe(), tap.url.clone());
        let closing = tap.closing.clone();
        tokio::spawn(async move {
            let listening = async {
                loop {
                    // The end of a connection is what this suite does all day.
                    let _ = listen(&url, &told, echo.clone()).await;
                    sleep(Duration::from_millis(200)).await;
                }
            };
            closing.run_until_cancelled(listening).await
        });
        Ok(tap)
    }

    fn told(&self) -> MutexGuard<'_, HashMap<String, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every event that was ever told, by its id.
    #[must_use]
    pub fn events(&self) -> HashMap<String, Told> {
        self.told().clone()
    }

    /// From now on this is done with what is heard.
    pub fn echo(&self, echo: Echo) {
        self.echo.send_replace(echo);
    }

    /// Tells events again, as they were.
    ///
    /// # Errors
    /// When the broker does not confirm each of them.
    pub async fn tell_again(&self, events: &[Told]) -> Result<()> {
        let (connection, channel) = connect(&self.url).await?;
        for batch in events.chunks(256) {
            let mut confirms = Vec::with_capacity(batch.len());
            for event in batch {
                confirms.push(send(&channel, EXCHANGE, &event.topic, event).await?);
            }
            for confirm in confirms {
                confirm.await?;
            }
        }
        say_goodbye(&connection).await;
        Ok(())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

async fn connect(url: &str) -> Result<(Connection, Channel)> {
    let name = ConnectionProperties::default().with_connection_name("faults-tap".into());
    let connection = Connection::connect(url, name).await.context("the tap")?;
    let channel = connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let mut kind = FieldTable::default();
    kind.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(QUEUE.into(), durable, kind).await?;
    let (queue, exchange) = (QUEUE.into(), EXCHANGE.into());
    channel
        .queue_bind(queue, exchange, "#".into(), QueueBindOptions::default(), FieldTable::default())
        .await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    channel.basic_qos(200, BasicQosOptions::default()).await?;
    Ok((connection, channel))
}

/// A farewell that goes wrong ends the connection as well.
async fn say_goodbye(connection: &Connection) {
    let _ = connection.close(200, "done".into()).await;
}

async fn listen(url: &str, told: &Mutex<HashMap<String, Told>>, echo: watch::Receiver<Echo>) -> Result<()> {
    let (_connection, channel) = connect(url).await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(QUEUE.into(), QUEUE.into(), options, FieldTable::default()).await?;
    let mut heard = consumer.ready_chunks(200);
    while let Some(chunk) = heard.next().await {
        let chunk = chunk.into_iter().collect::<Result<Vec<_>, _>>()?;
        let fresh: Vec<Told> = chunk.iter().filter_map(|delivery| keep(told, delivery)).collect();
        let mode = *echo.borrow();
        match mode {
            Echo::None => {}
            Echo::Repeat(times) => {
                for event in fresh.iter().flat_map(|event| std::iter::repeat_n(event, times)) {
                    publish(&channel, EXCHANGE, &event.topic, event).await?;
                }
            }
            Echo::Shuffle(seed) => hand_on(&channel, fresh, seed).await?,
        }
        for delivery in &chunk {
            delivery.ack(BasicAckOptions::default()).await?;
        }
    }
    anyhow::bail!("the broker is gone")
}

/// A service's event that was not heard before.
fn keep(told: &Mutex<HashMap<String, Told>>, delivery: &Delivery) -> Option<Told> {
    let id = delivery.properties.message_id().as_ref()?.to_string();
    let event = Told {
        topic: delivery.routing_key.to_string(),
        body: delivery.data.as_slice().into(),
        properties: delivery.properties.clone(),
    };
    let before = told.lock().unwrap_or_else(PoisonError::into_inner).insert(id, event.clone());
    before.is_none().then_some(event)
}

/// Gives each event to each queue that should have had it, all in one order that nobody would expect.
async fn hand_on(channel: &Channel, events: Vec<Told>, seed: u64) -> Result<()> {
    sleep(WINDOW).await;
    let mut mail: Vec<(&str, &Told)> = Vec::new();
    for event in &events {
        let hearers = QUEUES.iter().filter(|queue| queue.event_type == event.topic);
        mail.extend(hearers.map(|queue| (queue.name, event)));
    }
    mail.shuffle(&mut StdRng::seed_from_u64(seed));
    for (queue, event) in mail {
        publish(channel, "", queue, event).await?;
    }
    Ok(())
}

async fn publish(channel: &Channel, exchange: &str, key: &str, event: &Told) -> Result<()> {
    send(channel, exchange, key, event).await?.await?;
    Ok(())
}

async fn send(channel: &Channel, exchange: &str, key: &str, event: &Told) -> lapin::Result<PublisherConfirm> {
    let (options, properties) = (BasicPublishOptions::default(), event.properties.clone());
    channel.basic_publish(exchange.into(), key.into(), options, &event.body, properties).await
}
