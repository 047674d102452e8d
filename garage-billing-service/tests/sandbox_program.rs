//! The sandbox gateway as its neighbours meet it: the provider's routes, the payer's page, webhooks, and trouble on demand,
//! over HTTP. The program's own start is tried in `garage/tests/programs.rs`.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::post,
};
use garage_billing_service::{
    gateway::sandbox::{bell::Bell, program::open, server},
    webhook::Notification,
};
use garage_kit::clock::Clock;
use reqwest::{Client, Method, Response, redirect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};

const TOKEN: &str = "TEST-of-the-shop";
const SECRET: &str = "the secret of the dashboard";
const KEY: &str = "0199c6e7-b1a7-7000-8000-123456789abc";

/// A webhook as it came.
struct Told {
    query: String,
    headers: HeaderMap,
    body: Value,
}

struct World {
    base: String,
    told: mpsc::UnboundedReceiver<Told>,
    http: Client,
    _folder: TempDir,
}

/// Somebody who listens, and does not take the first so many calls.
async fn listener(refusals: usize) -> (String, mpsc::UnboundedReceiver<Told>) {
    type Shared = (mpsc::UnboundedSender<Told>, std::sync::Arc<std::sync::atomic::AtomicUsize>);
    async fn hear(
        State((told, refusals)): State<Shared>,
        uri: Uri,
        headers: HeaderMap,
        body: String,
    ) -> StatusCode {
        let query = uri.query().unwrap_or_default().to_owned();
        told.send(Told { query, headers, body: serde_json::from_str(&body).unwrap() }).unwrap();
        let order = std::sync::atomic::Ordering::SeqCst;
        match refusals.fetch_update(order, order, |left| left.checked_sub(1)) {
            Ok(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Err(_) => StatusCode::OK,
        }
    }
    let (sender, told) = mpsc::unbounded_channel();
    let shared: Shared = (sender, std::sync::Arc::new(refusals.into()));
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/mercado-pago", port.local_addr().unwrap());
    let router = Router::new().route("/webhooks/mercado-pago", post(hear)).with_state(shared);
    tokio::spawn(async move { axum::serve(port, router).await });
    (url, told)
}

impl World {
    async fn open(copies: u32, refusals: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let book = format!("sqlite:{}", folder.path().join("book.db").display());
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", port.local_addr().unwrap());
        let (url, told) = listener(refusals).await;
        let bell = Bell::new(Some(url.parse().unwrap()), SECRET.to_owned().into(), copies, Clock::system());
        let sandbox = open(&book, Clock::system()).await.unwrap().with_pages(&base).with_bell(bell.unwrap());
        tokio::spawn(async move { axum::serve(port, server::router(sandbox, TOKEN.into())).await });
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { base, told, http, _folder: folder }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Response {
        let call = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(TOKEN);
        call.header("x-idempotency-key", KEY).json(&body).send().await.unwrap()
    }

    /// A payer who takes time; the payment as it begins.
    async fn pending(&self) -> Value {
        let body = json!({ "transaction_amount": 350.9, "payment_method_id": "pix",
            "payer": { "email": "client@example.com", "first_name": "CONT" } });
        let made = self.call(Method::POST, "/v1/payments", body).await;
        assert_eq!(made.status(), 201);
        made.json().await.unwrap()
    }

    async fn status(&self, number: &Value) -> String {
        let payment: Value = self
            .call(Method::GET, &format!("/v1/payments/{number}"), Value::Null)
            .await
            .json()
            .await
            .unwrap();
        payment["status"].as_str().unwrap().to_owned()
    }

    /// As a person does it, without a token.
    async fn visit(&self, method: Method, url: &str) -> (u16, String) {
        let answer = self.http.request(method, url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn a_person_pays_declines_or_lets_a_pix_expire_on_the_payer_s_page() {
    for (act, status) in [("approve", "approved"), ("decline", "rejected"), ("expire", "cancelled")] {
        let world = World::open(1, 0).await;
        let payment = world.pending().await;
        let data = &payment["point_of_interaction"]["transaction_data"];
        let page = data["ticket_url"].as_str().unwrap();
        let (shown, html) = world.visit(Method::GET, page).await;
        assert_eq!(shown, 200);
        for part in ["350.9", data["qr_code"].as_str().unwrap(), data["qr_code_base64"].as_str().unwrap()] {
            assert!(html.contains(part), "{part} is not on {html}");
        }
        assert!(html.contains(&format!("action=\"{}/{act}\"", payment["id"])), "{html}");
        assert_eq!(world.visit(Method::POST, &format!("{page}/{act}")).await.0, 303);
        assert_eq!(world.status(&payment["id"]).await, status);
        assert!(!world.visit(Method::GET, page).await.1.contains("<button>"));
        assert_eq!(world.visit(Method::POST, &format!("{page}/{act}")).await.0, 409);
    }
}

#[tokio::test]
async fn on_the_page_nobody_does_what_a_payer_cannot() {
    let world = World::open(1, 0).await;
    let payment = world.pending().await;
    let page = format!("{}/pay/{}", world.base, payment["id"]);
    for act in ["review", "charge_back", "settle", "refund"] {
        let (status, _) = world.visit(Method::POST, &format!("{page}/{act}")).await;
        assert!([400, 404].contains(&status), "{act}: {status}");
    }
    assert_eq!(world.visit(Method::GET, &format!("{}/pay/1", world.base)).await.0, 404);
    for path in ["/sandbox/ledger", "/v1/payments/search", "/v1/payment_methods"] {
        assert_eq!(world.visit(Method::GET, &format!("{}{path}", world.base)).await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_payment_is_told_signed_and_as_often_as_it_should() {
    let mut world = World::open(2, 0).await;
    let payment = world.pending().await;
    let number = payment["id"].to_string();
    for _ in 0..2 {
        let told = world.told.recv().await.unwrap();
        let header = |name: &str| told.headers.get(name).unwrap().to_str().unwrap();
        let notification = Notification {
            data_id: Some(&number),
            request_id: Some(header("x-request-id")),
            signature: Some(header("x-signature")),
        };
        assert_eq!(notification.verify(SECRET.as_bytes(), Clock::system().now()), Ok(()));
        assert_eq!(told.query, format!("data.id={number}&type=payment"));
        let (action, id) = (&told.body["action"], &told.body["data"]["id"]);
        assert_eq!(
            (action, id, &told.body["type"]),
            (&json!("payment.created"), &json!(number), &json!("payment"))
        );
        assert!(told.body.get("status").is_none() && told.body.get("transaction_amount").is_none());
    }
    world.visit(Method::POST, &format!("{}/pay/{number}/approve", world.base)).await;
    assert_eq!(world.told.recv().await.unwrap().body["action"], "payment.updated");
}

#[tokio::test]
async fn who_does_not_take_a_webhook_is_told_again() {
    let mut world = World::open(1, 1).await;
    world.pending().await;
    let (first, second) = (world.told.recv().await.unwrap(), world.told.recv().await.unwrap());
    assert_eq!(first.headers["x-signature"], second.headers["x-signature"]);
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn it_misbehaves_when_told_and_behaves_again() {
    let world = World::open(1, 0).await;
    let trouble = json!({ "next": ["unavailable", "busy"], "percent": { "answer_lost": 100 }, "seed": 1 });
    assert_eq!(world.call(Method::POST, "/sandbox/faults", trouble).await.status(), 204);
    let search = || world.call(Method::GET, "/v1/payments/search", Value::Null);
    assert_eq!(search().await.status(), 503);
    let busy = search().await;
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    assert_eq!(search().await.status(), 504);
    let nonsense = world.call(Method::POST, "/sandbox/faults", json!({ "next": ["lunch"] })).await;
    assert_eq!(nonsense.status(), 400);
    assert_eq!(world.call(Method::DELETE, "/sandbox/faults", Value::Null).await.status(), 204);
    assert_eq!(search().await.status(), 200);
}

#[tokio::test]
async fn the_ledger_has_every_movement_and_forgets_none() {
    let world = World::open(1, 0).await;
    let payment = world.pending().await;
    let ledger = || async {
        let lines: Value =
            world.call(Method::GET, "/sandbox/ledger", Value::Null).await.json().await.unwrap();
        let line = |moved: &Value| format!("{} {}", moved["type"].as_str().unwrap(), moved["amount"]);
        lines.as_array().unwrap().iter().map(line).collect::<Vec<_>>()
    };
    assert!(ledger().await.is_empty(), "nobody has paid");
    world.visit(Method::POST, &format!("{}/pay/{}/approve", world.base, payment["id"])).await;
    assert_eq!(ledger().await, ["capture 350.9"]);
    let refunds = format!("/v1/payments/{}/refunds", payment["id"]);
    assert_eq!(world.call(Method::POST, &refunds, json!({ "amount": 0.9 })).await.status(), 201);
    assert_eq!(ledger().await, ["capture 350.9", "refund 0.9"]);
}
