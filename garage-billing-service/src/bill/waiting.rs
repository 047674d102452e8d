//! Whom a bill waits for, and what its present facts tell when they are told again. The order's status as its
//! owner tells it is the acknowledgement of what was told: where it does not show a quote or a payment, that was
//! not heard. Pure, like the rest of the bill.

use garage_events::{
    Waiting, WorkOrderStatus,
    waiting::{
        CANCELLATION, CHARGE, GIVING_BACK, PAYER, PAYMENT_HEARD, QUOTE_HEARD, SENDING, WORKSHOPS_WORD,
    },
};

use super::*;

/// How long a payer has who was given no last day.
const TO_PAY: chrono::TimeDelta = chrono::TimeDelta::days(3);

impl Bill {
    /// What the bill waits for; nothing when the next word is not Billing's to wait for.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        let captured = self.attempt_that_is(PaymentStatus::Approved);
        let money = || {
            let captured = captured?;
            self.waiting_with_money(captured.captured_at.unwrap_or(captured.updated_at))
        };
        let no_money = || self.waiting_for_the_payer().or_else(|| self.waiting_without_money());
        self.waiting_for_the_gateway()
            .or_else(money)
            .or_else(|| self.waiting_for_what_ends())
            .or_else(|| captured.is_none().then(no_money).flatten())
    }

    fn attempt_that_is(&self, status: PaymentStatus) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.status == status)
    }

    fn waiting_for_the_gateway(&self) -> Option<Waiting> {
        let doubt = self.attempt_that_is(PaymentStatus::Processing);
        let owed = || self.owed(|attempt| attempt.goes_back.is_none());
        let part = || self.attempts.iter().find_map(Attempt::open_part);
        doubt
            .map(|attempt| Waiting::since(&CHARGE, attempt.created_at))
            .or_else(owed)
            .or_else(|| part().map(|part| Waiting::since(&GIVING_BACK, part.asked_at)))
    }

    fn owed(&self, which: impl Fn(&Attempt) -> bool) -> Option<Waiting> {
        let mut owed = self.attempts.iter().filter(|attempt| attempt.status == PaymentStatus::Refunding);
        owed.find(|attempt| which(attempt)).map(|attempt| Waiting::since(&GIVING_BACK, attempt.updated_at))
    }

    /// An attempt that does not count any more waits for the gateway to end it, or to give its money back. Money that
    /// counts may be here beside it, and comes first.
    fn waiting_for_what_ends(&self) -> Option<Waiting> {
        let to_end = || self.pending(Attempt::is_to_end);
        let wished = |attempt: &Attempt| attempt.withdrawn.as_ref().map(|withdrawn| withdrawn.at);
        self.owed(|attempt| attempt.goes_back.is_some()).or_else(|| {
            to_end().map(|attempt| Waiting::since(&CHARGE, wished(attempt).unwrap_or(attempt.updated_at)))
        })
    }

    fn pending(&self, which: impl Fn(&Attempt) -> bool) -> Option<&Attempt> {
        let mut pending = self.attempts.iter().filter(|attempt| attempt.status == PaymentStatus::Pending);
        pending.find(|attempt| which(attempt))
    }

    fn waiting_for_the_payer(&self) -> Option<Waiting> {
        let pending = self.pending(|attempt| !attempt.is_to_end())?;
        let expires = pending.instructions.as_ref().and_then(|shown| shown.expires_at);
        let from = expires.unwrap_or(pending.created_at + TO_PAY);
        Some(Waiting { wait: &PAYER, since: pending.created_at, from })
    }

    /// Money is here. While the order goes on, its owner must know; once it is off, the workshop must say whether
    /// the work was finished, as only then the money stays.
    fn waiting_with_money(&self, captured_at: DateTime<Utc>) -> Option<Waiting> {
        let shown = self.order_status.map(|known| known.status);
        match (shown, self.called_off) {
            (Some(WorkOrderStatus::Completed | WorkOrderStatus::Delivered), _) => None,
            (Some(WorkOrderStatus::Failed), _) => {
                Some(Waiting::since(&WORKSHOPS_WORD, self.followed_at.unwrap_or(captured_at)))
            }
            (_, Some(off)) => Some(Waiting::since(&WORKSHOPS_WORD, off.max(captured_at))),
            (Some(WorkOrderStatus::Cancelled), None) => {
                Some(Waiting::since(&CANCELLATION, self.followed_at.unwrap_or(captured_at)))
            }
            (Some(WorkOrderStatus::InProgress), None) => None,
            (
                None
                | Some(
                    WorkOrderStatus::Pending
                    | WorkOrderStatus::Quoted
                    | WorkOrderStatus::QuoteSent
                    | WorkOrderStatus::Approved,
                ),
                None,
            ) => Some(Waiting::since(&PAYMENT_HEARD, captured_at)),
        }
    }

    fn waiting_without_money(&self) -> Option<Waiting> {
        let quote = self.quote.as_ref()?;
        if !self.is_wanted() {
            return None;
        }
        let shown = self.order_status.map(|known| known.status);
        let open = quote.is_open() || quote.status == QuoteStatus::Approved;
        if shown == Some(WorkOrderStatus::Cancelled) {
            let followed_at = self.followed_at.unwrap_or(quote.updated_at);
            return open.then(|| Waiting::since(&CANCELLATION, followed_at));
        }
        let told_at = match quote.status {
            QuoteStatus::Pending => quote.created_at,
            QuoteStatus::Sent | QuoteStatus::Approved | QuoteStatus::Rejected | QuoteStatus::Expired => {
                quote.updated_at
            }
            QuoteStatus::Cancelled => return None,
        };
        let unheard = step(shown) < step_of_quote(quote.status);
        unheard.then(|| Waiting::since(&QUOTE_HEARD, told_at)).or_else(|| waiting_for_the_desk(quote))
    }

    /// The events that the present facts imply and that somebody else decides on: what became of the quote, money
    /// that is here, money that went back. Money that is owed back is told once it has gone, and declined attempts
    /// start nothing anywhere.
    #[must_use]
    pub fn retell(&self) -> Vec<Event> {
        self.retell_quote()
            .into_iter()
            .chain(self.attempts.iter().filter_map(|one| self.retell_attempt(one)))
            .chain(self.attempts.iter().flat_map(|one| self.retell_parts(one)))
            .collect()
    }

    fn retell_quote(&self) -> Vec<Event> {
        let Some(Ok((work_order_id, quote_id, customer_id, total_amount, valid_until))) =
            self.quote.as_ref().map(|quote| self.told_of(quote))
        else {
            return Vec::new();
        };
        let created =
            || QuoteCreated { work_order_id, quote_id, customer_id, total_amount, valid_until }.into();
        let approved =
            || QuoteApproved { work_order_id, quote_id, customer_id, total_amount, valid_until }.into();
        let rejected = |reason| QuoteRejected { work_order_id, quote_id, reason }.into();
        let Some(quote) = &self.quote else { return Vec::new() };
        let revision = quote.revision;
        let sent =
            || QuoteSent { work_order_id, quote_id, revision, customer_id, total_amount, valid_until }.into();
        let was_sent = quote.sent_at.is_some().then(sent);
        match quote.status {
            QuoteStatus::Pending | QuoteStatus::Sent => {
                [Some(created()), was_sent].into_iter().flatten().collect()
            }
            QuoteStatus::Approved => {
                [Some(created()), was_sent, Some(approved())].into_iter().flatten().collect()
            }
            QuoteStatus::Rejected => vec![created(), rejected(RejectionReason::Customer)],
            QuoteStatus::Expired => vec![created(), rejected(RejectionReason::Expired)],
            QuoteStatus::Cancelled => Vec::new(),
        }
    }

    fn retell_attempt(&self, attempt: &Attempt) -> Option<Event> {
        match attempt.status {
            PaymentStatus::Approved => Some(self.told_of_capture(attempt).into()),
            PaymentStatus::Refunded => Some(self.told_of_refund(attempt).into()),
            PaymentStatus::Processing
            | PaymentStatus::Pending
            | PaymentStatus::Rejected
            | PaymentStatus::Cancelled
            | PaymentStatus::Refunding => None,
        }
    }
}

