//! What everybody has in their books when all is quiet: the three services over HTTP, the gateway, the exchange, the
//! queues and the outboxes. Collected here, judged in [`crate::oracle`].

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use anyhow::{Context, Result};
use bson::{Document, doc};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, sleep};

use crate::{
    client::Stubborn,
    load::Saga,
    replica::At,
    world::{DATABASES, World},
};

/// Money that the gateway moved.
#[derive(Clone, Debug)]
pub struct Movement {
    /// Billing's id of the payment.
    pub payment: String,
    /// Given back, or taken.
    pub is_refund: bool,
    /// Centavos.
    pub amount: i64,
}

/// An event as it was told.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its type.
    pub topic: String,
    /// Its `data`.
    pub data: Value,
}

/// All books. Those of the services are by order.
#[derive(Clone, Debug, Default)]
pub struct Ledgers {
    /// What the clients know.
    pub sagas: Vec<Saga>,
    /// OS.
    pub orders: HashMap<String, Value>,
    /// Billing's quotes.
    pub quotes: HashMap<String, Vec<Value>>,
    /// Billing's parts, by their ids.
    pub parts: HashMap<String, Value>,
    /// Billing's payments.
    pub payments: HashMap<String, Vec<Value>>,
    /// Execution.
    pub jobs: HashMap<String, Vec<Value>>,
    /// The gateway.
    pub movements: Vec<Movement>,
    /// The exchange.
    pub events: HashMap<String, Vec<Event>>,
    /// Queues that are not empty, with what rests in the dead-letter queues.
    pub queues: BTreeMap<String, u64>,
    /// Dead letters.
    pub letters: Vec<(String, String)>,
    /// Messages that wait in outboxes, by database.
    pub unsent: BTreeMap<String, i64>,
    /// Bodies that were published to be set aside.
    pub poison: Vec<String>,
}

impl Ledgers {
    /// Waits until nothing moves, then reads all books.
    ///
    /// # Errors
    /// When a book cannot be read. That something never comes to rest is for the oracle to say.
    pub async fn collect(
        world: &World,
        client: &Stubborn,
        sagas: Vec<Saga>,
        poison: Vec<String>,
    ) -> Result<Self> {
        let (queues, unsent) = quiet(world).await?;
        let by_order = |items: Vec<Value>, field: &str| {
            let mut found: HashMap<String, Vec<Value>> = HashMap::new();
            for item in items {
                found.entry(item[field].as_str().unwrap_or_default().to_owned()).or_default().push(item);
            }
            found
        };
        let by_id = |items: Vec<Value>| {
            let named = |item: Value| (item["id"].as_str().unwrap_or_default().to_owned(), item);
            items.into_iter().map(named).collect()
        };
        let mut letters = Vec::new();
        for queue in queues.keys().filter(|name| name.ends_with(".dlq")) {
            letters.extend(world.broker.take(queue).await?.into_iter().map(|body| (queue.clone(), body)));
        }
        Ok(Self {
            sagas,
            orders: by_id(client.all(At::Os, "/work-orders").await?),
            parts: by_id(parts(client).await?),
            quotes: by_order(client.all(At::Billing, "/quotes").await?, "workOrderId"),
            payments: by_order(client.all(At::Billing, "/payments").await?, "workOrderId"),
            jobs: by_order(client.all(At::Execution, "/executions").await?, "workOrderId"),
            movements: movements(world).await?,
            events: events(world),
            queues,
            letters,
            unsent,
            poison,
        })
    }
}

/// The shelf, once nothing on it is put aside any more; as it is after half a minute.
async fn parts(client: &Stubborn) -> Result<Vec<Value>> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let parts = client.all(At::Billing, "/parts").await?;
        if Instant::now() > deadline || parts.iter().all(|part| part["reserved"].as_f64() == Some(0.0)) {
            return Ok(parts);
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn movements(world: &World) -> Result<Vec<Movement>> {
    let moved = world.gateway.sandbox.movements().await?;
    Ok(moved
        .into_iter()
        .map(|moved| Movement {
            payment: moved.external_reference.unwrap_or_default(),
            is_refund: moved.is_refund,
            amount: moved.amount.centavos(),
        })
        .collect())
}

fn events(world: &World) -> HashMap<String, Vec<Event>> {
    let mut found: HashMap<String, Vec<Event>> = HashMap::new();
    for told in world.tap.events().into_values() {
        let envelope: Value = serde_json::from_slice(&told.body).unwrap_or_default();
        let order = envelope["data"]["workOrderId"].as_str().unwrap_or_default().to_owned();
        found.entry(order).or_default().push(Event { topic: told.topic, data: envelope["data"].clone() });
    }
    found
}

/// Waits, for half a minute at most, until queues and outboxes are empty in two looks that the broker's own counting
/// cannot both have missed; what is left in them.
async fn quiet(world: &World) -> Result<(BTreeMap<String, u64>, BTreeMap<String, i64>)> {
    let (deadline, mut in_a_row) = (Instant::now() + Duration::from_secs(30), 0);
    loop {
        let queues = world.broker.queues().await?;
        let queues: BTreeMap<String, u64> = queues
            .into_iter()
            .filter(|queue| queue.messages > 0)
            .map(|queue| (queue.name, queue.messages))
            .collect();
        let unsent = unsent(world).await?;
        let empty = unsent.is_empty() && queues.keys().all(|name| name.ends_with(".dlq"));
        in_a_row = if empty { in_a_row + 1 } else { 0 };
        if in_a_row == 2 || Instant::now() > deadline {
            return Ok((queues, unsent));
        }
        sleep(Duration::from_millis(1100)).await;
    }
}

async fn unsent(world: &World) -> Result<BTreeMap<String, i64>> {
    let mut waiting = BTreeMap::new();
    for name in [DATABASES[0], DATABASES[2]] {
        let options = world.sql.connect_options().as_ref().clone().database(name);
        let mut connection = PgConnection::connect_with(&options).await.context("an outbox")?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&mut connection).await?;
        waiting.insert(name.to_owned(), count);
    }
    let bills = world.mongo.database(DATABASES[1]).collection::<Document>("bills");
    let count = bills.count_documents(doc! { "outbox.0": { "$exists": true } }).await?;
    waiting.insert(DATABASES[1].to_owned(), i64::try_from(count)?);
    waiting.retain(|_, count| *count > 0);
    Ok(waiting)
}
