//! `/quotes`.

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use garage_events::{WorkOrderId, WorkOrderStatus, event::WorkOrderStatusChanged};
use serde_json::{Value, json};

use crate::world::{Order, Reply, World, text};

on_every_store! {
    the_list_is_narrowed_and_goes_through_every_quote_once
    lines_are_replaced_while_the_quote_is_pending
    the_same_command_writes_a_quote_once
    a_text_that_nobody_sends_again_is_stuck
}

async fn path(world: &World, order: Order) -> String {
    format!("/quotes/{}", text(&world.quote(order).await["id"]))
}

fn ids(reply: &Reply, field: &str) -> Vec<String> {
    let items = reply.expect(StatusCode::OK).as_array().unwrap();
    items.iter().map(|item| text(&item[field]).to_owned()).collect()
}

/// The target of the link to the next page.
fn next(reply: &Reply) -> Option<String> {
    Some(reply.header("link").strip_prefix('<')?.split_once('>')?.0.to_owned())
}

async fn the_list_is_narrowed_and_goes_through_every_quote_once(world: World) {
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(world.order("Ana Souza").await);
        world.clock.advance(TimeDelta::seconds(1));
    }
    world.say(orders[3], "approve").await.expect(StatusCode::OK);
    let (mut page, mut seen) = (Some("/quotes?limit=2".to_owned()), Vec::new());
    while let Some(path) = page {
        let reply = world.get(&path).await;
        seen.extend(ids(&reply, "workOrderId"));
        page = next(&reply);
    }
    let newest_first: Vec<String> = orders.iter().rev().map(|order| order.id.to_string()).collect();
    assert_eq!(seen, newest_first);

    let approved = world.get("/quotes?status=APPROVED").await;
    assert_eq!(ids(&approved, "workOrderId"), [orders[3].id.to_string()]);
    let of_customer = world.get(&format!("/quotes?customerId={}", orders[1].customer)).await;
    assert_eq!(ids(&of_customer, "workOrderId"), [orders[1].id.to_string()]);
    let neither = world.get(&format!("/quotes?status=SENT&customerId={}", orders[1].customer)).await;
    assert_eq!(neither.body, json!([]));
}

async fn lines_are_replaced_while_the_quote_is_pending(world: World) {
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    let items = json!([
        { "name": "Oil", "quantity": 4.5, "unitPrice": 39.99 },
        { "name": "Labour", "description": "an hour", "unitPrice": 120 },
    ]);
    let edited =
        world.put(&path, json!({ "items": items, "validUntil": "2026-03-01T12:00:00.123456Z" })).await;
    let quote = edited.expect(StatusCode::OK);
    assert_eq!(
        (&quote["totalAmount"], &quote["validUntil"]),
        (&json!(299.96), &json!("2026-03-01T12:00:00.123Z"))
    );
    assert_eq!(
        (&quote["items"][0]["totalPrice"], &quote["items"][1]["quantity"]),
        (&json!(179.96), &json!(1))
    );
    assert_eq!(world.get(&path).await.body, *quote);

    world.say(order, "send").await.expect(StatusCode::OK);
    let refused = world.put(&path, json!({ "items": items })).await;
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], "editing is not possible: the quote is SENT");
}

async fn the_same_command_writes_a_quote_once(world: World) {
    let order = world.order("Ana Souza").await;
    let body = json!({ "workOrderId": order.id, "customerId": order.customer, "items": [{ "name": "Oil", "unitPrice": 40 }] });
    let write = |body: Value| {
        let mut request = world.request("attendant", Method::POST, "/quotes", Some(body));
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        world.send(request)
    };
    let first = write(body.clone()).await;
    assert_eq!(first.expect(StatusCode::CREATED)["totalAmount"], json!(40));
    assert_eq!(first.header("location"), path(&world, order).await);

    world.put(first.header("location"), json!({ "items": [{ "name": "Paint", "unitPrice": 900 }] })).await;
    world.say(order, "approve").await.expect(StatusCode::OK);
    let again = write(body.clone()).await;
    let again = again.expect(StatusCode::CREATED);
    assert_eq!(
        (&again["totalAmount"], &again["status"]),
        (&json!(900), &json!("APPROVED")),
        "it is written once"
    );

    let mut other = body;
    other["items"][0]["unitPrice"] = json!(41);
    let other = write(other).await;
    assert_eq!(other.expect(StatusCode::CONFLICT)["code"], "idempotency_key_reused");
}

