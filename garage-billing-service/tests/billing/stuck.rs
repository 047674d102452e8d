//! `GET /payments?stuck=true`, `GET /quotes?stuck=true` and `POST /quotes/{id}/nudge`.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use garage_billing_service::gateway::sandbox::faults::Fault;
use garage_events::{WorkOrderId, WorkOrderStatus, event::WorkOrderStatusChanged};
use serde_json::{Value, json};

use crate::world::{Order, World, text};

on_every_store! {
    money_that_the_order_does_not_show_is_stuck_until_it_does
    a_quote_that_nobody_heard_of_is_stuck
    a_nudge_asks_the_gateway_and_tells_what_came_of_it
    a_nudge_tells_again_and_changes_nothing
}

async fn stuck(world: &World, what: &str) -> Vec<Value> {
    let reply = world.get(&format!("/{what}?stuck=true")).await;
    reply.expect(StatusCode::OK).as_array().unwrap().clone()
}

async fn nudge(world: &World, order: Order) -> Value {
    let quote = world.quote(order).await;
    world
        .post(&format!("/quotes/{}/nudge", text(&quote["id"])), json!({}))
        .await
        .expect(StatusCode::OK)
        .clone()
}

async fn money_that_the_order_does_not_show_is_stuck_until_it_does(world: World) {
    let first = world.paid().await;
    world.clock.advance(TimeDelta::seconds(1));
    let second = world.paid().await;
    assert_eq!(stuck(&world, "payments").await, [] as [Value; 0]);
    world.clock.advance(TimeDelta::minutes(1));
    let found = stuck(&world, "payments").await;
    let orders: Vec<&str> = found.iter().map(|payment| text(&payment["workOrderId"])).collect();
    assert_eq!(orders, [first.id.to_string(), second.id.to_string()]);
    assert_eq!((&found[0]["stuck"], &found[0]["waitingFor"]["who"]), (&json!(true), &json!("os-service")));
    let page = world.get("/payments?stuck=true&limit=1").await;
    let next = page.header("link").split_once('>').unwrap().0[1..].to_owned();
    let rest = world.get(&next).await.expect(StatusCode::OK).clone();
    assert_eq!((&rest[0]["workOrderId"], rest.as_array().unwrap().len()), (&json!(second.id), 1));
    world
        .hear(WorkOrderStatusChanged {
            work_order_id: WorkOrderId(first.id),
            previous_status: WorkOrderStatus::Approved,
            new_status: WorkOrderStatus::InProgress,
            revision: 3,
            customer_erased: false,
        })
        .await;
    assert_eq!(stuck(&world, "payments").await, found[1..]);
}

async fn a_quote_that_nobody_heard_of_is_stuck(world: World) {
    let order = world.order("Ana Souza").await;
    assert_eq!(stuck(&world, "quotes").await, [] as [Value; 0]);
    world.clock.advance(TimeDelta::minutes(1));
    let found = stuck(&world, "quotes").await;
    assert_eq!((found.len(), &found[0]["workOrderId"]), (1, &json!(order.id)));
    assert_eq!(found[0]["waitingFor"]["what"], "hearing of the quote");
    assert_eq!(stuck(&world, "payments").await, [] as [Value; 0], "nobody has tried to pay");
}

async fn a_nudge_asks_the_gateway_and_tells_what_came_of_it(world: World) {
    let order = world.approved("Ana Souza").await;
    world.faults().expect(1, Fault::AnswerLost);
    world.pay(order).await.expect(StatusCode::ACCEPTED);
    let payment = world.payments(order).await.remove(0);
    let nudged = nudge(&world, order).await;
    assert_eq!(nudged["asked"], json!([payment["id"]]));
    assert_eq!(nudged["told"], json!(["quote.created", "quote.approved", "payment.approved"]));
    assert_eq!(
        (world.standing(order).await, world.money().await),
        (vec!["APPROVED".to_owned()], vec!["+150".to_owned()])
    );
}

async fn a_nudge_tells_again_and_changes_nothing(world: World) {
    let order = world.paid().await;
    let before = (world.quote(order).await, world.payments(order).await);
    let nudged = nudge(&world, order).await;
    assert_eq!(nudged, json!({"told": ["quote.created", "quote.approved", "payment.approved"], "asked": []}));
    assert_eq!((world.quote(order).await, world.payments(order).await), before);
    assert_eq!(world.money().await, ["+150"]);
    let unknown = "/quotes/00000000-0000-0000-0000-000000000000/nudge";
    assert_eq!(world.ask("manager", Method::POST, unknown, None).await.status, StatusCode::NOT_FOUND);
}
