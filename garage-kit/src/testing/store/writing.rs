//! Promises about versions, batches, unique values and references.

#![expect(clippy::unwrap_used, reason = "a promise that is broken panics")]
#![expect(missing_docs, clippy::missing_panics_doc, reason = "a promise is called what it promises")]

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    AUTHORS, BOOKS, Backend,
    books::{
        NONE, born, by, commit, found, gone, id, indexed, load, message, numbered, outcome, put, taken,
        telling, titled, told, unsent_ids, version,
    },
};
use crate::store::{Change, Order, Outcome, Query};

pub async fn versions_count_the_commits(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    assert_eq!(load(&*store, &BOOKS, book).await, None);
    for commits in 0..3 {
        commit(&*store, &[put(&BOOKS, book, commits, &titled("same"))]).await;
        assert_eq!(version(&*store, book).await, commits + 1);
    }
}

pub async fn the_second_writer_of_a_version_loses_and_leaves_nothing(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    commit(&*store, &[born(book, &titled("first"))]).await;
    let winner = telling(put(&BOOKS, book, 1, &titled("winner")));
    commit(&*store, std::slice::from_ref(&winner)).await;
    let loser = telling(put(&BOOKS, book, 1, &titled("loser")));
    assert_eq!(outcome(&*store, loser).await, Outcome::Conflict);
    assert_eq!(found(&*store, &by("title", "winner")).await, [book]);
    assert_eq!(found(&*store, &by("title", "loser")).await, NONE);
    assert_eq!(version(&*store, book).await, 2);
    assert_eq!(unsent_ids(&*store).await, told(&[winner]));
}

pub async fn an_id_is_born_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    let first = telling(born(book, &titled("first")));
    commit(&*store, std::slice::from_ref(&first)).await;
    assert_eq!(outcome(&*store, telling(born(book, &titled("second")))).await, Outcome::Conflict);
    assert_eq!(found(&*store, &by("title", "first")).await, [book]);
    assert_eq!(unsent_ids(&*store).await, told(&[first]));
    let other_kind = put(&AUTHORS, book, 0, &indexed(json!({ "name": "Ana" })));
    assert_eq!(outcome(&*store, other_kind).await, Outcome::Committed, "an id is an id of its kind");
}

pub async fn a_missing_record_has_no_next_version(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    assert_eq!(outcome(&*store, telling(put(&BOOKS, book, 3, &titled("next")))).await, Outcome::Conflict);
    assert_eq!(outcome(&*store, telling(gone(&BOOKS, book, 3))).await, Outcome::Conflict);
    assert_eq!(load(&*store, &BOOKS, book).await, None);
    assert_eq!(unsent_ids(&*store).await, NONE);
}

pub async fn a_batch_is_all_or_nothing_for_each_record(backend: &dyn Backend) {
    let store = backend.open().await;
    let (known, stale) = (id(), id());
    commit(&*store, &[born(known, &numbered("1")), born(stale, &numbered("2"))]).await;
    let batch = [
        telling(born(id(), &numbered("3"))),
        telling(born(id(), &numbered("1"))),
        telling(put(&BOOKS, stale, 7, &numbered("4"))),
        telling(put(&BOOKS, known, 1, &numbered("5"))),
        telling(put(&AUTHORS, id(), 0, &indexed(json!({ "name": "Ana" })))),
        telling(born(stale, &numbered("6"))),
    ];
    // The last one names a record for the second time, which a batch may not: it goes on its own.
    let (last, batch) = batch.split_last().unwrap();
    let outcomes = store.commit(batch).await.unwrap();
    let expected =
        [Outcome::Committed, taken("isbn"), Outcome::Conflict, Outcome::Committed, Outcome::Committed];
    assert_eq!(outcomes, expected);
    assert_eq!(outcome(&*store, last.clone()).await, Outcome::Conflict);
    let good: Vec<Change> = [0, 3, 4].map(|place| batch[place].clone()).to_vec();
    assert_eq!(unsent_ids(&*store).await, told(&good), "the messages of the good ones and no others");
    for (isbn, there) in [("2", 1), ("3", 1), ("4", 0), ("5", 1), ("6", 0)] {
        assert_eq!(found(&*store, &by("isbn", isbn)).await.len(), there, "{isbn}");
    }
}