/// A text that the customer has, and another one of which they know nothing.
async fn sent_and_written_anew(world: &World, order: Order) -> String {
    let path = path(world, order).await;
    world.say(order, "send").await.expect(StatusCode::OK);
    let text = json!({ "items": [{ "name": "Brakes", "unitPrice": 500 }], "reason": "the disc is worn too" });
    world.post(&format!("{path}/revisions"), text).await.expect(StatusCode::OK);
    path
}

async fn a_text_that_nobody_sends_again_is_stuck(world: World) {
    let order = world.order("Ana Souza").await;
    world
        .hear(WorkOrderStatusChanged {
            work_order_id: WorkOrderId(order.id),
            previous_status: WorkOrderStatus::Quoted,
            new_status: WorkOrderStatus::QuoteSent,
            revision: 2,
            customer_erased: false,
        })
        .await;
    sent_and_written_anew(&world, order).await;
    let stuck = async || ids(&world.get("/quotes?stuck=true").await, "workOrderId");
    assert_eq!(stuck().await, [""; 0]);
    world.clock.advance(TimeDelta::days(2));
    assert_eq!(stuck().await, [order.id.to_string()]);
    let waiting = &world.quote(order).await["waitingFor"];
    assert_eq!((&waiting["who"], &waiting["what"]), (&json!("desk"), &json!("sending the quote")));
    world.say(order, "send").await.expect(StatusCode::OK);
    assert_eq!(stuck().await, [""; 0]);
}

#[tokio::test]
async fn an_older_command_that_comes_again_changes_nothing() {
    let world = World::sqlite().await;
    let part = world.post("/parts", json!({ "name": "Oil", "partNumber": "O-1", "price": 40 })).await;
    let order = world.order("Ana Souza").await;
    let write = |key: &'static str, item: Value| {
        let body = json!({ "workOrderId": order.id, "items": [item] });
        let mut request = world.request("attendant", Method::POST, "/quotes", Some(body));
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        world.send(request)
    };
    let oil = json!({ "partId": part.body["id"] });
    let total = async |key, item: &Value| {
        write(key, item.clone()).await.expect(StatusCode::CREATED)["totalAmount"].clone()
    };
    assert_eq!(total("k-1", &oil).await, json!(40));
    assert_eq!(total("k-2", &json!({ "name": "Paint", "unitPrice": 900 })).await, json!(900));
    assert_eq!(total("k-1", &oil).await, json!(900), "the newer lines stay");
    world.say(order, "send").await.expect(StatusCode::OK);
    let gone = world.ask("manager", Method::DELETE, part.header("location"), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(total("k-1", &oil).await, json!(900), "though nobody could price it now");
    assert_eq!(write("k-3", oil).await.fields(), ["items[0].partId"]);
    let mended = write("k-3", json!({ "name": "Paint", "unitPrice": 900 })).await;
    assert_ne!(mended.body["code"], "idempotency_key_reused", "what was refused has not used its key");
}

#[tokio::test]
async fn a_quote_lasts_from_the_day_on_which_it_is_sent_unless_somebody_said_until_when() {
    let world = World::sqlite().await;
    let (usual, given) = (world.order("Ana Souza").await, world.order("Bia Lima").await);
    let until = json!("2026-02-15T12:00:00.000Z");
    let text = json!({ "items": [{ "name": "Paint", "unitPrice": 900 }], "validUntil": until });
    world.put(&path(&world, given).await, text).await.expect(StatusCode::OK);
    world.clock.advance(TimeDelta::days(3));
    for (order, last) in [(usual, &json!("2026-02-21T10:00:00.000Z")), (given, &until)] {
        let sent = world.say(order, "send").await;
        assert_eq!(&sent.expect(StatusCode::OK)["validUntil"], last);
        assert_eq!(&world.say(order, "send").await.body["validUntil"], last);
    }
    let told = world.told_times("quote.sent", 2).await;
    assert_eq!(told[0]["validUntil"], "2026-02-21T10:00:00.000Z");
}

