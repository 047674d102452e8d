//! Parts that are really there: put aside at the customer's yes, taken when the repair is finished, let go when the order
//! is off. The service's own keeper works beside the one in hand, as another replica's would.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use futures::future::join_all;
use garage_billing_service::{
    keeper::Keeper,
    part::{Need, Part, Units, Wish},
};
use garage_events::{PartId, Quantity, WorkOrderId, event::RequestedPart};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use crate::world::{Order, World, text};

on_every_store! {
    an_approved_order_has_its_parts_put_aside_and_takes_them_once
    what_is_put_aside_is_free_again_when_the_order_is_off
    two_orders_want_the_last_one_and_the_first_has_it
    what_was_carried_and_not_noted_is_not_carried_twice
}

async fn pads(world: &World, stock: u32) -> String {
    let part = json!({ "name": "Brake pad", "partNumber": "BP-1", "price": 120, "stockQuantity": stock });
    text(&world.post("/parts", part).await.expect(StatusCode::CREATED)["id"]).to_owned()
}

fn keeper(world: &World) -> Keeper {
    Keeper::new(world.cashier.shell().clone())
}

async fn wants(world: &World, part: &str, quantity: &str) -> Order {
    let part_id = PartId(part.parse().unwrap());
    let quantity = serde_json::from_str(quantity).unwrap();
    world.order_with("Ana Souza", |order| order.parts.push(RequestedPart { part_id, quantity })).await
}

async fn approved(world: &World, part: &str, quantity: &str) -> Order {
    let order = wants(world, part, quantity).await;
    world.say(order, "approve").await.expect(StatusCode::OK);
    keeper(world).keep_all().await.unwrap();
    order
}

/// On hand, reserved, free, missing.
async fn shelf(world: &World, part: &str) -> Value {
    let part = world.get(&format!("/parts/{part}")).await.expect(StatusCode::OK).clone();
    json!([part["stockQuantity"], part["reserved"], part["free"], part["missing"]])
}

/// Where an order stands with its only part, and how many it lacks.
async fn standing(world: &World, order: Order) -> Value {
    let parts = world.get(&format!("/parts/work-order/{}", order.id)).await;
    let part = &parts.expect(StatusCode::OK)[0];
    json!([part["status"], part["missing"], part["reserved"]])
}

async fn an_approved_order_has_its_parts_put_aside_and_takes_them_once(world: World) {
    let part = pads(&world, 10).await;
    let order = wants(&world, &part, "2.5").await;
    assert_eq!(standing(&world, order).await, json!(["QUOTED", 0, 0]));
    assert_eq!(shelf(&world, &part).await, json!([10, 0, 10, 0]));
    world.say(order, "approve").await.expect(StatusCode::OK);
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([10, 2.5, 7.5, 0]));
    assert_eq!(standing(&world, order).await, json!(["RESERVED", 0, 2.5]));

    world.pay(order).await.expect(StatusCode::OK);
    world.complete(order).await;
    world.complete(order).await;
    join_all((0..3).map(|_| async { keeper(&world).keep_all().await.unwrap() })).await;
    assert_eq!(shelf(&world, &part).await, json!([7.5, 0, 7.5, 0]));
    assert_eq!(standing(&world, order).await, json!(["TAKEN", 0, 0]));
    keeper(&world).mend(WorkOrderId(order.id)).await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([7.5, 0, 7.5, 0]), "mending what is whole changes nothing");
}

async fn what_is_put_aside_is_free_again_when_the_order_is_off(world: World) {
    let part = pads(&world, 4).await;
    let (unpaid, failed) = (approved(&world, &part, "1").await, approved(&world, &part, "2").await);
    world.pay(failed).await.expect(StatusCode::OK);
    assert_eq!(shelf(&world, &part).await, json!([4, 3, 1, 0]));
    world.call_off(unpaid).await;
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([4, 2, 2, 0]));
    world.call_off(failed).await;
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([4, 2, 2, 0]), "the workshop may have finished it");
    world.give_up(failed).await;
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([4, 0, 4, 0]));
    for order in [unpaid, failed] {
        assert_eq!(standing(&world, order).await, json!(["GIVEN_BACK", 0, 0]));
    }
}

async fn two_orders_want_the_last_one_and_the_first_has_it(world: World) {
    let part = pads(&world, 1).await;
    let first = approved(&world, &part, "1").await;
    world.clock.advance(TimeDelta::minutes(1));
    let second = approved(&world, &part, "1").await;
    let missing = async || world.get("/parts/missing").await.expect(StatusCode::OK).clone();
    assert_eq!(missing().await[0]["waitingOrders"], json!([second.id]));
    assert_eq!(shelf(&world, &part).await, json!([1, 2, -1, 1]));
    let held = world.get(&format!("/parts/{part}/reservations")).await;
    let held: Vec<_> = held
        .expect(StatusCode::OK)
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["workOrderId"], &one["missing"]))
        .collect();
    assert_eq!(held, [(&json!(first.id), &json!(0)), (&json!(second.id), &json!(1))]);
    let refused = world.ask("manager", Method::DELETE, &format!("/parts/{part}"), None).await;
    let told = "removing is not possible: the part is needed by 2 work orders";
    assert_eq!(refused.expect(StatusCode::CONFLICT)["detail"], told);

    world.call_off(first).await;
    keeper(&world).keep_all().await.unwrap();
    assert_eq!((standing(&world, second).await, missing().await), (json!(["RESERVED", 0, 1]), json!([])));
    world.patch(&format!("/parts/{part}/stock"), json!({ "adjustment": 5 })).await.expect(StatusCode::OK);
    world.put(&format!("/parts/{part}"), json!({ "name": "Pad", "partNumber": "BP-1", "price": 1 })).await;
    assert_eq!(shelf(&world, &part).await, json!([6, 1, 5, 0]), "who writes the part keeps its claims");
}

