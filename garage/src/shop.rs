//! A client of the three services, for the demo, the operator's commands and the stories: plain HTTP as any
//! front end would speak it. It waits for what it expects to see and says what it saw instead.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, Response, StatusCode, header::LINK};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long something that must come may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// The three services, and a token that may do everything.
#[derive(Clone)]
pub struct Shop {
    /// Base URLs of OS, Billing and Execution, in this order.
    pub urls: [String; 3],
    token: String,
    client: Client,
}

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The OS Service.
    Os = 0,
    /// Billing.
    Billing = 1,
    /// Execution.
    Execution = 2,
}

/// An answer that is not what was asked for.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body; null when it was none or no JSON.
    pub body: Value,
    /// Where a list goes on.
    pub next: Option<String>,
}

/// A car that is in the shop.
#[derive(Clone, Debug)]
pub struct Car {
    /// The work order's id.
    pub order: String,
    /// The customer's id.
    pub customer: String,
}

impl Shop {
    /// Services at these addresses.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(urls: [String; 3], token: String) -> Result<Self> {
        let client =
            Client::builder().no_proxy().timeout(PATIENCE).build().context("making an HTTP client")?;
        let urls = urls.map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self { urls, token, client })
    }

    /// Asks, whatever the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, at: At, method: Method, path: &str, body: Option<Value>) -> Result<Reply> {
        let url = format!("{}{path}", self.urls[at as usize]);
        let mut request = self.client.request(method.clone(), &url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer =
            request.send().await.with_context(|| format!("{method} {url}: is the service running there?"))?;
        Self::reply(answer).await
    }

    async fn reply(answer: Response) -> Result<Reply> {
        let status = answer.status();
        let link = answer.headers().get(LINK).and_then(|link| link.to_str().ok());
        let next = link.and_then(|link| Some(link.strip_prefix('<')?.split_once('>')?.0.to_owned()));
        let text = answer.text().await.context("an answer broke off")?;
        Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), next })
    }

    async fn must(&self, at: At, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let reply = self.ask(at, method.clone(), path, body).await?;
        ensure!(reply.status.is_success(), "{method} {path}: {} {}", reply.status, reply.body);
        Ok(reply.body)
    }

    /// Reads something that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn get(&self, at: At, path: &str) -> Result<Value> {
        self.must(at, Method::GET, path, None).await
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// When a page is refused.
    pub async fn all(&self, at: At, path: &str) -> Result<Vec<Value>> {
        let (mut items, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let (page, further) = self.page(at, &path).await?;
            items.extend(page);
            next = further;
        }
        Ok(items)
    }

    /// Reads a page of a list; what it holds, and the way to the next.
    ///
    /// # Errors
    /// When it is refused, or is no list.
    pub async fn page(&self, at: At, path: &str) -> Result<(Vec<Value>, Option<String>)> {
        let reply = self.ask(at, Method::GET, path, None).await?;
        ensure!(reply.status.is_success(), "GET {path}: {} {}", reply.status, reply.body);
        Ok((reply.body.as_array().cloned().context("a list must be a list")?, reply.next))
    }

    /// Sends something that must be accepted.
    ///
    /// # Errors
    /// When it is not.
    pub async fn post(&self, at: At, path: &str, body: Value) -> Result<Value> {
        self.must(at, Method::POST, path, Some(body)).await
    }

    /// Takes a car in: a customer of this name, a vehicle, an order.
    ///
    /// # Errors
    /// When one of them is refused.
    pub async fn take_in(&self, name: &str, number: u64) -> Result<Car> {
        let customer = json!({ "name": name, "personType": "INDIVIDUAL", "document": cpf(number), "phone": "11987654321",
            "email": "customer@example.com" });
        let customer = self.post(At::Os, "/customers", customer).await?;
        let vehicle = json!({ "plate": plate(number), "brand": "Toyota", "model": "Corolla", "year": 2024,
            "customerId": customer["id"] });
        let vehicle = self.post(At::Os, "/vehicles", vehicle).await?;
        let order = json!({ "customerId": customer["id"], "vehicleId": vehicle["id"], "description": "Brakes squeal",
            "estimatedCost": 350.9 });
        let order = self.post(At::Os, "/work-orders", order).await?;
        Ok(Car { order: text(&order, "id")?, customer: text(&customer, "id")? })
    }

    /// Waits until the thing at `path` is there and `found` says yes to it.
    ///
    /// # Errors
    /// With what was seen last, after thirty seconds.
    pub async fn wait_for(
        &self,
        at: At,
        path: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let (deadline, mut pause) = (Instant::now() + PATIENCE, Duration::from_millis(2));
        loop {
            let reply = self.ask(at, Method::GET, path, None).await?;
            if reply.status.is_success() && found(&reply.body) {
                return Ok(reply.body);
            }
            if Instant::now() > deadline {
                bail!("{path} never became {what}; it is {} {}", reply.status, reply.body);
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Waits until the service answers at all, and says with what.
    ///
    /// # Errors
    /// When it does not answer within thirty seconds.
    pub async fn wait_for_status(&self, at: At, path: &str) -> Result<StatusCode> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.ask(at, Method::GET, path, None).await {
                Ok(reply) => return Ok(reply.status),
                Err(cause) if Instant::now() > deadline => return Err(cause),
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until the order has this status.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn order_is(&self, car: &Car, status: &str) -> Result<Value> {
        self.wait_for(At::Os, &format!("/work-orders/{}", car.order), status, |order| {
            order["status"] == status
        })
        .await
    }

    /// Waits until there is a quote with this status.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn quote_is(&self, car: &Car, status: &str) -> Result<Value> {
        let path = format!("/quotes/work-order/{}", car.order);
        self.wait_for(At::Billing, &path, status, |quote| quote["status"] == status).await
    }

    /// Waits until the job has this status.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn job_is(&self, car: &Car, status: &str) -> Result<Value> {
        let path = format!("/executions/work-order/{}", car.order);
        self.wait_for(At::Execution, &path, status, |job| job["status"] == status).await
    }

    /// The customer's word on the quote: `approve`, `reject`; or the desk's `send`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn quote(&self, car: &Car, word: &str) -> Result<Value> {
        let quote = self
            .wait_for(At::Billing, &format!("/quotes/work-order/{}", car.order), "there", |_| true)
            .await?;
        self.must(At::Billing, Method::PUT, &format!("/quotes/{}/{word}", text(&quote, "id")?), None).await
    }

    /// Pays the quote by PIX, whatever comes of it.
    ///
    /// # Errors
    /// When there is no quote or no answer.
    pub async fn pay(&self, car: &Car) -> Result<Reply> {
        self.tender(car, json!({ "paymentMethod": "PIX" })).await
    }

    /// Pays the quote by card. As in the provider's test data the holder's name decides; the sandbox takes
    /// that name for the card's token.
    ///
    /// # Errors
    /// When there is no quote or no answer.
    pub async fn pay_by_card(&self, car: &Car, holder: &str) -> Result<Reply> {
        self.tender(car, json!({ "paymentMethod": "CREDIT_CARD", "token": holder, "cardBrand": "master", "installments": 1 })).await
    }

    async fn tender(&self, car: &Car, mut tender: Value) -> Result<Reply> {
        let quote = self.get(At::Billing, &format!("/quotes/work-order/{}", car.order)).await?;
        tender["quoteId"] = quote["id"].clone();
        tender["workOrderId"] = json!(car.order);
        tender["customerId"] = json!(car.customer);
        tender["amount"] = quote["totalAmount"].clone();
        self.ask(At::Billing, Method::POST, "/payments", Some(tender)).await
    }

    /// Every attempt to pay, oldest first.
    ///
    /// # Errors
    /// When Billing does not answer.
    pub async fn payments(&self, car: &Car) -> Result<Vec<Value>> {
        let payments = self.get(At::Billing, &format!("/payments/work-order/{}", car.order)).await?;
        payments.as_array().cloned().context("payments must be a list")
    }

    /// Waits until the last attempt to pay has this status.
    ///
    /// # Errors
    /// As [`Self::wait_for`].
    pub async fn payment_is(&self, car: &Car, status: &str) -> Result<Value> {
        let path = format!("/payments/work-order/{}", car.order);
        let last = |all: &Value| all.as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
        let all = self.wait_for(At::Billing, &path, status, |all| last(all)["status"] == status).await?;
        Ok(last(&all))
    }

    /// Takes the technician's steps, in order.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn work(&self, car: &Car, steps: &[&str]) -> Result<()> {
        let job = self.get(At::Execution, &format!("/executions/work-order/{}", car.order)).await?;
        for step in steps {
            let words = json!({ "notes": "done with care", "reason": "the frame is bent" });
            self.post(At::Execution, &format!("/executions/{}/{step}", text(&job, "id")?), words).await?;
        }
        Ok(())
    }

    /// Calls the order off, whatever comes of it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn cancel(&self, car: &Car) -> Result<Reply> {
        self.ask(At::Os, Method::DELETE, &format!("/work-orders/{}", car.order), None).await
    }

    /// The order's timeline, oldest first.
    ///
    /// # Errors
    /// When OS does not answer.
    pub async fn history(&self, order: &str) -> Result<Vec<Value>> {
        let history = self.get(At::Os, &format!("/work-orders/{order}/history")).await?;
        history.as_array().cloned().context("a history must be a list")
    }
}

/// A field that must be text.
///
/// # Errors
/// When it is not.
pub fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("an answer without `{field}`: {value}"))
}

/// A CPF with valid check digits.
fn cpf(number: u64) -> String {
    let mut digits: Vec<u64> =
        format!("{:09}", number % 999_999_937).bytes().map(|b| u64::from(b - b'0')).collect();
    for length in [9, 10] {
        let sum: u64 = digits.iter().zip((2..=length + 1).rev()).map(|(digit, weight)| digit * weight).sum();
        digits.push(if sum % 11 < 2 { 0 } else { 11 - sum % 11 });
    }
    digits.iter().map(u64::to_string).collect()
}

/// A plate of the Mercosul form.
fn plate(mut number: u64) -> String {
    let mut next = |base: u64| {
        let digit = u8::try_from(number % base).unwrap_or_default();
        number /= base;
        digit
    };
    "AAA9A99"
        .chars()
        .map(|form| char::from(if form == 'A' { b'A' + next(26) } else { b'0' + next(10) }))
        .collect()
}
