//! From the broker's queues to the consumer and back with acknowledgements. A delivery is acknowledged only
//! after its effect is committed or a copy rests in its dead-letter queue, confirmed; any doubt about the
//! connection ends the pump, and everything unacknowledged comes again on the next one. Deliveries know their
//! channel: one of a dead connection cannot be acknowledged on a new one.

use std::{
    collections::BTreeMap,
    future::{pending, ready},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::{
    FutureExt as _, Stream, StreamExt as _,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use lapin::{
    BasicProperties, Channel, Consumer,
    message::Delivery as Arrived,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    acks::{Acks, Ledger, Unhurried},
    aside::{again, attempts, letter, move_all},
    gathering::Gathering,
    link::Link,
    station::{QUIET, Station},
};
use crate::{
    Failure,
    bus::{
        Delivery, Topology,
        backoff::Backoff,
        journal::Journal,
        judge::{BATCH, Judge, Ruling},
    },
    clock::Clock,
    crash,
    trace::{TRACEPARENT, TraceContext},
};

/// Waits at most so long for a good moment to cancel a consumer.
const LINGER: Duration = Duration::from_secs(2);

/// Consumes a service's queues over one link.
pub(super) struct Pump<'a> {
    pub(super) link: &'a Arc<Link>,
    pub(super) topology: &'a Topology,
    pub(super) judge: &'a Judge,
    pub(super) clock: &'a Clock,
    /// No more deliveries.
    pub(super) draining: &'a CancellationToken,
}

/// What a consumer's stream says.
enum Heard {
    /// From the queue at this position.
    Arrived(usize, Box<Arrived>),
    Failed(lapin::Error),
    Ended(usize),
}

/// Deliveries in the order in which they came.
type Held = BTreeMap<u64, (usize, Box<Arrived>)>;

/// A delivery that may be acknowledged, with its queue's position.
type Settled = (usize, Arrived);

/// Where a pump stands.
struct Standing {
    stations: Vec<Station>,
    /// To be seen to now.
    held: Held,
    /// To be seen to a little later.
    gathering: Gathering<(usize, Box<Arrived>)>,
    /// Copies on their way elsewhere; their originals can be acknowledged afterwards.
    moving: FuturesUnordered<BoxFuture<'static, Result<Vec<Settled>, Failure>>>,
    /// Settled, but to acknowledge them now would ask for more.
    withheld: Vec<Settled>,
    ledger: Ledger,
    /// Of the deliveries that may gather, which come on a channel of their own.
    unhurried: Unhurried<Settled>,
    /// How many have come.
    came: u64,
    journal: Journal,
    /// Since when we take no more.
    leaving: Option<Instant>,
    /// No consumer is left.
    ended: bool,
}

impl Pump<'_> {
    /// Consumes until it is drained, then finishes what was already delivered. `running` is called once all
    /// consumers are there.
    ///
    /// # Errors
    /// When the link is of no use any more.
    pub(super) async fn run(&self, running: impl FnOnce()) -> Result<(), Failure> {
        let mut standing = Standing::new(self.topology);
        let consumers = self.consumers(&standing.stations).await?;
        running();
        let mut heard = pin!(stream::select_all(consumers.into_iter().map(listen)).ready_chunks(BATCH));
        while !standing.is_through(self.link) {
            standing.gather_in();
            tokio::select! {
                biased;
                () = self.draining.cancelled(), if standing.leaving.is_none() => {}
                next = heard.next(), if !standing.ended => {
                    standing.hold(next)?;
                    continue;
                }
                Some(moved) = standing.moving.next() => standing.acknowledge(moved?).await?,
                () = ready(()), if !standing.held.is_empty() => self.settle(&mut standing).await?,
                () = wait(standing.gathering.until()) => {}
                () = sleep(QUIET / 3), if standing.leaving.is_some() => {}
            }
            self.notice_the_end(&mut standing);
            self.leave(&mut standing).await?;
        }
        Ok(())
    }

    /// From now on nothing is acknowledged that would ask for more.
    fn notice_the_end(&self, standing: &mut Standing) {
        if self.draining.is_cancelled() {
            standing.leaving.get_or_insert_with(Instant::now);
        }
    }

    fn channel(&self, station: &Station) -> &Channel {
        if station.gathers { &self.link.gathering } else { &self.link.consuming }
    }

    /// A prefetch holds for the consumers that begin after it was set.
    async fn consumers(&self, stations: &[Station]) -> Result<Vec<(usize, Consumer)>, Failure> {
        let mut consumers = Vec::new();
        for (position, station) in stations.iter().enumerate() {
            let (channel, queue) = (self.channel(station), &station.queue);
            let consuming = async {
                channel.basic_qos(station.prefetch(), BasicQosOptions { global: false }).await?;
                let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
                channel.basic_consume((**queue).into(), (**queue).into(), options, arguments).await
            };
            let consumer = consuming
                .await
                .map_err(|cause| Failure::passing("consuming", format!("`{queue}`: {cause}")))?;
            consumers.push((position, consumer));
        }
        Ok(consumers)
    }

    /// Once we take no more: cancels each consumer at its good moment, then acknowledges. A broker in an alarm hears
    /// neither.
    async fn leave(&self, standing: &mut Standing) -> Result<(), Failure> {
        let Some(since) = standing.leaving.filter(|_| !self.link.is_blocked()) else { return Ok(()) };
        let late = since.elapsed() >= LINGER;
        for station in standing.stations.iter_mut().filter(|station| !station.cancelled) {
            if late || station.is_still() {
                let channel = self.channel(station);
                let cancel = channel.basic_cancel((*station.queue).into(), BasicCancelOptions::default());
                cancel.await.map_err(|cause| Failure::passing("cancelling a consumer", cause.to_string()))?;
                station.cancelled = true;
            }
        }
        let withheld = std::mem::take(&mut standing.withheld);
        standing.acknowledge(withheld).await
    }

    async fn settle(&self, standing: &mut Standing) -> Result<(), Failure> {
        let batch = first(&mut standing.held);
        let unpack = |(position, arrived): (usize, Box<Arrived>)| {
            let (delivery, arrived) = unpack(&standing.stations[position].queue, *arrived);
            (delivery, (position, arrived))
        };
        let (deliveries, arrivals): (Vec<Delivery>, Vec<Settled>) = batch.into_values().map(unpack).unzip();
        crash::point("consumer-received");
        if crash::planted("ack-before-commit") {
            standing.acknowledge_all(arrivals).await?;
            self.link.heard_by_the_broker().await?;
            self.rulings(&deliveries, &mut standing.journal).await;
            return Ok(());
        }
        let rulings = self.rulings(&deliveries, &mut standing.journal).await;
        crash::point("consumer-committed");
        self.notice_the_end(standing);
        let (mut done, mut moved, mut originals) =
            (Vec::with_capacity(arrivals.len()), Vec::new(), Vec::new());
        for ((delivery, settled), ruling) in deliveries.iter().zip(arrivals).zip(rulings) {
            let properties = &settled.1.properties;
            match ruling {
                Ruling::Done => {
                    done.push(settled);
                    continue;
                }
                Ruling::Rest { reason, attempts } => {
                    let exchange = &self.topology.dead_letter_exchange;
                    let now = self.clock.now();
                    moved.push(letter(exchange, delivery, properties, (&reason, attempts), now));
                }
                Ruling::Again { cause, attempts, pause } => {
                    moved.push(again(delivery, properties, (&cause, attempts), pause));
                }
            }
            originals.push(settled);
        }
        if !moved.is_empty() {
            let link = Arc::clone(self.link);
            let moving = async move {
                move_all(&link, moved).await?;
                crash::point("letter-rested");
                Ok(originals)
            };
            standing.moving.push(moving.boxed());
        }
        standing.acknowledge(done).await?;
        crash::point("consumer-acked");
        Ok(())
    }

    /// Asks until the consumer has decided. Our own database may be away for hours: the batch waits,
    /// unacknowledged, and the prefetch keeps more from coming.
    async fn rulings(&self, batch: &[Delivery], journal: &mut Journal) -> Vec<Ruling> {
        let mut backoff = Backoff::default();
        loop {
            match self.judge.judge(batch).await {
                Ok(rulings) => return rulings,
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

impl Standing {
    fn new(topology: &Topology) -> Self {
        let station = |queue: &String| Station::new(queue.as_str().into(), topology.gathers.contains(queue));
        Self {
            stations: topology.consumes.iter().map(station).collect(),
            held: Held::new(),
            gathering: Gathering::new(),
            moving: FuturesUnordered::new(),
            withheld: Vec::new(),
            ledger: Ledger::default(),
            unhurried: Unhurried::default(),
            came: 0,
            journal: Journal::default(),
            leaving: None,
            ended: false,
        }
    }

    /// Whether there is nothing more to do. In an alarm nothing more can be done than to finish what is at hand.
    fn is_through(&self, link: &Link) -> bool {
        let nothing_at_hand = self.leaving.is_some() && self.held.is_empty() && self.gathering.is_empty();
        nothing_at_hand
            && (link.is_blocked() || self.ended && self.moving.is_empty() && self.withheld.is_empty())
    }

    /// What has gathered long enough, or has no more time, must be seen to now.
    fn gather_in(&mut self) {
        if self.leaving.is_some() || self.gathering.is_due(Instant::now()) {
            self.held.extend(self.gathering.take());
        }
    }

    /// An end that we did not ask for is the broker's: the queue was deleted, or it lost patience with us.
    fn hold(&mut self, heard: Option<Vec<Heard>>) -> Result<(), Failure> {
        let Some(heard) = heard else {
            self.ended = true;
            return Ok(());
        };
        let now = Instant::now();
        for heard in heard {
            match heard {
                Heard::Arrived(position, arrived) => {
                    self.stations[position].took(now);
                    self.sort(position, arrived, now);
                }
                Heard::Ended(position) if self.stations[position].cancelled => {}
                Heard::Ended(position) => {
                    let queue = &self.stations[position].queue;
                    let text = format!("the broker cancelled the consumer of `{queue}`");
                    return Err(Failure::passing("consuming", text));
                }
                Heard::Failed(cause) => return Err(Failure::passing("consuming", cause.to_string())),
            }
        }
        Ok(())
    }

    fn sort(&mut self, position: usize, arrived: Box<Arrived>, now: Instant) {
        self.came += 1;
        let place = self.came;
        let about = arrived.properties.correlation_id().as_ref().map(ShortString::as_str);
        if self.stations[position].gathers {
            let about = about.map(str::to_owned);
            self.gathering.add(place, about, (position, arrived), now);
            return;
        }
        if let Some(about) = about {
            self.held.extend(self.gathering.take_about(about));
        }
        self.held.insert(place, (position, arrived));
    }

    async fn acknowledge(&mut self, settled: Vec<Settled>) -> Result<(), Failure> {
        if self.leaving.is_some() && !self.stations.iter().all(|station| station.cancelled) {
            self.withheld.extend(settled);
            return Ok(());
        }
        self.acknowledge_all(settled).await
    }

    async fn acknowledge_all(&mut self, settled: Vec<Settled>) -> Result<(), Failure> {
        let (unhurried, prompt): (Vec<Settled>, Vec<Settled>) =
            settled.into_iter().partition(|(position, _)| self.stations[*position].gathers);
        let tags: Vec<u64> = prompt.iter().map(|(_, arrived)| arrived.delivery_tag).collect();
        let acks = self.ledger.settle(&tags);
        let unhurried = unhurried.into_iter().map(|settled| (settled.1.delivery_tag, settled));
        let done = self.unhurried.settle(unhurried);
        let now = Instant::now();
        for (position, _) in prompt.iter().chain(&done) {
            self.stations[*position].acknowledged(now);
        }
        for (_, arrived) in &prompt {
            acknowledge(arrived, &acks).await?;
        }
        match done.last() {
            Some((_, last)) => acknowledge(last, &Acks::through(last.delivery_tag)).await,
            None => Ok(()),
        }
    }
}

/// Until then; for ever without a time.
async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

/// A consumer's stream with its end made visible: merged streams end silently.
fn listen((position, consumer): (usize, Consumer)) -> impl Stream<Item = Heard> + Unpin {
    let heard = consumer.map(move |arrived| match arrived {
        Ok(arrived) => Heard::Arrived(position, Box::new(arrived)),
        Err(cause) => Heard::Failed(cause),
    });
    heard.chain(stream::iter([Heard::Ended(position)]))
}

/// The oldest, at most a batch.
fn first(held: &mut Held) -> Held {
    let rest = held.keys().nth(BATCH).copied().map(|tag| held.split_off(&tag));
    std::mem::replace(held, rest.unwrap_or_default())
}

/// A message sent to the queue itself, as when it comes again or a dead letter is replayed, carries its topic only as
/// its type.
fn unpack(queue: &str, mut arrived: Arrived) -> (Delivery, Arrived) {
    let properties = &arrived.properties;
    let kind = properties.kind().as_ref().filter(|_| arrived.exchange.as_str().is_empty());
    let delivery = Delivery {
        queue: queue.to_owned(),
        topic: kind.unwrap_or(&arrived.routing_key).to_string(),
        message_id: properties.message_id().as_ref().map(ToString::to_string),
        trace: context(properties),
        attempts: attempts(properties),
        body: std::mem::take(&mut arrived.data),
    };
    (delivery, arrived)
}

/// What the publisher said of its trace; others may publish too, so anything may stand there.
fn context(properties: &BasicProperties) -> Option<TraceContext> {
    let said = properties.headers().as_ref()?.inner().get(TRACEPARENT)?.as_long_string()?;
    std::str::from_utf8(said.as_bytes()).ok()?.parse().ok()
}

async fn acknowledge(arrived: &Arrived, acks: &Acks) -> Result<(), Failure> {
    let tag = arrived.delivery_tag;
    let multiple = acks.through == Some(tag);
    if !multiple && !acks.single.contains(&tag) {
        return Ok(());
    }
    match arrived.acker.ack(BasicAckOptions { multiple }).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::passing("acknowledging", "the channel is gone")),
        Err(cause) => Err(Failure::passing("acknowledging", cause.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bus::topology;

    const NEWS: usize = 0;
    const ORDERS: usize = 1;

    fn standing() -> Standing {
        let queues = topology("till", "shop", &[("news", "order.moved"), ("orders", "order.made")]);
        let gathers = vec![queues.consumes[NEWS].clone()];
        Standing::new(&Topology { gathers, ..queues })
    }

    fn come(standing: &mut Standing, position: usize, tag: u64, about: &'static str) {
        let mut arrived = Arrived::mock(tag, "events".into(), "order".into(), false, Vec::new());
        arrived.properties = arrived.properties.with_correlation_id(about.into());
        standing.hold(Some(vec![Heard::Arrived(position, Box::new(arrived))])).unwrap();
    }

    fn pressing(standing: &mut Standing) -> Vec<u64> {
        standing.gather_in();
        first(&mut standing.held).into_keys().collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_gathers_holds_nobody_up_and_comes_along_with_its_order() {
        let mut standing = standing();
        come(&mut standing, NEWS, 1, "a");
        come(&mut standing, NEWS, 2, "b");
        assert!(pressing(&mut standing).is_empty());
        come(&mut standing, ORDERS, 3, "c");
        assert_eq!(pressing(&mut standing), [3]);
        come(&mut standing, ORDERS, 4, "b");
        assert_eq!(pressing(&mut standing), [2, 4]);
        let until = standing.gathering.until().unwrap();
        tokio::time::advance(until - Instant::now()).await;
        assert_eq!(pressing(&mut standing), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_gathers_once_no_more_is_taken() {
        let mut standing = standing();
        come(&mut standing, NEWS, 1, "a");
        standing.leaving = Some(Instant::now());
        assert_eq!(pressing(&mut standing), [1]);
    }
}
