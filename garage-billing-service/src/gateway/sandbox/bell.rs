//! The sandbox's webhooks: like the provider it tells that something became of a payment, signed, perhaps more than once,
//! and again later when nobody took it. What it has not told when its process ends it never tells: who was told nothing
//! must ask anyway.

use std::{sync::Arc, time::Duration};

use chrono::SecondsFormat;
use garage_kit::clock::Clock;
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::sleep};

use super::ledger::Entry;
use crate::webhook::sign;

/// How long whoever is told may take, by the provider's word.
const PATIENCE: Duration = Duration::from_secs(22);
/// After how long it is told again to whoever did not take it.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(300)];
/// Calls under way at once.
const AT_ONCE: usize = 16;

/// Whom the sandbox tells what becomes of payments.
#[derive(Clone)]
pub struct Bell {
    http: Client,
    address: Option<Url>,
    secret: SecretString,
    copies: u32,
    for_people_alone: bool,
    clock: Clock,
    free: Arc<Semaphore>,
}

impl Bell {
    /// Rings at `address`, or where a payment says, with this secret; `copies` times each.
    ///
    /// # Errors
    /// When no client for it can be made.
    pub fn new(
        address: Option<Url>,
        secret: SecretString,
        copies: u32,
        clock: Clock,
    ) -> Result<Self, reqwest::Error> {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(PATIENCE);
        let free = Arc::new(Semaphore::new(AT_ONCE));
        Ok(Self { http: http.build()?, address, secret, copies, for_people_alone: false, clock, free })
    }

    /// Only of what people and banks do. What a seller in the same process has asked for it knows.
    #[must_use]
    pub fn for_people_alone(self) -> Self {
        Self { for_people_alone: true, ..self }
    }

    /// Tells of what the seller has asked for.
    pub(super) fn ring_for_the_seller(&self, entry: &Entry) {
        if !self.for_people_alone {
            self.ring(entry);
        }
    }

    /// Tells that something became of this payment, in its own time.
    pub(super) fn ring(&self, entry: &Entry) {
        let told = entry.request.notification_url.as_deref().and_then(|url| url.parse().ok());
        let Some(address) = told.or_else(|| self.address.clone()) else { return };
        let notification = Arc::new(Notification::of(entry, address, self));
        for _ in 0..self.copies {
            tokio::spawn(self.clone().deliver(notification.clone()));
        }
    }

    async fn deliver(self, notification: Arc<Notification>) {
        for pause in AGAIN {
            if self.is_taken(&notification).await {
                return;
            }
            sleep(pause).await;
        }
        tracing::warn!(url = %notification.url, "nobody takes this webhook; it is told no more");
    }

    /// 200 and 201 are the provider's two good answers.
    async fn is_taken(&self, notification: &Notification) -> bool {
        let _free = self.free.acquire().await;
        let call = self.http.post(notification.url.clone()).json(&notification.body);
        let call = call.header("x-signature", &notification.signature);
        match call.header("x-request-id", &notification.request_id).send().await {
            Ok(answer) => [StatusCode::OK, StatusCode::CREATED].contains(&answer.status()),
            Err(_) => false,
        }
    }
}

/// One notification; its repeats are the same.
struct Notification {
    url: Url,
    request_id: String,
    signature: String,
    body: Value,
}

impl Notification {
    fn of(entry: &Entry, mut url: Url, bell: &Bell) -> Self {
        let (number, request_id) = (entry.number.to_string(), bell.clock.event_id().to_string());
        url.query_pairs_mut().append_pair("data.id", &number).append_pair("type", "payment");
        let now = bell.clock.now();
        let is_new = entry.updated_at == entry.created_at;
        let body = json!({
            "id": u64::try_from(now.timestamp_micros()).unwrap_or_default(),
            "live_mode": false,
            "type": "payment",
            "date_created": now.to_rfc3339_opts(SecondsFormat::Secs, true),
            "user_id": 1,
            "api_version": "v1",
            "action": if is_new { "payment.created" } else { "payment.updated" },
            "data": { "id": number },
        });
        let signature = sign(bell.secret.expose_secret().as_bytes(), &number, &request_id, now);
        Self { url, request_id, signature, body }
    }
}
