//! The bus inside one process: the promises of every bus, and those that only hold here because nothing is
//! kept between a publisher and its listeners.

#![expect(clippy::unwrap_used, reason = "a test whose store fails must stop")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use garage_kit::{
    Failure,
    bus::{
        Bus, Topology, Verdict,
        local::{DEAD_LETTERS, LocalBus, PARKED},
    },
    clock::Clock,
    outbox::Outbox,
    store::{
        Change, Kind, Message, Order, Outcome, Query, Record, Store,
        sql::{Migrations, SqlStore},
    },
    testing::bus::{ATTEMPTS, Listener, Place, World, done, message, numbered, publish, until},
};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

garage_kit::bus_suite!(Hub::open().await);
garage_kit::letters_suite!(Hub::open().await);

static KINDS: [&Kind; 2] = [&DEAD_LETTERS, &PARKED];

/// A hub whose members share one store: they set nothing aside from each other's queues.
#[derive(Clone)]
struct Hub {
    bus: Arc<LocalBus>,
    clock: Clock,
    store: Arc<dyn Store>,
    _folder: Arc<TempDir>,
}

impl Hub {
    async fn open() -> Self {
        Self::with_clock(Clock::system()).await
    }

    async fn with_clock(clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("garage.db").display());
        let migrations = Migrations {
            postgres: sqlx::migrate!("src/bus/local/migrations/postgres"),
            sqlite: sqlx::migrate!("src/bus/local/migrations/sqlite"),
        };
        let store = SqlStore::connect(&url, migrations, &KINDS).await.unwrap();
        let bus = LocalBus::with_clock(clock.clone());
        Self { bus, clock, store: Arc::new(store), _folder: Arc::new(folder) }
    }

    /// The same data under a new process.
    fn restarted(&self) -> Self {
        Self { bus: LocalBus::with_clock(self.clock.clone()), ..self.clone() }
    }

    async fn dead_letters(&self, field: &'static str, value: &str) -> Vec<Value> {
        let query = Query {
            filters: vec![(field, value.to_owned())],
            order: Order::By("at"),
            limit: 100,
            ..Query::default()
        };
        let records = self.store.find(&DEAD_LETTERS, &query).await.unwrap();
        let bodies = records.iter().map(|record| serde_json::from_str::<Value>(&record.body).unwrap());
        bodies.map(|body| body["state"].clone()).collect()
    }
}

#[async_trait]
impl Place for Hub {
    async fn member(&self, topology: Topology) -> Arc<dyn Bus> {
        self.bus.member(topology, Arc::clone(&self.store))
    }

    async fn resting(&self, queue: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let letters = self.dead_letters("queue", queue).await;
        letters.iter().map(|letter| (text(&letter["body"]), text(&letter["reason"]))).collect()
    }

    async fn tidy(&self, _: &Topology) {}
}

#[tokio::test]
async fn a_message_stays_unsent_until_everybody_it_is_for_has_come() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let kitchen = Listener::willing();
    let bus = world.listen("kitchen", &[("kitchen-orders", "order.made")], &kitchen).await;
    let till = hub.member(world.topology("till", &[("till-orders", "order.made")])).await;
    let order = message("order.made", "an order");

    let published = bus.publish(std::slice::from_ref(&order)).await;
    assert!(published.confirmed.is_empty() && published.unroutable.is_empty(), "{published:?}");
    assert!(published.failure.unwrap().to_string().contains("till does not listen yet"));
    assert!(till.ready().is_err());

    till.subscribe(Listener::willing());
    publish(&*bus, &[order]).await;
    world.tidy(&[bus, till]).await;
}

#[tokio::test]
async fn what_is_for_a_service_that_is_about_to_come_is_not_said_to_be_heard_by_nobody() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let publisher = world.publisher().await;
    let till = hub.member(world.topology("till", &[("till-orders", "order.made")])).await;
    let order = message("order.made", "an order");
    let published = publisher.publish(std::slice::from_ref(&order)).await;
    assert!(published.confirmed.is_empty() && published.unroutable.is_empty(), "{published:?}");
    assert!(published.failure.unwrap().to_string().contains("till does not listen yet"));

    let listener = Listener::willing();
    till.subscribe(listener.clone());
    publish(&*publisher, &[order]).await;
    assert_eq!(listener.took(1).await.len(), 1);
    world.tidy(&[publisher, till]).await;
}

