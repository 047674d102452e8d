//! Promises about what reads back and what is found.

#![expect(clippy::unwrap_used, reason = "a promise that is broken panics")]
#![expect(missing_docs, clippy::missing_panics_doc, reason = "a promise is called what it promises")]

use serde_json::json;
use uuid::Uuid;

use super::{
    AUTHORS, BOOKS, Backend,
    books::{NONE, born, by, commit, found, id, indexed, json as body_of, load, put, sorted, titled},
};
use crate::store::{Order, Position, Query, Store};

pub async fn what_was_saved_reads_back_as_the_same_json(backend: &dyn Backend) {
    let store = backend.open().await;
    let body = json!({
        "state": {
            "texts": ["", "Ação 🚗 漢字 \"quoted\" \\ /", "line\nbreak\ttab", "nul \u{0} inside", "\u{2028}"],
            "whole": [0, -1, i64::MIN, i64::MAX, u64::MAX, 9_007_199_254_740_993_i64],
            "fractions": [0.1, 150.5, -2.5e-10, 1e16, 1e300, 5e-324, 123_456_789.012_345_68],
            "none": null,
            "truths": [true, false],
            "nested": { "a": [{ "b": [[], {}, [null]] }] },
            "odd keys": { "": 1, "a.b": 2, "$set": 3, "%00": 4, "nul \u{0}": 5, "ключ": 6 },
        },
        "index": { "title": "Ação", "isbn": null },
    });
    let id = id();
    commit(&*store, &[born(id, &body)]).await;
    assert_eq!(body_of(&load(&*store, &BOOKS, id).await.unwrap()), body);
    commit(&*store, &[put(&BOOKS, id, 1, &body)]).await;
    assert_eq!(body_of(&load(&*store, &BOOKS, id).await.unwrap()), body, "also when it is written again");
}

pub async fn loading_finds_those_that_exist(backend: &dyn Backend) {
    let store = backend.open().await;
    let (one, other) = (id(), id());
    commit(&*store, &[born(one, &titled("one")), born(other, &titled("other"))]).await;
    let records = store.load(&BOOKS, &[other, id(), one, one]).await.unwrap();
    assert_eq!(sorted(records.iter().map(|record| record.id)), sorted([one, other].into_iter()));
    assert_eq!(store.load(&AUTHORS, &[one]).await.unwrap(), [], "an id is an id of its kind");
}

pub async fn nobody_and_nothing_may_be_asked_for(backend: &dyn Backend) {
    let store = backend.open().await;
    commit(&*store, &[born(id(), &titled("one"))]).await;
    assert_eq!(store.load(&BOOKS, &[]).await.unwrap(), []);
    assert_eq!(store.commit(&[]).await.unwrap(), []);
    assert_eq!(store.find(&BOOKS, &Query::default()).await.unwrap(), [], "at most none");
    store.sent(&[]).await.unwrap();
}

pub async fn a_record_is_found_by_each_of_its_fields(backend: &dyn Backend) {
    let store = backend.open().await;
    let (author, book) = (id(), id());
    let index = json!({
        "isbn": "978-1", "title": "A title", "author_id": author, "tags": ["red", "fast", "red"],
    });
    let another = indexed(json!({ "isbn": "978-2", "title": "Another", "tags": ["slow"] }));
    let author_body = indexed(json!({ "name": "Ana" }));
    commit(
        &*store,
        &[put(&AUTHORS, author, 0, &author_body), born(book, &indexed(index)), born(id(), &another)],
    )
    .await;
    for (field, value) in [("isbn", "978-1"), ("title", "A title"), ("tags", "red"), ("tags", "fast")] {
        assert_eq!(found(&*store, &by(field, value)).await, [book], "{field}");
    }
    assert_eq!(found(&*store, &by("author_id", &author.to_string())).await, [book]);
    for (field, value) in [("isbn", "978"), ("title", "a title"), ("author_id", "nobody"), ("tags", "nul \0")]
    {
        assert_eq!(found(&*store, &by(field, value)).await, NONE, "{field}: values are compared as they are");
    }
}

pub async fn a_changed_record_is_found_by_its_new_values_alone(backend: &dyn Backend) {
    let store = backend.open().await;
    let book = id();
    commit(&*store, &[born(book, &indexed(json!({ "title": "Old", "tags": ["a", "b"] })))]).await;
    commit(&*store, &[put(&BOOKS, book, 1, &indexed(json!({ "title": "New", "tags": ["b", "c"] })))]).await;
    for (field, value) in [("title", "New"), ("tags", "b"), ("tags", "c")] {
        assert_eq!(found(&*store, &by(field, value)).await, [book], "{field} {value}");
    }
    for (field, value) in [("title", "Old"), ("tags", "a")] {
        assert_eq!(found(&*store, &by(field, value)).await, NONE, "{field} {value}");
    }
    commit(&*store, &[put(&BOOKS, book, 2, &indexed(json!({})))]).await;
    assert_eq!(found(&*store, &by("tags", "c")).await, NONE);
}

