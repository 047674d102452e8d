//! The journeys. Each has a shop of its own, and ends when the last page shows what it must.

use anyhow::{Context, Result, ensure};
use futures::future::BoxFuture;

use crate::{
    driver::{Driver, Looks},
    shop::Opened,
    window::Window,
};

/// A journey: its name, and how it goes.
pub(crate) struct Journey {
    /// A sentence.
    pub(crate) name: &'static str,
    pub(crate) go: for<'a> fn(&'a Driver, &'a Opened) -> BoxFuture<'a, Result<()>>,
}

macro_rules! journeys {
    ($($name:literal $journey:ident)+) => {
        /// All of them.
        pub(crate) const JOURNEYS: &[Journey] =
            &[$(Journey { name: $name, go: |driver, shop| Box::pin($journey(driver, shop)) }),+];
    };
}

journeys! {
    "a car goes through the shop, and every window sees what the others do" side_by_side
    "the same without script" without_script
    "a car is taken in by keyboard alone" by_keyboard
    "a customer declines by the link, on a phone" declined
    "an order is called off while its PIX waits" called_off
    "a lost connection says so, and comes back with what was missed" comes_back
    "every page keeps what it owes, at 360 pixels and on the desk, by day and by night" owes
}

const NEW: [(&str, &str); 8] = [
    ("brand", "Toyota"),
    ("model", "Corolla"),
    ("year", "2019"),
    ("document", "529.982.247-25"),
    ("name", "Ana Souza"),
    ("phone", "(11) 98765-4321"),
    ("complaint", "Freio chiando quando freia devagar"),
    ("km", "82.350"),
];

/// Takes a car in and sends the quote, waiting for pages as `wait` does; gives the customer's link.
async fn take_in(desk: &Window<'_>, fields: &[(&str, &str)], has_script: bool) -> Result<String> {
    desk.go("/intake?plate=ABC-1234").await?;
    desk.fill(fields).await?;
    desk.press("Abrir ordem de serviço").await?;
    let wait = async |words| if has_script { desk.wait(words).await } else { desk.reload_until(words).await };
    wait("Enviar o orçamento").await?;
    desk.press("Enviar ao cliente").await?;
    wait("Link do cliente").await?;
    let link = desk.script("return document.getElementById('customer-link').value").await?;
    Ok(link.as_str().context("a link for the customer")?.to_owned())
}

async fn side_by_side(driver: &Driver, shop: &Opened) -> Result<()> {
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.sign_in(shop).await?;
    let board = Window::open(driver, shop.url(), Looks::DESK).await?;
    board.sign_in(shop).await?;
    let link = take_in(&desk, &NEW, true).await?;
    board.wait("ABC-1234").await?;

    let phone = Window::open(driver, shop.url(), Looks::PHONE).await?;
    phone.go(&link).await?;
    phone.look("customer-quote").await?;
    phone.press("Aprovar o orçamento").await?;
    phone.wait("Aprovado: falta o pagamento").await?;
    phone.press("Pagar com PIX").await?;
    phone.wait("Pago ✓").await?;
    desk.wait("O carro está com a oficina").await?;
    desk.look("order-paid").await?;

    let technician = Window::open(driver, shop.url(), Looks::PHONE).await?;
    technician.sign_in(shop).await?;
    technician.go("/workshop").await?;
    technician.look("workshop").await?;
    technician.follow("ABC-1234").await?;
    repair(&technician).await?;
    board.wait("Pronto").await?;
    phone.wait("O carro está pronto").await?;
    desk.wait("Entregar o carro").await?;
    desk.press("Entregar ao cliente").await?;
    phone.wait("Carro entregue").await?;
    phone.look("customer-delivered").await?;
    board.look("board").await?;
    for window in [desk, board, phone, technician] {
        window.close().await?;
    }
    Ok(())
}

async fn repair(technician: &Window<'_>) -> Result<()> {
    technician.press("Iniciar diagnóstico").await?;
    technician.wait("Concluir diagnóstico").await?;
    technician.fill(&[("notes", "Pastilhas gastas")]).await?;
    technician.press("Concluir diagnóstico").await?;
    technician.press("Iniciar reparo").await?;
    technician.wait("Concluir reparo").await?;
    technician.fill(&[("notes", "Troquei as pastilhas")]).await?;
    technician.look("job").await?;
    technician.press("Concluir reparo").await?;
    technician.press("Testar").await?;
    technician.press("Aprovado no teste").await?;
    technician.wait("Concluído.").await
}

