//! MongoDB: the promises, and what only documents can do.

use std::time::Duration;

use garage_kit::{
    Failure,
    store::mongo::MongoStore,
    store_conformance,
    testing::store::{Backend, KINDS},
};
use mongodb::{
    Client, Database,
    bson::{Bson, Document, doc},
};

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

/// The indexes and the other steps of a plan.
fn steps(plan: &Document) -> Vec<String> {
    let own = plan.get_str("indexName").or_else(|_| plan.get_str("stage")).unwrap_or_default().to_owned();
    let inner = plan.values().flat_map(|value| match value {
        Bson::Document(inner) => steps(inner),
        Bson::Array(inners) => inners.iter().filter_map(Bson::as_document).flat_map(steps).collect(),
        _ => Vec::new(),
    });
    std::iter::once(own).chain(inner).collect()
}

async fn plan(database: &Database, command: Document) -> Vec<String> {
    let answer = database.run_command(doc! { "explain": command, "verbosity": "queryPlanner" }).await.unwrap();
    steps(&answer)
}

/// The commands are those that the store sent, as the server's profiler noted them.
#[tokio::test]
async fn every_search_by_a_field_and_every_sweep_uses_its_index() {
    use garage_kit::{
        clock::Clock,
        store::{Order, Position, Query},
        testing::store::BOOKS,
    };
    let backend = mongo().await;
    let store = backend.open().await;
    let database = database(&backend).await;
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let by = |field: &'static str| Query { filters: vec![(field, "x".to_owned())], limit: 9, ..Query::default() };
    let after = Some(Position { value: "m".to_owned(), id: Clock::system().id() });
    for query in [
        by("isbn"),
        by("title"),
        by("tags"),
        Query { order: Order::By("title"), limit: 9, ..Query::default() },
        Query { order: Order::By("isbn"), limit: 9, ..Query::default() },
        Query { order: Order::By("title"), after, limit: 9, ..Query::default() },
        Query { limit: 9, ..Query::default() },
    ] {
        store.find(&BOOKS, &query).await.unwrap();
    }
    store.unsent(Clock::system().now(), 9).await.unwrap();
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    let mut plans = Vec::new();
    let filter = doc! { "$or": [{ "command.find": "books" }, { "command.aggregate": "books" }] };
    let mut commands = profile.find(filter).sort(doc! { "ts": 1 }).await.unwrap();
    while commands.advance().await.unwrap() {
        let mut command = commands.deserialize_current().unwrap().get_document("command").unwrap().clone();
        for key in ["lsid", "$db", "readConcern", "$readPreference", "$clusterTime"] {
            command.remove(key);
        }
        plans.push(plan(&database, command).await);
    }
    let expected = ["isbn", "title", "tags", "title", "isbn", "title", "_id_", "outbox"];
    assert_eq!(plans.len(), expected.len());
    for (plan, index) in plans.iter().zip(expected) {
        assert!(plan.iter().any(|step| step == index), "{index}: {plan:?}");
        assert!(!plan.iter().any(|step| step == "COLLSCAN"), "{index}: {plan:?}");
    }
    let in_memory = |plan: &&Vec<String>| plan.iter().any(|step| step == "SORT");
    assert_eq!(plans[1..].iter().filter(in_memory).count(), 0, "{plans:?}");
}
