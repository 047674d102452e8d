//! What the relay and the sweep do with messages that the bus does not take.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU32},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::*;
use crate::{
    bus::{
        Consumer, Published,
        letters::{Ended, Fate, Filter, Found, Letter, LetterBox, Opened, Place},
    },
    store::{Kind, Query, Record},
    testing::bus::{message, numbered, until},
};

static NOTES: Kind = Kind { name: "notes", fields: &[] };

const FULL: &str = "order.made";
const FREE: &str = "order.paid";
const UNHEARD: &str = "order.moved";

/// A bus that takes what it is told to, and counts what it was given.
struct Road {
    is_there: AtomicBool,
    is_full: AtomicBool,
    is_heard: AtomicBool,
    given: Mutex<Vec<(Instant, String, Uuid)>>,
}

impl Road {
    /// The bus is there, a queue of one topic is full, and nobody listens for another one.
    fn new() -> Arc<Self> {
        let [is_there, is_full, is_heard] = [true, true, false].map(AtomicBool::new);
        Arc::new(Self { is_there, is_full, is_heard, given: Mutex::default() })
    }

    /// How often messages of this topic were published since.
    fn given(&self, topic: &str, since: Instant) -> usize {
        let given = self.given.lock().unwrap();
        given.iter().filter(|(at, one, _)| *at >= since && one == topic).count()
    }

