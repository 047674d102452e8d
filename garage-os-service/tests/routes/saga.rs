//! What the front desk makes of what Billing and the workshop say, whatever the order and however often.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, Event, ExecutionId, ExecutionStatus, PaymentId, PaymentMethod, QuoteId,
    RejectionReason, Service, WorkOrderId,
    event::{
        ExecutionCompleted, ExecutionFailed, ExecutionStatusChanged, PaymentApproved, PaymentFailed,
        PaymentRefunded, PaymentRejected, QuoteApproved, QuoteCreated, QuoteRejected, QuoteSent, reason,
    },
    topology,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shop::{Shop, message, path};

/// Everything that can be said of one order.
struct Said(WorkOrderId);

const QUOTE: QuoteId = QuoteId(Uuid::from_u128(5));
const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(6));
const EXECUTION: ExecutionId = ExecutionId(Uuid::from_u128(8));

fn amount() -> Cents {
    Cents::new(15_050).unwrap()
}

fn in_ten_days() -> DateTime<Utc> {
    "2026-02-18T10:00:00Z".parse().unwrap()
}

impl Said {
    fn of(order: &Value) -> Self {
        Self(serde_json::from_value(order["id"].clone()).unwrap())
    }

    fn quoted(&self) -> Event {
        let (quote_id, customer_id, total_amount, valid_until) = (QUOTE, CUSTOMER, amount(), in_ten_days());
        QuoteCreated { work_order_id: self.0, quote_id, customer_id, total_amount, valid_until }.into()
    }

    fn sent(&self) -> Event {
        self.sent_as(1, amount())
    }

    /// A text of the quote, counted from 1, which comes to this.
    fn sent_as(&self, revision: u32, total_amount: Cents) -> Event {
        let (quote_id, customer_id, valid_until) = (QUOTE, CUSTOMER, in_ten_days());
        QuoteSent { work_order_id: self.0, quote_id, revision, customer_id, total_amount, valid_until }.into()
    }

    fn approved(&self) -> Event {
        let (quote_id, customer_id, total_amount, valid_until) = (QUOTE, CUSTOMER, amount(), in_ten_days());
        QuoteApproved { work_order_id: self.0, quote_id, customer_id, total_amount, valid_until }.into()
    }

    fn rejected(&self, reason: RejectionReason) -> Event {
        QuoteRejected { work_order_id: self.0, quote_id: QUOTE, reason }.into()
    }

    fn paid(&self) -> Event {
        let (payment_id, payment_method) = (PaymentId(Uuid::from_u128(7)), PaymentMethod::Pix);
        PaymentApproved {
            work_order_id: self.0,
            payment_id,
            quote_id: QUOTE,
            amount: amount(),
            payment_method,
        }
        .into()
    }

    fn declined(&self, attempt: u128) -> Event {
        let (payment_id, reason) =
            (PaymentId(Uuid::from_u128(attempt)), "cc_rejected_other_reason".to_owned());
        PaymentFailed { work_order_id: self.0, payment_id, quote_id: QUOTE, amount: amount(), reason }.into()
    }

    fn expired(&self, attempt: u128) -> Event {
        let (payment_id, reason) = (PaymentId(Uuid::from_u128(attempt)), "expired".to_owned());
        PaymentRejected { work_order_id: self.0, payment_id, quote_id: QUOTE, amount: amount(), reason }
            .into()
    }

    fn refunded(&self) -> Event {
        let (payment_id, reason) = (PaymentId(Uuid::from_u128(7)), reason::WORK_ORDER_CANCELLED.to_owned());
        PaymentRefunded {
            work_order_id: self.0,
            payment_id,
            quote_id: QUOTE,
            amount: amount(),
            reason,
            refund_id: None,
        }
        .into()
    }

    fn moved(&self, previous_status: ExecutionStatus, new_status: ExecutionStatus) -> Event {
        ExecutionStatusChanged { work_order_id: self.0, execution_id: EXECUTION, previous_status, new_status }
            .into()
    }

    fn completed(&self) -> Event {
        let services_performed = vec!["oil changed".to_owned()];
        ExecutionCompleted {
            work_order_id: self.0,
            execution_id: EXECUTION,
            parts_used: vec![],
            services_performed,
        }
        .into()
    }

    fn failed(&self, reason: &str) -> Event {
        ExecutionFailed { work_order_id: self.0, execution_id: EXECUTION, reason: reason.to_owned() }.into()
    }
}

