//! The work order: facts that this service has learned, and the status that follows from them (SPEC 4). A fact
//! already known has no effect and tells nothing, so duplicates, age and order of delivery cannot matter.
//! Pure: time, ids and looked-up data are arguments. What others decide (money, repair) is only recorded here.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, Event, EventId, ExecutionId, ExecutionStatus, PaymentId, PaymentMethod, QuoteId,
    Refusal, RejectionReason, Transition, VehicleId, WorkOrderId, WorkOrderStatus,
    event::{
        PartUsed, Payer, RequestedPart, RequestedService, WorkOrderCancelled, WorkOrderCreated,
        WorkOrderStatusChanged, reason,
    },
    milliseconds,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    plate::Plate,
    search::{findable, forms},
};

mod deadline;
mod erased;
pub mod http;

/// A car that was taken in, and everything that has become known of it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkOrder {
    /// Its id; also the correlation id of its saga.
    pub id: WorkOrderId,
    /// Whose.
    pub customer_id: CustomerId,
    /// On what; always that customer's.
    pub vehicle_id: VehicleId,
    /// The vehicle's plate at intake, for the search.
    pub plate: String,
    /// The payer, as told to Billing; nobody once the customer is erased.
    pub payer: Option<Payer>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When something was last learned or edited.
    pub updated_at: DateTime<Utc>,
    /// What people may edit.
    pub details: Details,
    /// What has become known, in the order in which it did.
    pub facts: Vec<Fact>,
    /// How often the status has changed.
    pub revision: u32,
    /// The customer has been erased ([`Self::forget`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_erased: bool,
}

/// The descriptive fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// The complaint.
    pub description: String,
    /// What the desk guessed.
    pub estimated_cost: Option<Cents>,
    /// Services asked for.
    pub services: Vec<RequestedService>,
    /// Parts asked for.
    pub parts: Vec<RequestedPart>,
    /// Who should do it.
    pub assigned_technician_id: Option<String>,
    /// When it is promised for.
    pub estimated_completion_date: Option<DateTime<Utc>>,
    /// Whatever the shop wants to keep with it.
    pub metadata: Option<Value>,
}

/// Something that happened, when, and the event that told it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// By the clock of whoever saw it.
    pub at: DateTime<Utc>,
    /// None for what happened here.
    pub event_id: Option<EventId>,
    /// What.
    pub what: What,
}

/// What can be known of a work order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the fields are those of the events that tell them")]
pub enum What {
    /// The car was taken in.
    Opened,
    /// A quote exists.
    #[serde(rename_all = "camelCase")]
    Quoted {
        quote_id: QuoteId,
        total_amount: Cents,
        #[serde(serialize_with = "milliseconds")]
        valid_until: DateTime<Utc>,
    },
    /// The customer has it.
    #[serde(rename_all = "camelCase")]
    QuoteSent { quote_id: QuoteId },
    /// The customer said yes.
    #[serde(rename_all = "camelCase")]
    QuoteApproved { quote_id: QuoteId, total_amount: Cents },
    /// The customer said no, or nothing in time.
    #[serde(rename_all = "camelCase")]
    QuoteRejected { quote_id: QuoteId, reason: RejectionReason },
    /// An attempt to pay was declined.
    #[serde(rename_all = "camelCase")]
    PaymentFailed { payment_id: PaymentId, amount: Cents, reason: String },
    /// A pending attempt was refused.
    #[serde(rename_all = "camelCase")]
    PaymentRejected { payment_id: PaymentId, amount: Cents, reason: String },
    /// The money is here.
    #[serde(rename_all = "camelCase")]
    PaymentApproved { payment_id: PaymentId, amount: Cents, payment_method: PaymentMethod },
    /// The money went back, or a part of it after the work.
    #[serde(rename_all = "camelCase")]
    PaymentRefunded {
        payment_id: PaymentId,
        amount: Cents,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_id: Option<Uuid>,
    },
    /// The job moved on.
    #[serde(rename_all = "camelCase")]
    ExecutionMoved {
        execution_id: ExecutionId,
        previous_status: ExecutionStatus,
        new_status: ExecutionStatus,
    },
    /// The work is finished.
    #[serde(rename_all = "camelCase")]
    ExecutionCompleted {
        execution_id: ExecutionId,
        parts_used: Vec<PartUsed>,
        services_performed: Vec<String>,
    },
    /// The work will not be finished.
    #[serde(rename_all = "camelCase")]
    ExecutionFailed { execution_id: ExecutionId, reason: String },
    /// Called off.
    #[serde(rename_all = "camelCase")]
    Cancelled { reason: String },
    /// Given back to the customer.
    #[serde(rename_all = "camelCase")]
    Delivered { by: String },
}

