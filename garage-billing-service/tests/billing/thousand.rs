//! A thousand orders through a gateway that loses one answer in five, is out of order for one call in ten and tells
//! everything twice. At the end its ledger and the shop's books are equal to the centavo.

use std::{collections::BTreeMap, net::TcpListener, sync::Arc};

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::{StreamExt, stream};
use garage_billing_service::{
    GatewayChoice, Settings,
    gateway::{
        Gateway,
        sandbox::{Sandbox, bell::Bell, faults::Odds, ledger::Verdict, server},
    },
};
use garage_kit::{
    clock::Clock,
    program::{Env, install_crypto},
};
use serde_json::json;

use crate::world::{Order, WEBHOOK_SECRET, World, text};

const TOKEN: &str = "APP_USR-of-the-shop";
const ORDERS: usize = 1000;
const AT_ONCE: usize = 24;
const ODDS: Odds = Odds { answer_lost: 20, request_lost: 0, unavailable: 10, slow: 0 };

fn port() -> (String, tokio::net::TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (url, tokio::net::TcpListener::from_std(listener).unwrap())
}

/// The provider's client, to a sandbox that tells whoever listens at `hears`.
fn provider(sandbox: Sandbox, hears: &str) -> (Arc<dyn Gateway>, Sandbox) {
    let hears = format!("{hears}/webhooks/mercado-pago").parse().unwrap();
    // The service's own time, as it stands still for both.
    let clock = Clock::manual("2026-02-08T10:00:00Z".parse().unwrap());
    let bell = Bell::new(Some(hears), WEBHOOK_SECRET.to_owned().into(), 2, clock).unwrap();
    let sandbox = sandbox.with_bell(bell);
    let (base, listener) = port();
    let router = server::router(sandbox.clone(), TOKEN.into());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let env = Env::fixed(&[
        ("PAYMENT_GATEWAY", "mercado-pago"),
        ("MERCADOPAGO_ACCESS_TOKEN", TOKEN),
        ("MERCADOPAGO_BASE_URL", &base),
    ]);
    match Settings::from_env(&env, false).unwrap().gateway {
        GatewayChoice::MercadoPago(client) => (Arc::new(client), sandbox),
        GatewayChoice::Sandbox => panic!("the sandbox was not asked for"),
    }
}

/// What becomes of an order; every story has its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Finished,
    FinishedAndPartlyGivenBack,
    GivenUp,
    CalledOffWhilePaying,
    Declined,
    PaidLate,
    Expired,
    ByCard,
}

const STORIES: [Story; 8] = [
    Story::Finished,
    Story::FinishedAndPartlyGivenBack,
    Story::GivenUp,
    Story::CalledOffWhilePaying,
    Story::Declined,
    Story::PaidLate,
    Story::Expired,
    Story::ByCard,
];

/// The beginning of an order, up to its charge, whatever came of that.
async fn begin(world: &World, number: usize) -> (Order, Story) {
    let story = STORIES[number % STORIES.len()];
    let name = match story {
        Story::Declined => "OTHE",
        Story::PaidLate | Story::Expired => "CONT",
        Story::Finished
        | Story::FinishedAndPartlyGivenBack
        | Story::GivenUp
        | Story::CalledOffWhilePaying
        | Story::ByCard => "Ana Souza",
    };
    let centavos = 10_000 + number * 7;
    let order = world.order_with(name, |wish| {
        wish.estimated_cost = Some(format!("{}.{:02}", centavos / 100, centavos % 100).parse().unwrap());
        let payer = wish.customer.as_mut().unwrap();
        payer.email = Some("ana@example.com".to_owned());
    });
    let order = order.await;
    world.say(order, "approve").await.expect(StatusCode::OK);
    let mut tender = world.tender(order).await;
    if story == Story::ByCard {
        let card = json!({ "paymentMethod": "CREDIT_CARD", "token": "a-token", "cardBrand": "visa", "installments": 3 });
        tender.as_object_mut().unwrap().extend(card.as_object().unwrap().clone());
    }
    let paid = world.post("/payments", tender).await;
    let told = [StatusCode::OK, StatusCode::ACCEPTED, StatusCode::BAD_REQUEST];
    assert!(told.contains(&paid.status), "{story:?}: {} {}", paid.status, paid.body);
    if story == Story::CalledOffWhilePaying {
        world.call_off(order).await;
    }
    (order, story)
}

/// The rest of it, once it is known what became of the charge.
async fn go_on(world: &World, sandbox: &Sandbox, (order, story): (Order, Story)) {
    let payment = world.payments(order).await.pop().unwrap();
    match story {
        Story::PaidLate | Story::Expired => {
            let verdict = if story == Story::Expired { Verdict::Expire } else { Verdict::Approve };
            sandbox.decide(text(&payment["mercadoPagoPaymentId"]), verdict).await.unwrap();
        }
        Story::GivenUp => world.give_up(order).await,
        Story::FinishedAndPartlyGivenBack => {
            world.complete(order).await;
            let path = format!("/payments/{}/refunds", text(&payment["id"]));
            let wish = json!({ "amount": 12.34, "reason": "a scratch" });
            // Nothing is taken while the gateway does not say how much has gone.
            let mut given = world.post(&path, wish.clone()).await;
            while given.status == StatusCode::SERVICE_UNAVAILABLE {
                given = world.post(&path, wish.clone()).await;
            }
            assert!([StatusCode::OK, StatusCode::ACCEPTED].contains(&given.status), "{}", given.body);
        }
        Story::Finished | Story::ByCard => world.complete(order).await,
        Story::Declined => {}
        // The workshop had heard of a payment that was quick, and stops.
        Story::CalledOffWhilePaying => world.give_up(order).await,
    }
}

