//! `/customers/{id}/erasure`.

use axum::http::{Method, StatusCode};
use garage_events::{
    Cents, ExecutionId, PaymentId, PaymentMethod, QuoteId, WorkOrderId,
    event::{ExecutionCompleted, ExecutionFailed, PaymentApproved, PaymentRefunded, reason},
};
use garage_kit::store::{Change, Outcome};
use garage_os_service::KINDS;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both_stores,
    shop::{Shop, by, cpf, path, vehicle},
};

/// What only the customer's own data hold.
const THEIRS: [&str; 5] = ["quixada", "quixadá", "52998224725", "11987654321", "guarda-chuva"];

fn quixada() -> Value {
    json!({"name": "Iracema Quixadá", "personType": "INDIVIDUAL", "document": "529.982.247-25",
        "email": "quixada@example.com", "phone": "(11) 98765-4321"})
}

fn at(customer: &Value) -> String {
    format!("/customers/{}", customer["id"].as_str().unwrap())
}

fn erasure(customer: &Value) -> String {
    format!("{}/erasure", at(customer))
}

fn asked() -> Value {
    json!({"reason": "Asked for in writing, art. 18"})
}

fn id(value: &Value) -> Uuid {
    value["id"].as_str().unwrap().parse().unwrap()
}

/// A customer with a car, whose order says much about them.
async fn visit(shop: &Shop) -> (Value, Value, Value) {
    let customer = shop.post("/customers", &quixada()).await.made();
    let car = shop.vehicle(&customer, 1).await;
    let body = json!({"customerId": customer["id"], "vehicleId": car["id"], "description": "Dona Quixada ouve um chiado",
        "metadata": {"left": "guarda-chuva", "km": "82350", "Quixada": 7, "bay": 3}});
    let order = shop.post("/work-orders", &body).await.made();
    (customer, car, order)
}

async fn call_off(shop: &Shop, order: &Value) {
    let why = json!({"reason": "Quixada vendeu o carro"});
    assert_eq!(shop.write(shop.request(Method::DELETE, &path(order)), &why).await.status, StatusCode::OK);
}

/// What of it is still somewhere in the database.
async fn left(shop: &Shop) -> Vec<String> {
    shop.all_has_left().await;
    let rows = shop.rows().await;
    assert!(!rows.is_empty());
    rows.into_iter().filter(|row| THEIRS.iter().any(|theirs| row.to_lowercase().contains(theirs))).collect()
}

fn completed(order: &Value) -> ExecutionCompleted {
    let (parts_used, services_performed) = (Vec::new(), vec!["Brakes".to_owned()]);
    let execution_id = ExecutionId(Uuid::from_u128(7));
    ExecutionCompleted { work_order_id: WorkOrderId(id(order)), execution_id, parts_used, services_performed }
}

fn paid(order: &Value) -> PaymentApproved {
    PaymentApproved {
        work_order_id: WorkOrderId(id(order)),
        payment_id: PaymentId(Uuid::from_u128(8)),
        quote_id: QuoteId(Uuid::from_u128(9)),
        amount: Cents::new(35090).unwrap(),
        payment_method: PaymentMethod::Pix,
    }
}

fn refunded(order: &Value, reason: &str, refund_id: Option<Uuid>) -> PaymentRefunded {
    let PaymentApproved { work_order_id, payment_id, quote_id, amount, .. } = paid(order);
    PaymentRefunded { work_order_id, payment_id, quote_id, amount, reason: reason.to_owned(), refund_id }
}

on_both_stores! {
    an_erased_customer_is_in_no_row_of_any_table
    who_has_an_open_order_is_told_which_and_stays
    money_that_must_go_back_goes_first
    of_an_erasure_and_an_order_at_the_same_moment_one_loses
    whoever_has_not_seen_the_other_is_stopped_by_the_store
    whoever_comes_again_is_somebody_new
    erasing_twice_is_erasing_once
    a_car_stays_with_its_record_and_one_without_goes
    what_is_told_late_brings_nobody_back
}

