//! What the shop takes, and what it writes down of every call to the gateway.

use axum::http::{Method, StatusCode};
use garage_billing_service::gateway::sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::world::{Order, World, text};

async fn trail(world: &World, order: Order) -> Vec<Value> {
    let payment = world.payments(order).await.pop().unwrap();
    let trail = world.get(&format!("/payments/{}/trail", text(&payment["id"]))).await;
    trail.expect(StatusCode::OK).as_array().unwrap().clone()
}

#[tokio::test]
async fn a_method_that_the_shop_does_not_take_is_refused_before_anything_is_stored() {
    let world = World::taking("PIX,CREDIT_CARD").await;
    let order = world.approved("Ana Souza").await;
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("BOLETO");
    let refused = world.post("/payments", tender).await;
    assert_eq!(refused.fields(), ["paymentMethod"]);
    let detail = "is not taken here; the shop takes PIX, CREDIT_CARD";
    assert_eq!(refused.body["errors"][0]["detail"], detail);
    assert!(world.payments(order).await.is_empty() && world.money().await.is_empty());
    world.pay(order).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn every_call_leaves_a_line_with_its_key_and_its_answer() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    world.give_up(order).await;
    world.settle().await;
    let (payment, lines) = (world.payments(order).await.remove(0), trail(&world, order).await);
    let told: Vec<_> = lines.iter().map(|line| (text(&line["asked"]), text(&line["answer"]))).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].0.starts_with("pay 150 by PIX") && told[0].1.starts_with("it is not known"), "{told:?}");
    assert!(told[1].0.starts_with("pay 150 by PIX") && told[1].1.ends_with("Approved"), "{told:?}");
    assert!(told[2].0.starts_with("refund 150 of") && told[2].1.ends_with("is done"), "{told:?}");
    let id = text(&payment["id"]);
    assert_eq!((&lines[0]["key"], &lines[1]["key"]), (&json!(id), &json!(id)));
    assert_eq!(lines[2]["key"], json!(format!("{id}-refund")));
}

#[tokio::test]
async fn what_goes_on_alike_is_one_line() {
    let world = World::sqlite().await;
    let order = world.approved("CONT").await;
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    for _ in 0..5 {
        world.settle().await;
    }
    let lines = trail(&world, order).await;
    assert_eq!((lines.len(), lines[1]["times"].as_u64()), (2, Some(5)), "{lines:?}");
}

#[tokio::test]
async fn a_card_s_token_is_nowhere_in_what_is_written_down() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let mut tender = world.tender(order).await;
    tender["paymentMethod"] = json!("CREDIT_CARD");
    tender["token"] = json!("very-secret-token");
    world.faults().expect(1, Fault::Unavailable);
    world.post("/payments", tender).await.expect(StatusCode::ACCEPTED);
    world.settle().await;
    assert_eq!(world.standing(order).await, ["APPROVED"]);
    let written = json!([trail(&world, order).await, world.payments(order).await]).to_string();
    assert!(!written.contains("very-secret"), "{written}");
}

#[tokio::test]
async fn a_payer_is_described_field_by_field_or_refused() {
    let world = World::sqlite().await;
    let order = world.approved("Ana Souza").await;
    let tender = world.tender(order).await;
    let home = json!({ "zipCode": "01310100", "street": "Avenida Paulista", "number": "1000",
        "neighborhood": "Bela Vista", "city": "São Paulo", "state": "SP" });
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("a b@c.de")),
        ("document", json!("123.456.789-09")),
        ("address.zipCode", json!("0131")),
        ("address.state", json!("São Paulo")),
        ("address.street", Value::Null),
        ("address.number", json!(7)),
    ] {
        let mut payer = json!({ "email": "ana@example.com", "document": "52998224725", "address": home });
        match field.split_once('.') {
            Some((outer, inner)) => payer[outer][inner] = value,
            None => payer[field] = value,
        }
        let mut wrong = tender.clone();
        wrong["payer"] = payer;
        assert_eq!(world.post("/payments", wrong).await.fields(), [format!("payer.{field}")]);
    }
    assert!(world.payments(order).await.is_empty());
}

#[tokio::test]
async fn the_trail_is_the_desk_s_to_read() {
    let world = World::sqlite().await;
    let order = world.paid().await;
    let path = format!("/payments/{}/trail", text(&world.payments(order).await[0]["id"]));
    for (role, status) in
        [("attendant", StatusCode::OK), ("manager", StatusCode::OK), ("technician", StatusCode::FORBIDDEN)]
    {
        world.ask(role, Method::GET, &path, None).await.expect(status);
    }
    let link = format!("work-order:{}", order.id);
    world.ask(&link, Method::GET, &path, None).await.expect(StatusCode::FORBIDDEN);
}
