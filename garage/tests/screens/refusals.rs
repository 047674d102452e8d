//! What the screens do not do: let strangers in, believe forged forms, lose what was typed, do a thing twice.

use reqwest::StatusCode;

use crate::{
    browser::NOT_SENT,
    journey::{NEW, take_in},
    world::{World, until_it_shows},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_stands_beside_its_field_and_what_was_typed_stays() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/intake").await.press("Continuar", &[("plate", "not a plate")]).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("deve ser uma placa como ABC-1234 ou ABC1D23");
    desk.press("Continuar", &[("plate", "ABC1D23")]).await;
    let wrong = NEW.map(|(name, value)| match name {
        "document" => (name, "529.982.247-26"),
        "phone" => (name, "190"),
        _ => (name, value),
    });
    desk.press("Abrir ordem de serviço", &wrong).await;
    assert_eq!(desk.status, StatusCode::UNPROCESSABLE_ENTITY);
    desk.must_show("os dígitos verificadores não conferem");
    for typed in ["529.982.247-26", "Freio chiando", "Corolla", "350,90"] {
        assert!(desk.html.contains(typed), "{typed} was lost");
    }
    desk.press("Abrir ordem de serviço", &[("document", "529.982.247-25"), ("phone", "190")]).await;
    desk.must_show("deve ser um telefone com DDD");
    desk.press("Abrir ordem de serviço", &[("phone", "11987654321")]).await;
    assert!(desk.path.starts_with("/orders/"), "{}", desk.text());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_press_takes_a_car_in_once_and_charges_once() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    desk.open("/intake?plate=ABC1D23").await;
    let form = desk.form_of("Abrir ordem de serviço").unwrap();
    desk.send(&form, &NEW).await;
    let first = desk.path.clone();
    desk.send(&form, &NEW).await;
    assert_eq!(desk.path, first);
    until_it_shows(&mut desk, "Enviar o orçamento").await;
    desk.press("Enviar ao cliente", &[]).await;
    until_it_shows(&mut desk, "Registrar aprovação").await;
    desk.press("Registrar aprovação", &[]).await;
    until_it_shows(&mut desk, "Cobrar por PIX").await;
    let form = desk.form_of("Cobrar por PIX").unwrap();
    desk.send(&form, &[]).await;
    desk.send(&form, &[]).await;
    let order = first.trim_start_matches("/orders/").to_owned();
    let payments =
        world.shop.get(garage::shop::At::Billing, &format!("/payments/work-order/{order}")).await.unwrap();
    assert_eq!(payments.as_array().map(Vec::len), Some(1));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_see_the_sign_in_and_forged_forms_do_nothing() {
    let world = World::open().await;
    let mut stranger = world.browser();
    for path in ["/", "/intake", "/workshop", "/parts", "/dashboard", "/people", "/search?q=a", "/live"] {
        assert_eq!(stranger.open(path).await.path.split('?').next(), Some("/sign-in"), "{path}");
    }
    for path in ["/c/none", "/c/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/c/none/live", "/nowhere"] {
        assert_eq!(stranger.open(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    let order = desk.path.clone();
    desk.post(&format!("{order}/cancel"), &[("reason", "forged")]).await;
    assert_eq!(desk.status, StatusCode::FORBIDDEN);
    desk.post(&format!("{order}/cancel"), &[("reason", "forged"), ("word", "guess")]).await;
    assert_eq!(desk.status, StatusCode::FORBIDDEN);
    assert!(!desk.open(&order).await.shows("forged"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_passwords_must_wait() {
    let world = World::open().await;
    let mut stranger = world.browser();
    stranger.open("/sign-in").await;
    let mut answers = Vec::new();
    for _ in 0..40 {
        let form = stranger.form_of("Entrar");
        let Some(form) = form else { break };
        stranger.send(&form, &[("login", "gerente"), ("password", "a guess")]).await;
        answers.push(stranger.status);
    }
    assert_eq!(answers.last(), Some(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
    stranger.must_show("Espere um minuto");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_keeps_to_itself() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    let order = desk.path.clone();
    for path in ["/", "/intake", "/workshop", "/parts", "/dashboard", "/people", "/account", &order] {
        desk.open(path).await;
        assert_eq!(desk.status, StatusCode::OK, "{path}: {}", desk.text());
        let header =
            |name: &str| desk.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(
            (header("cache-control"), header("referrer-policy")),
            ("no-store", "no-referrer"),
            "{path}"
        );
        for foreign in ["src=\"http", "style=\"", "onclick", "<script>"] {
            assert!(!desk.html.contains(foreign), "{path} has {foreign}");
        }
        assert!(desk.html.len() < 60 * 1024, "{path} has {} bytes", desk.html.len());
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technician_sees_the_workshop_and_no_till() {
    let world = World::open().await;
    let mut manager = world.manager().await;
    let bia = [("name", "Bia"), ("login", "bia"), ("password", "long enough"), ("role", "technician")];
    manager.open("/people").await.press("Adicionar", &bia).await.must_show("Bia");
    take_in(&mut manager, "ABC1D23", &NEW).await;
    until_it_shows(&mut manager, "Enviar o orçamento").await;
    let order = manager.path.clone();
    let mut bia = world.browser();
    bia.open("/sign-in").await.press("Entrar", &[("login", "bia"), ("password", "wrong one")]).await;
    bia.must_show("Usuário ou senha não conferem.");
    bia.press("Entrar", &[("login", "bia"), ("password", "long enough")]).await;
    assert_eq!(bia.path, "/workshop");
    assert_eq!(bia.open("/people").await.status, StatusCode::FORBIDDEN);
    assert_eq!(bia.open("/intake").await.status, StatusCode::FORBIDDEN);
    assert!(!bia.open(&order).await.offers("Enviar ao cliente"));
    bia.open("/account")
        .await
        .press("Mudar a senha", &[("old", "long enough"), ("new", "another one, long")])
        .await;
    assert_eq!(bia.path, "/workshop");
    bia.open("/workshop").await.press("Sair", &[]).await;
    bia.press("Entrar", &[("login", "bia"), ("password", "another one, long")]).await;
    assert_eq!(bia.path, "/workshop");
    let left = [("active", NOT_SENT), ("role", "technician"), ("name", "Bia")];
    let form = manager.open("/people").await.form_of("Salvar").unwrap();
    assert_eq!(form.action, "/people/bia");
    manager.send(&form, &left).await;
    assert_eq!(bia.open("/workshop").await.path, "/sign-in?next=%2Fworkshop");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_speaks_english_too() {
    let world = World::open().await;
    let mut desk = world.manager().await;
    take_in(&mut desk, "ABC1D23", &NEW).await;
    let order = desk.path.clone();
    desk.open("/language?to=en&back=/").await.must_show("Today").must_show("Received");
    for (path, words) in [
        ("/intake", "New intake"),
        ("/workshop", "My jobs"),
        ("/parts", "Parts and services"),
        ("/dashboard", "The last 30 days"),
        ("/people", "Somebody new"),
        (order.as_str(), "Timeline"),
    ] {
        desk.open(path).await.must_show(words);
        assert!(desk.html.contains("lang=\"en\""), "{path}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_desks_do_not_undo_each_other_s_quote() {
    let world = World::open().await;
    let (mut one, mut other) = (world.manager().await, world.manager().await);
    take_in(&mut one, "ABC1D23", &NEW).await;
    until_it_shows(&mut one, "Enviar o orçamento").await;
    let quote = format!("{}/quote", one.path);
    one.open(&quote).await;
    other.open(&quote).await;
    one.press("Salvar", &[("price", "200")]).await.must_show("R$ 200,00");
    other.press("Enviar ao cliente", &[("price", "900")]).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    other.must_show("Isto mudou enquanto você olhava.");
    one.open(&quote.replace("/quote", "")).await.must_show("R$ 200,00").must_show("Rascunho");
    world.close().await;
}
