//! What was typed wrong at intake, of a car or in the catalogue can be put right on the screens; and what leads nowhere
//! is said, or not offered.

use garage::{shop::At, stories::straight_through};
use garage_web::Settings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    browser::Browser,
    journey::{NEW, take_in},
    world::{World, until_it_shows},
};

/// The form of a part of which four are there.
const PADS: [(&str, &str); 4] =
    [("part-name", "Pastilha"), ("number", "PF-1"), ("part-price", "129,90"), ("stock", "4")];

/// A manager adds somebody with this role, who signs in.
async fn somebody(world: &World, manager: &mut Browser, login: &str, role: &str) -> Browser {
    let person = [("name", login), ("login", login), ("password", "long enough"), ("role", role)];
    manager.open("/people").await.press("Adicionar", &person).await.must_show(login);
    let mut browser = world.browser();
    browser.open("/sign-in").await.press("Entrar", &[("login", login), ("password", "long enough")]).await;
    browser
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_at_intake_is_corrected_on_the_order() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let more = [("promised", "2026-11-28T17:00"), ("left", "Estepe")];
    take_in(&mut desk, "ABC-1234", &[&NEW[..], &more].concat()).await;
    let order = desk.path.clone();
    desk.must_show("Prometido para 28/11/2026 17:00");
    desk.follow("Corrigir os dados").await;
    for known in
        ["Freio chiando</textarea>", "value=\"82350\"", "value=\"2026-11-28T17:00\"", "value=\"Estepe\""]
    {
        assert!(desk.html.contains(known), "{known} is missing: {}", desk.html);
    }
    let wrong = [("complaint", " "), ("km", "muitos"), ("promised", "amanhã"), ("left", "Manual")];
    desk.press("Corrigir", &wrong).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("preencha este campo")
        .must_show("deve ser um número inteiro")
        .must_show("deve ser dia e hora");
    assert!(
        desk.html.contains("value=\"muitos\"") && desk.html.contains("value=\"Manual\""),
        "{}",
        desk.html
    );

    let right = [
        ("complaint", "Freio traseiro chiando"),
        ("km", "82.530"),
        ("promised", "2026-11-30T09:30"),
        ("left", "Estepe e manual"),
    ];
    desk.press("Corrigir", &right).await;
    assert_eq!(desk.path.split('?').next(), Some(order.as_str()));
    for words in
        ["Salvo.", "Freio traseiro chiando", "82530 km", "Prometido para 30/11/2026 09:30", "Estepe e manual"]
    {
        desk.must_show(words);
    }
    desk.follow("Corrigir os dados").await.press("Corrigir", &[("promised", "")]).await.must_show("Salvo.");
    assert!(!desk.shows("Prometido para"), "{}", desk.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_meanwhile_is_said_and_not_overwritten() {
    let world = World::open().await;
    let (mut desk, mut other) = (world.manager().await, world.manager().await);
    take_in(&mut desk, "ABC-1234", &NEW).await;
    let path = desk.path.replace("/orders/", "/work-orders/");
    other.open(&desk.path).await.follow("Corrigir os dados").await;
    desk.follow("Corrigir os dados").await;
    other.press("Corrigir", &[("complaint", "Freio e óleo")]).await.must_show("Salvo.");

    for _ in 0..2 {
        desk.press("Corrigir", &[("complaint", "Freio traseiro")]).await;
        assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
        desk.must_show("Isto mudou enquanto você olhava.").must_show("Freio traseiro");
        assert_eq!(world.shop.get(At::Os, &path).await.unwrap()["description"], "Freio e óleo");
    }
    desk.follow("Ver como está agora").await.must_show("Freio e óleo");
    desk.press("Corrigir", &[("complaint", "Freio traseiro e óleo")]).await.must_show("Salvo.");
    desk.must_show("Freio traseiro e óleo");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_shop_hears_meanwhile_is_no_change_of_what_was_seen() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    let order = desk.path.clone();
    let form = desk.follow("Corrigir os dados").await.form_of("Corrigir").unwrap();
    desk.open(&order).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Aguardando a resposta do cliente").await;
    desk.send(&form, &[("complaint", "Freio traseiro")])
        .await
        .must_show("Salvo.")
        .must_show("Freio traseiro");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_has_ended_is_corrected_no_more() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    let order = desk.path.clone();
    let form = desk.follow("Corrigir os dados").await.form_of("Corrigir").unwrap();
    desk.open(&order).await.press("Cancelar a ordem", &[("reason", "Vendeu o carro")]).await;
    until_it_shows(&mut desk, "Cancelado: Vendeu o carro").await;
    assert!(!desk.shows("Corrigir os dados"), "{}", desk.text());
    assert_eq!(desk.open(&format!("{order}/edit")).await.path, order);
    desk.send(&form, &[("complaint", "Freio traseiro")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("Não é possível editar: a ordem está").must_show("Freio traseiro");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_s_plate_and_model_are_corrected_and_the_rest_of_it_stays() {
    let world = World::open().await;
    let neighbour = world.shop.take_in("Bruno Lima", 1).await.unwrap();
    let neighbour =
        world.shop.get(At::Os, &format!("/work-orders/{}", neighbour.order)).await.unwrap()["plate"].clone();
    let mut desk = world.manager().await;
    take_in(&mut desk, "XYZ-1234", &[&NEW[..], &[("color", "Prata")]].concat()).await;
    let order = desk.path.clone();
    let car = world.shop.get(At::Os, "/vehicles/plate/XYZ1234").await.unwrap();
    let path = format!("/vehicles/{}", car["id"].as_str().unwrap());
    let numbered = json!({ "customerId": car["customerId"], "plate": car["plate"], "brand": car["brand"],
        "model": car["model"], "year": car["year"], "color": car["color"], "vin": "9BWZZZ377VT004251" });
    let numbered = world.shop.ask(At::Os, Method::PUT, &path, Some(numbered)).await.unwrap();
    assert_eq!(numbered.status, 200, "{}", numbered.body);

    desk.follow("XYZ-1234").await.follow("Corrigir os dados").await;
    desk.press("Corrigir", &[("model", ""), ("year", "velho")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("preencha este campo").must_show("deve ser um ano, como 2019");
    assert!(desk.html.contains("value=\"velho\""), "{}", desk.html);
    desk.press("Corrigir", &[("model", "Corolla XEi"), ("year", "2020"), ("plate", "nada")]).await;
    desk.must_show("deve ser uma placa como ABC-1234 ou ABC1D23");
    desk.press("Corrigir", &[("plate", neighbour.as_str().unwrap())]).await;
    desk.must_show("outro veículo tem esta placa");
    desk.press("Corrigir", &[("plate", "xyz-1243")]).await;
    assert_eq!(desk.path, path);
    desk.must_show("XYZ-1243").must_show("Toyota Corolla XEi 2020").must_show("Prata").must_show("Ana Souza");
    desk.open(&order).await.must_show("Toyota Corolla XEi 2020");
    desk.open("/intake?plate=XYZ1243").await.must_show("Ana Souza");
    let now = world.shop.get(At::Os, &path).await.unwrap();
    assert_eq!(now["vin"], "9BWZZZ377VT004251");
    assert_eq!(now["customerId"], car["customerId"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_corrects_a_part_and_its_stock_stays() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/parts").await.press("Adicionar peça", &PADS).await;
    let other = [("part-name", "Óleo"), ("number", "OL-5"), ("part-price", "45")];
    desk.press("Adicionar peça", &other).await.follow("Pastilha").await;
    let part = desk.path.clone();
    desk.follow("Corrigir os dados").await;
    desk.press("Corrigir", &[("part-price", "caro"), ("unit", ""), ("category", "Freios")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("deve ser um valor, como 89,90").must_show("preencha este campo");
    assert!(desk.html.contains("value=\"caro\"") && desk.html.contains("value=\"Freios\""), "{}", desk.html);
    desk.press("Corrigir", &[("part-price", "139,90"), ("unit", "JG"), ("number", "OL-5")]).await;
    desk.must_show("é de outra peça");

    // What comes to the shelf meanwhile is no change of what the form shows.
    let stock = format!("{part}/stock");
    let come = Some(json!({ "adjustment": 3 }));
    assert_eq!(world.shop.ask(At::Billing, Method::PATCH, &stock, come).await.unwrap().status, 200);
    let right = [
        ("part-name", "Pastilha cerâmica"),
        ("number", "PF-2"),
        ("cost", "80"),
        ("least", "2"),
        ("supplier", "Bosch"),
    ];
    desk.press("Corrigir", &right).await;
    assert_eq!(desk.path, part);
    for words in ["Pastilha cerâmica", "PF-2", "Freios", "Bosch", "R$ 139,90", "7 JG", "2 JG"] {
        desk.must_show(words);
    }
    desk.open("/parts").await.must_show("R$ 80,00");
    desk.open(&format!("{part}/edit")).await.press("Corrigir", &[("cost", ""), ("category", "")]).await;
    let now = world.shop.get(At::Billing, &part).await.unwrap();
    assert!(now["costPrice"].is_null() && now["category"].is_null(), "{now}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_corrects_a_service() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let slip = [("service-name", "Trca"), ("service-price", "90"), ("minutes", "40")];
    desk.open("/parts").await.press("Adicionar serviço", &slip).await.follow("Corrigir Trca").await;
    let edit = desk.path.clone();
    desk.press("Corrigir", &[("service-name", "Troca de óleo"), ("minutes", "rápido")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("deve ser um número inteiro");
    assert!(desk.html.contains("value=\"Troca de óleo\""), "{}", desk.html);

    let path = edit.trim_end_matches("/edit");
    let dearer = Some(json!({ "price": 99 }));
    assert_eq!(world.shop.ask(At::Billing, Method::PATCH, path, dearer).await.unwrap().status, 200);
    desk.press("Corrigir", &[("minutes", "45")]).await.must_show("Isto mudou enquanto você olhava.");
    desk.follow("Ver como está agora").await;
    assert!(desk.html.contains("value=\"99,00\""), "{}", desk.html);
    let right = [("service-name", "Troca de óleo"), ("service-price", "95,50"), ("minutes", "45")];
    desk.press("Corrigir", &right).await;
    assert_eq!(desk.path, "/parts");
    desk.must_show("Troca de óleo 45 min").must_show("R$ 95,50");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_is_offered_the_corrections_that_are_theirs() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    take_in(&mut manager, "ABC-1234", &NEW).await;
    let order = manager.path.clone();
    let car = manager.follow("ABC-1234").await.path.clone();
    let part = manager.open("/parts").await.press("Adicionar peça", &PADS).await.follow("Pastilha").await;
    let part = part.path.clone();

    let mut bia = somebody(&world, &mut manager, "bia", "attendant").await;
    assert!(!bia.open(&part).await.shows("Corrigir"), "{}", bia.text());
    assert_eq!(bia.open(&format!("{part}/edit")).await.status, StatusCode::FORBIDDEN);
    bia.open(&car).await.follow("Corrigir os dados").await;
    let mut form = bia.form_of("Corrigir").unwrap();
    form.action = format!("{part}/edit");
    assert_eq!(bia.send(&form, &[("part-name", "Outra")]).await.status, StatusCode::FORBIDDEN);
    bia.open(&order).await.follow("Corrigir os dados").await;
    bia.press("Corrigir", &[("complaint", "Freio traseiro")]).await.must_show("Salvo.");

    let mut rui = somebody(&world, &mut manager, "rui", "technician").await;
    for page in [&order, &car] {
        assert!(!rui.open(page).await.shows("Corrigir"), "{}", rui.text());
        assert_eq!(rui.open(&format!("{page}/edit")).await.status, StatusCode::FORBIDDEN);
    }
    manager.open("/language?to=en&back=/").await.open(&order).await.follow("Correct the details").await;
    manager.must_show("Correct order").must_show("What the customer tells");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_is_told_that_a_link_works_on_this_computer_only() {
    const ONLY_HERE: &str = "O link só funciona neste computador, até que PUBLIC_URL seja definido.";
    let set = Settings { public_url: Some("http://oficina.example".to_owned()), ..Settings::default() };
    for (wishes, is_told) in [(Settings::default(), true), (set, false)] {
        let world = World::open_with(wishes).await;
        let mut desk = world.manager().await;
        let car = world.shop.take_in("Ana Souza", 1).await.unwrap();
        world.shop.quote(&car, "send").await.unwrap();
        desk.open(&format!("/orders/{}", car.order)).await;
        until_it_shows(&mut desk, "Link do cliente").await;
        assert_eq!(desk.shows(ONLY_HERE), is_told, "{}", desk.text());
        world.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_twenty_parts_of_the_money_no_other_is_offered() {
    let world = World::open().await;
    let car = straight_through(&world.shop, 1).await.unwrap();
    let payment = world.shop.payments(&car).await.unwrap()[0]["id"].clone();
    let (all, refunds) = (
        format!("/payments/work-order/{}", car.order),
        format!("/payments/{}/refunds", payment.as_str().unwrap()),
    );
    let mut desk = world.manager().await;
    for parts in 1..=20 {
        assert!(desk.open(&format!("/orders/{}", car.order)).await.offers("Devolver esta parte"), "{parts}");
        let part = json!({ "amount": 1, "reason": format!("Parte {parts}") });
        world.shop.post(At::Billing, &refunds, part).await.unwrap();
        let gone = |all: &Value| {
            let refunds = all[0]["refunds"].as_array().map_or(&[][..], Vec::as_slice);
            refunds.iter().filter(|refund| refund["status"] == "DONE").count() == parts
        };
        world.shop.wait_for(At::Billing, &all, "given back", gone).await.unwrap();
    }
    desk.open(&format!("/orders/{}", car.order)).await.must_show("Parte 20");
    assert!(!desk.offers("Devolver esta parte"), "{}", desk.text());
    desk.must_show("Já foi devolvido no maior número de partes.");
    world.close().await;
}