/// Until nothing is in doubt any more; what was searched for in vain must have had its time to show.
async fn settle(world: &World) {
    world.settle().await;
    world.clock.advance(TimeDelta::minutes(16));
    world.settle().await;
}

fn centavos(amount: &serde_json::Value) -> i64 {
    let text = amount.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<2}").parse().unwrap()
}

/// Centavos that came and went, by payment.
type Money = BTreeMap<String, (i64, i64)>;

async fn ledger(sandbox: &Sandbox) -> Money {
    let mut money = Money::new();
    for moved in sandbox.movements().await.unwrap() {
        let (came, went) = money.entry(moved.external_reference.unwrap()).or_default();
        *(if moved.is_refund { went } else { came }) += moved.amount.centavos();
    }
    money
}

async fn books(world: &World, orders: &[(Order, Story)]) -> Money {
    let mut money = Money::new();
    for (order, story) in orders {
        let payments = world.payments(*order).await;
        assert_eq!(payments.len(), 1, "{story:?}");
        let (payment, amount) = (&payments[0], centavos(&payments[0]["amount"]));
        let went = centavos(&payment["refundedAmount"]);
        let came = match text(&payment["status"]) {
            "APPROVED" | "REFUNDED" => amount,
            "REJECTED" | "CANCELLED" => continue,
            other => panic!("{story:?} is still {other}: {payment}"),
        };
        let kept = came - went;
        match story {
            Story::Finished | Story::ByCard | Story::PaidLate => assert_eq!(kept, amount, "{story:?}"),
            Story::FinishedAndPartlyGivenBack => assert_eq!(kept, amount - 1234, "{story:?}"),
            Story::GivenUp | Story::CalledOffWhilePaying => assert_eq!(kept, 0, "{story:?}"),
            Story::Declined | Story::Expired => panic!("{story:?} holds money"),
        }
        money.insert(text(&payment["id"]).to_owned(), (came, went));
    }
    money
}

/// How many calls brought no answer, and how many looks a webhook has caused, as the trails tell.
async fn doubts_and_hints(world: &World, orders: &[(Order, Story)]) -> (u64, u64) {
    let (mut doubts, mut hints) = (0, 0);
    for (order, _) in orders {
        let payment = world.payments(*order).await.remove(0);
        let trail = world.get(&format!("/payments/{}/trail", text(&payment["id"]))).await;
        for line in trail.expect(StatusCode::OK).as_array().unwrap() {
            let (times, asked) = (line["times"].as_u64().unwrap(), text(&line["asked"]));
            let is_doubt = text(&line["answer"]).starts_with("it is not known");
            doubts += if is_doubt { times } else { 0 };
            hints += if asked == "read after a webhook" { times } else { 0 };
        }
    }
    (doubts, hints)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_end_with_ledger_and_books_equal_to_the_centavo() {
    install_crypto();
    let ((url, listener), mut sandbox) = (port(), None);
    let world = World::between(|book| {
        let (client, told) = provider(book, &url);
        sandbox = Some(told);
        client
    });
    let (world, sandbox) = (world.await, sandbox.unwrap());
    let router = world.router();
    tokio::spawn(async move { axum::serve(listener, router).await });

    world.faults().by_chance(20_260_208, ODDS);
    let begun = stream::iter(0..ORDERS).map(|number| begin(&world, number)).buffer_unordered(AT_ONCE);
    let orders: Vec<(Order, Story)> = begun.collect().await;
    settle(&world).await;
    settle(&world).await;
    world.faults().clear();
    settle(&world).await;

    world.faults().by_chance(8_022_026, ODDS);
    let going_on =
        stream::iter(&orders).map(|order| go_on(&world, &sandbox, *order)).buffer_unordered(AT_ONCE);
    going_on.collect::<Vec<()>>().await;
    settle(&world).await;
    world.faults().clear();
    settle(&world).await;

    let (ledger, books) = (ledger(&sandbox).await, books(&world, &orders).await);
    assert_eq!(ledger, books);
    assert!(ledger.len() > ORDERS / 2, "{} payments were captured", ledger.len());
    let (doubts, hints) = doubts_and_hints(&world, &orders).await;
    assert!(doubts > 200, "only {doubts} calls went wrong");
    assert!(hints > 200, "only {hints} webhooks were looked into");
    let events = world.end().await;
    let told = |event: &str| events.iter().filter(|told| *told == event).count();
    let went = books.values().filter(|(_, went)| *went > 0).count();
    assert_eq!(told("payment.refunded"), went, "every refund is told once");
}