/// What is needed to open an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Its id.
    pub id: WorkOrderId,
    /// Whose.
    pub customer_id: CustomerId,
    /// On what.
    pub vehicle_id: VehicleId,
    /// The vehicle's plate.
    pub plate: String,
    /// The payer.
    pub payer: Payer,
    /// What was asked for.
    pub details: Details,
}

impl WorkOrder {
    /// Takes a car in.
    pub fn open(opening: Opening, at: DateTime<Utc>) -> Transition<Self> {
        let order = Self {
            id: opening.id,
            customer_id: opening.customer_id,
            vehicle_id: opening.vehicle_id,
            plate: opening.plate,
            payer: Some(opening.payer),
            created_at: at,
            updated_at: at,
            details: opening.details,
            facts: vec![Fact { at, event_id: None, what: What::Opened }],
            revision: 0,
            customer_erased: false,
        };
        let told = order.created().into();
        Transition::telling(order, [told])
    }

    /// What Billing needs to make the quote.
    fn created(&self) -> WorkOrderCreated {
        WorkOrderCreated {
            work_order_id: self.id,
            customer_id: self.customer_id,
            vehicle_id: self.vehicle_id,
            status: WorkOrderStatus::Pending,
            description: self.details.description.clone(),
            estimated_cost: self.details.estimated_cost,
            services: self.details.services.clone(),
            parts: self.details.parts.clone(),
            customer: self.payer.clone(),
        }
    }

    /// The status, derived.
    #[must_use]
    pub fn status(&self) -> WorkOrderStatus {
        status_after(&self.facts)
    }

    /// What has become known, each with the status that the order had from then on.
    pub fn history(&self) -> impl Iterator<Item = (&Fact, WorkOrderStatus)> {
        self.facts.iter().enumerate().map(|(last, fact)| (fact, status_after(&self.facts[..=last])))
    }

    /// The quote, once there is one.
    #[must_use]
    pub fn quote_id(&self) -> Option<QuoteId> {
        self.facts.iter().find_map(|fact| fact.what.quote_id())
    }

    /// What the quote comes to: as it was approved, or else as it was made.
    #[must_use]
    pub fn total_amount(&self) -> Option<Cents> {
        let amount = |is: fn(&What) -> bool| self.known(is)?.total_amount();
        amount(What::is_approved).or_else(|| amount(What::is_quoted))
    }

    /// Why the order was called off.
    #[must_use]
    pub fn cancellation_reason(&self) -> Option<&str> {
        self.known(What::is_cancelled)?.reason()
    }

    /// Why the workshop could not do it.
    #[must_use]
    pub fn failure_reason(&self) -> Option<&str> {
        self.known(What::is_failed)?.reason()
    }

    fn known(&self, is: fn(&What) -> bool) -> Option<&What> {
        self.facts.iter().map(|fact| &fact.what).find(|what| is(what))
    }

    /// What the desk finds the order by.
    #[must_use]
    pub fn findable(&self) -> String {
        let (plate, id) = (self.plate.parse::<Plate>(), self.id.0.simple().to_string());
        let plate = plate.map_or_else(|_| self.plate.clone(), |plate| forms(&plate));
        let name = self.payer.as_ref().map_or("", |payer| &payer.name);
        let document = self.payer.as_ref().and_then(|payer| payer.document.as_deref()).unwrap_or_default();
        findable([plate.as_str(), name, document, &id, &self.details.description])
    }

    /// Learns what an event tells; total, and without effect for what is known or does not concern us.
    pub fn react(self, event: &Event, event_id: EventId, at: DateTime<Utc>) -> Transition<Self> {
        match What::told_by(event) {
            Some(what) => self.learn(Fact { at, event_id: Some(event_id), what }),
            None => Transition::quiet(self),
        }
    }

