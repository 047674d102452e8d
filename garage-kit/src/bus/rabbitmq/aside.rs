//! Where a delivery goes that its consumer did not take, always as a copy that is published and confirmed before the
//! original is acknowledged: to the dead-letter exchange, which knows it by its queue's name, with the reason; or to a
//! queue that holds it back for a while and then returns it. The broker's own ways would not say why, and count
//! attempts that were none.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};
use tokio::time::timeout;

use super::{
    declare::declare_retry_queue,
    link::Link,
    publish::{Outgoing, Unpublished, publish_all},
};
use crate::{
    Failure,
    bus::{Delivery, backoff::Backoff, journal::Journal, retries::retry_queue},
};

/// A reason travels in a header, and headers share one frame.
const REASON: usize = 1024;
/// For declaring a queue.
const DECLARING: Duration = Duration::from_secs(5);
/// Pauses of a copy for which there is no room start below this and double,
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a message that comes again has been tried in vain.
const ATTEMPT: &str = "x-garage-attempt";
/// What the broker writes of a message's way, and reads in what is published; and what would send copies of a copy
/// elsewhere.
const OF_THE_WAY: [&str; 10] = [
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-delivery-count",
    "CC",
    "BCC",
];

/// A copy on its way elsewhere.
pub(super) struct Moved {
    outgoing: Outgoing,
    /// The queue that must be there first.
    by_way_of: Option<RetryQueue>,
}

/// A queue that holds messages back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RetryQueue {
    pub(super) name: String,
    /// Where it returns them to.
    pub(super) back_to: String,
    pub(super) delay: Duration,
}

/// What rests of a delivery.
pub(super) fn letter(
    exchange: &str,
    delivery: &Delivery,
    properties: &BasicProperties,
    (reason, attempts): (&str, u32),
    at: DateTime<Utc>,
) -> Moved {
    let (queue, topic, id) = (&delivery.queue, &delivery.topic, &delivery.message_id);
    tracing::warn!(queue, topic, id, reason, attempts, "a message is set aside");
    let text = |text: String| AMQPValue::LongString(text.into());
    let mut headers = headers(properties);
    headers.insert("x-garage-reason".into(), text(reason.chars().take(REASON).collect()));
    headers.insert("x-garage-queue".into(), text(queue.clone()));
    headers.insert("x-garage-set-aside-at".into(), text(at.to_rfc3339()));
    headers.insert("x-garage-attempts".into(), AMQPValue::LongLongInt(attempts.into()));
    let properties = copy(properties).with_headers(headers);
    let outgoing = Outgoing {
        exchange: exchange.to_owned(),
        routing_key: queue.clone(),
        mandatory: true,
        properties,
        body: delivery.body.clone(),
    };
    Moved { outgoing, by_way_of: None }
}

/// What comes again of a delivery. It comes back through the default exchange, so it takes its topic along.
pub(super) fn again(
    delivery: &Delivery,
    properties: &BasicProperties,
    (cause, attempts): (&str, u32),
    delay: Duration,
) -> Moved {
    let (queue, topic, id) = (&delivery.queue, &delivery.topic, &delivery.message_id);
    tracing::warn!(queue, topic, id, cause, attempts, ?delay, "a message failed; it is tried again");
    let mut headers = headers(properties);
    headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt(attempts.into()));
    let mut properties = copy(properties).with_headers(headers);
    if properties.kind().is_none() {
        properties = properties.with_type(topic.as_str().into());
    }
    let name = retry_queue(queue, delay);
    let outgoing = Outgoing {
        exchange: String::new(),
        routing_key: name.clone(),
        mandatory: true,
        properties,
        body: delivery.body.clone(),
    };
    Moved { outgoing, by_way_of: Some(RetryQueue { name, back_to: queue.clone(), delay }) }
}