#[tokio::test]
async fn one_service_whose_database_is_away_does_not_make_another_miss_anything() {
    let world = World::new(Hub::open().await);
    let (well, ill) = (
        Listener::willing(),
        Listener::answering(|call, batch| match call {
            1 => Err(garage_kit::Failure::passing("committing", "the database is away")),
            _ => Ok(done(batch)),
        }),
    );
    let first = world.listen("kitchen", &[("kitchen-orders", "order.made")], &well).await;
    let second = world.listen("till", &[("till-orders", "order.made")], &ill).await;
    let published = first.publish(&numbered("order.made", 5)).await;
    assert!(published.confirmed.is_empty(), "{published:?}");
    assert_eq!(well.took(5).await.len(), 5);
    world.tidy(&[first, second]).await;
}

#[tokio::test]
async fn a_dead_letter_is_found_by_its_conversation_and_rests_once() {
    let hub = Hub::with_clock(Clock::manual(Clock::system().now())).await;
    let world = World::new(hub.clone());
    let listener = Listener::answering(|_, batch| {
        Ok(batch.iter().map(|_| Verdict::SetAside("no such order".to_owned())).collect())
    });
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let order = message("order.made", r#"{"eventId":"1"}"#);
    let since = hub.clock.now();
    publish(&*bus, std::slice::from_ref(&order)).await;
    hub.clock.advance(chrono::TimeDelta::hours(1));
    publish(&*bus, std::slice::from_ref(&order)).await;

    let letters = hub.dead_letters("correlation", &order.correlation.to_string()).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter["queue"], format!("{}-orders", world.prefix));
    assert_eq!(
        (letter["topic"].as_str(), letter["reason"].as_str()),
        (Some("order.made"), Some("no such order"))
    );
    assert_eq!(
        (letter["messageId"].as_str(), letter["body"].as_str()),
        (Some(&*order.id.to_string()), Some(&*order.body))
    );
    assert_eq!(letter["at"].as_str().unwrap().parse(), Ok(since));
    world.tidy(&[bus]).await;
}

#[tokio::test]
async fn what_is_for_a_service_that_has_gone_stays_with_its_publisher() {
    let world = World::new(Hub::open().await);
    let publisher = world.publisher().await;
    let bus = world.listen("shop", &[("orders", "order.made")], &Listener::willing()).await;
    bus.close().await;
    let must = message("order.made", "order");
    let may = garage_kit::store::Message { mandatory: false, ..message("order.made", "audit") };
    let published = publisher.publish(&[must.clone(), may]).await;
    assert_eq!((published.confirmed, published.unroutable), (vec![], vec![must.id]));
    assert!(published.failure.unwrap().to_string().contains("listens no more"));
    world.tidy(&[publisher]).await;
}

#[tokio::test]
async fn what_failed_is_tried_again_by_the_next_process_when_its_time_has_come() {
    let hub = Hub::with_clock(Clock::manual(Clock::system().now())).await;
    let world = World::new(hub.clone());
    let failing =
        Listener::answering(|_, _| Err(garage_kit::Failure::lasting("reading a record", "no sense")));
    let mut topology = world.topology("shop", &[("orders", "order.made")]);
    topology.retries.delays = vec![Duration::from_secs(3600)];
    let bus = world.listen_as(topology.clone(), &failing).await;
    let order = message("order.made", "an order");
    publish(&*bus, std::slice::from_ref(&order)).await;
    bus.close().await;

    let (again, willing) = (hub.restarted(), Listener::willing());
    let bus = again.member(topology.clone()).await;
    bus.subscribe(Arc::<Listener>::clone(&willing));
    publish(&*bus, &numbered("order.made", 1)).await;
    assert_eq!(willing.took(1).await.len(), 1, "its time has not come");
    hub.clock.advance(chrono::TimeDelta::hours(1));
    let taken = willing.took(2).await.remove(1);
    assert_eq!((taken.body.as_slice(), taken.attempts), (b"an order".as_slice(), 1));
    assert_eq!(taken.message_id, Some(order.id.to_string()));
    bus.close().await;
    assert!(hub.dead_letters("queue", &topology.consumes[0]).await.is_empty());
    world.tidy(&[]).await;
}

#[tokio::test]
async fn a_dead_letter_says_how_often_it_was_tried() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let failing =
        Listener::answering(|_, _| Err(garage_kit::Failure::lasting("reading a record", "no sense")));
    let bus = world.listen("shop", &[("orders", "order.made")], &failing).await;
    publish(&*bus, &[message("order.made", "an order")]).await;
    world.resting("orders", 1).await;
    let letters = hub.dead_letters("queue", &format!("{}-orders", world.prefix)).await;
    assert_eq!(
        (&letters[0]["attempts"], &letters[0]["reason"]),
        (&ATTEMPTS.into(), &"reading a record: no sense".into())
    );
    world.tidy(&[bus]).await;
}

