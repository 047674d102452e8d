//! Who may do what.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::world::{World, text};

const ROLES: [&str; 4] = ["attendant", "technician", "manager", "customer"];

/// Every route with those who may use it, on things that are there, with bodies that are right.
async fn table(world: &World) -> Vec<(Method, String, Option<Value>, &'static [&'static str])> {
    let order = world.approved("CONT").await;
    let quote = world.quote(order).await;
    let payment = world.pay(order).await.body;
    let part = world.post("/parts", json!({ "name": "Oil", "partNumber": "O-1", "price": 10 })).await.body;
    let service = world.post("/services", json!({ "name": "Wash", "price": 10, "duration": 5 })).await.body;
    let (quote, payment) = (text(&quote["id"]), text(&payment["id"]));
    let (part, service) = (text(&part["id"]), text(&service["id"]));
    let (desk, staff, manager): (&[_], &[_], &[_]) =
        (&["attendant", "manager"], &["attendant", "technician", "manager"], &["manager"]);
    let lines = json!({ "items": [{ "name": "Oil", "unitPrice": 1 }] });
    let write = json!({ "workOrderId": order.id, "items": lines["items"] });
    let tender = world.tender(order).await;
    let new_part = json!({ "name": "Oil", "partNumber": "O-2", "price": 10 });
    let new_service = json!({ "name": "Wash", "price": 10, "duration": 5 });
    let (get, post, put, patch, delete) =
        (Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let mut table = vec![
        (get.clone(), "/quotes".to_owned(), None, staff),
        (get.clone(), format!("/quotes/{quote}"), None, staff),
        (get.clone(), format!("/quotes/work-order/{}", order.id), None, staff),
        (post.clone(), "/quotes".to_owned(), Some(write), desk),
        (put.clone(), format!("/quotes/{quote}"), Some(lines), desk),
        (get.clone(), "/payments".to_owned(), None, staff),
        (get.clone(), format!("/payments/{payment}"), None, staff),
        (get.clone(), format!("/payments/work-order/{}", order.id), None, staff),
        (post.clone(), "/payments".to_owned(), Some(tender), desk),
        (patch.clone(), format!("/payments/{payment}/verify"), None, desk),
        (delete.clone(), format!("/payments/{payment}"), None, desk),
        (post.clone(), format!("/quotes/{quote}/nudge"), None, manager),
        (get.clone(), "/parts".to_owned(), None, staff),
        (get.clone(), "/parts/low-stock".to_owned(), None, staff),
        (get.clone(), "/parts/missing".to_owned(), None, staff),
        (get.clone(), format!("/parts/work-order/{}", order.id), None, staff),
        (get.clone(), format!("/parts/{part}/reservations"), None, staff),
        (get.clone(), format!("/parts/{part}"), None, staff),
        (post.clone(), "/parts".to_owned(), Some(new_part.clone()), manager),
        (put.clone(), format!("/parts/{part}"), Some(new_part), manager),
        (patch.clone(), format!("/parts/{part}"), Some(json!({ "price": 11 })), manager),
        (put.clone(), format!("/parts/{part}/stock"), Some(json!({ "quantity": 1 })), manager),
        (patch.clone(), format!("/parts/{part}/stock"), Some(json!({ "adjustment": 1 })), manager),
        (get.clone(), "/services".to_owned(), None, staff),
        (get, format!("/services/{service}"), None, staff),
        (post, "/services".to_owned(), Some(new_service.clone()), manager),
        (put.clone(), format!("/services/{service}"), Some(new_service), manager),
        (patch.clone(), format!("/services/{service}"), Some(json!({ "price": 11 })), manager),
        (delete.clone(), format!("/parts/{part}"), None, manager),
        (delete, format!("/services/{service}"), None, manager),
    ];
    for path in ["/dead-letters", "/dead-letters/audit", "/dead-letters/00000000-0000-0000-0000-000000000000"]
    {
        table.push((Method::GET, path.to_owned(), None, manager));
    }
    for act in ["replay", "discard"] {
        let wish = json!({ "all": true, "why": "a test" });
        table.push((Method::POST, format!("/dead-letters/{act}"), Some(wish), manager));
    }
    for word in ["send", "approve", "reject"] {
        table.push((put.clone(), format!("/quotes/{quote}/{word}"), None, desk));
        table.push((patch.clone(), format!("/quotes/{quote}/{word}"), None, desk));
    }
    table
}

#[tokio::test]
async fn each_route_is_for_those_whose_work_it_is() {
    let world = World::sqlite().await;
    for (method, path, body, allowed) in table(&world).await {
        for role in ROLES.iter().filter(|role| !allowed.contains(role)) {
            let reply = world.ask(role, method.clone(), &path, body.clone()).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{role}: {method} {path}");
        }
        for role in allowed {
            let status = world.ask(role, method.clone(), &path, body.clone()).await.status;
            let refused = [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED];
            assert!(
                !refused.contains(&status) && !status.is_server_error(),
                "{role}: {method} {path}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn nobody_does_anything_without_a_token() {
    let world = World::sqlite().await;
    for (method, path, body, _) in table(&world).await {
        let mut request = world.request("manager", method.clone(), &path, body);
        request.headers_mut().remove(header::AUTHORIZATION);
        assert_eq!(world.send(request).await.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}
