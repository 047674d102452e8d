//! Declaring a service's part of the topology. Declaring is idempotent: what is there with the same arguments
//! is left alone, and what is there with others is refused by the broker with a text that names it and both
//! values.

use std::collections::BTreeMap;

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};

use super::{aside::RetryQueue, refused};
use crate::{
    Failure,
    bus::{Binding, Definitions, Exchange, Queue},
};

/// Declares exchanges, queues and bindings, in this order.
///
/// # Errors
/// Lasting when the broker has something of that name in another form: an operator must remove one of them.
pub(super) async fn declare(channel: &Channel, definitions: &Definitions) -> Result<(), Failure> {
    for exchange in &definitions.exchanges {
        declare_exchange(channel, exchange).await?;
    }
    for queue in &definitions.queues {
        declare_queue(channel, queue).await?;
    }
    for binding in &definitions.bindings {
        bind(channel, binding).await?;
    }
    Ok(())
}

/// Declares a queue that holds messages back. On a channel of its own: a refusal costs the channel. The time to live is
/// the queue's, as a broker looks at the head of a queue only; at-least-once needs `reject-publish` beside it.
///
/// # Errors
/// As [`declare`].
pub(super) async fn declare_retry_queue(connection: &Connection, queue: &RetryQueue) -> Result<(), Failure> {
    let failed = |cause: lapin::Error| Failure::passing("opening a channel", cause.to_string());
    let channel = connection.create_channel().await.map_err(failed)?;
    let arguments = [
        ("x-queue-type", json!("quorum")),
        ("x-message-ttl", json!(u64::try_from(queue.delay.as_millis()).unwrap_or(u64::MAX))),
        ("x-dead-letter-exchange", json!("")),
        ("x-dead-letter-routing-key", json!(queue.back_to)),
        ("x-dead-letter-strategy", json!("at-least-once")),
        ("x-overflow", json!("reject-publish")),
    ];
    let arguments = arguments.map(|(name, value)| (name.to_owned(), value)).into();
    declare_queue(&channel, &Queue { name: queue.name.clone(), durable: true, arguments }).await?;
    let _ = channel.close(200, "OK".into()).await;
    Ok(())
}

async fn declare_exchange(channel: &Channel, exchange: &Exchange) -> Result<(), Failure> {
    let kind = match exchange.kind.as_str() {
        "topic" => ExchangeKind::Topic,
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        other => ExchangeKind::Custom(other.to_owned()),
    };
    let options = ExchangeDeclareOptions {
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        ..ExchangeDeclareOptions::default()
    };
    let declared =
        channel.exchange_declare(exchange.name.as_str().into(), kind, options, FieldTable::default()).await;
    declared
        .map_err(|cause| refused("declaring an exchange", &cause, format!("`{}`: {cause}", exchange.name)))
}

async fn declare_queue(channel: &Channel, queue: &Queue) -> Result<(), Failure> {
    let options = QueueDeclareOptions { durable: queue.durable, ..QueueDeclareOptions::default() };
    let declared =
        channel.queue_declare(queue.name.as_str().into(), options, arguments(&queue.arguments)?).await;
    declared
        .map(|_| ())
        .map_err(|cause| refused("declaring a queue", &cause, format!("`{}`: {cause}", queue.name)))
}

async fn bind(channel: &Channel, binding: &Binding) -> Result<(), Failure> {
    let (queue, exchange) = (binding.destination.as_str(), binding.source.as_str());
    let key = binding.routing_key.as_str().into();
    let bound = channel
        .queue_bind(queue.into(), exchange.into(), key, QueueBindOptions::default(), FieldTable::default())
        .await;
    bound.map_err(|cause| refused("binding a queue", &cause, format!("`{}`: {cause}", queue)))
}

fn arguments(arguments: &BTreeMap<String, Value>) -> Result<FieldTable, Failure> {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = argument(value).ok_or_else(|| {
            Failure::lasting(
                "declaring a queue",
                format!("`{name}` is neither a text nor a whole number: {value}"),
            )
        })?;
        table.insert(name.as_str().into(), value);
    }
    Ok(table)
}

fn argument(value: &Value) -> Option<AMQPValue> {
    match value {
        Value::String(text) => Some(AMQPValue::LongString(text.as_str().into())),
        Value::Number(number) => number.as_i64().map(AMQPValue::LongLongInt),
        Value::Bool(yes) => Some(AMQPValue::Boolean(*yes)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