#[tokio::test]
async fn a_quote_says_everything_about_itself() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    world.say(order, "send").await.expect(StatusCode::OK);
    world.clock.advance(TimeDelta::hours(1));
    let approved = world.say(order, "approve").await;
    let quote = approved.expect(StatusCode::OK);
    let wanted = json!({
        "id": quote["id"], "workOrderId": order.id, "customerId": order.customer, "vehicleId": quote["vehicleId"],
        "status": "APPROVED", "revision": 1,
        "items": [{ "name": "Diagnosis", "description": null, "quantity": 1, "unitPrice": 150, "totalPrice": 150 }],
        "totalAmount": 150, "validUntil": "2026-02-18T10:00:00.000Z",
        "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T11:00:00.000Z",
        "sentAt": "2026-02-08T10:00:00.000Z", "approvedAt": "2026-02-08T11:00:00.000Z", "approvedBy": "an attendant",
        "approval": { "from": "unknown", "revision": 1, "text": quote["approval"]["text"] },
        "rejectedAt": null, "rejectionReason": null, "orderStatus": null, "stuck": false,
        "waitingFor": { "who": "os-service", "what": "hearing of the quote",
            "since": "2026-02-08T11:00:00.000Z", "deadline": "2026-02-08T11:01:00.000Z" },
    });
    assert_eq!(*quote, wanted);
    assert_eq!(text(&quote["approval"]["text"]).len(), 64, "a SHA-256");
}

#[tokio::test]
async fn a_quote_is_written_anew_while_nothing_is_approved_and_its_texts_are_kept() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    world.say(order, "send").await.expect(StatusCode::OK);
    world.clock.advance(TimeDelta::hours(1));
    let text = json!({ "items": [{ "name": "Brakes", "unitPrice": 400 }], "reason": "the disc is worn too" });
    let revised = world.post(&format!("{path}/revisions"), text.clone()).await;
    let quote = revised.expect(StatusCode::OK);
    assert_eq!(
        (&quote["status"], &quote["revision"], &quote["sentAt"]),
        (&json!("PENDING"), &json!(2), &Value::Null)
    );
    assert_eq!(quote["totalAmount"], 400);
    let earlier = world.get(&format!("{path}/revisions")).await;
    let wanted = json!([{ "revision": 1, "totalAmount": 150, "validUntil": "2026-02-18T10:00:00.000Z",
        "items": [{ "name": "Diagnosis", "description": null, "quantity": 1, "unitPrice": 150, "totalPrice": 150 }],
        "sentAt": "2026-02-08T10:00:00.000Z", "replacedAt": "2026-02-08T11:00:00.000Z", "replacedBy": "an manager",
        "reason": "the disc is worn too" }]);
    assert_eq!(*earlier.expect(StatusCode::OK), wanted);

    assert_eq!(world.told("quote.sent").await.get("revision"), None, "the first text");
    world.say(order, "send").await.expect(StatusCode::OK);
    world.post(&format!("{path}/nudge"), json!({})).await.expect(StatusCode::OK);
    let sent = world.told_times("quote.sent", 3).await;
    let texts: Vec<_> = sent.iter().map(|told| (&told["revision"], &told["totalAmount"])).collect();
    assert_eq!(texts[1..], [(&json!(2), &json!(400)), (&json!(2), &json!(400))], "sent, and told again");

    let approve = async |revision: u32| {
        world.put(&format!("{path}/approve"), json!({ "readRevision": revision })).await
    };
    let detail = "answering an earlier text is not possible: the quote is at revision 2";
    assert_eq!(approve(1).await.expect(StatusCode::CONFLICT)["detail"], detail);
    assert_eq!(approve(2).await.expect(StatusCode::OK)["approval"]["revision"], 2);
    let late = world.post(&format!("{path}/revisions"), text).await;
    assert_eq!(
        late.expect(StatusCode::CONFLICT)["detail"],
        "revising is not possible: the quote is APPROVED"
    );
}

