//! `/parts`.

use axum::http::{Method, StatusCode, header};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::world::{Reply, World, text};

on_every_store! {
    a_part_is_added_read_changed_and_removed
    the_list_is_by_name_and_narrowed
    a_part_number_belongs_to_one_part
}

fn oil() -> Value {
    json!({ "name": "Oil", "partNumber": "O-1", "price": 39.99, "costPrice": 20.5, "stockQuantity": 10 })
}

async fn added(world: &World, part: Value) -> String {
    format!("/parts/{}", text(&world.post("/parts", part).await.expect(StatusCode::CREATED)["id"]))
}

/// Refused, in words and by the field's name, as another part has this number.
fn is_taken(reply: &Reply) {
    let problem = reply.expect(StatusCode::CONFLICT);
    assert_eq!(
        (&problem["code"], &problem["detail"]),
        (&json!("taken"), &json!("another part has this number"))
    );
    assert_eq!(problem["errors"], json!([{ "field": "partNumber", "detail": "belongs to another part" }]));
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.expect(StatusCode::OK).as_array().unwrap().iter().map(|part| text(&part["name"])).collect()
}

async fn a_part_is_added_read_changed_and_removed(world: World) {
    let part = world.post("/parts", oil()).await;
    let wanted = json!({
        "id": part.body["id"], "name": "Oil", "partNumber": "O-1", "price": 39.99, "costPrice": 20.5,
        "stockQuantity": 10, "reserved": 0, "free": 10, "missing": 0, "minStockLevel": 5, "unit": "UN",
        "category": null, "supplier": null,
        "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z",
    });
    assert_eq!(*part.expect(StatusCode::CREATED), wanted);
    let path = part.header("location").to_owned();
    assert_eq!(world.get(&path).await.body, wanted);

    world.clock.advance(TimeDelta::hours(1));
    let changed = world.patch(&path, json!({ "price": 41, "category": "Fluids", "costPrice": null })).await;
    let changed = changed.expect(StatusCode::OK);
    let seen = (&changed["price"], &changed["category"], changed.get("costPrice"), &changed["stockQuantity"]);
    assert_eq!(seen, (&json!(41), &json!("Fluids"), None, &json!(10)));
    assert_eq!(changed["updatedAt"], "2026-02-08T11:00:00.000Z");

    let replaced =
        world.put(&path, json!({ "name": "Oil 5W30", "partNumber": "O-5", "price": 45, "unit": "L" })).await;
    let replaced = replaced.expect(StatusCode::OK);
    let seen =
        (&replaced["category"], &replaced["unit"], &replaced["stockQuantity"], &replaced["minStockLevel"]);
    assert_eq!(seen, (&Value::Null, &json!("L"), &json!(10), &json!(5)), "what is on the shelf stays there");

    let gone = world.ask("manager", Method::DELETE, &path, None).await;
    assert_eq!((gone.status, gone.body), (StatusCode::NO_CONTENT, Value::Null));
    world.get(&path).await.expect(StatusCode::NOT_FOUND);
    world.ask("manager", Method::DELETE, &path, None).await.expect(StatusCode::NOT_FOUND);
}

async fn the_list_is_by_name_and_narrowed(world: World) {
    for (name, number, category, stock) in
        [("wiper", "W-1", "Glass", 6), ("Brake pad", "B-1", "Brakes", 5), ("Air filter", "A-1", "Filters", 0)]
    {
        let part = json!({ "name": name, "partNumber": number, "price": 1, "category": category,
            "stockQuantity": stock, "supplier": "Acme" });
        world.post("/parts", part).await.expect(StatusCode::CREATED);
    }
    assert_eq!(names(&world.get("/parts").await), ["Air filter", "Brake pad", "wiper"]);
    assert_eq!(names(&world.get("/parts?q=BRAKE").await), ["Brake pad"]);
    assert_eq!(names(&world.get("/parts?q=w-1").await), ["wiper"]);
    assert_eq!(names(&world.get("/parts?q=acme&limit=2").await), ["Air filter", "Brake pad"]);
    assert_eq!(names(&world.get("/parts?category=brakes").await), ["Brake pad"]);
    assert_eq!(names(&world.get("/parts?category=brakes&q=filter").await), Vec::<&str>::new());
    assert_eq!(names(&world.get("/parts/low-stock").await), ["Air filter", "Brake pad"]);
}

