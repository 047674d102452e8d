//! `GET /work-orders/{id}/history`.

use garage_events::{
    Cents, CustomerId, PaymentId, PaymentMethod, QuoteId,
    event::{PaymentApproved, QuoteApproved, QuoteCreated},
};
use serde_json::json;
use uuid::Uuid;

use crate::shop::{Shop, path};

#[tokio::test]
async fn the_history_tells_what_became_known_when_by_whom_and_what_followed() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    let work_order_id = serde_json::from_value(order["id"].clone()).unwrap();
    let (quote_id, customer_id) = (QuoteId(Uuid::from_u128(5)), CustomerId(Uuid::from_u128(6)));
    let (total_amount, valid_until) = (Cents::new(15_050).unwrap(), "2026-02-18T10:00:00Z".parse().unwrap());
    shop.later();
    let payment_id = PaymentId(Uuid::from_u128(7));
    let payment_method = PaymentMethod::Pix;
    let paid = shop
        .tell(PaymentApproved { work_order_id, payment_id, quote_id, amount: total_amount, payment_method })
        .await;
    shop.later();
    let quoted =
        shop.tell(QuoteCreated { work_order_id, quote_id, customer_id, total_amount, valid_until }).await;
    let approved =
        shop.tell(QuoteApproved { work_order_id, quote_id, customer_id, total_amount, valid_until }).await;
    assert_eq!(
        shop.history(&order).await,
        [
            json!({"type": "OPENED", "at": "2026-02-08T10:00:00.000Z", "status": "PENDING"}),
            json!({"type": "PAYMENT_APPROVED", "paymentId": payment_id, "amount": 150.5, "paymentMethod": "PIX",
            "at": "2026-02-08T10:00:01.000Z", "eventId": paid, "status": "IN_PROGRESS"}),
            json!({"type": "QUOTED", "quoteId": quote_id, "totalAmount": 150.5, "validUntil": "2026-02-18T10:00:00.000Z",
            "at": "2026-02-08T10:00:02.000Z", "eventId": quoted, "status": "IN_PROGRESS"}),
            json!({"type": "QUOTE_APPROVED", "quoteId": quote_id, "totalAmount": 150.5,
            "at": "2026-02-08T10:00:02.000Z", "eventId": approved, "status": "IN_PROGRESS"}),
        ]
    );
}

#[tokio::test]
async fn what_people_did_has_no_event() {
    let shop = Shop::new().await;
    let order = shop.order().await;
    shop.later();
    shop.delete(&format!("{}?reason=stolen", path(&order))).await.ok();
    let history = shop.history(&order).await;
    assert_eq!(
        history[1..],
        [
            json!({"type": "CANCELLED", "reason": "stolen", "at": "2026-02-08T10:00:01.000Z", "status": "CANCELLED"})
        ]
    );
}
