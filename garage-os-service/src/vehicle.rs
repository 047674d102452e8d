//! The vehicle: a car and whose it is now. Pure. That its plate, in whichever form, belongs to one vehicle
//! only, that its owner exists, and that a vehicle with orders stays, hold in the store.

use chrono::{DateTime, Datelike, Utc};
use garage_events::{CustomerId, Refusal, VehicleId};
use serde::{Deserialize, Serialize};

use crate::{
    plate::Plate,
    search::{findable, forms},
};

pub mod http;

/// A customer's vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vehicle {
    /// Its id.
    pub id: VehicleId,
    /// Since when it is known.
    pub created_at: DateTime<Utc>,
    /// When something was last changed.
    pub updated_at: DateTime<Utc>,
    /// What it is.
    pub description: Description,
}

/// What people write down of a vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Whose it is; a sold car changes hands, its past orders do not.
    pub customer_id: CustomerId,
    /// As it was given.
    pub plate: Plate,
    /// Who made it.
    pub brand: String,
    /// What they call it.
    pub model: String,
    /// Of the model; next year's are sold this year.
    pub year: u16,
    /// As people say it.
    pub color: Option<String>,
    /// Chassis number: 17 capitals and digits.
    pub vin: Option<Vin>,
}

/// The first year of which there may be cars about.
pub const FIRST_YEAR: u16 = 1900;

/// A chassis number (ISO 3779): 17 characters without I, O and Q. The check position of North America is not
/// compulsory in Brazil.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vin(String);

/// Why a text is no chassis number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a chassis number: 17 letters and digits without I, O and Q")]
pub struct NotAVin;

impl Vin {
    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Vin {
    type Err = NotAVin;

    fn from_str(text: &str) -> Result<Self, NotAVin> {
        let vin = text.trim().to_ascii_uppercase();
        let is_used = |byte: u8| byte.is_ascii_alphanumeric() && !matches!(byte, b'I' | b'O' | b'Q');
        if vin.len() == 17 && vin.bytes().all(is_used) { Ok(Self(vin)) } else { Err(NotAVin) }
    }
}

impl Vehicle {
    /// A vehicle that is new to the shop.
    ///
    /// # Errors
    /// When it would be of a year to come.
    pub fn new(id: VehicleId, description: Description, at: DateTime<Utc>) -> Result<Self, Refusal> {
        check_year(description.year, at)?;
        Ok(Self { id, created_at: at, updated_at: at, description })
    }

    /// Writes it down anew.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn describe(self, description: Description, at: DateTime<Utc>) -> Result<Self, Refusal> {
        check_year(description.year, at)?;
        if description == self.description {
            Ok(self)
        } else {
            Ok(Self { description, updated_at: at, ..self })
        }
    }

    /// What the desk finds the vehicle by.
    #[must_use]
    pub fn findable(&self) -> String {
        let Description { plate, brand, model, vin, .. } = &self.description;
        findable([forms(plate).as_str(), brand, model, vin.as_ref().map_or("", Vin::as_str)])
    }
}

fn check_year(year: u16, at: DateTime<Utc>) -> Result<(), Refusal> {
    let next = at.year() + 1;
    let fits = year >= FIRST_YEAR && i32::from(year) <= next;
    if fits {
        Ok(())
    } else {
        Err(Refusal::field("year", format!("must be a whole number from {FIRST_YEAR} to {next}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corolla(year: u16) -> Description {
        Description {
            customer_id: CustomerId(uuid::Uuid::from_u128(1)),
            plate: "ABC-1234".parse().unwrap(),
            brand: "Toyota".to_owned(),
            model: "Corolla".to_owned(),
            year,
            color: None,
            vin: None,
        }
    }

    fn at(time: &str) -> DateTime<Utc> {
        time.parse().unwrap()
    }

    fn of(year: u16) -> Result<Vehicle, Refusal> {
        Vehicle::new(VehicleId(uuid::Uuid::from_u128(2)), corolla(year), at("2026-02-08T10:00:00Z"))
    }

    #[test]
    fn next_years_model_is_sold_this_year_and_no_later_one() {
        assert!(of(1900).is_ok() && of(2027).is_ok());
        assert_eq!(of(2028), Err(Refusal::field("year", "must be a whole number from 1900 to 2027")));
        assert!(of(1899).is_err());
    }

    #[test]
    fn writing_the_same_again_leaves_no_trace() {
        let car = of(2024).unwrap();
        let later = at("2026-03-01T10:00:00Z");
        assert_eq!(car.clone().describe(corolla(2024), later), Ok(car.clone()));
        assert_eq!(car.describe(corolla(2025), later).unwrap().updated_at, later);
    }

    #[test]
    fn a_chassis_number_has_17_characters_that_cannot_be_mistaken() {
        assert_eq!("9bwzzz377vt004251".parse::<Vin>().unwrap().as_str(), "9BWZZZ377VT004251");
        for text in ["", "9BWZZZ377VT00425", "9BWZZZ377VT0042511", "9BWZZZ377VTO04251", "9BWZZZ377VT00425Ç"]
        {
            assert_eq!(text.parse::<Vin>(), Err(NotAVin), "{text}");
        }
    }

    #[test]
    fn it_is_findable_by_either_plate_and_by_what_it_is() {
        assert_eq!(of(2024).unwrap().findable(), "abc1234 abc1c34 toyota corolla");
    }
}
