//! A domain's no as the caller sees it: what is not possible now is a conflict that names the state, a value
//! that can never be right is invalid and names its field.

use garage_events::Refusal;
use garage_kit::http::{FieldError, Problem};

/// The problem response for a refusal.
#[must_use]
pub fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::State { .. } => Problem::conflict(refusal.to_string()),
        Refusal::Field { field, problem } => Problem::invalid(vec![FieldError::new(field, problem)]),
        Refusal::Unknown(what) => Problem::not_found(what),
    }
}
