//! Whether a webhook is the provider's, and fresh enough to be looked into (its developer site: Webhooks, validate
//! origin). What is signed are the payment's id, the request's and a time, and nothing else: so a webhook is only a hint
//! to ask. Pure; the time is an argument.

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) mod http;
mod replays;

/// How old a notification may be. The provider repeats one for days and does not say whether the repeats are signed
/// anew, so a narrow window would refuse genuine ones; what an old one can do is to make us ask once.
const OLDEST: TimeDelta = TimeDelta::days(7);
/// How far the provider's clock may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(15);
/// A time beyond this is in milliseconds; both are seen in the provider's samples.
const MILLISECONDS: i64 = 100_000_000_000;

/// What of a notification is signed, as it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notification<'a> {
    /// `data.id` of the query: the payment's id at the provider.
    pub data_id: Option<&'a str>,
    /// The header `x-request-id`.
    pub request_id: Option<&'a str>,
    /// The header `x-signature`: `ts=<number>,v1=<64 hex digits>`.
    pub signature: Option<&'a str>,
}

/// Why a notification is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It has no signature.
    #[error("the webhook is not signed: x-signature is missing")]
    Unsigned,
    /// Its signature does not read.
    #[error("x-signature must read ts=<number>,v1=<64 hexadecimal digits>")]
    Unreadable,
    /// Its signature is not of our secret.
    #[error("the signature is not right")]
    Wrong,
    /// It is too old, or from the future.
    #[error("the webhook was signed at another time")]
    Untimely,
}

impl<'a> Notification<'a> {
    /// Checks that the holder of `secret` signed it, not long ago.
    ///
    /// # Errors
    /// Why it is not believed. The time is looked at last, so that only the provider learns of it.
    pub fn verify(&self, secret: &[u8], now: DateTime<Utc>) -> Result<(), Distrust> {
        let (ts, v1) = parts(self.signature.ok_or(Distrust::Unsigned)?).ok_or(Distrust::Unreadable)?;
        let signed = hex::decode(v1).map_err(|_| Distrust::Unreadable)?;
        // Of any length, as HMAC takes every key; compared in constant time.
        mac(secret, &self.manifest(ts)).verify_slice(&signed).map_err(|_| Distrust::Wrong)?;
        let age = now - moment(ts).ok_or(Distrust::Unreadable)?;
        if (-AHEAD..=OLDEST).contains(&age) { Ok(()) } else { Err(Distrust::Untimely) }
    }

    /// What tells it from every other, however it is written.
    pub(crate) fn seal(&self) -> Option<String> {
        Some(parts(self.signature?)?.1.to_lowercase())
    }

    /// What is signed. Pairs without a value are left out whole; ids of letters count in lower case; the time goes in as
    /// it came.
    fn manifest(&self, ts: &str) -> String {
        let id = self.data_id.map(|id| format!("id:{};", id.to_lowercase())).unwrap_or_default();
        let request = self.request_id.map(|id| format!("request-id:{id};")).unwrap_or_default();
        format!("{id}{request}ts:{ts};")
    }
}

/// The header `x-signature` of a notification, as the provider makes it.
#[must_use]
pub fn sign(secret: &[u8], data_id: &str, request_id: &str, at: DateTime<Utc>) -> String {
    let ts = at.timestamp_millis().to_string();
    let told = Notification { data_id: Some(data_id), request_id: Some(request_id), signature: None };
    let signed = mac(secret, &told.manifest(&ts)).finalize().into_bytes();
    format!("ts={ts},v1={}", hex::encode(signed))
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn mac(secret: &[u8], manifest: &str) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(secret).expect("any key will do").chain_update(manifest)
}

/// The time and the signature, in any order, each once.
fn parts(header: &str) -> Option<(&str, &str)> {
    let value = |name: &str| {
        let mut found = header.split(',').filter_map(|part| part.trim().split_once('='));
        let mut found = found.by_ref().filter(|(known, _)| known.trim() == name);
        found.next().map(|(_, value)| value.trim()).filter(|_| found.next().is_none())
    };
    let (ts, v1) = (value("ts")?, value("v1")?);
    let is_time = (1..=16).contains(&ts.len()) && ts.bytes().all(|byte| byte.is_ascii_digit());
    (is_time && v1.len() == 64).then_some((ts, v1))
}

