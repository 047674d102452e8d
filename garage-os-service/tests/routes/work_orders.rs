//! `/work-orders`: taking a car in, editing, calling off, giving back.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use garage_events::{
    Cents, CustomerId, Event, ExecutionId, QuoteId,
    event::{ExecutionCompleted, QuoteCreated},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shop::{Reply, Shop, path};

const SERVICE: &str = "0a000000-0000-4000-8000-000000000001";
const PART: &str = "0b000000-0000-4000-8000-000000000001";
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A shop with a customer and a car, and the request that takes it in.
async fn with_a_car() -> (Shop, Value) {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    let vehicle = shop.vehicle(&customer, 1).await;
    let body = json!({"customerId": customer["id"], "vehicleId": vehicle["id"], "description": "Oil change and filter replacement 1"});
    (shop, body)
}

fn with(body: &Value, field: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[field] = value;
    body
}

/// The workshop says that it is done.
pub(crate) async fn complete(shop: &Shop, order: &Value) {
    let work_order_id = serde_json::from_value(order["id"].clone()).unwrap();
    let execution_id = ExecutionId(Uuid::from_u128(9));
    let done =
        ExecutionCompleted { work_order_id, execution_id, parts_used: vec![], services_performed: vec![] };
    shop.tell(Event::from(done)).await;
}

