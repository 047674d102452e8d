//! Decimals with at most three places as whole thousandths, and as the numbers that they are in JSON: nothing is rounded.

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Serializer, ser};
use serde_json::Number;

/// The decimal.
#[must_use]
pub fn decimal(thousandths: i64) -> Decimal {
    Decimal::new(thousandths, 3)
}

/// The thousandths in a number; `None` when it has more places than three, or is past 63 bits.
#[must_use]
pub fn read(number: &Number) -> Option<i64> {
    let decimal = Decimal::from_str_exact(&number.to_string()).ok()?;
    let thousandths = decimal.checked_mul(Decimal::ONE_THOUSAND)?;
    thousandths.fract().is_zero().then(|| thousandths.to_i64())?
}

/// As a number, a whole one without a point.
///
/// # Errors
/// The serializer's.
pub fn write<S: Serializer>(thousandths: i64, serializer: S) -> Result<S::Ok, S::Error> {
    if thousandths % 1000 == 0 {
        return serializer.serialize_i64(thousandths / 1000);
    }
    let number = decimal(thousandths).to_f64().ok_or_else(|| ser::Error::custom("a number out of range"))?;
    serializer.serialize_f64(number)
}
