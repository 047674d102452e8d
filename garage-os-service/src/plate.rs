//! Number plates in both forms that drive on the road: the old one (`ABC-1234`) and the Mercosul one
//! (`ABC1D23`). A car may come back under its other form (Resolução CONTRAN 969/2022), so both are one plate
//! here. O and 0, I and 1 are never taken for each other.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Capitals without hyphen or blanks, in the form in which it was given. What is read from the store was
/// checked when it came in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plate(String);

/// Why a text is no plate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a plate such as ABC-1234 or ABC1D23")]
pub struct NotAPlate;

/// Where the forms differ: the second digit of the old one is a letter in the new one, 0 is A and 9 is J.
const PLACE: usize = 4;

impl Plate {
    /// The plate in the form in which it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same car's plate in the other form. A Mercosul plate with a letter after J never had an old one.
    #[must_use]
    pub fn alternative(&self) -> Option<Self> {
        let other = match self.0.as_bytes()[PLACE] {
            digit @ b'0'..=b'9' => digit - b'0' + b'A',
            letter @ b'A'..=b'J' => letter - b'A' + b'0',
            _ => return None,
        };
        Some(Self(format!("{}{}{}", &self.0[..PLACE], char::from(other), &self.0[PLACE + 1..])))
    }

    /// The one form by which a car is found: the Mercosul one, which every plate has.
    #[must_use]
    pub fn key(&self) -> String {
        let is_old = self.0.as_bytes()[PLACE].is_ascii_digit();
        self.alternative().filter(|_| is_old).unwrap_or_else(|| self.clone()).0
    }

    /// For eyes that need not read it all: `ABC•••4`.
    #[must_use]
    pub fn masked(&self) -> String {
        format!("{}•••{}", &self.0[..3], &self.0[6..])
    }
}

impl FromStr for Plate {
    type Err = NotAPlate;

    fn from_str(text: &str) -> Result<Self, NotAPlate> {
        let kept = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase());
        let plate: String = kept.collect();
        let forms = [b"AAA9999", b"AAA9A99"];
        if forms.iter().any(|form| fits(plate.as_bytes(), *form)) { Ok(Self(plate)) } else { Err(NotAPlate) }
    }
}

/// Whether there is a capital for every `A` and a digit for every `9`.
fn fits(plate: &[u8], form: &[u8]) -> bool {
    let same = |(character, wanted): (&u8, &u8)| match wanted {
        b'A' => character.is_ascii_uppercase(),
        _ => character.is_ascii_digit(),
    };
    plate.len() == form.len() && plate.iter().zip(form).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plate(text: &str) -> Plate {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_are_read_however_they_are_written() {
        for (written, bare) in [
            ("ABC-1234", "ABC1234"),
            ("abc 1234", "ABC1234"),
            ("ABC1D23", "ABC1D23"),
            (" abc1d23 ", "ABC1D23"),
            ("ABC-1D23", "ABC1D23"),
        ] {
            assert_eq!(plate(written).as_str(), bare);
        }
    }

    #[test]
    fn what_is_no_plate_is_refused() {
        for text in [
            "",
            "ABC123",
            "ABC12345",
            "AB12345",
            "ABCD123",
            "ABC12D3",
            "ABC1DD3",
            "AÇC1234",
            "ABC１２３４",
            "ABC_1234",
        ] {
            assert_eq!(text.parse::<Plate>(), Err(NotAPlate), "{text}");
        }
    }

    #[test]
    fn a_car_is_found_under_either_form() {
        for (old, mercosul) in [("ABC1234", "ABC1C34"), ("XYZ9876", "XYZ9I76"), ("AAA0000", "AAA0A00")] {
            assert_eq!(plate(old).alternative(), Some(plate(mercosul)));
            assert_eq!(plate(mercosul).alternative(), Some(plate(old)));
            assert_eq!((plate(old).key(), plate(mercosul).key()), (mercosul.to_owned(), mercosul.to_owned()));
        }
    }

    #[test]
    fn a_plate_that_never_had_an_old_form_has_none() {
        assert_eq!(plate("ABC1K23").alternative(), None);
        assert_eq!(plate("ABC1K23").key(), "ABC1K23");
    }

    #[test]
    fn a_mask_shows_enough_to_recognize_ones_own() {
        assert_eq!(plate("ABC1C34").masked(), "ABC•••4");
    }
}
