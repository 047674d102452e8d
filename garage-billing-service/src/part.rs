//! A part of the catalogue: what it costs, how many are on the shelf, and which orders have a claim to them. Pure. A quote
//! copies name and price when it is made, so what changes here changes no quote.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use garage_events::{Cents, PartId, Refusal, WorkOrderId};
use serde::{Deserialize, Serialize};

mod hold;
pub(crate) mod http;
mod index;
mod units;

pub use hold::{Claim, Hold, Holder, Need, Wish};
pub use index::PARTS;
pub use units::{MOST_IN_STOCK, Units};

/// At or below this many a part is to be ordered again, unless told otherwise.
pub const MIN_STOCK_LEVEL: u32 = 5;
/// What parts are counted in, unless told otherwise: pieces.
pub const UNIT: &str = "UN";

/// A part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Its id.
    pub id: PartId,
    /// What the shop says of it.
    pub card: Card,
    /// How many are there, put aside or not. Fewer than none when more was built in than was counted.
    pub stock_quantity: Units,
    /// The orders that have a claim to it.
    #[serde(default)]
    pub holds: BTreeMap<WorkOrderId, Hold>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What the shop says of a part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Whether it is to be ordered again: few are left that nobody has a claim to.
    #[must_use]
    pub fn is_low(&self) -> bool {
        self.free() <= Units::whole(self.card.min_stock_level)
    }

    /// Whether it may leave the catalogue.
    ///
    /// # Errors
    /// While orders have a claim to it.
    pub fn check_unclaimed(&self) -> Result<(), Refusal> {
        match self.holds.len() {
            0 => Ok(()),
            1 => Err(Refusal::state("removing", "part", "needed by a work order")),
            orders => Err(Refusal::state("removing", "part", format!("needed by {orders} work orders"))),
        }
    }

    /// The part with another card.
    #[must_use]
    pub fn described(&self, card: Card, at: DateTime<Utc>) -> Self {
        self.touched(Self { card, ..self.clone() }, at)
    }

    /// The part after a count of the shelf.
    #[must_use]
    pub fn counted(&self, quantity: Units, at: DateTime<Utc>) -> Self {
        self.touched(Self { stock_quantity: quantity, ..self.clone() }, at)
    }

    /// The part after so many came, or left if negative.
    ///
    /// # Errors
    /// When more would leave than are there, or more come than a shelf holds.
    pub fn adjusted(&self, by: Units, at: DateTime<Utc>) -> Result<Self, Refusal> {
        let quantity = self.stock_quantity + by;
        if by < Units::ZERO && quantity < Units::ZERO {
            return Err(Refusal::state("taking so many", "stock", self.stock_quantity));
        }
        if quantity > Units::MOST {
            return Err(Refusal::state("adding so many", "stock", self.stock_quantity));
        }
        Ok(self.counted(quantity, at))
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

    fn part(stock: u32) -> Part {
        let stock_quantity = Units::whole(stock);
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
        let holds = BTreeMap::new();
        Part { id: PartId(Uuid::nil()), card, stock_quantity, holds, created_at: AT, updated_at: AT }
    }

    fn units(json: &str) -> Units {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_last_ones_on_the_shelf_are_few() {
        assert!(part(0).is_low() && part(5).is_low() && !part(6).is_low());
    }

    #[test]
    fn parts_come_and_go_but_none_goes_that_is_not_there() {
        let adjusted = |by| part(3).adjusted(units(by), LATER).map(|part| part.stock_quantity.to_string());
        assert_eq!(adjusted("-3"), Ok("0".to_owned()));
        assert_eq!(adjusted("4.5"), Ok("7.5".to_owned()));
        assert_eq!(adjusted("-4").unwrap_err().to_string(), "taking so many is not possible: the stock is 3");
        assert!(part(MOST_IN_STOCK).adjusted(units("0.001"), LATER).is_err());
    }

    #[test]
    fn what_was_built_in_beyond_the_count_is_paid_by_what_comes() {
        let short = part(0).counted(units("-2"), LATER);
        assert_eq!(short.adjusted(units("1"), LATER).map(|part| part.stock_quantity), Ok(units("-1")));
        assert!(short.adjusted(units("-1"), LATER).is_err());
    }

    #[test]
    fn a_change_that_changes_nothing_leaves_no_trace() {
        assert_eq!(part(3).counted(units("3"), LATER), part(3));
        assert_eq!(part(3).counted(units("4"), LATER).updated_at, LATER);
    }
}
