//! Aggregates in MongoDB 6 and 7, standalone or a replica set. A record is one document
//! `{_id, version, body: {state, index}, outbox: [{id, at, message}]}`: what is written together is inside
//! it, so no transactions are needed. There are no foreign keys; who needs them belongs into [`super::sql`].

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bson::{Document, RawDocumentBuf, doc};
use chrono::{DateTime, Utc};
use futures::{TryStreamExt, future::try_join_all};
use mongodb::{Client, Database, options::ReadConcern};
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    Failure, crash,
    store::{Change, Kind, Message, Outcome, Query, Record, Store, pool::Pool},
};

mod answer;
mod json;
mod open;
mod pool;
mod read;
mod write;

/// Past this an answer is not worth waiting for; what was underway may still happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where the fields are.
const PATH: &str = "body.index.";

/// Aggregates in MongoDB.
pub struct MongoStore {
    database: Database,
    place: String,
    kinds: &'static [&'static Kind],
    /// Whether something was deleted here while messages waited in it.
    graves: AtomicBool,
    pool: Arc<pool::Counted>,
    /// Whoever is refused before that stops.
    is_open: bool,
}

impl MongoStore {
    /// Connects to `mongodb://…` or `mongodb+srv://…` and makes the indexes that are missing. `database` is
    /// taken when the URI names none.
    ///
    /// # Errors
    /// When no server answers, or an index stands in the way. The text names the hosts, never the password.
    pub async fn connect(
        uri: &str,
        database: &str,
        kinds: &'static [&'static Kind],
    ) -> Result<Self, Failure> {
        let mut options = open::options(uri.to_owned()).await?;
        let pool = pool::Counted::watch(&mut options);
        let database = options.default_database.as_deref().unwrap_or(database);
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        let place = format!("{}/{database}", hosts.join(","));
        let client = Client::with_options(options.clone())
            .map_err(|error| answer::unopened("connecting to MongoDB", &place, &error))?;
        let (database, graves) = (client.database(database), AtomicBool::new(false));
        let store = Self { database, place, kinds, graves, pool, is_open: false };
        store.ping().await?;
        for kind in kinds {
            store.command("making indexes", open::indexes(kind)).await?;
            store.bury(kind).await;
        }
        Ok(Self { is_open: true, ..store })
    }

    /// Lets go of the server.
    pub async fn close(&self) {
        let client = self.database.client().clone();
        let closing = async move {
            client.shutdown().await;
            Ok(())
        };
        if let Err(failure) = self.settled("closing", closing).await {
            tracing::warn!(%failure, "MongoDB's connections were left open");
        }
    }

    /// Waits for the driver. Its work runs in a task of its own, which goes on when the caller hangs up: a
    /// future of the driver that is dropped halfway can leave it inconsistent (RUST-937).
    async fn settled<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Future<Output = mongodb::error::Result<T>> + Send + 'static,
    ) -> Result<T, Failure> {
        match timeout(PATIENCE, tokio::spawn(work)).await {
            Err(_) => {
                Err(Failure::passing(doing, format!("{} did not answer within {PATIENCE:?}", self.place)))
            }
            Ok(Err(ended)) => Err(Failure::lasting(doing, ended)),
            Ok(Ok(answer)) => {
                let failure = if self.is_open { answer::failure } else { answer::unopened };
                answer.map_err(|error| failure(doing, &self.place, &error))
            }
        }
    }

    async fn command(&self, doing: &'static str, command: Document) -> Result<Document, Failure> {
        let database = self.database.clone();
        self.settled(doing, async move { database.run_command(command).await }).await
    }

    /// Writes statements, and says which of them went wrong and how.
    async fn write(
        &self,
        kind: &Kind,
        statements: Vec<RawDocumentBuf>,
    ) -> Result<Vec<(usize, Outcome)>, Failure> {
        let mut wrong = Vec::new();
        let mut before = 0;
        for (command, size) in write::commands(kind.name, statements) {
            let database = self.database.clone();
            let writing = self.settled("writing", async move { database.run_raw_command(command).await });
            let answer = crash::during("mongo-write-sent", writing).await?;
            let outcomes = answer::outcomes(&self.place, &answer)?;
            wrong.extend(outcomes.into_iter().map(|(index, outcome)| (before + index, outcome)));
            before += size;
        }
        Ok(wrong)
    }

    /// Removes records that were deleted and whose last message has left. Nobody sees them any more, so the
    /// next time will do as well, and the next start does it in any case.
    async fn bury(&self, kind: &Kind) {
        if let Err(failure) = self.command("removing deleted records", write::bury(kind.name)).await {
            tracing::warn!(%failure, "deleted records take room for a while longer");
        }
    }

    async fn records(
        &self,
        doing: &'static str,
        kind: &Kind,
        filter: Document,
        sort: Document,
        limit: u32,
    ) -> Result<Vec<Record>, Failure> {
        let collection = self.database.collection::<RawDocumentBuf>(kind.name);
        let found = self.settled(doing, async move {
            let projection = doc! { "outbox": 0 };
            let cursor = collection.find(filter).sort(sort).limit(i64::from(limit)).projection(projection);
            cursor.await?.try_collect::<Vec<_>>().await
        });
        found.await?.iter().map(|document| read::record(document)).collect()
    }

    /// A message leaves only once the majority has it: what a fail-over takes back must not have been told.
    async fn unsent_of(
        &self,
        kind: &Kind,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Message>, Failure> {
        let collection = self.database.collection::<Document>(kind.name);
        let entries = self.settled("reading the outbox", async move {
            let pipeline = read::unsent(before, limit);
            let cursor = collection.aggregate(pipeline).read_concern(ReadConcern::majority());
            cursor.await?.try_collect::<Vec<_>>().await
        });
        entries.await?.iter().map(read::message).collect()
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.records("loading records", kind, read::ids(ids), doc! {}, 0).await
    }

    async fn find(&self, kind: &'static Kind, query: &Query) -> Result<Vec<Record>, Failure> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let (filter, sort) = read::query(kind, query)?;
        self.records("finding records", kind, filter, sort, query.limit).await
    }

    async fn count(&self, kind: &'static Kind, query: &Query) -> Result<u64, Failure> {
        if query.limit == 0 {
            return Ok(0);
        }
        let (filter, _) = read::query(kind, query)?;
        let collection = self.database.collection::<Document>(kind.name);
        let limit = u64::from(query.limit);
        let counting = async move { collection.count_documents(filter).limit(limit).await };
        self.settled("counting records", counting).await
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes = vec![Outcome::Committed; changes.len()];
        for kind in named(changes) {
            let places: Vec<usize> =
                (0..changes.len()).filter(|place| changes[*place].kind == kind).collect();
            let statements = places.iter().map(|place| write::statement(&changes[*place]));
            let statements = statements.collect::<Result<_, _>>()?;
            for (index, outcome) in self.write(kind, statements).await? {
                outcomes[places[index]] = outcome;
            }
            let mut deleted =
                places.iter().map(|place| &changes[*place]).filter(|change| change.body.is_none());
            if let Some(first) = deleted.next() {
                let tells = |change: &Change| !change.messages.is_empty();
                if tells(first) || deleted.any(tells) {
                    self.graves.store(true, Ordering::Relaxed);
                }
                self.bury(kind).await;
            }
        }
        Ok(outcomes)
    }

    async fn unsent(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, Failure> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut messages: Vec<Message> =
            try_join_all(self.kinds.iter().map(|kind| self.unsent_of(kind, before, limit))).await?.concat();
        messages.sort_by_key(|message| message.at);
        messages.truncate(limit as usize);
        Ok(messages)
    }

    async fn sent(&self, messages: &[Message]) -> Result<(), Failure> {
        for kind in self.kinds {
            let statements = forgets(kind, messages);
            if !statements.is_empty() {
                self.write(kind, statements).await?;
                if self.graves.load(Ordering::Relaxed) {
                    self.bury(kind).await;
                }
            }
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), Failure> {
        self.command("asking MongoDB", doc! { "ping": 1 }).await.map(drop)
    }

    fn pools(&self) -> Vec<Pool> {
        vec![self.pool.pool()]
    }
}

/// The kinds of a batch, in the order in which it names them first.
fn named(changes: &[Change]) -> Vec<&'static Kind> {
    let mut kinds = Vec::new();
    for change in changes {
        if !kinds.contains(&change.kind) {
            kinds.push(change.kind);
        }
    }
    kinds
}

/// One statement for each record of `kind` that told one of `messages`.
fn forgets(kind: &Kind, messages: &[Message]) -> Vec<RawDocumentBuf> {
    let mut told: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.kind == kind.name) {
        told.entry(message.aggregate).or_default().push(message.id.to_string());
    }
    told.into_iter().map(|(id, messages)| write::forget(&id.to_string(), messages)).collect()
}
