//! The bus of a walk: what leaves an outbox is kept, and delivered when the walk says so. It can be away, and it can lose
//! its word on what it has taken.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use garage_events::{Envelope, Event, Service, topology};
use garage_kit::{
    Failure,
    bus::{
        Bus, Consumer, Delivery, Published, Verdict,
        letters::{Ended, Fate, Filter, Found, Letter, LetterBox, Opened, Place},
    },
    store::Message,
};
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

/// An event that does not come within this time was lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that ever left an outbox of the walk.
#[derive(Default)]
pub(super) struct Mail(watch::Sender<Letters>);

/// In the order in which they came, repeats included.
#[derive(Default)]
struct Letters {
    sent: Vec<Sent>,
    known: HashMap<Uuid, (Service, Event)>,
}

/// A message as it left.
#[derive(Clone)]
pub(super) struct Sent {
    id: Uuid,
    pub(super) event: Event,
    body: Vec<u8>,
}

impl Mail {
    fn take(&self, batch: &[Message]) {
        self.0.send_modify(|letters| {
            for message in batch {
                let body = message.body.clone().into_bytes();
                let Envelope { source, event, .. } = Envelope::from_json(&body).unwrap();
                letters.known.insert(message.id, (source, event.clone()));
                letters.sent.push(Sent { id: message.id, event, body });
            }
        });
    }

    /// Waits until so many different events have left.
    pub(super) async fn until(&self, count: usize) {
        let mut letters = self.0.subscribe();
        let there = timeout(PATIENCE, letters.wait_for(|letters| letters.known.len() >= count)).await;
        assert!(there.is_ok(), "{} of {count} events have left: one is lost", self.0.borrow().known.len());
    }

    /// Whether the different events of this service that have left are these.
    pub(super) fn are_from(&self, service: Service, told: &[Event]) -> bool {
        let letters = self.0.borrow();
        let left = letters.known.values().filter(|(source, _)| *source == service);
        let words = |event: &Event| format!("{event:?}");
        let mut left: Vec<String> = left.map(|(_, event)| words(event)).collect();
        let mut told: Vec<String> = told.iter().map(words).collect();
        left.sort_unstable();
        told.sort_unstable();
        left == told
    }

    /// What there is for this service, by its place among all.
    pub(super) fn to(&self, service: Service) -> Vec<(usize, Sent)> {
        let letters = self.0.borrow();
        let meant =
            |event: &Event| topology::queues_of(service).any(|queue| queue.event_type == event.event_type());
        letters.sent.iter().cloned().enumerate().filter(|(_, sent)| meant(&sent.event)).collect()
    }
}

/// How a replica's bus is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Takes the next batch and does not say so.
    LosesItsWord,
    Away,
}

/// A replica's bus.
pub(super) struct Post {
    mail: Arc<Mail>,
    mood: watch::Sender<Mood>,
    consumer: OnceLock<Arc<dyn Consumer>>,
    turn: Mutex<()>,
}

impl Post {
    pub(super) fn to(mail: &Arc<Mail>) -> Arc<Self> {
        let (mail, mood) = (Arc::clone(mail), watch::Sender::new(Mood::Well));
        Arc::new(Self { mail, mood, consumer: OnceLock::new(), turn: Mutex::default() })
    }

    pub(super) fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Hands these to the replica's consumer, which must take all of them.
    pub(super) async fn deliver(&self, service: Service, letters: &[Sent]) {
        let delivery = |sent: &Sent| {
            let topic = sent.event.event_type();
            let queue = topology::queues_of(service).find(|queue| queue.event_type == topic).unwrap();
            Delivery {
                queue: queue.name.to_owned(),
                topic: topic.to_owned(),
                message_id: Some(sent.id.to_string()),
                trace: None,
                body: sent.body.clone(),
                attempts: 0,
            }
        };
        let batch: Vec<Delivery> = letters.iter().map(delivery).collect();
        let verdicts = self.consumer.get().unwrap().consume(&batch).await.unwrap();
        assert_eq!(verdicts, vec![Verdict::Done; batch.len()]);
    }
}

#[async_trait]
impl Bus for Post {
    async fn publish(&self, batch: &[Message]) -> Published {
        let failure = |text: &str| Some(Failure::passing("publishing", text.to_owned()));
        let _turn = self.turn.lock().unwrap();
        let mood = *self.mood.borrow();
        match mood {
            Mood::Away => return Published { failure: failure("away"), ..Published::default() },
            Mood::Well | Mood::LosesItsWord => self.mail.take(batch),
        }
        if mood == Mood::LosesItsWord {
            self.mood.send_replace(Mood::Well);
            return Published { failure: failure("no confirm"), ..Published::default() };
        }
        Published { confirmed: batch.iter().map(|message| message.id).collect(), ..Published::default() }
    }

    fn subscribe(&self, consumer: Arc<dyn Consumer>) {
        assert!(self.consumer.set(consumer).is_ok(), "there is one consumer");
    }

    fn ready(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn wait_until_ready(&self) {
        let _ = self.mood.subscribe().wait_for(|mood| *mood != Mood::Away).await;
    }

    async fn drain(&self) {}

    async fn close(&self) {}
}

/// A walk delivers nothing that must be set aside.
#[async_trait]
impl LetterBox for Post {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        Ok(BTreeMap::new())
    }

    async fn letters(&self, _: &Filter, _: Option<&Place>, _: usize) -> Result<Found, Failure> {
        Ok(Found::default())
    }

    async fn letter(&self, _: Uuid) -> Result<Option<Opened>, Failure> {
        Ok(None)
    }

    async fn settle(&self, letters: &[Letter], _: Fate) -> Result<Vec<Ended>, Failure> {
        Ok(vec![Ended::Gone; letters.len()])
    }
}
