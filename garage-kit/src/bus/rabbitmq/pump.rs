//! From the broker's queues to the consumer and back with acknowledgements. A delivery is acknowledged only
//! after its effect is committed or a copy rests in its dead-letter queue, confirmed; any doubt about the
//! connection ends the pump, and everything unacknowledged comes again on the next one. Deliveries know their
//! channel: one of a dead connection cannot be acknowledged on a new one.

use std::{collections::BTreeMap, future::ready, pin::pin, sync::Arc};

use futures::{Stream, StreamExt as _, stream};
use lapin::{
    Consumer,
    message::Delivery as Arrived,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions},
    types::FieldTable,
};
use tokio_util::sync::CancellationToken;

use super::{
    acks::{Acks, Ledger},
    aside::{letter, rest},
    journal::Journal,
    link::{Link, PREFETCH},
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

/// Deliveries by tag: the order in which the broker sent them.
type Held = BTreeMap<u64, (Arc<str>, Box<Arrived>)>;

/// Where a pump stands.
#[derive(Default)]
struct Standing {
    held: Held,
    ledger: Ledger,
    journal: Journal,
    cancelled: bool,
}

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
        let mut standing = Standing::default();
        loop {
            tokio::select! {
                biased;
                () = closing.cancelled(), if !standing.cancelled => {
                    self.cancel(&mut standing).await?;
                    continue;
                }
                next = heard.next() => match next {
                    Some(next) => { hold(&mut standing.held, next, closing)?; continue }
                    None if standing.held.is_empty() => return Ok(()),
                    None => {}
                },
                () = ready(()), if !standing.held.is_empty() => {}
            }
            self.settle(&mut standing, closing).await?;
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

    /// Takes no more. What the broker has on its way to us at this moment it gives to somebody else.
    async fn cancel(&self, standing: &mut Standing) -> Result<(), Failure> {
        if std::mem::replace(&mut standing.cancelled, true) {
            return Ok(());
        }
        for queue in &self.topology.consumes {
            let cancelled =
                self.link.consuming.basic_cancel(queue.as_str().into(), BasicCancelOptions::default()).await;
            cancelled.map_err(|cause| Failure::passing("cancelling a consumer", cause.to_string()))?;
        }
        Ok(())
    }

    async fn settle(&self, standing: &mut Standing, closing: &CancellationToken) -> Result<(), Failure> {
        let batch = first(&mut standing.held);
        let tags: Vec<u64> = batch.keys().copied().collect();
        let (deliveries, arrivals): (Vec<Delivery>, Vec<Arrived>) =
            batch.into_values().map(|(queue, arrived)| unpack(&queue, *arrived)).unzip();
        let verdicts = self.verdicts(&deliveries, &mut standing.journal).await;
        let letters = deliveries.iter().zip(&arrivals).zip(&verdicts);
        let letters = letters.filter_map(|((delivery, arrived), verdict)| match verdict {
            Verdict::Done => None,
            Verdict::SetAside(reason) => {
                let exchange = &self.topology.dead_letter_exchange;
                Some(letter(exchange, delivery, &arrived.properties, reason, self.clock.now()))
            }
        });
        rest(self.link, letters.collect()).await?;
        if closing.is_cancelled() {
            // Before the acknowledgements, which would ask for more.
            self.cancel(standing).await?;
        }
        acknowledge(&arrivals, standing.ledger.settle(&tags)).await
    }

    /// Asks until the consumer has decided. Our own database may be away for hours: the batch waits,
    /// unacknowledged, and the prefetch keeps more from coming.
    async fn verdicts(&self, batch: &[Delivery], journal: &mut Journal) -> Vec<Verdict> {
        let mut backoff = Backoff::default();
        loop {
            match self.judge.judge(batch).await {
                Ok(verdicts) => return verdicts,
                Err(failure) => {
                    if journal.may_complain() {
                        let (service, deliveries) = (&self.topology.service, batch.len());
                        tracing::warn!(service, %failure, deliveries, "consuming waits");
                    }
                }
            }
            backoff.pause().await;
        }
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

async fn acknowledge(arrivals: &[Arrived], acks: Acks) -> Result<(), Failure> {
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
