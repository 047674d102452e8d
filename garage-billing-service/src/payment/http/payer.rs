//! What the gateway must know of a payer beyond what the customer's record tells: an e-mail address where there is none,
//! and for a boleto where they live. It is for this attempt; the customer's record stays as it is.

use garage_kit::http::{Answer, Field, Fields, FromFields, read};
use utoipa::ToSchema;

use crate::gateway::Address;

/// What is told of a payer.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(as = Payer)]
pub(super) struct Told {
    /// Where the receipt goes; the customer's unless told.
    #[schema(format = "email", max_length = 254, example = "ana@example.com")]
    pub(super) email: Option<String>,
    /// CPF or CNPJ without punctuation; the customer's unless told.
    #[schema(min_length = 11, max_length = 14, example = "52998224725")]
    pub(super) document: Option<String>,
    /// Boletos need it (Banco Central).
    pub(super) address: Option<Address>,
}

impl FromFields for Told {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let email = fields.optional("email", email);
        let document = fields.optional("document", document);
        let address = fields.optional("address", read::object);
        Ok(Self { email: email?, document: document?, address: address? })
    }
}

impl FromFields for Address {
    fn from_fields(fields: &mut Fields<'_>) -> Answer<Self> {
        let zip_code = fields.required("zipCode", zip_code);
        let street = fields.required("street", read::text(1..=200));
        let number = fields.required("number", read::text(1..=20));
        let neighborhood = fields.required("neighborhood", read::text(1..=100));
        let city = fields.required("city", read::text(1..=100));
        let state = fields.required("state", state);
        Ok(Self {
            zip_code: zip_code?,
            street: street?,
            number: number?,
            neighborhood: neighborhood?,
            city: city?,
            state: state?,
        })
    }
}

/// As much as a machine can say: something, an at sign, a host with a dot.
fn email(field: Field<'_>) -> Answer<String> {
    let (field, text) = field.as_text()?;
    let plain = text.len() <= 254 && !text.contains(char::is_whitespace);
    let parts = text.split_once('@').filter(|(name, _)| plain && !name.is_empty());
    let is_address =
        parts.is_some_and(|(_, host)| !host.contains('@') && host.trim_matches('.').contains('.'));
    if is_address { Ok(text.to_owned()) } else { Err(field.refuse("must be an e-mail address")) }
}

/// Whether its check digits are right is for the gateway to say.
fn document(field: Field<'_>) -> Answer<String> {
    let (field, text) = field.as_text()?;
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    match text.len() {
        11 if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(text.to_owned()),
        14 if letters(text) => Ok(text.to_owned()),
        _ => Err(field
            .refuse("must be a CPF of 11 digits or a CNPJ of 14 digits or capitals, without punctuation")),
    }
}

fn zip_code(field: Field<'_>) -> Answer<String> {
    let (field, text) = field.as_text()?;
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let is_cep = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_cep { Ok(digits) } else { Err(field.refuse("must be a CEP of eight digits")) }
}

fn state(field: Field<'_>) -> Answer<String> {
    let (field, text) = field.as_text()?;
    let is_state = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_state {
        Ok(text.to_owned())
    } else {
        Err(field.refuse("must be a state's two letters, such as SP"))
    }
}
