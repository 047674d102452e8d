//! The desk's and the workshop's longer forms: lines of a quote, an intake, an import, a repair done again.

use garage::shop::At;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    browser::{Browser, NOT_SENT},
    journey::{NEW, customer, take_in},
    second_thoughts::sent,
    world::{World, until_it_shows},
};

/// The fields of one line of a quote.
const fn line<'a>(name: &'a str, price: &'a str) -> [(&'a str, &'a str); 4] {
    [("line", name), ("quantity", "1"), ("price", price), ("of", "")]
}

/// The quote of the order at this path.
async fn quote(world: &World, order: &str) -> Value {
    let path = format!("/quotes/work-order/{}", order.rsplit('/').next().unwrap());
    world.shop.get(At::Billing, &path).await.unwrap()
}

/// An order with a quote that nobody has seen; gives its path.
async fn draft(desk: &mut Browser) -> String {
    take_in(desk, "ABC-1234", &NEW).await;
    until_it_shows(desk, "Editar as linhas").await;
    desk.path.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_beside_the_button_goes_and_no_other() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = draft(&mut desk).await;
    let three = [line("Um", "10"), line("Dois", "20"), line("Três", "30")].concat();
    desk.follow("Editar as linhas").await.press("Salvar", &three).await.must_show("R$ 60,00");
    desk.follow("Editar as linhas").await;
    let form = desk.form_of("Salvar").unwrap();
    let cleared = [line("", ""), line("Dois", "20"), line("Três", "30")].concat();
    desk.send(&form, &[&cleared[..], &[("remove", "1"), ("do", NOT_SENT)]].concat())
        .await
        .must_show("R$ 30,00");
    let items = quote(&world, &order).await["items"].clone();
    assert_eq!(items.as_array().unwrap().len(), 1);
    assert_eq!(items[0]["name"], "Três");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_at_the_quote_that_the_customer_has_does_not_take_it_away() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = sent(&mut desk).await;
    desk.follow("Mudar o orçamento").await;
    for button in ["Salvar", "Enviar ao cliente"] {
        desk.press(button, &[]).await.must_show("Nada foi mudado: o cliente continua com este orçamento.");
        let quote = quote(&world, &order).await;
        assert_eq!((&quote["status"], &quote["revision"]), (&json!("SENT"), &json!(1)), "{button}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customer_keeps_a_quote_until_the_desk_saves_another() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = sent(&mut desk).await;
    let mut phone = customer(&world, &desk).await;
    desk.follow("Mudar o orçamento").await;
    let more = [line("Diagnóstico", "350,90"), line("Filtro", "40"), line("Óleo", "50")].concat();
    desk.press("Mais linhas à mão", &[&more[..], &[("reason", "Filtro sujo")]].concat()).await;
    desk.must_show("R$ 440,90");
    let form = desk.form_of("Salvar").unwrap();
    desk.send(&form, &[("remove", "2"), ("do", NOT_SENT)]).await.must_show("R$ 390,90");
    assert!(desk.html.contains("value=\"Filtro sujo\""), "what was typed stays");
    let path = phone.path.clone();
    assert!(phone.open(&path).await.offers("Aprovar o orçamento"), "nothing was saved yet");

    desk.press("Salvar", &[]).await.must_show("Enviar a nova versão").must_show("Mudou porque: Filtro sujo");
    let quote = quote(&world, &order).await;
    assert_eq!((&quote["revision"], &quote["items"][0]["name"]), (&json!(2), &json!("Diagnosis")));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_says_until_which_day_a_quote_is_valid() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = draft(&mut desk).await;
    desk.follow("Editar as linhas").await.must_show("Agora vale até");
    desk.press("Salvar", &[("valid", "2020-01-01")]).await.must_show("deve ser um dia que ainda não passou");
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.press("Salvar", &[("valid", "2099-12-31")]).await.must_show("Salvo.");
    assert_eq!(quote(&world, &order).await["validUntil"], "2100-01-01T02:59:59.999Z");
    desk.follow("Editar as linhas").await.must_show("válido até 31/12/2099");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_document_does_not_give_a_car_to_a_stranger() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    let bruno = NEW.map(|(name, value)| if name == "name" { (name, "Bruno Lima") } else { (name, value) });
    desk.open("/intake?plate=XYZ9A87").await.press("Abrir ordem de serviço", &bruno).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("este documento é de Ana Souza");
    assert!(desk.html.contains("value=\"Bruno Lima\""), "what was typed stays");
    desk.press("Abrir ordem de serviço", &[("document", "111.444.777-35")]).await.must_show("Bruno Lima");

    let ana = NEW.map(|(name, value)| if name == "name" { (name, "Dona Ana") } else { (name, value) });
    desk.open("/intake?plate=XYZ9A88").await.press("Abrir ordem de serviço", &ana).await;
    desk.press("Abrir ordem de serviço", &[("same", "52998224725")]).await;
    assert!(desk.path.starts_with("/orders/"), "{}", desk.text());
    desk.must_show("Ana Souza");
    world.close().await;
}

/// The new visit with another value in one field.
fn but(field: &str, typed: &'static str) -> [(&'static str, &'static str); 9] {
    NEW.map(|(name, value)| if name == field { (name, typed) } else { (name, value) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intake_that_is_refused_leaves_no_customer_behind() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let long: &str = &"x".repeat(61);
    for (field, typed, said) in [
        ("year", "1800", "deve ser um número inteiro de 1900 a "),
        ("model", long, "deve ter 1 a 60 caracteres"),
        ("phone", "190", "deve ser um telefone com DDD"),
        ("km", "12.3", "deve ser um número inteiro"),
    ] {
        let fields = NEW.map(|(name, value)| if name == field { (name, typed) } else { (name, value) });
        desk.open("/intake?plate=ABC-1234").await.press("Abrir ordem de serviço", &fields).await;
        assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        desk.must_show(said);
        assert_eq!(world.shop.get(At::Os, "/customers").await.unwrap(), json!([]), "{field}");
    }
    let corrected = [("name", "Ana de Souza"), ("km", "82.350")];
    desk.press("Abrir ordem de serviço", &corrected).await.must_show("Ana de Souza");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_was_mistyped_before_is_corrected_where_the_desk_says_so() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &but("name", "Ana Sousa")).await;
    desk.open("/intake?plate=XYZ9A87").await.press("Abrir ordem de serviço", &NEW).await;
    desk.must_show("este documento é de Ana Sousa");
    desk.press("Abrir ordem de serviço", &[("same", "correct 52998224725")]).await.must_show("Ana Souza");
    let customers = world.shop.get(At::Os, "/customers").await.unwrap();
    assert_eq!(customers.as_array().map(Vec::len), Some(1));
    assert_eq!(customers[0]["name"], "Ana Souza");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_phone_of_somebody_known_does_not_vanish() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    for (plate, choice, kept) in
        [("XYZ9A87", "52998224725", "11987654321"), ("XYZ9A88", "correct 52998224725", "11912345678")]
    {
        let fields = but("phone", "(11) 91234-5678");
        desk.open(&format!("/intake?plate={plate}")).await.press("Abrir ordem de serviço", &fields).await;
        assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
        desk.must_show("o cadastro tem (11) 98765-4321");
        desk.press("Abrir ordem de serviço", &[("same", choice)]).await;
        assert!(desk.path.starts_with("/orders/"), "{}", desk.text());
        let customers = world.shop.get(At::Os, "/customers").await.unwrap();
        assert_eq!(customers[0]["phone"], kept);
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_comes_back_leaves_the_shelf_alone_unless_it_is_a_stocktaking() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let list = "partNumber;name;price;stockQuantity\nPF-1;Pastilha;129,90;4\n";
    desk.open("/parts/import").await.press("Importar", &[("list", list)]).await.must_show("Novas: 1");
    let part = world.shop.get(At::Billing, "/parts").await.unwrap()[0].clone();
    let path = format!("/parts/{}", part["id"].as_str().unwrap());
    let moved = world
        .shop
        .ask(At::Billing, Method::PATCH, &format!("{path}/stock"), Some(json!({ "adjustment": 10 })))
        .await
        .unwrap();
    assert_eq!(moved.status, 200, "{}", moved.body);

    let dearer = list.replace("129,90", "139,90");
    desk.press("Importar", &[("list", &dearer)]).await.must_show("mudadas: 1");
    let part = world.shop.get(At::Billing, &path).await.unwrap();
    assert_eq!((&part["price"], &part["stockQuantity"]), (&json!(139.9), &json!(14)));
    desk.press("Importar", &[("list", list), ("set-stock", "yes")]).await.must_show("mudadas: 1");
    assert_eq!(world.shop.get(At::Billing, &path).await.unwrap()["stockQuantity"], json!(4));
    world.close().await;
}
