//! Promises under contention, and when a caller is not patient.

#![expect(clippy::unwrap_used, reason = "a promise that is broken panics")]
#![expect(missing_docs, clippy::missing_panics_doc, reason = "a promise is called what it promises")]

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;
use tokio::task::{JoinSet, yield_now};
use uuid::Uuid;

use super::{
    BOOKS, Backend,
    books::{
        born, by, commit, found, id, json as body_of, load, numbered, outcome, put, taken, telling, titled,
        unsent, version,
    },
};
use crate::store::{Change, Outcome, Store};

pub async fn two_replicas_lose_no_increment(backend: &dyn Backend) {
    let replicas = [backend.open().await, backend.open().await];
    let counter = id();
    commit(&*replicas[0], &[born(counter, &json!({ "state": 0, "index": {} }))]).await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        writers.spawn(increment(replicas[writer % 2].clone(), counter, 25));
    }
    writers.join_all().await;
    let record = load(&*replicas[0], &BOOKS, counter).await.unwrap();
    assert_eq!((body_of(&record)["state"].as_u64(), record.version), (Some(100), 101));
    let mut messages: Vec<u64> =
        unsent(&*replicas[0]).await.iter().map(|message| message.body.parse().unwrap()).collect();
    messages.sort_unstable();
    assert_eq!(messages, (1..=100).collect::<Vec<_>>(), "each increment was told once");
}

async fn increment(store: Arc<dyn Store>, counter: Uuid, times: u32) {
    for _ in 0..times {
        loop {
            let read = load(&*store, &BOOKS, counter).await.unwrap();
            let next = body_of(&read)["state"].as_u64().unwrap() + 1;
            let body = json!({ "state": next, "index": {} });
            let mut change = telling(put(&BOOKS, counter, read.version, &body));
            change.messages[0].body = next.to_string();
            let outcome = outcome(&*store, change).await;
            if outcome == Outcome::Committed {
                break;
            }
            assert_eq!(outcome, Outcome::Conflict);
        }
    }
}

pub async fn eight_writers_of_a_unique_value_leave_one(backend: &dyn Backend) {
    let replicas = [backend.open().await, backend.open().await];
    for round in 0..5 {
        let isbn = format!("978-{round}");
        let ids: Vec<Uuid> = (0..8).map(|_| id()).collect();
        let births = ids.iter().enumerate().map(|(writer, id)| {
            let change = telling(born(*id, &numbered(&isbn)));
            let store = &*replicas[writer % 2];
            async move { outcome(store, change).await }
        });
        let outcomes = join_all(births).await;
        let winners: Vec<Uuid> =
            ids.iter().zip(&outcomes).filter(|(_, o)| **o == Outcome::Committed).map(|(id, _)| *id).collect();
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == taken("isbn")).count(), 7, "{outcomes:?}");
        assert_eq!(found(&*replicas[0], &by("isbn", &isbn)).await, winners);
        assert_eq!(unsent(&*replicas[0]).await.len(), round + 1);
    }
}

/// Two replicas hear of the same record at once: the second one is late, and nobody else has its unique value.
pub async fn two_births_of_one_record_are_a_conflict(backend: &dyn Backend) {
    let replicas = [backend.open().await, backend.open().await];
    for round in 0..100 {
        let birth = born(id(), &numbered(&format!("979-{round}")));
        let births = replicas.each_ref().map(|store| outcome(&**store, birth.clone()));
        let outcomes = join_all(births).await;
        let committed = outcomes.iter().filter(|outcome| **outcome == Outcome::Committed).count();
        let late = outcomes.iter().filter(|outcome| **outcome == Outcome::Conflict).count();
        assert_eq!((committed, late), (1, 1), "{outcomes:?}");
    }
}

/// Two replicas write the same records in opposite orders, which is how two transactions come to wait for
/// each other.
pub async fn batches_that_cross_each_other_all_end(backend: &dyn Backend) {
    let replicas = [backend.open().await, backend.open().await];
    let ids: Vec<Uuid> = (0..40).map(|_| id()).collect();
    let births: Vec<Change> = ids.iter().map(|id| born(*id, &titled("new"))).collect();
    commit(&*replicas[0], &births).await;
    let mut writers = JoinSet::new();
    for (replica, store) in replicas.iter().enumerate() {
        let mut ids = ids.clone();
        if replica == 1 {
            ids.reverse();
        }
        writers.spawn(rewrite(store.clone(), ids));
    }
    let committed: usize = writers.join_all().await.into_iter().sum();
    let records = replicas[0].load(&BOOKS, &ids).await.unwrap();
    let commits: u64 = records.iter().map(|record| record.version - 1).sum();
    assert_eq!(usize::try_from(commits).unwrap(), committed);
    assert_eq!(unsent(&*replicas[0]).await.len(), committed);
}

/// Ten batches over all records; how many changes went through.
async fn rewrite(store: Arc<dyn Store>, ids: Vec<Uuid>) -> usize {
    let mut committed = 0;
    for _ in 0..10 {
        let records = store.load(&BOOKS, &ids).await.unwrap();
        let version = |id: &Uuid| records.iter().find(|record| record.id == *id).unwrap().version;
        let batch: Vec<Change> =
            ids.iter().map(|id| telling(put(&BOOKS, *id, version(id), &titled("changed")))).collect();
        let outcomes = store.commit(&batch).await.unwrap();
        committed += outcomes.iter().filter(|outcome| **outcome == Outcome::Committed).count();
    }
    committed
}

pub async fn a_caller_that_hangs_up_leaves_the_store_usable(backend: &dyn Backend) {
    let store = backend.open().await;
    let changes: Vec<Change> = (0..40).map(|_| telling(born(id(), &titled("hurried")))).collect();
    for (patience, change) in changes.iter().enumerate() {
        hang_up(store.commit(std::slice::from_ref(change)), patience).await;
        hang_up(store.load(&BOOKS, &[change.id]), patience).await;
        hang_up(store.unsent(change.messages[0].at, 10), patience).await;
    }
    for change in &changes {
        let again = telling(born(change.id, &titled("patient")));
        let outcome = outcome(&*store, again.clone()).await;
        assert!(matches!(outcome, Outcome::Committed | Outcome::Conflict), "{outcome:?}");
        let kept = if outcome == Outcome::Committed { &again } else { change };
        let messages = unsent(&*store).await;
        let told: Vec<_> = messages.iter().filter(|message| message.aggregate == change.id).collect();
        assert_eq!(told, kept.messages.iter().collect::<Vec<_>>(), "the state and its message, or neither");
        assert_eq!(version(&*store, change.id).await, 1);
    }
}

/// Waits for so many turns of the runtime, and then no longer.
async fn hang_up(work: impl Future, turns: usize) {
    tokio::select! {
        biased;
        _ = work => {}
        () = async { for _ in 0..turns { yield_now().await; } } => {}
    }
}