#[tokio::test]
async fn a_customer_reads_what_they_were_sent_before_and_not_who_wrote_it_or_why() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = sent_and_written_anew(&world, order).await;
    world.say(order, "send").await.expect(StatusCode::OK);
    let link = format!("work-order:{}", order.id);
    let revisions = format!("{path}/revisions");
    let seen = world.ask(&link, Method::GET, &revisions, None).await;
    let seen = seen.expect(StatusCode::OK);
    assert_eq!((&seen[0]["revision"], &seen[0]["reason"]), (&json!(1), &Value::Null));
    assert_eq!(seen[0].get("replacedBy"), None);
    let text = json!({ "items": [{ "name": "Brakes", "unitPrice": 400 }] });
    world.ask(&link, Method::POST, &revisions, Some(text)).await.expect(StatusCode::FORBIDDEN);
    let approved = world.ask(&link, Method::PUT, &format!("{path}/approve"), None).await;
    let approval = &approved.expect(StatusCode::OK)["approval"];
    assert_eq!((&approval["revision"], approval.get("from")), (&json!(2), None));
    let by_staff = world.get(&path).await;
    assert_eq!(by_staff.body["approvedBy"], json!(link), "who said it is the link's subject");
}

#[tokio::test]
async fn a_customer_is_not_bound_to_a_text_that_they_never_got() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = sent_and_written_anew(&world, order).await;
    let link = format!("work-order:{}", order.id);
    for path in [&path, &format!("/quotes/work-order/{}", order.id)] {
        let seen = world.ask(&link, Method::GET, path, None).await;
        let seen = seen.expect(StatusCode::OK);
        assert_eq!((&seen["status"], &seen["revision"]), (&json!("PENDING"), &json!(1)));
        assert_eq!((&seen["totalAmount"], &seen["items"][0]["name"]), (&json!(150), &json!("Diagnosis")));
        assert!(seen["sentAt"].is_string());
    }
    let earlier = world.ask(&link, Method::GET, &format!("{path}/revisions"), None).await;
    assert_eq!(*earlier.expect(StatusCode::OK), json!([]));
    for (word, what) in [("approve", "approving"), ("reject", "rejecting")] {
        for body in [None, Some(json!({ "readRevision": 2 }))] {
            let refused = world.ask(&link, Method::PUT, &format!("{path}/{word}"), body).await;
            let detail = format!("{what} is not possible: the quote is being written anew and not sent yet");
            assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], json!(detail));
        }
    }
    assert_eq!(world.quote(order).await["status"], "PENDING");
    let approved = world.say(order, "approve").await;
    assert_eq!(approved.expect(StatusCode::OK)["totalAmount"], 500, "the desk says what it was told");
    let agreed = world.ask(&link, Method::GET, &path, None).await;
    assert_eq!((&agreed.body["totalAmount"], &agreed.body["revision"]), (&json!(500), &json!(2)));
}

#[tokio::test]
async fn a_draft_that_nobody_was_sent_is_approved_and_its_drafts_before_are_not_shown() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    let text = json!({ "items": [{ "name": "Brakes", "unitPrice": 400 }] });
    world.post(&format!("{path}/revisions"), text).await.expect(StatusCode::OK);
    let link = format!("work-order:{}", order.id);
    let earlier = world.ask(&link, Method::GET, &format!("{path}/revisions"), None).await;
    assert_eq!(*earlier.expect(StatusCode::OK), json!([]));
    let approved = world.ask(&link, Method::PUT, &format!("{path}/approve"), None).await;
    assert_eq!(approved.expect(StatusCode::OK)["approval"]["revision"], 2);
}

#[tokio::test]
async fn put_and_patch_say_the_same_with_or_without_a_body() {
    let world = World::sqlite().await;
    for method in [Method::PUT, Method::PATCH] {
        let order = world.order("Ana Souza").await;
        let path = path(&world, order).await;
        for (word, status) in [("send", "SENT"), ("approve", "APPROVED")] {
            for body in [None, Some(json!({ "any": "thing" }))] {
                let reply = world.ask("attendant", method.clone(), &format!("{path}/{word}"), body).await;
                assert_eq!(reply.expect(StatusCode::OK)["status"], status, "said again it stays");
            }
        }
        let order = world.order("Ana Souza").await;
        let reply = world
            .ask("attendant", method, &format!("{}/reject", self::path(&world, order).await), None)
            .await;
        assert_eq!(reply.expect(StatusCode::OK)["status"], "REJECTED");
        let told = world.told("quote.rejected").await;
        assert_eq!(told["reason"], "CUSTOMER");
    }
}