pub async fn absent_and_null_values_are_not_found(backend: &dyn Backend) {
    let store = backend.open().await;
    let null = json!({ "isbn": null, "title": null, "author_id": null, "tags": null, "search": null });
    let (absent, null, there) = (indexed(json!({})), indexed(null), titled(""));
    let with_title = id();
    let changes = [born(id(), &absent), born(id(), &absent), born(id(), &null), born(id(), &null)];
    commit(&*store, &changes).await;
    commit(&*store, &[born(with_title, &there)]).await;
    for field in ["isbn", "tags"] {
        assert_eq!(found(&*store, &by(field, "")).await, NONE, "{field}");
    }
    let titles = Query { order: Order::By("title"), limit: 10, ..Query::default() };
    assert_eq!(found(&*store, &titles).await, [with_title], "an empty text is there");
    let any = Query { search: Some(String::new()), limit: 10, ..Query::default() };
    assert_eq!(found(&*store, &any).await, NONE);
}

pub async fn filters_hold_together(backend: &dyn Backend) {
    let store = backend.open().await;
    let wanted = id();
    commit(
        &*store,
        &[
            born(wanted, &indexed(json!({ "title": "T", "tags": ["a", "b"], "search": "both" }))),
            born(id(), &indexed(json!({ "title": "T", "tags": ["a"], "search": "both" }))),
            born(id(), &indexed(json!({ "title": "U", "tags": ["a", "b"], "search": "both" }))),
            born(id(), &indexed(json!({ "title": "T", "tags": ["a", "b"], "search": "neither" }))),
        ],
    )
    .await;
    let filters = [("title", "T"), ("tags", "a"), ("tags", "b")];
    let filters = filters.map(|(field, value)| (field, value.to_owned())).to_vec();
    let query = Query { filters, search: Some("both".to_owned()), limit: 10, ..Query::default() };
    assert_eq!(found(&*store, &query).await, [wanted]);
}

pub async fn a_search_takes_every_character_as_it_is(backend: &dyn Backend) {
    let store = backend.open().await;
    let texts = ["100% cotton", "under_score", r"back\slash", "joão 'o' \"mecânico\"", "a.*b [c] ^d$"];
    let mut ids = Vec::new();
    for text in texts {
        ids.push(id());
        let body = indexed(json!({ "search": text }));
        commit(&*store, &[born(ids[ids.len() - 1], &body)]).await;
    }
    let wanted = ["0% C", "R_S", r"K\S", "JOÃO 'O' \"MECÂ", ".*B [C] ^D$"];
    for (number, text) in wanted.iter().enumerate() {
        let query = Query { search: Some((*text).to_owned()), limit: 10, ..Query::default() };
        assert_eq!(found(&*store, &query).await, [ids[number]], "{text}");
    }
    for text in ["%", "_", "o", "\\", "$", "", "\0"] {
        let query = Query { search: Some(text.to_owned()), limit: 10, ..Query::default() };
        let expected = texts.iter().filter(|candidate| candidate.contains(text)).count();
        assert_eq!(found(&*store, &query).await.len(), expected, "{text}");
    }
}

pub async fn a_search_finds_what_contains_each_of_its_words(backend: &dyn Backend) {
    let store = backend.open().await;
    let (joao, car) = (id(), id());
    let person = indexed(json!({ "search": "joão da silva 52998224725 11987654321" }));
    let changes = [born(joao, &person), born(car, &indexed(json!({ "search": "abc1234 toyota corolla" })))];
    commit(&*store, &changes).await;
    let found_by = async |words: &str| {
        found(&*store, &Query { search: Some(words.to_owned()), limit: 10, ..Query::default() }).await
    };
    for words in ["JOÃO Silva", "silva\tjoão", "11 987654321", "11 98765 4321", "  529 982 247 25 "] {
        assert_eq!(found_by(words).await, [joao], "{words}");
    }
    for words in ["corolla toyota", "ABC 1234", "abc1234 corolla"] {
        assert_eq!(found_by(words).await, [car], "{words}");
    }
    for words in ["joão corolla", "abc 12345", "joão $silva"] {
        assert_eq!(found_by(words).await, NONE, "each of them: {words}");
    }
    assert_eq!(found_by(" ").await.len(), 2, "no word is in every record");
}

pub async fn lists_are_newest_first_unless_told_otherwise(backend: &dyn Backend) {
    let store = backend.open().await;
    let ids = sorted((0..4).map(|_| id()));
    let titles = ["b", "a", "Z", "b"];
    let changes: Vec<_> = ids.iter().zip(titles).map(|(id, title)| born(*id, &titled(title))).collect();
    commit(&*store, &changes).await;
    let newest = Query { limit: 3, ..Query::default() };
    assert_eq!(found(&*store, &newest).await, [ids[3], ids[2], ids[1]]);
    let by_title = Query { order: Order::By("title"), limit: 9, ..Query::default() };
    assert_eq!(found(&*store, &by_title).await, [ids[2], ids[1], ids[0], ids[3]], "capitals before the rest");
}

