//! When a call is made, and when again. A call that an event has made necessary is made at once; one that may
//! be underway in a request is left alone for as long as it may take; what stays unanswered or pending is
//! asked for ever more rarely. Kept in memory: who has forgotten asks once too often, which does no harm.

use std::{
    collections::{HashMap, HashSet},
    mem::{self, Discriminant},
};

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::PaymentId;

use crate::{bill::Bill, payment::Due};

/// How long a charge is left to the request that makes it: the longest that a call takes.
const UNDERWAY: TimeDelta = TimeDelta::seconds(20);
/// The first wait between two calls; each further one is half as long again.
const SHORTEST: TimeDelta = TimeDelta::seconds(10);
/// No wait is longer.
const LONGEST: TimeDelta = TimeDelta::minutes(5);

/// The calls made so far, by the attempt that asks for them.
#[derive(Debug, Default)]
pub(super) struct Paces(HashMap<PaymentId, Made>);

/// A call that was made.
#[derive(Clone, Copy, Debug)]
struct Made {
    call: Discriminant<Due>,
    at: DateTime<Utc>,
    wait: TimeDelta,
}

impl Paces {
    /// Whether it is time for this call.
    pub(super) fn is_time(&self, bill: &Bill, due: &Due, now: DateTime<Utc>) -> bool {
        let asked =
            bill.attempt(due.reference()).is_none_or(|attempt| now >= attempt.updated_at + respite(due));
        let made = self.0.get(&due.reference()).filter(|made| made.call == mem::discriminant(due));
        asked && made.is_none_or(|made| now >= made.at + made.wait)
    }

    /// Whether it is time for this call; if so it counts as made now.
    pub(super) fn take(&mut self, bill: &Bill, due: &Due, now: DateTime<Utc>) -> bool {
        if !self.is_time(bill, due, now) {
            return false;
        }
        let call = mem::discriminant(due);
        let before = self.0.get(&due.reference()).filter(|made| made.call == call);
        let wait = before.map_or(SHORTEST, |made| (made.wait * 3 / 2).min(LONGEST));
        self.0.insert(due.reference(), Made { call, at: now, wait });
        true
    }

    /// Forgets all but these.
    pub(super) fn keep(&mut self, open: &HashSet<PaymentId>) {
        self.0.retain(|payment, _| open.contains(payment));
    }
}

/// How long an attempt is left alone after it has changed.
const fn respite(due: &Due) -> TimeDelta {
    match due {
        Due::Create(_) => UNDERWAY,
        Due::Read { .. } => SHORTEST,
        Due::Search { .. } | Due::Cancel { .. } | Due::Refund { .. } => TimeDelta::zero(),
    }
}
