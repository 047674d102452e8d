//! What is to be written to whom, in the screens' own file: one line for each order, stage and text of the quote, which is
//! there before anything is sent. Several copies of the screens may work on one file: a line is claimed for a while before
//! it is sent, and one that was claimed by a copy that died is free again afterwards. Nothing of a customer is kept here.

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::WorkOrderId;
use garage_kit::Failure;
use sqlx::{FromRow, SqlitePool};
use uuid::Uuid;

use crate::messages::Stage;

/// As a reason: one of the shop's own services did not answer.
pub(crate) const SERVICES: &str = "SERVICES";
/// As a reason: the mail server said nothing in time.
pub(crate) const NO_ANSWER: &str = "NO_ANSWER";
/// How long a claim holds: longer than sending can take.
const CLAIM: TimeDelta = TimeDelta::minutes(12);

/// What a message is about; there is one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) order: WorkOrderId,
    pub(crate) stage: Stage,
    /// The text of the quote, where the message is about it; else 0.
    pub(crate) revision: u32,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is to be sent.
    Waiting,
    /// The server has it.
    Sent,
    /// The customer has no address, or one that is none.
    NoAddress,
    /// The server will not take it.
    Refused,
    /// The order had moved on.
    Overtaken,
    /// The stage was switched off.
    Off,
    /// The server was away until it was too late.
    Late,
}

impl State {
    const ALL: [Self; 7] =
        [Self::Waiting, Self::Sent, Self::NoAddress, Self::Refused, Self::Overtaken, Self::Off, Self::Late];

    const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Sent => "SENT",
            Self::NoAddress => "NO_ADDRESS",
            Self::Refused => "REFUSED",
            Self::Overtaken => "OVERTAKEN",
            Self::Off => "OFF",
            Self::Late => "LATE",
        }
    }
}

/// A message as the book has it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    /// When the order came to the stage.
    pub(crate) began: DateTime<Utc>,
    pub(crate) state: State,
    /// What the server said last, or a word of ours.
    pub(crate) reason: Option<String>,
    pub(crate) tries: u32,
    /// When something was last known of it.
    pub(crate) at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    work_order: String,
    stage: String,
    revision: u32,
    began_at: i64,
    state: String,
    reason: Option<String>,
    tries: u32,
    told_at: i64,
}

impl Row {
    /// Nothing for what only a newer program understands.
    fn entry(self) -> Option<Entry> {
        let order = WorkOrderId(Uuid::parse_str(&self.work_order).ok()?);
        let stage = Stage::kept_as(&self.stage)?;
        Some(Entry {
            key: Key { order, stage, revision: self.revision },
            began: time(self.began_at)?,
            state: State::ALL.into_iter().find(|state| state.word() == self.state)?,
            reason: self.reason,
            tries: self.tries,
            at: time(self.told_at)?,
        })
    }
}

const fn time(milliseconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(milliseconds)
}

fn failure(error: sqlx::Error) -> Failure {
    Failure::passing("asking the book of messages", error)
}

/// The book; copies share it.
#[derive(Clone)]
pub(crate) struct Book {
    pool: SqlitePool,
}

impl Book {
    pub(crate) const fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// The stages that are switched on, and since when.
    pub(crate) async fn switches(&self) -> Result<Vec<(Stage, DateTime<Utc>)>, Failure> {
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT stage, since FROM message_stages")
            .fetch_all(&self.pool)
            .await
            .map_err(failure)?;
        let known = |(word, since): (String, i64)| Some((Stage::kept_as(&word)?, time(since)?));
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Switches exactly these on. One that is on already stays on since when it was.
    pub(crate) async fn switch(&self, on: &[Stage], now: DateTime<Utc>) -> Result<(), Failure> {
        let mut change = self.pool.begin().await.map_err(failure)?;
        for stage in Stage::ALL {
            let query = if on.contains(&stage) {
                sqlx::query("INSERT INTO message_stages (stage, since) VALUES (?, ?) ON CONFLICT DO NOTHING")
                    .bind(stage.word())
                    .bind(now.timestamp_millis())
            } else {
                sqlx::query("DELETE FROM message_stages WHERE stage = ?").bind(stage.word())
            };
            query.execute(&mut *change).await.map_err(failure)?;
        }
        change.commit().await.map_err(failure)
    }

    /// Writes down that this is to be sent, once; whether it is news.
    pub(crate) async fn note(
        &self,
        key: Key,
        began: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let noted = sqlx::query(
            "INSERT INTO messages (work_order, stage, revision, began_at, state, due_at, told_at)
             VALUES (?, ?, ?, ?, 'WAITING', ?, ?) ON CONFLICT DO NOTHING",
        );
        let (began, now) = (began.timestamp_millis(), now.timestamp_millis());
        let noted = noted.bind(key.order.0.to_string()).bind(key.stage.word()).bind(key.revision);
        let noted = noted.bind(began).bind(now).bind(now).execute(&self.pool).await.map_err(failure)?;
        Ok(noted.rows_affected() > 0)
    }

    /// The message that has waited longest, for this copy of the screens alone until the claim is over.
    pub(crate) async fn claim(&self, now: DateTime<Utc>) -> Result<Option<Entry>, Failure> {
        let claimed = sqlx::query_as::<_, Row>(
            "UPDATE messages SET due_at = ?, tries = tries + 1 WHERE rowid = (
                 SELECT rowid FROM messages WHERE state = 'WAITING' AND due_at <= ? ORDER BY due_at LIMIT 1)
             RETURNING work_order, stage, revision, began_at, state, reason, tries, told_at",
        );
        let claimed = claimed.bind((now + CLAIM).timestamp_millis()).bind(now.timestamp_millis());
        Ok(claimed.fetch_optional(&self.pool).await.map_err(failure)?.and_then(Row::entry))
    }