async fn status(shop: &Shop, order: &Value) -> Value {
    shop.read(order).await["status"].clone()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["eventType"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_order_comes_to_what_the_customer_was_last_told_and_then_to_what_they_agreed_to() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    let cents = |reais: i64| Cents::new(reais * 100).unwrap();
    for (event, expected) in [
        (said.quoted(), 150.5),
        (said.sent_as(2, cents(200)), 200.0),
        (said.sent_as(1, amount()), 200.0),
        (said.sent_as(3, amount()), 150.5),
        (said.sent_as(2, cents(200)), 150.5),
        (said.sent_as(3, amount()), 150.5),
        (said.sent_as(4, cents(99)), 99.0),
        (said.approved(), 150.5),
        (said.sent_as(5, cents(1)), 150.5),
    ] {
        shop.tell(event.clone()).await;
        let now = shop.read(&order).await;
        assert_eq!(now["totalAmount"].as_f64(), Some(expected), "after {event:?}");
    }
}

#[tokio::test]
async fn a_repair_that_goes_well_passes_through_every_status() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    for (event, expected) in [
        (said.quoted(), "QUOTED"),
        (said.sent(), "QUOTE_SENT"),
        (said.approved(), "APPROVED"),
        (said.paid(), "IN_PROGRESS"),
        (said.moved(ExecutionStatus::Queued, ExecutionStatus::Diagnosing), "IN_PROGRESS"),
        (said.completed(), "COMPLETED"),
    ] {
        shop.tell(event).await;
        assert_eq!(status(&shop, &order).await, expected);
    }
    let done = shop.read(&order).await;
    assert_eq!(
        (&done["quoteId"], &done["totalAmount"], &done["revision"]),
        (&json!(QUOTE), &json!(150.5), &json!(5))
    );
}

#[tokio::test]
async fn every_change_of_status_is_told_with_its_revision_and_its_cause() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    let quoted = shop.tell(said.quoted()).await;
    let approved = shop.tell(said.approved()).await;
    let told = shop.told(3).await;
    assert_eq!(
        types(&told),
        ["work-order.created", "work-order.status-changed", "work-order.status-changed"]
    );
    for (event, cause, previous, new, revision) in
        [(&told[1], quoted, "PENDING", "QUOTED", 1), (&told[2], approved, "QUOTED", "APPROVED", 2)]
    {
        assert_eq!((&event["causationId"], &event["correlationId"]), (&json!(cause), &order["id"]));
        let data = json!({"workOrderId": order["id"], "previousStatus": previous, "newStatus": new, "revision": revision});
        assert_eq!(event["data"], data);
    }
}

#[tokio::test]
async fn money_that_comes_before_the_news_of_the_approval_counts() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    for event in [said.paid(), said.approved(), said.sent(), said.quoted()] {
        shop.tell(event).await;
        assert_eq!(status(&shop, &order).await, "IN_PROGRESS");
    }
}

#[tokio::test]
async fn an_attempt_to_pay_that_fails_leaves_the_order_approved_for_another() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    for event in [said.quoted(), said.approved(), said.declined(1), said.declined(2), said.expired(3)] {
        shop.tell(event).await;
    }
    assert_eq!(status(&shop, &order).await, "APPROVED");
    shop.tell(said.paid()).await;
    assert_eq!(status(&shop, &order).await, "IN_PROGRESS");
    let attempts: Vec<_> =
        shop.history(&order).await.iter().map(|fact| fact["type"].clone()).skip(3).collect();
    assert_eq!(attempts, ["PAYMENT_FAILED", "PAYMENT_FAILED", "PAYMENT_REJECTED", "PAYMENT_APPROVED"]);
}

#[tokio::test]
async fn a_quote_that_is_turned_down_calls_the_order_off() {
    for (by, reason) in
        [(RejectionReason::Customer, "QUOTE_REJECTED"), (RejectionReason::Expired, "QUOTE_EXPIRED")]
    {
        let shop = Shop::new().await;
        let order = shop.order().await;
        shop.tell(Said::of(&order).rejected(by)).await;
        let order = shop.read(&order).await;
        assert_eq!((&order["status"], &order["cancellationReason"]), (&json!("CANCELLED"), &json!(reason)));
        let told = shop.told(3).await;
        assert_eq!(types(&told), ["work-order.created", "work-order.cancelled", "work-order.status-changed"]);
        assert_eq!(told[1]["data"]["reason"], reason);
    }
}

#[tokio::test]
async fn work_that_fails_fails_the_order_in_the_technicians_words() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    shop.tell(said.paid()).await;
    shop.tell(said.failed("the frame is bent")).await;
    let order = shop.read(&order).await;
    assert_eq!((&order["status"], &order["failureReason"]), (&json!("FAILED"), &json!("the frame is bent")));
    assert_eq!(shop.delete(&path(&order)).await.status.as_u16(), 409);
}

#[tokio::test]
async fn work_that_ends_because_the_order_was_called_off_is_no_failure_and_the_money_is_seen_to_come_back() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    shop.tell(said.paid()).await;
    shop.delete(&path(&order)).await.ok();
    shop.tell(said.failed(reason::WORK_ORDER_CANCELLED)).await;
    shop.tell(said.refunded()).await;
    let after = shop.read(&order).await;
    assert_eq!((&after["status"], after.get("failureReason")), (&json!("CANCELLED"), None));
    let last = shop.history(&order).await.pop().unwrap();
    assert_eq!((&last["type"], &last["amount"]), (&json!("PAYMENT_REFUNDED"), &json!(150.5)));
}