async fn without_script(driver: &Driver, shop: &Opened) -> Result<()> {
    let looks = Looks { script: false, ..Looks::DESK };
    let desk = Window::open(driver, shop.url(), looks).await?;
    desk.sign_in(shop).await?;
    let link = take_in(&desk, &NEW, false).await?;
    let order = desk.path().await?;
    // Chromium's driver does not come back from a phone without script; a narrow window is as much of one as is needed.
    let phone = Window::open(driver, shop.url(), Looks { width: 500, ..looks }).await?;
    phone.go(&link).await?;
    phone.press("Aprovar o orçamento").await?;
    phone.reload_until("Aprovado: falta o pagamento").await?;
    phone.press("Pagar com PIX").await?;
    phone.reload_until("Pago ✓").await?;
    desk.reload_until("Abrir o trabalho").await?;
    desk.follow("Abrir o trabalho").await?;
    repair(&desk).await?;
    desk.go(&order).await?;
    desk.reload_until("Entregar o carro").await?;
    desk.press("Entregar ao cliente").await?;
    desk.reload_until("Entregue").await?;
    phone.reload_until("Carro entregue").await?;
    desk.close().await?;
    phone.close().await
}

/// The keys by their names in the protocol.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Walks by Tab to the field of this name, as somebody does who has no mouse.
async fn tab_to(window: &Window<'_>, name: &str) -> Result<()> {
    for _ in 0..60 {
        window.keys(TAB).await?;
        let at = window.script("return document.activeElement?.name ?? ''").await?;
        if at == name {
            let outline =
                window.script("return getComputedStyle(document.activeElement).outlineStyle").await?;
            ensure!(outline != "none", "{name} has the focus and does not show it");
            return Ok(());
        }
    }
    anyhow::bail!("Tab never comes to {name}")
}

async fn by_keyboard(driver: &Driver, shop: &Opened) -> Result<()> {
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.go("/sign-in").await?;
    tab_to(&desk, "login").await?;
    desk.keys(&shop.login).await?;
    tab_to(&desk, "password").await?;
    desk.keys(&format!("{}{ENTER}", shop.password)).await?;
    desk.wait("Nova entrada").await?;
    desk.go("/intake").await?;
    tab_to(&desk, "plate").await?;
    desk.keys(&format!("abc1d23{ENTER}")).await?;
    desk.wait("Esta placa é nova aqui.").await?;
    for (name, text) in NEW {
        tab_to(&desk, name).await?;
        desk.keys(text).await?;
    }
    desk.keys(ENTER).await?;
    desk.wait("Linha do tempo").await?;
    desk.close().await
}

async fn declined(driver: &Driver, shop: &Opened) -> Result<()> {
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.sign_in(shop).await?;
    let link = take_in(&desk, &NEW, true).await?;
    let phone = Window::open(driver, shop.url(), Looks::PHONE).await?;
    phone.go(&link).await?;
    phone.unfold("Não quero fazer").await?;
    phone.press("Recusar o orçamento").await?;
    phone.wait("Ordem de serviço cancelada").await?;
    desk.wait("o cliente recusou o orçamento").await?;
    desk.close().await?;
    phone.close().await
}

async fn called_off(driver: &Driver, shop: &Opened) -> Result<()> {
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.sign_in(shop).await?;
    let slow = NEW.map(|(name, text)| if name == "name" { (name, "CONT Silva") } else { (name, text) });
    let link = take_in(&desk, &slow, true).await?;
    let phone = Window::open(driver, shop.url(), Looks::PHONE).await?;
    phone.go(&link).await?;
    phone.press("Aprovar o orçamento").await?;
    phone.wait("Aprovado: falta o pagamento").await?;
    phone.press("Pagar com PIX").await?;
    phone.wait("PIX copia e cola").await?;
    phone.look("customer-pix").await?;
    desk.wait("PIX copia e cola").await?;
    desk.look("order-pix").await?;
    desk.unfold("Cancelar esta ordem").await?;
    desk.press("Cancelar a ordem").await?;
    phone.wait("Ordem de serviço cancelada").await?;
    desk.close().await?;
    phone.close().await
}

async fn comes_back(driver: &Driver, shop: &Opened) -> Result<()> {
    let board = Window::open(driver, shop.url(), Looks::DESK).await?;
    board.sign_in(shop).await?;
    shop.screens_go().await;
    board.wait("Sem conexão").await?;
    shop.screens_come().await?;
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.sign_in(shop).await?;
    take_in(&desk, &NEW, true).await?;
    board.wait("ABC-1234").await?;
    let is_over = board.script("return document.querySelector('.offline').hidden").await?;
    ensure!(is_over == true, "the board still says that the connection is lost");
    desk.close().await?;
    board.close().await
}

