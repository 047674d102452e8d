//! Paths that must really be taken, or the promises kept on them would mean nothing.

use garage_billing_service::{
    bill::Answer,
    gateway::Standing,
    payment::{Attempt, Due, PartRefund, PartStanding},
};
use garage_events::{ExecutionStatus, PaymentStatus, QuoteStatus, WorkOrderStatus};

use crate::{
    code::totals,
    gateway::State,
    promises::{Hand, Sight},
};

/// One step, between two worlds.
pub(crate) struct Edge<'a> {
    pub before: Sight<'a>,
    pub after: Sight<'a>,
    pub step: String,
}

/// A path by its name, and how a step shows that it was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path {
    pub name: &'static str,
    pub is_taken: fn(&Edge<'_>) -> bool,
}

const fn path(name: &'static str, is_taken: fn(&Edge<'_>) -> bool) -> Path {
    Path { name, is_taken }
}

impl Edge<'_> {
    fn ends(&self, status: WorkOrderStatus) -> bool {
        self.after.order.status() == status && self.after.bill.due().is_empty()
    }

    fn is_called_off(&self) -> bool {
        self.after.order.cancellation_reason().is_some()
    }

    fn has_paid(&self, attempts: &[PaymentStatus]) -> bool {
        self.after.bill.attempts.iter().map(|attempt| attempt.status).eq(attempts.iter().copied())
    }

    fn work_is(&self, status: ExecutionStatus) -> bool {
        self.after.job.execution.as_ref().is_some_and(|execution| execution.status == status)
    }

    fn was(&self, is: fn(&Attempt) -> bool) -> bool {
        self.before.bill.attempts.iter().any(is)
    }

    fn asks(&self, is: fn(&Due) -> bool) -> usize {
        self.after.hands.iter().filter(|hand| matches!(hand, Hand::Asking(due) if is(due))).count()
    }

    fn holds(&self, is: fn(&Answer) -> bool) -> bool {
        self.after.hands.iter().any(|hand| matches!(hand, Hand::Holding(answer) if is(answer)))
    }
}

fn stands(answer: &Answer, is: fn(&Standing) -> bool) -> bool {
    matches!(answer, Answer::Charged(charged) if is(&charged.standing))
}

