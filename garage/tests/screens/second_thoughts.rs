//! Second thoughts: a quote that is written anew under the customer's eyes, and money that goes back after the work.

use garage::shop::At;
use serde_json::Value;

use crate::{
    browser::Browser,
    journey::{NEW, customer, repair, take_in},
    world::{World, until_it_shows},
};

/// An order whose quote the customer has; gives its path.
pub(crate) async fn sent(desk: &mut Browser) -> String {
    take_in(desk, "ABC-1234", &NEW).await;
    until_it_shows(desk, "Enviar o orçamento").await;
    let order = desk.path.clone();
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(desk, "Aguardando a resposta do cliente").await;
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_that_the_customer_has_is_written_anew_and_sent_again() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = sent(&mut desk).await;
    let mut phone = customer(&world, &desk).await;
    phone.must_show("R$ 350,90");
    let old = phone.form_of("Aprovar o orçamento").unwrap();

    desk.follow("Mudar o orçamento").await.must_show("O cliente já tem este orçamento.");
    let line = [
        ("line", "Discos e pastilhas"),
        ("quantity", "1"),
        ("price", "890"),
        ("of", ""),
        ("reason", "Discos gastos"),
    ];
    desk.press("Salvar", &line).await.must_show("Enviar a nova versão").must_show("R$ 890,00");
    desk.must_show("Versão 2").must_show("Versão 1 · R$ 350,90").must_show("Mudou porque: Discos gastos");
    let path = phone.path.clone();
    phone.open(&path).await.must_show("Estamos revendo o orçamento");
    assert!(!phone.offers("Aprovar o orçamento"));

    desk.open(&order).await.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Orçamento enviado ao cliente: R$ 890,00").await;
    until_it_shows(&mut phone, "Aprovar o orçamento").await;
    phone.must_show("R$ 890,00");
    phone.send(&old, &[]).await.must_show("Isto mudou enquanto você olhava.");
    phone.press("Aprovar o orçamento", &[]).await;
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_gives_a_part_of_the_money_back_after_the_work() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let order = sent(&mut desk).await;
    let mut phone = customer(&world, &desk).await;
    phone.press("Aprovar o orçamento", &[]).await;
    until_it_shows(&mut phone, "Aprovado: falta o pagamento").await;
    phone.press("Pagar com PIX", &[]).await;
    until_it_shows(&mut desk, "O carro está com a oficina").await;
    assert!(!desk.offers("Devolver esta parte"), "before the end all goes back, and by itself");
    repair(&mut desk, "Diagnóstico").await;
    desk.open(&order).await;
    until_it_shows(&mut desk, "Entregar o carro").await;
    let quote = format!("/quotes/work-order/{}", order.rsplit('/').next().unwrap());
    let heard = |quote: &Value| quote["orderStatus"] == "COMPLETED";
    world.shop.wait_for(At::Billing, &quote, "known to be finished", heard).await.unwrap();

    desk.press("Devolver esta parte", &[("refund-amount", "muito")]).await;
    desk.must_show("deve ser um valor").must_show("preencha este campo");
    desk.press("Devolver esta parte", &[("refund-amount", "350,90"), ("refund-reason", "Peça mais barata")])
        .await;
    desk.must_show("deve ser mais que zero e menos que R$ 350,90");
    assert!(desk.html.contains("value=\"Peça mais barata\""), "what was typed stays");
    desk.press("Devolver esta parte", &[("refund-amount", "5,090")]).await;
    desk.must_show("deve ser um valor");
    desk.press("Devolver esta parte", &[("refund-amount", "50,90")])
        .await
        .must_show("A devolução foi pedida.");
    until_it_shows(&mut desk, "Devolução parcial · R$ 50,90").await;
    desk.must_show("Peça mais barata").must_show("Restam R$ 300,00");
    until_it_shows(&mut phone, "Devolução parcial · R$ 50,90").await;

    desk.open(&format!("{order}/print?of=receipt")).await;
    desk.must_show("Recebemos R$ 350,90").must_show("Devolvemos R$ 50,90");
    desk.open("/export/payments.csv").await;
    desk.must_show("refundedAmount").must_show(";350,9;APPROVED;").must_show("Z;50,9");
    desk.open(&order).await.press("Entregar ao cliente", &[]).await;
    desk.open("/dashboard").await.must_show("Vendas R$ 300,00");
    world.close().await;
}
