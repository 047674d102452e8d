//! What a decision leaves behind: the next state and what must be told. Deciding is pure; one shell in the
//! plumbing performs transitions, and the explorer of every order of events performs the very same ones.

use crate::Event;

/// The next state of an aggregate and the events that must follow, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a transition that nobody performs did not happen"]
pub struct Transition<S> {
    /// The next state.
    pub state: S,
    /// What must be published once the state is stored.
    pub events: Vec<Event>,
}

impl<S> Transition<S> {
    /// A new state that nobody needs to hear of.
    pub const fn quiet(state: S) -> Self {
        Self { state, events: Vec::new() }
    }

    /// A new state, and what to tell.
    pub fn telling(state: S, events: impl IntoIterator<Item = Event>) -> Self {
        Self { state, events: events.into_iter().collect() }
    }

    /// One more thing to tell.
    pub fn and(mut self, event: impl Into<Event>) -> Self {
        self.events.push(event.into());
        self
    }
}

/// A no for the caller: the request makes sense but not for this thing as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not possible in this state.
    #[error("{what} is not possible: the {thing} is {state}")]
    State {
        /// What was asked, such as `approving`.
        what: &'static str,
        /// Of what, such as `quote`.
        thing: &'static str,
        /// The state that forbids it.
        state: String,
    },
    /// A value that can never be right here.
    #[error("{field} {problem}")]
    Field {
        /// The request's field, as it is spelled in JSON.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// Nothing by that id.
    #[error("there is no such {0}")]
    Unknown(&'static str),
}

impl Refusal {
    /// [`Refusal::State`] with the state's own word.
    pub fn state(what: &'static str, thing: &'static str, state: impl ToString) -> Self {
        Self::State { what, thing, state: state.to_string() }
    }

    /// [`Refusal::Field`].
    pub fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}
