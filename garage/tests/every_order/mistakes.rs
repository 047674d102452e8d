//! Mistakes that somebody might make, each planted into one piece of the code. The explorer must find every
//! one of them, or its silence about the code that ships would mean nothing.

use garage_billing_service::{
    bill::{Answer, Bill, Tender},
    payment::Due,
};
use chrono::{DateTime, Utc};
use garage_events::{Event, ExecutionStatus, PaymentId, PaymentStatus, Refusal, Transition, event::reason};
use garage_execution_service::execution::{Job, Step};
use garage_os_service::work_order::{What, WorkOrder};

use crate::{
    code::{Code, Production, start},
    gateway::Ledger,
};

macro_rules! mistakes {
    ($($(#[$doc:meta])* $name:ident { $($code:tt)* })+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Code for $name { $($code)* }
    )+};
}

mistakes! {
    /// A known fact is learned, and told, again.
    NoIdempotencyGuard {
        fn order(&self, mut order: WorkOrder, event: &Event) -> Transition<WorkOrder> {
            if matches!(event, Event::QuoteRejected(_)) {
                order.facts.retain(|fact| !matches!(fact.what, What::QuoteRejected { .. } | What::Cancelled { .. }));
            }
            order.react(event, garage_events::EventId(uuid::Uuid::nil()), start())
        }
    }
    /// A cancellation of something unknown is forgotten.
    NoTombstone {
        fn job(&self, job: Job, event: &Event) -> Transition<Job> {
            if matches!(event, Event::WorkOrderCancelled(_)) && job.execution.is_none() {
                return Transition::quiet(job);
            }
            Production.job(job, event)
        }
    }
    /// A cancellation refunds at once, though the work may be finished.
    RefundOnCancel {
        fn bill(&self, mut bill: Bill, event: &Event) -> Transition<Bill> {
            if matches!(event, Event::WorkOrderCancelled(_)) && bill.called_off.is_none() {
                for attempt in &mut bill.attempts {
                    if attempt.status == PaymentStatus::Approved {
                        attempt.status = PaymentStatus::Refunding;
                    }
                }
            }
            Production.bill(bill, event)
        }
    }
    /// The approval of the quote alone starts the work.
    WorkOnApproval {
        fn job(&self, job: Job, event: &Event) -> Transition<Job> {
            let mut prepared = Production.job(job, event);
            if let (Event::QuoteApproved(_), Some(execution)) = (event, prepared.state.execution.as_mut())
                && execution.status == ExecutionStatus::AwaitingPayment
            {
                execution.status = ExecutionStatus::Queued;
            }
            prepared
        }
    }
    /// A second attempt is taken while the first is in doubt.
    TwoLiveAttempts {
        fn pay(&self, bill: Bill, tender: Tender) -> Result<Transition<Bill>, Refusal> {
            let (live, mut ended) = (bill.attempts.clone(), bill);
            ended.attempts.clear();
            let mut paid = ended.pay(tender, start())?;
            paid.state.attempts = live.into_iter().chain(paid.state.attempts).collect();
            Ok(paid)
        }
    }
    /// Every retry of a charge is a new one for the gateway.
    NewKeyPerCall {
        fn ledger(&self, ledger: &Ledger) -> Ledger {
            let renamed = |(reference, entry): (&PaymentId, &crate::gateway::Entry)| {
                (PaymentId(uuid::Uuid::from_u128(reference.0.as_u128() | 1 << 32)), entry.clone())
            };
            Ledger(ledger.0.iter().map(renamed).collect())
        }
    }
    /// No answer is taken for a no.
    UnknownIsFailed {
        fn due(&self, bill: &Bill) -> Vec<Due> {
            bill.due().into_iter().filter(|due| !matches!(due, Due::Search { .. })).collect()
        }
        fn bill(&self, bill: Bill, event: &Event) -> Transition<Bill> {
            let mut next = Production.bill(bill, event);
            if next.state.called_off.is_some() {
                for attempt in next.state.attempts.iter_mut().filter(|attempt| attempt.status == PaymentStatus::Processing) {
                    attempt.status = PaymentStatus::Rejected;
                }
            }
            next
        }
    }
    /// Money that comes after the cancellation is kept and told as if all were well.
    LateCaptureKept {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let called_off = bill.called_off.take();
            let mut heard = bill.hear(reference, answer, at);
            heard.state.called_off = called_off;
            heard
        }
    }
    /// Paid but called off: the workshop keeps quiet, and the money stays.
    SilentTombstone {
        fn job(&self, job: Job, event: &Event) -> Transition<Job> {
            let mut heard = Production.job(job, event);
            if matches!(event, Event::PaymentApproved(_)) {
                heard.events.retain(|told| !matches!(told, Event::ExecutionFailed(_)));
            }
            heard
        }
    }
    /// The workshop's failure refunds nothing.
    NoRefundOnFailure {
        fn bill(&self, bill: Bill, event: &Event) -> Transition<Bill> {
            if matches!(event, Event::ExecutionFailed(_)) {
                return Transition::quiet(bill);
            }
            Production.bill(bill, event)
        }
    }
    /// A rejected quote does not call the order off.
    RejectionForgotten {
        fn order(&self, order: WorkOrder, event: &Event) -> Transition<WorkOrder> {
            if matches!(event, Event::QuoteRejected(_)) {
                return Transition::quiet(order);
            }
            Production.order(order, event)
        }
    }
    /// A technician may end a job in the system's own words.
    BorrowedReason {
        fn step(&self, job: Job, step: Step) -> Result<Transition<Job>, Refusal> {
            let mut moved = job.step(step, start())?;
            for told in &mut moved.events {
                if let Event::ExecutionFailed(failed) = told {
                    failed.reason = reason::WORK_ORDER_CANCELLED.to_owned();
                }
            }
            Ok(moved)
        }
    }
    /// Every retry of a refund is a new one for the gateway.
    NewRefundKeyPerCall {
        fn ledger(&self, ledger: &Ledger) -> Ledger {
            let mut forgetful = ledger.clone();
            for entry in forgetful.0.values_mut() {
                entry.refunds = entry.refunds.iter().map(|key| format!("{key}, once")).collect();
            }
            forgetful
        }
    }
}
