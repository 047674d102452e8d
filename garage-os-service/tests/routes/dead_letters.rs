//! `/dead-letters`: what could not be taken, and the manager's ways to get it back.

use axum::http::Method;
use garage_events::{Event, event::QuoteCreated};
use garage_kit::{Decision, bus::local::DeadLetter, change};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    on_both_stores,
    shop::{Shop, by, message},
};

on_both_stores! {
    a_letter_says_why_it_rests_and_shows_what_was_sent
    letters_are_found_by_queue_reason_and_work_order
    letters_come_page_by_page
    a_replayed_event_has_its_effect_and_the_audit_says_who_wished_it_and_why
    a_letter_that_still_cannot_be_taken_rests_again_and_is_said_to
    a_discarded_letter_is_gone_and_only_that_one
    a_dry_run_says_how_many_and_does_nothing
    what_one_request_may_do_is_limited
}

/// Billing's word on an order that nobody has opened: it is set aside.
async fn poison(shop: &Shop) -> Uuid {
    let order = shop.clock.id();
    shop.tell(quote_created(order)).await;
    order
}

fn quote_created(order: Uuid) -> Event {
    let id = json!(order);
    let data = json!({ "workOrderId": id, "quoteId": id, "customerId": id, "totalAmount": 350.9,
        "validUntil": "2026-02-18T10:00:00Z" });
    serde_json::from_value::<QuoteCreated>(data).unwrap().into()
}

async fn listed(shop: &Shop, query: &str) -> Vec<Value> {
    shop.get(&format!("/dead-letters{query}")).await.list()
}

async fn settle(shop: &Shop, act: &str, wish: Value) -> Value {
    shop.post(&format!("/dead-letters/{act}"), &wish).await.ok()
}

async fn a_letter_says_why_it_rests_and_shows_what_was_sent(shop: Shop) {
    let order = poison(&shop).await;
    let letter = listed(&shop, "").await.remove(0);
    assert_eq!(letter["queue"], "os-quote-created");
    assert_eq!((&letter["eventType"], &letter["workOrderId"]), (&json!("quote.created"), &json!(order)));
    assert_eq!(letter["reason"], format!("there is no work order {order}"));
    assert_eq!(letter["setAsideAt"], "2026-02-08T10:00:00Z");

    let shown = shop.get(&format!("/dead-letters/{}", letter["id"].as_str().unwrap())).await.ok();
    let sent: Value = serde_json::from_str(shown["body"].as_str().unwrap()).unwrap();
    assert_eq!((&shown["id"], &sent["data"]["workOrderId"]), (&letter["id"], &json!(order)));
    let nothing = shop.get(&format!("/dead-letters/{}", Uuid::nil())).await;
    assert_eq!(nothing.problem(), (404, "not_found".to_owned()));
}

async fn letters_are_found_by_queue_reason_and_work_order(shop: Shop) {
    let (one, two) = (poison(&shop).await, poison(&shop).await);
    for (query, count) in [
        (String::new(), 2),
        ("?queue=os-quote-created".to_owned(), 2),
        ("?queue=os-quote-created.dlq".to_owned(), 2),
        ("?queue=os-quote-sent".to_owned(), 0),
        (format!("?workOrderId={one}"), 1),
        (format!("?reason=WORK%20ORDER%20{two}"), 1),
        (format!("?workOrderId={one}&reason={two}"), 0),
    ] {
        assert_eq!(listed(&shop, &query).await.len(), count, "{query}");
    }
    let elsewhere = shop.get("/dead-letters?queue=billing-work-order-created").await;
    assert_eq!(elsewhere.fields(), ["queue"]);
    assert!(elsewhere.text.contains("os-quote-created"), "{elsewhere:?}");
}