async fn tagged(shop: &Shop, method: Method, path: &str, tag: &str, body: &str) -> Reply {
    let request =
        shop.request(method, path).header("If-Match", tag).header("Content-Type", "application/json");
    shop.send(request.body(body.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn a_car_is_taken_in() {
    let (shop, mut body) = with_a_car().await;
    body["estimatedCost"] = json!(150.5);
    body["services"] = json!([SERVICE, {"serviceId": SERVICE, "quantity": 2}]);
    body["parts"] = json!([{"partId": PART, "quantity": 1.5}, {"id": PART}]);
    body["assignedTechnicianId"] = json!("tec-1");
    body["estimatedCompletionDate"] = json!("2026-02-10T14:00:00-03:00");
    body["metadata"] = json!({"bay": 3});
    let reply = shop.post("/work-orders", &body).await;
    let made = reply.made();
    assert_eq!((reply.header("location"), reply.header("etag")), (path(&made).as_str(), "\"1\""));
    let expected = json!({
        "id": made["id"], "customerId": body["customerId"], "vehicleId": body["vehicleId"], "plate": "ABC1K01",
        "description": "Oil change and filter replacement 1", "status": "PENDING", "estimatedCost": 150.5,
        "services": [{"serviceId": SERVICE, "quantity": 1}, {"serviceId": SERVICE, "quantity": 2}],
        "parts": [{"partId": PART, "quantity": 1.5}, {"partId": PART, "quantity": 1}],
        "assignedTechnicianId": "tec-1", "estimatedCompletionDate": "2026-02-10T17:00:00.000Z", "metadata": {"bay": 3},
        "statusSince": "2026-02-08T10:00:00.000Z",
        "revision": 0, "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z",
        "stuck": false, "waitingFor": {"who": "billing-service", "what": "the quote",
            "since": "2026-02-08T10:00:00.000Z", "deadline": "2026-02-08T10:01:00.000Z"},
    });
    assert_eq!(made, expected);
    assert_eq!(shop.read(&made).await, expected);
}

#[tokio::test]
async fn billing_hears_of_a_car_that_was_taken_in() {
    let (shop, mut body) = with_a_car().await;
    body["estimatedCost"] = json!(150.5);
    body["services"] = json!([SERVICE]);
    let made = shop.post("/work-orders", &body).await.made();
    let told = &shop.told(1).await[0];
    assert_eq!((&told["eventType"], &told["source"]), (&json!("work-order.created"), &json!("os-service")));
    assert_eq!((&told["correlationId"], &told["causationId"]), (&made["id"], &Value::Null));
    let data = json!({"workOrderId": made["id"], "customerId": body["customerId"], "vehicleId": body["vehicleId"], "status": "PENDING",
        "description": "Oil change and filter replacement 1", "estimatedCost": 150.5, "services": [{"serviceId": SERVICE, "quantity": 1}],
        "customer": {"name": "Ana 1", "email": "ana@example.com", "document": "00000000191"}});
    assert_eq!(told["data"], data);
}

#[tokio::test]
async fn a_day_that_is_promised_lasts_until_it_is_over_in_brazil() {
    let (shop, body) = with_a_car().await;
    for (day, end) in [
        ("2026-02-10", "2026-02-11T02:59:59.000Z"),
        (" 2026-12-31 ", "2027-01-01T02:59:59.000Z"),
        ("2026-02-10T14:00:00-03:00", "2026-02-10T17:00:00.000Z"),
    ] {
        let order = with(&body, "estimatedCompletionDate", json!(day));
        assert_eq!(shop.post("/work-orders", &order).await.made()["estimatedCompletionDate"], end, "{day}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_named_where_it_stands() {
    let (shop, body) = with_a_car().await;
    for (field, value, place) in [
        ("customerId", json!(null), "customerId"),
        ("customerId", json!(7), "customerId"),
        ("vehicleId", json!("car"), "vehicleId"),
        ("description", json!(""), "description"),
        ("description", json!("x".repeat(2001)), "description"),
        ("description", json!(["oil"]), "description"),
        ("estimatedCost", json!(-0.01), "estimatedCost"),
        ("estimatedCost", json!(10.005), "estimatedCost"),
        ("estimatedCost", json!(10_000_000_000.0), "estimatedCost"),
        ("estimatedCost", json!(1e300), "estimatedCost"),
        ("estimatedCost", json!("150.5"), "estimatedCost"),
        ("estimatedCost", json!(true), "estimatedCost"),
        ("services", json!("oil"), "services"),
        ("services", json!(vec![SERVICE; 101]), "services"),
        ("services", json!([SERVICE, "oil"]), "services[1]"),
        ("services", json!([{"quantity": 1}]), "services[0].serviceId"),
        ("services", json!([{"id": 1}]), "services[0].id"),
        ("services", json!([[SERVICE]]), "services[0]"),
        ("parts", json!([{"partId": PART, "quantity": 0}]), "parts[0].quantity"),
        ("parts", json!([{"partId": PART, "quantity": -1}]), "parts[0].quantity"),
        ("parts", json!([null]), "parts[0]"),
        ("assignedTechnicianId", json!(" "), "assignedTechnicianId"),
        ("estimatedCompletionDate", json!("tomorrow"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("2026-02-30"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("2026-02-10T14:00:00"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("+99999-01-01"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("+2026-02-10"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("-5-1-1"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("10000-01-01"), "estimatedCompletionDate"),
        ("estimatedCompletionDate", json!("9999-12-31"), "estimatedCompletionDate"),
        ("metadata", json!([]), "metadata"),
        ("metadata", json!({"note": "x".repeat(8192)}), "metadata"),
        ("metadata", json!({"note": "a\u{0}b"}), "metadata.note"),
    ] {
        let reply = shop.post("/work-orders", &with(&body, field, value.clone())).await;
        assert_eq!(reply.fields(), [place], "{field} {value}");
    }
    let all = shop.post("/work-orders", &json!({"estimatedCost": -1, "parts": [1]})).await;
    assert_eq!(all.fields(), ["customerId", "vehicleId", "description", "estimatedCost", "parts[0]"]);
    assert_eq!(shop.get("/work-orders").await.list(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_car_comes_with_its_owner() {
    let (shop, body) = with_a_car().await;
    let other = shop.customer(2).await;
    assert_eq!(
        shop.post("/work-orders", &with(&body, "customerId", other["id"].clone())).await.fields(),
        ["vehicleId"]
    );
    assert_eq!(
        shop.post("/work-orders", &with(&body, "vehicleId", json!(NOBODY))).await.fields(),
        ["vehicleId"]
    );
    let stranger = with(&with(&body, "vehicleId", json!(NOBODY)), "customerId", json!(NOBODY));
    assert_eq!(shop.post("/work-orders", &stranger).await.fields(), ["customerId", "vehicleId"]);
}

async fn keyed(shop: &Shop, key: &str, body: &Value) -> Reply {
    shop.write(shop.request(Method::POST, "/work-orders").header("Idempotency-Key", key), body).await
}

#[tokio::test]
async fn a_command_that_comes_twice_takes_one_car_in() {
    let (shop, body) = with_a_car().await;
    let first = keyed(&shop, "k-1", &body).await;
    let again = keyed(&shop, "k-1", &body).await;
    assert_eq!(
        (again.status, &again.text, again.header("location")),
        (StatusCode::CREATED, &first.text, first.header("location"))
    );
    assert_ne!(keyed(&shop, "k-2", &body).await.made()["id"], first.made()["id"]);
    assert_eq!(shop.told(2).await.len(), 2);
    assert_eq!(shop.get("/work-orders").await.list().len(), 2);
}

#[tokio::test]
async fn commands_that_race_with_one_key_take_one_car_in() {
    let (shop, body) = with_a_car().await;
    let racing = [(); 6].map(|()| keyed(&shop, "k-1", &body));
    let [a, b, c, d, e, f] = racing;
    let (a, b, c, d, e, f) = tokio::join!(a, b, c, d, e, f);
    let first = a.made();
    assert!([b, c, d, e, f].iter().all(|reply| reply.made() == first));
    assert_eq!(shop.get("/work-orders").await.list(), [first]);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let (shop, body) = with_a_car().await;
    keyed(&shop, "k-1", &body).await.made();
    let other = keyed(&shop, "k-1", &with(&body, "description", json!("Brakes"))).await;
    assert_eq!(other.problem(), (409, "idempotency_key_reused".to_owned()));
}

#[tokio::test]
async fn a_command_that_comes_late_meets_its_order_whatever_has_happened_since() {
    let (shop, body) = with_a_car().await;
    let made = keyed(&shop, "k-1", &body).await.made();
    complete(&shop, &made).await;
    let buyer = shop.customer(2).await;
    let sold = crate::shop::vehicle(&buyer, 1);
    shop.put(&format!("/vehicles/{}", body["vehicleId"].as_str().unwrap()), &sold).await.ok();
    let late = keyed(&shop, "k-1", &body).await.made();
    assert_eq!((&late["id"], &late["status"]), (&made["id"], &json!("COMPLETED")));
    assert_eq!(keyed(&shop, "k-2", &body).await.fields(), ["vehicleId"]);
}

#[tokio::test]
async fn a_body_over_a_mebibyte_is_too_large() {
    let (shop, body) = with_a_car().await;
    let reply = shop.post("/work-orders", &with(&body, "description", json!("x".repeat(1 << 20)))).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_no_id_is_400() {
    let shop = Shop::new().await;
    let nothing = format!("/work-orders/{NOBODY}");
    let (deliver, history) = (format!("{nothing}/deliver"), format!("{nothing}/history"));
    for reply in [
        shop.get(&nothing).await,
        shop.patch(&nothing, &json!({"description": "x"})).await,
        shop.patch(&nothing, &json!({"status": "APPROVED"})).await,
        shop.delete(&nothing).await,
        shop.post(&deliver, &Value::Null).await,
        shop.get(&history).await,
    ] {
        assert_eq!(reply.problem(), (404, "not_found".to_owned()));
        assert_eq!(reply.json()["message"], "there is no such work order");
    }
    assert_eq!(shop.get("/work-orders/17").await.fields(), ["id"]);
}

#[tokio::test]
async fn who_has_the_newest_version_is_not_sent_it_again() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let known = |tag| {
        shop.request(Method::GET, &path(&order)).header("If-None-Match", tag).body(Body::empty()).unwrap()
    };
    let reply = shop.send(known("\"1\"")).await;
    assert_eq!(
        (reply.status, reply.header("etag"), reply.text.as_str()),
        (StatusCode::NOT_MODIFIED, "\"1\"", "")
    );
    shop.patch(&path(&order), &json!({"description": "Brakes"})).await.ok();
    let reply = shop.send(known("\"1\"")).await;
    assert_eq!((reply.header("etag"), &reply.ok()["description"]), ("\"2\"", &json!("Brakes")));
}

#[tokio::test]
async fn a_decision_on_a_passed_version_is_refused() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let edited = tagged(&shop, Method::PATCH, &path(&order), "\"1\"", r#"{"description": "Brakes"}"#).await;
    assert_eq!((edited.status, edited.header("etag")), (StatusCode::OK, "\"2\""));
    complete(&shop, &order).await;
    for (method, path, body) in [
        (Method::PATCH, path(&order), r#"{"description": "Clutch"}"#),
        (Method::PATCH, path(&order), r#"{"status": "DELIVERED"}"#),
        (Method::DELETE, path(&order), ""),
        (Method::POST, format!("{}/deliver", path(&order)), ""),
    ] {
        let stale = tagged(&shop, method.clone(), &path, "\"2\"", body).await;
        assert_eq!(stale.problem(), (412, "stale".to_owned()), "{method} {body}");
    }
    assert_eq!(shop.read(&order).await["status"], "COMPLETED");
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_null_takes_away() {
    let (shop, mut body) = with_a_car().await;
    body["metadata"] = json!({"bay": 3});
    let made = shop.post("/work-orders", &body).await.made();
    shop.later();
    let edit = json!({"metadata": null, "assignedTechnicianId": "tec-2", "customerId": NOBODY});
    let edited = shop.patch(&path(&made), &edit).await.ok();
    let mut expected = made.clone();
    expected.as_object_mut().unwrap().remove("metadata");
    expected["assignedTechnicianId"] = json!("tec-2");
    expected["updatedAt"] = json!("2026-02-08T10:00:01.000Z");
    assert_eq!(edited, expected);
    assert_eq!(shop.read(&made).await, expected);
    let wrong = json!({"description": null, "estimatedCost": 0.001, "services": [0], "status": "READY"});
    assert_eq!(
        shop.patch(&path(&made), &wrong).await.fields(),
        ["description", "estimatedCost", "services[0]", "status"]
    );
}

#[tokio::test]
async fn the_deepest_metadata_that_is_taken_reads_back() {
    let (shop, body) = with_a_car().await;
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "in": inner }));
    let made = shop.post("/work-orders", &with(&body, "metadata", nested(17))).await.made();
    assert_eq!(shop.read(&made).await["metadata"], nested(17));
    for levels in [18, 60, 120] {
        let reply = shop.post("/work-orders", &with(&body, "metadata", nested(levels))).await;
        assert_eq!(reply.fields(), ["metadata"], "{levels}");
    }
}

#[tokio::test]
async fn what_a_quote_is_made_from_is_not_changed_behind_its_back_from_the_beginning() {
    let (shop, mut body) = with_a_car().await;
    body["estimatedCost"] = json!(150.5);
    body["services"] = json!([SERVICE]);
    let order = shop.post("/work-orders", &body).await.made();
    for edit in [
        json!({"estimatedCost": 99}),
        json!({"estimatedCost": null}),
        json!({"services": [{"id": SERVICE, "quantity": 2}]}),
        json!({"services": null}),
        json!({"parts": [PART], "description": "Brakes"}),
    ] {
        let refused = shop.patch(&path(&order), &edit).await;
        assert_eq!(refused.problem(), (409, "conflict".to_owned()), "{edit}");
        let message = "changing what the quote was made from is not possible: the work order is PENDING";
        assert_eq!(refused.json()["message"], message);
    }
    let same = json!({"estimatedCost": 150.5, "services": [{"id": SERVICE}], "parts": null});
    assert_eq!(shop.patch(&path(&order), &same).await.ok(), order, "the same again is fine");
}

#[tokio::test]
async fn what_a_quote_was_made_from_stays_once_there_is_one() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let work_order_id = serde_json::from_value(order["id"].clone()).unwrap();
    let (quote_id, customer_id) = (QuoteId(Uuid::from_u128(1)), CustomerId(Uuid::from_u128(2)));
    let total_amount = Cents::new(15_000).unwrap();
    let valid_until = "2026-02-18T10:00:00Z".parse().unwrap();
    shop.tell(QuoteCreated { work_order_id, quote_id, customer_id, total_amount, valid_until }).await;
    let refused = shop.patch(&path(&order), &json!({"parts": [PART]})).await;
    assert_eq!(refused.problem().0, 409);
    let edited = shop.patch(&path(&order), &json!({"description": "It squeals when cold"})).await.ok();
    assert_eq!(edited["description"], "It squeals when cold");
}

#[tokio::test]
async fn a_status_that_others_decide_is_refused_and_says_who() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    for (status, who) in [
        ("PENDING", "every order begins with it"),
        ("QUOTED", "Billing"),
        ("QUOTE_SENT", "Billing"),
        ("APPROVED", "the customer decides it by approving"),
        ("IN_PROGRESS", "by paying"),
        ("COMPLETED", "the workshop"),
        ("FAILED", "the workshop"),
        ("CANCELLED", "DELETE"),
    ] {
        let reply = shop.patch(&path(&order), &json!({"description": "Brakes", "status": status})).await;
        assert_eq!(reply.problem(), (409, "conflict".to_owned()), "{status}");
        let message = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(who) && message.ends_with("the work order is PENDING"), "{message}");
    }
    assert_eq!(shop.read(&order).await, order, "nothing was half done");
}

#[tokio::test]
async fn a_finished_car_is_given_back_once() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let deliver = format!("{}/deliver", path(&order));
    let early = shop.post(&deliver, &Value::Null).await;
    assert_eq!(early.problem(), (409, "conflict".to_owned()));
    assert_eq!(early.json()["message"], "delivering is not possible: the work order is PENDING");
    complete(&shop, &order).await;
    let delivered = shop.post(&deliver, &Value::Null).await;
    assert_eq!((&delivered.ok()["status"], delivered.header("etag")), (&json!("DELIVERED"), "\"3\""));
    let again = shop.post(&deliver, &Value::Null).await;
    assert_eq!((again.ok(), again.header("etag")), (delivered.ok(), "\"3\""));
    assert_eq!(shop.history(&order).await.last().unwrap()["by"], "ana");
}

#[tokio::test]
async fn a_patch_can_give_the_car_back_and_edit_in_one_go() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    assert_eq!(shop.patch(&path(&order), &json!({"status": "DELIVERED"})).await.status, StatusCode::CONFLICT);
    complete(&shop, &order).await;
    let edit = json!({"status": "DELIVERED", "metadata": {"paidWith": "PIX"}});
    let delivered = shop.patch(&path(&order), &edit).await.ok();
    assert_eq!(
        (&delivered["status"], &delivered["metadata"]["paidWith"]),
        (&json!("DELIVERED"), &json!("PIX"))
    );
    assert_eq!(shop.patch(&path(&order), &edit).await.ok(), delivered, "as it may come again");
    for late in [json!({"description": "Brakes"}), json!({"status": "DELIVERED", "metadata": null})] {
        let late = shop.patch(&path(&order), &late).await;
        assert_eq!(late.json()["message"], "editing is not possible: the work order is DELIVERED");
    }
}

#[tokio::test]
async fn calling_off_says_why_in_the_body_or_the_query_or_not_at_all() {
    let shop = Shop::new().await;
    let customer = shop.customer(1).await;
    let vehicle = shop.vehicle(&customer, 1).await;
    for (query, body, reason) in [
        ("", "", "CUSTOMER_REQUEST"),
        ("", r#"{"reason": null}"#, "CUSTOMER_REQUEST"),
        ("", r#"{"reason": "the car was stolen"}"#, "the car was stolen"),
        ("?reason=sold%20it", "", "sold it"),
        ("?reason=sold%20it", "{}", "sold it"),
        ("?reason=sold%20it", r#"{"reason": "stolen"}"#, "stolen"),
    ] {
        let order = shop.order_for(&customer, &vehicle).await;
        let request = shop
            .request(Method::DELETE, &format!("{}{query}", path(&order)))
            .header("Content-Type", "application/json");
        let cancelled = shop.send(request.body(body.to_owned().into()).unwrap()).await.ok();
        assert_eq!(
            (&cancelled["status"], &cancelled["cancellationReason"]),
            (&json!("CANCELLED"), &json!(reason))
        );
        assert_eq!(shop.read(&order).await, cancelled);
    }
}

#[tokio::test]
async fn a_reason_that_is_none_calls_nothing_off() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let long = json!({"reason": "x".repeat(501)}).to_string();
    for body in [r#"{"reason": 7}"#, r#"{"reason": ""}"#, "{\"reason\": \"a\\u0000b\"}", &long] {
        let request = shop.request(Method::DELETE, &path(&order)).header("Content-Type", "application/json");
        assert_eq!(
            shop.send(request.body(body.to_owned().into()).unwrap()).await.fields(),
            ["reason"],
            "{body}"
        );
    }
    let request = shop.request(Method::DELETE, &path(&order)).header("Content-Type", "application/json");
    assert_eq!(shop.send(request.body("{".into()).unwrap()).await.problem(), (400, "malformed".to_owned()));
    let request = shop.request(Method::DELETE, &path(&order));
    assert_eq!(
        shop.send(request.body("reason".into()).unwrap()).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(shop.read(&order).await["status"], "PENDING");
}

#[tokio::test]
async fn an_order_is_called_off_once_and_everybody_hears_of_it() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let cancelled = shop.delete(&path(&order)).await;
    let again = shop.delete(&format!("{}?reason=again", path(&order))).await;
    assert_eq!((again.ok(), again.header("etag")), (cancelled.ok(), cancelled.header("etag")));
    shop.order_for(&json!({"id": order["customerId"]}), &json!({"id": order["vehicleId"]})).await;
    let told: Vec<_> = shop.told(4).await.into_iter().map(|event| event["eventType"].clone()).collect();
    assert_eq!(
        told,
        ["work-order.created", "work-order.cancelled", "work-order.status-changed", "work-order.created"]
    );
}

#[tokio::test]
async fn finished_work_is_not_called_off() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    complete(&shop, &order).await;
    let late = shop.delete(&path(&order)).await;
    assert_eq!(late.json()["message"], "cancelling is not possible: the work order is COMPLETED");
    assert_eq!(
        (late.status, &shop.read(&order).await["status"]),
        (StatusCode::CONFLICT, &json!("COMPLETED"))
    );
}

#[tokio::test]
async fn what_has_ended_is_edited_no_more() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    shop.delete(&path(&order)).await.ok();
    let late = shop.patch(&path(&order), &json!({"description": "Brakes"})).await;
    assert_eq!(late.json()["message"], "editing is not possible: the work order is CANCELLED");
    assert_eq!(shop.patch(&path(&order), &json!({})).await.ok()["status"], "CANCELLED");
}