    /// Calls the order off. A cancelled one stays cancelled and tells nothing.
    ///
    /// # Errors
    /// Once the work is finished or failed.
    pub fn cancel(self, reason: String, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        match self.status() {
            WorkOrderStatus::Cancelled => Ok(Transition::quiet(self)),
            status @ (WorkOrderStatus::Completed | WorkOrderStatus::Delivered | WorkOrderStatus::Failed) => {
                Err(Refusal::state("cancelling", "work order", status))
            }
            WorkOrderStatus::Pending
            | WorkOrderStatus::Quoted
            | WorkOrderStatus::QuoteSent
            | WorkOrderStatus::Approved
            | WorkOrderStatus::InProgress => {
                Ok(self.learn(Fact { at, event_id: None, what: What::Cancelled { reason } }))
            }
        }
    }

    /// Gives the car back.
    ///
    /// # Errors
    /// Unless the work is completed. A delivered order stays delivered.
    pub fn deliver(self, by: String, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        match self.status() {
            WorkOrderStatus::Delivered => Ok(Transition::quiet(self)),
            WorkOrderStatus::Completed => {
                Ok(self.learn(Fact { at, event_id: None, what: What::Delivered { by } }))
            }
            status @ (WorkOrderStatus::Pending
            | WorkOrderStatus::Quoted
            | WorkOrderStatus::QuoteSent
            | WorkOrderStatus::Approved
            | WorkOrderStatus::InProgress
            | WorkOrderStatus::Cancelled
            | WorkOrderStatus::Failed) => Err(Refusal::state("delivering", "work order", status)),
        }
    }

    /// Sets the status, as far as a person may: to `DELIVERED`. All others follow from what somebody does.
    ///
    /// # Errors
    /// As [`Self::deliver`]; for any other status, naming who decides it.
    pub fn set_status(
        self,
        status: WorkOrderStatus,
        by: String,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        let what = match status {
            WorkOrderStatus::Delivered => return self.deliver(by, at),
            WorkOrderStatus::Pending => "setting PENDING by hand (every order begins with it)",
            WorkOrderStatus::Quoted => "setting QUOTED by hand (Billing decides it by making the quote)",
            WorkOrderStatus::QuoteSent => {
                "setting QUOTE_SENT by hand (Billing decides it by sending the quote)"
            }
            WorkOrderStatus::Approved => {
                "setting APPROVED by hand (the customer decides it by approving the quote)"
            }
            WorkOrderStatus::InProgress => "setting IN_PROGRESS by hand (the customer decides it by paying)",
            WorkOrderStatus::Completed => {
                "setting COMPLETED by hand (the workshop decides it by completing the work)"
            }
            WorkOrderStatus::Cancelled => "setting CANCELLED by hand (DELETE the order to cancel it)",
            WorkOrderStatus::Failed => {
                "setting FAILED by hand (the workshop decides it by giving the work up)"
            }
        };
        Err(Refusal::state(what, "work order", self.status()))
    }

    /// Changes the descriptive fields.
    ///
    /// # Errors
    /// Once the order has ended: what was agreed then stays as it was. What the quote was made from is Billing's once
    /// there is a quote: edit the quote.
    pub fn edit(self, details: Details, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        match self.status() {
            status @ (WorkOrderStatus::Cancelled | WorkOrderStatus::Failed | WorkOrderStatus::Delivered) => {
                Err(Refusal::state("editing", "work order", status))
            }
            WorkOrderStatus::Pending
            | WorkOrderStatus::Quoted
            | WorkOrderStatus::QuoteSent
            | WorkOrderStatus::Approved
            | WorkOrderStatus::InProgress
            | WorkOrderStatus::Completed => {
                self.check_erased()?;
                self.check_quoted(&details)?;
                let updated_at = if details == self.details { self.updated_at } else { at };
                Ok(Transition::quiet(Self { details, updated_at, ..self }))
            }
        }
    }

    fn check_quoted(&self, details: &Details) -> Result<(), Refusal> {
        let status = self.status();
        if status == WorkOrderStatus::Pending || self.details.asks_for_the_same(details) {
            return Ok(());
        }
        Err(Refusal::state("changing what the quote was made from", "work order", status))
    }