pub async fn a_unique_value_belongs_to_one_record(backend: &dyn Backend) {
    let store = backend.open().await;
    let (first, second) = (id(), id());
    commit(&*store, &[born(first, &numbered("978-1")), born(second, &numbered("978-2"))]).await;
    assert_eq!(outcome(&*store, telling(born(id(), &numbered("978-1")))).await, taken("isbn"));
    assert_eq!(outcome(&*store, telling(put(&BOOKS, second, 1, &numbered("978-1")))).await, taken("isbn"));
    assert_eq!(version(&*store, second).await, 1);
    assert_eq!(unsent_ids(&*store).await, NONE);
    assert_eq!(
        outcome(&*store, put(&BOOKS, first, 1, &numbered("978-1"))).await,
        Outcome::Committed,
        "its own"
    );
}

pub async fn a_unique_value_is_free_again_once_it_is_given_up(backend: &dyn Backend) {
    let store = backend.open().await;
    let (first, second) = (id(), id());
    commit(&*store, &[born(first, &numbered("978-1")), born(second, &numbered("978-2"))]).await;
    commit(&*store, &[put(&BOOKS, first, 1, &numbered("978-3"))]).await;
    commit(&*store, &[telling(gone(&BOOKS, second, 1))]).await;
    commit(&*store, &[born(id(), &numbered("978-1")), born(id(), &numbered("978-2"))]).await;
}

fn written_by(author: Uuid) -> Value {
    indexed(json!({ "author_id": author }))
}

fn named(name: &str) -> Value {
    indexed(json!({ "name": name }))
}

/// What a broken reference leads to.
fn dangling(backend: &dyn Backend) -> Outcome {
    if backend.has_foreign_keys() { Outcome::Dangling } else { Outcome::Committed }
}

pub async fn a_book_must_have_an_author_that_exists(backend: &dyn Backend) {
    let store = backend.open().await;
    let (author, book, other) = (id(), id(), id());
    assert_eq!(outcome(&*store, telling(born(other, &written_by(id())))).await, dangling(backend));
    commit(&*store, &[put(&AUTHORS, author, 0, &named("Ana")), born(book, &written_by(author))]).await;
    assert_eq!(outcome(&*store, put(&BOOKS, book, 1, &written_by(id()))).await, dangling(backend));
    let batch =
        [born(id(), &written_by(id())), born(id(), &written_by(author)), born(id(), &titled("alone"))];
    let outcomes = store.commit(&batch).await.unwrap();
    assert_eq!(outcomes, [dangling(backend), Outcome::Committed, Outcome::Committed]);
    if backend.has_foreign_keys() {
        assert_eq!(load(&*store, &BOOKS, other).await, None);
        assert_eq!(version(&*store, book).await, 1);
        assert_eq!(unsent_ids(&*store).await, NONE);
    }
}

pub async fn an_author_with_books_stays(backend: &dyn Backend) {
    let store = backend.open().await;
    let (author, book) = (id(), id());
    commit(&*store, &[put(&AUTHORS, author, 0, &named("Ana")), born(book, &written_by(author))]).await;
    assert_eq!(outcome(&*store, gone(&AUTHORS, author, 1)).await, dangling(backend));
    if backend.has_foreign_keys() {
        commit(&*store, &[gone(&BOOKS, book, 1), gone(&AUTHORS, author, 1)]).await;
    }
    assert_eq!(load(&*store, &AUTHORS, author).await, None);
}

pub async fn a_deleted_record_is_gone_and_can_be_born_again(backend: &dyn Backend) {
    let store = backend.open().await;
    let (quiet, loud) = (id(), id());
    let body = indexed(json!({ "title": "Gone", "tags": ["old"], "search": "gone" }));
    commit(&*store, &[born(quiet, &body), born(loud, &body)]).await;
    let deletes = [gone(&BOOKS, quiet, 1), telling(gone(&BOOKS, loud, 1))];
    commit(&*store, &deletes).await;
    let anything = Query { limit: 10, ..Query::default() };
    let searched = Query { search: Some("gone".to_owned()), ..anything.clone() };
    let listed = Query { order: Order::By("title"), ..anything.clone() };
    for query in [anything, searched, listed, by("title", "Gone"), by("tags", "old")] {
        assert_eq!(found(&*store, &query).await, NONE, "{query:?}");
    }
    for book in [quiet, loud] {
        assert_eq!(load(&*store, &BOOKS, book).await, None);
        assert_eq!(outcome(&*store, put(&BOOKS, book, 1, &titled("stale"))).await, Outcome::Conflict);
        assert_eq!(outcome(&*store, telling(gone(&BOOKS, book, 1))).await, Outcome::Conflict);
        commit(&*store, &[born(book, &titled("again"))]).await;
        assert_eq!(version(&*store, book).await, 1);
    }
    assert_eq!(unsent_ids(&*store).await, told(&deletes), "what the first life told is still to be sent");
}