async fn a_part_number_belongs_to_one_part(world: World) {
    let first = added(&world, oil()).await;
    let mut second = oil();
    second["partNumber"] = json!("o-1");
    is_taken(&world.post("/parts", second.clone()).await);
    second["partNumber"] = json!("O-2");
    let second = added(&world, second).await;
    is_taken(&world.patch(&second, json!({ "partNumber": "O-1" })).await);
    is_taken(&world.put(&second, oil()).await);
    world.patch(&first, json!({ "partNumber": "o-1" })).await.expect(StatusCode::OK);
    world.ask("manager", Method::DELETE, &first, None).await;
    world.patch(&second, json!({ "partNumber": "O-1" })).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn stock_is_counted_and_adjusted_but_never_below_nothing() {
    let world = World::sqlite().await;
    let stock = format!("{}/stock", added(&world, oil()).await);
    let quantity = |reply: Reply| reply.expect(StatusCode::OK)["stockQuantity"].clone();
    assert_eq!(quantity(world.put(&stock, json!({ "quantity": 7 })).await), 7);
    assert_eq!(quantity(world.patch(&stock, json!({ "adjustment": -3 })).await), 4);
    assert_eq!(quantity(world.patch(&stock, json!({ "adjustment": 2 })).await), 6);
    assert_eq!(quantity(world.patch(&stock, json!({ "adjustment": -1.5 })).await), 4.5);
    assert_eq!(quantity(world.patch(&stock, json!({ "quantity": 1 })).await), 1);
    let refused = world.patch(&stock, json!({ "adjustment": -2 })).await;
    assert_eq!(
        refused.expect(StatusCode::CONFLICT)["detail"],
        "taking so many is not possible: the stock is 1"
    );
    for (body, fields) in [
        (json!({}), ["adjustment"]),
        (json!({ "adjustment": 1, "quantity": 1 }), ["quantity"]),
        (json!({ "adjustment": 1.0005 }), ["adjustment"]),
        (json!({ "quantity": -1 }), ["quantity"]),
        (json!({ "quantity": 4_000_000_000_u64 }), ["quantity"]),
    ] {
        assert_eq!(world.patch(&stock, body.clone()).await.fields(), fields, "{body}");
    }
    assert_eq!(world.put(&stock, json!({ "quantity": "all" })).await.fields(), ["quantity"]);
}

#[tokio::test]
async fn two_who_take_from_the_shelf_at_once_both_count() {
    let world = World::sqlite().await;
    let part = added(&world, oil()).await;
    let stock = format!("{part}/stock");
    let taking = (0..12).map(|_| world.patch(&stock, json!({ "adjustment": -1 })));
    let taken = futures::future::join_all(taking).await;
    assert_eq!(taken.iter().filter(|reply| reply.status == StatusCode::OK).count(), 10);
    assert_eq!(world.get(&part).await.body["stockQuantity"], 0);
}

#[tokio::test]
async fn what_a_part_cost_is_not_for_the_workshop() {
    let world = World::sqlite().await;
    let part = added(&world, oil()).await;
    for (role, seen) in [("manager", true), ("attendant", true), ("technician", false)] {
        let one = world.ask(role, Method::GET, &part, None).await;
        assert_eq!(one.expect(StatusCode::OK).get("costPrice").is_some(), seen, "{role}");
        let list = world.ask(role, Method::GET, "/parts", None).await;
        assert_eq!(list.body[0].get("costPrice").is_some(), seen, "{role}");
    }
}

#[tokio::test]
async fn a_part_that_makes_no_sense_is_told_why() {
    let world = World::sqlite().await;
    assert_eq!(world.post("/parts", json!({})).await.fields(), ["name", "partNumber", "price"]);
    for (field, value) in [
        ("name", json!(" ")),
        ("partNumber", json!("x".repeat(61))),
        ("price", json!(-0.01)),
        ("price", json!(0.001)),
        ("costPrice", json!("20")),
        ("stockQuantity", json!(-1)),
        ("stockQuantity", json!(1.0005)),
        ("minStockLevel", json!(true)),
        ("unit", json!("")),
        ("category", json!(7)),
        ("supplier", json!("a\0b")),
    ] {
        let mut part = oil();
        part[field] = value.clone();
        assert_eq!(world.post("/parts", part).await.fields(), [field], "{value}");
    }
    let part = added(&world, oil()).await;
    assert_eq!(world.patch(&part, json!({ "price": -1, "name": "" })).await.fields(), ["name", "price"]);
}

#[tokio::test]
async fn a_change_of_another_version_is_refused() {
    let world = World::sqlite().await;
    let part = added(&world, oil()).await;
    let tag = world.get(&part).await.header("etag").to_owned();
    world.patch(&part, json!({ "price": 1 })).await.expect(StatusCode::OK);
    for (method, body) in [(Method::PATCH, Some(json!({ "price": 2 }))), (Method::DELETE, None)] {
        let mut request = world.request("manager", method, &part, body);
        request.headers_mut().insert(header::IF_MATCH, tag.parse().unwrap());
        world.send(request).await.expect(StatusCode::PRECONDITION_FAILED);
    }
}

#[tokio::test]
async fn a_part_that_is_not_there_is_not_found() {
    let world = World::sqlite().await;
    let path = format!("/parts/{}", world.clock.id());
    world.get(&path).await.expect(StatusCode::NOT_FOUND);
    world.put(&path, oil()).await.expect(StatusCode::NOT_FOUND);
    world.patch(&path, json!({})).await.expect(StatusCode::NOT_FOUND);
    world.put(&format!("{path}/stock"), json!({ "quantity": 1 })).await.expect(StatusCode::NOT_FOUND);
}
