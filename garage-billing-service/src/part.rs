//! A part of the catalogue: what it costs, and how many are on the shelf. Pure. A quote copies name and price
//! when it is made, so what changes here changes no quote.

use chrono::{DateTime, Utc};
use garage_events::{Cents, PartId, Refusal};
use serde::{Deserialize, Serialize};

pub(crate) mod http;
mod index;

pub use index::PARTS;

/// At or below this many a part is to be ordered again, unless told otherwise.
pub const MIN_STOCK_LEVEL: u32 = 5;
/// More of one part is on no shelf.
pub const MOST_IN_STOCK: u32 = 1_000_000_000;
/// What parts are counted in, unless told otherwise: pieces.
pub const UNIT: &str = "UN";

/// A part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its id.
    pub id: PartId,
    /// What the shop says of it.
    pub card: Card,
    /// How many are there.
    pub stock_quantity: u32,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the shop says of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The name on quotes.
    pub name: String,
    /// The maker's number; no two parts share one, however it is written.
    pub part_number: String,
    /// For how much it is sold.
    pub price: Cents,
    /// For how much it was bought.
    pub cost_price: Option<Cents>,
    /// At or below this many it is to be ordered again.
    pub min_stock_level: u32,
    /// What it is counted in: `UN`, `L`.
    pub unit: String,
    /// What sort of part it is.
    pub category: Option<String>,
    /// Who sells it to the shop.
    pub supplier: Option<String>,
}

impl Part {
    /// Whether it is to be ordered again.
    #[must_use]
    pub const fn is_low(&self) -> bool {
        self.stock_quantity <= self.card.min_stock_level
    }

    /// The part with another card.
    #[must_use]
    pub fn described(&self, card: Card, at: DateTime<Utc>) -> Self {
        self.touched(Self { card, ..self.clone() }, at)
    }

    /// The part after a count of the shelf.
    #[must_use]
    pub fn counted(&self, quantity: u32, at: DateTime<Utc>) -> Self {
        self.touched(Self { stock_quantity: quantity, ..self.clone() }, at)
    }

    /// The part after so many came, or left if negative.
    ///
    /// # Errors
    /// When more would leave than are there, or more come than a shelf holds.
    pub fn adjusted(&self, by: i64, at: DateTime<Utc>) -> Result<Self, Refusal> {
        let quantity = i64::from(self.stock_quantity).saturating_add(by);
        match u32::try_from(quantity) {
            Ok(quantity) if quantity <= MOST_IN_STOCK => Ok(self.counted(quantity, at)),
            Ok(_) => Err(Refusal::state("adding so many", "stock", self.stock_quantity)),
            Err(_) => Err(Refusal::state("taking so many", "stock", self.stock_quantity)),
        }
    }

    fn touched(&self, next: Self, at: DateTime<Utc>) -> Self {
        if next == *self { next } else { Self { updated_at: at, ..next } }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const LATER: DateTime<Utc> = DateTime::from_timestamp(1_790_000_060, 0).unwrap();

    fn part(stock_quantity: u32) -> Part {
        let card = Card {
            name: "Oil filter".to_owned(),
            part_number: "OF-1".to_owned(),
            price: Cents::new(3990).unwrap(),
            cost_price: None,
            min_stock_level: MIN_STOCK_LEVEL,
            unit: UNIT.to_owned(),
            category: None,
            supplier: None,
        };
        Part { id: PartId(Uuid::nil()), card, stock_quantity, created_at: AT, updated_at: AT }
    }

    #[test]
    fn the_last_ones_on_the_shelf_are_few() {
        assert!(part(0).is_low() && part(5).is_low() && !part(6).is_low());
    }

    #[test]
    fn parts_come_and_go_but_none_goes_that_is_not_there() {
        assert_eq!(part(3).adjusted(-3, LATER).map(|part| part.stock_quantity), Ok(0));
        assert_eq!(part(3).adjusted(4, LATER).map(|part| part.stock_quantity), Ok(7));
        let told = part(3).adjusted(-4, LATER).unwrap_err().to_string();
        assert_eq!(told, "taking so many is not possible: the stock is 3");
        assert!(part(3).adjusted(i64::MIN, LATER).is_err() && part(3).adjusted(i64::MAX, LATER).is_err());
        assert!(part(MOST_IN_STOCK).adjusted(1, LATER).is_err());
    }

    #[test]
    fn a_change_that_changes_nothing_leaves_no_trace() {
        assert_eq!(part(3).counted(3, LATER), part(3));
        assert_eq!(part(3).counted(4, LATER).updated_at, LATER);
    }
}
