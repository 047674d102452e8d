//! Whom a work order waits for, and what its present facts tell when they are told again. Other services may not
//! have heard: only those who decide on an event need it again, and to them it is no news if they have.

use chrono::{DateTime, Utc};
use garage_events::{
    Event, PaymentId, Waiting, WorkOrderStatus,
    event::{WorkOrderCancelled, WorkOrderStatusChanged, reason},
    waiting::{ANSWER, HANDOVER, PAYMENT, PROMISE, QUOTE, REFUND, SENDING, STOP, WORK},
};

use super::{Fact, What, WorkOrder};

impl WorkOrder {
    /// What the order waits for; nothing once it has ended and no money is held.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        match self.status() {
            WorkOrderStatus::Pending => Some(Waiting::since(&QUOTE, self.created_at)),
            WorkOrderStatus::Quoted => Some(Waiting::since(&SENDING, self.learned(What::is_quoted)?)),
            WorkOrderStatus::QuoteSent => self.waiting_for_an_answer(),
            WorkOrderStatus::Approved => Some(Waiting::since(&PAYMENT, self.learned(What::is_approved)?)),
            WorkOrderStatus::InProgress => self.waiting_for_the_work(),
            WorkOrderStatus::Completed => Some(Waiting::since(&HANDOVER, self.learned(What::is_completed)?)),
            WorkOrderStatus::Cancelled => self.waiting_for_the_money(What::is_cancelled),
            WorkOrderStatus::Failed => self.waiting_for_the_money(What::is_failed),
            WorkOrderStatus::Delivered => None,
        }
    }

    /// A quote is answered until its last day, and lapses by itself then.
    fn waiting_for_an_answer(&self) -> Option<Waiting> {
        let sent = self.last_sent()?;
        let day = |fact: &Fact| fact.what.valid_until();
        let from = day(sent).or_else(|| self.facts.iter().find_map(day))?;
        Some(Waiting { wait: &ANSWER, since: sent.at, from })
    }

    fn waiting_for_the_work(&self) -> Option<Waiting> {
        let since = self.learned(What::is_paid)?;
        Some(match self.details.estimated_completion_date {
            Some(promised) => Waiting { wait: &PROMISE, since, from: promised },
            None => Waiting::since(&WORK, since),
        })
    }

    /// Money that was captured goes back, once the workshop has said that it has stopped.
    fn waiting_for_the_money(&self, ended: fn(&What) -> bool) -> Option<Waiting> {
        let ended = self.learned(ended)?;
        let paid = self.money(|what| {
            if let What::PaymentApproved { payment_id, .. } = what { Some(*payment_id) } else { None }
        });
        let returned = self.money(|what| {
            if let What::PaymentRefunded { payment_id, .. } = what { Some(*payment_id) } else { None }
        });
        let (_, paid_at) = paid.iter().find(|(id, _)| !returned.iter().any(|(back, _)| back == id))?;
        let since = ended.max(*paid_at);
        Some(match self.learned(|what| matches!(what, What::ExecutionFailed { .. })) {
            Some(stopped) => Waiting::since(&REFUND, since.max(stopped)),
            None => Waiting::since(&STOP, since),
        })
    }

    fn money(&self, payment: fn(&What) -> Option<PaymentId>) -> Vec<(PaymentId, DateTime<Utc>)> {
        self.facts.iter().filter_map(|fact| Some((payment(&fact.what)?, fact.at))).collect()
    }

    fn learned(&self, is: fn(&What) -> bool) -> Option<DateTime<Utc>> {
        self.facts.iter().find(|fact| is(&fact.what)).map(|fact| fact.at)
    }

    /// The events that the present facts imply and that somebody else decides on: that the order is here, while
    /// no quote is known; that it is off; and where it stands, by which the others know what was heard here.
    #[must_use]
    pub fn retell(&self) -> Vec<Event> {
        let opened = self.quote_id().is_none().then(|| self.created().into());
        let off = self.known(What::is_cancelled).map(|off| {
            let reason = off.reason().unwrap_or(reason::CUSTOMER_REQUEST).to_owned();
            WorkOrderCancelled { work_order_id: self.id, reason }.into()
        });
        opened.into_iter().chain(off).chain(self.last_change()).collect()
    }

    /// The last change of the status, as it was told.
    pub(super) fn last_change(&self) -> Option<Event> {
        let now = self.status();
        let mut passed = self.history().map(|(_, status)| status).collect::<Vec<_>>().into_iter().rev();
        let previous_status = passed.find(|status| *status != now)?;
        let changed = WorkOrderStatusChanged {
            work_order_id: self.id,
            previous_status,
            new_status: now,
            revision: self.revision,
            customer_erased: self.customer_erased,
        };
        Some(changed.into())
    }
}

#[cfg(test)]
mod tests;