async fn owes(driver: &Driver, shop: &Opened) -> Result<()> {
    let desk = Window::open(driver, shop.url(), Looks::DESK).await?;
    desk.sign_in(shop).await?;
    fill_the_shelf(&desk).await?;
    desk.go("/intake?plate=XYZ9876").await?;
    desk.fill(&NEW).await?;
    desk.press("Abrir ordem de serviço").await?;
    desk.wait("Editar as linhas").await?;
    let draft = desk.path().await?;
    let waiting = wait_for_a_part(&desk).await?;
    desk.close().await?;
    for (phone, dark) in [(false, false), (true, false), (false, true), (true, true)] {
        let looks = Looks { dark, ..if phone { Looks::PHONE } else { Looks::DESK } };
        let window = Window::open(driver, shop.url(), looks).await?;
        window.go("/sign-in").await?;
        window.look("sign-in").await?;
        window.sign_in(shop).await?;
        for (name, path) in pages(&draft, &waiting) {
            window.go(&path).await?;
            window
                .script(
                    "document.querySelectorAll('details:not(.me)').forEach((one) => { one.open = true; })",
                )
                .await?;
            window.look(name).await?;
            window.go(&format!("/language?to=en&back={path}")).await?;
            window.look(&format!("{name}-en")).await?;
            window.go("/language?to=pt-BR&back=/").await?;
        }
        window.close().await?;
    }
    Ok(())
}

async fn fill_the_shelf(desk: &Window<'_>) -> Result<()> {
    desk.go("/parts").await?;
    desk.unfold("Nova peça").await?;
    let part = [
        ("part-name", "Pastilha de freio dianteira cerâmica"),
        ("number", "PF-1020"),
        ("part-price", "129,90"),
        ("cost", "70"),
        ("stock", "3"),
    ];
    desk.fill(&part).await?;
    desk.press("Adicionar peça").await?;
    desk.unfold("Novo serviço").await?;
    desk.fill(&[("service-name", "Troca de pastilhas"), ("service-price", "180"), ("minutes", "60")]).await?;
    desk.press("Adicionar serviço").await
}

/// An order that waits for more of a part than there are.
struct WaitingOrder {
    order: String,
    part: String,
}

async fn wait_for_a_part(desk: &Window<'_>) -> Result<WaitingOrder> {
    desk.go("/intake?plate=XYZ9876").await?;
    desk.fill(&[("complaint", "Freio de novo")]).await?;
    desk.press("Abrir ordem de serviço").await?;
    desk.wait("Editar as linhas").await?;
    let order = desk.path().await?;
    desk.go(&format!("{order}/quote")).await?;
    let pick = "const pick = document.getElementById('pick');
        pick.value = [...pick.options].find((one) => one.value.startsWith('part:')).value;
        document.getElementById('pick-quantity').value = '5';";
    desk.script(pick).await?;
    desk.press("Adicionar").await?;
    desk.press("Salvar").await?;
    desk.press("Enviar ao cliente").await?;
    desk.wait("Link do cliente").await?;
    desk.unfold("O cliente respondeu aqui no balcão").await?;
    desk.press("Registrar aprovação").await?;
    desk.wait("Faltam 2 UN").await?;
    let part = "return document.querySelector('a[href^=\"/parts/\"]').getAttribute('href')";
    let part = desk.script(part).await?;
    Ok(WaitingOrder { order, part: part.as_str().context("a way to the part")?.to_owned() })
}

fn pages(draft: &str, waiting: &WaitingOrder) -> Vec<(&'static str, String)> {
    let fixed =
        ["/", "/intake", "/workshop", "/parts", "/dashboard", "/people", "/messages", "/account", "/export"];
    let names = [
        "board",
        "intake",
        "workshop-empty",
        "parts",
        "dashboard",
        "people",
        "messages",
        "account",
        "export",
    ];
    let mut pages: Vec<_> = names.into_iter().zip(fixed.map(str::to_owned)).collect();
    pages.extend([
        ("intake-new", "/intake?plate=NEW1A23".to_owned()),
        ("intake-known", "/intake?plate=XYZ9876".to_owned()),
        ("search", "/search?q=ana".to_owned()),
        ("order-draft", draft.to_owned()),
        ("quote", format!("{draft}/quote")),
        ("paper", format!("{draft}/print?of=quote")),
        ("order-waiting", waiting.order.clone()),
        ("part", waiting.part.clone()),
        ("parts-missing", "/parts?only=missing".to_owned()),
    ]);
    pages
}
