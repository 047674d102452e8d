//! What it costs to carry a message inside the process: matching its topic with every binding of a member that has as
//! many queues as a real one, and handing it over.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use garage_kit::{
    Failure,
    bus::{Binding, Consumer, Definitions, Delivery, Topology, Verdict, local::LocalBus},
    store::{Change, Kind, Message, Outcome, Query, Record, Store},
};
use uuid::Uuid;

const EXCHANGE: &str = "news";
const QUEUES: usize = 10;

/// Agrees with everything.
struct Nodding;

#[async_trait]
impl Consumer for Nodding {
    async fn consume(&self, batch: &[Delivery]) -> Result<Vec<Verdict>, Failure> {
        Ok(vec![Verdict::Done; batch.len()])
    }
}

/// Nothing is ever set aside here.
struct Nowhere;

#[async_trait]
impl Store for Nowhere {
    async fn load(&self, _: &'static Kind, _: &[Uuid]) -> Result<Vec<Record>, Failure> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &'static Kind, _: &Query) -> Result<Vec<Record>, Failure> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &'static Kind, _: &Query) -> Result<u64, Failure> {
        Ok(0)
    }

    async fn commit(&self, _: &[Change]) -> Result<Vec<Outcome>, Failure> {
        Ok(Vec::new())
    }

    async fn unsent(&self, _: DateTime<Utc>, _: u32) -> Result<Vec<Message>, Failure> {
        Ok(Vec::new())
    }

    async fn sent(&self, _: &[Message]) -> Result<(), Failure> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn topology() -> Topology {
    let queues: Vec<String> = (0..QUEUES).map(|number| format!("reader-thing-{number}")).collect();
    let bindings = queues.iter().enumerate().map(|(number, queue)| Binding {
        source: EXCHANGE.to_owned(),
        destination: queue.clone(),
        routing_key: format!("thing.{number}"),
    });
    Topology {
        service: "reader".to_owned(),
        exchange: EXCHANGE.to_owned(),
        dead_letter_exchange: "news.dlx".to_owned(),
        retries: Default::default(),
        definitions: Definitions { exchanges: Vec::new(), queues: Vec::new(), bindings: bindings.collect() },
        consumes: queues,
    }
}

fn message() -> Message {
    Message {
        id: Uuid::from_u128(1),
        kind: "things".to_owned(),
        aggregate: Uuid::from_u128(2),
        topic: format!("thing.{}", QUEUES - 1),
        correlation: Uuid::from_u128(2),
        causation: None,
        trace: None,
        source: "reader".to_owned(),
        version: 1,
        at: DateTime::UNIX_EPOCH,
        mandatory: true,
        body: "x".repeat(400),
    }
}

fn carry(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let member = LocalBus::new().member(topology(), Arc::new(Nowhere));
    member.subscribe(Arc::new(Nodding));
    for size in [1, 64] {
        let batch = vec![message(); size];
        criterion.bench_function(&format!("carry {size} inside the process"), |bencher| {
            bencher.iter(|| runtime.block_on(member.publish(&batch)).confirmed.len());
        });
    }
}

criterion_group!(benches, carry);
criterion_main!(benches);
