//! The tax number that tells customers apart: a person's CPF or a company's CNPJ, which since July 2026 may have
//! letters (Receita Federal, *Manual de cálculo do DV do CNPJ*). A number with right check digits may still
//! belong to nobody, or to somebody else than the speaker.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

/// A CPF or CNPJ with right check digits, without punctuation, in capitals. What is read from the store was
/// checked when it came in.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(String);

/// Whose number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A person's.
    Cpf,
    /// A company's.
    Cnpj,
}

/// Why a text is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Neither the length nor the characters of one.
    #[error("must be a CPF (11 digits) or a CNPJ (14 digits or letters, the last two digits)")]
    Form,
    /// The form is right.
    #[error("must be a number that was issued: its check digits do not fit")]
    CheckDigits,
}

impl Document {
    /// The number, bare.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose number it is; the length says so.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.0.len() == CPF { Kind::Cpf } else { Kind::Cnpj }
    }

    /// Whether `text` is this number, with or without punctuation. Takes as long for a near miss as for a far
    /// one, so that nobody can guess digit by digit.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let said = bare(text);
        let differences =
            self.0.bytes().zip(said.bytes()).fold(0, |found, (one, other)| found | (one ^ other));
        self.0.len() == said.len() && differences == 0
    }
}

const CPF: usize = 11;
const CNPJ: usize = 14;

impl FromStr for Document {
    type Err = NotADocument;

    fn from_str(text: &str) -> Result<Self, NotADocument> {
        let number = bare(text);
        let fits = match number.len() {
            CPF if is_digits(&number) => checks(number.as_bytes(), 2..=11),
            CNPJ if is_alphanumeric(&number[..12]) && is_digits(&number[12..]) => {
                checks(number.as_bytes(), 2..=9)
            }
            _ => return Err(NotADocument::Form),
        };
        if fits { Ok(Self(number)) } else { Err(NotADocument::CheckDigits) }
    }
}

impl fmt::Debug for Document {
    /// Personal data (LGPD): a log shows no more than a receipt does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document(***{}**)", self.0.get(3..self.0.len() - 2).unwrap_or_default())
    }
}

/// Capitals, without the punctuation of either mask. Anything that is not ASCII is gone too far to be one.
fn bare(text: &str) -> String {
    if !text.is_ascii() {
        return String::new();
    }
    text.chars().filter(|c| !matches!(c, '.' | '-' | '/' | ' ')).map(|c| c.to_ascii_uppercase()).collect()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether both check digits follow from what stands before them. A number of equal characters passes the
/// sum and is never issued.
fn checks(number: &[u8], weights: RangeInclusive<u32>) -> bool {
    let is_right = |place: usize| value(number[place]) == check_digit(&number[..place], weights.clone());
    let all_equal = number.iter().all(|character| *character == number[0]);
    !all_equal && is_right(number.len() - 2) && is_right(number.len() - 1)
}

/// Weights rise from the right and begin again; `r = sum mod 11`, and the digit is 0 below 2, else `11 − r`.
fn check_digit(characters: &[u8], weights: RangeInclusive<u32>) -> u32 {
    let weighted = characters.iter().rev().zip(weights.cycle());
    match weighted.map(|(character, weight)| value(*character) * weight).sum::<u32>() % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    }
}

/// ASCII code − 48: a digit is itself, `A` is 17.
fn value(character: u8) -> u32 {
    u32::from(character) - u32::from(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpf_with_right_check_digits_is_a_persons() {
        for number in [
            "12345678909",
            "52998224725",
            "25524893033",
            "19119119100",
            "11144477735",
            "01234567890",
            "95749019047",
        ] {
            let document: Document = number.parse().unwrap();
            assert_eq!((document.as_str(), document.kind()), (number, Kind::Cpf));
        }
    }

    #[test]
    fn a_cnpj_is_a_companys_with_or_without_letters() {
        for number in
            ["12ABC34501DE35", "11444777000161", "36002518000101", "11222333000181", "00000000000191"]
        {
            let document: Document = number.parse().unwrap();
            assert_eq!((document.as_str(), document.kind()), (number, Kind::Cnpj));
        }
    }

    #[test]
    fn punctuation_and_small_letters_are_the_same_number() {
        for (written, number) in [
            ("529.982.247-25", "52998224725"),
            (" 529 982 247 25 ", "52998224725"),
            ("11.444.777/0001-61", "11444777000161"),
            ("12.abc.345/01de-35", "12ABC34501DE35"),
        ] {
            assert_eq!(written.parse::<Document>().unwrap().as_str(), number);
        }
    }

    #[test]
    fn wrong_check_digits_and_repeated_digits_are_refused() {
        let repeated = (0..=9).map(|digit| digit.to_string().repeat(11));
        let zeros = "0".repeat(14);
        let wrong =
            ["12345678900", "52998224752", "11444777000162", "12ABC34501DE36", "12ABD34501DE35", &zeros];
        for number in repeated.chain(wrong.map(str::to_owned)) {
            assert_eq!(number.parse::<Document>(), Err(NotADocument::CheckDigits), "{number}");
        }
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for text in [
            "",
            "1",
            "5299822472",
            "529982247250",
            "5299822472A",
            "12ABC34501DEA5",
            "１１１４４４７７７３５",
            "529_982_247",
        ] {
            assert_eq!(text.parse::<Document>(), Err(NotADocument::Form), "{text}");
        }
    }

    #[test]
    fn a_number_is_recognized_however_it_is_written_and_no_other_is() {
        let document: Document = "52998224725".parse().unwrap();
        for said in ["52998224725", "529.982.247-25"] {
            assert!(document.is(said));
        }
        for said in ["", "52998224724", "5299822472", "529982247251", "x"] {
            assert!(!document.is(said), "{said}");
        }
    }

    #[test]
    fn a_log_does_not_show_it() {
        let document: Document = "52998224725".parse().unwrap();
        assert_eq!(format!("{document:?}"), "Document(***982247**)");
    }
}