fn moment(ts: &str) -> Option<DateTime<Utc>> {
    let ts: i64 = ts.parse().ok()?;
    if ts > MILLISECONDS { DateTime::from_timestamp_millis(ts) } else { DateTime::from_timestamp(ts, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"test-secret";

    fn told<'a>(
        data_id: Option<&'a str>,
        request_id: Option<&'a str>,
        signature: &'a str,
    ) -> Notification<'a> {
        Notification { data_id, request_id, signature: Some(signature) }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    /// Computed by another program from the provider's description.
    #[test]
    fn the_provider_s_signatures_are_known() {
        let payment = "ts=1704908010,v1=e08ff33b98f89e74886f5ba25c6678c36f4399b230464bdf2444570c56289537";
        let order = "ts=1742505638683,v1=9dafe2e2f932d1c869904bde0cc517497ff6297a068a06545975648bf1a6b95e";
        let bare = "ts=1704908010,v1=a9169cce8d061b7fdc681944c4ace922f52dbe87cdc87e7ebad98b6d1997f159";
        let request = "bb56a2f1-6aae-46ac-982e-9dcd3581d08e";
        let id = "ORD01HRYFWNYRE1MR1E60MW3X0T2P";
        for (notification, now) in [
            (told(Some("999999999"), Some("abc123"), payment), at(1_704_908_010)),
            (told(Some(id), Some(request), order), at(1_742_505_638)),
            (told(Some("999999999"), None, bare), at(1_704_908_010)),
        ] {
            assert_eq!(notification.verify(SECRET, now), Ok(()), "{notification:?}");
            assert_eq!(notification.verify(b"another secret", now), Err(Distrust::Wrong));
        }
        let spaced = payment.replace(',', " , ");
        assert_eq!(
            told(Some("999999999"), Some("abc123"), &spaced).verify(SECRET, at(1_704_908_010)),
            Ok(())
        );
    }

    #[test]
    fn what_was_signed_for_one_payment_is_worth_nothing_for_another() {
        let now = at(1_704_908_010);
        let signature = sign(SECRET, "1", "abc", now);
        assert_eq!(told(Some("1"), Some("abc"), &signature).verify(SECRET, now), Ok(()));
        for other in [
            told(Some("2"), Some("abc"), &signature),
            told(Some("1"), Some("abd"), &signature),
            told(Some("1"), None, &signature),
            told(None, Some("abc"), &signature),
        ] {
            assert_eq!(other.verify(SECRET, now), Err(Distrust::Wrong), "{other:?}");
        }
        let later = signature.replacen("ts=1", "ts=2", 1);
        assert_eq!(told(Some("1"), Some("abc"), &later).verify(SECRET, now), Err(Distrust::Wrong));
    }

    #[test]
    fn a_signature_that_does_not_read_is_none() {
        let zeros = "0".repeat(64);
        assert_eq!(Notification::default().verify(SECRET, at(0)), Err(Distrust::Unsigned));
        for broken in [
            String::new(),
            "v1".to_owned(),
            format!("v1={zeros}"),
            "ts=1704908010".to_owned(),
            "ts=1704908010,v1=".to_owned(),
            format!("ts=1704908010,v1={}", "0".repeat(63)),
            format!("ts=1704908010,v1={}", "g".repeat(64)),
            format!("ts=-1,v1={zeros}"),
            format!("ts=17049080100000000,v1={zeros}"),
            format!("ts=1,ts=2,v1={zeros}"),
            format!("ts=1704908010,v1={zeros},v1={zeros}"),
        ] {
            let found = told(Some("1"), None, &broken).verify(SECRET, at(0));
            assert_eq!(found, Err(Distrust::Unreadable), "{broken}");
        }
        let wrong = format!("ts=1704908010,v1={zeros}");
        assert_eq!(told(Some("1"), None, &wrong).verify(SECRET, at(0)), Err(Distrust::Wrong));
    }

    #[test]
    fn a_repeat_days_later_is_believed_and_one_of_last_month_is_not() {
        let signed_at = at(1_704_908_010);
        let signature = sign(SECRET, "1", "abc", signed_at);
        let verify = |now| told(Some("1"), Some("abc"), &signature).verify(SECRET, now);
        for near in [TimeDelta::zero(), TimeDelta::days(4), OLDEST, -AHEAD] {
            assert_eq!(verify(signed_at + near), Ok(()), "{near}");
        }
        for far in [OLDEST + TimeDelta::seconds(1), TimeDelta::days(30), -AHEAD - TimeDelta::seconds(1)] {
            assert_eq!(verify(signed_at + far), Err(Distrust::Untimely), "{far}");
        }
    }
}