async fn an_erased_customer_is_in_no_row_of_any_table(shop: Shop) {
    let (customer, car, order) = visit(&shop).await;
    shop.tell(paid(&order)).await;
    shop.tell(completed(&order)).await;
    shop.send_empty(&format!("{}/deliver", path(&order))).await.ok();
    shop.tell(refunded(&order, "Quixada reclamou do risco", Some(Uuid::from_u128(5)))).await;
    let second = shop.order_for(&customer, &car).await;
    call_off(&shop, &second).await;
    assert!(!left(&shop).await.is_empty());
    shop.later();

    let erased = shop.post(&erasure(&customer), &asked()).await.ok();
    let now = "2026-02-08T10:00:01.000Z";
    let expected = json!({"customerId": customer["id"], "erasedAt": now, "erasedBy": "ana",
        "reason": "Asked for in writing, art. 18", "completedAt": now});
    assert_eq!(erased, expected);
    assert_eq!(shop.get(&erasure(&customer)).await.ok(), expected);
    assert_eq!(left(&shop).await, [""; 0]);

    let kept =
        json!({"id": customer["id"], "erasedAt": now, "createdAt": customer["createdAt"], "updatedAt": now});
    assert_eq!(shop.get(&at(&customer)).await.ok(), kept);
    assert_eq!(shop.get("/customers").await.list(), [kept]);
    for words in ["Quixada", "52998224725", "example"] {
        assert_eq!(shop.get(&format!("/customers?q={words}")).await.list(), [""; 0]);
        assert_eq!(shop.get(&format!("/work-orders?q={words}")).await.list(), [""; 0]);
    }
    assert_eq!(shop.get("/work-orders?q=ABC1K01").await.list().len(), 2);
    let read = shop.read(&order).await;
    assert_eq!(
        (&read["status"], &read["description"], &read["metadata"], &read["customerErased"]),
        (&json!("DELIVERED"), &json!(""), &json!({"km": "82350"}), &json!(true))
    );
    assert_eq!((&read["plate"], &read["customerId"]), (&order["plate"], &customer["id"]));
    assert_eq!(shop.read(&second).await["cancellationReason"], reason::ERASED);
    let history = shop.history(&order).await;
    let money: Vec<_> = history.iter().filter(|fact| fact["amount"] == 350.9).collect();
    assert_eq!(money.len(), 2, "{history:?}");
    let public = format!("/public{}/status?document=52998224725", path(&order));
    assert_eq!(shop.get(&public).await.problem(), (404, "not_found".to_owned()));
}

async fn who_has_an_open_order_is_told_which_and_stays(shop: Shop) {
    let (customer, _, order) = visit(&shop).await;
    let reply = shop.post(&erasure(&customer), &asked()).await;
    assert_eq!(reply.problem(), (409, "open_orders".to_owned()));
    assert_eq!(reply.json()["errors"], json!([{"field": order["id"], "detail": "is PENDING"}]));
    assert_eq!(shop.get(&at(&customer)).await.ok(), customer);
    assert_eq!(shop.get(&erasure(&customer)).await.problem(), (404, "not_found".to_owned()));

    shop.tell(completed(&order)).await;
    let reply = shop.post(&erasure(&customer), &asked()).await;
    assert_eq!(reply.json()["errors"][0]["detail"], "is COMPLETED");
    shop.send_empty(&format!("{}/deliver", path(&order))).await.ok();
    shop.post(&erasure(&customer), &asked()).await.ok();
}

async fn money_that_must_go_back_goes_first(shop: Shop) {
    let (customer, _, order) = visit(&shop).await;
    shop.tell(paid(&order)).await;
    call_off(&shop, &order).await;
    let reply = shop.post(&erasure(&customer), &asked()).await;
    assert_eq!(reply.problem(), (409, "open_orders".to_owned()));
    assert_eq!(reply.json()["errors"], json!([{"field": order["id"], "detail": "is CANCELLED"}]));
    shop.tell(refunded(&order, reason::WORK_ORDER_CANCELLED, None)).await;
    shop.post(&erasure(&customer), &asked()).await.ok();
    assert_eq!(left(&shop).await, [""; 0]);
}

