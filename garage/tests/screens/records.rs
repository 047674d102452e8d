//! Records: what is printed, exported, taken along, and a customer's rights over their data.

use garage::{shop::At, stories::straight_through};
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    journey::{NEW, customer, take_in},
    world::{World, until_it_shows},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paper_says_what_the_screen_says() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    let order = desk.path.clone();
    desk.open(&format!("{order}/print?of=quote")).await;
    for words in [
        "Orçamento",
        "Ana Souza",
        "***.982.247-**",
        "ABC-1234",
        "R$ 350,90",
        "Válido até",
        "Documento sem valor fiscal",
    ] {
        desk.must_show(words);
    }
    desk.open(&format!("{order}/print?of=order"))
        .await
        .must_show("Freio chiando")
        .must_show("Assinatura do cliente");
    desk.open(&format!("{order}/print?of=receipt")).await.must_show("Nenhum pagamento em nosso poder.");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quote_is_a_file_for_the_desk_and_for_whoever_has_the_link() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Aguardando a resposta do cliente").await;
    let (mut phone, order) = (customer(&world, &desk).await, desk.path.clone());
    phone.follow("Orçamento em PDF").await;
    desk.follow("Orçamento em PDF").await;
    for browser in [&desk, &phone] {
        assert_eq!(browser.headers["content-type"], "application/pdf");
        assert!(browser.html.starts_with("%PDF-") && browser.html.contains("(Freio chiando) Tj"));
    }
    // The whole plate, as the file writes it: a link's holder does not see it.
    let plate = "4142432D31323334";
    assert!(desk.html.contains(plate) && !phone.html.contains(plate), "{}", phone.html);

    let file = format!("{order}/quote.pdf");
    assert!(world.browser().open(&file).await.path.starts_with("/sign-in"));
    let link = phone.path.clone();
    let forged = link.replace("/quote.pdf", "A/quote.pdf");
    assert_eq!(world.browser().open(&forged).await.status, StatusCode::NOT_FOUND);
    let nobody_s = "/orders/0190b6a0-0000-7000-8000-000000000001/quote.pdf";
    assert_eq!(desk.open(nobody_s).await.status, StatusCode::NOT_FOUND);
    let line = [("line", "Discos"), ("quantity", "1"), ("price", "890"), ("of", ""), ("reason", "Gastos")];
    desk.open(&order).await.follow("Mudar o orçamento").await.press("Salvar", &line).await;
    assert_eq!(phone.open(&link).await.status, StatusCode::NOT_FOUND);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_exports_every_list_and_nobody_else_does() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.open("/export").await;
    let lists =
        ["customers", "vehicles", "work-orders", "quotes", "payments", "executions", "parts", "services"];
    for list in lists {
        desk.open(&format!("/export/{list}.csv")).await;
        assert!(desk.html.starts_with("\u{feff}id;"), "{list}: {}", desk.html);
    }
    desk.open("/export/quotes.csv").await;
    assert!(desk.html.contains(";350,9;"), "{}", desk.html);
    assert_eq!(
        world.browser().open("/export/customers.csv").await.path,
        "/sign-in?next=%2Fexport%2Fcustomers.csv"
    );
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_s_data_is_corrected_taken_along_and_kept_while_the_law_wants_it() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    desk.follow("Ana Souza")
        .await
        .press("Corrigir", &[("phone", "190")])
        .await
        .must_show("deve ser um telefone com DDD");
    desk.press("Corrigir", &[("phone", "11 91234-5678"), ("name", "Ana S. Souza")])
        .await
        .must_show("Ana S. Souza");
    let record = desk.path.clone();
    desk.open(&format!("{record}/data.json")).await;
    for kept in ["Ana S. Souza", "52998224725", "11912345678", "ABC1234", "Freio chiando"] {
        assert!(desk.html.contains(kept), "{kept} is missing: {}", desk.html);
    }
    let sure = [("why", "Pedido por escrito, art. 18"), ("sure", "apagar")];
    desk.open(&record).await.press("Apagar para sempre", &sure).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("há ordens em aberto ou com dinheiro a devolver: OS ");
    desk.must_show("Ana S. Souza");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_erased_elsewhere_is_gone_from_the_screens_at_once() {
    let world = World::open().await;
    let car = world.shop.take_in("Ana Souza", 1).await.unwrap();
    let order = format!("/orders/{}", car.order);
    let mut desk = world.manager().await;
    desk.open(&order).await.must_show("Ana Souza");
    world.shop.cancel(&car).await.unwrap();
    world.shop.order_is(&car, "CANCELLED").await.unwrap();
    let erasure = format!("/customers/{}/erasure", car.customer);
    world.shop.post(At::Os, &erasure, json!({ "reason": "art. 18" })).await.unwrap();
    desk.open(&order).await.must_show("Cliente apagado");
    assert!(!desk.shows("Ana Souza"), "{}", desk.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_erased_and_the_car_s_record_and_the_books_stay() {
    const THEIRS: [&str; 4] = ["Ana Souza", "customer@example.com", "11987654321", "Brakes squeal"];
    let world = World::open().await;
    let car = straight_through(&world.shop, 1).await.unwrap();
    world.shop.post(At::Os, &format!("/work-orders/{}/deliver", car.order), json!({})).await.unwrap();
    for theirs in THEIRS {
        assert!(!world.rows_with(theirs).await.is_empty(), "{theirs}");
    }
    let customer = world.shop.get(At::Os, &format!("/customers/{}", car.customer)).await.unwrap();
    let document = customer["document"].as_str().unwrap().to_owned();
    let record = format!("/customers/{}", car.customer);
    let mut desk = world.manager().await;
    desk.open(&format!("{record}/data.json")).await;
    assert!(desk.html.contains("Ana Souza") && desk.html.contains(&document), "{}", desk.html);

    desk.open(&record).await.must_show("Vai embora:").must_show("Fica, sem nome:");
    desk.press("Apagar para sempre", &[("why", ""), ("sure", "sim")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("preencha este campo").must_show("deve ser a palavra APAGAR");
    desk.press("Apagar para sempre", &[("why", "pedido da Ana"), ("sure", "APAGAR")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("não pode citar nome");
    let sure = [("why", "Pedido por escrito, art. 18"), ("sure", "APAGAR")];
    world.set_its_opening_aside(&car).await;
    desk.press("Apagar para sempre", &sure).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("mensagens paradas que ainda trazem o nome do cliente (1)");
    let all = json!({ "all": true, "why": "heard already" });
    world.shop.post(At::Billing, "/dead-letters/discard", all.clone()).await.unwrap();
    desk.press("Apagar para sempre", &sure).await;
    assert_eq!(desk.status, StatusCode::OK);
    desk.must_show("Cliente apagado")
        .must_show("Os dados deste cliente foram apagados")
        .must_show("Pedido por escrito, art. 18");
    for theirs in THEIRS.into_iter().chain([document.as_str()]) {
        world.until_nowhere(theirs).await;
    }
    world.set_its_opening_aside(&car).await;
    world.shop.post(At::Billing, "/dead-letters/replay", all).await.unwrap();
    world.until_nowhere("Ana Souza").await;

    let order = format!("/orders/{}", car.order);
    desk.open(&order).await.must_show("Cliente apagado").must_show("R$ 350,90");
    for sheet in ["quote", "order", "receipt"] {
        desk.open(&format!("{order}/print?of={sheet}")).await.must_show("Cliente apagado");
        assert!(!desk.html.contains("Ana Souza"), "{}", desk.html);
    }
    desk.must_show("Recebemos R$ 350,90");
    desk.open(&format!("{record}/data.json")).await;
    assert!(!desk.html.contains("Ana Souza") && !desk.html.contains(&document), "{}", desk.html);
    assert!(desk.html.contains("350.9") && desk.html.contains("erasedAt"), "{}", desk.html);
    desk.open("/export/customers.csv").await;
    assert!(desk.html.contains(&car.customer) && !desk.html.contains("Ana Souza"), "{}", desk.html);
    desk.open("/search?q=Ana").await.must_show("Nada encontrado.");
    let plate =
        world.shop.get(At::Os, &format!("/work-orders/{}", car.order)).await.unwrap()["plate"].clone();
    let plate = plate.as_str().unwrap();
    desk.open(&format!("/search?q={plate}")).await.must_show("Cliente apagado");

    desk.open(&format!("/intake?plate={plate}")).await.must_show("Quem o traz agora?");
    desk.press("Abrir ordem de serviço", &[("complaint", "Óleo")]).await.must_show("preencha este campo");
    let again = [("document", document.as_str()), ("name", "Ana Souza"), ("phone", "11 98765-4321")];
    desk.press("Abrir ordem de serviço", &again).await.must_show("Ana Souza").must_show("Óleo");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_manager_sees_no_way_to_erase_and_has_none() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    take_in(&mut manager, "ABC-1234", &NEW).await;
    let record = manager.follow("Ana Souza").await.path.clone();
    let bia = [("name", "Bia"), ("login", "bia"), ("password", "long enough"), ("role", "attendant")];
    manager.open("/people").await.press("Adicionar", &bia).await.must_show("Bia");
    let mut bia = world.browser();
    bia.open("/sign-in").await.press("Entrar", &[("login", "bia"), ("password", "long enough")]).await;
    assert!(!bia.open(&record).await.offers("Apagar para sempre"));
    let mut form = bia.form_of("Corrigir").unwrap();
    form.action = format!("{record}/erase");
    bia.send(&form, &[("why", "art. 18"), ("sure", "APAGAR")]).await;
    assert_eq!(bia.status, StatusCode::FORBIDDEN);
    manager.open("/language?to=en&back=/").await.open(&record).await;
    manager.must_show("Ana Souza").must_show("Goes:").must_show("Stays, without a name:");
    manager.press("Erase for good", &[("why", "art. 18"), ("sure", "yes")]).await;
    manager.must_show("must be the word ERASE");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_fills_the_shelf_and_the_quote_takes_from_it() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/parts")
        .await
        .press("Adicionar peça", &[("part-name", "Pastilha"), ("part-price", "caro")])
        .await;
    desk.must_show("preencha este campo").must_show("deve ser um valor, como 89,90");
    desk.press("Adicionar peça", &[("number", "PF-1"), ("part-price", "129,90"), ("stock", "4")]).await;
    desk.must_show("Pastilha").must_show("4 UN").must_show("Baixo");
    desk.press("Ajustar estoque", &[("by", "10")]).await.must_show("14 UN");
    desk.press("Ajustar estoque", &[("by", "-20")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.press("Adicionar serviço", &[("service-name", "Troca"), ("service-price", "90"), ("minutes", "40")])
        .await;
    desk.must_show("40 min");
    take_in(&mut desk, "ABC-1234", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.follow("Editar as linhas").await;
    let pick = desk.html.split("value=\"part:").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let pick = format!("part:{pick}");
    desk.press("Adicionar", &[("pick", &pick), ("pick-quantity", "2")]).await;
    desk.press("Salvar", &[]).await.must_show("Pastilha").must_show("R$ 610,70");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_parts_goes_out_and_comes_in_again() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let list =
        "partNumber;name;price;stockQuantity\nPF-1;Pastilha;129,90;4\nOL-5;Óleo;caro;1\nFO-7;Filtro;38;9\n";
    desk.open("/parts/import").await.press("Importar", &[("list", list)]).await;
    desk.must_show("Novas: 2 · mudadas: 0").must_show("Linha 3: price: \"caro\" não é um valor");
    let again = desk.open("/export/parts.csv").await.html.replace("129,9", "139,9");
    desk.open("/parts/import")
        .await
        .press("Importar", &[("list", &again)])
        .await
        .must_show("Novas: 0 · mudadas: 2");
    desk.open("/parts").await.must_show("R$ 139,90").must_show("4 UN");
    world.close().await;
}
