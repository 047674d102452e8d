//! A batch in one transaction, a few statements for all of it. When a rule of the schema forbids one change,
//! the transaction is rolled back and the batch is halved until that change stands alone: the others do not
//! suffer, and one such change among many costs a few transactions more, not one for each.

use std::{borrow::Cow, collections::HashSet, future::Future, time::Duration};

use futures::future::BoxFuture;
use sqlx::SqlStr;

use super::{
    SqlStore, nul,
    session::Work,
    table::{Row, Table, lists},
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

/// A statement, and the changes that it is for.
type Step<'a> = (&'a SqlStr, fn(&Change) -> bool);
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
            let error = match self.contended(|| self.attempt(changes, &groups)).await {
                Ok(outcomes) => return Ok(outcomes),
                Err(error) => error,
            };
            match trouble::violation(&error, self.kinds) {
                None => Err(self.failure("committing", &error)),
                Some(outcome) if changes.len() == 1 => Ok(vec![outcome]),
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

    async fn attempt(&self, changes: &[Change], groups: &[Group<'_>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut work = self.sessions.begin().await?;
        let mut stored = HashSet::new();
        for (table, group) in groups {
            for id in store(&mut *work, table, group).await? {
                stored.insert((table.kind.name, id));
            }
        }
        crash::point("sql-state-written");
        let is_stored = |change: &Change| stored.contains(&(change.kind.name, change.id.to_string()));
        let messages = changes.iter().filter(|change| is_stored(change)).flat_map(|change| &change.messages);
        let messages = messages.map(waiting).collect::<Result<Vec<_>, _>>()?;
        run(&mut *work, &self.outbox.insert, messages).await?;
        crash::point("sql-outbox-written");
        crash::during("sql-commit-sent", work.commit()).await?;
        let outcome = |change| if is_stored(change) { Outcome::Committed } else { Outcome::Conflict };
        Ok(changes.iter().map(outcome).collect())
    }
}

/// Writes the changes of one kind and answers the ids of those that went through. Records are taken in the
/// order of their ids, so that two replicas do not wait for each other in a circle.
async fn store(work: &mut dyn Work, table: &Table, group: &[&Change]) -> Result<Vec<String>, sqlx::Error> {
    let steps: [Step<'_>; 4] = [
        (&table.insert, |change| change.expected == 0 && change.body.is_some()),
        (&table.update, |change| change.expected > 0 && change.body.is_some()),
        (&table.delete, |change| change.expected > 0 && change.body.is_none()),
        (&table.missing, |change| change.expected == 0 && change.body.is_none()),
    ];
    let mut stored = Vec::new();
    for (sql, belongs) in steps {
        let changes = group.iter().filter(|change| belongs(change));
        let mut rows = changes.map(|change| row(change)).collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable_by_key(|row| row.id);
        stored.extend(run(work, sql, rows).await?);
    }
    Ok(stored)
}

/// Runs a statement over rows; the first column of its answer.
async fn run(work: &mut dyn Work, sql: &SqlStr, rows: Vec<Row<'_>>) -> Result<Vec<String>, sqlx::Error> {
    let mut answer = Vec::new();
    for list in lists(rows)? {
        answer.extend(work.run(sql.clone(), vec![list]).await?);
    }
    Ok(answer.into_iter().filter_map(|row| row.into_iter().next()).collect())
}

fn row(change: &Change) -> Result<Row<'_>, sqlx::Error> {
    let body = change.body.as_deref().map(nul::hide).transpose();
    let body = body.map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    Ok(Row { id: change.id, number: change.expected.cast_signed(), body })
}

/// A message as the outbox keeps it, with its time as the number.
fn waiting(message: &Message) -> Result<Row<'_>, sqlx::Error> {
    let body = serde_json::to_string(message).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    Ok(Row { id: message.id, number: message.at.timestamp_millis(), body: Some(Cow::Owned(body)) })
}
