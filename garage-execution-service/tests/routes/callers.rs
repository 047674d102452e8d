//! Who may do what: every route for every role.

use axum::{
    body::Body,
    http::{Method, header},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Who, World, on_each_store, text};

on_each_store! {
    every_route_lets_in_its_roles_and_nobody_else
    a_link_opens_the_execution_of_its_own_order_alone
    a_technician_takes_a_job_but_does_not_say_how_urgent_it_is
}

#[derive(Clone, Copy, PartialEq)]
enum For {
    Readers,
    Workers,
    Managers,
}

struct Route {
    method: Method,
    path: String,
    body: Value,
    open_to: For,
}

impl Route {
    fn lets_in(&self, who: Who) -> bool {
        match who {
            Who::Attendant => self.open_to == For::Readers,
            Who::Technician => self.open_to != For::Managers,
            Who::Manager => true,
            Who::Customer(_) | Who::Nobody => false,
        }
    }
}

fn routes(execution: &Value) -> Vec<Route> {
    let (id, order) = (text(execution, "id"), text(execution, "workOrderId"));
    let read = |path: String| Route { method: Method::GET, path, body: Value::Null, open_to: For::Readers };
    let step = |name: &str, body: Value| Route {
        method: Method::POST,
        path: format!("/executions/{id}/{name}"),
        body,
        open_to: For::Workers,
    };
    let patch = |body: Value, open_to: For| Route {
        method: Method::PATCH,
        path: format!("/executions/{id}"),
        body,
        open_to,
    };
    let managers = |method: Method, path: &str, body: Value| Route {
        method,
        path: format!("/dead-letters{path}"),
        body,
        open_to: For::Managers,
    };
    vec![
        managers(Method::GET, "", Value::Null),
        managers(Method::GET, "/audit", Value::Null),
        managers(Method::GET, &format!("/{}", Uuid::nil()), Value::Null),
        managers(Method::POST, "/replay", json!({"all": true, "why": "a test"})),
        managers(Method::POST, "/discard", json!({"all": true, "why": "a test"})),
        read("/executions".to_owned()),
        read(format!("/executions/{id}")),
        read(format!("/executions/work-order/{order}")),
        read("/executions/queue".to_owned()),
        read("/queue".to_owned()),
        read("/queue/statistics".to_owned()),
        Route {
            method: Method::POST,
            path: "/executions".to_owned(),
            body: json!({"workOrderId": order}),
            open_to: For::Managers,
        },
        patch(json!({"priority": "HIGH"}), For::Managers),
        patch(json!({"technicianId": "ugo"}), For::Workers),
        Route {
            method: Method::POST,
            path: format!("/executions/{id}/nudge"),
            body: Value::Null,
            open_to: For::Managers,
        },
        step("start-diagnosis", Value::Null),
        step("complete-diagnosis", json!({"notes": "x"})),
        step("start-repair", Value::Null),
        step("complete-repair", json!({"notes": "x"})),
        step("start-testing", Value::Null),
        step("complete", Value::Null),
        step("fail", json!({"reason": "x"})),
    ]
}

async fn knock(world: &World, who: Who, route: &Route) -> u16 {
    let request = world.request(who, route.method.clone(), &route.path);
    let request = if route.body.is_null() {
        request.body(Body::empty())
    } else {
        request.header(header::CONTENT_TYPE, "application/json").body(route.body.to_string().into())
    };
    world.send(request.unwrap()).await.status
}

async fn every_route_lets_in_its_roles_and_nobody_else(world: World) {
    let execution = world.paid().await;
    for route in routes(&execution) {
        assert_eq!(knock(&world, Who::Nobody, &route).await, 401, "{}", route.path);
        for who in [Who::Attendant, Who::Technician, Who::Manager, Who::Customer(Uuid::from_u128(7))] {
            let status = knock(&world, who, &route).await;
            assert_eq!(
                ![401, 403].contains(&status),
                route.lets_in(who),
                "{who:?} {} {} {status}",
                route.method,
                route.path
            );
        }
    }
}

async fn a_link_opens_the_execution_of_its_own_order_alone(world: World) {
    let (mine, anothers) = (world.paid().await, world.paid().await);
    let customer = Who::Customer(text(&mine, "workOrderId").parse().unwrap());
    for route in routes(&mine) {
        let allowed = route.path.starts_with("/executions/work-order/");
        assert_eq!(knock(&world, customer, &route).await, if allowed { 200 } else { 403 }, "{}", route.path);
    }
    assert!(routes(&anothers).len() > 1);
    for route in routes(&anothers) {
        assert_eq!(knock(&world, customer, &route).await, 403, "{}", route.path);
    }
}

async fn a_technician_takes_a_job_but_does_not_say_how_urgent_it_is(world: World) {
    let path = format!("/executions/{}", text(&world.paid().await, "id"));
    let both = json!({"technicianId": "tito", "priority": "URGENT"});
    assert_eq!(world.json(Who::Technician, Method::PATCH, &path, both).await.status, 403);
    assert_eq!(world.get(&path).await.body["technicianId"], Value::Null);
    assert_eq!(
        world.json(Who::Technician, Method::PATCH, &path, json!({"technicianId": "tito"})).await.status,
        200
    );
}
