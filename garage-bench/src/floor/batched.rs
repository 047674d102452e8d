//! The batched floor: a worker per step takes all messages that have arrived, stores all records in one commit,
//! publishes all messages of the next step with one wait for their confirms, and acknowledges all at once. A saga that
//! has passed the last step begins anew, so that as many are at work as were asked for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt, future::try_join_all};
use garage_kit::clock::Clock;
use lapin::{Consumer, message::Delivery, options::BasicAckOptions};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::sleep,
};
use uuid::Uuid;

use super::{
    Ended, Place, STEPS,
    broker::{Broker, Publisher, confirmed, number},
    stores::Stores,
};

/// Messages that share a commit.
const BATCH: usize = 256;
/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A saga at work, by its slot.
#[derive(Clone, Copy)]
struct Begun {
    id: Uuid,
    at: Instant,
}

/// What all workers share: the slots' present sagas, and the sagas that have ended.
type Slots = Arc<std::sync::Mutex<(Vec<Begun>, Ended)>>;

/// Runs `sagas` at once until `stop`.
pub(super) async fn run(
    stores: Stores,
    broker: Broker,
    sagas: usize,
    stop: Arc<AtomicBool>,
) -> Result<Ended> {
    let slots: Slots = Arc::new(std::sync::Mutex::new(((0..sagas).map(|_| begun()).collect(), Vec::new())));
    let (begin, beginning) = unbounded_channel();
    for slot in 0..sagas {
        begin.send(slot)?;
    }
    let worker = |step, publisher| Worker { step, publisher, stores: stores.clone(), slots: slots.clone() };
    let first = worker(0, broker.publisher(0).await?);
    let mut workers = vec![tokio::spawn(first.begin(beginning))];
    for step in 1..=STEPS.len() {
        let (consumer, publisher) = (broker.consumer(step - 1).await?, broker.publisher(step).await?);
        workers.push(tokio::spawn(worker(step, publisher).follow(consumer, begin.clone())));
    }
    while !stop.load(Ordering::Relaxed) {
        if let Some(broken) = workers.iter_mut().find(|worker| worker.is_finished()) {
            broken.await??;
        }
        sleep(LOOK).await;
    }
    workers.iter().for_each(|worker| worker.abort());
    let ended = std::mem::take(&mut slots.lock().map_err(|_| anyhow::anyhow!("a worker panicked"))?.1);
    Ok(ended)
}

fn begun() -> Begun {
    Begun { id: Clock::system().id(), at: Instant::now() }
}

struct Worker {
    /// The step that it performs; after the last one, sagas end.
    step: usize,
    publisher: Publisher,
    stores: Stores,
    slots: Slots,
}

impl Worker {
    async fn begin(self, mut beginning: UnboundedReceiver<usize>) -> Result<()> {
        let mut batch = Vec::new();
        while beginning.recv_many(&mut batch, BATCH).await > 0 {
            self.perform(&batch).await?;
            batch.clear();
        }
        Ok(())
    }

    async fn follow(self, mut deliveries: Consumer, begin: UnboundedSender<usize>) -> Result<()> {
        while let Some(first) = deliveries.next().await {
            let mut batch: Vec<Delivery> = vec![first?];
            while batch.len() < BATCH
                && let Some(Some(delivery)) = deliveries.next().now_or_never()
            {
                batch.push(delivery?);
            }
            let slots = batch.iter().map(|delivery| number(&delivery.data)).collect::<Result<Vec<_>>>()?;
            if self.step < STEPS.len() {
                self.perform(&slots).await?;
            } else {
                self.end(&slots, &begin)?;
            }
            let last = batch.last().context("a batch has a last delivery")?;
            last.ack(BasicAckOptions { multiple: true }).await?;
        }
        Ok(())
    }

    async fn perform(&self, slots: &[usize]) -> Result<()> {
        let ids = self.ids(slots)?;
        match STEPS[self.step] {
            Place::Sql => self.stores.store_sql_many(&ids).await?,
            Place::Mongo => self.stores.store_mongo(&ids).await?,
        }
        let mut confirms = Vec::new();
        for slot in slots {
            confirms.push(confirmed(self.publisher.send(self.step, *slot).await?));
        }
        try_join_all(confirms).await?;
        Ok(())
    }

    fn ids(&self, slots: &[usize]) -> Result<Vec<Uuid>> {
        let all = self.slots.lock().map_err(|_| anyhow::anyhow!("a worker panicked"))?;
        slots.iter().map(|slot| Ok(all.0.get(*slot).context("no such saga")?.id)).collect()
    }

    fn end(&self, slots: &[usize], begin: &UnboundedSender<usize>) -> Result<()> {
        let mut all = self.slots.lock().map_err(|_| anyhow::anyhow!("a worker panicked"))?;
        for slot in slots {
            let saga = all.0.get_mut(*slot).context("no such saga")?;
            let took = saga.at.elapsed();
            *saga = begun();
            all.1.push((Instant::now(), took));
            begin.send(*slot)?;
        }
        Ok(())
    }
}
