//! Money: whole centavos of the Brazilian real. In JSON it is a number of reais with at most two decimals
//! (`150.5`), read from and written as decimal text, so that no binary fraction is ever involved.

use std::{fmt, iter::Sum, ops::Add};

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Number;

/// An amount in centavos, from R$ 0.00 to [`Cents::MAX`] on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = f64, example = 150.5, minimum = 0, maximum = 9999999999.99))]
pub struct Cents(i64);

/// Why a number is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    /// Text that is no decimal number.
    #[error("must be a number, such as 150.5")]
    NotANumber,
    /// Less than nothing.
    #[error("must not be negative")]
    Negative,
    /// A fraction of a centavo.
    #[error("must have at most two decimals")]
    TooFine,
    /// Past [`Cents::MAX`].
    #[error("must be at most 9999999999.99")]
    TooLarge,
}

impl Cents {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// R$ 9,999,999,999.99: far above any repair, far below where a JavaScript client would lose a centavo.
    pub const MAX: Self = Self(999_999_999_999);

    /// So many centavos; `None` when negative or past [`Cents::MAX`].
    #[must_use]
    pub const fn new(centavos: i64) -> Option<Self> {
        if centavos < 0 || centavos > Self::MAX.0 { None } else { Some(Self(centavos)) }
    }

    /// The number of centavos.
    #[must_use]
    pub const fn centavos(self) -> i64 {
        self.0
    }

    /// What `quantity` of something at this price costs, rounded once to the centavo, half away from zero
    /// (trade practice in Brazil). `None` when the result is past [`Cents::MAX`] or negative.
    #[must_use]
    pub fn times(self, quantity: Decimal) -> Option<Self> {
        let exact = Decimal::from(self.0).checked_mul(quantity)?;
        Self::new(exact.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()?)
    }

    /// The sum, unless it is past [`Cents::MAX`].
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::new(self.0.saturating_add(other.0))
    }

    /// What is left when so much goes; nothing when it is more than there is.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(if other.0 < self.0 { self.0 - other.0 } else { 0 })
    }

    /// The amount in reais.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }
}

impl TryFrom<Decimal> for Cents {
    type Error = NotMoney;

    fn try_from(reais: Decimal) -> Result<Self, NotMoney> {
        if reais.is_sign_negative() && !reais.is_zero() {
            return Err(NotMoney::Negative);
        }
        let centavos = reais.checked_mul(Decimal::ONE_HUNDRED).ok_or(NotMoney::TooLarge)?;
        if !centavos.fract().is_zero() {
            return Err(NotMoney::TooFine);
        }
        centavos.to_i64().and_then(Self::new).ok_or(NotMoney::TooLarge)
    }
}

impl std::str::FromStr for Cents {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        decimal(text).ok_or(NotMoney::NotANumber)?.try_into()
    }
}

/// A decimal from JSON's spelling of a number, exponents included.
fn decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok().or_else(|| Decimal::from_scientific(text).ok())
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decimal().normalize())
    }
}

impl Add for Cents {
    type Output = Self;

    /// Saturates at [`Cents::MAX`]: amounts that reach a sum were bounded at the edge.
    fn add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Cents {
    /// The shortest form, as JavaScript prints it: `150.5`, `80`. At most 13 significant digits, so the
    /// double that JSON libraries pass along prints back to the very same decimal text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            return serializer.serialize_i64(self.0 / 100);
        }
        let reais = self.decimal().to_f64().ok_or_else(|| ser::Error::custom("an amount out of range"))?;
        serializer.serialize_f64(reais)
    }
}

impl<'de> Deserialize<'de> for Cents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer)?.to_string().parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(json: &str) -> Result<Cents, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn what_is_left_is_never_less_than_nothing() {
        let left = |of: i64, gone: i64| Cents::new(of).unwrap().less(Cents::new(gone).unwrap()).centavos();
        assert_eq!([left(500, 100), left(500, 500), left(500, 501)], [400, 0, 0]);
    }

    #[test]
    fn an_amount_is_a_json_number_in_reais() {
        for (json, centavos) in
            [("150.5", 15050), ("0", 0), ("80", 8000), ("0.01", 1), ("1e2", 10_000), ("814.94", 81494)]
        {
            assert_eq!(cents(json).unwrap(), Cents(centavos), "{json}");
        }
        assert_eq!(serde_json::to_string(&Cents(15050)).unwrap(), "150.5");
        assert_eq!(serde_json::to_string(&Cents(8000)).unwrap(), "80");
    }

    #[test]
    fn every_amount_reads_back_as_written() {
        let near_the_end = (0..20_000).map(|n| Cents::MAX.0 - n);
        for n in (0..200_000).chain(near_the_end).map(Cents) {
            assert_eq!(cents(&serde_json::to_string(&n).unwrap()).unwrap(), n);
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for (json, why) in [
            ("-1", "must not be negative"),
            ("1.005", "must have at most two decimals"),
            ("1e300", "must be"),
            ("99999999999999", "must be at most"),
            ("\"10\"", "expected"),
        ] {
            let told = cents(json).unwrap_err().to_string();
            assert!(told.contains(why), "{json}: {told}");
        }
    }

    #[test]
    fn a_line_is_rounded_once_half_away_from_zero() {
        assert_eq!(Cents(333).times(Decimal::new(15, 1)), Some(Cents(500)));
        assert_eq!(Cents(1).times(Decimal::new(5, 1)), Some(Cents(1)));
        assert_eq!(Cents::MAX.times(Decimal::TWO), None);
    }
}
