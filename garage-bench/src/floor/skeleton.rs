//! The skeleton: each saga is a task that commits, publishes, and waits for confirm and delivery, fifteen times in a
//! row; then the next saga begins. Sagas share nothing but the databases and the broker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Context, Result, bail};
use futures::{
    StreamExt,
    future::{select_all, try_join_all},
};
use garage_kit::clock::Clock;
use lapin::{Consumer, options::BasicAckOptions};
use tokio::sync::mpsc;

use super::{
    Ended, Place, STEPS,
    broker::{Broker, Publisher, confirmed, number},
    stores::Stores,
};

/// Runs `sagas` at once until `stop`.
pub(super) async fn run(
    stores: Stores,
    broker: Broker,
    sagas: usize,
    stop: Arc<AtomicBool>,
) -> Result<Ended> {
    let (deliveries, inboxes): (Vec<_>, Vec<_>) = (0..sagas).map(|_| mpsc::channel(1)).unzip();
    let mut consumers = Vec::new();
    for step in 0..STEPS.len() {
        let consumer = broker.consumer(step).await?;
        consumers.push(tokio::spawn(hand_out(consumer, deliveries.clone())));
    }
    let mut chains = Vec::new();
    for (saga, inbox) in inboxes.into_iter().enumerate() {
        let publisher = broker.publisher(saga).await?;
        let chain = Chain { saga, stores: stores.clone(), publisher, inbox };
        chains.push(tokio::spawn(chain.run(stop.clone())));
    }
    // A chain would wait for ever for a consumer that has ended.
    let ended = tokio::select! {
        ended = try_join_all(chains) => ended?.into_iter().collect::<Result<Vec<Ended>>>()?,
        (broken, ..) = select_all(&mut consumers) => {
            broken??;
            bail!("the broker ended a consumer");
        }
    };
    consumers.iter().for_each(|consumer| consumer.abort());
    Ok(ended.into_iter().flatten().collect())
}

/// Acknowledges each delivery and tells the saga that it belongs to.
async fn hand_out(mut consumer: Consumer, sagas: Vec<mpsc::Sender<()>>) -> Result<()> {
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        delivery.ack(BasicAckOptions::default()).await?;
        let saga = sagas.get(number(&delivery.data)?).context("a saga that is not at work")?;
        let _ = saga.send(()).await;
    }
    Ok(())
}

struct Chain {
    saga: usize,
    stores: Stores,
    publisher: Publisher,
    inbox: mpsc::Receiver<()>,
}

impl Chain {
    async fn run(mut self, stop: Arc<AtomicBool>) -> Result<Ended> {
        let mut ended = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let id = Clock::system().id();
            for (step, place) in STEPS.into_iter().enumerate() {
                match place {
                    Place::Sql => self.stores.store_sql(id).await?,
                    Place::Mongo => self.stores.store_mongo(&[id]).await?,
                }
                confirmed(self.publisher.send(step, self.saga).await?).await?;
                self.inbox.recv().await.context("the consumers have ended")?;
            }
            ended.push((Instant::now(), begun.elapsed()));
        }
        Ok(ended)
    }
}