async fn letters_come_page_by_page(shop: Shop) {
    for _ in 0..5 {
        poison(&shop).await;
    }
    let (mut next, mut ids) = (Some("/dead-letters?limit=2".to_owned()), Vec::new());
    while let Some(page) = next {
        let reply = shop.get(&page).await;
        ids.extend(reply.list().into_iter().map(|letter| letter["id"].to_string()));
        next = reply.next();
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

async fn a_replayed_event_has_its_effect_and_the_audit_says_who_wished_it_and_why(shop: Shop) {
    let order = shop.order().await;
    let id: Uuid = order["id"].as_str().unwrap().parse().unwrap();
    let letter = shop.rests(quote_created(id)).await;
    assert_eq!(shop.read(&order).await["status"], "PENDING");

    let told = settle(&shop, "replay", json!({ "ids": [letter], "why": "the database was full" })).await;
    assert_eq!(told, json!({ "matched": 1, "done": 1, "failed": [], "left": [], "dryRun": false }));
    assert_eq!(shop.read(&order).await["status"], "QUOTED");
    assert_eq!(listed(&shop, "").await, Vec::<Value>::new());

    let audit = shop.get(&format!("/dead-letters/audit?workOrderId={id}")).await.list().remove(0);
    assert_eq!((&audit["who"], &audit["why"]), (&json!("ana"), &json!("the database was full")));
    assert_eq!((&audit["act"], &audit["outcome"]), (&json!("REPLAY"), &json!("DONE")));
    assert_eq!((&audit["letterId"], &audit["queue"]), (&json!(letter), &json!("os-quote-created")));

    let again = settle(&shop, "replay", json!({ "ids": [letter], "why": "to be sure" })).await;
    assert_eq!(
        (&again["matched"], &again["done"], &again["failed"][0]["id"]),
        (&json!(0), &json!(0), &json!(letter))
    );
}

async fn a_letter_that_still_cannot_be_taken_rests_again_and_is_said_to(shop: Shop) {
    poison(&shop).await;
    shop.later();
    let told = settle(&shop, "replay", json!({ "queue": "os-quote-created", "why": "try again" })).await;
    assert_eq!((&told["matched"], &told["done"]), (&json!(1), &json!(0)));
    let reason = told["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it was set aside again: there is no work order"), "{reason}");
    assert_eq!(listed(&shop, "").await[0]["setAsideAt"], "2026-02-08T10:00:01Z");
    let audit = shop.get("/dead-letters/audit").await.list().remove(0);
    assert_eq!((&audit["outcome"], &audit["problem"]), (&json!("FAILED"), &told["failed"][0]["reason"]));
}

async fn a_discarded_letter_is_gone_and_only_that_one(shop: Shop) {
    let (unwanted, wanted) = (poison(&shop).await, poison(&shop).await);
    let told = settle(&shop, "discard", json!({ "workOrderId": unwanted, "why": "a test order" })).await;
    assert_eq!(told["done"], 1);
    let rest = listed(&shop, "").await;
    assert_eq!((rest.len(), &rest[0]["workOrderId"]), (1, &json!(wanted)));
    let audit = shop.get("/dead-letters/audit?queue=os-quote-created").await.list();
    assert_eq!((audit.len(), &audit[0]["act"]), (1, &json!("DISCARD")));
}

async fn a_dry_run_says_how_many_and_does_nothing(shop: Shop) {
    poison(&shop).await;
    poison(&shop).await;
    for act in ["replay", "discard"] {
        let told = settle(&shop, act, json!({ "all": true, "dryRun": true })).await;
        assert_eq!(told, json!({ "matched": 2, "done": 0, "failed": [], "left": [], "dryRun": true }));
    }
    assert_eq!(listed(&shop, "").await.len(), 2);
    assert_eq!(shop.get("/dead-letters/audit").await.list(), Vec::<Value>::new());
}

async fn what_one_request_may_do_is_limited(shop: Shop) {
    for _ in 0..3 {
        poison(&shop).await;
    }
    let told =
        settle(&shop, "discard", json!({ "all": true, "limit": 2, "rate": 1000, "why": "tests" })).await;
    assert_eq!((&told["matched"], &told["done"]), (&json!(3), &json!(2)));
    assert_eq!(listed(&shop, "").await.len(), 1);
}

#[tokio::test]
async fn who_is_no_manager_learns_nothing_of_what_would_be_right() {
    let shop = Shop::new().await;
    for act in ["replay", "discard"] {
        let request = by(&shop.token("attendant"), Method::POST, &format!("/dead-letters/{act}"));
        let reply = shop.write(request, &json!({ "all": "yes" })).await;
        assert_eq!(reply.problem(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_wish_that_does_not_say_what_it_means_is_refused_by_field() {
    let shop = Shop::new().await;
    let id = Uuid::nil();
    for (wish, field) in [
        (json!({ "why": "because" }), "all"),
        (json!({ "all": false, "why": "because" }), "all"),
        (json!({ "all": true, "ids": [id], "why": "because" }), "all"),
        (json!({ "all": true }), "why"),
        (json!({ "all": true, "why": "  " }), "why"),
        (json!({ "ids": [], "why": "because" }), "ids"),
        (json!({ "ids": ["seven"], "why": "because" }), "ids[0]"),
        (json!({ "workOrderId": "seven", "why": "because" }), "workOrderId"),
        (json!({ "queue": "billing-execution-failed", "why": "because" }), "queue"),
        (json!({ "all": true, "rate": 0, "why": "because" }), "rate"),
        (json!({ "all": true, "limit": 1001, "why": "because" }), "limit"),
        (json!({ "all": true, "dryRun": "yes", "why": "because" }), "dryRun"),
    ] {
        for act in ["replay", "discard"] {
            let reply = shop.post(&format!("/dead-letters/{act}"), &wish).await;
            assert_eq!(reply.fields(), [field], "{act} {wish}");
        }
    }
    assert_eq!(shop.get("/dead-letters?cursor=nowhere").await.fields(), ["cursor"]);
    assert_eq!(shop.get("/dead-letters?limit=201").await.fields(), ["limit"]);
}

impl Shop {
    /// Lets an event rest as if it had been set aside; its letter's id.
    async fn rests(&self, event: Event) -> Uuid {
        let message = message(&self.envelope(event));
        let id = self.clock.id();
        let letter = json!({ "id": id, "queue": format!("os-{}", message.topic.replace('.', "-")),
            "topic": message.topic, "messageId": message.id, "correlation": message.correlation,
            "reason": "reading a record: the disk is full", "body": message.body, "at": self.clock.now() });
        let letter: DeadLetter = serde_json::from_value(letter).unwrap();
        let change = change(id, 0, Decision { next: Some(letter), messages: vec![] }).unwrap();
        self.store.commit(&[change]).await.unwrap();
        id
    }
}
