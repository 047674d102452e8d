//! The whole way of a car through the shop, with nothing but the screens.

use garage::shop::At;
use reqwest::Method;
use serde_json::json;

use crate::{
    browser::Browser,
    world::{World, until_it_shows},
};

/// What the desk types for a car and a customer who are new.
pub(crate) const NEW: [(&str, &str); 9] = [
    ("brand", "Toyota"),
    ("model", "Corolla"),
    ("year", "2019"),
    ("document", "529.982.247-25"),
    ("name", "Ana Souza"),
    ("phone", "(11) 98765-4321"),
    ("complaint", "Freio chiando"),
    ("km", "82.350"),
    ("estimate", "350,90"),
];

/// Takes a car in; the browser then shows its order.
pub(crate) async fn take_in(desk: &mut Browser, plate: &str, fields: &[(&str, &str)]) {
    desk.open("/intake").await.press("Continuar", &[("plate", plate)]).await;
    desk.press("Abrir ordem de serviço", fields).await;
    assert!(desk.path.starts_with("/orders/"), "{}: {}", desk.path, desk.text());
}

/// Takes a car in and sends the quote, which then waits for the customer.
async fn quote(desk: &mut Browser, fields: &[(&str, &str)]) {
    take_in(desk, "ABC1D23", fields).await;
    until_it_shows(desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(desk, "Aguardando a resposta do cliente").await;
}

/// The customer's page, from the link that the desk sees.
pub(crate) async fn customer(world: &World, desk: &Browser) -> Browser {
    let link = desk.html.split("id=\"customer-link\"").nth(1).and_then(|rest| rest.split("value=\"").nth(1));
    let link = link.and_then(|rest| rest.split('"').next()).expect("a link for the customer");
    let mut phone = world.browser();
    phone.open(link.strip_prefix(&world.front.url).expect("a link to these pages")).await;
    phone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_goes_through_the_shop_with_nothing_but_the_screens() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.must_show("A oficina está vazia");
    take_in(&mut desk, "abc-1234", &NEW).await;
    desk.must_show("Ana Souza").must_show("ABC-1234").must_show("82350 km");

    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.follow("Editar as linhas").await;
    let line = [("line", "Troca de pastilhas"), ("quantity", "2"), ("price", "120,25"), ("of", "")];
    desk.press("Salvar", &line).await.must_show("Salvo.").must_show("R$ 240,50");
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Aguardando a resposta do cliente").await;

    let mut phone = customer(&world, &desk).await;
    phone.must_show("O orçamento espera por você").must_show("R$ 240,50").must_show("ABC•••4");
    for personal in ["Ana", "529", "98765", "ABC-1234"] {
        assert!(!phone.html.contains(personal), "a link shows {personal}");
    }
    phone.press("Aprovar o orçamento", &[]).await.must_show("Aprovado. Obrigado!");
    until_it_shows(&mut phone, "Aprovado: falta o pagamento").await;
    phone.press("Pagar com PIX", &[]).await;
    until_it_shows(&mut phone, "Pago ✓").await;

    until_it_shows(&mut desk, "O carro está com a oficina").await;
    desk.must_show("pelo link do cliente");
    let job = format!("/executions/work-order/{}", desk.path.rsplit('/').next().unwrap());
    repair(&mut desk, "Troca de pastilhas").await;
    let job = world.shop.get(At::Execution, &job).await.unwrap();
    assert_eq!(job["servicesPerformed"], json!(["Troca de pastilhas"]), "a rework repeats nothing");
    assert_eq!((&job["partsUsed"][0]["quantity"], &job["partsUsed"][1]), (&json!(0.5), &json!(null)));
    until_it_shows(&mut phone, "O carro está pronto").await;

    desk.open("/").await.follow("ABC-1234").await;
    until_it_shows(&mut desk, "Entregar o carro").await;
    desk.press("Entregar ao cliente", &[]).await.must_show("Entregue. Bom trabalho!");
    until_it_shows(&mut phone, "Carro entregue").await;
    desk.follow("ABC-1234")
        .await
        .must_show("ABC1C34")
        .must_show("Freio chiando")
        .must_show("Troquei as pastilhas");
    world.close().await;
}

/// What the technician does, on their own list; of the quote they see this line.
pub(crate) async fn repair(technician: &mut Browser, line: &str) {
    technician.open("/workshop").await.must_show("Fila 1");
    technician.follow("ABC-1234").await;
    technician.press("Iniciar diagnóstico", &[]).await;
    technician
        .press("Concluir diagnóstico", &[("notes", "Pastilhas gastas")])
        .await
        .must_show("Pastilhas gastas");
    technician.press("Iniciar reparo", &[]).await.must_show(line);
    technician
        .press(
            "Concluir reparo",
            &[("notes", "Troquei as pastilhas"), ("more-part", "Fluido DOT 4"), ("more-quantity", "meio")],
        )
        .await
        .must_show("deve ser uma quantidade, como 1 ou 2,5");
    technician.press("Concluir reparo", &[("more-quantity", "0,5")]).await;
    technician.press("Testar", &[]).await.press("Não passou: reparar de novo", &[]).await;
    technician.must_show("já registrado");
    technician.press("Concluir reparo", &[("notes", "Troquei as pastilhas")]).await;
    technician.press("Concluir sem teste", &[]).await.must_show("Concluído.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_refuses_by_the_link_and_the_order_is_called_off() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    quote(&mut desk, &NEW).await;
    let mut phone = customer(&world, &desk).await;
    phone
        .press("Recusar o orçamento", &[("reason", "Ficou caro")])
        .await
        .must_show("Sua recusa foi registrada.");
    until_it_shows(&mut phone, "Ordem de serviço cancelada").await;
    until_it_shows(&mut desk, "o cliente recusou o orçamento").await;
    desk.must_show("Ficou caro");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pix_that_waits_shows_its_code_and_calling_off_frees_the_customer() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let slow = NEW.map(|(name, value)| if name == "name" { (name, "CONT Silva") } else { (name, value) });
    quote(&mut desk, &slow).await;
    desk.press("Registrar aprovação", &[]).await;
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    desk.must_show("no balcão, por gerente");
    desk.press("Cobrar por PIX", &[]).await.must_show("PIX copia e cola");
    assert!(desk.html.contains("<svg") && desk.html.contains("br.gov.bcb.pix"), "{}", desk.text());
    let phone = customer(&world, &desk).await;
    phone.must_show("Pague com PIX").must_show("PIX copia e cola");
    desk.press("Retirar esta cobrança", &[]).await.must_show("A cobrança foi retirada.");
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    desk.must_show("retirado pelo balcão");
    desk.press("Cobrar por PIX", &[]).await.must_show("PIX copia e cola");
    desk.press("Cancelar a ordem", &[("reason", "Vendeu o carro")]).await;
    until_it_shows(&mut desk, "Cancelado: Vendeu o carro").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_is_given_up_gives_the_money_back_before_the_customer_s_eyes() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    quote(&mut desk, &NEW).await;
    let mut phone = customer(&world, &desk).await;
    phone.press("Aprovar o orçamento", &[]).await;
    until_it_shows(&mut phone, "Aprovado: falta o pagamento").await;
    phone.press("Pagar com PIX", &[]).await;
    until_it_shows(&mut desk, "O carro está com a oficina").await;
    desk.follow("Abrir o trabalho").await.press("Iniciar diagnóstico", &[]).await;
    desk.press("Desistir do reparo", &[("reason", "")]).await.must_show("preencha este campo");
    desk.press("Desistir do reparo", &[("reason", "Chassi torto")]).await;
    until_it_shows(&mut phone, "O seu dinheiro foi devolvido.").await;
    desk.open("/").await.follow("ABC1D23").await;
    until_it_shows(&mut desk, "Dinheiro devolvido").await;
    desk.must_show("Chassi torto");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plate_that_is_known_brings_its_car_and_owner_in_either_form() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC-1234", &NEW).await;
    desk.open("/intake").await.press("Continuar", &[("plate", "abc1c34")]).await;
    desk.must_show("Toyota Corolla 2019").must_show("Ana Souza").must_show("Este carro já está na oficina");
    desk.press("Abrir ordem de serviço", &[("complaint", "Revisão")]).await.must_show("Ana Souza");
    desk.open("/search?q=ana").await.must_show("Freio chiando").must_show("Revisão");
    desk.open("/search?q=ABC1C34").await.must_show("Freio chiando");
    let car = world.shop.get(At::Os, "/vehicles/plate/ABC1234").await.unwrap();
    let described = json!({ "customerId": car["customerId"], "plate": car["plate"], "brand": car["brand"],
        "model": car["model"], "year": car["year"], "vin": "9BWZZZ377VT004251" });
    let path = format!("/vehicles/{}", car["id"].as_str().unwrap());
    let written = world.shop.ask(At::Os, Method::PUT, &path, Some(described)).await.unwrap();
    assert_eq!(written.status, 200, "{}", written.body);

    desk.open("/intake?plate=ABC1234").await;
    let sold = [("document", "111.444.777-35"), ("name", "Bruno Lima"), ("phone", "11 3456-7890")];
    desk.press("Abrir ordem de serviço", &[&sold[..], &[("complaint", "Óleo")]].concat()).await;
    desk.must_show("Bruno Lima");
    let sold = world.shop.get(At::Os, &path).await.unwrap();
    assert_ne!(sold["customerId"], car["customerId"]);
    assert_eq!(sold["vin"], "9BWZZZ377VT004251");
    world.close().await;
}
