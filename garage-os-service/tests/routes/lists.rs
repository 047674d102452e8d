//! `GET /work-orders`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    on_both_stores,
    shop::{Reply, Shop, path},
};

on_both_stores! {
    orders_are_listed_newest_first_a_page_at_a_time
    orders_are_filtered_by_status_customer_and_vehicle
    orders_are_searched_by_all_that_the_desk_knows_of_them
    an_order_is_found_by_its_number_as_the_papers_have_it
    a_search_for_marks_alone_does_not_find_everything
    a_filter_that_is_none_is_named
}

/// The orders, oldest first: two cars of the first customer, one of the second.
async fn three(shop: &Shop) -> [Value; 3] {
    let (ana, bia) = (shop.customer(1).await, shop.customer(2).await);
    let cars = [shop.vehicle(&ana, 1).await, shop.vehicle(&ana, 2).await, shop.vehicle(&bia, 3).await];
    let mut orders = [Value::Null, Value::Null, Value::Null];
    for ((order, car), owner) in orders.iter_mut().zip(&cars).zip([&ana, &ana, &bia]) {
        shop.later();
        *order = shop.order_for(owner, car).await;
    }
    orders
}

fn ids(items: &[Value]) -> Vec<Value> {
    items.iter().map(|order| order["id"].clone()).collect()
}

async fn found(shop: &Shop, query: &str) -> Vec<Value> {
    ids(&shop.get(&format!("/work-orders?{query}")).await.list())
}

async fn orders_are_listed_newest_first_a_page_at_a_time(shop: Shop) {
    let [first, second, third] = three(&shop).await;
    let page = shop.get("/work-orders?limit=2").await;
    assert_eq!(page.list(), [third, second]);
    let page: Reply = shop.get(&page.next().unwrap()).await;
    assert_eq!((page.list(), page.next()), (vec![first], None));
}

async fn orders_are_filtered_by_status_customer_and_vehicle(shop: Shop) {
    let orders = three(&shop).await;
    shop.delete(&path(&orders[1])).await.ok();
    let [first, second, third] = ids(&orders).try_into().unwrap();
    let of = |field: &str, n: usize| format!("{field}={}", orders[n][field].as_str().unwrap());
    let (ana, bia, car) = (of("customerId", 0), of("customerId", 2), of("vehicleId", 1));
    for (query, expected) in [
        ("status=PENDING".to_owned(), vec![&third, &first]),
        ("status=CANCELLED".to_owned(), vec![&second]),
        ("status=DELIVERED".to_owned(), vec![]),
        (ana.clone(), vec![&second, &first]),
        (bia.to_uppercase().replace("CUSTOMERID", "customerId"), vec![&third]),
        (car.clone(), vec![&second]),
        (format!("{ana}&status=PENDING"), vec![&first]),
        (format!("{bia}&{car}"), vec![]),
        (format!("{ana}&limit=1"), vec![&second]),
        ("customerId=00000000-0000-7000-8000-000000000000".to_owned(), vec![]),
        ("status=&customerId=".to_owned(), vec![&third, &second, &first]),
    ] {
        assert_eq!(found(&shop, &query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

async fn orders_are_searched_by_all_that_the_desk_knows_of_them(shop: Shop) {
    let joao = json!({"name": "João da Conceição", "personType": "INDIVIDUAL", "document": "529.982.247-25", "phone": "11987654321"});
    let joao = shop.post("/customers", &joao).await.made();
    let car =
        json!({"plate": "XYZ-9876", "brand": "VW", "model": "Gol", "year": 1999, "customerId": joao["id"]});
    let car = shop.post("/vehicles", &car).await.made();
    let body =
        json!({"customerId": joao["id"], "vehicleId": car["id"], "description": "Suspensão a 100% / 5W-30"});
    let wanted = shop.post("/work-orders", &body).await.made();
    three(&shop).await;
    let id = wanted["id"].as_str().unwrap();
    for words in [
        "xyz-9876",
        "XYZ%209876",
        "joao%20conceicao",
        "conceicao,%20joao%20suspensao",
        "529%20982%20247-25",
        "(joao)%20xyz9876",
        "XYZ9I76",
        "joao",
        "da%20conceicao",
        "529.982.247-25",
        "52998224725",
        id,
        "suspens%C3%A3o",
        "100%25",
        "5w30",
    ] {
        assert_eq!(found(&shop, &format!("q={words}")).await, [wanted["id"].clone()], "{words}");
    }
    assert_eq!(found(&shop, "q=oil&limit=2").await.len(), 2);
    assert_eq!(found(&shop, "q=oil&status=CANCELLED").await, [] as [Value; 0]);
    for words in ["100_", "%25%25", "nobody", "joao%20nobody"] {
        assert_eq!(found(&shop, &format!("q={words}")).await, [] as [Value; 0], "{words}");
    }
    shop.patch(&path(&wanted), &json!({"description": "Clutch"})).await.ok();
    assert_eq!(found(&shop, "q=clutch").await, [wanted["id"].clone()]);
    assert_eq!(found(&shop, "q=suspens").await, [] as [Value; 0]);
}

async fn an_order_is_found_by_its_number_as_the_papers_have_it(shop: Shop) {
    let [_, wanted, _] = ids(&three(&shop).await).try_into().unwrap();
    let id = wanted.as_str().unwrap();
    let number = &id[id.len() - 6..];
    for words in [
        format!("OS%20{}", number.to_uppercase()),
        format!("os%20%23{number}"),
        format!("%23{number}"),
        format!("%23{id}"),
    ] {
        assert_eq!(found(&shop, &format!("q={words}")).await, std::slice::from_ref(&wanted), "{words}");
    }
}

async fn a_search_for_marks_alone_does_not_find_everything(shop: Shop) {
    three(&shop).await;
    for marks in ["(", ",", "%23", "-", "."] {
        for list in ["work-orders", "customers", "vehicles"] {
            let found = shop.get(&format!("/{list}?q={marks}")).await.list();
            assert_eq!(found, [] as [Value; 0], "{list} {marks}");
        }
    }
}

async fn a_filter_that_is_none_is_named(shop: Shop) {
    let reply = shop.get("/work-orders?status=READY&customerId=me&vehicleId=7&q=a%00b").await;
    assert_eq!(reply.fields(), ["q"]);
    let reply = shop.get("/work-orders?status=READY&customerId=me&vehicleId=7").await;
    assert_eq!(reply.fields(), ["status", "customerId", "vehicleId"]);
    assert_eq!(shop.get("/work-orders?limit=201").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(shop.get(&format!("/work-orders?q={}", "x".repeat(201))).await.fields(), ["q"]);
}
