//! The work order: facts that this service has learned, and the status that follows from them (SPEC 4). A fact
//! already known has no effect and tells nothing, so duplicates, age and order of delivery cannot matter.
//! Pure: time, ids and looked-up data are arguments. What others decide (money, repair) is only recorded here.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, Event, EventId, QuoteId, Refusal, Transition, VehicleId, WorkOrderId, WorkOrderStatus,
    event::{
        Payer, RequestedPart, RequestedService, WorkOrderCancelled, WorkOrderCreated, WorkOrderStatusChanged,
        reason,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    plate::Plate,
    search::{findable, forms},
};

mod deadline;
mod erased;
mod fact;
pub mod http;
#[cfg(test)]
mod sample;
mod since;

pub use fact::{Fact, What};

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

    /// What the quote comes to: as it was approved, or else as the customer has it, or else as it was made.
    #[must_use]
    pub fn total_amount(&self) -> Option<Cents> {
        let amount = |is: fn(&What) -> bool| self.known(is)?.total_amount();
        amount(What::is_approved)
            .or_else(|| self.last_sent()?.what.total_amount())
            .or_else(|| amount(What::is_quoted))
    }

    /// The text of the quote that the customer has.
    fn last_sent(&self) -> Option<&Fact> {
        let sent = self.facts.iter().filter(|fact| fact.what.is_sent());
        sent.max_by_key(|fact| (fact.what.revision(), fact.at, fact.what.total_amount()))
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

    /// Changes the descriptive fields. An edit of a delivered order that changes nothing is one that comes again.
    ///
    /// # Errors
    /// Once the order has ended: what was agreed then stays as it was. What the quote is made from was told when the order
    /// was opened: edit the quote.
    pub fn edit(self, details: Details, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        match self.status() {
            WorkOrderStatus::Delivered if details == self.details => Ok(Transition::quiet(self)),
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
                self.check_told(&details)?;
                let updated_at = if details == self.details { self.updated_at } else { at };
                Ok(Transition::quiet(Self { details, updated_at, ..self }))
            }
        }
    }

    /// Billing makes the quote from what `work-order.created` says, also where it has not heard it yet.
    fn check_told(&self, details: &Details) -> Result<(), Refusal> {
        if self.details.asks_for_the_same(details) {
            return Ok(());
        }
        Err(Refusal::state("changing what the quote was made from", "work order", self.status()))
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
