//! Promises about messages.

#![expect(clippy::unwrap_used, reason = "a promise that is broken panics")]
#![expect(missing_docs, clippy::missing_panics_doc, reason = "a promise is called what it promises")]

use chrono::TimeDelta;
use uuid::Uuid;

use super::{
    AUTHORS, BOOKS, Backend,
    books::{
        NONE, born, commit, gone, id, indexed, load, message, now, put, telling, titled, told, unsent,
        unsent_ids,
    },
};
use crate::store::{Change, Message};

pub async fn messages_wait_until_they_are_marked(backend: &dyn Backend) {
    let store = backend.open().await;
    let author = put(&AUTHORS, id(), 0, &indexed(serde_json::json!({ "name": "Ana" })));
    let changes = [telling(telling(born(id(), &titled("one")))), telling(author)];
    commit(&*store, &changes).await;
    assert_eq!(unsent_ids(&*store).await, told(&changes));
    store.sent(&changes[0].messages[..1]).await.unwrap();
    let mut left = changes.clone();
    left[0].messages.remove(0);
    assert_eq!(unsent_ids(&*store).await, told(&left));
    store.sent(&unsent(&*store).await).await.unwrap();
    assert_eq!(unsent_ids(&*store).await, NONE);
}

pub async fn messages_survive_a_restart(backend: &dyn Backend) {
    let change = telling(born(id(), &titled("kept")));
    let store = backend.open().await;
    commit(&*store, std::slice::from_ref(&change)).await;
    drop(store);
    let store = backend.open().await;
    assert_eq!(unsent(&*store).await, change.messages);
    assert!(load(&*store, &BOOKS, change.id).await.is_some());
    store.sent(&change.messages).await.unwrap();
    assert_eq!(unsent(&*backend.open().await).await, []);
}

pub async fn a_message_reads_back_as_it_was(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    let told = Message {
        causation: Some(id()),
        trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".parse().ok(),
        version: u32::MAX,
        mandatory: false,
        topic: "ação.criada".to_owned(),
        body: "{\"text\":\"Ação 🚗 \\u0000 \\\"quoted\\\"\",\"amount\":150.50}".to_owned(),
        ..message(&BOOKS, book, 0)
    };
    let plain = message(&BOOKS, book, 1);
    let change = Change { messages: vec![told.clone(), plain.clone()], ..born(book, &titled("one")) };
    commit(&*store, &[change]).await;
    assert_eq!(unsent(&*store).await, [told, plain]);
}

pub async fn marking_twice_is_harmless(backend: &dyn Backend) {
    let store = backend.open().await;
    let changes = [telling(born(id(), &titled("one"))), telling(born(id(), &titled("other")))];
    commit(&*store, &changes).await;
    for _ in 0..2 {
        store.sent(&changes[0].messages).await.unwrap();
        assert_eq!(unsent_ids(&*store).await, told(&changes[1..]));
    }
    store.sent(&[message(&BOOKS, id(), 0)]).await.unwrap();
    assert_eq!(unsent_ids(&*store).await, told(&changes[1..]), "one that was never there");
}

pub async fn fresh_messages_are_left_to_their_writer(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    let messages: Vec<Message> = (0..3).map(|second| message(&BOOKS, book, second)).collect();
    let change = Change { messages: messages.clone(), ..born(book, &titled("one")) };
    commit(&*store, &[change]).await;
    assert_eq!(store.unsent(messages[2].at, 10).await.unwrap(), messages[..2]);
    assert_eq!(store.unsent(messages[0].at, 10).await.unwrap(), []);
    let moment = TimeDelta::milliseconds(1);
    assert_eq!(store.unsent(messages[0].at + moment, 10).await.unwrap(), messages[..1]);
}

pub async fn the_oldest_messages_come_first(backend: &dyn Backend) {
    let store = backend.open().await;
    let (first, second) = (id(), id());
    let mut told = Vec::new();
    for (commits, book) in [first, second, first, second].into_iter().enumerate() {
        let at = i64::try_from(told.len()).unwrap();
        let messages: Vec<Message> = (at..at + 3).map(|second| message(&BOOKS, book, second)).collect();
        told.extend(messages.clone());
        let expected = u64::try_from(commits / 2).unwrap();
        commit(&*store, &[Change { messages, ..put(&BOOKS, book, expected, &titled("told")) }]).await;
    }
    assert_eq!(store.unsent(now(), 100).await.unwrap(), told);
    assert_eq!(store.unsent(now(), 7).await.unwrap(), told[..7]);
    assert_eq!(store.unsent(now(), 0).await.unwrap(), []);
    store.sent(&told[1..4]).await.unwrap();
    let left: Vec<Uuid> = [0, 4, 5].map(|place: usize| told[place].id).to_vec();
    let oldest = store.unsent(now(), 3).await.unwrap();
    assert_eq!(oldest.iter().map(|message| message.id).collect::<Vec<_>>(), left);
}

pub async fn a_deleted_record_still_tells_what_it_had_to(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    let birth = telling(born(book, &titled("short life")));
    let death = telling(gone(&BOOKS, book, 1));
    commit(&*store, std::slice::from_ref(&birth)).await;
    commit(&*store, std::slice::from_ref(&death)).await;
    assert_eq!(unsent_ids(&*store).await, told(&[birth.clone(), death.clone()]));
    store.sent(&birth.messages).await.unwrap();
    assert_eq!(unsent(&*backend.open().await).await, death.messages);
    store.sent(&death.messages).await.unwrap();
    assert_eq!(unsent(&*store).await, []);
    commit(&*store, &[born(book, &titled("second life"))]).await;
    assert_eq!(unsent(&*store).await, []);
}