    fn is(state: &AtomicBool) -> bool {
        state.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Bus for Road {
    async fn publish(&self, batch: &[Message]) -> Published {
        let now = Instant::now();
        let given = batch.iter().map(|message| (now, message.topic.clone(), message.id));
        self.given.lock().unwrap().extend(given);
        let mut published = Published::default();
        for message in batch {
            let is_full = message.topic == FULL && Self::is(&self.is_full);
            if !Self::is(&self.is_there) || is_full {
                let failure = || Failure::passing("publishing", "the broker refused it");
                published.failure.get_or_insert_with(failure);
            } else if message.topic == UNHEARD && !Self::is(&self.is_heard) {
                published.unroutable.push(message.id);
            } else {
                published.confirmed.push(message.id);
            }
        }
        published
    }

    fn subscribe(&self, _: Arc<dyn Consumer>) {}

    fn ready(&self) -> Result<(), Failure> {
        let away = || Failure::passing("reaching the broker", "it is away");
        Self::is(&self.is_there).then_some(()).ok_or_else(away)
    }

    async fn wait_until_ready(&self) {
        while self.ready().is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn drain(&self) {}

    async fn close(&self) {}
}

#[async_trait]
impl LetterBox for Road {
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure> {
        Ok(BTreeMap::new())
    }

    async fn letters(&self, _: &Filter, _: Option<&Place>, _: usize) -> Result<Found, Failure> {
        Ok(Found::default())
    }

    async fn letter(&self, _: Uuid) -> Result<Option<Opened>, Failure> {
        Ok(None)
    }

    async fn settle(&self, _: &[Letter], _: Fate) -> Result<Vec<Ended>, Failure> {
        Ok(Vec::new())
    }
}

/// A store that keeps messages alone, and counts how often it was swept.
#[derive(Default)]
struct Shelf {
    waiting: Mutex<Vec<Message>>,
    swept: AtomicU32,
}

impl Shelf {
    fn waiting(&self, topic: &str) -> usize {
        self.waiting.lock().unwrap().iter().filter(|message| message.topic == topic).count()
    }

    /// Left behind by a process that died.
    fn leave(&self, messages: Vec<Message>) {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.extend(messages);
        waiting.sort_by_key(|message| message.at);
    }
}

#[async_trait]
impl Store for Shelf {
    async fn load(&self, _: &'static Kind, _: &[Uuid]) -> Result<Vec<Record>, Failure> {
        Ok(Vec::new())
    }

    async fn find(&self, _: &'static Kind, _: &Query) -> Result<Vec<Record>, Failure> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &'static Kind, _: &Query) -> Result<u64, Failure> {
        Ok(0)
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure> {
        self.leave(changes.iter().flat_map(|change| change.messages.clone()).collect());
        Ok(vec![Outcome::Committed; changes.len()])
    }

    async fn unsent(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, Failure> {
        self.swept.fetch_add(1, Ordering::Relaxed);
        let waiting = self.waiting.lock().unwrap();
        let older = waiting.iter().take_while(|message| message.at < before);
        Ok(older.take(limit as usize).cloned().collect())
    }

    async fn sent(&self, messages: &[Message]) -> Result<(), Failure> {
        let sent: HashSet<Uuid> = messages.iter().map(|message| message.id).collect();
        self.waiting.lock().unwrap().retain(|message| !sent.contains(&message.id));
        Ok(())
    }

    async fn ping(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Time passes only while nothing else can happen.
struct World {
    road: Arc<Road>,
    shelf: Arc<Shelf>,
    outbox: Outbox,
}

impl World {
    /// With these messages left behind.
    fn with(left: Vec<Message>) -> Self {
        let (road, shelf) = (Road::new(), Arc::new(Shelf::default()));
        shelf.leave(left);
        let outbox = Outbox::start(shelf.clone(), road.clone(), Clock::system());
        Self { road, shelf, outbox }
    }

    async fn tell(&self, messages: Vec<Message>) {
        let body = Some(r#"{"state":{},"index":{}}"#.to_owned());
        let change = Change { kind: &NOTES, id: Clock::system().id(), expected: 0, body, messages };
        assert_eq!(self.outbox.commit(vec![change]).await.unwrap(), [Outcome::Committed]);
    }

    /// How long it takes until none of this topic waits.
    async fn left(&self, topic: &str) -> Duration {
        let began = Instant::now();
        let leaving = async {
            while self.shelf.waiting(topic) > 0 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(3600), leaving).await.expect("they leave");
        began.elapsed()
    }
}

/// As the machine's clock stands still in these tests, what is to be swept up has to be older from the start.
fn old(messages: Vec<Message>) -> Vec<Message> {
    let ago = |message: Message| Message { at: message.at - TimeDelta::minutes(1), ..message };
    messages.into_iter().map(ago).collect()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_up_no_other_topic() {
    let world = World::with(Vec::new());
    world.tell(old(numbered(FULL, 1000))).await;
    for _ in 0..20 {
        world.tell(vec![message(FULL, "full"), message(FREE, "free")]).await;
        assert!(world.left(FREE).await < 3 * SWEEP);
    }
    assert_eq!(world.shelf.waiting(FULL), 1020);
}

#[tokio::test(start_paused = true)]
async fn what_a_full_queue_does_not_take_is_not_given_to_its_neighbours_again_and_again() {
    let world = World::with(Vec::new());
    world.tell(old(numbered(FULL, 1000))).await;
    sleep(5 * MINUTE).await;
    let given = world.road.given(FULL, Instant::now() - 5 * MINUTE);
    assert!((1000..2100).contains(&given), "{given}");
    let later = Instant::now();
    sleep(10 * MINUTE).await;
    assert!((8..=22).contains(&world.road.given(FULL, later)), "{}", world.road.given(FULL, later));
}

#[tokio::test(start_paused = true)]
async fn what_a_full_queue_did_not_take_leaves_within_minutes_of_there_being_room() {
    let world = World::with(old(numbered(FULL, 2000)));
    sleep(10 * MINUTE).await;
    assert_eq!(world.shelf.waiting(FULL), 2000);
    world.road.is_full.store(false, Ordering::Relaxed);
    assert!(world.left(FULL).await < 2 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_event_is_tried_at_once_although_its_topic_is_held_back() {
    let world = World::with(old(numbered(FULL, 10)));
    sleep(10 * MINUTE).await;
    let fresh = message(FULL, "another queue may have room");
    world.tell(vec![fresh.clone()]).await;
    sleep(Duration::from_millis(10)).await;
    let given = world.road.given.lock().unwrap();
    assert_eq!(given.iter().filter(|(_, _, id)| *id == fresh.id).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_away_for_a_moment_costs_no_time() {
    let world = World::with(Vec::new());
    world.tell(vec![message(FULL, "an order")]).await;
    sleep(Duration::from_millis(10)).await;
    world.road.is_full.store(false, Ordering::Relaxed);
    assert!(world.left(FULL).await < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_away_is_waited_for_and_all_leaves_soon_after_it_is_back() {
    let world = World::with(Vec::new());
    world.road.is_full.store(false, Ordering::Relaxed);
    world.road.is_there.store(false, Ordering::Relaxed);
    let messages = [FULL, FREE].iter().flat_map(|topic| numbered(topic, 500)).collect();
    world.tell(messages).await;
    sleep(10 * MINUTE).await;
    world.road.is_there.store(true, Ordering::Relaxed);
    let took = world.left(FULL).await + world.left(FREE).await;
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// More than memory has room for.
#[tokio::test(start_paused = true)]
async fn many_events_that_nobody_hears_keep_no_other_one_waiting() {
    let world = World::with(old(numbered(UNHEARD, WAITING + 2000)));
    sleep(10 * MINUTE).await;
    assert_eq!(world.outbox.unroutable(), WAITING + 2000);
    let now = Instant::now();
    world.tell(vec![message(FREE, "fresh")]).await;
    assert!(world.left(FREE).await < 3 * SWEEP);
    sleep(10 * MINUTE).await;
    assert!(world.road.given(UNHEARD, now) <= 22, "{}", world.road.given(UNHEARD, now));

    world.road.is_heard.store(true, Ordering::Relaxed);
    assert!(world.left(UNHEARD).await < 3 * MINUTE);
    sleep(MINUTE).await;
    assert_eq!(world.outbox.unroutable(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_hides_nothing_that_was_left_behind_later() {
    let mut left = old(old(numbered(FULL, 9000)));
    left.extend(old(numbered(FREE, 3000)));
    let world = World::with(left);
    assert!(world.left(FREE).await < 2 * MINUTE);
    assert_eq!(world.shelf.waiting(FULL), 9000);
}

/// To read past all of them takes the database's time.
#[tokio::test(start_paused = true)]
async fn the_more_is_held_back_the_less_often_the_outbox_is_swept() {
    let world = World::with(old(numbered(FULL, 8 * MANY)));
    sleep(10 * MINUTE).await;
    let before = world.shelf.swept.load(Ordering::Relaxed);
    sleep(10 * MINUTE).await;
    let swept = world.shelf.swept.load(Ordering::Relaxed) - before;
    assert!((60..=80).contains(&swept), "{swept}");
}

#[tokio::test]
async fn an_outbox_whose_events_are_held_back_closes_at_once() {
    let world = World::with(Vec::new());
    world.tell(numbered(FULL, 10)).await;
    until("they are held back", async || world.outbox.shared.underway().is_empty().then_some(())).await;
    timeout(Duration::from_secs(5), world.outbox.close()).await.unwrap();
    assert_eq!(world.shelf.waiting(FULL), 10);
}
