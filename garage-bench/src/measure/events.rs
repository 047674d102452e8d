//! Queues that are full: how fast 100,000 waiting events are handled, and what full load makes of it when as many
//! wait. The events are real ones, multiplied, and what they concern is in the stores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{
        BasicGetOptions, BasicNackOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use sqlx::Row as _;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    bench::{Bench, LOOK},
    sagas::{FULL_LOAD, TURNS, Turns},
};
use crate::{
    loader::{Thing, copy, copy_rows},
    outcome::count,
    report::{Row, Unit, say},
    servers::Servers,
    shop::{Shop, Topology},
};

const EXCHANGE: &str = "garage-events";
/// What Billing makes quotes from.
const CREATED: (&str, &str) = ("work-order.created", "billing-work-order-created");
/// What both of these follow.
const CHANGED: (&str, &str) = ("work-order.status-changed", "billing-work-order-status-changed");
const FOLLOWERS: [&str; 2] = ["billing", "execution"];
/// Messages that share one wait for confirms.
const BATCH: u64 = 1000;
/// A drain that takes longer will not end.
const PATIENCE: Duration = Duration::from_secs(600);
/// Keeps these copies apart from the finished orders'.
const SERIES: u8 = 9;

impl Bench<'_> {
    /// Lets orders' events gather while Billing is away; measures from its being ready until the last is handled,
    /// and until OS knows every quote.
    pub(super) async fn drain(&mut self, shop: &mut Shop) -> Result<()> {
        let (servers, events) = (&self.options.servers, self.options.events);
        say(&format!("distributed, {events} queued events:"));
        shop.end("billing");
        self.make(shop, "create", 1).await?;
        let broker = servers.amqp().await?;
        let channel = broker.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let waiting = Waiting::first_of(&channel, CREATED).await?;
        let order = waiting.order;
        let mut os = servers.postgres_at("os_service").await?;
        copy_rows(&mut os, "work_orders", &[(Thing::Order, order)], SERIES, events).await?;
        waiting.multiply(&channel, events).await?;
        let ready = shop.begin(&self.site, "billing").await?;
        let begun = Instant::now();
        let known = "SELECT count(*) FROM work_orders WHERE status = 'PENDING'";
        let (mut handled, deadline) = (None, begun + PATIENCE);
        loop {
            if handled.is_none() && depth(&channel, CREATED.1).await? == 0 {
                handled = Some(begun.elapsed());
            }
            let pending: i64 = sqlx::query(known).fetch_one(&mut os).await?.get(0);
            if pending == 0 && handled.is_some() {
                break;
            }
            ensure!(Instant::now() < deadline, "{pending} of {events} orders still wait for their quotes");
            sleep(LOOK).await;
        }
        let number = count(usize::try_from(events)?);
        let handled = handled.unwrap_or_default().as_secs_f64();
        let known = begun.elapsed().as_secs_f64();
        let row = Row {
            clients: FULL_LOAD,
            per_s: number / handled.max(0.001),
            ..Row::words("distributed", format!("drain of {events} work-order.created"), String::new())
        };
        let note = format!(
            "Billing ready after {} ms, through after {handled:.1} s; OS knew every quote after {known:.1} s ({:.0} per s)",
            ready.as_millis(),
            number / known
        );
        self.add(Row { notes: vec![note], ..row.counting(Unit::Step) });
        broker.close(200, "done".into()).await.context("closing the connection")
    }

    /// Full load while as many events wait in the queues of Billing and Execution: old news of finished orders. In turns
    /// with a plain shop, which has the machine for itself as these two are down meanwhile.
    pub(super) async fn backlog(&mut self, shop: &mut Shop) -> Result<()> {
        let (servers, events) = (&self.options.servers, self.options.events);
        self.make(shop, "saga", 8).await?;
        FOLLOWERS.iter().for_each(|service| shop.end(service));
        let broker = servers.amqp().await?;
        let channel = broker.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        pour_old_news(servers, &channel, events).await?;
        let waiting = depth(&channel, CHANGED.1).await?;
        let (_site, plain) = self.plain(Topology::Distributed).await?;
        let load = self.load("saga", FULL_LOAD);
        let mut turns = Turns::default();
        for _ in 0..TURNS {
            FOLLOWERS.iter().for_each(|service| shop.end(service));
            let rate = self.drive(&plain, load).await?.per_s;
            for service in FOLLOWERS {
                shop.begin(&self.site, service).await?;
            }
            turns.had(self.drive(shop, load).await?, rate);
        }
        let left = depth(&channel, CHANGED.1).await?;
        ensure!(left > 0, "the queue ran empty: give more --events");
        while depth(&channel, CHANGED.1).await? > 0 {
            sleep(LOOK).await;
        }
        let what = format!("sagas, {waiting} events in each of two queues at the start");
        self.add(turns.row(shop.topology(), what, load).noting(format!("{left} left at the end")));
        broker.close(200, "done".into()).await.context("closing the connection")
    }
}

