//! When a call is made, and when again. A call that an event has made necessary is made at once; one that may
//! be underway in a request is left alone for as long as it may take; what stays unanswered or pending is
//! asked for ever more rarely. Kept in memory: who has forgotten asks once too often, which does no harm.

use std::{
    collections::{HashMap, HashSet},
    mem::{self, Discriminant},
};

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::PaymentId;

use crate::{
    bill::Bill,
    payment::{Attempt, Due},
};

/// How long a charge is left to the request that makes it: the longest that a call takes.
const UNDERWAY: TimeDelta = TimeDelta::seconds(20);
/// The first wait between two calls; each further one is half as long again.
const SHORTEST: TimeDelta = TimeDelta::seconds(10);
/// No wait is longer.
const LONGEST: TimeDelta = TimeDelta::minutes(5);

/// The calls made so far, by the attempt that asks for them.
#[derive(Debug, Default)]
pub(super) struct Paces {
    made: HashMap<PaymentId, Made>,
    seen: HashMap<PaymentId, Seen>,
}

/// An attempt as it was seen for the first time: a copy whose clock is ahead may have dated it past our time.
#[derive(Clone, Copy, Debug)]
struct Seen {
    dated: DateTime<Utc>,
    at: DateTime<Utc>,
}

/// A call that was made.
#[derive(Clone, Copy, Debug)]
struct Made {
    call: Discriminant<Due>,
    at: DateTime<Utc>,
    wait: TimeDelta,
}

impl Paces {
    /// Whether it is time for this call.
    pub(super) fn is_time(&mut self, bill: &Bill, due: &Due, now: DateTime<Utc>) -> bool {
        let changed = bill.attempt(due.reference()).map(|attempt| self.changed(attempt, now));
        let asked = changed.is_none_or(|changed| now >= changed + respite(due));
        let made = self.made.get(&due.reference()).filter(|made| made.call == mem::discriminant(due));
        asked && made.is_none_or(|made| now >= made.at + made.wait)
    }

    /// When the attempt has changed, by our clock: no later than it was first seen like this.
    fn changed(&mut self, attempt: &Attempt, now: DateTime<Utc>) -> DateTime<Utc> {
        let dated = attempt.updated_at;
        let seen = self.seen.entry(attempt.id).or_insert(Seen { dated, at: now });
        if seen.dated != dated {
            *seen = Seen { dated, at: now };
        }
        dated.min(seen.at)
    }

    /// Whether it is time for this call; if so it counts as made now.
    pub(super) fn take(&mut self, bill: &Bill, due: &Due, now: DateTime<Utc>) -> bool {
        if !self.is_time(bill, due, now) {
            return false;
        }
        let call = mem::discriminant(due);
        let before = self.made.get(&due.reference()).filter(|made| made.call == call);
        let wait = before.map_or(SHORTEST, |made| (made.wait * 3 / 2).min(LONGEST));
        self.made.insert(due.reference(), Made { call, at: now, wait });
        true
    }

    /// Forgets all but these.
    pub(super) fn keep(&mut self, open: &HashSet<PaymentId>) {
        self.made.retain(|payment, _| open.contains(payment));
        self.seen.retain(|payment, _| open.contains(payment));
    }
}

/// How long an attempt is left alone after it has changed.
const fn respite(due: &Due) -> TimeDelta {
    match due {
        Due::Create(_) => UNDERWAY,
        Due::Read { .. } => SHORTEST,
        Due::Search { .. }
        | Due::Cancel { .. }
        | Due::Refund { .. }
        | Due::GiveBack { .. }
        | Due::LookForRefund { .. } => TimeDelta::zero(),
    }
}

#[cfg(test)]
mod tests {
    use garage_events::{PaymentStatus, WorkOrderId};
    use uuid::Uuid;

    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    fn after(seconds: i64) -> DateTime<Utc> {
        AT + TimeDelta::seconds(seconds)
    }

    /// A bill with one attempt that has just changed.
    fn bill(status: PaymentStatus, gateway_id: Option<&str>) -> Bill {
        let attempt = Attempt::sample(status, gateway_id, AT);
        Bill { attempts: vec![attempt], ..Bill::unknown(WorkOrderId(Uuid::nil())) }
    }

    /// The seconds after the change at which the call is made, for somebody who looks every second.
    fn calls(bill: &Bill, until: i64) -> Vec<i64> {
        let (due, mut paces) = (bill.due().remove(0), Paces::default());
        (0..until).filter(|second| paces.take(bill, &due, after(*second))).collect()
    }

    #[test]
    fn a_refund_is_made_at_once_and_tried_ever_more_rarely() {
        assert_eq!(calls(&bill(PaymentStatus::Refunding, Some("7")), 100), [0, 10, 25, 48, 82]);
    }

    #[test]
    fn a_charge_is_left_to_its_request_for_as_long_as_that_may_take() {
        assert_eq!(calls(&bill(PaymentStatus::Processing, None), 60), [20, 30, 45]);
    }

    #[test]
    fn a_charge_that_a_clock_ahead_has_dated_waits_no_longer() {
        let mut ahead = bill(PaymentStatus::Processing, None);
        ahead.attempts[0].updated_at = after(600);
        assert_eq!(calls(&ahead, 60), [20, 30, 45]);
    }

    #[test]
    fn a_payment_that_waits_for_its_payer_is_looked_at_every_ten_seconds_and_later_every_five_minutes() {
        let looks = calls(&bill(PaymentStatus::Pending, Some("7")), 3600);
        assert_eq!(looks[..3], [10, 20, 35]);
        let waits: Vec<i64> = looks.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits.iter().max(), Some(&300));
    }

    #[test]
    fn another_call_for_the_same_payment_begins_anew() {
        let (pending, mut paces) = (bill(PaymentStatus::Pending, Some("7")), Paces::default());
        assert!(paces.take(&pending, &pending.due().remove(0), after(10)));
        let off = Bill { called_off: Some(after(11)), ..pending };
        assert!(paces.take(&off, &off.due().remove(0), after(11)));
    }

    #[test]
    fn what_is_no_longer_open_is_forgotten() {
        let (refunding, mut paces) = (bill(PaymentStatus::Refunding, Some("7")), Paces::default());
        let due = refunding.due().remove(0);
        assert!(paces.take(&refunding, &due, AT) && !paces.is_time(&refunding, &due, AT));
        paces.keep(&HashSet::new());
        assert!(paces.is_time(&refunding, &due, AT));
    }
}
