//! From the broker's queues to the consumer and back with acknowledgements. A delivery is acknowledged only after
//! its effect is committed or a copy rests in its dead-letter queue, confirmed; any doubt about the connection ends
//! the pump, and everything unacknowledged comes again on the next one. Deliveries know their channel: one of a dead
//! connection cannot be acknowledged on a new one.

use std::{collections::BTreeMap, future::ready, pin::pin, sync::Arc};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use lapin::{
    Consumer,
    message::Delivery as Arrived,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions},
    types::{AMQPValue, FieldTable},
};
use tokio_util::sync::CancellationToken;

use super::{
    acks::Ledger,
    journal::Journal,
    link::{Link, PREFETCH},
    publish::{Outgoing, publish_all},
};
use crate::{
    Failure,
    bus::{
        Delivery, Topology, Verdict,
        backoff::Backoff,
        judge::{BATCH, Judge},
    },
    clock::Clock,
};

/// A set-aside's reason travels in a header, and headers share one frame.
const REASON: usize = 1024;

/// Consumes a service's queues over one link.
pub(super) struct Pump<'a> {
    pub(super) link: &'a Arc<Link>,
    pub(super) topology: &'a Topology,
    pub(super) judge: &'a Judge,
    pub(super) clock: &'a Clock,
}

/// What a consumer's stream says.
enum Heard {
    Arrived(Arc<str>, Box<Arrived>),
    Failed(lapin::Error),
    Ended(Arc<str>),
}

/// Deliveries at hand, by tag: the order in which the broker sent them.
type Held = BTreeMap<u64, (Arc<str>, Box<Arrived>)>;

impl Pump<'_> {
    /// Consumes until `closing`, then finishes what was already delivered. `running` is called once all
    /// consumers are there.
    ///
    /// # Errors
    /// When the link is of no use any more.
    pub(super) async fn run(
        &self,
        closing: &CancellationToken,
        running: impl FnOnce(),
    ) -> Result<(), Failure> {
        let consumers = self.consumers().await?;
        running();
        let mut heard =
            pin!(stream::select_all(consumers.into_iter().map(listen)).ready_chunks(usize::from(PREFETCH)));
        let (mut held, mut ledger, mut journal) = (Held::new(), Ledger::default(), Journal::default());
        let cancelled = async {
            closing.cancelled().await;
            self.cancel().await
        };
        let mut cancelled = pin!(cancelled.fuse());
        loop {
            tokio::select! {
                biased;
                failed = &mut cancelled => { failed?; continue }
                next = heard.next() => match next {
                    Some(next) => { hold(&mut held, next, closing)?; continue }
                    None if held.is_empty() => return Ok(()),
                    None => {}
                },
                () = ready(()), if !held.is_empty() => {}
            }
            let batch = first(&mut held);
            self.settle(batch, &mut ledger, &mut journal).await?;
        }
    }

    async fn consumers(&self) -> Result<Vec<(Arc<str>, Consumer)>, Failure> {
        let mut consumers = Vec::new();
        for queue in &self.topology.consumes {
            let tag = queue.as_str().into();
            let consuming = self.link.consuming.basic_consume(
                queue.as_str().into(),
                tag,
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            let consumer = consuming
                .await
                .map_err(|cause| Failure::passing("consuming", format!("`{queue}`: {cause}")))?;
            consumers.push((Arc::from(queue.as_str()), consumer));
        }
        Ok(consumers)
    }

    async fn cancel(&self) -> Result<(), Failure> {
        for queue in &self.topology.consumes {
            let cancelled =
                self.link.consuming.basic_cancel(queue.as_str().into(), BasicCancelOptions::default()).await;
            cancelled.map_err(|cause| Failure::passing("cancelling a consumer", cause.to_string()))?;
        }
        Ok(())
    }

    async fn settle(&self, batch: Held, ledger: &mut Ledger, journal: &mut Journal) -> Result<(), Failure> {
        let tags: Vec<u64> = batch.keys().copied().collect();
        let (deliveries, arrivals): (Vec<Delivery>, Vec<Arrived>) =
            batch.into_values().map(|(queue, arrived)| unpack(&queue, *arrived)).unzip();
        let verdicts = self.verdicts(&deliveries, journal).await;
        let aside = deliveries.iter().zip(&arrivals).zip(&verdicts);
        let aside =
            aside.filter_map(|((delivery, arrived), verdict)| self.set_aside(delivery, arrived, verdict));
        self.rest(aside.collect()).await?;
        acknowledge(&arrivals, &tags, ledger).await
    }

    /// Asks until the consumer has decided. Our own database may be away for hours: the batch waits, unacknowledged,
    /// and the prefetch keeps more from coming.
    async fn verdicts(&self, batch: &[Delivery], journal: &mut Journal) -> Vec<Verdict> {
        let mut backoff = Backoff::default();
        loop {
            match self.judge.judge(batch).await {
                Ok(verdicts) => return verdicts,
                Err(failure) => {
                    if journal.may_complain() {
                        tracing::warn!(service = self.topology.service, %failure, deliveries = batch.len(), "consuming waits");
                    }
                }
            }
            backoff.pause().await;
        }
    }

    fn set_aside(&self, delivery: &Delivery, arrived: &Arrived, verdict: &Verdict) -> Option<Outgoing> {
        let Verdict::SetAside(reason) = verdict else { return None };
        let mut headers = arrived.properties.headers().clone().unwrap_or_default();
        let text = |text: String| AMQPValue::LongString(text.into());
        headers.insert("x-garage-reason".into(), text(reason.chars().take(REASON).collect()));
        headers.insert("x-garage-queue".into(), text(delivery.queue.clone()));
        headers.insert("x-garage-set-aside-at".into(), text(self.clock.now().to_rfc3339()));
        tracing::warn!(
            queue = delivery.queue,
            topic = delivery.topic,
            id = delivery.message_id,
            reason,
            "a message is set aside"
        );
        Some(Outgoing {
            exchange: self.topology.dead_letter_exchange.clone(),
            routing_key: delivery.queue.clone(),
            mandatory: true,
            properties: arrived.properties.clone().with_headers(headers),
            body: delivery.body.clone(),
        })
    }

    async fn rest(&self, aside: Vec<Outgoing>) -> Result<(), Failure> {
        if aside.is_empty() {
            return Ok(());
        }
        publish_all(self.link, aside).await
    }
}