    /// When the next message may be claimed.
    pub(crate) async fn next_due(&self) -> Result<Option<DateTime<Utc>>, Failure> {
        let due =
            sqlx::query_scalar::<_, Option<i64>>("SELECT min(due_at) FROM messages WHERE state = 'WAITING'");
        Ok(due.fetch_one(&self.pool).await.map_err(failure)?.and_then(time))
    }

    /// Notes what has become of a message.
    pub(crate) async fn settle(
        &self,
        key: Key,
        state: State,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.set(key, state, now, reason, now).await
    }

    /// Notes that it is to be tried again, and when.
    pub(crate) async fn put_off(
        &self,
        key: Key,
        until: DateTime<Utc>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.set(key, State::Waiting, until, Some(reason), now).await
    }

    async fn set(
        &self,
        key: Key,
        state: State,
        due: DateTime<Utc>,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let set = sqlx::query(
            "UPDATE messages SET state = ?, due_at = ?, reason = coalesce(?, reason), told_at = ?
             WHERE work_order = ? AND stage = ? AND revision = ? AND state = 'WAITING'",
        );
        let set =
            set.bind(state.word()).bind(due.timestamp_millis()).bind(reason).bind(now.timestamp_millis());
        let set = set.bind(key.order.0.to_string()).bind(key.stage.word()).bind(key.revision);
        set.execute(&self.pool).await.map(drop).map_err(failure)
    }

    /// All about an order, oldest first.
    pub(crate) async fn of(&self, order: WorkOrderId) -> Result<Vec<Entry>, Failure> {
        let rows = sqlx::query_as::<_, Row>(
            "SELECT work_order, stage, revision, began_at, state, reason, tries, told_at FROM messages
             WHERE work_order = ? ORDER BY began_at, rowid",
        );
        let rows = rows.bind(order.0.to_string()).fetch_all(&self.pool).await.map_err(failure)?;
        Ok(rows.into_iter().filter_map(Row::entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::People;

    const KEY: Key = Key { order: WorkOrderId(Uuid::from_u128(7)), stage: Stage::ToApprove, revision: 1 };

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    async fn books() -> (Book, Book, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sqlite");
        let (one, other) = (People::open(&path).await.unwrap(), People::open(&path).await.unwrap());
        (one.book(), other.book(), folder)
    }

    #[tokio::test]
    async fn a_message_is_noted_once_and_claimed_by_one_copy() {
        let (one, other, _folder) = books().await;
        assert!(one.note(KEY, at(0), at(1)).await.unwrap());
        assert!(!other.note(KEY, at(0), at(2)).await.unwrap());
        let (mine, theirs) = futures::join!(one.claim(at(3)), other.claim(at(3)));
        let claims: Vec<Entry> = [mine.unwrap(), theirs.unwrap()].into_iter().flatten().collect();
        assert_eq!((claims.len(), claims[0].key, claims[0].tries), (1, KEY, 1));
        one.settle(KEY, State::Sent, None, at(4)).await.unwrap();
        assert!(!one.note(KEY, at(0), at(5)).await.unwrap());
        assert!(other.claim(at(100_000)).await.unwrap().is_none());
        assert_eq!(one.of(KEY.order).await.unwrap()[0].state, State::Sent);
        assert!(one.note(Key { revision: 2, ..KEY }, at(6), at(6)).await.unwrap());
    }

    #[tokio::test]
    async fn a_claim_of_a_copy_that_died_is_free_again() {
        let (one, other, _folder) = books().await;
        one.note(KEY, at(0), at(0)).await.unwrap();
        one.claim(at(1)).await.unwrap().unwrap();
        assert!(other.claim(at(700)).await.unwrap().is_none());
        assert_eq!(other.claim(at(721)).await.unwrap().unwrap().tries, 2);
    }

    #[tokio::test]
    async fn what_was_put_off_waits_until_its_time_and_says_why() {
        let (book, _, _folder) = books().await;
        book.note(KEY, at(0), at(0)).await.unwrap();
        book.claim(at(0)).await.unwrap().unwrap();
        book.put_off(KEY, at(60), "away", at(1)).await.unwrap();
        assert_eq!(book.next_due().await.unwrap(), Some(at(60)));
        assert!(book.claim(at(59)).await.unwrap().is_none());
        let again = book.claim(at(60)).await.unwrap().unwrap();
        assert_eq!((again.reason.as_deref(), again.tries), (Some("away"), 2));
        book.settle(KEY, State::Late, None, at(61)).await.unwrap();
        assert_eq!(book.next_due().await.unwrap(), None);
        assert_eq!(book.of(KEY.order).await.unwrap()[0].reason.as_deref(), Some("away"));
    }

    #[tokio::test]
    async fn every_stage_is_off_until_it_is_switched_on() {
        let (book, _, _folder) = books().await;
        assert!(book.switches().await.unwrap().is_empty());
        book.switch(&[Stage::ToApprove], at(0)).await.unwrap();
        book.switch(&[Stage::ToApprove, Stage::Ready], at(9)).await.unwrap();
        let mut on = book.switches().await.unwrap();
        on.sort_by_key(|(_, since)| *since);
        assert_eq!(on, [(Stage::ToApprove, at(0)), (Stage::Ready, at(9))]);
        book.switch(&[], at(10)).await.unwrap();
        assert!(book.switches().await.unwrap().is_empty());
    }
}