#[tokio::test]
async fn an_answered_quote_is_not_answered_otherwise() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    world.say(order, "reject").await.expect(StatusCode::OK);
    for (word, what) in [("approve", "approving"), ("send", "sending")] {
        let refused = world.say(order, word).await;
        let detail = format!("{what} is not possible: the quote is REJECTED");
        assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], json!(detail));
    }
    let order = world.approved("Ana Souza").await;
    let refused = world.say(order, "reject").await;
    assert_eq!(
        refused.expect(StatusCode::CONFLICT)["detail"],
        "rejecting is not possible: the quote is APPROVED"
    );
}

#[tokio::test]
async fn a_yes_to_another_version_is_no_yes() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    let read = world.get(&path).await;
    world
        .put(&path, json!({ "items": [{ "name": "Paint", "unitPrice": 900 }] }))
        .await
        .expect(StatusCode::OK);
    let approve = |tag: String| {
        let mut request = world.request("attendant", Method::PUT, &format!("{path}/approve"), None);
        request.headers_mut().insert(header::IF_MATCH, tag.parse().unwrap());
        world.send(request)
    };
    approve(read.header("etag").to_owned()).await.expect(StatusCode::PRECONDITION_FAILED);
    let now = world.get(&path).await.header("etag").to_owned();
    approve(now).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_edit_of_another_version_is_refused() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    let lines = json!({ "items": [{ "name": "Paint", "unitPrice": 900 }] });
    let mut request = world.request("attendant", Method::PUT, &path, Some(lines));
    request.headers_mut().insert(header::IF_MATCH, "\"99\"".parse().unwrap());
    world.send(request).await.expect(StatusCode::PRECONDITION_FAILED);
}

#[tokio::test]
async fn what_a_line_lacks_comes_from_the_catalogue() {
    let world = World::sqlite().await;
    let part = world.post("/parts", json!({ "name": "Oil", "partNumber": "O-1", "price": 39.99 })).await.body;
    let service = world.post("/services", json!({ "name": "Wash", "price": 30, "duration": 20 })).await.body;
    let order = world.order("Ana Souza").await;
    let items = json!([
        { "partId": part["id"], "quantity": 2 },
        { "serviceId": service["id"], "name": "Wash and wax" },
        { "partId": part["id"], "unitPrice": 35 },
        { "partId": world.clock.id(), "name": "Old stock", "unitPrice": 5 },
    ]);
    let edited = world.put(&path(&world, order).await, json!({ "items": items })).await;
    let quote = edited.expect(StatusCode::OK);
    let named: Vec<(&str, &Value)> = quote["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(&item["name"]), &item["totalPrice"]))
        .collect();
    let wanted =
        [("Oil", json!(79.98)), ("Wash and wax", json!(30)), ("Oil", json!(35)), ("Old stock", json!(5))];
    assert_eq!(named, wanted.each_ref().map(|(name, price)| (*name, price)));
}

#[tokio::test]
async fn what_is_in_no_catalogue_is_named_with_its_place() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let items = json!([
        { "name": "Oil", "unitPrice": 1 },
        { "partId": world.clock.id() },
        { "serviceId": world.clock.id(), "name": "Wash" },
    ]);
    let refused = world.put(&path(&world, order).await, json!({ "items": items })).await;
    assert_eq!(refused.fields(), ["items[1].partId", "items[2].serviceId"]);
}

