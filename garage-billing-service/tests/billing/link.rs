//! The customer's link: a token for one order. It reads that order's quote and payments, answers the quote
//! and pays. Everything else does not exist for it.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::world::{Order, World, text};

struct Link {
    world: World,
    own: Order,
    other: Order,
    role: String,
}

async fn link() -> Link {
    let world = World::sqlite().await;
    let own = world.order("Ana Souza").await;
    let other = world.order("Bia Lima").await;
    Link { role: format!("work-order:{}", own.id), world, own, other }
}

impl Link {
    async fn does(&self, method: Method, path: &str) -> StatusCode {
        self.world.ask(&self.role, method, path, None).await.status
    }

    async fn quote_of(&self, order: Order) -> String {
        text(&self.world.quote(order).await["id"]).to_owned()
    }
}

#[tokio::test]
async fn a_customer_reads_approves_and_pays_the_own_order() {
    let link = link().await;
    let quote = link.quote_of(link.own).await;
    assert_eq!(link.does(Method::GET, &format!("/quotes/{quote}")).await, StatusCode::OK);
    assert_eq!(link.does(Method::GET, &format!("/quotes/work-order/{}", link.own.id)).await, StatusCode::OK);
    let approved = link.world.ask(&link.role, Method::PUT, &format!("/quotes/{quote}/approve"), None).await;
    let approved = approved.expect(StatusCode::OK);
    assert_eq!((&approved["status"], &approved["approvedBy"]), (&json!("APPROVED"), &json!(link.role)));
    let tender = link.world.tender(link.own).await;
    let paid = link.world.ask(&link.role, Method::POST, "/payments", Some(tender)).await;
    let payment = text(&paid.expect(StatusCode::OK)["id"]).to_owned();
    assert_eq!(link.does(Method::GET, &format!("/payments/{payment}")).await, StatusCode::OK);
    assert_eq!(
        link.does(Method::GET, &format!("/payments/work-order/{}", link.own.id)).await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_customer_rejects_the_own_quote_in_words() {
    let link = link().await;
    let path = format!("/quotes/{}/reject", link.quote_of(link.own).await);
    let rejected =
        link.world.ask(&link.role, Method::PATCH, &path, Some(json!({ "reason": "too dear" }))).await;
    let rejected = rejected.expect(StatusCode::OK);
    assert_eq!((&rejected["status"], &rejected["rejectionReason"]), (&json!("REJECTED"), &json!("too dear")));
}

#[tokio::test]
async fn another_s_order_does_not_exist() {
    let link = link().await;
    link.world.say(link.other, "approve").await.expect(StatusCode::OK);
    let tender = link.world.tender(link.other).await;
    let quote = link.quote_of(link.other).await;
    let paid = link.world.pay(link.other).await;
    let payment = text(&paid.expect(StatusCode::OK)["id"]).to_owned();
    for (method, path) in [
        (Method::GET, format!("/quotes/{quote}")),
        (Method::GET, format!("/quotes/work-order/{}", link.other.id)),
        (Method::PUT, format!("/quotes/{quote}/approve")),
        (Method::PUT, format!("/quotes/{quote}/reject")),
        (Method::GET, format!("/payments/{payment}")),
        (Method::GET, format!("/payments/work-order/{}", link.other.id)),
    ] {
        assert_eq!(link.does(method.clone(), &path).await, StatusCode::NOT_FOUND, "{method} {path}");
    }
    let paid = link.world.ask(&link.role, Method::POST, "/payments", Some(tender)).await;
    assert_eq!(paid.expect(StatusCode::NOT_FOUND)["detail"], "there is no such work order");
    assert_eq!(link.world.standing(link.other).await, ["APPROVED"]);
}

#[tokio::test]
async fn the_desk_s_work_is_not_the_customer_s() {
    let link = link().await;
    let quote = link.quote_of(link.own).await;
    link.world.say(link.own, "approve").await.expect(StatusCode::OK);
    let payment = link.world.pay(link.own).await;
    let payment = text(&payment.expect(StatusCode::OK)["id"]).to_owned();
    for (method, path) in [
        (Method::GET, "/quotes".to_owned()),
        (Method::PUT, format!("/quotes/{quote}/send")),
        (Method::GET, "/payments".to_owned()),
        (Method::PATCH, format!("/payments/{payment}/verify")),
        (Method::DELETE, format!("/payments/{payment}")),
        (Method::GET, "/parts".to_owned()),
        (Method::GET, "/parts/low-stock".to_owned()),
        (Method::GET, "/parts/missing".to_owned()),
        (Method::GET, format!("/parts/work-order/{}", link.own.id)),
        (Method::GET, "/services".to_owned()),
    ] {
        assert_eq!(link.does(method.clone(), &path).await, StatusCode::FORBIDDEN, "{method} {path}");
    }
    let lines = json!({ "items": [{ "name": "Gift", "unitPrice": 1 }], "workOrderId": link.own.id });
    for (method, path) in [(Method::PUT, format!("/quotes/{quote}")), (Method::POST, "/quotes".to_owned())] {
        let reply = link.world.ask(&link.role, method, &path, Some(lines.clone())).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_link_that_has_tried_too_often_is_sent_to_the_desk_which_still_can() {
    let world = World::sqlite().await;
    let order = world.approved("OTHE").await;
    let (tender, role) = (world.tender(order).await, format!("work-order:{}", order.id));
    let pay = |role: &str| {
        let mut request = world.request(role, Method::POST, "/payments", Some(tender.clone()));
        let key = world.clock.id().to_string();
        request.headers_mut().insert("idempotency-key", key.parse().unwrap());
        world.send(request)
    };
    for _ in 0..20 {
        pay(&role).await.expect(StatusCode::BAD_REQUEST);
    }
    let refused = pay(&role).await;
    let detail = "paying by this link is not possible: the bill is at 20 attempts, as many as a customer's link may \
                  make: ask the workshop";
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], detail);
    assert_eq!(pay("attendant").await.expect(StatusCode::BAD_REQUEST)["code"], "payment_failed");
}
