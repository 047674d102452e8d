//! Customers' links: a work order, the day until which the link opens it, and a signature, in 43 characters that fit into
//! a message. Nothing is stored, so that every copy of the screens knows every link. Whoever has the link is the
//! customer, as with a key; what it opens shows no person.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use garage_events::WorkOrderId;
use hmac::Mac;
use secrecy::SecretString;
use uuid::Uuid;

use crate::key::Key;

/// How long a link opens its order.
const LIFETIME: TimeDelta = TimeDelta::days(90);
/// Of the signature's bytes: 112 bits, which nobody guesses.
const SIGNATURE: usize = 14;
const DAY: i64 = 86_400;

/// Makes links and reads them.
pub(crate) struct Links {
    key: Key,
}

impl Links {
    pub(crate) fn new(secret: &SecretString) -> Self {
        Self { key: Key::new("customers' links", secret) }
    }

    /// The link to an order. The same all day, so that a page may show it again.
    pub(crate) fn to(&self, order: WorkOrderId, now: DateTime<Utc>) -> String {
        let day = u16::try_from((now + LIFETIME).timestamp() / DAY).unwrap_or(u16::MAX);
        let mut bytes = order.0.as_bytes().to_vec();
        bytes.extend(day.to_be_bytes());
        let signature = self.key.mac(&bytes).finalize().into_bytes();
        bytes.extend(&signature[..SIGNATURE]);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The order that a link opens, unless it is none of ours or its time has passed.
    pub(crate) fn read(&self, code: &str, now: DateTime<Utc>) -> Option<WorkOrderId> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(code).ok()?;
        let (said, signature) = bytes.split_at_checked(18)?;
        if signature.len() != SIGNATURE {
            return None;
        }
        self.key.mac(said).verify_truncated_left(signature).ok()?;
        let (id, day) = said.split_at_checked(16)?;
        let day = u16::from_be_bytes(day.try_into().ok()?);
        let is_over = now.timestamp() / DAY > i64::from(day);
        (!is_over).then_some(WorkOrderId(Uuid::from_slice(id).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(secret: &str) -> Links {
        Links::new(&SecretString::from(secret.to_owned()))
    }

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(day * DAY, 0).unwrap()
    }

    const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

    #[test]
    fn a_link_opens_its_order_until_its_day_is_over() {
        let links = links("a secret that is long enough");
        let code = links.to(ORDER, at(20_000));
        assert_eq!(code.len(), 43);
        assert_eq!(links.read(&code, at(20_000)), Some(ORDER));
        assert_eq!(links.read(&code, at(20_090)), Some(ORDER));
        assert_eq!(links.read(&code, at(20_091)), None);
    }

    #[test]
    fn nobody_can_write_a_link() {
        let code = links("a secret that is long enough").to(ORDER, at(20_000));
        assert_eq!(links("another secret, as long").read(&code, at(20_000)), None);
        for place in 0..code.len() {
            let mut other = code.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            // The last character has bits that say nothing; decoding refuses any other spelling of them.
            assert_eq!(links("a secret that is long enough").read(&other, at(20_000)), None, "{other}");
        }
        for text in ["", "x", "AAAA", &code[..42], &format!("{code}A")] {
            assert_eq!(links("a secret that is long enough").read(text, at(20_000)), None, "{text}");
        }
    }
}
