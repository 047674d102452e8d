//! `/vehicles`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    on_both_stores,
    shop::{Shop, path, vehicle},
};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

fn at(vehicle: &Value) -> String {
    format!("/vehicles/{}", vehicle["id"].as_str().unwrap())
}

/// A request for the first plate, but for one field.
fn with(customer: &Value, field: &str, value: Value) -> Value {
    let mut body = vehicle(customer, 1);
    body[field] = value;
    body
}

#[tokio::test]
async fn a_vehicle_is_registered_and_read_back() {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    let body = json!({"plate": "abc-1234", "brand": "Toyota", "model": "Corolla", "year": 2027, "customerId": customer["id"],
        "color": "prata", "vin": "9bwzzz377vt004251"});
    let reply = shop.post("/vehicles", &body).await;
    let made = reply.made();
    assert_eq!((reply.header("location"), reply.header("etag")), (at(&made).as_str(), "\"1\""));
    let expected = json!({"id": made["id"], "customerId": customer["id"], "plate": "ABC1234", "brand": "Toyota", "model": "Corolla",
        "year": 2027, "color": "prata", "vin": "9BWZZZ377VT004251",
        "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z"});
    assert_eq!(made, expected);
    assert_eq!(shop.get(&at(&made)).await.ok(), expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_vehicle_is_named() {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    for (field, value) in [
        ("plate", json!("ABC12")),
        ("plate", json!(null)),
        ("plate", json!(1234)),
        ("brand", json!("")),
        ("model", json!("x".repeat(61))),
        ("year", json!(1899)),
        ("year", json!(2028)),
        ("year", json!("2024")),
        ("year", json!(2024.5)),
        ("year", json!(-1)),
        ("year", json!(99_999_999_999_u64)),
        ("color", json!({})),
        ("vin", json!("9BWZZZ377VTO04251")),
        ("customerId", json!("me")),
        ("customerId", json!(null)),
        ("customerId", json!(NOBODY)),
    ] {
        let reply = shop.post("/vehicles", &with(&customer, field, value.clone())).await;
        assert_eq!(reply.fields(), [field], "{field} {value}");
    }
    assert_eq!(shop.get("/vehicles").await.list(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_no_id_is_400() {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    let nothing = format!("/vehicles/{NOBODY}");
    for reply in [
        shop.get(&nothing).await,
        shop.put(&nothing, &vehicle(&customer, 1)).await,
        shop.delete(&nothing).await,
    ] {
        assert_eq!(reply.problem(), (404, "not_found".to_owned()));
    }
    assert_eq!(shop.get("/vehicles/17").await.fields(), ["id"]);
    assert_eq!(shop.get("/vehicles/customer/17").await.fields(), ["customerId"]);
    assert_eq!(shop.get("/vehicles/plate/ABC12").await.fields(), ["plate"]);
    assert_eq!(shop.get("/vehicles/plate/ABC1D23").await.status, StatusCode::NOT_FOUND);
}

on_both_stores! {
    a_car_is_one_under_both_of_its_plates
    a_vehicle_is_written_down_anew
    an_owner_who_does_not_exist_is_refused_also_by_the_store
    the_vehicles_of_a_customer_are_listed
    the_list_is_searched_by_plate_brand_model_and_chassis_number
    a_vehicle_with_orders_stays
    a_sold_car_leaves_its_past_orders_with_the_seller
}

async fn a_car_is_one_under_both_of_its_plates(shop: Shop) {
    let customer = shop.customer(1).await;
    let made = shop.post("/vehicles", &with(&customer, "plate", json!("ABC-1234"))).await.made();
    for form in ["ABC1234", "ABC-1234", "abc1c34", "ABC1C34"] {
        assert_eq!(shop.get(&format!("/vehicles/plate/{form}")).await.ok(), made, "{form}");
        let again = shop.post("/vehicles", &with(&customer, "plate", json!(form))).await;
        assert_eq!(again.problem(), (409, "taken".to_owned()), "{form}");
        assert_eq!(again.json()["message"], "another vehicle has this plate");
    }
    let other = shop.vehicle(&customer, 2).await;
    let taken = shop.put(&at(&other), &with(&customer, "plate", json!("ABC1C34"))).await;
    assert_eq!(taken.problem(), (409, "taken".to_owned()));
    let replated = shop.put(&at(&made), &with(&customer, "plate", json!("ABC1C34"))).await.ok();
    assert_eq!(replated["plate"], "ABC1C34");
    assert_eq!(shop.get("/vehicles/plate/ABC1234").await.ok()["id"], made["id"]);
}

async fn a_vehicle_is_written_down_anew(shop: Shop) {
    let customer = shop.customer(1).await;
    let made = shop.post("/vehicles", &with(&customer, "color", json!("prata"))).await.made();
    shop.later();
    let request = shop.request(Method::PUT, &at(&made)).header("If-Match", "\"1\"");
    let changed = shop.write(request, &with(&customer, "year", json!(2025))).await;
    assert_eq!((changed.header("etag"), &changed.ok()["year"]), ("\"2\"", &json!(2025)));
    assert!(changed.json().get("color").is_none(), "what is missing is gone");
    assert_eq!(changed.json()["updatedAt"], "2026-02-08T10:00:01.000Z");
    let request = shop.request(Method::PUT, &at(&made)).header("If-Match", "\"1\"");
    assert_eq!(shop.write(request, &vehicle(&customer, 1)).await.problem(), (412, "stale".to_owned()));
    assert_eq!(
        shop.put(&at(&made), &json!({})).await.fields(),
        ["customerId", "plate", "brand", "model", "year"]
    );
}

async fn an_owner_who_does_not_exist_is_refused_also_by_the_store(shop: Shop) {
    let customer = shop.customer(1).await;
    let made = shop.vehicle(&customer, 1).await;
    let orphan = with(&customer, "customerId", json!(NOBODY));
    let mut fresh = vehicle(&customer, 2);
    fresh["customerId"] = json!(NOBODY);
    assert_eq!(shop.post("/vehicles", &fresh).await.fields(), ["customerId"]);
    assert_eq!(shop.put(&at(&made), &orphan).await.fields(), ["customerId"]);
    assert_eq!(shop.get(&at(&made)).await.ok()["customerId"], customer["id"]);
}

async fn the_vehicles_of_a_customer_are_listed(shop: Shop) {
    let (ana, bia) = (shop.customer(1).await, shop.customer(2).await);
    let mut cars = Vec::new();
    for n in 1..=3 {
        shop.later();
        cars.push(shop.vehicle(&ana, n).await);
    }
    let of = |customer: &Value| format!("/vehicles/customer/{}", customer["id"].as_str().unwrap());
    cars.reverse();
    assert_eq!(shop.get(&of(&ana)).await.list(), cars);
    assert_eq!(shop.get(&of(&bia)).await.list(), [] as [Value; 0]);
    let page = shop.get(&format!("{}?limit=2", of(&ana))).await;
    assert_eq!(page.list(), cars[..2]);
    assert_eq!(shop.get(&page.next().unwrap()).await.list(), cars[2..]);
    assert_eq!(
        shop.get(&format!("/vehicles/customer/{NOBODY}")).await.problem(),
        (404, "not_found".to_owned())
    );
}

async fn the_list_is_searched_by_plate_brand_model_and_chassis_number(shop: Shop) {
    let customer = shop.customer(1).await;
    let mut gol = with(&customer, "plate", json!("XYZ-9876"));
    gol["brand"] = json!("Citroën");
    gol["vin"] = json!("9BWZZZ377VT004251");
    shop.post("/vehicles", &gol).await.made();
    shop.vehicle(&customer, 1).await;
    for (words, plate) in [
        ("xyz-98", "XYZ9876"),
        ("XYZ9I76", "XYZ9876"),
        ("citroen", "XYZ9876"),
        ("377vt", "XYZ9876"),
        ("toyota%20cor", "ABC1K01"),
        ("corolla%20toyota", "ABC1K01"),
        ("XYZ%209876", "XYZ9876"),
        ("xyz-9876%20citroen", "XYZ9876"),
    ] {
        let found = shop.get(&format!("/vehicles?q={words}")).await.list();
        assert_eq!(
            found.iter().map(|car| car["plate"].as_str().unwrap()).collect::<Vec<_>>(),
            [plate],
            "{words}"
        );
    }
}

async fn a_vehicle_with_orders_stays(shop: Shop) {
    let order = shop.order().await;
    let car = format!("/vehicles/{}", order["vehicleId"].as_str().unwrap());
    assert_eq!(shop.delete(&car).await.problem(), (409, "in_use".to_owned()));
    let customer = format!("/customers/{}", order["customerId"].as_str().unwrap());
    assert_eq!(shop.delete(&customer).await.problem(), (409, "in_use".to_owned()));
    assert_eq!(shop.read(&order).await["status"], "PENDING");
}

async fn a_sold_car_leaves_its_past_orders_with_the_seller(shop: Shop) {
    let (seller, buyer) = (shop.customer(1).await, shop.customer(2).await);
    let car = shop.vehicle(&seller, 1).await;
    let order = shop.order_for(&seller, &car).await;
    assert_eq!(shop.put(&at(&car), &vehicle(&buyer, 1)).await.ok()["customerId"], buyer["id"]);
    assert_eq!(shop.get(&path(&order)).await.ok()["customerId"], seller["id"]);
    shop.order_for(&buyer, &car).await;
}
