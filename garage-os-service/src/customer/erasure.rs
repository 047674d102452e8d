//! The end of what the shop may know of a customer (LGPD art. 16 and 18, VI). What stays is a record without a person in
//! it: orders and cars go on referring to it, and it says who erased it, when and why. Pure.

use chrono::{DateTime, Utc};
use garage_events::Refusal;
use serde::{Deserialize, Serialize};

use super::{Customer, Profile, Who};
use crate::search::{folded, words};

/// Words of a name below this many letters (de, da, e) are everybody's.
const SHORTEST_NAME: usize = 3;

/// Who erased a customer, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// When the customer's own record was emptied.
    pub at: DateTime<Utc>,
    /// The subject of the token that asked for it.
    pub by: String,
    /// Why, in their words, which do not name the customer.
    pub reason: String,
    /// When the orders were done with, too; until then asking again goes on with it.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Customer {
    /// What is known of the end of what was known.
    #[must_use]
    pub const fn erasure(&self) -> Option<&Erasure> {
        match &self.who {
            Who::Profile(_) => None,
            Who::Erased(erasure) => Some(erasure),
        }
    }

    /// Empties the record. An erased one stays as it is: the first reason counts.
    ///
    /// # Errors
    /// When the reason, which stays, would name the customer.
    pub fn erase(self, by: &str, reason: &str, at: DateTime<Utc>) -> Result<Self, Refusal> {
        match self.profile() {
            None => Ok(self),
            Some(profile) if profile.is_named_in(reason) => {
                Err(Refusal::field("reason", "must not name the customer, as it stays"))
            }
            Some(_) => {
                let erasure =
                    Erasure { at, by: by.to_owned(), reason: reason.to_owned(), completed_at: None };
                Ok(Self { who: Who::Erased(erasure), updated_at: at, ..self })
            }
        }
    }

    /// Notes that nothing more is to be done.
    #[must_use]
    pub fn erased_wholly(self, at: DateTime<Utc>) -> Self {
        match self.who {
            Who::Erased(erasure) if erasure.completed_at.is_none() => {
                let erasure = Erasure { completed_at: Some(at), ..erasure };
                Self { who: Who::Erased(erasure), updated_at: at, ..self }
            }
            Who::Profile(_) | Who::Erased(_) => self,
        }
    }
}

impl Profile {
    /// Whether a text holds anything that tells who it is: a word of the name, the document, the address, the number.
    fn is_named_in(&self, text: &str) -> bool {
        let digits: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = words(&self.name);
        let names = words(text).iter().any(|word| word.len() >= SHORTEST_NAME && name.contains(word));
        let email = self.email.as_ref().is_some_and(|email| folded(text).contains(&folded(email.as_str())));
        let numbers = [self.document.as_str(), self.phone.as_str()];
        names || email || numbers.iter().any(|number| digits.contains(number))
    }
}

#[cfg(test)]
mod tests {
    use garage_events::CustomerId;

    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

    fn ana() -> Customer {
        called("Ana de Souza Conceição")
    }

    fn called(name: &str) -> Customer {
        let profile = Profile {
            name: name.to_owned(),
            document: "52998224725".parse().unwrap(),
            email: Some("ana@example.com".parse().unwrap()),
            phone: "11987654321".parse().unwrap(),
        };
        Customer::new(CustomerId(uuid::Uuid::from_u128(1)), profile, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn what_is_left_names_nobody_and_says_who_erased_it() {
        let erased = ana().erase("berta", "asked for by e-mail", AT).unwrap();
        let text = serde_json::to_string(&erased).unwrap();
        for theirs in ["Ana", "Souza", "52998224725", "example", "11987654321"] {
            assert!(!text.contains(theirs), "{theirs}: {text}");
        }
        let erasure = erased.erasure().unwrap();
        assert_eq!(
            (erasure.at, erasure.by.as_str(), erasure.reason.as_str()),
            (AT, "berta", "asked for by e-mail")
        );
        assert_eq!(serde_json::from_str::<Customer>(&text).unwrap(), erased);
    }

    #[test]
    fn the_first_erasure_counts_and_is_done_once() {
        let erased = ana().erase("berta", "asked for", AT).unwrap();
        assert_eq!(
            erased.clone().erase("carla", "again", AT + chrono::TimeDelta::days(1)),
            Ok(erased.clone())
        );
        let whole = erased.erased_wholly(AT);
        assert_eq!(whole.erasure().unwrap().completed_at, Some(AT));
        assert_eq!(whole.clone().erased_wholly(AT + chrono::TimeDelta::days(1)), whole);
        assert_eq!(ana().erased_wholly(AT), ana());
    }

    #[test]
    fn a_reason_that_names_the_customer_is_refused() {
        for reason in [
            "pedido de ANA",
            "Conceicao pediu",
            "CPF 529.982.247-25",
            "o titular (11) 98765-4321 ligou",
            "de Ana@Example.com",
        ] {
            let refused = ana().erase("berta", reason, AT);
            assert!(matches!(refused, Err(Refusal::Field { field: "reason", .. })), "{reason}");
        }
        assert!(ana().erase("berta", "pedido de semana passada, art. 18", AT).is_ok());
    }

    #[test]
    fn a_name_of_several_parts_is_found_by_each() {
        for (name, reason) in [
            ("Joana Sant'Anna", "Sant'Anna pediu"),
            ("Joana Sant'Anna", "a Sra. Anna pediu"),
            ("Ana-Maria Quixadá", "Ana Maria pediu"),
            ("Ana Maria Quixadá", "Ana-Maria pediu"),
        ] {
            assert!(called(name).erase("berta", reason, AT).is_err(), "{name}: {reason}");
        }
    }
}