pub(crate) const PATHS: &[Path] = &[
    path("money that came after the cancellation goes back, and the workshop never hears of it", |edge| {
        edge.ends(WorkOrderStatus::Cancelled)
            && edge.has_paid(&[PaymentStatus::Refunded])
            && !edge.work_is(ExecutionStatus::Failed)
    }),
    path("money that came before the cancellation goes back at the workshop's word", |edge| {
        edge.ends(WorkOrderStatus::Cancelled)
            && edge.has_paid(&[PaymentStatus::Refunded])
            && edge.work_is(ExecutionStatus::Failed)
    }),
    path("a cancellation comes too late, and the order is completed and delivered", |edge| {
        edge.ends(WorkOrderStatus::Delivered) && edge.is_called_off()
    }),
    path("the workshop gives up, and the money goes back", |edge| {
        edge.ends(WorkOrderStatus::Failed) && edge.has_paid(&[PaymentStatus::Refunded])
    }),
    path("declined, then paid and completed", |edge| {
        edge.ends(WorkOrderStatus::Completed)
            && edge.has_paid(&[PaymentStatus::Rejected, PaymentStatus::Approved])
    }),
    path("a quote expires and the order with it", |edge| {
        edge.ends(WorkOrderStatus::Cancelled)
            && edge.after.bill.quote.as_ref().is_some_and(|quote| quote.status == QuoteStatus::Expired)
    }),
    path("the edited total is paid and the work completed", |edge| {
        edge.ends(WorkOrderStatus::Completed) && edge.after.order.total_amount() == Some(totals()[1])
    }),
    path("a capture is found by search alone", |edge| {
        edge.step == "the gateway is searched"
            && edge.holds(|answer| stands(answer, |standing| *standing == Standing::Approved))
    }),
    path("a charge has never arrived", |edge| {
        edge.holds(|answer| *answer == Answer::NeverReceived) && edge.is_called_off()
    }),
    path("two replicas send one charge at once", |edge| edge.asks(|due| matches!(due, Due::Create(_))) == 2),
    path("two replicas give one payment back at once", |edge| {
        edge.asks(|due| matches!(due, Due::Refund { .. })) == 2
    }),
    path("a charge sets out after the order was called off", |edge| {
        edge.after.bill.called_off.is_some() && edge.step == "the gateway takes a payment"
    }),
    path("an answer from before the payment comes after it", |edge| {
        edge.was(|attempt| attempt.status == PaymentStatus::Approved)
            && edge.holds(|answer| stands(answer, |standing| *standing == Standing::Pending))
    }),
    path("an answer comes for a payment that has gone back", |edge| {
        edge.holds(|_| true) && edge.has_paid(&[PaymentStatus::Refunded])
    }),
    path("a refund is refused and stays due", |edge| {
        let is_refused =
            |attempt: &Attempt| attempt.reason.is_some() && attempt.status == PaymentStatus::Refunding;
        edge.after.bill.attempts.iter().any(is_refused) && !edge.after.bill.due().is_empty()
    }),
    path("a refund is asked for again while it takes its time", |edge| {
        edge.asks(|due| matches!(due, Due::Refund { .. })) > 0
            && edge.after.ledger.0.values().any(|entry| entry.state == State::GoingBack)
    }),
    path("a pending payment is cancelled at the gateway", |edge| {
        edge.step == "the gateway is asked to cancel"
            && edge.holds(|answer| stands(answer, |standing| matches!(standing, Standing::Cancelled(_))))
    }),
    path("the payer pays before the cancellation reaches the gateway", |edge| {
        edge.step == "the gateway is asked to cancel"
            && edge.holds(|answer| stands(answer, |standing| *standing == Standing::Approved))
    }),
    path("a payment is heard of before the approval of its quote", |edge| {
        edge.step.ends_with("hears payment.approved")
            && edge.before.job.execution.is_none()
            && edge.work_is(ExecutionStatus::Queued)
    }),
    path("a tombstone answers a payment", |edge| {
        edge.step.ends_with("hears payment.approved")
            && edge.before.job.execution.is_none()
            && edge.work_is(ExecutionStatus::Failed)
    }),
    path("two parts are given back one after the other", |edge| {
        edge.ends(WorkOrderStatus::Delivered)
            && edge
                .after
                .bill
                .attempts
                .iter()
                .any(|attempt| attempt.parts.iter().filter(|part| part.is_done()).count() == 2)
    }),
    path("a part is refused for good", |edge| {
        let is_refused = |part: &PartRefund| matches!(part.standing, PartStanding::Refused { .. });
        edge.after.bill.attempts.iter().any(|attempt| attempt.parts.iter().any(is_refused))
    }),
    path("a part that was refused had gone after all", |edge| {
        let is_doubted = |part: &PartRefund| matches!(part.standing, PartStanding::Doubted { .. });
        let doubted = edge.before.bill.attempts.iter().any(|attempt| attempt.parts.iter().any(is_doubted));
        doubted && edge.holds(|answer| matches!(answer, Answer::PartSeen(_)))
    }),
    path("two replicas give one part back at once", |edge| {
        edge.asks(|due| matches!(due, Due::GiveBack { .. })) == 2
    }),
    path("the payer's bank takes the money of finished work", |edge| {
        let is_settled =
            |attempt: &Attempt| attempt.charge_back.as_ref().is_some_and(|known| known.standing == "settled");
        edge.ends(WorkOrderStatus::Completed) && edge.after.bill.attempts.iter().any(is_settled)
    }),
    path("the payer's bank takes money that was owed back", |edge| {
        edge.ends(WorkOrderStatus::Failed)
            && edge.after.ledger.0.values().any(|entry| entry.state == State::Taken)
            && edge.has_paid(&[PaymentStatus::Refunded])
    }),
    path("a quote is written anew under the customer's eyes, sent again and paid", |edge| {
        edge.ends(WorkOrderStatus::Completed)
            && edge.after.bill.quote.as_ref().is_some_and(|quote| quote.sent_at.is_some())
            && edge.after.order.total_amount() == Some(totals()[1])
    }),
    path("a payment is withdrawn, another is paid and the work completed", |edge| {
        let is_withdrawn = |attempt: &Attempt| attempt.withdrawn.is_some();
        edge.ends(WorkOrderStatus::Completed)
            && edge.has_paid(&[PaymentStatus::Rejected, PaymentStatus::Approved])
            && edge.after.bill.attempts.iter().any(is_withdrawn)
    }),
    path("a refund is rejected after it was accepted, and another goes", |edge| {
        edge.has_paid(&[PaymentStatus::Refunded])
            && edge.after.bill.attempts.iter().any(|attempt| attempt.owed.ended > 0)
    }),
    path("a job is queued by hand", |edge| edge.step == "the job is queued by hand"),
];

mod tests {
    use std::{cell::RefCell, collections::HashSet};

    use chrono::{DateTime, Utc};
    use garage_billing_service::{bill::Bill, payment::GoesBack};
    use garage_events::{PaymentId, Transition};

    use super::Answer;
    use crate::{
        TAKEN_BACK,
        code::{Code, Production},
        explore::explore,
    };

    /// The code as it ships, and why money went back though its order went on.
    #[derive(Default)]
    struct Watched(RefCell<HashSet<GoesBack>>);

    impl Code for Watched {
        fn hear(
            &self,
            bill: Bill,
            reference: PaymentId,
            answer: Answer,
            at: DateTime<Utc>,
        ) -> Transition<Bill> {
            let heard = Production.hear(bill, reference, answer, at);
            self.0.borrow_mut().extend(heard.state.attempts.iter().filter_map(|attempt| attempt.goes_back));
            heard
        }
    }

    /// No charge shows after ample time here, so no money comes too late.
    #[test]
    fn money_that_has_gone_at_the_gateway_before_it_was_seen_is_among_what_happens() {
        let watched = Watched::default();
        assert!(explore(&watched, TAKEN_BACK).is_ok(), "a promise is broken");
        assert_eq!(watched.0.into_inner(), HashSet::from([GoesBack::AtGateway]));
    }
}