    /// Adds a fact unless it is known, and tells what follows from it.
    fn learn(mut self, fact: Fact) -> Transition<Self> {
        if self.facts.iter().any(|known| known.is_same(&fact)) {
            return Transition::quiet(self);
        }
        let fact = if self.customer_erased { fact.of_nobody() } else { fact };
        let before = self.status();
        let mut told = Vec::new();
        let calls_off =
            fact.calls_off().filter(|_| !self.facts.iter().any(|known| known.what.is_cancelled()));
        self.updated_at = self.updated_at.max(fact.at);
        self.facts.push(fact);
        if let Some(called_off) = calls_off {
            let reason = called_off.what.reason().unwrap_or(reason::CUSTOMER_REQUEST).to_owned();
            if !self.facts.last().is_some_and(|last| last.what.is_cancelled()) {
                self.facts.push(called_off);
            }
            told.push(WorkOrderCancelled { work_order_id: self.id, reason }.into());
        }
        let after = self.status();
        if before != after {
            self.revision += 1;
            let changed = WorkOrderStatusChanged {
                work_order_id: self.id,
                previous_status: before,
                new_status: after,
                revision: self.revision,
                customer_erased: self.customer_erased,
            };
            told.push(changed.into());
        }
        Transition::telling(self, told)
    }
}

/// The status that follows from facts: the first that holds.
fn status_after(facts: &[Fact]) -> WorkOrderStatus {
    let precedence = [
        (What::is_delivered as fn(&What) -> bool, WorkOrderStatus::Delivered),
        (What::is_completed, WorkOrderStatus::Completed),
        (What::is_cancelled, WorkOrderStatus::Cancelled),
        (What::is_failed, WorkOrderStatus::Failed),
        (What::is_paid, WorkOrderStatus::InProgress),
        (What::is_approved, WorkOrderStatus::Approved),
        (What::is_sent, WorkOrderStatus::QuoteSent),
        (What::is_quoted, WorkOrderStatus::Quoted),
    ];
    let holds = |is: &fn(&What) -> bool| facts.iter().any(|fact| is(&fact.what));
    precedence.iter().find(|(is, _)| holds(is)).map_or(WorkOrderStatus::Pending, |(_, status)| *status)
}

impl Details {
    fn asks_for_the_same(&self, other: &Self) -> bool {
        (self.estimated_cost, &self.services, &self.parts)
            == (other.estimated_cost, &other.services, &other.parts)
    }
}

