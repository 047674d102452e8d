//! What waits too long: it is listed, counted for Prometheus, and told again where that may help. Nobody conducts
//! the saga, so each service looks after its own aggregates. Telling something again is always safe, as a fact
//! that is known has no effect; so a second replica that does the same does no harm either.

use chrono::{DateTime, Utc};
use garage_events::{
    Awaited, Deadlines, Event, Refusal, Transition, Wait, Waiting, milliseconds,
    waiting::{before_all, key, seen_by},
};
use garage_kit::{
    Aggregate, Failure, Loaded,
    http::Problem,
    program::{Env, Misconfigured},
    store::{Field, Order, Position, Query},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Shell;

mod watch;

pub use watch::{Stuck, watch};

/// What a patient aggregate's index has beside its other fields: [`Waiting::key`].
pub const WAITING: Field = Field::plain("waiting");

/// An aggregate that knows whom it waits for, and what its present facts tell.
pub trait Patient: Aggregate {
    /// Whom it waits for; its index has the key of that as [`WAITING`].
    fn waiting(&self) -> Option<Waiting>;

    /// The events that its present facts imply and that somebody else decides on.
    fn retell(&self) -> Vec<Event>;
}

/// Whom something waits for, as the outside sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitingFor {
    /// Who must act.
    pub who: Awaited,
    /// What they must do; ends the sentence "waiting for …".
    #[schema(example = "the payment")]
    pub what: &'static str,
    /// Since when.
    #[serde(serialize_with = "milliseconds")]
    pub since: DateTime<Utc>,
    /// From when on it counts as stuck.
    #[serde(serialize_with = "milliseconds")]
    pub deadline: DateTime<Utc>,
}

impl WaitingFor {
    /// With its deadline.
    #[must_use]
    pub fn of(waiting: &Waiting, deadlines: &Deadlines) -> Self {
        let (who, what) = (waiting.wait.who, waiting.wait.what);
        Self { who, what, since: waiting.since, deadline: deadlines.deadline(waiting) }
    }
}

/// What was told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Nudged {
    /// The types of the events; none when there was nothing to tell.
    #[schema(value_type = Vec<String>, example = json!(["work-order.created"]))]
    pub told: Vec<&'static str>,
}

/// The shop's own deadlines, from `DEADLINES`.
///
/// # Errors
/// When it is there and does not read.
pub fn deadlines(env: &Env) -> Result<Deadlines, Misconfigured> {
    let wrong =
        |cause| Misconfigured::new(format!("DEADLINES must be a list such as payment=7d,quote=90s: {cause}"));
    env.text("DEADLINES")?.map_or(Ok(Deadlines::default()), |text| text.parse().map_err(wrong))
}

/// The waits that this service sees, in the order of their keys.
fn waits(shell: &Shell) -> Vec<&'static Wait> {
    let mut waits: Vec<_> = seen_by(shell.service).collect();
    waits.sort_by_key(|wait| before_all(wait));
    waits
}

/// A range of keys of one wait: behind `after`, up to what began to count at `until`.
fn range(wait: &Wait, after: Option<DateTime<Utc>>, until: DateTime<Utc>, limit: u32) -> Query {
    let after = after.map_or_else(|| before_all(wait), |after| key(wait, after));
    Query {
        order: Order::By(WAITING.name),
        after: Some(Position { value: after, id: Uuid::max() }),
        until: Some(key(wait, until)),
        limit,
        ..Query::default()
    }
}

/// What began to count at this time or before is overdue.
fn limit_of(shell: &Shell, wait: &Wait, now: DateTime<Utc>) -> DateTime<Utc> {
    let limit = now.checked_sub_signed(shell.deadlines.patience(wait));
    limit.unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
}

/// Those that wait beyond their deadline, by what they wait for, then the longest overdue first. `asked` is by
/// [`WAITING`]; its filters, its place and its limit hold.
///
/// # Errors
/// When the store fails.
pub async fn overdue<A: Patient>(shell: &Shell, asked: &Query) -> Result<Vec<Loaded<A>>, Failure> {
    let (now, mut found) = (shell.clock.now(), Vec::new());
    for wait in waits(shell) {
        let left = asked.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let of_wait = range(wait, None, limit_of(shell, wait, now), left);
        let place = asked.after.clone().filter(|place| place.value > before_all(wait));
        let query = Query { filters: asked.filters.clone(), search: asked.search.clone(), ..of_wait };
        let query = Query { after: place.or(query.after.clone()), ..query };
        if left > 0 && query.after.as_ref().map(|place| &place.value) <= query.until.as_ref() {
            found.extend(shell.repository.find::<A>(&query).await?);
        }
    }
    Ok(found)
}

/// Tells again what an aggregate's facts imply, if `wanted` says so of it; the types of what was told.
///
/// # Errors
/// As [`Shell::decide`]; when there is no such thing.
pub async fn retell<A: Patient>(
    shell: &Shell,
    id: Uuid,
    thing: &'static str,
    wanted: impl Fn(&A) -> bool + Send + Sync,
) -> Result<Nudged, Problem> {
    let mut told = Vec::new();
    let retold = shell.decide::<A>(id, None, |known, _| {
        let known = known.ok_or(Refusal::Unknown(thing))?;
        let events = if wanted(&known) { known.retell() } else { Vec::new() };
        told = events.iter().map(Event::event_type).collect();
        Ok(Transition::telling(known, events))
    });
    retold.await?;
    Ok(Nudged { told })
}
