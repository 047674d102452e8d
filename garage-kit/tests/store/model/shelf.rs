//! The model: what a store of authors and books should hold, in a few maps.

use std::collections::{BTreeMap, BTreeSet};

use garage_kit::{
    store::{Change, Message, Order, Outcome, Query},
    testing::store::AUTHORS,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A book as it is derived from its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) body: Value,
}

impl Entry {
    fn index(&self, field: &str) -> Option<&str> {
        self.body["index"][field].as_str()
    }

    fn has(&self, field: &str, value: &str) -> bool {
        let among = || self.body["index"][field].as_array().is_some_and(|all| all.contains(&json!(value)));
        self.index(field) == Some(value) || among()
    }
}

/// What a store should hold of one case's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shelf {
    pub(super) authors: BTreeMap<Uuid, Entry>,
    pub(super) books: BTreeMap<Uuid, Entry>,
    /// Messages that nobody has confirmed, oldest first.
    pub(super) waiting: Vec<Message>,
    /// Whether a book must have an author that exists.
    pub(super) has_foreign_keys: bool,
}

impl Shelf {
    pub(super) fn version(&self, change: &Change) -> u64 {
        let known = if *change.kind == AUTHORS { &self.authors } else { &self.books };
        known.get(&change.id).map_or(0, |entry| entry.version)
    }

    /// Whether this may be the outcome of `change` now, and if so holds what follows from it. Where two rules forbid
    /// a change the store may name either.
    pub(super) fn follows(&mut self, change: &Change, outcome: &Outcome) -> bool {
        let broken = self.broken(change);
        if !broken.is_empty() {
            return broken.contains(outcome);
        }
        let version = self.version(change) + 1;
        let known = if *change.kind == AUTHORS { &mut self.authors } else { &mut self.books };
        match &change.body {
            Some(body) => {
                let body = serde_json::from_str(body).unwrap();
                known.insert(change.id, Entry { version, body });
            }
            None => drop(known.remove(&change.id)),
        }
        self.waiting.extend(change.messages.clone());
        *outcome == Outcome::Committed
    }

    fn broken(&self, change: &Change) -> Vec<Outcome> {
        if self.version(change) != change.expected {
            return vec![Outcome::Conflict];
        }
        let body: Option<Value> = change.body.as_ref().map(|body| serde_json::from_str(body).unwrap());
        if *change.kind == AUTHORS {
            let author = change.id.to_string();
            let wanted = body.is_none() && self.books.values().any(|book| book.has("author_id", &author));
            return if wanted && self.has_foreign_keys { vec![Outcome::Dangling] } else { Vec::new() };
        }
        let Some(body) = body else { return Vec::new() };
        let isbn = body["index"]["isbn"].as_str();
        let others = self.books.iter().filter(|(id, _)| **id != change.id);
        let is_taken = isbn.is_some_and(|isbn| others.into_iter().any(|(_, book)| book.has("isbn", isbn)));
        let author = body["index"]["author_id"].as_str().map(|id| id.parse::<Uuid>().unwrap());
        let dangles = self.has_foreign_keys && author.is_some_and(|id| !self.authors.contains_key(&id));
        let taken = is_taken.then(|| Outcome::Taken { field: "isbn".to_owned() });
        taken.into_iter().chain(dangles.then_some(Outcome::Dangling)).collect()
    }

    /// The books that a query finds, in its order, as long as it names no place to start from.
    pub(super) fn found(&self, query: &Query) -> Vec<Uuid> {
        let fits = |book: &Entry| {
            let filtered = query.filters.iter().all(|(field, value)| book.has(field, value));
            let text = book.index("search").unwrap_or_default();
            let sought = query.search.as_deref().unwrap_or_default();
            filtered && sought.split_whitespace().all(|word| text.contains(word))
        };
        let found = self.books.iter().filter(|(_, book)| fits(book));
        match query.order {
            Order::Newest => found.map(|(id, _)| *id).rev().collect(),
            Order::By(field) => {
                let places = found.filter_map(|(id, book)| Some((book.index(field)?.to_owned(), *id)));
                places.collect::<BTreeSet<_>>().into_iter().map(|(_, id)| id).collect()
            }
        }
    }
}