impl Fact {
    /// Most facts can hold but once, whoever tells them; payments are told apart by their id, and the job's
    /// moves, which may repeat after rework, by the event.
    fn is_same(&self, other: &Self) -> bool {
        use What::{ExecutionMoved, PaymentApproved, PaymentFailed, PaymentRefunded, PaymentRejected};
        match (&self.what, &other.what) {
            (PaymentFailed { payment_id: a, .. }, PaymentFailed { payment_id: b, .. })
            | (PaymentRejected { payment_id: a, .. }, PaymentRejected { payment_id: b, .. })
            | (PaymentApproved { payment_id: a, .. }, PaymentApproved { payment_id: b, .. }) => a == b,
            (
                PaymentRefunded { payment_id: a, refund_id: part_of_a, .. },
                PaymentRefunded { payment_id: b, refund_id: part_of_b, .. },
            ) => (a, part_of_a) == (b, part_of_b),
            (ExecutionMoved { .. }, ExecutionMoved { .. }) => self.event_id == other.event_id,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }

    /// A cancellation calls the order off, and so does a rejected quote.
    fn calls_off(&self) -> Option<Self> {
        match &self.what {
            What::Cancelled { .. } => Some(self.clone()),
            What::QuoteRejected { reason, .. } => {
                let reason = match reason {
                    RejectionReason::Customer => reason::QUOTE_REJECTED,
                    RejectionReason::Expired => reason::QUOTE_EXPIRED,
                };
                Some(Self { what: What::Cancelled { reason: reason.to_owned() }, ..self.clone() })
            }
            What::Opened
            | What::Quoted { .. }
            | What::QuoteSent { .. }
            | What::QuoteApproved { .. }
            | What::PaymentFailed { .. }
            | What::PaymentRejected { .. }
            | What::PaymentApproved { .. }
            | What::PaymentRefunded { .. }
            | What::ExecutionMoved { .. }
            | What::ExecutionCompleted { .. }
            | What::ExecutionFailed { .. }
            | What::Delivered { .. } => None,
        }
    }
}

impl What {
    /// What an event tells a work order; `None` for those that this service tells itself or does not follow.
    fn told_by(event: &Event) -> Option<Self> {
        Some(match event.clone() {
            Event::QuoteCreated(e) => Self::Quoted {
                quote_id: e.quote_id,
                total_amount: e.total_amount,
                valid_until: e.valid_until,
            },
            Event::QuoteSent(e) => Self::QuoteSent { quote_id: e.quote_id },
            Event::QuoteApproved(e) => {
                Self::QuoteApproved { quote_id: e.quote_id, total_amount: e.total_amount }
            }
            Event::QuoteRejected(e) => Self::QuoteRejected { quote_id: e.quote_id, reason: e.reason },
            Event::PaymentApproved(e) => Self::PaymentApproved {
                payment_id: e.payment_id,
                amount: e.amount,
                payment_method: e.payment_method,
            },
            Event::PaymentRejected(e) => {
                Self::PaymentRejected { payment_id: e.payment_id, amount: e.amount, reason: e.reason }
            }
            Event::PaymentFailed(e) => {
                Self::PaymentFailed { payment_id: e.payment_id, amount: e.amount, reason: e.reason }
            }
            Event::PaymentRefunded(e) => {
                let (payment_id, refund_id) = (e.payment_id, e.refund_id);
                Self::PaymentRefunded { payment_id, amount: e.amount, reason: e.reason, refund_id }
            }
            Event::ExecutionStatusChanged(e) => Self::ExecutionMoved {
                execution_id: e.execution_id,
                previous_status: e.previous_status,
                new_status: e.new_status,
            },
            Event::ExecutionCompleted(e) => Self::ExecutionCompleted {
                execution_id: e.execution_id,
                parts_used: e.parts_used,
                services_performed: e.services_performed,
            },
            Event::ExecutionFailed(e) => {
                Self::ExecutionFailed { execution_id: e.execution_id, reason: e.reason }
            }
            Event::WorkOrderCreated(_)
            | Event::WorkOrderStatusChanged(_)
            | Event::WorkOrderCancelled(_)
            | Event::PaymentCreated(_)
            | Event::ExecutionCreated(_) => return None,
        })
    }

    /// The quote that it is about.
    const fn quote_id(&self) -> Option<QuoteId> {
        match self {
            Self::Quoted { quote_id, .. }
            | Self::QuoteSent { quote_id }
            | Self::QuoteApproved { quote_id, .. }
            | Self::QuoteRejected { quote_id, .. } => Some(*quote_id),
            Self::Opened
            | Self::PaymentFailed { .. }
            | Self::PaymentRejected { .. }
            | Self::PaymentApproved { .. }
            | Self::PaymentRefunded { .. }
            | Self::ExecutionMoved { .. }
            | Self::ExecutionCompleted { .. }
            | Self::ExecutionFailed { .. }
            | Self::Cancelled { .. }
            | Self::Delivered { .. } => None,
        }
    }

    /// What the quote comes to.
    const fn total_amount(&self) -> Option<Cents> {
        if let Self::Quoted { total_amount, .. } | Self::QuoteApproved { total_amount, .. } = self {
            Some(*total_amount)
        } else {
            None
        }
    }

    /// Why it came to an end.
    fn reason(&self) -> Option<&str> {
        if let Self::Cancelled { reason } | Self::ExecutionFailed { reason, .. } = self {
            Some(reason)
        } else {
            None
        }
    }

    const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered { .. })
    }

    const fn is_completed(&self) -> bool {
        matches!(self, Self::ExecutionCompleted { .. })
    }

    const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// By the workshop's own doing: a job that ends because the order was called off is no failure.
    fn is_failed(&self) -> bool {
        matches!(self, Self::ExecutionFailed { reason, .. } if reason != reason::WORK_ORDER_CANCELLED)
    }

    const fn is_paid(&self) -> bool {
        matches!(self, Self::PaymentApproved { .. })
    }

    const fn is_approved(&self) -> bool {
        matches!(self, Self::QuoteApproved { .. })
    }

    const fn is_sent(&self) -> bool {
        matches!(self, Self::QuoteSent { .. })
    }

    const fn is_quoted(&self) -> bool {
        matches!(self, Self::Quoted { .. })
    }
}
