//! What was asked of the gateway for an attempt, and what it said: for whoever must find out later what happened to
//! somebody's money. Never a card's token. What went alike several times in a row is one line.

use chrono::{DateTime, Utc};
use garage_events::milliseconds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Due;

/// Lines that an attempt keeps: the first ones, which tell how it began, and the last ones.
const FIRST: usize = 10;
const LAST: usize = 30;
/// As much of an answer as is kept.
const LONGEST: usize = 500;

/// A call to the gateway, or several in a row that went alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GatewayCall)]
pub struct Call {
    /// What was asked.
    pub asked: String,
    /// With which idempotency key, if with one.
    pub key: Option<String>,
    /// What came back, or that nothing did.
    pub answer: String,
    /// When it was asked first.
    #[serde(serialize_with = "milliseconds")]
    pub first_at: DateTime<Utc>,
    /// When it was asked last.
    #[serde(serialize_with = "milliseconds")]
    pub last_at: DateTime<Utc>,
    /// How often.
    pub times: u32,
}

impl Call {
    /// What was asked at this time, and what was answered.
    #[must_use]
    pub fn of(due: &Due, answer: &str, at: DateTime<Utc>) -> Self {
        let secret = if let Due::Create(charge) = due { charge.card_token.as_deref() } else { None };
        let answer = match secret.filter(|token| !token.is_empty()) {
            Some(token) => answer.replace(token, "[card token]"),
            None => answer.to_owned(),
        };
        let answer = answer.chars().take(LONGEST).collect();
        Self { asked: due.to_string(), key: due.key(), answer, first_at: at, last_at: at, times: 1 }
    }

    /// What was read for a reason that is not the attempt's own, such as a webhook.
    #[must_use]
    pub fn read(asked: &str, answer: &str, at: DateTime<Utc>) -> Self {
        let answer = answer.chars().take(LONGEST).collect();
        Self { asked: asked.to_owned(), key: None, answer, first_at: at, last_at: at, times: 1 }
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.asked, &self.key, &self.answer) == (&other.asked, &other.key, &other.answer)
    }
}

/// The trail with one call more.
pub(super) fn with(mut trail: Vec<Call>, call: Call) -> Vec<Call> {
    match trail.last_mut().filter(|last| last.is_like(&call)) {
        Some(last) => (last.last_at, last.times) = (call.last_at, last.times.saturating_add(1)),
        None => trail.push(call),
    }
    if trail.len() > FIRST + LAST {
        trail.remove(FIRST);
    }
    trail
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    fn call(answer: &str, seconds: i64) -> Call {
        Call::read("read after a webhook", answer, AT + chrono::TimeDelta::seconds(seconds))
    }

    #[test]
    fn what_went_alike_is_one_line_and_says_how_often() {
        let trail =
            with(with(with(Vec::new(), call("pending", 0)), call("pending", 10)), call("approved", 20));
        let lines: Vec<_> =
            trail.iter().map(|call| (call.answer.as_str(), call.times, call.last_at)).collect();
        let after = |seconds| AT + chrono::TimeDelta::seconds(seconds);
        assert_eq!(lines, [("pending", 2, after(10)), ("approved", 1, after(20))]);
        assert_eq!(trail[0].first_at, AT);
    }

    #[test]
    fn a_long_trail_keeps_its_beginning_and_its_end() {
        let trail = (0..1000).fold(Vec::new(), |trail, n| with(trail, call(&n.to_string(), n)));
        assert_eq!(trail.len(), FIRST + LAST);
        assert_eq!((trail[0].answer.as_str(), trail[9].answer.as_str()), ("0", "9"));
        assert_eq!((trail[10].answer.as_str(), trail[39].answer.as_str()), ("970", "999"));
    }
}