async fn of_an_erasure_and_an_order_at_the_same_moment_one_loses(shop: Shop) {
    for n in 1..=16 {
        let customer = shop.customer(n).await;
        let car = shop.vehicle(&customer, n).await;
        let body = json!({"customerId": customer["id"], "vehicleId": car["id"], "description": "Brakes"});
        let ended = shop.post("/work-orders", &body).await.made();
        call_off(&shop, &ended).await;
        let (path, wish) = (erasure(&customer), asked());
        let (erased, opened) = tokio::join!(shop.post(&path, &wish), shop.post("/work-orders", &body));
        match (erased.status, opened.status) {
            (StatusCode::OK, StatusCode::BAD_REQUEST | StatusCode::CONFLICT) => {
                shop.all_has_left().await;
                let theirs: Vec<_> =
                    shop.rows().await.into_iter().filter(|row| row.contains(&cpf(n))).collect();
                assert_eq!(theirs, [""; 0]);
            }
            (StatusCode::CONFLICT, StatusCode::CREATED) => {
                assert_eq!(erased.problem().1, "open_orders");
                assert_eq!(shop.get(&at(&customer)).await.ok(), customer);
            }
            both => panic!("{both:?}: {erased:?} {opened:?}"),
        }
    }
}

/// What the race comes down to, step by step.
async fn whoever_has_not_seen_the_other_is_stopped_by_the_store(shop: Shop) {
    let (customer, _, order) = visit(&shop).await;
    let kind = |name: &str| *KINDS.iter().find(|kind| kind.name == name).unwrap();
    let (customers, orders) = (kind("customers"), kind("work_orders"));
    let opened = shop.store.load(orders, &[id(&order)]).await.unwrap().remove(0);
    let known = shop.store.load(customers, &[id(&customer)]).await.unwrap().remove(0);
    let mut erased: Value = serde_json::from_str(&known.body).unwrap();
    erased["index"] = json!({"erased": "true"});
    let write = |kind, id, expected, body| {
        let change = Change { kind, id, expected, body: Some(body), messages: Vec::new() };
        let store = shop.store.clone();
        async move { store.commit(&[change]).await.unwrap().remove(0) }
    };
    let unseen = write(customers, known.id, known.version, erased.to_string()).await;
    assert_eq!(unseen, Outcome::Dangling, "an order is open");

    call_off(&shop, &order).await;
    shop.post(&erasure(&customer), &asked()).await.ok();
    let unseen = write(orders, Uuid::from_u128(77), 0, opened.body).await;
    assert_eq!(unseen, Outcome::Dangling, "the customer is erased");
}

async fn whoever_comes_again_is_somebody_new(shop: Shop) {
    let (customer, car, order) = visit(&shop).await;
    call_off(&shop, &order).await;
    shop.post(&erasure(&customer), &asked()).await.ok();
    let body = json!({"customerId": customer["id"], "vehicleId": car["id"], "description": "Brakes"});
    assert_eq!(shop.post("/work-orders", &body).await.fields(), ["customerId"]);
    assert_eq!(shop.post("/vehicles", &vehicle(&customer, 2)).await.fields(), ["customerId"]);
    assert_eq!(shop.patch(&at(&customer), &json!({"name": "Iracema"})).await.problem().0, 409);
    assert_eq!(shop.delete(&at(&customer)).await.problem(), (409, "erased".to_owned()));

    let again = shop.post("/customers", &quixada()).await.made();
    assert_ne!(again["id"], customer["id"]);
    shop.put(&format!("/vehicles/{}", id(&car)), &vehicle(&again, 1)).await.ok();
    shop.order_for(&again, &car).await;
    assert_eq!(shop.get(&format!("/work-orders?vehicleId={}", id(&car))).await.list().len(), 2);
    assert_eq!(shop.get(&format!("/vehicles/customer/{}", id(&customer))).await.list(), [""; 0]);
}

