//! `kill -9` of each service in the middle of two hundred sagas on real servers, and a restart: all complete, with one
//! quote, one capture and one execution each, and no message left over.

mod chain;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use chain::{Chain, SECRET};
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    program::install_crypto,
};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const SAGAS: usize = 200;
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(120);

/// A client that does not give up: it repeats under the same key what brought no answer, and goes by what it sees.
struct Stubborn {
    urls: [String; 3],
    token: String,
    client: Client,
    done: AtomicUsize,
}

const OS: usize = 0;
const BILLING: usize = 1;
const EXECUTION: usize = 2;

impl Stubborn {
    fn of(chain: &Chain) -> Result<Self> {
        let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
        let token = sign(&SECRET.to_owned().into(), &grant, &Clock::system())?;
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
        Ok(Self { urls: chain.urls(), token, client, done: AtomicUsize::new(0) })
    }

    /// The first answer that is one, whatever it says.
    async fn ask(
        &self,
        at: usize,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = format!("{}{path}", self.urls[at]);
            let mut request = self
                .client
                .request(method.clone(), url)
                .bearer_auth(&self.token)
                .header("Idempotency-Key", key);
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
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn make(&self, at: usize, path: &str, key: &str, body: Value) -> Result<Value> {
        let (status, answer) = self.ask(at, Method::POST, path, key, Some(&body)).await?;
        ensure!(status.is_success(), "POST {path}: {status} {answer}");
        Ok(answer)
    }

    async fn see(&self, at: usize, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, seen) = self.ask(at, Method::GET, path, "unused", None).await?;
            if status.is_success() && wanted(&seen) {
                return Ok(seen);
            }
            ensure!(Instant::now() < deadline, "{path} stays {status} {seen}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn saga(&self, customer: &Value, vehicle: &Value, number: usize) -> Result<String> {
        let key = format!("saga-{number}");
        let order = json!({ "customerId": customer["id"], "vehicleId": vehicle["id"], "description": "Brakes squeal", "estimatedCost": 99.9 });
        let order = self.make(OS, "/work-orders", &key, order).await?;
        let id = order["id"].as_str().context("an id")?.to_owned();
        let quote = self.see(BILLING, &format!("/quotes/work-order/{id}"), |_| true).await?;
        let approve = format!("/quotes/{}/approve", quote["id"].as_str().context("an id")?);
        let (status, answer) = self.ask(BILLING, Method::PUT, &approve, &key, None).await?;
        ensure!(status.is_success(), "{approve}: {status} {answer}");
        let tender = json!({ "quoteId": quote["id"], "workOrderId": id, "customerId": customer["id"],
            "amount": quote["totalAmount"], "paymentMethod": "PIX" });
        self.make(BILLING, "/payments", &key, tender).await?;
        self.repair(&id, &key).await?;
        self.see(OS, &format!("/work-orders/{id}"), |order| order["status"] == "COMPLETED").await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(id)
    }

    /// Takes the step that the job's status asks for, until it is done; a step whose answer was lost has been taken.
    async fn repair(&self, id: &str, key: &str) -> Result<()> {
        let paid = |job: &Value| job["status"] != "AWAITING_PAYMENT";
        loop {
            let job = self.see(EXECUTION, &format!("/executions/work-order/{id}"), paid).await?;
            let step = match job["status"].as_str().unwrap_or_default() {
                "QUEUED" => "start-diagnosis",
                "DIAGNOSING" => "complete-diagnosis",
                "DIAGNOSIS_COMPLETE" => "start-repair",
                "REPAIRING" => "complete-repair",
                "REPAIR_COMPLETE" => "complete",
                "COMPLETED" => return Ok(()),
                other => bail!("the job of {id} is {other}"),
            };
            let path = format!("/executions/{}/{step}", job["id"].as_str().context("an id")?);
            self.ask(EXECUTION, Method::POST, &path, key, Some(&json!({ "notes": "done" }))).await?;
        }
    }

    async fn once(&self, id: &str) -> Result<()> {
        let (_, payments) =
            self.ask(BILLING, Method::GET, &format!("/payments/work-order/{id}"), "unused", None).await?;
        let payments = payments.as_array().cloned().unwrap_or_default();
        ensure!(payments.len() == 1 && payments[0]["status"] == "APPROVED", "{id} was paid as {payments:?}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_saga_completes_once_though_each_service_is_killed() {
    install_crypto();
    let mut chain = Chain::start().await.unwrap();
    let stubborn = Stubborn::of(&chain).unwrap();
    let customer = json!({ "name": "Ana Souza", "personType": "INDIVIDUAL", "document": "52998224725", "phone": "11987654321" });
    let customer = stubborn.make(OS, "/customers", "customer", customer).await.unwrap();
    let vehicle = json!({ "plate": "ABC1D23", "brand": "Toyota", "model": "Corolla", "year": 2024, "customerId": customer["id"] });
    let vehicle = stubborn.make(OS, "/vehicles", "vehicle", vehicle).await.unwrap();

    let sagas = stream::iter(0..SAGAS)
        .map(|number| stubborn.saga(&customer, &vehicle, number))
        .buffer_unordered(AT_ONCE);
    let (told, killed) =
        tokio::join!(sagas.collect::<Vec<_>>(), kill_each(&mut chain.programs, &stubborn.done));

    killed.unwrap();
    let broken: Vec<String> =
        told.iter().filter_map(|saga| saga.as_ref().err().map(|cause| format!("{cause:#}"))).collect();
    assert!(
        broken.is_empty(),
        "{} sagas did not complete, such as {:?}",
        broken.len(),
        &broken[..broken.len().min(3)]
    );
    for id in told.iter().flatten() {
        stubborn.once(id).await.unwrap();
    }
    let listed = |at, path| {
        let stubborn = &stubborn;
        async move { all(stubborn, at, path).await.unwrap().len() }
    };
    assert_eq!(listed(BILLING, "/quotes").await, SAGAS);
    assert_eq!(listed(EXECUTION, "/executions").await, SAGAS);
    assert_eq!(listed(OS, "/work-orders").await, SAGAS);
    chain.wait_until_drained().await.unwrap();
    chain.stop().await.unwrap();
}

/// Each service dies once, when a fifth, two fifths and three fifths of the sagas are through.
async fn kill_each(programs: &mut [chain::Program; 3], done: &AtomicUsize) -> Result<()> {
    for (program, at) in programs.iter_mut().zip([SAGAS / 5, 2 * SAGAS / 5, 3 * SAGAS / 5]) {
        let deadline = Instant::now() + PATIENCE;
        while done.load(Ordering::Relaxed) < at && Instant::now() < deadline {
            sleep(Duration::from_millis(5)).await;
        }
        program.kill()?;
        program.start()?;
    }
    Ok(())
}

/// Every item of a list, page by page.
async fn all(stubborn: &Stubborn, at: usize, path: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut next = Some(format!("{path}?limit=200"));
    while let Some(page) = next {
        let answer = stubborn
            .client
            .get(format!("{}{page}", stubborn.urls[at]))
            .bearer_auth(&stubborn.token)
            .send()
            .await?;
        let link = answer.headers().get("link").and_then(|link| link.to_str().ok()).map(str::to_owned);
        next = link.and_then(|link| Some(link.split('<').nth(1)?.split('>').next()?.to_owned()));
        items.extend(answer.json::<Vec<Value>>().await?);
    }
    Ok(items)
}
