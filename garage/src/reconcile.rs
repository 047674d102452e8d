//! What the three services know of one work order, side by side. Each follows the others by events, so for a moment
//! they differ; where they still differ later, somebody has not heard. Here is said what differs and who must tell
//! again; it decides nothing about money and writes no state. Pure; [`walk`] reads the services.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{
    ExecutionId, ExecutionStatus, PartId, PaymentId, PaymentStatus, QuoteId, QuoteStatus, WorkOrderId,
    WorkOrderStatus,
    waiting::{CHARGE, GIVING_BACK},
};
use serde::Deserialize;

pub mod walk;

/// What changed so recently may be on its way.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);

/// An order as OS shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Order {
    pub id: WorkOrderId,
    pub status: WorkOrderStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub waiting_for: Option<Awaits>,
}

/// Whom OS says that an order waits for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Awaits {
    pub who: String,
}

/// A quote as Billing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Quote {
    pub id: QuoteId,
    pub status: QuoteStatus,
    pub order_status: Option<WorkOrderStatus>,
    pub items: Vec<Line>,
    pub updated_at: DateTime<Utc>,
}

/// A line of a quote, as far as it concerns the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Line {
    pub part_id: Option<PartId>,
}

/// A part of the quote as Billing's shelf shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Part {
    pub part_id: PartId,
    pub status: String,
    pub reserved: f64,
}

/// An attempt to pay as Billing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Payment {
    pub id: PaymentId,
    pub status: PaymentStatus,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A job as Execution shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the answers")]
pub struct Execution {
    pub id: ExecutionId,
    pub status: ExecutionStatus,
    pub order_status: Option<WorkOrderStatus>,
    pub updated_at: DateTime<Utc>,
}

/// Everything that is known of one work order.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// By OS.
    pub order: Order,
    /// By Billing.
    pub quote: Option<Quote>,
    /// By Billing, oldest first.
    pub payments: Vec<Payment>,
    /// By Execution.
    pub execution: Option<Execution>,
    /// By Billing's shelf.
    pub parts: Vec<Part>,
}

/// What would mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mend {
    /// OS tells again.
    NudgeOrder(WorkOrderId),
    /// Billing asks the gateway and tells again.
    NudgeQuote(QuoteId),
    /// Execution tells again.
    NudgeExecution(ExecutionId),
    /// A person must look.
    Person,
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NudgeOrder(id) => write!(f, "POST /work-orders/{id}/nudge"),
            Self::NudgeQuote(id) => write!(f, "POST /quotes/{id}/nudge"),
            Self::NudgeExecution(id) => write!(f, "POST /executions/{id}/nudge"),
            Self::Person => f.write_str("a person must look"),
        }
    }
}

/// Something on which the services do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which order.
    pub order: WorkOrderId,
    /// What.
    pub what: String,
    /// What would mend it.
    pub mend: Mend,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.order, self.what, self.mend)
    }
}

/// What does not agree, though it has had time to.
#[must_use]
pub fn findings(known: &Known, now: DateTime<Utc>) -> Vec<Finding> {
    if now - known.changed_at() < ON_ITS_WAY {
        return Vec::new();
    }
    let rules = [
        Known::quote_unheard,
        Known::payments_amiss,
        Known::work_unheard,
        Known::off_unheard,
        Known::shelf_amiss,
    ];
    let mut found: Vec<(String, Mend)> = rules.iter().flat_map(|rule| rule(known, now)).collect();
    if found.is_empty() {
        found = known.follows_late();
    }
    found.into_iter().map(|(what, mend)| Finding { order: known.order.id, what, mend }).collect()
}

/// What is left of an order that OS does not know, as after its data was restored to an earlier moment than Billing's: money
/// on its way or here, or else a quote that still binds. OS cannot be told what it never had, so a person must look.
#[must_use]
pub fn forgotten(order: WorkOrderId, quote: &Quote, payments: &[Payment]) -> Option<Finding> {
    let moves = |payment: &&Payment| match payment.status {
        PaymentStatus::Processing
        | PaymentStatus::Pending
        | PaymentStatus::Approved
        | PaymentStatus::Refunding => true,
        PaymentStatus::Rejected | PaymentStatus::Cancelled | PaymentStatus::Refunded => false,
    };
    let binds = matches!(quote.status, QuoteStatus::Pending | QuoteStatus::Sent | QuoteStatus::Approved);
    let is_settled = payments.iter().any(|payment| payment.status == PaymentStatus::Refunded);
    let left = match payments.iter().find(moves) {
        Some(payment) => format!("payment {} is {}", payment.id, payment.status),
        None if binds && !is_settled => format!("quote {} is {}", quote.id, quote.status),
        None => return None,
    };
    Some(Finding { order, what: format!("OS knows no such order and {left}"), mend: Mend::Person })
}