impl Bill {
    fn retell_parts<'a>(&'a self, attempt: &'a Attempt) -> impl Iterator<Item = Event> + 'a {
        attempt.parts.iter().filter_map(|part| self.told_of_part(attempt, part.id)).map(Event::from)
    }
}

/// A text that the customer does not have is the desk's to send. Before the first sending that is OS's to wait for; after
/// it the order shows that the customer was asked, and only Billing knows that there is nothing to answer.
fn waiting_for_the_desk(quote: &Quote) -> Option<Waiting> {
    let is_unsent = quote.status == QuoteStatus::Pending && quote.is_being_written_anew();
    is_unsent.then(|| Waiting::since(&SENDING, quote.updated_at))
}

/// How far an order must have come to show what was told of its quote; an order that was called off, or given up,
/// has passed everything.
const fn step_of_quote(status: QuoteStatus) -> u8 {
    match status {
        QuoteStatus::Cancelled => 0,
        QuoteStatus::Pending => 1,
        QuoteStatus::Sent => 2,
        QuoteStatus::Approved => 3,
        QuoteStatus::Rejected | QuoteStatus::Expired => 4,
    }
}

const fn step(shown: Option<WorkOrderStatus>) -> u8 {
    match shown {
        None | Some(WorkOrderStatus::Pending) => 0,
        Some(WorkOrderStatus::Quoted) => 1,
        Some(WorkOrderStatus::QuoteSent) => 2,
        Some(WorkOrderStatus::Approved | WorkOrderStatus::InProgress) => 3,
        Some(
            WorkOrderStatus::Completed
            | WorkOrderStatus::Delivered
            | WorkOrderStatus::Cancelled
            | WorkOrderStatus::Failed,
        ) => 4,
    }
}

#[cfg(test)]
mod tests;
