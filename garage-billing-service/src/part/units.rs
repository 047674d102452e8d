//! How many of a part: oil comes in litres and hose in metres, so a stock is a decimal with at most three places, like
//! the quantities of a quote. Whole ones are written without a point. What is on the shelf falls below nothing when more
//! was built in than was counted: that says that somebody must count, and what came and went still adds up.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use garage_events::{Quantity, thousandths};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

/// More of one part is on no shelf.
pub const MOST_IN_STOCK: u32 = 1_000_000_000;

/// A number of units, in thousandths; negative ones are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Units(i64);

impl Units {
    /// None.
    pub const ZERO: Self = Self(0);
    /// As many as a shelf holds.
    pub const MOST: Self = Self(MOST_IN_STOCK as i64 * 1000);

    /// So many whole ones.
    #[must_use]
    pub const fn whole(count: u32) -> Self {
        Self(count as i64 * 1000)
    }

    /// The number as a decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        thousandths::decimal(self.0)
    }

    /// None instead of fewer than none.
    #[must_use]
    pub fn or_none(self) -> Self {
        self.max(Self::ZERO)
    }
}

impl From<Quantity> for Units {
    fn from(quantity: Quantity) -> Self {
        Self((quantity.decimal() * Decimal::ONE_THOUSAND).to_i64().unwrap_or(i64::MAX))
    }
}

impl Add for Units {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Units {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Units {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.decimal().normalize().fmt(f)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        thousandths::write(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        thousandths::read(&Number::deserialize(deserializer)?)
            .map(Self)
            .filter(|units| units.0.abs() <= Self::MOST.0)
            .ok_or_else(|| {
                de::Error::custom(format!(
                    "must be a number of at most {MOST_IN_STOCK}, with at most three decimals"
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_ones_are_written_without_a_point() {
        for (json, thousandths) in [("0", 0), ("7", 7000), ("5.5", 5500), ("-2", -2000), ("-0.001", -1)] {
            let units: Units = serde_json::from_str(json).unwrap();
            assert_eq!(units, Units(thousandths));
            assert_eq!(serde_json::to_string(&units).unwrap(), json);
        }
        assert_eq!(serde_json::from_str::<Units>("1000000000").unwrap(), Units::MOST);
    }

    #[test]
    fn what_no_shelf_holds_is_no_number_of_units() {
        for json in ["0.0001", "1000000000.001", "-1e10", "\"1\"", "null"] {
            assert!(serde_json::from_str::<Units>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_line_s_quantity_is_so_many_units() {
        let litres: Quantity = serde_json::from_str("4.5").unwrap();
        assert_eq!(Units::from(litres).to_string(), "4.5");
    }
}
