//! The floors: what the databases and the broker alone make of a saga's work, with bare drivers, no HTTP and no logic.
//! The **skeleton** does the work of each saga step by step, as the chain does: fifteen steps, each one commit (eleven
//! in PostgreSQL, four in MongoDB, majority and journal) and one confirmed message through a quorum queue, consumed
//! and acknowledged before the next step. The **batched** floor does the same work for all sagas that have arrived at
//! a step at once: one commit, one wait for all confirms, one acknowledgement.

mod batched;
mod broker;
mod skeleton;
mod stores;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use self::{broker::Broker, stores::Stores};
use crate::{outcome::Outcome, processes::Named, report, window::Window};

/// Where each of a saga's fifteen steps commits, in the order of the happy path: the order, its quote, the quote
/// known, the yes, the yes known, the attempt, the capture, its being known and queued, the workshop's steps, the end.
const STEPS: [Place; 15] = {
    use Place::{Mongo, Sql};
    [Sql, Mongo, Sql, Mongo, Sql, Mongo, Mongo, Sql, Sql, Sql, Sql, Sql, Sql, Sql, Sql]
};

/// Bytes of a record and of an event, about those of a real saga.
const RECORD: usize = 1000;
const EVENT: usize = 600;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Sql,
    Mongo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// One commit and one confirmed message per step
    Skeleton,
    /// The same work, for many sagas at once
    Batched,
}

/// Which floor, and how many sagas are at work at once.
#[derive(Args)]
pub(crate) struct Floor {
    #[arg(long, value_enum)]
    kind: Kind,
    /// Sagas at work at once
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// Seconds that count
    #[arg(long, default_value_t = 25.0)]
    duration: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 5.0)]
    warmup: f64,
    /// A process whose CPU and memory are shown with its descendants'
    #[arg(long = "proc", value_parser = crate::drive::named)]
    processes: Vec<Named>,
    /// postgres://…
    #[arg(long, env = "GARAGE_TEST_POSTGRES_URL")]
    postgres: String,
    /// mongodb://…
    #[arg(long, env = "GARAGE_TEST_MONGODB_URI")]
    mongodb: String,
    /// amqp://…
    #[arg(long, env = "GARAGE_TEST_RABBITMQ_URL")]
    rabbitmq: String,
}

/// When each saga ended, and how long it took.
type Ended = Vec<(Instant, Duration)>;

impl Floor {
    /// Measures, and prints an [`Outcome`].
    pub(crate) fn run(self) -> Result<()> {
        ensure!(self.concurrency > 0, "--concurrency must be 1 or more");
        let runtime = tokio::runtime::Runtime::new()?;
        let stores = runtime.block_on(Stores::open(&self.postgres, &self.mongodb, self.concurrency))?;
        let broker = runtime.block_on(Broker::open(&self.rabbitmq)).context("RabbitMQ")?;
        let (stop, sagas) = (Arc::new(AtomicBool::new(false)), self.concurrency);
        let work = {
            let (stop, stores, broker) = (stop.clone(), stores.clone(), broker.clone());
            match self.kind {
                Kind::Skeleton => runtime.spawn(skeleton::run(stores, broker, sagas, stop)),
                Kind::Batched => runtime.spawn(batched::run(stores, broker, sagas, stop)),
            }
        };
        let mut processes = self.processes.clone();
        processes.push(("driver".to_owned(), std::process::id()));
        let (warmup, duration) =
            (Duration::from_secs_f64(self.warmup), Duration::from_secs_f64(self.duration));
        let window = Window::watch(&processes, warmup, duration, || work.is_finished());
        stop.store(true, Ordering::Relaxed);
        let ended: Ended = runtime.block_on(work)??;
        runtime.block_on(broker.remove())?;
        report::answer(&serde_json::to_string(&Outcome::of(&window, &ended))?);
        Ok(())
    }
}
