//! What stands on a page, and what a page leaves alone: dates that do not move, typed text that stays, forms over plain HTTP.

use reqwest::StatusCode;

use crate::{
    browser::{Browser, NOT_SENT},
    journey::{NEW, customer, take_in},
    world::{World, until_it_shows},
};

const BIA: [(&str, &str); 4] =
    [("name", "Bia"), ("login", "bia"), ("password", "long enough"), ("role", "technician")];

/// Bia, whom a manager has made a technician, at the sign-in with this password.
async fn bia(world: &World, password: &str) -> Browser {
    let mut bia = world.browser();
    bia.open("/sign-in").await.press("Entrar", &[("login", "bia"), ("password", password)]).await;
    bia
}

/// Takes a car in and sends the quote; the customer's page with it.
async fn quoted(world: &World, desk: &mut Browser) -> Browser {
    take_in(desk, "ABC1D23", &NEW).await;
    until_it_shows(desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(desk, "Aguardando a resposta do cliente").await;
    let mut phone = customer(world, desk).await;
    until_it_shows(&mut phone, "O orçamento espera por você").await;
    phone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forms_are_taken_over_plain_http_where_a_browser_says_null_for_the_origin() {
    let world = World::open().await;
    let first = world.front.first.as_ref().unwrap();
    let mut desk = world.browser();
    desk.origin = "null".to_owned();
    desk.open("/sign-in").await;
    desk.press("Entrar", &[("login", &first.login), ("password", &first.password), ("word", "guess")]).await;
    assert_eq!(desk.status, StatusCode::FORBIDDEN);
    desk.open("/sign-in").await;
    desk.press("Entrar", &[("login", &first.login), ("password", &first.password)]).await;
    assert_eq!((desk.status, desk.path.as_str()), (StatusCode::OK, "/"), "{}", desk.text());
    let mut phone = quoted(&world, &mut desk).await;
    phone.origin = "null".to_owned();
    phone.press("Aprovar o orçamento", &[]).await.must_show("Aprovado. Obrigado!");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_from_elsewhere_is_refused_whatever_it_says_of_itself() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let out = desk.form_of("Sair").unwrap();
    let forged = [("http://elsewhere.example", &[][..]), ("null", &[("word", "guess")])];
    for (origin, fields) in forged {
        desk.origin = origin.to_owned();
        desk.send(&out, fields).await;
        assert_eq!(desk.status, StatusCode::FORBIDDEN, "{origin}");
        assert_eq!(desk.open("/").await.path, "/", "{origin} has ended a session");
    }
    desk.send(&out, &[]).await;
    assert_eq!(desk.path, "/sign-in");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_left_without_a_role() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    manager.open("/people").await.press("Adicionar", &BIA).await;
    let form = manager.form_of("Salvar").unwrap();
    assert_eq!(form.action, "/people/bia");
    manager.send(&form, &[("role", NOT_SENT), ("name", "Beatriz")]).await;
    assert_eq!(manager.status, StatusCode::UNPROCESSABLE_ENTITY);
    manager.must_show("escolha pelo menos uma função");
    assert!(manager.html.contains("id=\"role-bia\"") && manager.html.contains("data-answer"));
    assert!(manager.html.contains("value=\"Beatriz\""), "what was typed stays");
    assert_eq!(bia(&world, "long enough").await.path, "/workshop");
    manager.press("Salvar", &[("role", "technician")]).await.must_show("Beatriz");
    assert_eq!(
        manager.post("/people/nobody", &[("word", &word(&manager))]).await.status,
        StatusCode::NOT_FOUND
    );
    world.close().await;
}

/// The word that the page's forms bring back.
fn word(browser: &Browser) -> String {
    let word = browser.html.split("name=\"word\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    word.expect("a form").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_takes_nobody_back_who_has_left() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    manager.open("/people").await.press("Adicionar", &BIA).await;
    let form = manager.form_of("Salvar").unwrap();
    manager.send(&form, &[("active", NOT_SENT)]).await.must_show("Saiu");
    let word = word(&manager);
    manager.post("/people/bia/password", &[("word", &word)]).await.must_show("Senha nova de bia: ");
    manager.must_show("Saiu");
    let text = manager.text();
    let password = text.split("Senha nova de bia: ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    bia(&world, password).await.must_show("Usuário ou senha não conferem.");
    let back = [("word", word.as_str()), ("name", "Bia"), ("role", "technician"), ("active", "yes")];
    manager.post("/people/bia", &back).await;
    assert_eq!(bia(&world, password).await.path, "/workshop");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technician_finds_cars_and_no_customer_s_page() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    manager.open("/people").await.press("Adicionar", &BIA).await;
    take_in(&mut manager, "ABC1D23", &NEW).await;
    manager.open("/search?q=Ana").await.must_show("Freio chiando").must_show("***.982.247-**");
    let mut bia = bia(&world, "long enough").await;
    bia.open("/search?q=Ana").await.must_show("Freio chiando");
    assert!(!bia.html.contains("/customers/"), "{}", bia.text());
    assert!(!bia.shows("***.982.247-**"), "{}", bia.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_after_the_answer_the_customer_s_page_waits_for_none() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let mut phone = quoted(&world, &mut desk).await;
    phone.press("Recusar o orçamento", &[]).await.must_show("Sua recusa foi registrada.");
    assert!(!phone.shows("O orçamento espera por você"), "{}", phone.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quote_says_the_time_until_which_it_holds() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let phone = quoted(&world, &mut desk).await;
    let order = desk.path.split('?').next().unwrap().to_owned();
    desk.open(&format!("{order}/print?of=quote")).await;
    for page in [&phone, &desk] {
        let text = page.text();
        let until = text.split("Válido até ").nth(1).unwrap();
        let until = until.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let until = until.trim_end_matches('.');
        assert!(chrono::NaiveDateTime::parse_from_str(until, "%d/%m/%Y %H:%M").is_ok(), "{until}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_paper_of_a_quote_says_where_it_stands_and_asks_only_while_it_is_sent() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    let order = desk.path.split('?').next().unwrap().to_owned();
    let paper = format!("{order}/print?of=quote");
    desk.open(&paper).await.must_show("Situação: Rascunho");
    assert!(!desk.shows("aprove e pague") && !desk.shows("Assinatura do cliente"), "{}", desk.text());
    desk.open(&order).await.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Aguardando a resposta do cliente").await;
    let mut phone = customer(&world, &desk).await;
    desk.open(&paper).await.must_show("Situação: Enviado").must_show("aprove e pague");
    until_it_shows(&mut phone, "O orçamento espera por você").await;
    phone.press("Recusar o orçamento", &[]).await.must_show("Sua recusa foi registrada.");
    desk.open(&paper).await.must_show("Situação: Recusado");
    assert!(!desk.shows("aprove e pague") && !desk.shows("Assinatura do cliente"), "{}", desk.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receipt_of_money_that_went_back_says_that_it_came_and_that_it_went() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let mut phone = quoted(&world, &mut desk).await;
    let order = desk.path.split('?').next().unwrap().to_owned();
    phone.press("Aprovar o orçamento", &[]).await;
    until_it_shows(&mut phone, "Aprovado: falta o pagamento").await;
    phone.press("Pagar com PIX", &[]).await;
    until_it_shows(&mut desk, "O carro está com a oficina").await;
    desk.follow("Abrir o trabalho").await.press("Iniciar diagnóstico", &[]).await;
    desk.press("Desistir do reparo", &[("reason", "Chassi torto")]).await;
    until_it_shows(&mut phone, "O seu dinheiro foi devolvido.").await;
    desk.open(&format!("{order}/print?of=receipt")).await;
    desk.must_show("Recebemos R$ 350,90").must_show("Devolvemos R$ 350,90");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_that_the_desk_took_back_is_nowhere_called_declined() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    let slow = NEW.map(|(name, value)| if name == "name" { (name, "CONT Silva") } else { (name, value) });
    take_in(&mut desk, "ABC1D23", &slow).await;
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Registrar aprovação").await;
    desk.press("Registrar aprovação", &[]).await;
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    desk.press("Cobrar por PIX", &[]).await.press("Retirar esta cobrança", &[]).await;
    until_it_shows(&mut desk, "Pagamento retirado").await;
    until_it_shows(&mut desk, "Retirado").await;
    assert!(!desk.shows("ecusado"), "{}", desk.text());
    world.close().await;
}
