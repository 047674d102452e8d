//! Parts that are really there, as people see it: put aside, waited for, given back.

use crate::{
    browser::Browser,
    journey::{NEW, take_in},
    world::{World, until_it_shows},
};

/// A second car, with a second owner.
const OTHER: [(&str, &str); 9] = [
    ("brand", "Fiat"),
    ("model", "Uno"),
    ("year", "2015"),
    ("document", "111.444.777-35"),
    ("name", "Bruno Lima"),
    ("phone", "(11) 3456-7890"),
    ("complaint", "Freio duro"),
    ("km", "120.000"),
    ("estimate", "200"),
];

/// Takes a car in and puts one of the only part into its quote; the browser then shows the order.
async fn quote_with_the_part(desk: &mut Browser, plate: &str, fields: &[(&str, &str)]) -> String {
    take_in(desk, plate, fields).await;
    until_it_shows(desk, "Enviar o orçamento").await;
    let order = desk.path.clone();
    desk.follow("Editar as linhas").await;
    let pick = desk.html.split("value=\"part:").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let pick = format!("part:{pick}");
    desk.press("Adicionar", &[("pick", &pick), ("pick-quantity", "1")]).await;
    desk.press("Salvar", &[]).await.must_show("Pastilha");
    order
}

/// The form of a part of which so many are there.
const fn pads(stock: &'static str) -> [(&'static str, &'static str); 5] {
    [
        ("part-name", "Pastilha"),
        ("number", "PF-1"),
        ("part-price", "129,90"),
        ("stock", stock),
        ("least", "0"),
    ]
}

async fn approve(desk: &mut Browser, order: &str) {
    desk.open(order).await.press("Enviar ao cliente", &[]).await;
    until_it_shows(desk, "Aguardando a resposta do cliente").await;
    desk.press("Registrar aprovação", &[]).await;
    until_it_shows(desk, "Cobrar por PIX").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_desk_sees_which_job_waits_for_what() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/parts").await.press("Adicionar peça", &pads("1,5")).await.must_show("1,5 UN");
    let first = quote_with_the_part(&mut desk, "ABC-1234", &NEW).await;
    desk.open(&first).await.must_show("Há em estoque");
    approve(&mut desk, &first).await;
    until_it_shows(&mut desk, "Separada").await;
    desk.open("/parts").await.must_show("0,5");

    let second = quote_with_the_part(&mut desk, "XYZ9876", &OTHER).await;
    desk.open(&second).await.must_show("Livres não bastam: faltam 0,5 UN");
    approve(&mut desk, &second).await;
    until_it_shows(&mut desk, "Faltam 0,5 UN").await;
    desk.must_show("Falta peça");
    desk.open("/").await.must_show("Falta peça").must_show("1 Esperando peça");
    desk.open("/parts?only=missing").await.must_show("Faltam 0,5");
    desk.follow("Pastilha").await;
    desk.must_show("Quem reserva, na ordem de chegada 2").must_show("ABC-1234").must_show("XYZ-9876");
    let (before, after) =
        desk.text().split_once("XYZ-9876").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(before.contains("Separada") && after.contains("Faltam 0,5 UN"), "{}", desk.text());

    desk.open(&first).await.press("Cancelar a ordem", &[("reason", "Vendeu o carro")]).await;
    until_it_shows(&mut desk, "Devolvida ao estoque").await;
    desk.open(&second).await;
    until_it_shows(&mut desk, "Separada").await;
    assert!(!desk.open("/").await.shows("Falta peça"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_technician_sees_whether_the_parts_are_there_and_the_shelf_what_was_built_in() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/parts").await.press("Adicionar peça", &pads("0")).await;
    let order = quote_with_the_part(&mut desk, "ABC-1234", &NEW).await;
    approve(&mut desk, &order).await;
    desk.press("Cobrar por PIX", &[]).await;
    until_it_shows(&mut desk, "O carro está com a oficina").await;
    desk.open("/workshop").await.must_show("Falta peça");
    desk.follow("ABC-1234").await.must_show("Faltam 1 UN");
    let job = desk.path.clone();
    desk.open("/parts").await.press("Ajustar estoque", &[("by", "+4")]).await.must_show("4 UN");
    desk.open(&job).await.must_show("Separada");
    desk.press("Iniciar diagnóstico", &[]).await;
    desk.press("Concluir diagnóstico", &[("notes", "Pastilhas gastas")]).await;
    desk.press("Iniciar reparo", &[]).await;
    desk.press("Concluir reparo", &[("notes", "Troquei as pastilhas")]).await;
    desk.press("Concluir sem teste", &[]).await;
    until_it_shows(&mut desk, "Usada").await;
    desk.open("/parts").await.must_show("3 UN");
    world.close().await;
}
