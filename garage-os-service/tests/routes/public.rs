//! `GET /public/work-orders/{id}/status`.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::shop::{Reply, Shop, cpf, path};

async fn ask(shop: &Shop, path: &str) -> Reply {
    shop.send(Request::get(path).body(Body::empty()).unwrap()).await
}

async fn status(shop: &Shop, id: &str, document: &str) -> Reply {
    ask(shop, &format!("/public/work-orders/{id}/status?document={document}")).await
}

fn id(order: &Value) -> &str {
    order["id"].as_str().unwrap()
}

#[tokio::test]
async fn who_knows_the_order_and_the_document_sees_how_far_it_is_and_no_more() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    for document in ["00000000191", "000.000.001-91", "000%20000%20001%2091"] {
        let reply = status(&shop, id(&order), document).await;
        assert_eq!(
            reply.ok(),
            json!({"id": order["id"], "status": "PENDING", "statusSince": "2026-02-08T10:00:00.000Z",
                "updatedAt": "2026-02-08T10:00:00.000Z"})
        );
        assert_eq!(
            (reply.header("cache-control"), reply.header("referrer-policy")),
            ("no-store", "no-referrer")
        );
    }
    shop.later();
    shop.delete(&path(&order)).await.ok();
    let reply = status(&shop, id(&order), "00000000191").await;
    assert_eq!(
        reply.ok(),
        json!({"id": order["id"], "status": "CANCELLED", "statusSince": "2026-02-08T10:00:01.000Z",
            "updatedAt": "2026-02-08T10:00:01.000Z"})
    );
}

#[tokio::test]
async fn an_unknown_order_and_a_wrong_document_look_alike() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = |reply: Reply| {
        let mut problem = reply.json();
        let told = problem.as_object_mut().unwrap();
        told.remove("requestId");
        told.remove("instance");
        (reply.status, problem)
    };
    let unknown = said(status(&shop, "00000000-0000-7000-8000-000000000000", "00000000191").await);
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    for document in [cpf(2).as_str(), "00000000190", "1", "%C3%A9", "11444777000161"] {
        assert_eq!(said(status(&shop, id(&order), document).await), unknown, "{document}");
    }
}

#[tokio::test]
async fn a_document_that_was_corrected_is_the_one_that_counts() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let customer = format!("/customers/{}", order["customerId"].as_str().unwrap());
    shop.patch(&customer, &json!({"document": cpf(2)})).await.ok();
    assert_eq!(status(&shop, id(&order), &cpf(2)).await.status, StatusCode::OK);
    assert_eq!(status(&shop, id(&order), &cpf(1)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_question_without_a_document_or_an_id_is_none() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    assert_eq!(status(&shop, id(&order), "").await.fields(), ["document"]);
    assert_eq!(status(&shop, id(&order), &"1".repeat(41)).await.fields(), ["document"]);
    assert_eq!(status(&shop, "17", "00000000191").await.fields(), ["id"]);
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    for _ in 0..30 {
        assert_eq!(status(&shop, id(&order), &cpf(2)).await.status, StatusCode::NOT_FOUND);
    }
    let reply = status(&shop, id(&order), "00000000191").await;
    assert_eq!((reply.problem(), reply.header("retry-after")), ((429, "too_many_requests".to_owned()), "2"));
    shop.clock.advance(TimeDelta::seconds(2));
    assert_eq!(status(&shop, id(&order), "00000000191").await.status, StatusCode::OK);
}
