//! Where a message goes that its consumer can never take: as it came, with the reason, to the dead-letter
//! exchange, which knows it by its queue's name. The broker's own way would not say why, and counts attempts
//! that were none.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lapin::{BasicProperties, types::AMQPValue};

use super::{
    link::Link,
    publish::{Outgoing, publish_all},
};
use crate::{Failure, bus::Delivery};

/// A reason travels in a header, and headers share one frame.
const REASON: usize = 1024;

/// What rests of a delivery.
pub(super) fn letter(
    exchange: &str,
    delivery: &Delivery,
    properties: &BasicProperties,
    reason: &str,
    at: DateTime<Utc>,
) -> Outgoing {
    let (queue, topic, id) = (&delivery.queue, &delivery.topic, &delivery.message_id);
    tracing::warn!(queue, topic, id, reason, "a message is set aside");
    let text = |text: String| AMQPValue::LongString(text.into());
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("x-garage-reason".into(), text(reason.chars().take(REASON).collect()));
    headers.insert("x-garage-queue".into(), text(queue.clone()));
    headers.insert("x-garage-set-aside-at".into(), text(at.to_rfc3339()));
    Outgoing {
        exchange: exchange.to_owned(),
        routing_key: queue.clone(),
        mandatory: true,
        properties: properties.clone().with_headers(headers),
        body: delivery.body.clone(),
    }
}

/// Publishes letters; each of them must arrive.
///
/// # Errors
/// When any of them may not rest: none of their originals may be taken off its queue.
pub(super) async fn rest(link: &Arc<Link>, letters: Vec<Outgoing>) -> Result<(), Failure> {
    if letters.is_empty() { Ok(()) } else { publish_all(link, letters).await }
}
