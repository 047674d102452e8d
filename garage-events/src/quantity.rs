//! How many of something: litres and hours come in fractions, so a quantity is a decimal with at most
//! three places, never zero. In JSON it is a number; absent means one.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

use crate::thousandths;

/// A positive quantity in thousandths, at most 1,000,000 whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = f64, example = 1, exclusive_minimum = 0, maximum = 1000000))]
pub struct Quantity(u32);

impl Quantity {
    /// One.
    pub const ONE: Self = Self(1000);
    const MAX: u32 = 1_000_000_000;

    /// The quantity as a decimal.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        thousandths::decimal(self.0.into())
    }

    /// So many whole ones; `None` for zero or more than a million.
    #[must_use]
    pub fn whole(count: u32) -> Option<Self> {
        count.checked_mul(1000).filter(|n| (1..=Self::MAX).contains(n)).map(Self)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::ONE
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        thousandths::write(self.0.into(), serializer)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        thousandths::read(&Number::deserialize(deserializer)?)
            .and_then(|thousandths| u32::try_from(thousandths).ok())
            .filter(|thousandths| (1..=Self::MAX).contains(thousandths))
            .map(Self)
            .ok_or_else(|| {
                de::Error::custom("must be a number above 0, at most 1000000, with at most three decimals")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_number_and_absent_means_one() {
        for (json, thousandths) in [("1", 1000), ("2.5", 2500), ("0.001", 1)] {
            let quantity: Quantity = serde_json::from_str(json).unwrap();
            assert_eq!(quantity, Quantity(thousandths));
            assert_eq!(serde_json::to_string(&quantity).unwrap(), json);
        }
        assert_eq!(Quantity::default(), Quantity::ONE);
    }

    #[test]
    fn nothing_and_less_than_nothing_are_no_quantities() {
        for json in ["0", "-1", "0.0001", "1e9", "\"1\""] {
            assert!(serde_json::from_str::<Quantity>(json).is_err(), "{json}");
        }
    }
}
