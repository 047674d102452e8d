//! Any sequence of commits ends on every store as it does in a few maps in memory.

use std::collections::{BTreeSet, HashMap};

use garage_kit::{
    clock::Clock,
    store::{Change, Message, Outcome, Store},
    testing::store::{BOOKS, Backend},
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::json;
use uuid::Uuid;

use super::backend;

/// Books that a sequence is about; few, so that its steps meet.
const BOOKS_OF_A_CASE: usize = 4;

/// One change, in terms of places instead of ids.
#[derive(Clone, Debug)]
struct Step {
    book: usize,
    /// How far the version that was read is from the real one.
    stale: Option<u64>,
    deletes: bool,
    /// The unique value that it takes. Only a batch of one changes it: what a batch gives up and takes at
    /// the same time may go either way.
    isbn: Option<u8>,
    messages: usize,
}

#[derive(Clone, Debug)]
enum Act {
    Commit(Vec<Step>),
    Send(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let stale = prop_oneof![6 => Just(None), 1 => (0..4_u64).prop_map(Some)];
    let isbn = prop::option::of(0..3_u8);
    (0..BOOKS_OF_A_CASE, stale, prop::bool::weighted(0.2), isbn, 0..3_usize)
        .prop_map(|(book, stale, deletes, isbn, messages)| Step { book, stale, deletes, isbn, messages })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let batch = prop::collection::vec(step(), 1..4).prop_map(|mut steps| {
        let mut named = BTreeSet::new();
        steps.retain(|step| named.insert(step.book));
        Act::Commit(steps)
    });
    let send = (0..4_usize).prop_map(Act::Send);
    prop::collection::vec(prop_oneof![4 => batch, 1 => send], 1..16)
}

#[derive(Clone)]
struct Book {
    version: u64,
    body: String,
    isbn: Option<String>,
}

/// What a store should hold.
#[derive(Default)]
struct Model {
    books: HashMap<Uuid, Book>,
    waiting: Vec<Message>,
}

impl Model {
    fn commit(&mut self, change: &Change, isbn: Option<String>) -> Outcome {
        let version = self.books.get(&change.id).map_or(0, |book| book.version);
        if version != change.expected {
            return Outcome::Conflict;
        }
        let others = self.books.iter().filter(|(id, _)| **id != change.id);
        if isbn.is_some() && change.body.is_some() && others.into_iter().any(|(_, book)| book.isbn == isbn) {
            return Outcome::Taken { field: "isbn".to_owned() };
        }
        match &change.body {
            Some(body) => {
                let book = Book { version: version + 1, body: body.clone(), isbn };
                self.books.insert(change.id, book);
            }
            None => {
                self.books.remove(&change.id);
            }
        }
        self.waiting.extend(change.messages.clone());
        Outcome::Committed
    }

    fn waiting(&self) -> BTreeSet<Uuid> {
        self.waiting.iter().map(|message| message.id).collect()
    }
}

/// One run: its own books and its own values, in a store that others share.
struct Case<'a> {
    store: &'a dyn Store,
    name: String,
    ids: Vec<Uuid>,
    model: Model,
    serial: u64,
}

impl<'a> Case<'a> {
    fn new(store: &'a dyn Store) -> Self {
        let ids = (0..BOOKS_OF_A_CASE).map(|_| Clock::system().id()).collect();
        let name = Clock::system().event_id().to_string();
        Self { store, name, ids, model: Model::default(), serial: 0 }
    }

    fn change(&mut self, step: &Step, alone: bool) -> (Change, Option<String>) {
        self.serial += 1;
        let id = self.ids[step.book];
        let known = self.model.books.get(&id);
        let isbn = match (alone, step.isbn) {
            (true, Some(isbn)) => Some(format!("{}-{isbn}", self.name)),
            (true, None) => None,
            (false, _) => known.and_then(|book| book.isbn.clone()),
        };
        let body = json!({ "state": self.serial, "index": { "isbn": isbn } }).to_string();
        let expected = step.stale.unwrap_or_else(|| known.map_or(0, |book| book.version));
        let messages = (0..step.messages).map(|_| message(id)).collect();
        (Change { kind: &BOOKS, id, expected, body: (!step.deletes).then_some(body), messages }, isbn)
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Commit(steps) => {
                let changes: Vec<_> = steps.iter().map(|step| self.change(step, steps.len() == 1)).collect();
                let batch: Vec<Change> = changes.iter().map(|(change, _)| change.clone()).collect();
                let expected: Vec<Outcome> =
                    changes.into_iter().map(|(change, isbn)| self.model.commit(&change, isbn)).collect();
                assert_eq!(self.store.commit(&batch).await.unwrap(), expected, "{batch:?}");
            }
            Act::Send(number) => {
                let number = (*number).min(self.model.waiting.len());
                let sent: Vec<Message> = self.model.waiting.drain(..number).collect();
                self.store.sent(&sent).await.unwrap();
            }
        }
    }

    async fn compare(&self) {
        let mut held = HashMap::new();
        for record in self.store.load(&BOOKS, &self.ids).await.unwrap() {
            let body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
            held.insert(record.id, (record.version, body.to_string()));
        }
        let expected =
            self.model.books.iter().map(|(id, book)| (*id, (book.version, book.body.clone()))).collect();
        assert_eq!(held, expected);
        let messages = self.store.unsent(Clock::system().now(), u32::MAX).await.unwrap();
        let own = messages.iter().filter(|message| self.ids.contains(&message.aggregate));
        assert_eq!(own.map(|message| message.id).collect::<BTreeSet<_>>(), self.model.waiting());
    }
}

fn message(aggregate: Uuid) -> Message {
    Message {
        id: Clock::system().event_id(),
        kind: BOOKS.name.to_owned(),
        aggregate,
        topic: "book.printed".to_owned(),
        correlation: aggregate,
        causation: None,
        source: "printer".to_owned(),
        version: 1,
        at: Clock::system().now() - chrono::TimeDelta::seconds(1),
        mandatory: false,
        body: "{}".to_owned(),
    }
}

fn agrees(backend: impl Future<Output = impl Backend>, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let backend = runtime.block_on(backend);
    let store = runtime.block_on(backend.open());
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let run = |acts: Vec<Act>| {
        runtime.block_on(async {
            let mut case = Case::new(&*store);
            for act in &acts {
                case.act(act).await;
            }
            case.compare().await;
        });
        Ok(())
    };
    TestRunner::new(config).run(&acts(), run).unwrap();
}

#[test]
fn sqlite_agrees_with_the_model() {
    agrees(backend::sqlite(), 200);
}

#[test]
fn postgres_agrees_with_the_model() {
    agrees(backend::postgres(), 60);
}

#[test]
fn mongo_agrees_with_the_model() {
    agrees(backend::mongo(), 60);
}
