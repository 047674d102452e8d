//! Any sequence of what two writers do to a store ends on every store as it does in a few maps in memory, and what is
//! read on the way is what the maps say. Where the two write at once, the end is that of one order of the two.

#[path = "model/shelf.rs"]
mod shelf;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use garage_kit::{
    clock::Clock,
    store::{Change, Kind, Message, Order, Outcome, Position, Query, Store},
    testing::store::{AUTHORS, BOOKS, Backend},
};
use proptest::{prelude::*, sample::subsequence, test_runner::TestRunner};
use serde_json::json;
use uuid::Uuid;

use self::shelf::Shelf;
use super::backend;

/// Books and authors that a sequence is about; few, so that its steps meet.
const BOOKS_OF_A_CASE: usize = 4;
const AUTHORS_OF_A_CASE: usize = 2;

/// One change, in terms of places instead of ids.
#[derive(Clone, Debug)]
struct Step {
    /// A book, or behind the books an author.
    place: usize,
    /// How far the version that was read is from the real one.
    stale: Option<u64>,
    deletes: bool,
    /// The unique value and the author that it takes. Only a batch of one changes them: what a batch gives up and
    /// takes at the same time may go either way.
    isbn: Option<u8>,
    author: Option<usize>,
    title: Option<u8>,
    tags: Vec<&'static str>,
    messages: usize,
}

#[derive(Clone, Debug)]
enum Act {
    /// One of the two writers commits.
    Commit(usize, Vec<Step>),
    /// Both commit one change at once.
    Race(Step, Step),
    /// One of them marks messages as sent.
    Send(usize, usize),
    /// One of them leafs through what there is, so many at a time.
    Leaf(usize, Sought, u32),
}

#[derive(Clone, Debug)]
struct Sought {
    title: Option<u8>,
    author: Option<usize>,
    tag: Option<&'static str>,
    words: Option<&'static str>,
    by_title: bool,
}

const TAGS: [&str; 3] = ["red", "blue", "100%_\\'\""];
const WORDS: [&str; 5] = ["1", "%", "_", "$", "1 %"];

fn step(places: usize) -> impl Strategy<Value = Step> {
    let stale = prop_oneof![6 => Just(None), 1 => (0..4_u64).prop_map(Some)];
    let isbn = prop::option::of(0..3_u8);
    let author = prop::option::of(0..AUTHORS_OF_A_CASE);
    let title = prop::option::of(0..3_u8);
    let tags = subsequence(TAGS.to_vec(), 0..=TAGS.len());
    let rest = (isbn, author, title, tags, 0..3_usize);
    (0..places, stale, prop::bool::weighted(0.2), rest).prop_map(|(place, stale, deletes, rest)| {
        let (isbn, author, title, tags, messages) = rest;
        Step { place, stale, deletes, isbn, author, title, tags, messages }
    })
}

fn sought() -> impl Strategy<Value = Sought> {
    let title = prop::option::weighted(0.3, 0..3_u8);
    let author = prop::option::weighted(0.3, 0..AUTHORS_OF_A_CASE);
    let tag = prop::option::weighted(0.3, prop::sample::select(TAGS.to_vec()));
    let words = prop::option::weighted(0.3, prop::sample::select(WORDS.to_vec()));
    (title, author, tag, words, any::<bool>()).prop_map(|(title, author, tag, words, by_title)| Sought {
        title,
        author,
        tag,
        words,
        by_title,
    })
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let batch =
        (0..2_usize, prop::collection::vec(step(BOOKS_OF_A_CASE), 2..4)).prop_map(|(writer, mut steps)| {
            let mut named = BTreeSet::new();
            steps.retain(|step| named.insert(step.place));
            Act::Commit(writer, steps)
        });
    let any = || step(BOOKS_OF_A_CASE + AUTHORS_OF_A_CASE);
    let single = (0..2_usize, any()).prop_map(|(writer, step)| Act::Commit(writer, vec![step]));
    let race = (any(), any()).prop_map(|(one, other)| Act::Race(one, other));
    let send = (0..2_usize, 0..4_usize).prop_map(|(writer, number)| Act::Send(writer, number));
    let leaf =
        (0..2_usize, sought(), 1..4_u32).prop_map(|(writer, sought, size)| Act::Leaf(writer, sought, size));
    prop::collection::vec(prop_oneof![4 => single, 2 => batch, 1 => race, 1 => send, 2 => leaf], 1..20)
}

