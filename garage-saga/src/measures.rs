//! What Prometheus reads of the saga's plumbing, the same in every service: events sent and taken, what waits in the
//! outbox, what was set aside, whether the bus is there. Counts that live in a store are looked up every few seconds;
//! every replica sees the same store, so of these the largest is the truth and not the sum.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Service, topology::queues_of};
use garage_kit::{
    Failure,
    bus::{Bus, Verdict, backoff::Backoff},
    clock::Clock,
    store::Store,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};
use tokio_util::sync::CancellationToken;

/// A look begins so long after the last, or up to half of it earlier.
const LOOK: Duration = Duration::from_secs(10);
/// More than so many that wait are not counted: how long the oldest waits says more.
const MOST: u32 = 1000;
/// By how much the clock of whoever stored a message may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// In seconds, of one delivery from its arrival in a batch to its commit.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Taken {
    queue: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    event: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Resting {
    queue: &'static str,
}

/// The numbers of one service. Copies share them.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    service: Service,
    taken: Family<Taken, Histogram, fn() -> Histogram>,
    sent: Family<Sent, Counter>,
    unroutable: Family<Sent, Counter>,
    pending: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    resting: Family<Resting, Gauge>,
    bus: Gauge,
}

impl Measures {
    pub(crate) fn register(service: Service, registry: &mut Registry) -> Self {
        let measures = Self {
            service,
            taken: Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram),
            sent: Family::default(),
            unroutable: Family::default(),
            pending: Gauge::default(),
            oldest: Gauge::default(),
            resting: Family::default(),
            bus: Gauge::default(),
        };
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("garage_build", "Which build this is", version);
        registry.register_with_unit(
            "messaging_process_duration",
            "How long events took from their arrival to the commit of their effect",
            Unit::Seconds,
            measures.taken.clone(),
        );
        registry.register(
            "messaging_client_sent_messages",
            "Events that the bus has confirmed",
            measures.sent.clone(),
        );
        registry.register(
            "garage_events_unroutable",
            "Events that came back because nobody listens; each try counts",
            measures.unroutable.clone(),
        );
        registry.register(
            "garage_outbox_pending",
            "Events that wait in the outbox, counted up to a thousand",
            measures.pending.clone(),
        );
        registry.register_with_unit(
            "garage_outbox_oldest_age",
            "For how long the oldest event in the outbox has waited",
            Unit::Seconds,
            measures.oldest.clone(),
        );
        registry.register(
            "garage_dead_letters",
            "Events that were set aside and rest",
            measures.resting.clone(),
        );
        registry.register("garage_bus_ready", "Whether events flow: 1 or 0", measures.bus.clone());
        measures
    }

    /// Events of a batch that took so long.
    pub(crate) fn took<'a>(&self, batch: impl Iterator<Item = (&'a str, &'a Verdict)>, time: Duration) {
        for (queue, verdict) in batch {
            let outcome = match verdict {
                Verdict::Done => "done",
                Verdict::SetAside(_) => "set_aside",
            };
            let labels = Taken { queue: queue.to_owned(), outcome };
            self.taken.get_or_create(&labels).observe(time.as_secs_f64());
        }
    }

    pub(crate) fn sent(&self, event: &str) {
        self.sent.get_or_create(&Sent { event: event.to_owned() }).inc();
    }

    pub(crate) fn unroutable(&self, event: &str) {
        self.unroutable.get_or_create(&Sent { event: event.to_owned() }).inc();
    }

    /// Looks up, every few seconds, what is not told by itself.
    pub(crate) async fn look(
        self,
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        clock: Clock,
        stopping: CancellationToken,
    ) {
        let mut pauses = Backoff::new(LOOK, LOOK);
        loop {
            let looked = async {
                self.bus.set(i64::from(bus.ready().is_ok()));
                self.look_at_outbox(&*store, clock.now()).await?;
                self.look_at_letters(&bus.resting().await?);
                Ok::<_, Failure>(())
            };
            match stopping.run_until_cancelled(looked).await {
                Some(Ok(())) => {}
                Some(Err(failure)) => {
                    tracing::debug!(%failure, "the outbox or the letters could not be counted")
                }
                None => return,
            }
            if stopping.run_until_cancelled(pauses.pause()).await.is_none() {
                return;
            }
        }
    }

    async fn look_at_outbox(&self, store: &dyn Store, now: DateTime<Utc>) -> Result<(), Failure> {
        let waiting = store.unsent(now + AHEAD, MOST).await?;
        self.pending.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
        let age = waiting.iter().map(|message| now - message.at).max().unwrap_or_default();
        self.oldest.set(age.max(TimeDelta::zero()).as_seconds_f64());
        Ok(())
    }

    fn look_at_letters(&self, resting: &BTreeMap<String, u64>) {
        for queue in queues_of(self.service) {
            let count = resting.get(queue.name).copied().unwrap_or_default();
            let labels = Resting { queue: queue.name };
            self.resting.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
