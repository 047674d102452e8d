//! The quote: what the repair will cost, line by line, and the customer's word on it. Owned and decided here
//! (SPEC 4). Pure; prices from the catalogue are arguments.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{
    Cents, PartId, Quantity, QuoteId, QuoteStatus, Refusal, ServiceId,
    event::{RequestedPart, RequestedService, WorkOrderCreated},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub mod expiry;
pub(crate) mod http;

/// A quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quote {
    /// Its id.
    pub id: QuoteId,
    /// Where it stands.
    pub status: QuoteStatus,
    /// What it is made of.
    pub lines: Vec<Line>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Until when it may be approved or rejected.
    pub valid_until: DateTime<Utc>,
    /// When the customer got it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the customer said yes, and who said it.
    pub approved: Option<Decision>,
    /// When the customer said no, and who said it.
    pub rejected: Option<Decision>,
    /// Why, in the customer's words.
    pub rejected_because: Option<String>,
    /// The command that wrote its lines, if one did: the same one again changes nothing.
    pub written_by: Option<Uuid>,
}

/// The customer's word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: DateTime<Utc>,
    /// The subject of the token that brought it.
    pub by: String,
}

/// One line of a quote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// How many.
    pub quantity: Quantity,
    /// For how much each; `None` until somebody prices what the catalogue did not know.
    pub unit_price: Option<Cents>,
    /// The catalogue's part.
    pub part_id: Option<PartId>,
    /// The catalogue's service.
    pub service_id: Option<ServiceId>,
}

/// What the catalogue knows of the things asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Parts by id.
    pub parts: BTreeMap<PartId, Priced>,
    /// Services by id.
    pub services: BTreeMap<ServiceId, Priced>,
}

/// A name and a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The name on the quote.
    pub name: String,
    /// Each.
    pub price: Cents,
}

/// What the shop has decided once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a quote may be approved: ten days by Brazilian law unless agreed otherwise.
    pub validity: TimeDelta,
    /// What looking at a car costs when the desk made no guess.
    pub diagnosis_fee: Cents,
}

impl Quote {
    /// A quote for what was asked for; with nothing asked for, one line of diagnosis.
    #[must_use]
    pub fn priced(
        id: QuoteId,
        order: &WorkOrderCreated,
        catalogue: &Catalogue,
        terms: Terms,
        at: DateTime<Utc>,
    ) -> Self {
        let services = order.services.iter().map(|asked| Line::service(asked, catalogue));
        let parts = order.parts.iter().map(|asked| Line::part(asked, catalogue));
        let mut lines: Vec<Line> = services.chain(parts).collect();
        if lines.is_empty() {
            lines.push(Line::diagnosis(order.estimated_cost.unwrap_or(terms.diagnosis_fee)));
        }
        Self {
            id,
            status: QuoteStatus::Pending,
            lines,
            created_at: at,
            updated_at: at,
            valid_until: at + terms.validity,
            sent_at: None,
            approved: None,
            rejected: None,
            rejected_because: None,
            written_by: None,
        }
    }

    /// In all: the sum of its lines, each rounded once.
    #[must_use]
    pub fn total(&self) -> Cents {
        self.lines.iter().map(Line::total).sum()
    }

