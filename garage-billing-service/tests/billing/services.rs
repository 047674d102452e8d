//! `/services`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::world::{Reply, World, text};

on_every_store! {
    a_service_is_added_read_changed_and_removed
    the_list_is_by_name_and_narrowed
}

fn names(reply: &Reply) -> Vec<&str> {
    reply.expect(StatusCode::OK).as_array().unwrap().iter().map(|service| text(&service["name"])).collect()
}

async fn a_service_is_added_read_changed_and_removed(world: World) {
    let added = world.post("/services", json!({ "name": "Alignment", "price": 120, "duration": 45 })).await;
    let wanted = json!({
        "id": added.body["id"], "name": "Alignment", "description": null, "price": 120, "duration": 45, "active": true,
        "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z",
    });
    assert_eq!(*added.expect(StatusCode::CREATED), wanted);
    let path = added.header("location").to_owned();
    assert_eq!(world.get(&path).await.body, wanted);
    let changed = world.patch(&path, json!({ "active": false, "description": "four wheels" })).await;
    let changed = changed.expect(StatusCode::OK);
    assert_eq!((&changed["active"], &changed["description"]), (&json!(false), &json!("four wheels")));
    let replaced = world.put(&path, json!({ "name": "Alignment", "price": 130, "duration": 50 })).await;
    let replaced = replaced.expect(StatusCode::OK);
    let seen = (&replaced["active"], &replaced["description"], &replaced["price"]);
    assert_eq!(seen, (&json!(true), &Value::Null, &json!(130)));
    assert_eq!(world.ask("manager", Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    world.get(&path).await.expect(StatusCode::NOT_FOUND);
    world.patch(&path, json!({})).await.expect(StatusCode::NOT_FOUND);
    world.ask("manager", Method::DELETE, &path, None).await.expect(StatusCode::NOT_FOUND);
}

async fn the_list_is_by_name_and_narrowed(world: World) {
    for (name, active) in [("wash", true), ("Alignment", false), ("Oil change", true)] {
        let service =
            json!({ "name": name, "price": 1, "duration": 1, "active": active, "description": "by hand" });
        world.post("/services", service).await.expect(StatusCode::CREATED);
    }
    assert_eq!(names(&world.get("/services").await), ["Alignment", "Oil change", "wash"]);
    assert_eq!(names(&world.get("/services?active=true").await), ["Oil change", "wash"]);
    assert_eq!(names(&world.get("/services?active=false").await), ["Alignment"]);
    assert_eq!(names(&world.get("/services?q=OIL").await), ["Oil change"]);
    assert_eq!(names(&world.get("/services?q=by+hand&limit=1").await), ["Alignment"]);
    assert_eq!(world.get("/services?active=maybe").await.fields(), ["active"]);
}

#[tokio::test]
async fn a_service_that_makes_no_sense_is_told_why() {
    let world = World::sqlite().await;
    assert_eq!(world.post("/services", json!({})).await.fields(), ["name", "price", "duration"]);
    for (field, value) in [
        ("name", json!("")),
        ("price", json!("ten")),
        ("price", json!(-1)),
        ("duration", json!(0)),
        ("duration", json!(100_001)),
        ("duration", json!(1.5)),
        ("active", json!("yes")),
        ("description", json!(7)),
    ] {
        let mut service = json!({ "name": "Wash", "price": 10, "duration": 5 });
        service[field] = value.clone();
        assert_eq!(world.post("/services", service).await.fields(), [field], "{value}");
    }
}
