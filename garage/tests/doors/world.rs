//! The whole shop in this process with two customers' orders, both paid and in the workshop's queue, and a catalogue.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use chrono::TimeDelta;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    shop::{At, Car, Shop},
};
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    program::{Env, install_crypto},
};
use reqwest::{Client, Response, header};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::document::{Operation, Things, operations};

const SECRET: &str = "a secret that only these tests know";
const SERVICES: [At; 3] = [At::Os, At::Billing, At::Execution];

static OPENING: Mutex<()> = Mutex::const_new(());

/// A folder in memory where the machine has one.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

pub(crate) struct World {
    pub(crate) shop: Shop,
    /// What belongs to the order whose link a customer holds.
    pub(crate) mine: Things,
    /// What belongs to another's order.
    pub(crate) theirs: Things,
    embedded: Embedded,
    client: Client,
    _folder: tempfile::TempDir,
}

/// A customer's link to the order of these things.
pub(crate) fn by_link(things: &Things) -> Grant {
    Grant::link(&format!("work-order:{}", things["workOrderId"]), TimeDelta::days(1))
}

fn secret() -> SecretString {
    SECRET.to_owned().into()
}

fn signed(grant: &Grant) -> String {
    sign(&secret(), grant, &Clock::system()).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl World {
    pub(crate) async fn open() -> Self {
        // Opening is all writing and syncing, and none of these tests is about that.
        let _one_by_one = OPENING.lock().await;
        install_crypto();
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let local = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
        let settings = settings(&Env::fixed(&[])).unwrap();
        let embedded = Embedded::start(&data, local, settings, &secret(), &Clock::system()).await.unwrap();
        let all =
            Grant::new("Berta at the desk", &["attendant", "technician", "manager"], TimeDelta::days(1));
        let shop = Shop::new(embedded.urls.clone(), signed(&all)).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let catalogue = catalogue(&shop).await;
        let mine = in_the_queue(&shop, "Ana Souza", 1, &catalogue).await;
        let theirs = in_the_queue(&shop, "Bia Lima", 2, &catalogue).await;
        Self { shop, mine, theirs, embedded, client, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.embedded.stop().await;
    }

    pub(crate) fn token(&self, grant: &Grant) -> String {
        signed(grant)
    }

    pub(crate) fn token_of(&self, roles: &[&str]) -> String {
        signed(&Grant::new("somebody", roles, TimeDelta::days(1)))
    }

    /// What the services' documents say can be asked.
    pub(crate) async fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for at in SERVICES {
            all.extend(operations(at, &self.shop.get(at, "/openapi.json").await.unwrap()));
        }
        all
    }

    /// The status of an answer. Its body is not read: a stream has no end.
    pub(crate) async fn ask(
        &self,
        token: Option<&str>,
        operation: &Operation,
        path: &str,
        body: Option<Value>,
    ) -> u16 {
        self.answer(token, operation, path, body).await.status().as_u16()
    }

    pub(crate) async fn answer(
        &self,
        token: Option<&str>,
        operation: &Operation,
        path: &str,
        body: Option<Value>,
    ) -> Response {
        let url = format!("{}{path}", self.shop.urls[operation.at as usize]);
        let mut request = self.client.request(operation.method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Asks with a body, a query and headers that nobody can read.
    pub(crate) async fn ask_nonsense(&self, token: &str, operation: &Operation, path: &str) -> u16 {
        let path = path.split('?').next().unwrap_or_default();
        let url = format!("{}{path}?limit=many&cursor=%00&status=%FF", self.shop.urls[operation.at as usize]);
        let request = self.client.request(operation.method.clone(), url).bearer_auth(token);
        let request = request.header(header::CONTENT_TYPE, "text/plain").header(header::IF_MATCH, "nonsense");
        let request = request.header("Idempotency-Key", "").body("{ no JSON");
        request.send().await.unwrap().status().as_u16()
    }

    /// Everything that the staff sees of the other's order.
    pub(crate) async fn all_about_the_other(&self) -> Vec<Value> {
        let order = &self.theirs["workOrderId"];
        let mut all = Vec::new();
        for (at, path) in [
            (At::Os, format!("/work-orders/{order}")),
            (At::Os, format!("/customers/{}", self.theirs["customerId"])),
            (At::Os, format!("/vehicles/{}", self.theirs["vehicleId"])),
            (At::Billing, format!("/quotes/work-order/{order}")),
            (At::Billing, format!("/payments/work-order/{order}")),
            (At::Billing, "/parts".to_owned()),
            (At::Billing, "/services".to_owned()),
            (At::Execution, format!("/executions/work-order/{order}")),
        ] {
            all.push(self.shop.get(at, &path).await.unwrap());
        }
        all
    }
}

async fn catalogue(shop: &Shop) -> Things {
    let part = json!({ "name": "Brake pad", "partNumber": "BP-1", "price": 120, "costPrice": 71.31 });
    let part = shop.post(At::Billing, "/parts", part).await.unwrap();
    let service = json!({ "name": "Brake service", "price": 80, "duration": 60 });
    let service = shop.post(At::Billing, "/services", service).await.unwrap();
    Things::from([("partId", text(&part["id"])), ("serviceId", text(&service["id"]))])
}

async fn in_the_queue(shop: &Shop, name: &str, number: u64, catalogue: &Things) -> Things {
    let car = shop.take_in(name, number).await.unwrap();
    shop.quote(&car, "approve").await.unwrap();
    let paid = shop.pay(&car).await.unwrap();
    assert_eq!(paid.status, 200, "{}", paid.body);
    let job = shop.job_is(&car, "QUEUED").await.unwrap();
    let order = shop.order_is(&car, "IN_PROGRESS").await.unwrap();
    let customer = shop.get(At::Os, &format!("/customers/{}", car.customer)).await.unwrap();
    settled(shop, &car).await;
    let mut things = catalogue.clone();
    things.extend([
        ("workOrderId", car.order),
        ("customerId", car.customer),
        ("vehicleId", text(&order["vehicleId"])),
        ("plate", text(&order["plate"])),
        ("document", text(&customer["document"])),
        ("quoteId", text(&paid.body["quoteId"])),
        ("paymentId", text(&paid.body["id"])),
        ("executionId", text(&job["id"])),
        // There is none.
        ("deadLetterId", "01890000-0000-4000-8000-000000000000".to_owned()),
    ]);
    things
}

/// The last word on its way is that the order is in progress.
async fn settled(shop: &Shop, car: &Car) {
    let path = format!("/executions/work-order/{}", car.order);
    let heard = |job: &Value| job["orderStatus"] == "IN_PROGRESS";
    shop.wait_for(At::Execution, &path, "heard of by the workshop", heard).await.unwrap();
}