pub async fn pages_show_every_record_once_newest_first(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut expected = shelf(&*store).await;
    expected.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
    assert_eq!(paged(&*store, &Query::default()).await, ids(&expected));
}

pub async fn pages_of_one_value_show_every_record_once(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut expected = shelf(&*store).await;
    expected.retain(|(title, _)| title == "Title 3");
    assert!(expected.len() > PAGE as usize, "more than a page");
    expected.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
    assert_eq!(paged(&*store, &by("title", "Title 3")).await, ids(&expected));
}

pub async fn pages_show_every_record_once_by_a_field(backend: &dyn Backend) {
    let store = backend.open().await;
    let mut expected = shelf(&*store).await;
    expected.sort_unstable();
    let by_title = Query { order: Order::By("title"), ..Query::default() };
    assert_eq!(paged(&*store, &by_title).await, ids(&expected));
}

pub async fn a_list_by_a_field_ends_where_it_is_told_to(backend: &dyn Backend) {
    let store = backend.open().await;
    let books = shelf(&*store).await;
    let wanted = ["Title 2", "Title 3"].map(|title| books.iter().filter(move |(of, _)| of == title));
    let after = Some(Position { value: "Title 1z".to_owned(), id: Uuid::nil() });
    let until = Some("Title 3".to_owned());
    let range = Query { order: Order::By("title"), after, until, limit: 250, ..Query::default() };
    let mut wanted: Vec<(String, Uuid)> = wanted.into_iter().flatten().cloned().collect();
    wanted.sort_unstable();
    assert_eq!(found(&*store, &range).await, ids(&wanted));
    assert_eq!(store.count(&BOOKS, &range).await.unwrap(), wanted.len() as u64);
    let filtered = Query { filters: vec![("title", "Title 3".to_owned())], ..range.clone() };
    assert!(found(&*store, &filtered).await.iter().all(|id| ids(&wanted[wanted.len() / 2..]).contains(id)));
    let nothing = Query { until: Some("Title 1".to_owned()), ..range };
    assert_eq!(
        (found(&*store, &nothing).await, store.count(&BOOKS, &nothing).await.unwrap()),
        (NONE.to_vec(), 0)
    );
}

pub async fn records_are_counted_up_to_a_limit(backend: &dyn Backend) {
    let store = backend.open().await;
    shelf(&*store).await;
    for (limit, counted) in [(0, 0), (40, 40), (500, 250)] {
        assert_eq!(store.count(&BOOKS, &Query { limit, ..Query::default() }).await.unwrap(), counted);
    }
    assert_eq!(store.count(&BOOKS, &by("title", "nul \0")).await.unwrap(), 0);
}

/// 250 books, most of which share their title with others.
async fn shelf(store: &dyn Store) -> Vec<(String, Uuid)> {
    let books: Vec<(String, Uuid)> = (0..250).map(|number| (format!("Title {}", number % 7), id())).collect();
    let changes: Vec<_> = books.iter().map(|(title, id)| born(*id, &titled(title))).collect();
    commit(store, &changes).await;
    books
}

fn ids(books: &[(String, Uuid)]) -> Vec<Uuid> {
    books.iter().map(|(_, id)| *id).collect()
}

/// Books on a page.
const PAGE: u32 = 30;

/// All books that are asked for, read page by page.
async fn paged(store: &dyn Store, all: &Query) -> Vec<Uuid> {
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let query = Query { after: after.take(), limit: PAGE, ..all.clone() };
        let page = store.find(&BOOKS, &query).await.unwrap();
        seen.extend(page.iter().map(|record| record.id));
        let Some(last) = page.last().filter(|_| page.len() == PAGE as usize) else { return seen };
        let value = match all.order {
            Order::Newest => String::new(),
            Order::By(field) => body_of(last)["index"][field].as_str().unwrap().to_owned(),
        };
        after = Some(Position { value, id: last.id });
    }
}

pub async fn a_field_that_is_not_there_is_our_mistake(backend: &dyn Backend) {
    let store = backend.open().await;
    let unknown = by("price", "1");
    let no_order = Query { order: Order::By("price"), limit: 1, ..Query::default() };
    let list_order = Query { order: Order::By("tags"), limit: 1, ..Query::default() };
    for query in [unknown, no_order, list_order] {
        assert!(!store.find(&BOOKS, &query).await.unwrap_err().is_passing(), "{query:?}");
    }
    let search = Query { search: Some("any".to_owned()), limit: 1, ..Query::default() };
    assert!(!store.find(&AUTHORS, &search).await.unwrap_err().is_passing(), "authors cannot be searched");
}

pub async fn the_database_answers(backend: &dyn Backend) {
    backend.open().await.ping().await.unwrap();
}
