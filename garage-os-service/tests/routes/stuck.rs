//! `GET /work-orders?stuck=true` and `POST /work-orders/{id}/nudge`.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    on_both_stores,
    shop::{Shop, by, path},
};

on_both_stores! {
    exactly_those_past_their_deadline_are_stuck_the_longest_overdue_first
    an_order_says_whom_it_waits_for
    who_has_the_newest_version_still_hears_that_it_is_stuck
    a_customer_s_link_is_not_told_whom_the_shop_waits_for
    a_manager_s_nudge_tells_an_order_again
    only_a_manager_nudges
}

async fn three(shop: &Shop) -> [Value; 3] {
    let ana = shop.customer(1).await;
    let car = shop.vehicle(&ana, 1).await;
    let mut orders = [Value::Null, Value::Null, Value::Null];
    for order in &mut orders {
        shop.clock.advance(TimeDelta::seconds(20));
        *order = shop.order_for(&ana, &car).await;
    }
    orders
}

async fn exactly_those_past_their_deadline_are_stuck_the_longest_overdue_first(shop: Shop) {
    let orders = three(&shop).await;
    let stuck = |query: &'static str| {
        let shop = &shop;
        async move { shop.get(&format!("/work-orders?stuck=true{query}")).await }
    };
    assert_eq!(stuck("").await.list().len(), 0);
    shop.clock.advance(TimeDelta::seconds(40));
    let ids = |list: &[Value]| list.iter().map(|order| order["id"].clone()).collect::<Vec<_>>();
    let id = |n: usize| orders[n]["id"].clone();
    assert_eq!(ids(&stuck("").await.list()), [id(0), id(1)]);
    let page = stuck("&limit=1").await;
    assert_eq!(ids(&page.list()), [id(0)]);
    let page = shop.get(&page.next().unwrap()).await;
    assert_eq!((ids(&page.list()), page.next()), (vec![id(1)], None));
    assert_eq!(stuck("&status=APPROVED").await.list().len(), 0);
    assert_eq!(stuck("&status=PENDING").await.list().len(), 2);
    shop.delete(&path(&orders[0])).await.ok();
    assert_eq!(ids(&stuck("").await.list()), [id(1)], "what has ended waits for nobody");
    assert_eq!(shop.get("/work-orders?stuck=maybe").await.fields(), ["stuck"]);
    assert_eq!(shop.get("/work-orders?stuck=false").await.list().len(), 3);
}

async fn an_order_says_whom_it_waits_for(shop: Shop) {
    let order = shop.order().await;
    let wanted = json!({"who": "billing-service", "what": "the quote", "since": "2026-02-08T10:00:00.000Z",
        "deadline": "2026-02-08T10:01:00.000Z"});
    assert_eq!((&order["waitingFor"], &order["stuck"]), (&wanted, &json!(false)));
    shop.clock.advance(TimeDelta::minutes(1));
    assert_eq!(shop.read(&order).await["stuck"], json!(true));
    let cancelled = shop.delete(&path(&order)).await.ok();
    assert_eq!((cancelled.get("waitingFor"), cancelled.get("stuck")), (None, None));
}

async fn who_has_the_newest_version_still_hears_that_it_is_stuck(shop: Shop) {
    let order = shop.order().await;
    let asked = async || {
        let known = shop.request(Method::GET, &path(&order)).header("If-None-Match", "\"1\"");
        shop.send(known.body(Body::empty()).unwrap()).await
    };
    assert_eq!(asked().await.status, StatusCode::NOT_MODIFIED);
    shop.clock.advance(TimeDelta::minutes(1));
    let told = asked().await;
    assert_eq!((&told.ok()["stuck"], told.header("etag")), (&json!(true), "\"1\""));
    let named = shop.request(Method::PATCH, &path(&order)).header("If-Match", told.header("etag"));
    shop.write(named, &json!({"description": "Brakes"})).await.ok();
}

async fn a_customer_s_link_is_not_told_whom_the_shop_waits_for(shop: Shop) {
    let order = shop.order().await;
    let link = shop.link(order["id"].as_str().unwrap());
    let seen = shop.send(by(&link, Method::GET, &path(&order)).body(Body::empty()).unwrap()).await.ok();
    assert_eq!((seen.get("waitingFor"), seen.get("stuck")), (None, None));
}

async fn a_manager_s_nudge_tells_an_order_again(shop: Shop) {
    let order = shop.order().await;
    let nudged = shop.post(&format!("{}/nudge", path(&order)), &json!({})).await.ok();
    assert_eq!(nudged, json!({"told": ["work-order.created"]}));
    let told = shop.told(2).await;
    assert_eq!(told[0]["data"], told[1]["data"]);
    assert_ne!(told[0]["eventId"], told[1]["eventId"]);
    assert_eq!(shop.history(&order).await.len(), 1, "nothing has happened");
}

async fn only_a_manager_nudges(shop: Shop) {
    let order = shop.order().await;
    let place = format!("{}/nudge", path(&order));
    for role in ["attendant", "technician"] {
        let request = by(&shop.token(role), Method::POST, &place).body(Body::empty()).unwrap();
        assert_eq!(shop.send(request).await.status, StatusCode::FORBIDDEN);
    }
    let nobody = "/work-orders/00000000-0000-0000-0000-000000000000/nudge";
    assert_eq!(shop.post(nobody, &json!({})).await.status, StatusCode::NOT_FOUND);
}
