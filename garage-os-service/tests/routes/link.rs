//! What the token of a customer's link opens: its own order, without what is the shop's.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};

use crate::shop::{Reply, Shop, by, path};

async fn with_link(shop: &Shop, order: &Value, method: Method, path: &str) -> Reply {
    let token = shop.link(order["id"].as_str().unwrap());
    shop.send(by(&token, method, path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_link_shows_its_order_and_nothing_of_the_shops_or_the_persons() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let inner = json!({"metadata": {"note": "argues about prices"}, "assignedTechnicianId": "tec-1"});
    let order = shop.patch(&path(&order), &inner).await.ok();
    let reply = with_link(&shop, &order, Method::GET, &path(&order)).await;
    let shown = reply.ok();
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["plate"]),
        (&order["id"], &order["status"], &json!("ABC•••1"))
    );
    for secret in ["00000000191", "ana@example.com", "Ana 1", "11987654321", "argues", "tec-1", "ABC1K01"] {
        assert!(!reply.text.contains(secret), "{secret}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_link_opens_nothing_else() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let other = shop.order_for(&json!({"id": order["customerId"]}), &json!({"id": order["vehicleId"]})).await;
    for (method, path) in [
        (Method::GET, path(&other)),
        (Method::GET, "/work-orders".to_owned()),
        (Method::GET, format!("{}/history", path(&order))),
        (Method::GET, format!("/customers/{}", order["customerId"].as_str().unwrap())),
        (Method::DELETE, path(&order)),
        (Method::POST, format!("{}/deliver", path(&order))),
    ] {
        assert_eq!(
            with_link(&shop, &order, method.clone(), &path).await.status,
            StatusCode::FORBIDDEN,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_link_ends_with_its_time() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let token = shop.link(order["id"].as_str().unwrap());
    shop.clock.advance(chrono::TimeDelta::days(10));
    let reply = shop.send(by(&token, Method::GET, &path(&order)).body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
}
