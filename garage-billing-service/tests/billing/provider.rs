//! The service with the real gateway's client, against the sandbox that speaks as the provider does.

use std::{net::TcpListener, sync::Arc};

use axum::http::StatusCode;
use garage_billing_service::{
    GatewayChoice, Settings,
    gateway::{
        Gateway,
        sandbox::{Sandbox, faults::Fault, ledger::Verdict, server},
    },
};
use garage_kit::program::{Env, install_crypto};
use serde_json::json;

use crate::world::{Order, World};

const TOKEN: &str = "APP_USR-of-the-shop";

/// The sandbox behind a port, and the client that an operator would configure for it.
fn provider(sandbox: Sandbox) -> Arc<dyn Gateway> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move { axum::serve(listener, server::router(sandbox, TOKEN.into())).await });
    let env = Env::fixed(&[
        ("PAYMENT_GATEWAY", "mercado-pago"),
        ("MERCADOPAGO_ACCESS_TOKEN", TOKEN),
        ("MERCADOPAGO_BASE_URL", &base),
    ]);
    match Settings::from_env(&env, false).unwrap().gateway {
        GatewayChoice::MercadoPago(client) => Arc::new(client),
        GatewayChoice::Sandbox => panic!("the sandbox was not asked for"),
    }
}

async fn world() -> World {
    install_crypto();
    World::between(provider).await
}

async fn approved(world: &World, name: &str) -> Order {
    let order = world.order_with(name, |wish| {
        let payer = wish.customer.as_mut().unwrap();
        payer.email = Some("ana@example.com".to_owned());
        payer.document = Some("52998224725".to_owned());
    });
    let order = order.await;
    world.say(order, "approve").await.expect(StatusCode::OK);
    order
}

#[tokio::test]
async fn work_that_fails_is_refunded_exactly_once_although_answers_are_lost() {
    let world = world().await;
    let order = approved(&world, "Ana Souza").await;
    world.faults().expect(1, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    world.faults().expect(1, Fault::AnswerLost);
    world.give_up(order).await;
    world.settle().await;
    world.settle().await;
    world.told("payment.refunded").await;
    assert_eq!(world.money().await, ["+150", "-150"]);
}

#[tokio::test]
async fn a_pix_waits_for_its_payer() {
    let world = world().await;
    let order = approved(&world, "CONT").await;
    let pending = world.pay(order).await;
    let pending = pending.expect(StatusCode::ACCEPTED);
    assert!(pending["qrCode"].is_string() && pending["qrCodeBase64"].is_string());
    assert_eq!(pending["expiresAt"], "2026-02-09T10:00:00.000Z");
    world.payer_does(order, Verdict::Approve).await;
    world.settle().await;
    assert_eq!(world.standing(order).await, ["APPROVED"]);
}

#[tokio::test]
async fn a_card_needs_the_token_and_the_brand_that_the_provider_s_form_tells() {
    let world = world().await;
    let order = approved(&world, "Ana Souza").await;
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("CREDIT_CARD");
    let refused = world.post("/payments", tender.clone()).await;
    assert_eq!(refused.fields(), ["token", "cardBrand"]);
    (tender["token"], tender["cardBrand"]) = (json!("a-token"), json!("visa"));
    assert_eq!(world.post("/payments", tender).await.expect(StatusCode::OK)["status"], "APPROVED");
}

#[tokio::test]
async fn what_the_provider_cannot_do_without_is_told_before_anything_is_stored() {
    let world = world().await;
    let order = world.approved("Ana Souza").await;
    let mut tender = world.tender(order).await;
    assert_eq!(world.post("/payments", tender.clone()).await.fields(), ["payer.email"]);
    tender["paymentMethod"] = json!("BOLETO");
    let lacking = ["payer.email", "payer.document", "payer.address"];
    assert_eq!(world.post("/payments", tender.clone()).await.fields(), lacking);
    assert!(world.payments(order).await.is_empty());
    tender["payer"] = json!({ "email": "ana@example.com", "document": "52998224725" });
    assert_eq!(world.post("/payments", tender.clone()).await.fields(), ["payer.address"]);
    tender["payer"]["address"] = home();
    assert_eq!(world.post("/payments", tender).await.expect(StatusCode::OK)["status"], "APPROVED");
    assert_eq!(world.money().await, ["+150"]);
}

fn home() -> serde_json::Value {
    json!({ "zipCode": "01310-100", "street": "Avenida Paulista", "number": "1000", "neighborhood": "Bela Vista",
        "city": "São Paulo", "state": "SP" })
}

#[tokio::test]
async fn a_boleto_is_a_link_and_a_bar_code_and_a_last_day() {
    let world = world().await;
    let order = approved(&world, "CONT").await;
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("BOLETO");
    tender["payer"] = json!({ "address": home() });
    let pending = world.post("/payments", tender).await;
    let pending = pending.expect(StatusCode::ACCEPTED);
    assert_eq!(pending["barcode"].as_str().unwrap().len(), 47, "the digits that are typed");
    assert!(pending["ticketUrl"].is_string());
    assert_eq!(pending["expiresAt"], "2026-02-11T10:00:00.000Z");
}
