//! What a browser takes along on its way to the provider, in a cookie: a seed, until when, and where its owner wanted to
//! go, signed. State, nonce and PKCE's verifier follow from the seed and our key, so nothing is stored, every copy of the
//! screens knows every ticket, and whoever reads the cookie has none of the three. Pure.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::Mac;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::key::Key;

/// Enough to look for a second factor.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// A cookie has room for some four thousand characters.
const LONGEST_WAY: usize = 1000;

/// Makes tickets and reads them.
pub(super) struct Tickets {
    key: Key,
}

/// A question to the provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    seed: [u8; 32],
    /// Seconds since 1970.
    until: i64,
    /// Where they wanted to go.
    pub(crate) next: String,
    /// What the answer brings back.
    pub(super) state: String,
    /// What the ID token brings back.
    pub(super) nonce: String,
    /// PKCE's `code_verifier` (RFC 7636), which nobody sees before the code is changed.
    pub(super) verifier: String,
}

impl Ticket {
    /// PKCE's `code_challenge` by S256.
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    fn said(&self) -> String {
        let base64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        format!("{}.{}.{}", base64(&self.seed), self.until, base64(self.next.as_bytes()))
    }
}

impl Tickets {
    pub(super) fn new(secret: &SecretString) -> Self {
        Self { key: Key::new("questions to a provider", secret) }
    }

    /// A ticket from a seed that nobody has had before.
    pub(super) fn issue(&self, seed: [u8; 32], next: &str, now: DateTime<Utc>) -> Ticket {
        let next = if next.len() > LONGEST_WAY { "/" } else { next };
        self.ticket(seed, (now + LIFETIME).timestamp(), next.to_owned())
    }

    fn ticket(&self, seed: [u8; 32], until: i64, next: String) -> Ticket {
        let derived = |name: &str| {
            let said = [name.as_bytes(), b"\0", &seed].concat();
            BASE64_URL_SAFE_NO_PAD.encode(self.key.mac(&said).finalize().into_bytes())
        };
        let (state, nonce, verifier) = (derived("state"), derived("nonce"), derived("verifier"));
        Ticket { seed, until, next, state, nonce, verifier }
    }

    /// As a cookie holds it.
    pub(super) fn written(&self, ticket: &Ticket) -> String {
        let said = ticket.said();
        let signature = self.key.mac(said.as_bytes()).finalize().into_bytes();
        format!("{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }

    /// The ticket in a cookie, unless it is none of ours or its time has passed.
    pub(super) fn read(&self, text: &str, now: DateTime<Utc>) -> Option<Ticket> {
        let bytes = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let (said, signature) = text.rsplit_once('.')?;
        self.key.mac(said.as_bytes()).verify_slice(&bytes(signature)?).ok()?;
        let mut parts = said.split('.');
        let seed = bytes(parts.next()?)?.try_into().ok()?;
        let until = parts.next()?.parse().ok()?;
        let next = String::from_utf8(bytes(parts.next()?)?).ok()?;
        (now.timestamp() < until).then(|| self.ticket(seed, until, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(secret: &str) -> Tickets {
        Tickets::new(&SecretString::from(secret.to_owned()))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_ticket_is_read_as_it_was_written_until_its_time_is_over() {
        let tickets = tickets("a secret that is long enough");
        let ticket = tickets.issue([7; 32], "/orders/1?x=ç", at(0));
        let cookie = tickets.written(&ticket);
        assert_eq!(tickets.read(&cookie, at(599)), Some(ticket));
        assert_eq!(tickets.read(&cookie, at(600)), None);
    }

    #[test]
    fn nobody_can_write_a_ticket_or_read_the_verifier_from_one() {
        let ours = tickets("a secret that is long enough");
        let ticket = ours.issue([7; 32], "/", at(0));
        let cookie = ours.written(&ticket);
        assert_eq!(tickets("another secret, as long").read(&cookie, at(0)), None);
        for place in 0..cookie.len() {
            let mut other = cookie.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(ours.read(&String::from_utf8(other).unwrap(), at(0)), None, "at {place}");
        }
        for text in ["", ".", "..", "...", "a.b.c.d"] {
            assert_eq!(ours.read(text, at(0)), None, "{text}");
        }
        let derived = [&ticket.state, &ticket.nonce, &ticket.verifier];
        assert!(derived.iter().all(|value| !cookie.contains(value.as_str()) && value.len() == 43));
        assert!(ticket.state != ticket.nonce && ticket.nonce != ticket.verifier);
    }

    #[test]
    fn a_challenge_is_the_one_of_the_rfc_s_example() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let ticket = Ticket { verifier, ..tickets("any secret will do here").issue([1; 32], "/", at(0)) };
        assert_eq!(ticket.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_way_too_long_for_a_cookie_leads_to_the_start() {
        let ticket = tickets("any secret will do here").issue([1; 32], &"/a".repeat(600), at(0));
        assert_eq!(ticket.next, "/");
    }
}