/// As after a kill between the two writes: the part is written, the bill knows nothing of it.
async fn what_was_carried_and_not_noted_is_not_carried_twice(world: World) {
    let part = pads(&world, 5).await;
    let order = approved(&world, &part, "2").await;
    world.pay(order).await.expect(StatusCode::OK);
    let shell = world.cashier.shell();
    let (id, at) = (WorkOrderId(order.id), world.clock.now());
    let quantity = Units::from(serde_json::from_str::<Quantity>("2").unwrap());
    let taken = shell.keep::<Part>(part.parse().unwrap(), None, |part, _| {
        Ok(Some(part.unwrap().in_line_with(id, Wish::Take(Need { quantity, since: at }), at).0))
    });
    assert_eq!(taken.await.unwrap().unwrap().state.takers().collect::<Vec<_>>(), [id]);
    world.complete(order).await;
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(shelf(&world, &part).await, json!([3, 0, 3, 0]));
    let part = shell.repository.load::<Part>(part.parse().unwrap()).await.unwrap().unwrap();
    assert!(part.state.holds.is_empty(), "what is noted in the bill is forgotten in the part");
}

#[tokio::test]
async fn a_part_that_the_catalogue_never_had_holds_nothing_up() {
    let world = World::sqlite().await;
    let unknown = world.clock.id();
    let order = world.order("Ana Souza").await;
    let lines = json!({ "items": [{ "name": "Rare", "unitPrice": 900, "partId": unknown }], "workOrderId": order.id });
    world.post("/quotes", lines).await.expect(StatusCode::CREATED);
    assert_eq!(standing(&world, order).await, json!(["UNKNOWN", 0, 0]));
    world.say(order, "approve").await.expect(StatusCode::OK);
    keeper(&world).keep_all().await.unwrap();
    assert_eq!(standing(&world, order).await, json!(["UNKNOWN", 0, 0]));
}

#[tokio::test]
async fn a_line_of_free_text_has_no_stock() {
    let world = World::sqlite().await;
    let order = world.order("Ana Souza").await;
    assert_eq!(
        *world.get(&format!("/parts/work-order/{}", order.id)).await.expect(StatusCode::OK),
        json!([])
    );
    world.get(&format!("/parts/work-order/{}", world.clock.id())).await.expect(StatusCode::NOT_FOUND);
    world.get(&format!("/parts/{}/reservations", world.clock.id())).await.expect(StatusCode::NOT_FOUND);
}

/// Forty orders, three parts, a shop in which everything happens at any time, and keepers that look whenever they like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shelf_adds_up_after_a_long_day() {
    let seed = std::env::var("GARAGE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut dice = StdRng::seed_from_u64(seed);
    let world = World::sqlite().await;
    let mut parts = Vec::new();
    for number in 0..3 {
        let part =
            json!({ "name": "Part", "partNumber": format!("P-{number}"), "price": 10, "stockQuantity": 20 });
        parts.push(text(&world.post("/parts", part).await.expect(StatusCode::CREATED)["id"]).to_owned());
    }
    let mut taken = [0_i64; 3];
    let mut kept = [0_i64; 3];
    let mut came = [0_i64; 3];
    let keepers: Vec<_> = (0..2).map(|_| keeper(&world)).collect();
    for _ in 0..40 {
        let which = dice.random_range(0..3);
        let quantity = dice.random_range(1..4_i64);
        let order = wants(&world, &parts[which], &quantity.to_string()).await;
        world.clock.advance(TimeDelta::seconds(1));
        let end = ["goes on", "is off", "fails", "is done", "is never approved"].choose(&mut dice).unwrap();
        let story = async {
            if *end == "is never approved" {
                return;
            }
            world.say(order, "approve").await.expect(StatusCode::OK);
            match *end {
                "is off" => world.call_off(order).await,
                "fails" => {
                    world.pay(order).await.expect(StatusCode::OK);
                    world.give_up(order).await;
                }
                "is done" => {
                    world.pay(order).await.expect(StatusCode::OK);
                    world.complete(order).await;
                }
                _ => {}
            }
        };
        let looks = async {
            if dice.random_bool(0.5) {
                join_all(keepers.iter().map(async |keeper| keeper.keep_all().await.unwrap())).await;
            }
            let stock = format!("/parts/{}/stock", parts[which]);
            world.patch(&stock, json!({ "adjustment": 1 })).await.expect(StatusCode::OK);
        };
        futures::join!(story, looks);
        came[which] += 1;
        taken[which] += if *end == "is done" { quantity } else { 0 };
        kept[which] += if *end == "goes on" { quantity } else { 0 };
    }
    for _ in 0..2 {
        join_all(keepers.iter().map(async |keeper| keeper.keep_all().await.unwrap())).await;
    }
    for which in 0..3 {
        let on_hand = 20 + came[which] - taken[which];
        let (free, missing) = (on_hand - kept[which], (kept[which] - on_hand.max(0)).max(0));
        let wanted = json!([on_hand, kept[which], free, missing]);
        assert_eq!(shelf(&world, &parts[which]).await, wanted, "part {which}, GARAGE_SEED={seed}");
    }
}
