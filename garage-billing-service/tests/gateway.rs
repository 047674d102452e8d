//! What the shop may rely on at the gateway: the client against the sandbox's server, which was written from
//! the provider's documentation, and the sandbox in process, which keeps the same book.

#![expect(clippy::unwrap_used, reason = "a test ends where its world does not come up")]

use std::sync::Arc;

use garage_billing_service::gateway::{
    Address, Charge, Charged, Gateway, GatewayError, Refunded, Standing,
    mercado_pago::{DEADLINE, MercadoPago},
    sandbox::{
        Sandbox,
        faults::Fault,
        ledger::{Entry, Verdict},
        server,
    },
};
use garage_events::{Cents, PaymentId, PaymentMethod, Service, event::Payer};
use garage_kit::{
    Aggregate, Repository,
    bus::local::LocalBus,
    clock::Clock,
    outbox::Outbox,
    store::{
        Store,
        sql::{Migrations, SqlStore},
    },
};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use tempfile::TempDir;
use uuid::Uuid;

const TOKEN: &str = "TEST-4242-of-the-shop";

/// A gateway on a port of its own, and the client that speaks to it.
struct World {
    folder: TempDir,
    sandbox: Sandbox,
    base: Url,
    client: MercadoPago,
}

impl World {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = sandbox_in(&folder).await;
        let base = served(sandbox.clone()).await;
        let client = client(&base, TOKEN);
        Self { folder, sandbox, base, client }
    }

    /// A call past the client, with the token.
    async fn call(&self, method: Method, path: &str, key: Option<&str>, body: Value) -> (u16, Value) {
        let request = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .request(method, self.base.join(path).unwrap())
            .bearer_auth(TOKEN)
            .json(&body);
        let request = key.into_iter().fold(request, |request, key| request.header("X-Idempotency-Key", key));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }
}

async fn sandbox_in(folder: &TempDir) -> Sandbox {
    let url = format!("sqlite:{}", folder.path().join("billing.db").display());
    let migrations = Migrations { postgres: Migrator::DEFAULT, sqlite: sqlx::migrate!("migrations/sqlite") };
    let store: Arc<dyn Store> = Arc::new(SqlStore::connect(&url, migrations, &[Entry::KIND]).await.unwrap());
    let bus = LocalBus::new().member(garage_saga::topology_of(Service::Billing).unwrap(), store.clone());
    let clock = Clock::system();
    Sandbox::new(Repository::new(Outbox::start(store, bus, clock.clone())), clock)
}

async fn served(sandbox: Sandbox) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, server::router(sandbox, TOKEN.into())).await });
    base
}

fn client(base: &Url, token: &str) -> MercadoPago {
    MercadoPago::new(base.clone(), token.into(), DEADLINE).unwrap()
}

fn charge(name: &str, method: PaymentMethod, amount: &str) -> Charge {
    let is_card = matches!(method, PaymentMethod::CreditCard | PaymentMethod::DebitCard);
    Charge {
        reference: PaymentId(Clock::system().id()),
        amount: amount.parse().unwrap(),
        method,
        payer: Payer {
            name: name.to_owned(),
            email: Some("client@example.com".to_owned()),
            document: Some("12345678909".to_owned()),
        },
        address: Some(home()),
        expires_at: None,
        card_token: is_card.then(|| "card-token".to_owned()),
        card_brand: is_card.then(|| "master".to_owned()),
        installments: 1,
        description: "Quote 1042".to_owned(),
    }
}

fn home() -> Address {
    Address {
        zip_code: "01310100".to_owned(),
        street: "Avenida Paulista".to_owned(),
        number: "1000".to_owned(),
        neighborhood: "Bela Vista".to_owned(),
        city: "São Paulo".to_owned(),
        state: "SP".to_owned(),
    }
}

fn pix(name: &str) -> Charge {
    charge(name, PaymentMethod::Pix, "814.94")
}

fn is_refused<T>(answer: &Result<T, GatewayError>, code: &str) -> bool {
    matches!(answer, Err(GatewayError::Refused(why)) if why.contains(code))
}