static NOTES: Kind = Kind { name: "notes", fields: &[] };
static NOTED: [&Kind; 1] = [&NOTES];

/// A new note that tells this.
fn noted(messages: Vec<Message>) -> Change {
    let body = Some(r#"{"state":{},"index":{}}"#.to_owned());
    Change { kind: &NOTES, id: Clock::system().id(), expected: 0, body, messages }
}

/// An outbox over a file of its own, on a bus.
async fn outbox(bus: Arc<dyn Bus>) -> (Outbox, TempDir) {
    let (store, folder) = store().await;
    (Outbox::start(Arc::new(store), bus, Clock::system()), folder)
}

async fn store() -> (SqlStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("notes.db").display());
    let migrations = Migrations {
        postgres: sqlx::migrate!("tests/http/migrations"),
        sqlite: sqlx::migrate!("tests/http/migrations"),
    };
    (SqlStore::connect(&url, migrations, &NOTED).await.unwrap(), folder)
}

#[tokio::test]
async fn events_that_nobody_hears_are_counted_until_somebody_does() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let publisher = world.publisher().await;
    let (outbox, _folder) = outbox(Arc::clone(&publisher)).await;
    assert_eq!(outbox.commit(vec![noted(numbered("order.made", 5))]).await.unwrap(), [Outcome::Committed]);
    until("nobody hears them", async || (outbox.unroutable() == 5).then_some(())).await;

    let listener = Listener::willing();
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    assert_eq!(listener.took(5).await.len(), 5);
    until("they are heard", async || (outbox.unroutable() == 0).then_some(())).await;
    outbox.close().await;
    world.tidy(&[publisher, bus]).await;
}

#[tokio::test]
async fn an_event_that_a_wrong_clock_dated_leaves_although_its_writer_died() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let listener = Listener::willing();
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let publisher = world.publisher().await;
    let ahead = Message { at: hub.clock.now() + TimeDelta::minutes(10), ..message("order.made", "an order") };
    let (store, _folder) = store().await;
    assert_eq!(store.commit(&[noted(vec![ahead])]).await.unwrap(), [Outcome::Committed]);

    let outbox = Outbox::start(Arc::new(store), Arc::clone(&publisher), Clock::system());
    assert_eq!(listener.took(1).await.len(), 1);
    outbox.close().await;
    world.tidy(&[publisher, bus]).await;
}

/// Marks gather for a second, and the sweep looks once in a second.
#[tokio::test]
async fn what_was_left_behind_leaves_while_much_that_has_left_waits_for_its_mark() {
    let hub = Hub::open().await;
    let world = World::new(hub.clone());
    let listener = Listener::willing();
    let bus = world.listen("shop", &[("orders", "order.made")], &listener).await;
    let publisher = world.publisher().await;
    let (store, _folder) = store().await;
    let store = Arc::new(store);
    let outbox = Outbox::start(Arc::new(Unmarked(store.clone())), Arc::clone(&publisher), Clock::system());
    assert_eq!(outbox.commit(vec![noted(numbered("order.made", 600))]).await.unwrap(), [Outcome::Committed]);
    assert_eq!(listener.took(600).await.len(), 600);

    let forgotten =
        Message { at: hub.clock.now() - TimeDelta::minutes(1), ..message("order.made", "forgotten") };
    store.commit(&[noted(vec![forgotten])]).await.unwrap();
    assert_eq!(listener.took(601).await.len(), 601);
    world.tidy(&[publisher, bus]).await;
}

/// A store in which nothing is ever marked: everything that has left waits for its mark.
struct Unmarked(Arc<SqlStore>);

#[async_trait]
impl Store for Unmarked {
    async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure> {
        self.0.load(kind, ids).await
    }

    async fn find(&self, kind: &'static Kind, query: &Query) -> Result<Vec<Record>, Failure> {
        self.0.find(kind, query).await
    }

    async fn count(&self, kind: &'static Kind, query: &Query) -> Result<u64, Failure> {
        self.0.count(kind, query).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure> {
        self.0.commit(changes).await
    }

    async fn unsent(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, Failure> {
        self.0.unsent(before, limit).await
    }

    async fn sent(&self, _: &[Message]) -> Result<(), Failure> {
        std::future::pending().await
    }

    async fn ping(&self) -> Result<(), Failure> {
        self.0.ping().await
    }
}
