//! `/customers`.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};

use crate::{
    on_both_stores,
    shop::{Shop, cpf},
};

fn ana() -> Value {
    json!({"name": "Ana Souza", "personType": "INDIVIDUAL", "document": "529.982.247-25", "email": "ana@example.com", "phone": "(11) 98765-4321"})
}

/// Ana, but for one field.
fn ana_with(field: &str, value: Value) -> Value {
    let mut body = ana();
    body[field] = value;
    body
}

fn at(customer: &Value) -> String {
    format!("/customers/{}", customer["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_customer_is_registered_and_read_back() {
    let shop = Shop::new().await;
    let reply = shop.post("/customers", &ana()).await;
    let made = reply.made();
    assert_eq!((reply.header("location"), reply.header("etag")), (at(&made).as_str(), "\"1\""));
    let expected = json!({"id": made["id"], "name": "Ana Souza", "personType": "INDIVIDUAL", "document": "52998224725",
        "email": "ana@example.com", "phone": "11987654321", "createdAt": "2026-02-08T10:00:00.000Z", "updatedAt": "2026-02-08T10:00:00.000Z"});
    assert_eq!(made, expected);
    assert_eq!(shop.get(&at(&made)).await.ok(), expected);
}

#[tokio::test]
async fn a_company_has_a_cnpj_with_letters_or_without() {
    let shop = Shop::new().await;
    for document in ["11.444.777/0001-61", "12.abc.345/01de-35"] {
        let body =
            json!({"name": "Oficina", "personType": "COMPANY", "document": document, "phone": "1134567890"});
        let made = shop.post("/customers", &body).await.made();
        assert_eq!(made["personType"], "COMPANY");
        assert!(made.get("email").is_none());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_customer_is_named() {
    let shop = Shop::new().await;
    for (field, value) in [
        ("name", json!(null)),
        ("name", json!("   ")),
        ("name", json!("x".repeat(201))),
        ("name", json!(7)),
        ("personType", json!("PERSON")),
        ("personType", json!(null)),
        ("document", json!("52998224724")),
        ("document", json!("11111111111")),
        ("document", json!("123")),
        ("document", json!(52998224725_u64)),
        ("document", json!("11444777000161")),
        ("personType", json!("COMPANY")),
        ("email", json!("ana")),
        ("phone", json!("190")),
        ("phone", json!(null)),
    ] {
        let reply = shop.post("/customers", &ana_with(field, value.clone())).await;
        let named = if value == json!("COMPANY") { "document" } else { field };
        assert_eq!(reply.fields(), [named], "{field} {value}");
    }
    let all = shop.post("/customers", &json!({"email": "x", "phone": "y"})).await;
    assert_eq!(all.fields(), ["name", "personType", "document", "email", "phone"]);
    assert_eq!(shop.get("/customers").await.list(), [] as [Value; 0]);
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_nothing_else() {
    let shop = Shop::new().await;
    let made = shop.post("/customers", &ana()).await.made();
    shop.later();
    let edited = shop
        .patch(&at(&made), &json!({"phone": "+55 21 3456-7890", "email": null, "shoeSize": 37}))
        .await
        .ok();
    assert_eq!((&edited["name"], &edited["phone"]), (&made["name"], &json!("2134567890")));
    assert!(edited.get("email").is_none());
    assert_eq!(
        (&edited["createdAt"], &edited["updatedAt"]),
        (&made["createdAt"], &json!("2026-02-08T10:00:01.000Z"))
    );
    let body = json!({"name": null, "personType": null, "document": "x", "phone": null});
    assert_eq!(shop.patch(&at(&made), &body).await.fields(), ["name", "personType", "document", "phone"]);
}

#[tokio::test]
async fn a_person_becomes_a_company_only_with_both_words() {
    let shop = Shop::new().await;
    let made = shop.post("/customers", &ana()).await.made();
    for half in [json!({"document": "11444777000161"}), json!({"personType": "COMPANY"})] {
        assert_eq!(shop.patch(&at(&made), &half).await.fields(), ["document"]);
    }
    let both = json!({"document": "11444777000161", "personType": "COMPANY"});
    assert_eq!(shop.patch(&at(&made), &both).await.ok()["personType"], "COMPANY");
}

#[tokio::test]
async fn who_edits_or_deletes_a_passed_version_is_told() {
    let shop = Shop::new().await;
    let made = shop.post("/customers", &ana()).await.made();
    let tagged = |method, tag| shop.request(method, &at(&made)).header("If-Match", tag);
    let changed = shop.write(tagged(Method::PATCH, "\"1\""), &json!({"name": "Ana Lima"})).await;
    assert_eq!((changed.status, changed.header("etag")), (StatusCode::OK, "\"2\""));
    let stale = shop.write(tagged(Method::PATCH, "\"1\""), &json!({"name": "Ana Reis"})).await;
    assert_eq!(stale.problem(), (412, "stale".to_owned()));
    let stale = shop.send(tagged(Method::DELETE, "\"1\"").body(Body::empty()).unwrap()).await;
    assert_eq!(stale.problem(), (412, "stale".to_owned()));
    let gone = shop.send(tagged(Method::DELETE, "\"2\"").body(Body::empty()).unwrap()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn who_is_not_there_is_404_and_what_is_no_id_is_400() {
    let shop = Shop::new().await;
    let nobody = "/customers/00000000-0000-7000-8000-000000000000";
    for reply in [shop.get(nobody).await, shop.patch(nobody, &json!({})).await, shop.delete(nobody).await] {
        assert_eq!(reply.problem(), (404, "not_found".to_owned()));
        assert_eq!(reply.json()["message"], "there is no such customer");
    }
    assert_eq!(shop.get("/customers/17").await.fields(), ["id"]);
}

on_both_stores! {
    a_document_belongs_to_one_customer
    a_customer_is_found_by_document_however_it_is_written
    the_list_is_searched_by_name_document_email_and_phone
    a_customer_with_vehicles_or_orders_stays
}

async fn a_document_belongs_to_one_customer(shop: Shop) {
    shop.post("/customers", &ana()).await.made();
    let again = shop.post("/customers", &ana_with("document", json!("52998224725"))).await;
    assert_eq!(again.problem(), (409, "taken".to_owned()));
    assert_eq!(again.json()["message"], "another customer has this document");
    let other = shop.post("/customers", &ana_with("document", json!(cpf(7)))).await.made();
    let taken = shop.patch(&at(&other), &json!({"document": "529.982.247-25"})).await;
    assert_eq!(taken.problem(), (409, "taken".to_owned()));
    assert_eq!(shop.get(&at(&other)).await.ok()["document"], cpf(7));
}

async fn a_customer_is_found_by_document_however_it_is_written(shop: Shop) {
    let ana = shop.post("/customers", &ana()).await.made();
    let company = json!({"name": "Oficina", "personType": "COMPANY", "document": "12ABC34501DE35", "phone": "1134567890"});
    let company = shop.post("/customers", &company).await.made();
    for (written, customer) in [
        ("52998224725", &ana),
        ("529.982.247-25", &ana),
        ("529%20982%20247-25", &ana),
        ("12ABC34501DE35", &company),
        ("12.abc.345%2F01de-35", &company),
        ("12.ABC.345/01DE-35", &company),
    ] {
        assert_eq!(shop.get(&format!("/customers/document/{written}")).await.ok(), *customer, "{written}");
    }
    assert_eq!(shop.get("/customers/document/11144477735").await.problem(), (404, "not_found".to_owned()));
    assert_eq!(shop.get("/customers/document/11144477736").await.fields(), ["document"]);
    assert_eq!(shop.get("/customers/document/a%00b").await.fields(), ["document"]);
}

async fn the_list_is_searched_by_name_document_email_and_phone(shop: Shop) {
    for (name, document, email, phone) in [
        ("João da Conceição", cpf(1), "joao@example.com", "11911111111"),
        ("Maria 100%", cpf(2), "maria@example.com.br", "21922222222"),
    ] {
        shop.later();
        let body = json!({"name": name, "personType": "INDIVIDUAL", "document": document, "email": email, "phone": phone});
        shop.post("/customers", &body).await.made();
    }
    let first = |reply: crate::shop::Reply| -> Vec<String> {
        reply.list().iter().map(|customer| customer["name"].as_str().unwrap()[..4].to_owned()).collect()
    };
    for (words, found) in [
        ("JOAO", vec!["Joã"]),
        ("concei%C3%A7%C3%A3o", vec!["Joã"]),
        ("joao%20da%20c", vec!["Joã"]),
        ("joao%20conceicao", vec!["Joã"]),
        ("conceicao%20joao", vec!["Joã"]),
        ("joao%20maria", vec![]),
        (cpf(2).as_str(), vec!["Mari"]),
        ("000.000.00", vec!["Mari", "Joã"]),
        ("maria@example", vec!["Mari"]),
        ("119111", vec!["Joã"]),
        ("(11)%2091111-1111", vec!["Joã"]),
        ("11%2091111-1111", vec!["Joã"]),
        ("%2B55%20(21)%2092222-2222", vec!["Mari"]),
        ("100%25", vec!["Mari"]),
        ("_", vec![]),
        ("nobody", vec![]),
        ("", vec!["Mari", "Joã"]),
    ] {
        assert_eq!(first(shop.get(&format!("/customers?q={words}")).await), found, "{words}");
    }
}

async fn a_customer_with_vehicles_or_orders_stays(shop: Shop) {
    let customer = shop.customer(1).await;
    let vehicle = shop.vehicle(&customer, 1).await;
    let reply = shop.delete(&at(&customer)).await;
    assert_eq!(reply.problem(), (409, "in_use".to_owned()));
    let vehicle = format!("/vehicles/{}", vehicle["id"].as_str().unwrap());
    assert_eq!(shop.delete(&vehicle).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.delete(&at(&customer)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(shop.get(&at(&customer)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shop.delete(&at(&customer)).await.status, StatusCode::NOT_FOUND);
}
