//! One test's bus, with names of its own, so that tests can run side by side on one broker.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Listener;
use crate::{
    bus::{Bus, Consumer, Retries, Topology, backoff::Backoff},
    clock::Clock,
};

/// Longer than anything that is waited for takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often a failing message is tried in all.
pub const ATTEMPTS: u32 = 5;

/// A bus under test.
#[async_trait]
pub trait Place: Send + Sync {
    /// A service's way onto it.
    async fn member(&self, topology: Topology) -> Arc<dyn Bus>;

    /// Bodies and reasons of the messages that were set aside from a queue.
    async fn resting(&self, queue: &str) -> Vec<(String, String)>;

    /// Removes what a test declared.
    async fn tidy(&self, topology: &Topology);
}

/// One test's bus.
pub struct World {
    place: Box<dyn Place>,
    /// What all its names begin with.
    pub prefix: String,
    topologies: Mutex<Vec<Topology>>,
}

impl World {
    /// A world in a place.
    pub fn new(place: impl Place + 'static) -> Self {
        let prefix = format!("test-{}", &Clock::system().event_id().simple().to_string()[..12]);
        Self { place: Box::new(place), prefix, topologies: Mutex::default() }
    }

    /// A service with queues bound to keys. Names of queues and services get the prefix.
    #[must_use]
    pub fn topology(&self, service: &str, queues: &[(&str, &str)]) -> Topology {
        let topology = topology(&self.prefix, service, queues);
        self.note(&topology);
        topology
    }

    /// To be tidied up.
    fn note(&self, topology: &Topology) {
        self.topologies.lock().expect("no test thread panicked").push(topology.clone());
    }

    /// A service that only publishes.
    pub async fn publisher(&self) -> Arc<dyn Bus> {
        let bus = self.place.member(self.topology("publisher", &[])).await;
        within("the publisher is ready", bus.wait_until_ready()).await;
        bus
    }

    /// A service that listens, once it does.
    pub async fn listen(
        &self,
        service: &str,
        queues: &[(&str, &str)],
        listener: &Arc<Listener>,
    ) -> Arc<dyn Bus> {
        self.listen_as(self.topology(service, queues), listener).await
    }

    /// The same for a topology that is a little different.
    pub async fn listen_as(&self, topology: Topology, listener: &Arc<Listener>) -> Arc<dyn Bus> {
        self.note(&topology);
        let bus = self.place.member(topology).await;
        bus.subscribe(Arc::clone(listener) as Arc<dyn Consumer>);
        within("the listener is ready", bus.wait_until_ready()).await;
        assert!(bus.ready().is_ok(), "{:?}", bus.ready());
        bus
    }

    /// What rests of a queue once `count` messages do, sorted.
    pub async fn resting(&self, queue: &str, count: usize) -> Vec<(String, String)> {
        let queue = format!("{}-{queue}", self.prefix);
        let mut resting = until("messages rest", async || {
            let resting = self.place.resting(&queue).await;
            (resting.len() >= count).then_some(resting)
        })
        .await;
        resting.sort();
        resting
    }

    /// Closes the members and removes what was declared.
    pub async fn tidy(self, members: &[Arc<dyn Bus>]) {
        join_all(members.iter().map(|member| within("a member closes", member.close()))).await;
        let topologies = self.topologies.into_inner().expect("no test thread panicked");
        for topology in topologies {
            self.place.tidy(&topology).await;
        }
    }
}

/// A topology in the form that production has: quorum queues, each with its dead-letter queue.
#[must_use]
pub fn topology(prefix: &str, service: &str, queues: &[(&str, &str)]) -> Topology {
    let named = |name: &str| format!("{prefix}-{name}");
    let (exchange, aside) = (named("events"), named("events.dlx"));
    let exchange_of = |(name, kind): (&String, &str)| json!({ "name": name, "type": kind, "durable": true, "auto_delete": false });
    let queue_of =
        |name: String, arguments: Value| json!({ "name": name, "durable": true, "arguments": arguments });
    let binding_of = |source: &str, queue: String, key: &str| json!({ "source": source, "destination": queue, "routing_key": key });
    let work = json!({ "x-queue-type": "quorum", "x-delivery-limit": 20, "x-dead-letter-exchange": aside,
        "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish" });
    let rest = json!({ "x-queue-type": "quorum", "x-delivery-limit": 1_000_000_000 });
    let distinct: BTreeSet<String> = queues.iter().map(|(queue, _)| named(queue)).collect();
    let exchanges = [(&exchange, "topic"), (&aside, "direct")];
    let resting = |queue: &String| format!("{queue}.dlq");
    let definitions = json!({
        "exchanges": exchanges.map(exchange_of),
        "queues": distinct.iter().flat_map(|queue| [
            queue_of(queue.clone(), work.clone()),
            queue_of(resting(queue), rest.clone()),
        ]).collect::<Vec<_>>(),
        "bindings": queues.iter().map(|(queue, key)| binding_of(&exchange, named(queue), key))
            .chain(distinct.iter().map(|queue| binding_of(&aside, resting(queue), queue)))
            .collect::<Vec<_>>(),
    });
    Topology {
        service: named(service),
        exchange: exchange.clone(),
        dead_letter_exchange: aside.clone(),
        consumes: distinct.into_iter().collect(),
        gathers: Vec::new(),
        definitions: serde_json::from_value(definitions).expect("definitions of a test"),
        retries: Retries { attempts: ATTEMPTS, delays: [20, 50].map(Duration::from_millis).to_vec() },
    }
}

/// Waits, but not for ever.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// Asks again and again until there is an answer, but not for ever.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(200));
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            backoff.pause().await;
        }
    };
    within(what, asking).await
}