    /// Whether the customer may still answer it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self.status {
            QuoteStatus::Pending | QuoteStatus::Sent => true,
            QuoteStatus::Approved | QuoteStatus::Rejected | QuoteStatus::Expired | QuoteStatus::Cancelled => {
                false
            }
        }
    }

    /// The quote with other lines, or another validity.
    ///
    /// # Errors
    /// Once the customer has it; for a day that has passed; for sums beyond measure.
    pub fn edited(
        &self,
        lines: Vec<Line>,
        valid_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        if self.status != QuoteStatus::Pending {
            return Err(Refusal::state("editing", "quote", self.status));
        }
        let valid_until = valid_until.unwrap_or(self.valid_until);
        if valid_until <= at {
            return Err(Refusal::field("validUntil", "must lie in the future"));
        }
        let edited = Self { lines, valid_until, ..self.clone() };
        edited.check_sum()?;
        Ok(if edited == *self { edited } else { Self { updated_at: at, ..edited } })
    }

    /// The sums must stay within measure, line by line: a saturated total would not be the lines' sum.
    fn check_sum(&self) -> Result<(), Refusal> {
        let totals =
            self.lines.iter().map(|line| line.unit_price.unwrap_or_default().times(line.quantity.decimal()));
        let sum = totals.into_iter().try_fold(Cents::ZERO, |sum, line| sum.checked_add(line?));
        sum.map(|_| ())
            .ok_or_else(|| Refusal::field("items", format!("must add up to at most {}", Cents::MAX)))
    }

    /// The quote in the customer's hands.
    ///
    /// # Errors
    /// After an answer, after its time, or while a line has no price.
    pub fn sent(&self, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_answerable("sending", at)?;
        Ok(Self {
            status: QuoteStatus::Sent,
            sent_at: Some(self.sent_at.unwrap_or(at)),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The quote with the customer's yes.
    ///
    /// # Errors
    /// After another answer, after its time, or while a line has no price.
    pub fn approved(&self, by: String, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_answerable("approving", at)?;
        Ok(Self {
            status: QuoteStatus::Approved,
            approved: Some(Decision { at, by }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The quote with the customer's no.
    ///
    /// # Errors
    /// After another answer or after its time.
    pub fn rejected(&self, by: String, at: DateTime<Utc>) -> Result<Self, Refusal> {
        self.check_open("rejecting", at)?;
        Ok(Self {
            status: QuoteStatus::Rejected,
            rejected: Some(Decision { at, by }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// Whether its time is over and nobody has answered.
    #[must_use]
    pub fn has_lapsed(&self, at: DateTime<Utc>) -> bool {
        self.is_open() && at > self.valid_until
    }

    /// The quote without an answer, after its time or because the order was called off.
    #[must_use]
    pub fn closed(&self, status: QuoteStatus, at: DateTime<Utc>) -> Self {
        Self { status, updated_at: at, ..self.clone() }
    }

    fn check_open(&self, what: &'static str, at: DateTime<Utc>) -> Result<(), Refusal> {
        if !self.is_open() {
            return Err(Refusal::state(what, "quote", self.status));
        }
        if self.has_lapsed(at) {
            return Err(Refusal::state(what, "quote", QuoteStatus::Expired));
        }
        Ok(())
    }

    fn check_answerable(&self, what: &'static str, at: DateTime<Utc>) -> Result<(), Refusal> {
        self.check_open(what, at)?;
        match self.lines.iter().find(|line| line.unit_price.is_none()) {
            Some(line) => {
                Err(Refusal::state(what, "quote", format!("incomplete, `{}` has no price yet", line.name)))
            }
            None if self.total() == Cents::ZERO => Err(Refusal::state(what, "quote", "worth nothing")),
            None => Ok(()),
        }
    }
}

impl Line {
    /// Quantity times price, rounded once; nothing while there is no price.
    #[must_use]
    pub fn total(&self) -> Cents {
        self.unit_price.and_then(|price| price.times(self.quantity.decimal())).unwrap_or_default()
    }

    fn service(asked: &RequestedService, catalogue: &Catalogue) -> Self {
        let known = catalogue.services.get(&asked.service_id);
        let unknown = || format!("Service {} (not in the catalogue)", asked.service_id);
        Self { service_id: Some(asked.service_id), ..Self::of(known, unknown, asked.quantity) }
    }

    fn part(asked: &RequestedPart, catalogue: &Catalogue) -> Self {
        let known = catalogue.parts.get(&asked.part_id);
        let unknown = || format!("Part {} (not in the catalogue)", asked.part_id);
        Self { part_id: Some(asked.part_id), ..Self::of(known, unknown, asked.quantity) }
    }

    fn diagnosis(price: Cents) -> Self {
        Self::of(Some(&Priced { name: "Diagnosis".to_owned(), price }), String::new, Quantity::ONE)
    }

    fn of(known: Option<&Priced>, unknown: impl FnOnce() -> String, quantity: Quantity) -> Self {
        Self {
            name: known.map_or_else(unknown, |priced| priced.name.clone()),
            description: None,
            quantity,
            unit_price: known.map(|priced| priced.price),
            part_id: None,
            service_id: None,
        }
    }
}
