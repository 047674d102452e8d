//! Performs transitions: gives their events ids, times and causes, and has state and events written in one
//! go. People's commands come through [`Shell::decide`], events through [`crate::Ear`]; there is no third way
//! to change an aggregate that takes part in the saga.

use chrono::{DateTime, Utc};
use garage_events::{
    Deadlines, Envelope, Event, EventId, MAX_BYTES, Refusal, Service, Transition, VERSION, topology,
};
use garage_kit::{
    Aggregate, Decision, Failure, Loaded, Repository,
    clock::Clock,
    http::Problem,
    store::Message,
    trace::{self, TraceContext},
};
use uuid::Uuid;

use crate::{
    refusal::problem,
    told::{self, Told},
};

/// A service's hand: its aggregates, its clock, its name on events.
#[derive(Clone)]
pub struct Shell {
    /// The aggregates.
    pub repository: Repository,
    /// The time and fresh ids.
    pub clock: Clock,
    /// Who publishes.
    pub service: Service,
    /// How long its aggregates may wait.
    pub deadlines: Deadlines,
}

/// Why events were told: by which event, or by nobody's but the caller's wish; and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion {
    pub(crate) cause: Option<EventId>,
    pub(crate) at: DateTime<Utc>,
    /// Where: in the span of a request or of the event that was heard.
    pub(crate) place: Option<TraceContext>,
}

impl Shell {
    /// Decides on one aggregate and writes the decision, again if another writer was faster. `if_match` is
    /// the version that the caller has seen, if the caller insists on it.
    ///
    /// # Errors
    /// A problem for the caller: the refusal, a stale version, a value already taken, or a failure of ours.
    pub async fn decide<A: Aggregate>(
        &self,
        id: Uuid,
        if_match: Option<u64>,
        mut decide: impl FnMut(Option<A>, DateTime<Utc>) -> Result<Transition<A>, Refusal> + Send,
    ) -> Result<Loaded<A>, Problem> {
        let occasion = Occasion { cause: None, at: self.clock.now(), place: trace::about(id) };
        let mut told = Vec::new();
        let decided = self.repository.change::<A, Problem>(id, |current| {
            check_version(current, if_match)?;
            let transition = decide(current.map(|read| read.state.clone()), occasion.at).map_err(problem)?;
            told.clear();
            let messages = self.messages::<A>(id, transition.events, occasion, &mut told)?;
            Ok(Decision { next: Some(transition.state), messages })
        });
        match decided.await {
            Ok(Some(loaded)) => {
                told.into_iter().for_each(|told| told.tell(self.service));
                Ok(loaded)
            }
            Ok(None) => Err(Failure::lasting("deciding", "a decision left nothing behind").into()),
            Err(unchanged) => Err(unchanged.into()),
        }
    }

    /// Writes or deletes an aggregate that tells nothing (customers, the catalogue).
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub async fn keep<A: Aggregate>(
        &self,
        id: Uuid,
        if_match: Option<u64>,
        mut decide: impl FnMut(Option<A>, DateTime<Utc>) -> Result<Option<A>, Problem> + Send,
    ) -> Result<Option<Loaded<A>>, Problem> {
        let at = self.clock.now();
        let kept = self.repository.change::<A, Problem>(id, |current| {
            check_version(current, if_match)?;
            let next = decide(current.map(|read| read.state.clone()), at)?;
            Ok(Decision { next, messages: Vec::new() })
        });
        kept.await.map_err(Problem::from)
    }

    /// Events as messages of the aggregate that tells them; what is to be said of them, if they are committed, is added
    /// to `told`.
    pub(crate) fn messages<A: Aggregate>(
        &self,
        aggregate: Uuid,
        events: Vec<Event>,
        occasion: Occasion,
        told: &mut Vec<Told>,
    ) -> Result<Vec<Message>, Failure> {
        let wanted = !events.is_empty() && told::is_wanted();
        let message = |event: Event| {
            let name = event.event_type();
            let message = self.message(A::KIND.name, aggregate, event, occasion)?;
            if wanted {
                told.push(Told::new(name, &message, occasion.cause, occasion.place));
            }
            Ok(message)
        };
        events.into_iter().map(message).collect()
    }

    fn message(
        &self,
        kind: &str,
        aggregate: Uuid,
        event: Event,
        occasion: Occasion,
    ) -> Result<Message, Failure> {
        let topic = event.event_type();
        let correlation = event.work_order_id().0;
        let envelope = Envelope {
            event_id: EventId(self.clock.event_id()),
            timestamp: occasion.at,
            source: self.service,
            version: VERSION,
            causation_id: occasion.cause,
            event,
        };
        let body = envelope.to_json().map_err(|cause| Failure::lasting("writing an event", cause))?;
        if body.len() > MAX_BYTES {
            return Err(Failure::lasting(
                "writing an event",
                format!("{topic} of {correlation} has {} bytes", body.len()),
            ));
        }
        let trace = occasion.place.filter(|place| !place.is_of(correlation));
        Ok(Message {
            trace: trace.map(|place| place.at(envelope.event_id.0)),
            id: envelope.event_id.0,
            kind: kind.to_owned(),
            aggregate,
            topic: topic.to_owned(),
            correlation,
            causation: occasion.cause.map(|cause| cause.0),
            source: self.service.to_string(),
            version: envelope.version,
            at: occasion.at,
            mandatory: topology::has_consumers(topic),
            body,
        })
    }
}

fn check_version<A>(current: Option<&Loaded<A>>, if_match: Option<u64>) -> Result<(), Problem> {
    match (if_match, current) {
        (Some(wanted), Some(read)) if read.version != wanted => Err(Problem::stale(read.version)),
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}