async fn erasing_twice_is_erasing_once(shop: Shop) {
    let (customer, _, order) = visit(&shop).await;
    call_off(&shop, &order).await;
    let first = shop.post(&erasure(&customer), &asked()).await;
    shop.later();
    let again = shop.post(&erasure(&customer), &json!({"reason": "once more"})).await;
    assert_eq!((again.ok(), again.header("etag")), (first.ok(), first.header("etag")));
    shop.all_has_left().await;
    let stranger = shop.customer(2).await;
    let theirs = shop.vehicle(&stranger, 2).await;
    shop.order_for(&stranger, &theirs).await;
    // Created, cancelled, the status that followed, the same with the word each time; and then somebody else's.
    let events = shop.told(6).await;
    assert_eq!(events[5]["eventType"], "work-order.created");
    let words: Vec<_> = events.iter().map(|event| &event["data"]["customerErased"]).collect();
    let (no, yes) = (&Value::Null, &json!(true));
    assert_eq!(words, [no, no, no, yes, yes, no], "{events:?}");
    assert_eq!(events[3]["data"]["revision"], events[2]["data"]["revision"]);
}

async fn a_car_stays_with_its_record_and_one_without_goes(shop: Shop) {
    let (customer, car, order) = visit(&shop).await;
    let idle = shop.vehicle(&customer, 2).await;
    call_off(&shop, &order).await;
    shop.post(&erasure(&customer), &asked()).await.ok();
    assert_eq!(shop.get(&format!("/vehicles/{}", id(&idle))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.get("/vehicles/plate/ABC1K01").await.ok()["id"], car["id"]);
    let mut painted = vehicle(&customer, 1);
    painted["color"] = json!("red");
    shop.put(&format!("/vehicles/{}", id(&car)), &painted).await.ok();
}

async fn what_is_told_late_brings_nobody_back(shop: Shop) {
    let (customer, _, order) = visit(&shop).await;
    call_off(&shop, &order).await;
    shop.post(&erasure(&customer), &asked()).await.ok();
    shop.tell(refunded(&order, "Quixada tinha razão", Some(Uuid::from_u128(5)))).await;
    let why = "o parafuso quebrou".to_owned();
    let execution_id = ExecutionId(Uuid::from_u128(7));
    shop.tell(ExecutionFailed { work_order_id: WorkOrderId(id(&order)), execution_id, reason: why }).await;
    shop.send_empty(&format!("{}/nudge", path(&order))).await.ok();
    assert_eq!(left(&shop).await, [""; 0]);
    let history = shop.history(&order).await;
    assert!(history.iter().any(|fact| fact["reason"] == "o parafuso quebrou"), "{history:?}");
    shop.tell(completed(&order)).await;
    assert_eq!(shop.read(&order).await["status"], "COMPLETED");
}

#[tokio::test]
async fn what_is_wrong_with_a_wish_is_named() {
    let shop = Shop::new().await;
    let (customer, _, order) = visit(&shop).await;
    call_off(&shop, &order).await;
    let long = "x".repeat(501);
    for reason in
        [json!(null), json!(""), json!(long), json!("pedido de Iracema"), json!("CPF 529.982.247-25")]
    {
        assert_eq!(shop.post(&erasure(&customer), &json!({"reason": reason})).await.fields(), ["reason"]);
    }
    assert_eq!(shop.get(&at(&customer)).await.ok(), customer);
    let nobody = "/customers/00000000-0000-7000-8000-000000000000/erasure";
    assert_eq!(shop.post(nobody, &asked()).await.problem(), (404, "not_found".to_owned()));
    let stale = shop.request(Method::POST, &erasure(&customer)).header("If-Match", "\"7\"");
    assert_eq!(shop.write(stale, &asked()).await.problem(), (412, "stale".to_owned()));
}

#[tokio::test]
async fn only_a_manager_erases() {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    for role in ["attendant", "technician"] {
        for method in [Method::POST, Method::GET] {
            let request = by(&shop.token(role), method, &erasure(&customer));
            assert_eq!(shop.write(request, &asked()).await.status, StatusCode::FORBIDDEN, "{role}");
        }
    }
    shop.post(&erasure(&customer), &asked()).await.ok();
}