/// How often a delivery has been tried in vain. Anybody may have written the header: what is no count is none, and what
/// counts beyond all measure has been tried enough.
pub(super) fn attempts(properties: &BasicProperties) -> u32 {
    let headers = properties.headers().as_ref();
    let count = match headers.and_then(|headers| headers.inner().get(ATTEMPT)) {
        Some(AMQPValue::ShortShortInt(count)) => i64::from(*count),
        Some(AMQPValue::ShortShortUInt(count)) => i64::from(*count),
        Some(AMQPValue::ShortInt(count)) => i64::from(*count),
        Some(AMQPValue::ShortUInt(count)) => i64::from(*count),
        Some(AMQPValue::LongInt(count)) => i64::from(*count),
        Some(AMQPValue::LongUInt(count)) => i64::from(*count),
        Some(AMQPValue::LongLongInt(count)) => *count,
        _ => 0,
    };
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

/// Publishes copies, each of which must arrive. While the broker is short of memory or disk and takes nothing, they
/// wait: a new connection would not help, and each one counts as a delivery of everything unacknowledged. So they do while
/// the queue that they are for is full.
///
/// # Errors
/// When any of them may not be safe: none of their originals may be taken off its queue.
pub(super) async fn move_all(link: &Arc<Link>, moved: Vec<Moved>) -> Result<(), Failure> {
    loop {
        link.unblocked().await;
        match prepare(link, &moved).await {
            Ok(()) => break,
            Err(_) if link.is_blocked() => {}
            Err(failure) => return Err(failure),
        }
    }
    let together = moved.iter().map(|moved| moved.outgoing.clone()).collect();
    match publish_all(link, together).await {
        Err(Unpublished::Refused { taken, failure }) => {
            let left = moved.into_iter().enumerate().filter(|(position, _)| !taken.contains(position));
            move_each(link, left.map(|(_, moved)| moved).collect(), &failure).await
        }
        published => Ok(published?),
    }
}

/// One by one, so that those that there is room for are not published again and again for those that there is not.
async fn move_each(link: &Arc<Link>, moved: Vec<Moved>, failure: &Failure) -> Result<(), Failure> {
    let copies = moved.len();
    tracing::warn!(%failure, copies, "what is set aside or tried again cannot go there yet; it waits in its queue");
    let insisting = moved.into_iter().map(|one| {
        let link = Arc::clone(link);
        insist(move || publish_one(Arc::clone(&link), one.outgoing.clone()))
    });
    try_join_all(insisting).await.map(drop)
}

async fn publish_one(link: Arc<Link>, outgoing: Outgoing) -> Result<(), Unpublished> {
    publish_all(&link, vec![outgoing]).await
}

/// Publishes until the broker takes it.
async fn insist<F: Future<Output = Result<(), Unpublished>>>(publish: impl Fn() -> F) -> Result<(), Failure> {
    let (mut backoff, mut journal) = (Backoff::new(FIRST_PAUSE, LONGEST_PAUSE), Journal::default());
    journal.may_complain();
    loop {
        backoff.pause().await;
        match publish().await {
            Err(Unpublished::Refused { failure, .. }) => {
                if journal.may_complain() {
                    tracing::warn!(%failure, "a copy still cannot go there; its original waits in its queue");
                }
            }
            published => return Ok(published?),
        }
    }
}

async fn prepare(link: &Arc<Link>, moved: &[Moved]) -> Result<(), Failure> {
    let mut known = link.retry_queues.lock().await;
    for queue in moved.iter().filter_map(|moved| moved.by_way_of.as_ref()) {
        if known.contains(queue) {
            continue;
        }
        let late = |_| Err(Failure::passing("declaring a queue", "the broker did not answer in time"));
        timeout(DECLARING, declare_retry_queue(link.connection(), queue)).await.unwrap_or_else(late)?;
        known.insert(queue.clone());
    }
    Ok(())
}

/// All that was said of a message but what holds for one publish alone: a time to live would end the copy too, and a
/// user's name is only taken from that user.
pub(super) fn copy(of: &BasicProperties) -> BasicProperties {
    let mut copy = BasicProperties::default();
    if let Some(value) = of.content_type() {
        copy = copy.with_content_type(value.clone());
    }
    if let Some(value) = of.content_encoding() {
        copy = copy.with_content_encoding(value.clone());
    }
    if let Some(value) = of.priority() {
        copy = copy.with_priority(*value);
    }
    if let Some(value) = of.correlation_id() {
        copy = copy.with_correlation_id(value.clone());
    }
    if let Some(value) = of.reply_to() {
        copy = copy.with_reply_to(value.clone());
    }
    if let Some(value) = of.message_id() {
        copy = copy.with_message_id(value.clone());
    }
    if let Some(value) = of.timestamp() {
        copy = copy.with_timestamp(*value);
    }
    if let Some(value) = of.kind() {
        copy = copy.with_type(value.clone());
    }
    if let Some(value) = of.app_id() {
        copy = copy.with_app_id(value.clone());
    }
    copy
}

/// The headers, but those of its way so far.
pub(super) fn headers(of: &BasicProperties) -> FieldTable {
    let mut headers = FieldTable::default();
    for (name, value) in of.headers().iter().flat_map(|headers| headers.inner()) {
        if name.as_str() != ATTEMPT && !OF_THE_WAY.contains(&name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::{
            Mutex,
            atomic::{AtomicU32, Ordering},
        },
    };

    use tokio::time::Instant;

    use super::*;

    fn with(attempt: AMQPValue) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert(ATTEMPT.into(), attempt);
        BasicProperties::default().with_headers(headers)
    }

    #[test]
    fn attempts_are_read_from_whatever_kind_of_number_they_come_as() {
        assert_eq!(attempts(&BasicProperties::default()), 0);
        assert_eq!(attempts(&with(AMQPValue::LongLongInt(3))), 3);
        assert_eq!(attempts(&with(AMQPValue::LongInt(3))), 3);
        assert_eq!(attempts(&with(AMQPValue::ShortShortUInt(3))), 3);
    }

    #[test]
    fn what_is_no_count_of_attempts_counts_as_none_and_too_many_as_enough() {
        assert_eq!(attempts(&with(AMQPValue::LongString("three".into()))), 0);
        assert_eq!(attempts(&with(AMQPValue::Double(3.0))), 0);
        assert_eq!(attempts(&with(AMQPValue::LongLongInt(-3))), 0);
        assert_eq!(attempts(&with(AMQPValue::LongLongInt(i64::MAX))), u32::MAX);
    }

    fn full() -> Unpublished {
        let failure = Failure::passing("publishing", "its queue is full");
        Unpublished::Refused { taken: HashSet::new(), failure }
    }

    /// A publish that the broker refuses so often before it ends otherwise.
    async fn insisted(refusals: u32, end: Result<(), Unpublished>) -> (Result<(), Failure>, u32) {
        let (times, end) = (AtomicU32::new(0), Mutex::new(Some(end)));
        let published = insist(async || match times.fetch_add(1, Ordering::Relaxed) < refusals {
            true => Err(full()),
            false => end.lock().unwrap().take().unwrap(),
        });
        (published.await, times.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_for_a_full_queue_is_tried_until_there_is_room_and_ever_less_often() {
        let began = Instant::now();
        let (published, times) = insisted(10, Ok(())).await;
        assert!(published.is_ok() && times == 11, "{published:?} after {times}");
        assert!(began.elapsed() >= 4 * LONGEST_PAUSE, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_whose_link_is_lost_is_given_up_with_it() {
        let lost = Failure::passing("publishing", "the connection is lost");
        let (published, times) = insisted(2, Err(Unpublished::Failed(lost))).await;
        assert!(published.is_err() && times == 3, "{published:?} after {times}");
    }

    #[test]
    fn a_copy_has_neither_the_time_to_live_nor_the_user_nor_the_deaths_of_its_original() {
        let mut said = FieldTable::default();
        for name in ["version", "x-death", "CC"] {
            said.insert(name.into(), AMQPValue::LongLongInt(1));
        }
        let of = BasicProperties::default()
            .with_message_id("7".into())
            .with_expiration("1000".into())
            .with_user_id("somebody".into())
            .with_headers(said);
        assert_eq!(copy(&of), BasicProperties::default().with_message_id("7".into()));
        assert_eq!(headers(&of).inner().keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["version"]);
    }
}