pub async fn a_stale_delete_is_a_conflict(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    commit(&*store, &[born(book, &titled("first"))]).await;
    commit(&*store, &[put(&BOOKS, book, 1, &titled("second"))]).await;
    assert_eq!(outcome(&*store, telling(gone(&BOOKS, book, 1))).await, Outcome::Conflict);
    assert_eq!(version(&*store, book).await, 2);
    assert_eq!(unsent_ids(&*store).await, NONE);
}

pub async fn something_can_be_told_without_a_record(backend: &dyn Backend) {
    let store = backend.open().await;
    let (known, unknown) = (id(), id());
    commit(&*store, &[born(known, &titled("known"))]).await;
    let tale = telling(gone(&BOOKS, unknown, 0));
    commit(&*store, std::slice::from_ref(&tale)).await;
    assert_eq!(load(&*store, &BOOKS, unknown).await, None);
    assert_eq!(outcome(&*store, telling(gone(&BOOKS, known, 0))).await, Outcome::Conflict, "there is one");
    assert_eq!(unsent_ids(&*store).await, told(&[tale]));
}

pub async fn a_batch_may_mix_many_changes(backend: &dyn Backend) {
    let store = backend.open().await;
    let old: Vec<Uuid> = (0..250).map(|_| id()).collect();
    let births: Vec<Change> = old.iter().map(|id| born(*id, &titled("old"))).collect();
    commit(&*store, &births).await;
    let mixed = |(number, old): (usize, &Uuid)| {
        let next = match number % 5 {
            0 => gone(&BOOKS, *old, 1),
            1 => put(&BOOKS, *old, 2, &titled("stale")),
            _ => put(&BOOKS, *old, 1, &titled("new")),
        };
        [telling(born(id(), &titled("young"))), telling(next)]
    };
    let batch: Vec<Change> = old.iter().enumerate().flat_map(mixed).collect();
    let outcomes = store.commit(&batch).await.unwrap();
    let (good, bad): (Vec<_>, Vec<_>) =
        batch.into_iter().zip(outcomes).partition(|(_, outcome)| *outcome == Outcome::Committed);
    assert!(bad.iter().all(|(change, outcome)| change.expected == 2 && *outcome == Outcome::Conflict));
    assert_eq!((good.len(), bad.len()), (450, 50));
    let good: Vec<Change> = good.into_iter().map(|(change, _)| change).collect();
    assert_eq!(unsent_ids(&*store).await, told(&good));
    for (title, number) in [("old", 50), ("new", 150), ("young", 250), ("stale", 0)] {
        let query = Query { limit: 500, ..by("title", title) };
        assert_eq!(found(&*store, &query).await.len(), number, "{title}");
    }
}

pub async fn a_batch_may_be_larger_than_a_command(backend: &dyn Backend) {
    let store = backend.open().await;
    let long = "x".repeat(1 << 20);
    let mut batch: Vec<Change> = (0..12).map(|_| telling(born(id(), &titled("long")))).collect();
    for change in &mut batch {
        change.body = Some(json!({ "state": long, "index": { "title": "long" } }).to_string());
    }
    batch.extend((0..1100).map(|_| born(id(), &titled("short"))));
    let again = message(&BOOKS, batch[0].id, 1);
    batch[0].messages.push(again);
    commit(&*store, &batch).await;
    assert_eq!(unsent_ids(&*store).await, told(&batch));
    let stale: Vec<Outcome> = store.commit(&batch).await.unwrap();
    assert!(stale.iter().all(|outcome| *outcome == Outcome::Conflict), "each outcome is that of its change");
}
