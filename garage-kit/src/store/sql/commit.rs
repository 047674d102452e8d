//! A batch in one transaction: one statement for all of it, or a few where the database takes no such statement or the
//! batch is long. When a rule of the schema forbids one change,
//! the transaction is rolled back and the batch is halved until that change stands alone: the others do not
//! suffer, and one such change among many costs a few transactions more, not one for each.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::SqlStr;

use super::{
    SqlStore,
    dialect::Parameter,
    nul,
    rows::{List, Row, lists},
    table::{Outbox, Statement, Table, name},
    trouble,
};
use crate::{
    Failure,
    bus::backoff::Backoff,
    crash,
    store::{Change, Message, Outcome},
};

/// How often a transaction that lost against another one is done again.
const TRIES: usize = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// The changes of one kind.
type Group<'a> = (&'a Table, Vec<&'a Change>);

impl SqlStore {
    /// Writes a batch; one outcome per change.
    pub(super) fn settle<'a>(
        &'a self,
        changes: &'a [Change],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Failure>> {
        Box::pin(async move {
            let groups = self.groups(changes)?;
            let once = || self.contended(|| self.attempt(changes, &groups));
            let error = match once().await {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => error,
            };
            match trouble::violation(&error, self.kinds) {
                None => Err(self.failure("committing", &error)),
                // When another replica has just stored the very same record, PostgreSQL may still name a unique value
                // of it. By the time it does, that record is there to be seen: a second look tells the two apart.
                Some(outcome) if changes.len() == 1 => match once().await {
                    Err(again) if trouble::violation(&again, self.kinds).is_some() => Ok(vec![outcome]),
                    second => second.map_err(|error| self.failure("committing", &error)),
                },
                Some(_) => {
                    let (some, others) = changes.split_at(changes.len() / 2);
                    let mut outcomes = self.settle(some).await?;
                    outcomes.extend(self.settle(others).await?);
                    Ok(outcomes)
                }
            }
        })
    }

    /// Kinds in the order in which the batch names them first: it names what is referred to before what
    /// refers.
    fn groups<'a>(&'a self, changes: &'a [Change]) -> Result<Vec<Group<'a>>, Failure> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        for change in changes {
            match groups.iter_mut().find(|(table, _)| table.kind == change.kind) {
                Some((_, group)) => group.push(change),
                None => groups.push((self.table(change.kind)?, vec![change])),
            }
        }
        Ok(groups)
    }

    /// Does a transaction again while it loses against others.
    pub(super) async fn contended<T, F>(&self, attempt: impl Fn() -> F + Send) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>> + Send,
    {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        for _ in 1..TRIES {
            match attempt().await {
                Err(error) if trouble::is_contention(&error) => backoff.pause().await,
                result => return result,
            }
        }
        attempt().await
    }

    /// Small batches, as one statement where that is possible; others statement by statement.
    async fn attempt(&self, changes: &[Change], groups: &[Group<'_>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let steps = steps(groups, self.longest)?;
        let stored = match self.told_at_once(changes, &steps)? {
            Some(messages) => self.at_once(steps, messages).await?,
            None => self.one_by_one(changes, steps).await?,
        };
        let outcome = |change| if is_in(&stored, change) { Outcome::Committed } else { Outcome::Conflict };
        Ok(changes.iter().map(outcome).collect())
    }

    /// The messages of all changes, unless everything together is too long for one statement.
    fn told_at_once(&self, changes: &[Change], steps: &[Step<'_>]) -> Result<Option<List>, sqlx::Error> {
        if !self.dialect.at_once || steps.iter().any(|step| step.lists.len() > 1) {
            return Ok(None);
        }
        let mut messages = lists(waiting(changes, |_| true)?, self.longest);
        if messages.len() > 1 {
            return Ok(None);
        }
        let messages = messages.pop().unwrap_or_default();
        let length: usize = steps.iter().flat_map(|step| &step.lists).map(|list| list.length).sum();
        Ok((length + messages.length < self.longest).then_some(messages))
    }

    async fn at_once(&self, steps: Vec<Step<'_>>, messages: List) -> Result<HashSet<String>, sqlx::Error> {
        let sql = self.statements.of(&steps, &self.outbox);
        let lists = steps.into_iter().flat_map(|step| step.lists).chain([messages]);
        let sheet = lists.map(Parameter::List).collect();
        let rows = crash::during("sql-commit-sent", self.sessions.write(sql, sheet)).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    async fn one_by_one(
        &self,
        changes: &[Change],
        steps: Vec<Step<'_>>,
    ) -> Result<HashSet<String>, sqlx::Error> {
        let mut work = self.sessions.begin().await?;
        let mut stored = HashSet::new();
        for step in steps {
            for list in step.lists {
                let list = vec![Parameter::List(list)];
                stored.extend(work.run(step.statement.alone.clone(), list).await?.into_iter().flatten());
            }
        }
        for list in lists(waiting(changes, |change| is_in(&stored, change))?, self.longest) {
            work.run(self.outbox.insert.clone(), vec![Parameter::List(list)]).await?;
        }
        crash::during("sql-commit-sent", work.commit()).await?;
        Ok(stored)
    }
}

/// The texts of whole batches, by what they are made of: a service has a handful of them.
#[derive(Default)]
pub(super) struct Statements(Mutex<HashMap<Vec<(&'static str, Act)>, SqlStr>>);

impl Statements {
    fn of(&self, steps: &[Step<'_>], outbox: &Outbox) -> SqlStr {
        let parts = steps.iter().map(|step| (step.kind, step.act)).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let compose = || outbox.at_once(&steps.iter().map(|step| step.statement).collect::<Vec<_>>());
        known.entry(parts).or_insert_with(compose).clone()
    }
}

/// What is done to a record.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Act {
    Insert,
    Update,
    Delete,
    /// Deletes what must not exist: there is nothing to do but to see that it does not.
    Miss,
}

impl Act {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Miss];

    const fn of(change: &Change) -> Self {
        match (change.expected, &change.body) {
            (0, Some(_)) => Self::Insert,
            (_, Some(_)) => Self::Update,
            (0, None) => Self::Miss,
            (_, None) => Self::Delete,
        }
    }

    const fn statement(self, table: &Table) -> &Statement {
        match self {
            Self::Insert => &table.insert,
            Self::Update => &table.update,
            Self::Delete => &table.delete,
            Self::Miss => &table.missing,
        }
    }
}

/// A statement, with its parameters for as many runs.
struct Step<'a> {
    kind: &'static str,
    act: Act,
    statement: &'a Statement,
    lists: Vec<List>,
}

/// What a batch does, kind by kind. Records are taken in the order of their ids, so that two replicas do not wait for
/// each other in a circle.
fn steps<'a>(groups: &[Group<'a>], longest: usize) -> Result<Vec<Step<'a>>, sqlx::Error> {
    let mut steps = Vec::new();
    for (table, group) in groups {
        for act in Act::ALL {
            let changes = group.iter().filter(|change| Act::of(change) == act);
            let mut rows = changes.map(|change| row(change, table.apart)).collect::<Result<Vec<_>, _>>()?;
            rows.sort_unstable_by_key(|row| row.id);
            if !rows.is_empty() {
                let (kind, statement) = (table.kind.name, act.statement(table));
                steps.push(Step { kind, act, statement, lists: lists(rows, longest) });
            }
        }
    }
    Ok(steps)
}

