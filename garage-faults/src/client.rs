//! A client that does not give up: what brought no answer it sends again, under the same key, to another copy of the
//! service; and it goes by what it sees.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{gateway::TOKEN, replica::At, world::SECRET};

/// Before it asks another copy.
const ANSWER: Duration = Duration::from_secs(4);
/// The pauses between two looks: first, and at most.
const LOOK: [Duration; 2] = [Duration::from_millis(25), Duration::from_millis(400)];

/// The client. Whoever has it shares its turn among the copies.
pub struct Stubborn {
    urls: [Vec<String>; 3],
    turn: AtomicUsize,
    token: String,
    http: Client,
    gateway: String,
    /// Who pays at once, and who takes his time.
    pub guests: [Guest; 2],
    /// What every car needs.
    pub part: Value,
    /// How long it goes on.
    pub patience: Duration,
}

/// A customer with his car.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// As OS knows it.
    pub customer: Value,
    /// His.
    pub vehicle: Value,
}

/// How many of the part that every car needs are on the shelf in the beginning.
pub const ON_THE_SHELF: i64 = 1_000_000;
/// Names, documents and plates of the guests. The gateway knows by the name who takes his time.
const GUESTS: [[&str; 3]; 2] =
    [["Ana Souza", "52998224725", "ABC1D23"], ["CONT Oliveira", "11144477735", "DEF4G56"]];

/// An answer that is one, whatever it says.
pub type Answer = (StatusCode, Value);

impl Stubborn {
    /// A client of these copies and of the gateway at this address, with the guests taken in and the shelf filled.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn new(urls: [Vec<String>; 3], gateway: String, patience: Duration) -> Result<Self> {
        // Longer than a clock may be wrong.
        let grant = Grant::new("faults", &["attendant", "technician", "manager"], TimeDelta::days(60));
        let token = sign(&SECRET.to_owned().into(), &grant, &Clock::system())?;
        let http = Client::builder().no_proxy().timeout(ANSWER).connect_timeout(ANSWER / 4).build()?;
        let (turn, guests, part) = (AtomicUsize::new(0), Default::default(), Value::Null);
        let mut client = Self { urls, turn, token, http, gateway, guests, part, patience };
        let pads = json!({ "name": "Brake pads", "partNumber": "PAD-1", "price": 80, "stockQuantity": ON_THE_SHELF });
        client.part = client.make(At::Billing, "/parts", "pads", pads).await?;
        for (number, guest) in GUESTS.into_iter().enumerate() {
            client.guests[number] = client.take_in(guest).await?;
        }
        Ok(client)
    }

    async fn take_in(&self, [name, document, plate]: [&str; 3]) -> Result<Guest> {
        let customer = json!({ "name": name, "personType": "INDIVIDUAL", "document": document,
            "phone": "11987654321", "email": "ana@example.com" });
        let customer = self.make(At::Os, "/customers", document, customer).await?;
        let vehicle = json!({ "plate": plate, "brand": "Toyota", "model": "Corolla", "year": 2024,
            "customerId": customer["id"] });
        let vehicle = self.make(At::Os, "/vehicles", plate, vehicle).await?;
        Ok(Guest { customer, vehicle })
    }

    /// The same client with another patience.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self {
            urls: self.urls.clone(),
            turn: AtomicUsize::new(0),
            token: self.token.clone(),
            http: self.http.clone(),
            gateway: self.gateway.clone(),
            guests: self.guests.clone(),
            part: self.part.clone(),
            patience,
        }
    }

    fn url(&self, at: At, path: &str) -> String {
        let copies = &self.urls[at as usize];
        format!("{}{path}", copies[self.turn.fetch_add(1, Ordering::Relaxed) % copies.len()])
    }

    /// The first answer that is one.
    ///
    /// # Errors
    /// When there is none for too long.
    pub async fn ask(
        &self,
        at: At,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let (deadline, mut pause) = (Instant::now() + self.patience, LOOK[0]);
        loop {
            let mut request = self.http.request(method.clone(), self.url(at, path)).bearer_auth(&self.token);
            if let Some(key) = key {
                request = request.header("Idempotency-Key", key);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Ok(answer) = request.send().await
                && !answer.status().is_server_error()
            {
                let status = answer.status();
                if let Ok(text) = answer.text().await {
                    return Ok((status, serde_json::from_str(&text).unwrap_or_default()));
                }
            }
            ensure!(Instant::now() < deadline, "{method} {path} was never answered");
            sleep(pause).await;
            pause = (pause * 2).min(LOOK[1]);
        }
    }

    /// The payer pays, past the shop; unless the payment waits no more.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn pay_at_the_bank(&self, payment: &Value) -> Result<()> {
        let number = text(payment, "mercadoPagoPaymentId")?;
        let url = format!("{}/sandbox/payments/{number}/approve", self.gateway);
        self.http.post(url).bearer_auth(TOKEN).send().await.map(drop).context("the bank")
    }

    /// Makes something that must be accepted.
    ///
    /// # Errors
    /// When it is not.
    pub async fn make(&self, at: At, path: &str, key: &str, body: Value) -> Result<Value> {
        let (status, answer) = self.ask(at, Method::POST, path, Some(key), Some(&body)).await?;
        ensure!(status.is_success(), "POST {path}: {status} {answer}");
        Ok(answer)
    }

    /// Looks until it sees what it waits for.
    ///
    /// # Errors
    /// When it does not for too long.
    pub async fn see(&self, at: At, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let (deadline, mut pause) = (Instant::now() + self.patience, LOOK[0]);
        loop {
            let (status, seen) = self.ask(at, Method::GET, path, None, None).await?;
            if status.is_success() && wanted(&seen) {
                return Ok(seen);
            }
            ensure!(Instant::now() < deadline, "{path} stays {status} {seen}");
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LOOK[1]);
        }
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// When a page does not come.
    pub async fn all(&self, at: At, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut next) = (Vec::new(), Some(format!("{path}?limit=200")));
        while let Some(page) = next {
            let answer = self.http.get(self.url(at, &page)).timeout(Duration::from_secs(30));
            let answer = answer.bearer_auth(&self.token).send().await?.error_for_status()?;
            let link = answer.headers().get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
            next = link.and_then(|link| Some(link.split('<').nth(1)?.split('>').next()?.to_owned()));
            items.extend(answer.json::<Vec<Value>>().await?);
        }
        Ok(items)
    }
}

/// A field that must be text.
///
/// # Errors
/// When it is not.
pub fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("an answer without `{field}`: {value}"))
}