#[tokio::test]
async fn lines_that_make_no_sense_are_named() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = path(&world, order).await;
    let with = |item: Value| json!({ "items": [item] });
    let id = world.clock.id();
    for (body, fields) in [
        (json!({}), vec!["items"]),
        (json!({ "items": [] }), vec!["items"]),
        (json!({ "items": "oil" }), vec!["items"]),
        (json!({ "items": vec![json!({ "name": "Oil", "unitPrice": 1 }); 201] }), vec!["items"]),
        (with(json!({})), vec!["items[0].name", "items[0].unitPrice"]),
        (with(json!({ "name": "", "unitPrice": 1 })), vec!["items[0].name"]),
        (with(json!({ "name": 7, "unitPrice": "1" })), vec!["items[0].name", "items[0].unitPrice"]),
        (with(json!({ "name": "Oil", "unitPrice": -1 })), vec!["items[0].unitPrice"]),
        (with(json!({ "name": "Oil", "unitPrice": 1.005 })), vec!["items[0].unitPrice"]),
        (with(json!({ "name": "Oil", "unitPrice": 1e15 })), vec!["items[0].unitPrice"]),
        (with(json!({ "name": "Oil", "unitPrice": 1, "quantity": 0 })), vec!["items[0].quantity"]),
        (with(json!({ "name": "Oil", "unitPrice": 1, "quantity": -2 })), vec!["items[0].quantity"]),
        (with(json!({ "name": "Oil", "unitPrice": 1, "quantity": 0.0001 })), vec!["items[0].quantity"]),
        (with(json!({ "name": "Oil", "unitPrice": 9_999_999_999.0, "quantity": 1000 })), vec!["items"]),
        (with(json!({ "partId": id, "serviceId": id })), vec!["items[0].serviceId"]),
        (with(json!({ "partId": "oil" })), vec!["items[0].partId"]),
        (
            json!({ "items": [{ "name": "Oil", "unitPrice": 1 }], "validUntil": "tomorrow" }),
            vec!["validUntil"],
        ),
        (
            json!({ "items": [{ "name": "Oil", "unitPrice": 1 }], "validUntil": "2026-02-08T10:00:00Z" }),
            vec!["validUntil"],
        ),
    ] {
        let refused = world.put(&path, body.clone()).await;
        assert_eq!(refused.fields(), fields, "{body}");
    }
    assert_eq!(world.quote(order).await["totalAmount"], json!(150));
}

#[tokio::test]
async fn a_long_quote_is_a_quote() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let items =
        vec![json!({ "name": "x".repeat(200), "description": "y".repeat(1000), "unitPrice": 0.01 }); 200];
    let edited = world.put(&path(&world, order).await, json!({ "items": items })).await;
    assert_eq!(edited.expect(StatusCode::OK)["totalAmount"], json!(2));
}

#[tokio::test]
async fn a_quote_is_written_for_an_order_that_waits_for_one() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let items = json!([{ "name": "Oil", "unitPrice": 40 }]);
    let written = world.post("/quotes", json!({ "workOrderId": order.id, "items": items })).await;
    assert_eq!(written.expect(StatusCode::CREATED)["id"], world.quote(order).await["id"]);

    let unknown = world.post("/quotes", json!({ "workOrderId": world.clock.id(), "items": items })).await;
    assert_eq!(unknown.expect(StatusCode::NOT_FOUND)["detail"], "there is no such work order");
    let stranger = json!({ "workOrderId": order.id, "customerId": world.clock.id(), "items": items });
    assert_eq!(world.post("/quotes", stranger).await.fields(), ["customerId"]);
    world.say(order, "approve").await.expect(StatusCode::OK);
    let late = world.post("/quotes", json!({ "workOrderId": order.id, "items": items })).await;
    assert_eq!(late.expect(StatusCode::CONFLICT)["detail"], "editing is not possible: the quote is APPROVED");
    assert_eq!(world.post("/quotes", json!({})).await.fields(), ["workOrderId", "items"]);
}

#[tokio::test]
async fn a_quote_that_is_not_there_is_not_found() {
    let world = World::sqlite().await;
    let id = world.clock.id();
    for (method, path) in [
        (Method::GET, format!("/quotes/{id}")),
        (Method::GET, format!("/quotes/work-order/{id}")),
        (Method::PUT, format!("/quotes/{id}/approve")),
        (Method::PUT, format!("/quotes/{id}/reject")),
        (Method::PATCH, format!("/quotes/{id}/send")),
    ] {
        let reply = world.ask("manager", method, &path, None).await;
        assert_eq!(reply.expect(StatusCode::NOT_FOUND)["detail"], "there is no such quote", "{path}");
    }
    assert_eq!(world.get("/quotes/seven").await.fields(), ["id"]);
    assert_eq!(world.get("/quotes?status=PAID&customerId=7&limit=0").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_rejection_in_words_must_be_readable() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    let path = format!("{}/reject", path(&world, order).await);
    assert_eq!(world.put(&path, json!({ "reason": 7 })).await.fields(), ["reason"]);
    let mut request = world.request("attendant", Method::PUT, &path, Some(json!({ "reason": "x" })));
    request.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
    world.send(request).await.expect(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(world.quote(order).await["status"], "PENDING");
}
