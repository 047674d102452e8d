//! Dead letters, for the people who look after them: what rests of a service's queues, found again by a stable id,
//! replayed or discarded. Both buses keep the same promises ([`crate::testing`]). A letter is never lost on
//! the way: it is taken from where it rests only once its copy is back in its queue, or its consumer has taken it; so
//! a crash in between leaves a copy too many, and consumers do not mind. Who may do this, and the record of who did,
//! are the service's affair.

use std::{cmp::Ordering, collections::BTreeMap};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::Failure;

/// A question looks at so many letters of a queue at most, oldest first: what lies behind them is seen once some of
/// them are gone.
pub const MOST_LOOKED_AT: usize = 10_000;

/// A message that was set aside, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Made from what rests, so it is the same at every look.
    pub id: Uuid,
    /// The queue that it was set aside from.
    pub queue: String,
    /// The topic it was published with, if that is known.
    pub topic: Option<String>,
    /// Its publisher's id for it, if it gave one.
    pub message_id: Option<String>,
    /// What its conversation is about, if that is known.
    pub correlation: Option<Uuid>,
    /// Why it rests.
    pub reason: String,
    /// How often its consumer had tried, if that was counted.
    pub attempts: Option<u32>,
    /// When it was set aside, if that is known.
    pub at: Option<DateTime<Utc>>,
    /// The length of its body, in bytes.
    pub bytes: usize,
}

/// A letter with everything that was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The letter.
    pub letter: Letter,
    /// What travelled beside the body.
    pub headers: BTreeMap<String, Value>,
    /// The body.
    pub body: Vec<u8>,
}

/// Which letters; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These alone.
    pub ids: Option<Vec<Uuid>>,
    /// Set aside from this queue.
    pub queue: Option<String>,
    /// With this text in their reason; case does not matter.
    pub reason: Option<String>,
    /// Of this conversation.
    pub correlation: Option<Uuid>,
}

/// Where a page ended. Letters are in the order of their time, then their id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The last letter's time.
    pub at: Option<DateTime<Utc>>,
    /// The last letter's id.
    pub id: Uuid,
}

/// What a question found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The first of them, in their order.
    pub letters: Vec<Letter>,
    /// How many there are, of those that were looked at.
    pub matched: usize,
}

/// What shall become of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Back to the consumer that could not take it, and to nobody else. Attempts begin anew.
    Replay,
    /// Gone for good.
    Discard,
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As was wished.
    Done,
    /// It rests no more: somebody was faster.
    Gone,
    /// It still rests, and why.
    Failed(String),
}

/// Where the letters of one service rest.
#[async_trait]
pub trait LetterBox: Send + Sync {
    /// How many rest, by queue. Queues without letters are not named.
    ///
    /// # Errors
    /// When nobody can say.
    async fn resting(&self) -> Result<BTreeMap<String, u64>, Failure>;

    /// The first `limit` letters that pass `filter`, behind `after`.
    ///
    /// # Errors
    /// When they cannot be looked at.
    async fn letters(&self, filter: &Filter, after: Option<&Place>, limit: usize) -> Result<Found, Failure>;

    /// One letter with everything that was sent.
    ///
    /// # Errors
    /// When they cannot be looked at.
    async fn letter(&self, id: Uuid) -> Result<Option<Opened>, Failure>;

    /// Replays or discards letters that were found; one answer per letter, in their order. Repeating it is safe.
    ///
    /// # Errors
    /// When it is not known what became of them: they rest, or are done.
    async fn settle(&self, letters: &[Letter], fate: Fate) -> Result<Vec<Ended>, Failure>;
}

impl Letter {
    /// Where it stands in the order.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { at: self.at, id: self.id }
    }
}

impl Filter {
    /// Whether a letter is meant.
    #[must_use]
    pub fn takes(&self, letter: &Letter) -> bool {
        let reason = |text: &String| letter.reason.to_lowercase().contains(&text.to_lowercase());
        self.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id))
            && self.queue.as_ref().is_none_or(|queue| *queue == letter.queue)
            && self.correlation.is_none_or(|correlation| letter.correlation == Some(correlation))
            && self.reason.as_ref().is_none_or(reason)
    }
}

/// The first of many letters, in their order, without holding the others.
pub(super) struct First<'a> {
    filter: &'a Filter,
    after: Option<&'a Place>,
    limit: usize,
    found: Found,
}

impl<'a> First<'a> {
    pub(super) fn new(filter: &'a Filter, after: Option<&'a Place>, limit: usize) -> Self {
        Self { filter, after, limit, found: Found::default() }
    }

    /// Looks at one.
    pub(super) fn see(&mut self, letter: Letter) {
        let is_behind = self.after.is_none_or(|after| letter.place() > *after);
        if !is_behind || !self.filter.takes(&letter) {
            return;
        }
        self.found.matched += 1;
        let letters = &mut self.found.letters;
        let position =
            letters.partition_point(|other| other.place().cmp(&letter.place()) != Ordering::Greater);
        if position < self.limit {
            letters.insert(position, letter);
            letters.truncate(self.limit);
        }
    }

    pub(super) fn found(self) -> Found {
        self.found
    }
}

/// The id of a letter that has none of its own: the same text of the same sender in the same queue is the same letter.
pub(super) fn id_of(queue: &str, message_id: Option<&str>, body: &[u8]) -> Uuid {
    let part = |hash: Sha256, bytes: &[u8]| {
        hash.chain_update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes()).chain_update(bytes)
    };
    let hash = part(Sha256::new(), queue.as_bytes());
    let hash = part(part(hash, message_id.unwrap_or_default().as_bytes()), body).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(second: i64, number: u128) -> Letter {
        Letter {
            id: Uuid::from_u128(number),
            queue: "orders".to_owned(),
            topic: None,
            message_id: None,
            correlation: None,
            reason: "There is no such order".to_owned(),
            attempts: None,
            at: DateTime::from_timestamp(second, 0),
            bytes: 0,
        }
    }

    fn ids(found: &Found) -> Vec<u128> {
        found.letters.iter().map(|letter| letter.id.as_u128()).collect()
    }

    #[test]
    fn a_page_holds_the_oldest_behind_the_last_whatever_order_they_come_in() {
        let all = [(3, 1), (1, 2), (2, 4), (2, 3), (9, 5)].map(|(second, number)| letter(second, number));
        let filter = Filter::default();
        let page = |after: Option<&Place>| {
            let mut first = First::new(&filter, after, 2);
            all.iter().cloned().for_each(|letter| first.see(letter));
            first.found()
        };
        let one = page(None);
        assert_eq!((ids(&one), one.matched), (vec![2, 3], 5));
        let two = page(one.letters.last().map(Letter::place).as_ref());
        assert_eq!((ids(&two), two.matched), (vec![4, 1], 3));
        assert_eq!(ids(&page(two.letters.last().map(Letter::place).as_ref())), [5]);
    }

    #[test]
    fn a_reason_is_found_by_any_part_of_it_whatever_its_case() {
        let filter = |text: &str| Filter { reason: Some(text.to_owned()), ..Filter::default() };
        assert!(filter("no SUCH order").takes(&letter(1, 1)));
        assert!(!filter("nobody").takes(&letter(1, 1)));
    }

    #[test]
    fn letters_that_differ_in_anything_have_different_ids() {
        let all = [
            id_of("q", None, b"body"),
            id_of("p", None, b"body"),
            id_of("q", Some("1"), b"body"),
            id_of("q", Some("1"), b"other"),
            id_of("q", Some("1b"), b"ody"),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], id_of("q", None, b"body"));
    }
}
