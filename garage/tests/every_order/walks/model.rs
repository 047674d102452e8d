//! The pure side: what happens to an aggregate, and what the production functions make of it.

use chrono::{DateTime, Utc};
use garage_billing_service::bill::{Answer, Bill};
use garage_events::{Event, PaymentId, Service, Transition};
use garage_execution_service::execution::Job;
use garage_kit::Aggregate;
use garage_os_service::work_order::WorkOrder;

use crate::{
    code::{Code, ORDER, Production},
    garage::Scope,
    moves::{self, Move},
};

/// What happens to one aggregate.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// Somebody does this, if it is possible.
    Did(&'static str),
    /// An event arrives.
    Heard(Event),
    /// A charge is about to be sent once more.
    Resends(PaymentId),
    /// The gateway has said this, at this time.
    Answered(PaymentId, Answer, DateTime<Utc>),
}

/// What one service keeps of an order.
pub(super) trait Side: Aggregate {
    /// Whose it is.
    const SERVICE: Service;

    /// What is there before anything is known of the order.
    fn unknown() -> Option<Self>;

    /// What people may do with it now.
    fn moves(&self, scope: Scope) -> Vec<Move<Self>>;

    fn hear(self, event: &Event) -> Transition<Self>;

    /// What only some aggregates know.
    fn other(self, _: &Input) -> Option<Transition<Self>> {
        None
    }
}

impl Side for WorkOrder {
    const SERVICE: Service = Service::Os;

    fn unknown() -> Option<Self> {
        None
    }

    fn moves(&self, _: Scope) -> Vec<Move<Self>> {
        moves::at_the_desk(&Production, self)
    }

    fn hear(self, event: &Event) -> Transition<Self> {
        Production.order(self, event)
    }
}

impl Side for Bill {
    const SERVICE: Service = Service::Billing;

    fn unknown() -> Option<Self> {
        Some(Self::unknown(ORDER))
    }

    fn moves(&self, scope: Scope) -> Vec<Move<Self>> {
        moves::at_the_till(&Production, self, scope)
    }

    fn hear(self, event: &Event) -> Transition<Self> {
        Production.bill(self, event)
    }

    fn other(self, input: &Input) -> Option<Transition<Self>> {
        match input {
            Input::Resends(reference) => Some(Production.resend(self, *reference)),
            Input::Answered(reference, answer, at) => {
                Some(Production.hear(self, *reference, answer.clone(), *at))
            }
            Input::Did(_) | Input::Heard(_) => None,
        }
    }
}

impl Side for Job {
    const SERVICE: Service = Service::Execution;

    fn unknown() -> Option<Self> {
        Some(Self::unknown(ORDER))
    }

    fn moves(&self, _: Scope) -> Vec<Move<Self>> {
        moves::in_the_shop(&Production, self)
    }

    fn hear(self, event: &Event) -> Transition<Self> {
        Production.job(self, event)
    }
}

/// What comes of an input; nothing if it is refused.
pub(super) fn moved<A: Side>(current: Option<A>, input: &Input, scope: Scope) -> Option<Transition<A>> {
    let current = current.or_else(A::unknown)?;
    match input {
        Input::Did(name) => {
            let found = current.moves(scope).into_iter().find(|(known, _)| known == name);
            found.map(|(_, transition)| transition)
        }
        Input::Heard(event) => Some(current.hear(event)),
        Input::Resends(_) | Input::Answered(..) => current.other(input),
    }
}

/// One side as it is in memory, and what it has told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known<A> {
    pub(super) state: Option<A>,
    pub(super) told: Vec<Event>,
}

impl<A: Side> Known<A> {
    pub(super) fn nothing() -> Self {
        Self { state: None, told: Vec::new() }
    }

    pub(super) fn take(&mut self, input: &Input, scope: Scope) {
        if let Some(Transition { state, events }) = moved(self.state.clone(), input, scope) {
            self.state = Some(state);
            self.told.extend(events);
        }
    }
}
