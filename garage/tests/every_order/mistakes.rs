//! Mistakes that somebody might make, each planted into one piece of the code. The explorer must find every
//! one of them, or its silence about the code that ships would mean nothing.

use chrono::{DateTime, Utc};
use garage_billing_service::{
    bill::{Answer, Bill, Tender},
    gateway::{Charged, Standing},
    payment::{Attempt, Due},
    quote::Evidence,
};
use garage_events::{
    Cents, Event, ExecutionStatus, Followed, PaymentId, PaymentMethod, PaymentStatus, QuoteStatus, Refusal,
    Transition, WorkOrderStatus,
    event::{PaymentApproved, PaymentFailed, first_text, reason},
};
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
                    attempt.status = PaymentStatus::Cancelled;
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
    /// The refusal of one sending of a refund is taken for its end: another key is asked while the first is on its way.
    RefundRefusalBelieved {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let ended = bill.attempt(reference).map_or(0, |attempt| attempt.owed.ended);
            if let Answer::RefundRefused(why) = &answer
                && ended == 0
            {
                let over = Answer::RefundEnded { ended, gone: Cents::ZERO, why: why.clone() };
                return bill.hear(reference, over, at);
            }
            bill.hear(reference, answer, at)
        }
    }
    /// What the desk has withdrawn is made at the gateway all the same, while somebody looks whether it is there.
    WithdrawnAndMade {
        fn due(&self, bill: &Bill) -> Vec<Due> {
            let is_unseen = |attempt: &&Attempt| attempt.withdrawn.is_some() && attempt.gateway_id.is_none();
            let unseen = bill.attempts.iter().filter(is_unseen).filter(|attempt| attempt.is_open());
            unseen.map(|attempt| Due::Create(attempt.charge())).chain(bill.due()).collect()
        }
    }
    /// Money that came before a payment could be withdrawn counts as never paid.
    WithdrawnIsUnpaid {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let is_withdrawn = bill.attempt(reference).is_some_and(|attempt| attempt.withdrawn.is_some());
            if let Answer::Charged(charged) = &answer
                && is_withdrawn
                && charged.standing == Standing::Approved
            {
                let standing = Standing::Cancelled("by_collector".to_owned());
                return bill.hear(reference, Answer::Charged(Charged { standing, ..charged.clone() }), at);
            }
            bill.hear(reference, answer, at)
        }
    }
    /// A part is given back whatever the workshop says.
    PartOfUnfinishedWork {
        fn give_back_part(&self, mut bill: Bill, payment: PaymentId) -> Result<Transition<Bill>, Refusal> {
            let heard = bill.order_status;
            bill.order_status = Some(Followed { status: WorkOrderStatus::Completed, revision: 1 });
            let mut given = Production.give_back_part(bill, payment)?;
            given.state.order_status = heard;
            Ok(given)
        }
    }
    /// Every retry of a part is a new one for the gateway.
    NewPartKeyPerCall {
        fn ledger(&self, ledger: &Ledger) -> Ledger {
            let mut forgetful = ledger.clone();
            for entry in forgetful.0.values_mut() {
                entry.parts = entry.parts.iter().map(|key| format!("{key}, once")).collect();
            }
            forgetful
        }
    }
    /// A part that was refused is believed not to have gone.
    PartRefusalBelieved {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let refused = if let Answer::PartRefused(part, _) = &answer { Some(*part) } else { None };
            let heard = bill.hear(reference, answer, at);
            match refused {
                Some(part) => heard.state.hear(reference, Answer::PartNeverWent(part), at),
                None => heard,
            }
        }
    }
    /// What has gone is taken for a part that ended long ago.
    OldPartSeen {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let answer = if let Answer::PartSeen(part) = answer { Answer::PartDone(part) } else { answer };
            bill.hear(reference, answer, at)
        }
    }
    /// Money that the payer's bank has taken counts as never paid.
    TakenIsUnpaid {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let is_taken = matches!(&answer, Answer::Charged(charged) if charged.standing == Standing::Refunded);
            for attempt in bill.attempts.iter_mut().filter(|_| is_taken) {
                attempt.status = PaymentStatus::Refunding;
            }
            bill.hear(reference, answer, at)
        }
    }
    /// The gateway is asked before the attempt is stored.
    NoIntent {
        fn stores_first(&self) -> bool {
            false
        }
    }
    /// The total that a customer saw before the edit is as good as the present one.
    StaleTotal {
        fn pay(&self, bill: Bill, tender: Tender) -> Result<Transition<Bill>, Refusal> {
            let total = bill.quote.as_ref().map(garage_billing_service::quote::Quote::total);
            let mut paid = bill.pay(Tender { amount: total.unwrap_or(tender.amount), ..tender.clone() }, start())?;
            paid.state.attempts.iter_mut().rev().take(1).for_each(|attempt| attempt.amount = tender.amount);
            Ok(paid)
        }
    }
    /// Every text of a quote is sent as the first.
    NumberNotTold {
        fn send(&self, bill: Bill, at: DateTime<Utc>) -> Result<Transition<Bill>, Refusal> {
            let mut sent = Production.send(bill, at)?;
            for event in &mut sent.events {
                if let Event::QuoteSent(told) = event {
                    told.revision = first_text();
                }
            }
            Ok(sent)
        }
    }
    /// The desk takes a quote for sent but once.
    FirstTextKept {
        fn order(&self, order: WorkOrder, event: &Event) -> Transition<WorkOrder> {
            let has_one = order.facts.iter().any(|fact| matches!(fact.what, What::QuoteSent { .. }));
            if has_one && matches!(event, Event::QuoteSent(_)) {
                return Transition::quiet(order);
            }
            Production.order(order, event)
        }
    }
    /// A quote that was approved can still be written anew.
    RevisedAfterTheYes {
        fn revise(&self, mut bill: Bill, total: Cents) -> Result<Transition<Bill>, Refusal> {
            let yes = bill.quote.as_ref().is_some_and(|quote| quote.status == QuoteStatus::Approved);
            bill.quote.iter_mut().filter(|_| yes).for_each(|quote| quote.status = QuoteStatus::Sent);
            let mut revised = Production.revise(bill, total)?;
            let quote = revised.state.quote.iter_mut().filter(|_| yes);
            quote.for_each(|quote| quote.status = QuoteStatus::Approved);
            Ok(revised)
        }
    }
    /// A quote is approved after its time.
    NoExpiry {
        fn approve(&self, mut bill: Bill, at: DateTime<Utc>) -> Result<Transition<Bill>, Refusal> {
            let valid_until = bill.quote.as_ref().map(|quote| quote.valid_until);
            bill.quote.iter_mut().for_each(|quote| quote.valid_until = DateTime::<Utc>::MAX_UTC);
            let mut approved = bill.approve(Evidence::by("customer"), at)?;
            let quote = approved.state.quote.iter_mut();
            quote.zip(valid_until).for_each(|(quote, valid_until)| quote.valid_until = valid_until);
            Ok(approved)
        }
    }
    /// Whatever was captured is taken for the whole amount.
    AmountNotCompared {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let answer = match (answer, bill.attempt(reference)) {
                (Answer::Charged(charged), Some(attempt)) => Answer::Charged(Charged { amount: attempt.amount, ..charged }),
                (other, _) => other,
            };
            bill.hear(reference, answer, at)
        }
    }
    /// A finished job that is called off is told to have failed.
    FinishedWorkFails {
        fn job(&self, mut job: Job, event: &Event) -> Transition<Job> {
            if let (Event::WorkOrderCancelled(_), Some(execution)) = (event, job.execution.as_mut())
                && execution.status == ExecutionStatus::Completed
            {
                execution.status = ExecutionStatus::Testing;
            }
            Production.job(job, event)
        }
    }
    /// A finished job is told as failed, and a failed one as finished.
    SwappedEnds {
        fn step(&self, job: Job, step: Step) -> Result<Transition<Job>, Refusal> {
            if step != Step::Complete {
                return job.step(step, start());
            }
            let told = job.clone().step(Step::Fail { reason: "done".to_owned() }, start())?.events;
            Ok(Transition { events: told, ..job.step(step, start())? })
        }
    }
    /// A decline tells what a capture would.
    SwappedWords {
        fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            let mut heard = bill.hear(reference, answer, at);
            for told in &mut heard.events {
                if let Event::PaymentFailed(PaymentFailed { work_order_id, payment_id, quote_id, amount, .. }) = *told {
                    let payment_method = PaymentMethod::Pix;
                    *told = PaymentApproved { work_order_id, payment_id, quote_id, amount, payment_method }.into();
                }
            }
            heard
        }
    }
    /// The refusal of one sending ends an attempt that another has captured.
    LateDecline {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            if matches!(answer, Answer::Refused(_)) {
                reopen(&mut bill, reference);
            }
            bill.hear(reference, answer, at)
        }
    }
    /// A refusal is believed though the charge was sent twice.
    RefusalBelieved {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            for attempt in bill.attempts.iter_mut().filter(|_| matches!(answer, Answer::Refused(_))) {
                attempt.updated_at = attempt.created_at;
            }
            bill.hear(reference, answer, at)
        }
    }
    /// Whatever answer is stored last is the state.
    LastAnswerWins {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            if matches!(&answer, Answer::Charged(charged) if charged.standing == Standing::Pending) {
                reopen(&mut bill, reference);
            }
            bill.hear(reference, answer, at)
        }
    }
    /// A refund that is done is told whenever it is heard of.
    RefundToldTwice {
        fn hear(&self, mut bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
            for attempt in bill.attempts.iter_mut().filter(|_| answer == Answer::RefundDone) {
                attempt.status = PaymentStatus::Refunding;
            }
            bill.hear(reference, answer, at)
        }
    }
    /// Finished work can be called off.
    CancelledAfterTheEnd {
        fn cancel(&self, order: WorkOrder) -> Result<Transition<WorkOrder>, Refusal> {
            let reason = "CUSTOMER_REQUEST".to_owned();
            let (mut unfinished, facts) = (order.clone(), order.facts);
            unfinished.facts.retain(|fact| !matches!(fact.what, What::ExecutionCompleted { .. }));
            let mut cancelled = unfinished.cancel(reason, start())?;
            let finished = facts.into_iter().filter(|fact| matches!(fact.what, What::ExecutionCompleted { .. }));
            cancelled.state.facts.extend(finished);
            Ok(cancelled)
        }
    }
}

