//! A service of the catalogue: work that the shop offers at a price. Pure. A quote copies name and price when
//! it is made, so what changes here changes no quote.

use chrono::{DateTime, Utc};
use garage_events::{Cents, ServiceId};
use serde::{Deserialize, Serialize};

pub(crate) mod http;
mod index;

pub use index::SERVICES;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// What the shop says of it.
    pub card: Card,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the shop says of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The name on quotes.
    pub name: String,
    /// What is done.
    pub description: Option<String>,
    /// For how much.
    pub price: Cents,
    /// How long it takes, in minutes.
    pub duration: u32,
    /// Whether it is offered. One that no longer is keeps its price for orders that ask for it.
    pub active: bool,
}

impl Service {
    /// The service with another card.
    #[must_use]
    pub fn described(&self, card: Card, at: DateTime<Utc>) -> Self {
        let updated_at = if card == self.card { self.updated_at } else { at };
        Self { card, updated_at, ..self.clone() }
    }
}