/// A consumer's stream with its end made visible: merged streams end silently.
fn listen((queue, consumer): (Arc<str>, Consumer)) -> impl Stream<Item = Heard> + Unpin {
    let ended = Heard::Ended(Arc::clone(&queue));
    let heard = consumer.map(move |arrived| match arrived {
        Ok(arrived) => Heard::Arrived(Arc::clone(&queue), Box::new(arrived)),
        Err(cause) => Heard::Failed(cause),
    });
    heard.chain(stream::iter([ended]))
}

/// An end that we did not ask for is the broker's: the queue was deleted, or it lost patience with us.
fn hold(held: &mut Held, heard: Vec<Heard>, closing: &CancellationToken) -> Result<(), Failure> {
    for heard in heard {
        match heard {
            Heard::Arrived(queue, arrived) => drop(held.insert(arrived.delivery_tag, (queue, arrived))),
            Heard::Ended(_) if closing.is_cancelled() => {}
            Heard::Ended(queue) => {
                return Err(Failure::passing(
                    "consuming",
                    format!("the broker cancelled the consumer of `{queue}`"),
                ));
            }
            Heard::Failed(cause) => return Err(Failure::passing("consuming", cause.to_string())),
        }
    }
    Ok(())
}

/// The oldest, at most a batch.
fn first(held: &mut Held) -> Held {
    let rest = held.keys().nth(BATCH).copied().map(|tag| held.split_off(&tag));
    std::mem::replace(held, rest.unwrap_or_default())
}

/// A message sent to the queue itself, as when a dead letter is replayed, carries its topic only as its type.
fn unpack(queue: &str, mut arrived: Arrived) -> (Delivery, Arrived) {
    let properties = &arrived.properties;
    let kind = properties.kind().as_ref().filter(|_| arrived.exchange.as_str().is_empty());
    let delivery = Delivery {
        queue: queue.to_owned(),
        topic: kind.unwrap_or(&arrived.routing_key).to_string(),
        message_id: properties.message_id().as_ref().map(ToString::to_string),
        body: std::mem::take(&mut arrived.data),
    };
    (delivery, arrived)
}

async fn acknowledge(arrivals: &[Arrived], tags: &[u64], ledger: &mut Ledger) -> Result<(), Failure> {
    let acks = ledger.settle(tags);
    for arrived in arrivals {
        let tag = arrived.delivery_tag;
        let multiple = acks.through == Some(tag);
        if !multiple && !acks.single.contains(&tag) {
            continue;
        }
        match arrived.acker.ack(BasicAckOptions { multiple }).await {
            Ok(true) => {}
            Ok(false) => return Err(Failure::passing("acknowledging", "the channel is gone")),
            Err(cause) => return Err(Failure::passing("acknowledging", cause.to_string())),
        }
    }
    Ok(())
}