fn reopen(bill: &mut Bill, reference: PaymentId) {
    for attempt in bill.attempts.iter_mut().filter(|attempt| attempt.id == reference) {
        attempt.status = PaymentStatus::Processing;
        attempt.gateway_id = None;
        attempt.updated_at = attempt.created_at;
    }
}

mod tests {
    use super::{RefundRefusalBelieved, WithdrawnAndMade, WithdrawnIsUnpaid};
    use crate::{QUICK, TWO, code::Code, explore::explore, garage::Scope};

    /// One payment, which the desk may withdraw.
    const WITHDRAWN: Scope = Scope { attempts: 1, edits: false, withdraws: true, ..QUICK };
    /// The same, with two replicas.
    const WITHDRAWN_BY_TWO: Scope = Scope { hands: 2, ..WITHDRAWN };

    fn is_found(mistake: &dyn Code, scope: Scope, promise: &str) {
        let broken = explore(mistake, scope).err();
        assert_eq!(broken.as_ref().map(|broken| broken.promise), Some(promise), "{broken:?}");
    }

    #[test]
    fn a_refusal_of_a_refund_believed_too_early_is_found() {
        is_found(&RefundRefusalBelieved, TWO, "one capture was given back twice");
    }

    #[test]
    fn a_withdrawn_payment_that_is_made_is_found() {
        is_found(&WithdrawnAndMade, WITHDRAWN_BY_TWO, "our books are not the gateway's");
    }

    #[test]
    fn withdrawn_money_that_counts_as_unpaid_is_found() {
        is_found(&WithdrawnIsUnpaid, WITHDRAWN, "our books are not the gateway's");
    }
}