#[tokio::test]
async fn work_that_was_finished_before_the_cancellation_was_heard_stays_finished() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let cancelled = shop.delete(&path(&order)).await.ok();
    assert_eq!(cancelled["cancellationReason"], reason::CUSTOMER_REQUEST);
    shop.tell(Said::of(&order).completed()).await;
    let finished = shop.read(&order).await;
    assert_eq!((&finished["status"], finished.get("cancellationReason")), (&json!("COMPLETED"), None));
}

#[tokio::test]
async fn what_is_learned_after_the_delivery_does_not_move_it() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    shop.tell(said.paid()).await;
    shop.later();
    shop.tell(said.completed()).await;
    shop.later();
    let delivered = shop.post(&format!("{}/deliver", path(&order)), &Value::Null).await.ok();
    shop.later();
    shop.tell(said.refunded()).await;
    let later = shop.read(&order).await;
    let times = ["completedAt", "deliveredAt", "statusSince", "updatedAt"].map(|time| &later[time]);
    assert_eq!(
        times,
        ["01", "02", "02", "03"].map(|second| format!("2026-02-08T10:00:{second}.000Z")).each_ref()
    );
    assert_eq!(later["deliveredAt"], delivered["updatedAt"]);
    assert_eq!(shop.get("/work-orders").await.list(), [later], "a list says the same");
}

#[tokio::test]
async fn an_event_that_comes_again_has_no_effect_and_tells_nothing() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    let quoted = message(&shop.envelope(said.quoted()));
    shop.publish(&quoted).await;
    shop.tell(said.approved()).await;
    let before = shop.get(&path(&order)).await;
    shop.publish(&quoted).await;
    shop.tell(said.quoted()).await;
    shop.tell(said.approved()).await;
    let after = shop.get(&path(&order)).await;
    assert_eq!((after.header("etag"), after.ok()), (before.header("etag"), before.ok()));
    shop.tell(said.paid()).await;
    assert_eq!(shop.told(4).await[3]["data"]["newStatus"], "IN_PROGRESS", "nothing was told in between");
}

#[tokio::test]
async fn the_jobs_moves_are_told_apart_by_their_event() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let rework = Said::of(&order).moved(ExecutionStatus::Testing, ExecutionStatus::Repairing);
    let first = message(&shop.envelope(rework.clone()));
    shop.publish(&first).await;
    shop.publish(&first).await;
    shop.tell(rework).await;
    let moves = shop.history(&order).await.iter().filter(|fact| fact["type"] == "EXECUTION_MOVED").count();
    assert_eq!(moves, 2);
}

#[tokio::test]
async fn an_event_about_an_order_that_is_not_here_is_set_aside_with_its_reason() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let stranger = WorkOrderId(Uuid::from_u128(404));
    let lost = shop.tell(Said(stranger).quoted()).await;
    shop.tell(Said::of(&order).quoted()).await;
    let letters = shop.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0]["queue"], &letters[0]["messageId"]), (&json!("os-quote-created"), &json!(lost)));
    assert_eq!(letters[0]["reason"], format!("there is no work order {stranger}"));
    assert_eq!(status(&shop, &order).await, "QUOTED", "the others are not held up");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_set_aside_with_its_reason() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let envelope = shop.envelope(Said::of(&order).quoted());
    let mut broken = message(&envelope);
    broken.body = broken.body.replace("150.5", "\"a lot\"");
    shop.publish(&broken).await;
    let letters = shop.dead_letters().await;
    let reason = letters[0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the data of `quote.created` is not as agreed"), "{reason}");
    assert_eq!(status(&shop, &order).await, "PENDING");
}

#[tokio::test]
async fn every_queue_of_the_service_moves_an_order_or_its_history() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let said = Said::of(&order);
    let events = [
        said.quoted(),
        said.sent(),
        said.approved(),
        said.rejected(RejectionReason::Customer),
        said.paid(),
        said.declined(1),
        said.expired(2),
        said.refunded(),
        said.moved(ExecutionStatus::Queued, ExecutionStatus::Diagnosing),
        said.completed(),
        said.failed("the frame is bent"),
    ];
    let mut queues: Vec<_> = topology::queues_of(Service::Os).map(|queue| queue.event_type).collect();
    for event in events {
        let (heard, before) = (event.event_type(), shop.history(&order).await.len());
        shop.tell(event).await;
        assert!(shop.history(&order).await.len() > before, "{heard}");
        queues.retain(|queue| *queue != heard);
    }
    assert_eq!(queues, [] as [&str; 0], "these are heard and never tested");
}