/// A real event that waits in a queue.
struct Waiting {
    key: &'static str,
    order: Uuid,
    id: String,
    body: String,
    properties: BasicProperties,
}

impl Waiting {
    /// Looks at the first message of a queue and leaves it there.
    async fn first_of(channel: &Channel, (key, queue): (&'static str, &str)) -> Result<Self> {
        let found = channel.basic_get(queue.into(), BasicGetOptions::default()).await?;
        let message = found.with_context(|| format!("no message in {queue}"))?;
        let body = String::from_utf8(message.delivery.data.clone())?;
        let properties = message.delivery.properties.clone();
        message.delivery.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await?;
        let told: serde_json::Value = serde_json::from_str(&body)?;
        let text = |name: &str| told[name].as_str().with_context(|| format!("an event without {name}"));
        Ok(Self {
            key,
            order: text("correlationId")?.parse()?,
            id: text("eventId")?.to_owned(),
            body,
            properties,
        })
    }

    /// Publishes so many of its kind, each about an order of its own.
    async fn multiply(&self, channel: &Channel, events: u64) -> Result<()> {
        publish(channel, self.key, events, |number| {
            let (order, id) = (copy(SERIES, Thing::Order, number), copy(SERIES, Thing::Event, number));
            let body = self.body.replace(&self.order.to_string(), &order).replace(&self.id, &id);
            let properties =
                self.properties.clone().with_message_id(id.into()).with_correlation_id(order.into());
            (body, properties)
        })
        .await
    }
}

/// Publishes changes that finished orders have long left behind, so that nothing follows from them.
async fn pour_old_news(servers: &Servers, channel: &Channel, events: u64) -> Result<()> {
    let mut os = servers.postgres_at("os_service").await?;
    let finished =
        "SELECT CAST(id AS text) FROM work_orders WHERE status = 'COMPLETED' ORDER BY id DESC LIMIT 1000";
    let rows = sqlx::query(finished).fetch_all(&mut os).await?;
    let orders: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    ensure!(!orders.is_empty(), "no finished order");
    publish(channel, CHANGED.0, events, |number| {
        let index = usize::try_from(number).unwrap_or_default() % orders.len();
        let (order, id) = (&orders[index], copy(SERIES + 1, Thing::Event, number));
        let body = serde_json::json!({
            "eventId": id, "eventType": CHANGED.0, "timestamp": "2024-01-15T10:00:00.000Z", "source": "os-service",
            "version": 1, "correlationId": order, "causationId": null,
            "data": { "workOrderId": order, "previousStatus": "PENDING", "newStatus": "QUOTED", "revision": 1 },
        });
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(id.into())
            .with_type(CHANGED.0.into());
        (body.to_string(), properties)
    })
    .await
}

async fn publish(
    channel: &Channel,
    key: &str,
    events: u64,
    event: impl Fn(u64) -> (String, BasicProperties),
) -> Result<()> {
    for from in (0..events).step_by(usize::try_from(BATCH)?) {
        let mut confirms = Vec::new();
        for number in from..(from + BATCH).min(events) {
            let (body, properties) = event(number);
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let sent =
                channel.basic_publish(EXCHANGE.into(), key.into(), options, body.as_bytes(), properties);
            confirms.push(sent.await?);
        }
        for confirmation in try_join_all(confirms).await? {
            ensure!(matches!(confirmation, Confirmation::Ack(None)), "a message of {key} was not taken");
        }
    }
    Ok(())
}

/// Messages that wait in a queue, not counting those that are being handled.
async fn depth(channel: &Channel, queue: &str) -> Result<u32> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    Ok(channel.queue_declare(queue.into(), options, FieldTable::default()).await?.message_count())
}