async fn movements(world: &World) -> Vec<(String, String)> {
    let (_, ledger) = world.call(Method::GET, "sandbox/ledger", None, Value::Null).await;
    let line = |moved: &Value| (moved["type"].as_str().unwrap().to_owned(), moved["amount"].to_string());
    ledger.as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn each_name_of_the_test_data_ends_as_the_provider_says() {
    let world = World::open().await;
    for (name, standing) in [
        ("APRO", Standing::Approved),
        ("Maria Silva", Standing::Approved),
        ("CONT", Standing::Pending),
        ("OTHE", Standing::Declined("cc_rejected_other_reason".to_owned())),
        ("CALL", Standing::Declined("cc_rejected_call_for_authorize".to_owned())),
        ("FUND Silva", Standing::Declined("cc_rejected_insufficient_amount".to_owned())),
        ("SECU", Standing::Declined("cc_rejected_bad_filled_security_code".to_owned())),
        ("EXPI", Standing::Declined("cc_rejected_bad_filled_date".to_owned())),
        ("FORM", Standing::Declined("cc_rejected_bad_filled_other".to_owned())),
        ("CARD", Standing::Declined("cc_rejected_bad_filled_card_number".to_owned())),
        ("INST", Standing::Declined("cc_rejected_invalid_installments".to_owned())),
        ("DUPL", Standing::Declined("cc_rejected_duplicated_payment".to_owned())),
        ("LOCK", Standing::Declined("cc_rejected_card_disabled".to_owned())),
        ("CTNA", Standing::Declined("cc_rejected_card_type_not_allowed".to_owned())),
    ] {
        for method in PaymentMethod::ALL.iter().copied() {
            let charged = world.client.create(&charge(name, method, "80")).await.unwrap();
            assert_eq!(charged.standing, standing, "{name} by {method}");
        }
    }
}

#[tokio::test]
async fn a_charge_made_twice_is_one_payment() {
    let world = World::open().await;
    let charge = pix("APRO");
    let (first, second) = tokio::join!(world.client.create(&charge), world.client.create(&charge));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(movements(&world).await, [("capture".to_owned(), "814.94".to_owned())]);
}

#[tokio::test]
async fn a_reference_used_for_another_amount_shows_the_payment_that_is_there() {
    let world = World::open().await;
    let charge = pix("APRO");
    world.client.create(&charge).await.unwrap();
    let other = Charge { amount: "1".parse().unwrap(), ..charge.clone() };
    for gateway in [&world.client as &dyn Gateway, &world.sandbox] {
        assert_eq!(gateway.create(&other).await.unwrap().amount, charge.amount);
    }
}

#[tokio::test]
async fn a_payment_is_read_by_its_id_and_found_by_our_reference() {
    let world = World::open().await;
    let charge = pix("CONT");
    let made = world.client.create(&charge).await.unwrap();
    assert_eq!(world.client.read(&made.gateway_id).await, Ok(Some(made.clone())));
    assert_eq!(world.client.search(charge.reference).await, Ok(Some(made)));
    assert_eq!(world.client.read("1000000000000").await, Ok(None));
    assert_eq!(world.client.search(PaymentId(Uuid::nil())).await, Ok(None));
}

#[tokio::test]
async fn in_process_and_over_http_the_gateway_answers_alike() {
    let world = World::open().await;
    for (name, method) in
        [("CONT", PaymentMethod::Pix), ("CONT", PaymentMethod::Boleto), ("OTHE", PaymentMethod::CreditCard)]
    {
        let charge = charge(name, method, "150.5");
        let made = world.client.create(&charge).await.unwrap();
        assert_eq!(world.sandbox.search(charge.reference).await, Ok(Some(made)));
    }
}

#[tokio::test]
async fn a_pending_payment_can_be_called_off_once() {
    let world = World::open().await;
    let made = world.client.create(&pix("CONT")).await.unwrap();
    let cancelled = world.client.cancel(&made.gateway_id, "cancel").await.unwrap();
    assert_eq!(cancelled.standing, Standing::Cancelled("by_collector".to_owned()));
    assert!(is_refused(&world.client.cancel(&made.gateway_id, "cancel").await, "3005"));
}

#[tokio::test]
async fn an_approved_payment_cannot_be_called_off() {
    let world = World::open().await;
    let made = world.client.create(&pix("APRO")).await.unwrap();
    assert!(is_refused(&world.client.cancel(&made.gateway_id, "cancel").await, "3005"));
    assert_eq!(world.client.read(&made.gateway_id).await.unwrap().unwrap().standing, Standing::Approved);
}

#[tokio::test]
async fn a_refund_asked_twice_with_one_key_goes_back_once() {
    let world = World::open().await;
    let Charged { gateway_id, amount, .. } = world.client.create(&pix("APRO")).await.unwrap();
    let first = world.client.refund(&gateway_id, amount, "refund").await.unwrap();
    assert!(matches!(first, Refunded::Done(_)));
    assert_eq!(world.client.refund(&gateway_id, amount, "refund").await, Ok(first));
    assert!(is_refused(&world.client.refund(&gateway_id, amount, "another").await, "4296"));
    assert_eq!(world.client.read(&gateway_id).await.unwrap().unwrap().standing, Standing::Refunded);
    let moved = [("capture".to_owned(), "814.94".to_owned()), ("refund".to_owned(), "814.94".to_owned())];
    assert_eq!(movements(&world).await, moved);
}

#[tokio::test]
async fn money_that_never_came_cannot_go_back() {
    let world = World::open().await;
    let made = world.client.create(&pix("CONT")).await.unwrap();
    assert!(is_refused(&world.client.refund(&made.gateway_id, made.amount, "refund").await, "2063"));
    assert!(is_refused(&world.client.refund("1000000000000", made.amount, "refund").await, "2000"));
}

#[tokio::test]
async fn amounts_arrive_to_the_centavo() {
    let world = World::open().await;
    for amount in ["150.5", "0.01", "814.94", "9999999999.99", "80"] {
        let charge = charge("APRO", PaymentMethod::Pix, amount);
        let made = world.client.create(&charge).await.unwrap();
        assert_eq!((made.amount, made.amount.to_string().as_str()), (charge.amount, amount));
        world.client.refund(&made.gateway_id, made.amount, "refund").await.unwrap();
        assert_eq!(world.client.read(&made.gateway_id).await.unwrap().unwrap().standing, Standing::Refunded);
    }
    assert!(is_refused(&world.client.create(&charge("APRO", PaymentMethod::Pix, "0")).await, "4037"));
}

#[tokio::test]
async fn a_payer_who_must_act_is_told_how() {
    let world = World::open().await;
    let pix = world.client.create(&pix("CONT")).await.unwrap().instructions.unwrap();
    assert!(pix.qr_code.unwrap().contains("5406814.94"));
    assert!(pix.ticket_url.is_some() && pix.expires_at.is_some());
    let boleto = world
        .client
        .create(&charge("CONT", PaymentMethod::Boleto, "80"))
        .await
        .unwrap()
        .instructions
        .unwrap();
    assert_eq!((boleto.barcode.unwrap().len(), boleto.qr_code), (47, None), "the digits that are typed");
    assert_eq!(
        world.client.create(&charge("CONT", PaymentMethod::DebitCard, "80")).await.unwrap().instructions,
        None
    );
}

#[tokio::test]
async fn the_payer_s_act_is_seen_by_asking() {
    let world = World::open().await;
    for (act, standing) in [
        ("approve", Standing::Approved),
        ("decline", Standing::Declined("cc_rejected_other_reason".to_owned())),
        ("expire", Standing::Cancelled("expired".to_owned())),
    ] {
        let made = world.client.create(&pix("CONT")).await.unwrap();
        let path = format!("sandbox/payments/{}/{act}", made.gateway_id);
        assert_eq!(world.call(Method::POST, &path, None, Value::Null).await.0, 200);
        assert_eq!(world.client.read(&made.gateway_id).await.unwrap().unwrap().standing, standing);
        assert_eq!(world.call(Method::POST, &path, None, Value::Null).await.0, 400);
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_doubt_and_asking_again_finds_the_one_payment() {
    let world = World::open().await;
    let charge = pix("APRO");
    for gateway in [&world.sandbox as &dyn Gateway, &world.client] {
        world.sandbox.faults().expect(1, Fault::AnswerLost);
        assert!(matches!(gateway.create(&charge).await, Err(GatewayError::Unknown(_))));
    }
    assert_eq!(world.client.create(&charge).await.unwrap().standing, Standing::Approved);
    assert_eq!(movements(&world).await.len(), 1);
}

#[tokio::test]
async fn a_lost_request_is_the_same_doubt_and_has_no_effect() {
    let world = World::open().await;
    for fault in [Fault::RequestLost, Fault::Unavailable] {
        for gateway in [&world.sandbox as &dyn Gateway, &world.client] {
            let charge = pix("APRO");
            world.sandbox.faults().expect(2, fault);
            assert!(matches!(gateway.create(&charge).await, Err(GatewayError::Unknown(_))));
            assert!(matches!(gateway.search(charge.reference).await, Err(GatewayError::Unknown(_))));
            assert_eq!(gateway.search(charge.reference).await, Ok(None));
        }
    }
}

#[tokio::test]
async fn a_payment_is_still_there_when_the_gateway_comes_back() {
    let world = World::open().await;
    let charge = pix("CONT");
    let made = world.sandbox.create(&charge).await.unwrap();
    let reborn = sandbox_in(&world.folder).await;
    assert_eq!(reborn.create(&charge).await, Ok(made.clone()));
    reborn.decide(&made.gateway_id, Verdict::Approve).await.unwrap();
    assert_eq!(world.client.read(&made.gateway_id).await.unwrap().unwrap().standing, Standing::Approved);
}

#[tokio::test]
async fn in_process_a_payer_needs_no_e_mail_and_no_card_token() {
    let world = World::open().await;
    let payer = Payer { name: String::new(), email: None, document: None };
    for method in PaymentMethod::ALL.iter().copied() {
        let charge =
            Charge { payer: payer.clone(), card_token: None, card_brand: None, ..charge("", method, "80") };
        assert_eq!(world.sandbox.create(&charge).await.unwrap().standing, Standing::Approved);
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_never_told() {
    let world = World::open().await;
    let stranger = client(&world.base, "TEST-stolen-secret");
    let amount = Cents::new(1).unwrap();
    for answer in [
        stranger.create(&pix("APRO")).await.map(drop),
        stranger.read("1").await.map(drop),
        stranger.refund("1", amount, "key").await.map(drop),
        stranger.check().await,
    ] {
        let Err(GatewayError::Refused(why)) = answer else { panic!("{answer:?}") };
        assert!(!why.contains("stolen"), "{why}");
    }
    assert_eq!(world.client.check().await, Ok(()));
}

#[tokio::test]
async fn the_server_speaks_in_the_provider_s_codes() {
    let world = World::open().await;
    let key = Uuid::nil().to_string();
    let body = |changed: &str, value: Value| {
        let mut body = json!({"transaction_amount": 10, "payment_method_id": "visa", "token": "t", "installments": 1,
            "payer": {"email": "a@b.c", "first_name": "APRO"}});
        body[changed] = value;
        body
    };
    for (changed, value, code) in [
        ("transaction_amount", Value::Null, 4002),
        ("transaction_amount", json!("10"), 4003),
        ("transaction_amount", json!(0.001), 4037),
        ("payment_method_id", Value::Null, 4001),
        ("payment_method_id", json!("boleto"), 3028),
        ("payment_method_id", json!("bolbradesco"), 2067),
        ("token", Value::Null, 4000),
        ("installments", Value::Null, 4004),
        ("payer", json!({}), 4050),
        ("description", json!(1), 1),
    ] {
        let (status, error) = world.call(Method::POST, "v1/payments", Some(&key), body(changed, value)).await;
        assert_eq!((status, &error["cause"][0]["code"]), (400, &json!(code)), "{changed}: {error}");
    }
    let (_, error) = world.call(Method::POST, "v1/payments", None, body("description", json!(""))).await;
    assert_eq!(error["cause"][0]["code"], 4292);
    let made = world.call(Method::POST, "v1/payments", Some(&key), body("description", json!("one"))).await;
    assert_eq!((made.0, &made.1["status"]), (201, &json!("approved")));
    let (status, _) =
        world.call(Method::POST, "v1/payments", Some(&key), body("description", json!("two"))).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn the_server_gives_back_in_parts_as_the_provider_does() {
    let world = World::open().await;
    let made = world.client.create(&pix("APRO")).await.unwrap();
    let refunds = format!("v1/payments/{}/refunds", made.gateway_id);
    let give_back = |key, body| world.call(Method::POST, &refunds, Some(key), body);
    assert_eq!(give_back("a", json!({"amount": 14.94})).await.1["amount"], 14.94);
    assert_eq!(give_back("b", json!({"amount": 800.01})).await.1["cause"][0]["code"], 2085);
    assert_eq!(give_back("b", json!({"amount": "800"})).await.1["cause"][0]["code"], 4041);
    assert_eq!(give_back("b", json!({"amount": -1})).await.1["cause"][0]["code"], 4040);
    assert_eq!(give_back("b", json!({})).await.1["amount"], 800);
    let (_, listed) = world.call(Method::GET, &refunds, None, Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let one = format!("{refunds}/{}", listed[1]["id"]);
    assert_eq!(world.call(Method::GET, &one, None, Value::Null).await.1, listed[1]);
}