fn is_in(stored: &HashSet<String>, change: &Change) -> bool {
    stored.contains(&name(change.kind, change.id))
}

fn row(change: &Change, apart: bool) -> Result<Row<'_>, sqlx::Error> {
    let body = change.body.as_deref().map(nul::hide).transpose();
    let body = body.map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    let fields = body.as_deref().filter(|_| apart).map(fields).transpose()?;
    Ok(Row { id: change.id, number: change.expected.cast_signed(), body, fields, record: None })
}

fn fields(body: &str) -> Result<String, sqlx::Error> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        index: &'a RawValue,
    }
    let body: Body<'_> = serde_json::from_str(body).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    Ok(body.index.get().to_owned())
}

/// The messages of these changes as the outbox keeps them, with their time as the number.
fn waiting(changes: &[Change], tells: impl Fn(&Change) -> bool) -> Result<Vec<Row<'_>>, sqlx::Error> {
    let changes = changes.iter().filter(|change| tells(change));
    let messages = changes.flat_map(|change| change.messages.iter().map(move |message| (change, message)));
    let row = |(change, message): (&Change, &Message)| {
        let body = serde_json::to_string(message).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
        let record = Some(name(change.kind, change.id));
        let number = message.at.timestamp_millis();
        Ok(Row { id: message.id, number, body: Some(Cow::Owned(body)), fields: None, record })
    };
    messages.map(row).collect()
}