type Found = Vec<(String, Mend)>;

impl Known {
    fn changed_at(&self) -> DateTime<Utc> {
        let billing = self.quote.iter().map(|quote| quote.updated_at);
        let payments = self.payments.iter().map(|payment| payment.updated_at);
        let execution = self.execution.iter().map(|execution| execution.updated_at);
        billing.chain(payments).chain(execution).fold(self.order.updated_at, DateTime::max)
    }

    const fn goes_on(&self) -> bool {
        !matches!(self.order.status, WorkOrderStatus::Cancelled | WorkOrderStatus::Failed)
    }

    const fn is_done(&self) -> bool {
        matches!(self.order.status, WorkOrderStatus::Completed | WorkOrderStatus::Delivered)
    }

    fn captured(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().filter(|payment| payment.status == PaymentStatus::Approved)
    }

    fn nudge_quote(&self) -> Mend {
        self.quote.as_ref().map_or(Mend::Person, |quote| Mend::NudgeQuote(quote.id))
    }

    /// The order's status shows what OS has heard of the quote.
    fn quote_unheard(&self, _: DateTime<Utc>) -> Found {
        let order = self.order.status;
        let Some(quote) = &self.quote else {
            let lacks = self.goes_on().then(|| "Billing has no quote".to_owned());
            return lacks.into_iter().map(|what| (what, Mend::NudgeOrder(self.order.id))).collect();
        };
        let shown = match order {
            WorkOrderStatus::Pending => 0,
            WorkOrderStatus::Quoted => 1,
            WorkOrderStatus::QuoteSent => 2,
            WorkOrderStatus::Approved | WorkOrderStatus::InProgress => 3,
            WorkOrderStatus::Completed
            | WorkOrderStatus::Delivered
            | WorkOrderStatus::Cancelled
            | WorkOrderStatus::Failed => 4,
        };
        let told = match quote.status {
            QuoteStatus::Cancelled => 0,
            QuoteStatus::Pending => 1,
            QuoteStatus::Sent => 2,
            QuoteStatus::Approved => 3,
            QuoteStatus::Rejected | QuoteStatus::Expired => 4,
        };
        let mut found = Vec::new();
        if shown < told {
            found.push((format!("the quote is {} and OS shows {order}", quote.status), self.nudge_quote()));
        }
        let unprepared = quote.status == QuoteStatus::Approved && self.execution.is_none() && self.goes_on();
        if unprepared && self.captured().next().is_none() {
            found.push((
                "the quote is APPROVED and Execution has prepared nothing".to_owned(),
                self.nudge_quote(),
            ));
        }
        found
    }

    /// Money is where the order says.
    fn payments_amiss(&self, now: DateTime<Utc>) -> Found {
        let mut found = Vec::new();
        for payment in &self.payments {
            found.extend(self.in_doubt(payment, now));
        }
        let captured = self.captured().count();
        let order = self.order.status;
        if captured > 1 {
            found.push((format!("{captured} payments are APPROVED"), Mend::Person));
        }
        if captured == 0 && self.is_done() {
            found.push((format!("OS shows {order} and no payment is APPROVED"), Mend::Person));
        }
        let unpaid = matches!(
            order,
            WorkOrderStatus::Pending
                | WorkOrderStatus::Quoted
                | WorkOrderStatus::QuoteSent
                | WorkOrderStatus::Approved
        );
        if captured > 0 && unpaid {
            found.push((format!("the payment is APPROVED and OS shows {order}"), self.nudge_quote()));
        }
        let waits = self.order.waiting_for.as_ref().is_some_and(|awaited| awaited.who != "customer");
        let back = self.payments.iter().any(|payment| payment.status == PaymentStatus::Refunded);
        let owed = self.payments.iter().any(|payment| payment.status == PaymentStatus::Refunding);
        if !self.goes_on() && waits && back && captured == 0 && !owed {
            found.push(("the money went back and OS still waits for it".to_owned(), self.nudge_quote()));
        }
        found
    }

