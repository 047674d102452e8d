//! Who may do what, for every route there is.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::shop::{Shop, by};

const ROLES: [&str; 3] = ["attendant", "technician", "manager"];
const STAFF: &[&str] = &ROLES;
const FRONT_DESK: &[&str] = &["attendant", "manager"];
const MANAGER: &[&str] = &["manager"];

/// Every route, and who may take it.
const RULES: [(Method, &str, &[&str]); 29] = [
    (Method::POST, "/customers", FRONT_DESK),
    (Method::GET, "/customers", STAFF),
    (Method::GET, "/customers/{id}", STAFF),
    (Method::PATCH, "/customers/{id}", FRONT_DESK),
    (Method::DELETE, "/customers/{id}", MANAGER),
    (Method::POST, "/customers/{id}/erasure", MANAGER),
    (Method::GET, "/customers/{id}/erasure", MANAGER),
    (Method::GET, "/customers/document/{document}", STAFF),
    (Method::POST, "/vehicles", FRONT_DESK),
    (Method::GET, "/vehicles", STAFF),
    (Method::GET, "/vehicles/{id}", STAFF),
    (Method::PUT, "/vehicles/{id}", FRONT_DESK),
    (Method::DELETE, "/vehicles/{id}", MANAGER),
    (Method::GET, "/vehicles/customer/{customerId}", STAFF),
    (Method::GET, "/vehicles/plate/{plate}", STAFF),
    (Method::POST, "/work-orders", FRONT_DESK),
    (Method::GET, "/work-orders", STAFF),
    (Method::GET, "/work-orders/{id}", STAFF),
    (Method::PATCH, "/work-orders/{id}", FRONT_DESK),
    (Method::DELETE, "/work-orders/{id}", FRONT_DESK),
    (Method::POST, "/work-orders/{id}/deliver", FRONT_DESK),
    (Method::POST, "/work-orders/{id}/nudge", MANAGER),
    (Method::GET, "/work-orders/{id}/history", STAFF),
    (Method::GET, "/events", STAFF),
    (Method::GET, "/dead-letters", MANAGER),
    (Method::GET, "/dead-letters/audit", MANAGER),
    (Method::GET, "/dead-letters/{id}", MANAGER),
    (Method::POST, "/dead-letters/replay", MANAGER),
    (Method::POST, "/dead-letters/discard", MANAGER),
];

fn filled_in(path: &str) -> String {
    let id = "00000000-0000-7000-8000-000000000000";
    path.replace("{id}", id)
        .replace("{customerId}", id)
        .replace("{document}", "52998224725")
        .replace("{plate}", "ABC1D23")
}

/// The status alone: a stream has no end.
async fn status(shop: &Shop, request: Request<Body>) -> StatusCode {
    shop.router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn each_route_lets_in_who_may_take_it_and_nobody_else() {
    let shop = Shop::new().await;
    for (method, path, allowed) in RULES {
        let path = filled_in(path);
        for role in ROLES.into_iter().chain(["customer", ""]) {
            let request =
                by(&shop.token(role), method.clone(), &path).header("Content-Type", "application/json");
            let status = status(&shop, request.body("{}".into()).unwrap()).await;
            if allowed.contains(&role) {
                assert!(
                    ![401, 403, 405, 500].contains(&status.as_u16()),
                    "{method} {path} by {role}: {status}"
                );
            } else {
                assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} by {role}");
            }
        }
    }
}

#[tokio::test]
async fn without_a_token_or_with_a_link_to_something_else_nothing_opens() {
    let shop = Shop::new().await;
    let link = shop.link("11111111-1111-7111-8111-111111111111");
    for (method, path, _) in RULES {
        let path = filled_in(path);
        let nobody = Request::builder().method(method.clone()).uri(&path).body("{}".into()).unwrap();
        assert_eq!(status(&shop, nobody).await, StatusCode::UNAUTHORIZED, "{method} {path}");
        let elsewhere = by(&link, method.clone(), &path).body("{}".into()).unwrap();
        assert_eq!(status(&shop, elsewhere).await, StatusCode::FORBIDDEN, "{method} {path}");
    }
}

#[tokio::test]
async fn who_may_not_learns_nothing_of_what_would_be_right() {
    let shop = Shop::new().await;
    let request = by(&shop.token("technician"), Method::POST, "/customers");
    let reply = shop.write(request, &json!({"name": 7})).await;
    assert_eq!(reply.problem(), (403, "forbidden".to_owned()));
    assert_eq!(reply.json()["message"], "this takes one of the roles attendant, manager");
}

#[tokio::test]
async fn the_rules_know_every_route_of_the_document() {
    let shop = Shop::new().await;
    let document = shop.get("/openapi.json").await.ok();
    let ruled: BTreeSet<_> = RULES.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    let open = |operation: &Value| operation["security"] == json!([{}]);
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if ["get", "post", "put", "patch", "delete"].contains(&method.as_str()) && !open(operation) {
                documented.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    assert_eq!(documented, ruled);
}
