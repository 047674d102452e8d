//! The customer: whose car it is and who pays. Pure. That a document belongs to one customer only, that a customer with
//! vehicles or orders stays, and that nobody is erased who has an open order, hold in the store.

use chrono::{DateTime, Utc};
use garage_events::{
    CustomerId, Refusal,
    event::{Payer, reason::ERASED},
};
use serde::{Deserialize, Serialize};

use crate::{
    contact::{Email, Phone},
    document::{Document, Kind},
    search::findable,
};

mod erasure;
pub mod http;

pub use erasure::Erasure;

/// A customer of the shop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When something was last changed.
    pub updated_at: DateTime<Utc>,
    /// Who it is.
    #[serde(flatten)]
    pub who: Who,
}

/// Who a customer is, as far as the shop may know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Somebody.
    Profile(Profile),
    /// Nobody any more: what is left for orders and cars to refer to, and for the audit.
    Erased(Erasure),
}

/// What people write down of a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Full name.
    pub name: String,
    /// CPF or CNPJ; which of them says what the customer is.
    pub document: Document,
    /// For receipts.
    pub email: Option<Email>,
    /// For everything else.
    pub phone: Phone,
}

/// What a customer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PersonType {
    /// A person, with a CPF.
    Individual,
    /// A company, with a CNPJ.
    Company,
}

/// What is to be changed; `None` leaves as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Another name.
    pub name: Option<String>,
    /// What the customer is said to be.
    pub person_type: Option<PersonType>,
    /// Another document.
    pub document: Option<Document>,
    /// Another address, or none.
    pub email: Option<Option<Email>>,
    /// Another number.
    pub phone: Option<Phone>,
}

impl PersonType {
    /// What the owner of a document is.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        match document.kind() {
            Kind::Cpf => Self::Individual,
            Kind::Cnpj => Self::Company,
        }
    }

    /// What is wrong with `document` for this type, if anything.
    #[must_use]
    pub fn objection(self, document: &Document) -> Option<&'static str> {
        match self {
            _ if Self::of(document) == self => None,
            Self::Individual => Some("must be a CPF, as personType is INDIVIDUAL"),
            Self::Company => Some("must be a CNPJ, as personType is COMPANY"),
        }
    }
}

impl Customer {
    /// A new customer.
    #[must_use]
    pub const fn new(id: CustomerId, profile: Profile, at: DateTime<Utc>) -> Self {
        Self { id, created_at: at, updated_at: at, who: Who::Profile(profile) }
    }

    /// What is written down of the customer; nothing once it is erased.
    #[must_use]
    pub const fn profile(&self) -> Option<&Profile> {
        match &self.who {
            Who::Profile(profile) => Some(profile),
            Who::Erased(_) => None,
        }
    }

    /// Changes what is written down.
    ///
    /// # Errors
    /// When document and type would not fit each other any more: a person becomes a company only by saying so. Once the
    /// customer is erased.
    pub fn edit(self, changes: Changes, at: DateTime<Utc>) -> Result<Self, Refusal> {
        let Some(known) = self.profile() else {
            return Err(Refusal::state("changing", "customer", ERASED));
        };
        let person_type = changes.person_type.unwrap_or(known.person_type());
        let profile = Profile {
            name: changes.name.unwrap_or_else(|| known.name.clone()),
            document: changes.document.unwrap_or_else(|| known.document.clone()),
            email: changes.email.unwrap_or_else(|| known.email.clone()),
            phone: changes.phone.unwrap_or_else(|| known.phone.clone()),
        };
        match person_type.objection(&profile.document) {
            Some(objection) => Err(Refusal::field("document", objection)),
            None if profile == *known => Ok(self),
            None => Ok(Self { who: Who::Profile(profile), updated_at: at, ..self }),
        }
    }
}

impl Profile {
    /// What the customer is.
    #[must_use]
    pub fn person_type(&self) -> PersonType {
        PersonType::of(&self.document)
    }

    /// The customer as Billing's gateway wants to know who pays.
    #[must_use]
    pub fn payer(&self) -> Payer {
        Payer {
            name: self.name.clone(),
            email: self.email.as_ref().map(|email| email.as_str().to_owned()),
            document: Some(self.document.as_str().to_owned()),
        }
    }

    /// What the desk finds the customer by.
    #[must_use]
    pub fn findable(&self) -> String {
        findable(self.parts())
    }

    /// Everything that tells who it is.
    fn parts(&self) -> [&str; 4] {
        let email = self.email.as_ref().map_or("", Email::as_str);
        [self.name.as_str(), self.document.as_str(), email, self.phone.as_str()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ana() -> Customer {
        let profile = Profile {
            name: "Ana Souza".to_owned(),
            document: "52998224725".parse().unwrap(),
            email: Some("ana@example.com".parse().unwrap()),
            phone: "11987654321".parse().unwrap(),
        };
        Customer::new(CustomerId(uuid::Uuid::from_u128(1)), profile, DateTime::UNIX_EPOCH)
    }

    fn later() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1)
    }

    #[test]
    fn a_customer_is_what_the_document_says() {
        assert_eq!(ana().profile().unwrap().person_type(), PersonType::Individual);
        assert_eq!(PersonType::of(&"12ABC34501DE35".parse().unwrap()), PersonType::Company);
    }

    #[test]
    fn what_is_not_named_stays_and_an_address_can_be_taken_away() {
        let changed = ana().edit(Changes { email: Some(None), ..Changes::default() }, later()).unwrap();
        assert_eq!(changed.profile(), Some(&Profile { email: None, ..ana().profile().unwrap().clone() }));
        assert_eq!((changed.created_at, changed.updated_at), (DateTime::UNIX_EPOCH, later()));
    }

    #[test]
    fn an_edit_that_changes_nothing_leaves_no_trace() {
        let same = Changes { name: Some("Ana Souza".to_owned()), ..Changes::default() };
        assert_eq!(ana().edit(same, later()), Ok(ana()));
    }

    #[test]
    fn a_person_becomes_a_company_only_by_saying_so() {
        let cnpj = Changes { document: Some("11444777000161".parse().unwrap()), ..Changes::default() };
        assert!(matches!(ana().edit(cnpj.clone(), later()), Err(Refusal::Field { field: "document", .. })));
        let said = Changes { person_type: Some(PersonType::Company), ..cnpj };
        let edited = ana().edit(said, later()).unwrap();
        assert_eq!(edited.profile().unwrap().person_type(), PersonType::Company);
        let type_alone = Changes { person_type: Some(PersonType::Company), ..Changes::default() };
        assert!(ana().edit(type_alone, later()).is_err());
    }

    #[test]
    fn the_payer_is_the_customer() {
        let Payer { name, email, document } = ana().profile().unwrap().payer();
        assert_eq!(
            (name.as_str(), email.as_deref(), document.as_deref()),
            ("Ana Souza", Some("ana@example.com"), Some("52998224725"))
        );
    }
}