    fn in_doubt(&self, payment: &Payment, now: DateTime<Utc>) -> Option<(String, Mend)> {
        let id = payment.id;
        match (payment.status, &payment.reason) {
            (PaymentStatus::Processing, _) if now - payment.created_at >= CHARGE.patience => {
                Some((format!("payment {id} is in doubt since {}", payment.created_at), self.nudge_quote()))
            }
            (PaymentStatus::Refunding, Some(reason)) if now - payment.updated_at >= GIVING_BACK.patience => {
                Some((format!("the gateway refuses to refund payment {id}: {reason}"), Mend::Person))
            }
            (PaymentStatus::Refunding, None) if now - payment.updated_at >= GIVING_BACK.patience => {
                Some((format!("payment {id} is owed back since {}", payment.updated_at), self.nudge_quote()))
            }
            _ => None,
        }
    }

    /// The job has begun if it is paid, and the others know how it ended.
    fn work_unheard(&self, _: DateTime<Utc>) -> Found {
        let (order, mut found) = (self.order.status, Vec::new());
        let captured = self.captured().next().is_some();
        let status = self.execution.as_ref().map(|execution| execution.status);
        let unpaid =
            matches!(status, None | Some(ExecutionStatus::AwaitingPayment | ExecutionStatus::Cancelled));
        if captured && unpaid {
            let job = status.map_or("knows no job".to_owned(), |status| format!("shows {status}"));
            found.push((format!("the payment is APPROVED and Execution {job}"), self.nudge_quote()));
        }
        let Some(execution) = &self.execution else { return found };
        let mend = Mend::NudgeExecution(execution.id);
        if execution.status == ExecutionStatus::Completed && !self.is_done() {
            found.push((format!("the work is COMPLETED and OS shows {order}"), mend));
        }
        if execution.status == ExecutionStatus::Failed {
            let waits =
                self.order.waiting_for.as_ref().is_some_and(|awaited| awaited.who == "execution-service");
            if (self.goes_on() && !self.is_done()) || waits {
                found.push((format!("the work is FAILED and OS shows {order}"), mend));
            }
            if captured && !self.is_done() {
                found.push(("the work is FAILED and the payment is APPROVED".to_owned(), mend));
            }
        }
        found
    }

    /// Who must undo something knows that the order is off.
    fn off_unheard(&self, _: DateTime<Utc>) -> Found {
        if self.order.status != WorkOrderStatus::Cancelled {
            return Vec::new();
        }
        let (mut found, mend) = (Vec::new(), Mend::NudgeOrder(self.order.id));
        if let Some(execution) = &self.execution {
            let ended = matches!(
                execution.status,
                ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Cancelled
            );
            if !ended {
                found.push((format!("OS shows CANCELLED and the work is {}", execution.status), mend));
            }
        }
        let quote = self.quote.as_ref().filter(|_| self.captured().next().is_none());
        if let Some(quote) = quote
            && matches!(quote.status, QuoteStatus::Pending | QuoteStatus::Sent | QuoteStatus::Approved)
        {
            found.push((format!("OS shows CANCELLED and the quote is {}", quote.status), mend));
        }
        found
    }

    /// The shelf keeps what an order needs, until it has it or is off.
    fn shelf_amiss(&self, _: DateTime<Utc>) -> Found {
        let amiss = |part: &Part| {
            let keeps = part.status == "RESERVED";
            let has = part.reserved > 0.0;
            match (keeps, has) {
                (true, false) => Some(format!("part {} is not put aside", part.part_id)),
                (false, true) => {
                    Some(format!("part {} is {} and put aside all the same", part.part_id, part.status))
                }
                (true, true) | (false, false) => None,
            }
        };
        self.parts.iter().filter_map(amiss).map(|what| (what, self.nudge_quote())).collect()
    }

    /// Everybody has acted, but somebody has an old picture of the order.
    fn follows_late(&self) -> Found {
        let (order, mend) = (self.order.status, Mend::NudgeOrder(self.order.id));
        let billing = self.quote.as_ref().map(|quote| ("Billing", quote.order_status));
        let execution = self.execution.as_ref().map(|execution| ("Execution", execution.order_status));
        let late = |(who, shown): (&str, Option<WorkOrderStatus>)| {
            let shown = shown.unwrap_or(WorkOrderStatus::Pending);
            (shown != order).then(|| (format!("OS shows {order} and {who} has heard of {shown}"), mend))
        };
        billing.into_iter().chain(execution).filter_map(late).collect()
    }
}

#[cfg(test)]
mod tests;
