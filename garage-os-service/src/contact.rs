//! How a customer is reached. Phones are Brazilian and read whatever their punctuation, but their digits must
//! be some that can be dialled (Anatel, *Plano de numeração*). That an address exists only a message can show.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Area code and subscriber, digits only: `11987654321`, `1134567890`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// An address for receipts, as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

/// Why a text is no phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a Brazilian phone number with its area code, such as 11987654321 or (11) 3456-7890")]
pub struct NotAPhone;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as ana@example.com")]
pub struct NotAnEmail;

impl Phone {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = NotAPhone;

    fn from_str(text: &str) -> Result<Self, NotAPhone> {
        let is_punctuation = |c: char| matches!(c, ' ' | '(' | ')' | '-' | '.');
        let digits: String = text.chars().filter(|c| !is_punctuation(*c)).collect();
        let national = national(&digits).ok_or(NotAPhone)?;
        let (area, subscriber) = national.split_at(2);
        if is_area(area) && is_subscriber(subscriber) {
            Ok(Self(national.to_owned()))
        } else {
            Err(NotAPhone)
        }
    }
}

/// The digits without the country's 55 or the trunk's 0. Only the length tells: 55 is an area code too.
fn national(digits: &str) -> Option<&str> {
    let fits =
        |digits: &&str| matches!(digits.len(), 10 | 11) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let without = |prefix| digits.strip_prefix(prefix).filter(fits);
    without("+55").or_else(|| without("0")).or_else(|| Some(digits).filter(fits)).or_else(|| without("55"))
}

/// The 67 area codes that are in use.
fn is_area(code: &str) -> bool {
    matches!(
        code.parse(),
        Ok(
            11..=19
            | 21
            | 22
            | 24
            | 27
            | 28
            | 31..=35
            | 37
            | 38
            | 41..=49
            | 51
            | 53..=55
            | 61..=69
            | 71
            | 73..=75
            | 77
            | 79
            | 81..=89
            | 91..=99,
        )
    )
}

/// A mobile's nine digits begin with 9, a fixed line's eight with 2 to 5.
fn is_subscriber(digits: &str) -> bool {
    match digits.len() {
        9 => digits.starts_with('9'),
        _ => digits.starts_with(['2', '3', '4', '5']),
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let is_odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let labels_fit = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        let fits = (1..=64).contains(&local.len()) && !local.contains('@') && labels_fit && text.len() <= 254;
        if fits && !text.contains(is_odd) { Ok(Self(text.to_owned())) } else { Err(NotAnEmail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_read_whatever_its_punctuation() {
        for (written, digits) in [
            ("11999999999", "11999999999"),
            ("(11) 98765-4321", "11987654321"),
            ("+55 11 98765-4321", "11987654321"),
            ("5511987654321", "11987654321"),
            ("011 3456.7890", "1134567890"),
            ("(11) 3456-7890", "1134567890"),
            ("55 99999-9999", "55999999999"),
            ("+55 55 3234-5678", "5532345678"),
        ] {
            assert_eq!(written.parse::<Phone>().unwrap().as_str(), digits, "{written}");
        }
    }

    #[test]
    fn what_nobody_can_dial_is_refused() {
        for text in [
            "",
            "190",
            "999999999",
            "10987654321",
            "2398765432",
            "11887654321",
            "1164567890",
            "+1 212 555 0100",
            "11 9876x-4321",
            "119876543210",
        ] {
            assert_eq!(text.parse::<Phone>(), Err(NotAPhone), "{text}");
        }
    }

    #[test]
    fn there_are_67_area_codes() {
        assert_eq!((0..100).filter(|code| is_area(&format!("{code:02}"))).count(), 67);
    }

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for text in ["ana@example.com", "ana.souza+oficina@mail.example.com.br", "josé@exemplo.com.br"] {
            assert_eq!(text.parse::<Email>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "ana@localhost",
            "ana@a..b",
            "a b@example.com",
            "a@b@example.com",
            "<ana@example.com>",
        ] {
            assert_eq!(text.parse::<Email>(), Err(NotAnEmail), "{text}");
        }
    }
}
