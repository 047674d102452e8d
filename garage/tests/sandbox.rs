//! The sandbox gateway inside `garage up`: a person pays on its page, and the shop knows at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops, and says why")]

use std::net::{IpAddr, Ipv4Addr};

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
use reqwest::{Client, Method, redirect};
use serde_json::Value;

const SECRET: &str = "a secret that only these tests know";

struct World {
    shop: Shop,
    embedded: Embedded,
    http: Client,
    folder: tempfile::TempDir,
}

impl World {
    async fn open() -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let local = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
        let (settings, secret) = (settings(&Env::fixed(&[])).unwrap(), SECRET.to_owned().into());
        let embedded = Embedded::start(&data, local, settings, &secret, &Clock::system()).await.unwrap();
        let all = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
        let token = sign(&secret, &all, &Clock::system()).unwrap();
        let shop = Shop::new(embedded.urls.clone(), token).unwrap();
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { shop, embedded, http, folder }
    }

    /// A car whose owner takes time to pay, and the page on which they do.
    async fn pending(&self, number: u64) -> (Car, String) {
        let car = self.shop.take_in("CONT Silva", number).await.unwrap();
        self.shop.quote(&car, "approve").await.unwrap();
        let paid = self.shop.pay(&car).await.unwrap();
        assert_eq!(paid.status, 202, "{}", paid.body);
        (car, paid.body["ticketUrl"].as_str().unwrap().to_owned())
    }

    async fn status(&self, method: Method, url: &str) -> u16 {
        self.http.request(method, url).send().await.unwrap().status().as_u16()
    }

    async fn trail(&self, payment: &Value) -> Vec<Value> {
        let path = format!("/payments/{}/trail", payment["id"].as_str().unwrap());
        self.shop.get(At::Billing, &path).await.unwrap().as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pays_on_the_page_has_the_car_in_the_queue() {
    let world = World::open().await;
    let (car, page) = world.pending(1).await;
    assert!(page.starts_with(&format!("{}/sandbox/pay/", world.shop.urls[1])), "{page}");
    assert_eq!(world.status(Method::GET, &page).await, 200);
    assert_eq!(world.status(Method::POST, &format!("{page}/approve")).await, 303);
    let paid = world.shop.payment_is(&car, "APPROVED").await.unwrap();
    world.shop.job_is(&car, "QUEUED").await.unwrap();
    let trail = world.trail(&paid).await;
    let is_told = |line: &Value| line["asked"] == "read after a webhook";
    assert!(trail.iter().any(is_told), "nobody had to wait for the next look: {trail:?}");
    world.embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_declines_or_lets_it_expire_may_try_again() {
    let world = World::open().await;
    for (number, act) in [(1, "decline"), (2, "expire")] {
        let (car, page) = world.pending(number).await;
        assert_eq!(world.status(Method::POST, &format!("{page}/{act}")).await, 303);
        world.shop.payment_is(&car, "REJECTED").await.unwrap();
        let again = world.shop.pay_by_card(&car, "APRO").await.unwrap();
        assert_eq!(again.status, 200, "{}", again.body);
    }
    world.embedded.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_ledger_is_for_whoever_has_the_token_of_the_data_directory() {
    let world = World::open().await;
    let ledger = format!("{}/sandbox/sandbox/ledger", world.shop.urls[1]);
    assert_eq!(world.status(Method::GET, &ledger).await, 403);
    let token = std::fs::read_to_string(world.folder.path().join("sandbox-token")).unwrap();
    let answer = world.http.get(&ledger).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.json::<Value>().await.unwrap(), serde_json::json!([]));
    world.embedded.stop().await;
}
