//! The look around: every few seconds a service counts what is stuck, and tells again what another service may not
//! have heard. Both are ranges of an index; nothing is read that is not overdue. How long something has been overdue
//! decides when it is told again, so nothing has to be remembered between two looks or two lives of a process.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::Wait;
use garage_kit::{
    Aggregate, Failure,
    bus::backoff::Backoff,
    store::{Position, Query},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Patient, WAITING, limit_of, range, retell, waits};
use crate::Shell;

/// A look begins so long after the last, or up to half of it earlier: replicas do not look together.
const LOOK: Duration = Duration::from_secs(20);
/// More than so many of a sort are not counted: it is an alarm all the same.
const MOST: u32 = 10_000;
/// Read at once.
const PAGE: u32 = 200;
/// Pages that are told again in one look; whatever is left has its turn when it is overdue for longer.
const PAGES: usize = 25;
/// How long after its deadline something is told for the second time. Each further time is twice as late; after
/// the last one, nine days later, it is left to people.
const SECOND: TimeDelta = TimeDelta::minutes(2);
/// Tellings in all.
const TIMES: u32 = 14;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    state: &'static str,
    who: &'static str,
}

/// How many wait beyond their deadline, by what they wait for.
#[derive(Clone, Debug, Default)]
pub struct Stuck(Family<Labels, Gauge>);

impl Stuck {
    /// `garage_stuck_sagas`.
    pub fn register(registry: &mut Registry) -> Self {
        let stuck = Self::default();
        registry.register(
            "garage_stuck_sagas",
            "Sagas past a deadline of this service, by what is awaited and from whom",
            stuck.0.clone(),
        );
        stuck
    }

    fn set(&self, wait: &Wait, count: u64) {
        let labels = Labels { state: wait.name, who: wait.who.word() };
        self.0.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

/// Looks around until `stopping`.
pub async fn watch<A: Patient>(shell: Shell, stuck: Stuck, stopping: CancellationToken) {
    let mut last = None;
    let mut pauses = Backoff::new(LOOK, LOOK);
    loop {
        let now = shell.clock.now();
        match stopping.run_until_cancelled(look::<A>(&shell, &stuck, last, now)).await {
            Some(Ok(())) => last = Some(now),
            Some(Err(failure)) => tracing::warn!(%failure, "what waits too long cannot be looked for"),
            None => return,
        }
        if stopping.run_until_cancelled(pauses.pause()).await.is_none() {
            return;
        }
    }
}

/// One look. The first after a start tells everything again that is overdue.
async fn look<A: Patient>(
    shell: &Shell,
    stuck: &Stuck,
    last: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    for wait in waits(shell) {
        let limit = limit_of(shell, wait, now);
        let count = shell.repository.count::<A>(&range(wait, None, limit, MOST)).await?;
        stuck.set(wait, count);
        if count > 0 && wait.who.is_a_service() {
            for (after, until) in windows(last.map(|last| limit_of(shell, wait, last)), limit) {
                tell_again::<A>(shell, range(wait, after, until, PAGE)).await?;
            }
        }
    }
    Ok(())
}

/// Which beginnings are due now: those that have reached a time for telling since the last look.
fn windows(last: Option<DateTime<Utc>>, limit: DateTime<Utc>) -> Vec<(Option<DateTime<Utc>>, DateTime<Utc>)> {
    let Some(last) = last else { return vec![(None, limit)] };
    let late = |time: u32| if time == 0 { TimeDelta::zero() } else { SECOND * (1 << (time - 1)) };
    (0..TIMES).map(late).map(|late| (Some(last - late), limit - late)).collect()
}

async fn tell_again<A: Patient>(shell: &Shell, mut query: Query) -> Result<(), Failure> {
    for _ in 0..PAGES {
        let found = shell.repository.find::<A>(&query).await?;
        for one in &found {
            tell_one::<A>(shell, one.state.id()).await;
        }
        match found.last().filter(|_| found.len() == PAGE as usize) {
            Some(last) => query.after = Some(place(&last.state)),
            None => return Ok(()),
        }
    }
    Ok(())
}

fn place<A: Aggregate>(state: &A) -> Position {
    let value = state.index().get(WAITING.name).and_then(Value::as_str).unwrap_or_default().to_owned();
    Position { value, id: state.id() }
}

/// It may have moved on since it was found.
async fn tell_one<A: Patient>(shell: &Shell, id: Uuid) {
    let now = shell.clock.now();
    let is_stuck = |known: &A| {
        let waiting = known.waiting().filter(|waiting| waiting.wait.who.is_a_service());
        waiting.is_some_and(|waiting| shell.deadlines.is_stuck(&waiting, now))
    };
    match retell::<A>(shell, id, A::KIND.name, is_stuck).await {
        Ok(nudged) if nudged.told.is_empty() => {}
        Ok(nudged) => {
            tracing::warn!(correlation_id = %id, told = ?nudged.told, "nobody seems to have heard; told again");
        }
        Err(problem) => tracing::warn!(correlation_id = %id, %problem, "could not be told again; later"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    /// The seconds after its deadline at which something is told again by somebody who looks every 10 seconds.
    fn told(until: i64) -> Vec<i64> {
        let at = |seconds: i64| AT + TimeDelta::seconds(seconds);
        let is_due = |second: &i64| {
            windows(Some(at(second - 10)), at(*second))
                .into_iter()
                .any(|(after, until)| after.is_none_or(|after| AT > after) && AT <= until)
        };
        (-50..until).step_by(10).filter(is_due).collect()
    }

    #[test]
    fn what_is_overdue_is_told_at_once_and_then_ever_more_rarely() {
        assert_eq!(told(2000), [0, 120, 240, 480, 960, 1920]);
    }

    #[test]
    fn after_some_days_it_is_left_to_people() {
        let times = told(30 * 24 * 3600);
        assert_eq!(times.len(), 14);
        assert_eq!(times.last(), Some(&(120 << 12)));
    }

    #[test]
    fn a_first_look_finds_everything_that_is_overdue() {
        assert_eq!(windows(None, AT), [(None, AT)]);
    }
}
