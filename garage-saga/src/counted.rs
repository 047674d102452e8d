//! A bus that counts what leaves through it. Everything else is the bus's own.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use garage_kit::{
    Failure,
    bus::{
        Bus, Consumer, Published,
        letters::{Ended, Fate, Filter, Found, Letter, LetterBox, Opened, Place},
    },
    store::Message,
};
use uuid::Uuid;

use crate::measures::Measures;

/// Told of every event once it is safe with the bus.
pub type Witness = Arc<dyn Fn(&Message) + Send + Sync>;

pub(crate) struct Counted {
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) measures: Measures,
    pub(crate) witness: Option<Witness>,
}

#[async_trait]
impl Bus for Counted {
    async fn publish(&self, batch: &[Message]) -> Published {
        let published = self.bus.publish(batch).await;
        let confirmed: HashSet<&Uuid> = published.confirmed.iter().collect();
        for message in batch.iter().filter(|message| confirmed.contains(&message.id)) {
            self.measures.sent(&message.topic);
            self.witness.iter().for_each(|witness| witness(message));
        }
        for message in batch.iter().filter(|message| published.unroutable.contains(&message.id)) {
            self.measures.unroutable(&message.topic);
        }
        published
    }

    fn subscribe(&self, consumer: Arc<dyn Consumer>) {
        self.bus.subscribe(consumer);
    }

    fn ready(&self) -> Result<(), Failure> {
        self.bus.ready()
    }

    async fn wait_until_ready(&self) {
        self.bus.wait_until_ready().await;
    }

    async fn drain(&self) {
        self.bus.drain().await;
    }

    async fn close(&self) {
        self.bus.close().await;
    }
}

#[async_trait]
impl LetterBox for Counted {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        self.bus.resting().await
    }

    async fn letters(&self, filter: &Filter, after: Option<&Place>, limit: usize) -> Result<Found, Failure> {
        self.bus.letters(filter, after, limit).await
    }

    async fn letter(&self, id: Uuid) -> Result<Option<Opened>, Failure> {
        self.bus.letter(id).await
    }

    async fn settle(&self, letters: &[Letter], fate: Fate) -> Result<Vec<Ended>, Failure> {
        self.bus.settle(letters, fate).await
    }
}