/// One run: its own records and its own values, in a store that others share.
struct Case<'a> {
    writers: &'a [Arc<dyn Store>; 2],
    name: String,
    ids: Vec<Uuid>,
    model: Shelf,
    serial: u64,
}

impl<'a> Case<'a> {
    fn new(writers: &'a [Arc<dyn Store>; 2], has_foreign_keys: bool) -> Self {
        let ids = (0..BOOKS_OF_A_CASE + AUTHORS_OF_A_CASE).map(|_| Clock::system().id()).collect();
        let name = Clock::system().event_id().simple().to_string();
        Self { writers, name, ids, model: Shelf { has_foreign_keys, ..Shelf::default() }, serial: 0 }
    }

    fn author(&self, author: usize) -> Uuid {
        self.ids[BOOKS_OF_A_CASE + author]
    }

    fn change(&mut self, step: &Step, alone: bool) -> Change {
        self.serial += 1;
        let (id, name) = (self.ids[step.place], &self.name);
        let kind: &'static Kind = if step.place < BOOKS_OF_A_CASE { &BOOKS } else { &AUTHORS };
        let mut isbn = step.isbn.map(|isbn| json!(format!("{name}-{isbn}")));
        let mut author = step.author.map(|author| json!(self.author(author).to_string()));
        if let (false, Some(known)) = (alone, self.model.books.get(&id)) {
            let known =
                |field: &str| Some(known.body["index"][field].clone()).filter(|value| !value.is_null());
            (isbn, author) = (known("isbn"), known("author_id"));
        } else if !alone {
            (isbn, author) = (None, None);
        }
        let title = step.title.map(|title| format!("{name}-{title}"));
        let tags: Vec<&str> = [name.as_str()].into_iter().chain(step.tags.iter().copied()).collect();
        let search = format!("{} {}", step.title.unwrap_or(9), step.tags.join(" "));
        let index = if *kind == AUTHORS {
            json!({ "name": title })
        } else {
            json!({ "isbn": isbn, "title": title, "author_id": author, "tags": tags, "search": search })
        };
        let body = json!({ "state": self.serial, "index": index }).to_string();
        let mut change =
            Change { kind, id, expected: 0, body: (!step.deletes).then_some(body), messages: Vec::new() };
        change.expected = step.stale.unwrap_or_else(|| self.model.version(&change));
        change.messages = (0..step.messages).map(|_| message(kind, id)).collect();
        change
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Commit(writer, steps) => {
                let batch: Vec<Change> =
                    steps.iter().map(|step| self.change(step, steps.len() == 1)).collect();
                let outcomes = self.writers[*writer].commit(&batch).await.unwrap();
                let follows =
                    batch.iter().zip(&outcomes).all(|(change, outcome)| self.model.follows(change, outcome));
                assert!(follows && outcomes.len() == batch.len(), "{outcomes:?} of {batch:#?}");
            }
            Act::Race(one, other) => self.race(one, other).await,
            Act::Send(writer, number) => {
                let number = (*number).min(self.model.waiting.len());
                let sent: Vec<Message> = self.model.waiting.drain(..number).collect();
                self.writers[*writer].sent(&sent).await.unwrap();
            }
            Act::Leaf(writer, sought, size) => self.leaf(&*self.writers[*writer], sought, *size).await,
        }
    }

    async fn race(&mut self, one: &Step, other: &Step) {
        let changes = [self.change(one, true), self.change(other, true)];
        let [first, second] = self.writers;
        let (one, other) = tokio::join!(first.commit(&changes[..1]), second.commit(&changes[1..]));
        let outcomes: Vec<Outcome> = [one.unwrap(), other.unwrap()].concat();
        let in_order = |order: [usize; 2]| {
            let mut model = self.model.clone();
            order.iter().all(|at| model.follows(&changes[*at], &outcomes[*at])).then_some(model)
        };
        let mut ends: Vec<Shelf> = [[0, 1], [1, 0]].into_iter().filter_map(in_order).collect();
        assert!(!ends.is_empty(), "no order of the two ends in {outcomes:?}: {changes:#?}");
        // Of two that both fit, what is there tells which it was.
        if let [one, other] = ends.as_slice()
            && (&one.books, &one.authors) != (&other.books, &other.authors)
        {
            let held = self.held().await;
            ends.retain(|end| Self::records(end) == held);
        }
        self.model = ends.into_iter().next().unwrap();
    }

    /// Page after page, as a client goes through a list.
    async fn leaf(&self, store: &dyn Store, sought: &Sought, size: u32) {
        let mut query =
            Query { filters: vec![("tags", self.name.clone())], limit: u32::MAX, ..Query::default() };
        let title = sought.title.map(|title| ("title", format!("{}-{title}", self.name)));
        let author = sought.author.map(|author| ("author_id", self.author(author).to_string()));
        query.filters.extend(title.into_iter().chain(author));
        query.filters.extend(sought.tag.map(|tag| ("tags", tag.to_owned())));
        query.search = sought.words.map(str::to_owned);
        query.order = if sought.by_title { Order::By("title") } else { Order::Newest };
        let expected = self.model.found(&query);
        query.limit = size;
        let mut found = Vec::new();
        loop {
            let page = store.find(&BOOKS, &query).await.unwrap();
            assert!(page.len() <= size as usize, "{query:?}");
            found.extend(page.iter().map(|record| record.id));
            let Some(last) = page.last().filter(|_| page.len() == size as usize) else { break };
            let body: serde_json::Value = serde_json::from_str(&last.body).unwrap();
            let value =
                if sought.by_title { body["index"]["title"].as_str().unwrap_or_default() } else { "" };
            query.after = Some(Position { value: value.to_owned(), id: last.id });
        }
        assert_eq!(found, expected, "{query:?} in {:#?}", self.model.books);
    }

    async fn held(&self) -> BTreeMap<Uuid, (u64, serde_json::Value)> {
        let mut held = BTreeMap::new();
        let (books, authors) = self.ids.split_at(BOOKS_OF_A_CASE);
        for (kind, ids) in [(&BOOKS, books), (&AUTHORS, authors)] {
            for record in self.writers[0].load(kind, ids).await.unwrap() {
                held.insert(record.id, (record.version, serde_json::from_str(&record.body).unwrap()));
            }
        }
        held
    }

    fn records(model: &Shelf) -> BTreeMap<Uuid, (u64, serde_json::Value)> {
        let all = model.books.iter().chain(&model.authors);
        all.map(|(id, entry)| (*id, (entry.version, entry.body.clone()))).collect()
    }

    async fn compare(&self) {
        assert_eq!(self.held().await, Self::records(&self.model));
        for writer in self.writers {
            let messages = writer.unsent(Clock::system().now(), u32::MAX).await.unwrap();
            let own = messages.iter().filter(|message| self.ids.contains(&message.aggregate));
            let own: BTreeSet<Uuid> = own.map(|message| message.id).collect();
            assert_eq!(own, self.model.waiting.iter().map(|message| message.id).collect());
        }
    }
}

fn message(kind: &Kind, aggregate: Uuid) -> Message {
    Message {
        id: Clock::system().event_id(),
        kind: kind.name.to_owned(),
        aggregate,
        topic: "book.printed".to_owned(),
        correlation: aggregate,
        causation: None,
        trace: None,
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
    let writers = runtime.block_on(async { [backend.open().await, backend.open().await] });
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let run = |acts: Vec<Act>| {
        runtime.block_on(async {
            let mut case = Case::new(&writers, backend.has_foreign_keys());
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
    agrees(backend::sqlite(), 150);
}

#[test]
fn postgres_agrees_with_the_model() {
    agrees(backend::postgres(), 80);
}

#[test]
fn mongo_agrees_with_the_model() {
    agrees(backend::mongo(), 80);
}
