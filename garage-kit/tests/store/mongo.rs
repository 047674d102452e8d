//! MongoDB: the promises, and what only documents can do.

use std::time::Duration;

use garage_kit::{
    Failure,
    clock::Clock,
    store::{Change, Order, Position, Query, Store, mongo::MongoStore},
    store_conformance,
    testing::{
        bus::until,
        store::{BOOKS, Backend, KINDS},
    },
};
use mongodb::{
    Client, Database,
    bson::{Bson, Document, doc},
};
use serde_json::json;

use super::backend::{Mongo, mongo};

store_conformance!(mongo);

async fn refused(uri: &str) -> Failure {
    let connecting = MongoStore::connect(uri, "books", &KINDS);
    tokio::time::timeout(Duration::from_secs(8), connecting).await.unwrap().err().unwrap()
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_the_password() {
    let failure = refused("mongodb://somebody:hunter2@127.0.0.1:1/?retryReads=false").await;
    let text = failure.to_string();
    assert!(failure.is_passing(), "{text}");
    assert!(text.contains("127.0.0.1:1/books") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_malformed_uri_does_not_show_its_password() {
    let text = refused("mongodb://somebody:hunter2/3@127.0.0.1/books").await.to_string();
    assert!(text.contains("malformed") && !text.contains("hunter2"), "{text}");
}

async fn database(backend: &Mongo) -> Database {
    let client = Client::with_uri_str(backend.0.uri()).await.unwrap();
    client.default_database().unwrap()
}

/// The indexes and the other steps of the plan that the server would follow.
fn steps(plan: &Document) -> Vec<String> {
    let own = plan.get_str("indexName").or_else(|_| plan.get_str("stage")).ok().map(ToOwned::to_owned);
    let inner = plan.iter().filter(|(key, _)| *key != "rejectedPlans").flat_map(|(_, value)| {
        let list = value.as_array().into_iter().flatten();
        list.chain([value]).filter_map(Bson::as_document).flat_map(steps).collect::<Vec<_>>()
    });
    own.into_iter().chain(inner).collect()
}

async fn plan(database: &Database, command: Document) -> Vec<String> {
    let answer =
        database.run_command(doc! { "explain": command, "verbosity": "queryPlanner" }).await.unwrap();
    steps(&answer)
}

/// The commands that read, as the server's profiler noted them.
async fn noted(database: &Database) -> Vec<Document> {
    let profile = database.collection::<Document>("system.profile");
    let filter = doc! { "$or": [{ "command.find": "books" }, { "command.aggregate": "books" }] };
    let mut noted = profile.find(filter).sort(doc! { "ts": 1 }).await.unwrap();
    let mut commands = Vec::new();
    while noted.advance().await.unwrap() {
        let mut command = noted.deserialize_current().unwrap().get_document("command").unwrap().clone();
        for key in ["lsid", "$db", "readConcern", "$readPreference", "$clusterTime"] {
            command.remove(key);
        }
        commands.push(command);
    }
    commands
}

fn book(number: usize) -> Change {
    let id = Clock::system().id();
    let index =
        json!({ "isbn": number.to_string(), "title": format!("t{}", number % 9), "tags": ["a", "b"] });
    let body = json!({ "state": {}, "index": index }).to_string();
    Change { kind: &BOOKS, id, expected: 0, body: Some(body), messages: Vec::new() }
}

#[tokio::test]
async fn every_search_by_a_field_and_every_sweep_uses_its_index() {
    let backend = mongo().await;
    let store = backend.open().await;
    store.commit(&(0..500).map(book).collect::<Vec<_>>()).await.unwrap();
    let database = database(&backend).await;
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let by = |field, value: &str| Query { filters: vec![(field, value.to_owned())], ..all() };
    let after = Some(Position { value: "t3".to_owned(), id: Clock::system().id() });
    for query in [
        by("isbn", "7"),
        by("title", "t7"),
        by("tags", "a"),
        Query { order: Order::By("title"), ..all() },
        Query { order: Order::By("isbn"), ..all() },
        Query { order: Order::By("title"), after, ..all() },
        all(),
    ] {
        store.find(&BOOKS, &query).await.unwrap();
    }
    store.unsent(Clock::system().now(), 9).await.unwrap();
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let commands = noted(&database).await;
    let indexes = ["isbn", "title", "tags", "title", "isbn", "title", "_id_", "outbox"];
    assert_eq!(commands.len(), indexes.len());
    for (command, index) in commands.into_iter().zip(indexes) {
        let plan = plan(&database, command).await;
        assert!(plan.iter().any(|step| step == index), "{index}: {plan:?}");
        assert!(!plan.iter().any(|step| ["COLLSCAN", "SORT"].contains(&step.as_str())), "{index}: {plan:?}");
    }
}

fn all() -> Query {
    Query { limit: 9, ..Query::default() }
}

#[tokio::test]
async fn nothing_is_left_of_a_deleted_record_that_told_everything() {
    let backend = mongo().await;
    let store = backend.open().await;
    let book = book(1);
    let death = Change { expected: 1, body: None, ..book.clone() };
    store.commit(&[book]).await.unwrap();
    store.commit(&[death]).await.unwrap();
    let books = database(&backend).await.collection::<Document>("books");
    assert_eq!(books.count_documents(doc! {}).await.unwrap(), 0);
}

#[tokio::test]
async fn a_store_that_was_closed_says_so() {
    let backend = mongo().await;
    let store = MongoStore::connect(&backend.0.uri(), "unused", &KINDS).await.unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
}

/// Its word that it is stopping counts until it answers again, which is sooner than a search for a server ends.
#[tokio::test]
async fn a_server_that_says_it_is_stopping_and_does_not_is_found_again() {
    let backend = mongo().await;
    let (uri, name) = (backend.0.uri(), "somebody-who-is-told-so");
    let more = if uri.ends_with('?') { "" } else { "&" };
    let store = MongoStore::connect(&format!("{uri}{more}appName={name}"), "unused", &KINDS).await.unwrap();
    let interrupted = doc! { "failCommands": ["find", "aggregate"], "errorCode": 11600, "appName": name };
    let admin = database(&backend).await.client().database("admin");
    let fail = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": interrupted };
    admin.run_command(fail).await.unwrap();
    store.commit(&[book(1)]).await.unwrap();
    assert_eq!(store.find(&BOOKS, &all()).await.unwrap().len(), 1);
}

/// As after a change of its user's rights. That is nobody's message's fault, so work waits; but a program that starts
/// stops and says so.
#[tokio::test]
async fn whoever_is_refused_waits_at_work_and_stops_at_the_start() {
    let backend = mongo().await;
    let (uri, name) = (backend.0.uri(), "somebody-who-is-refused");
    let more = if uri.ends_with('?') { "" } else { "&" };
    let uri = format!("{uri}{more}appName={name}");
    let store = MongoStore::connect(&uri, "unused", &KINDS).await.unwrap();
    let refuse = doc! { "failCommands": ["find", "createIndexes"], "errorCode": 13, "appName": name };
    let admin = database(&backend).await.client().database("admin");
    let fail = doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": refuse };
    // The server has one such point for all who test with it.
    let (at_work, at_the_start) = until("it is refused", async || {
        admin.run_command(fail.clone()).await.unwrap();
        let at_work = store.find(&BOOKS, &all()).await.err()?;
        Some((at_work, MongoStore::connect(&uri, "unused", &KINDS).await.err()?))
    })
    .await;
    admin.run_command(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await.unwrap();
    assert!(at_work.is_passing() && !at_the_start.is_passing(), "{at_work}; {at_the_start}");
    assert_eq!(store.find(&BOOKS, &all()).await.unwrap(), []);
}
