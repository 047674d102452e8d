//! How the editor looks.

use axum::response::Html;
use maud::{Markup, html};

use super::{
    rows::{self, Row, field},
    validity,
};
use crate::{
    app::App,
    form::{Form, Objections, WORD},
    lang::Lang,
    services::view::{Labour, Line, Order, Part, Quote},
    show,
    ui::{self, Field, Icon, Page, hidden, icon, summary},
    visitor::SignedIn,
};

/// Empty rows for what is of no catalogue.
const SPARE: usize = 2;

/// What can be picked.
pub(super) struct Catalogue {
    pub(super) parts: Vec<Part>,
    pub(super) labour: Vec<Labour>,
}

impl Catalogue {
    /// A row for what was picked.
    pub(super) fn row(&self, lang: Lang, picked: &str, quantity: &str) -> Option<Row> {
        let quantity = if quantity.is_empty() { "1" } else { quantity }.to_owned();
        let row = |name: &String, price| Row {
            name: name.clone(),
            quantity,
            price: show::typed_money(lang, price),
            of: picked.to_owned(),
            was: None,
        };
        let (kind, id) = picked.split_once(':')?;
        match kind {
            "part" => self
                .parts
                .iter()
                .find(|part| part.id.to_string() == id)
                .map(|part| row(&part.name, part.price)),
            _ => self
                .labour
                .iter()
                .find(|labour| labour.id.to_string() == id)
                .map(|labour| row(&labour.name, labour.price)),
        }
    }
}

/// What stands in the editor.
pub(super) struct Editor<'a> {
    pub(super) order: &'a Order,
    /// As it is stored.
    pub(super) quote: &'a Quote,
    pub(super) catalogue: &'a Catalogue,
    /// As they were typed.
    pub(super) rows: &'a [Row],
    /// The fields beside the rows.
    pub(super) form: &'a Form,
}

/// The editor, with what is wrong, and what is to be said of the press before.
pub(super) fn page(
    app: &App,
    by: &SignedIn,
    editor: &Editor<'_>,
    objections: &Objections,
    said: Option<&str>,
) -> Html<String> {
    let &Editor { order, quote, catalogue, rows, form } = editor;
    let lang = by.lang;
    let here = format!("/orders/{}/quote", order.id);
    let title = format!("{} {}", lang.t("Orçamento", "Quote"), show::plate(&order.plate));
    let valid = show::day(lang, app.local(quote.valid_until));
    ui::page(
        &Page::of(by, &title, None, &here),
        html! {
            div class="head" {
                h1 { (lang.t("Orçamento", "Quote")) " " span class="plate" { (show::plate(&order.plate)) } }
                a href={ "/orders/" (order.id) } { (lang.t("Voltar à ordem", "Back to the order")) }
            }
            p class="quiet" { (order.description) " · " (lang.t("válido até ", "valid until ")) (valid) }
            @if let Some(words) = said { (ui::notice(words)) }
            form method="post" action=(here) class="stack quote" {
                (summary(lang, objections))
                (hidden(WORD, &by.word))
                (hidden("quote", &quote.id.to_string()))
                (hidden("seen", form.get("seen")))
                // Enter in a field keeps the lines; without this it would press the first button, which removes one.
                button class="unseen" name="do" value="keep" tabindex="-1" aria-hidden="true" { }
                @if quote.status == "SENT" { (anew(lang, form)) }
                section class="card" { (table(lang, rows, &quote.items, objections)) }
                (pick(lang, catalogue))
                section class="card" { (until(lang, quote, &valid, form, objections)) }
                div class="bar sticky" {
                    p class="total" aria-live="polite" { (lang.t("Total ", "Total ")) output id="quote-total" { (show::money(lang, rows::total(lang, rows))) } }
                    span class="grow" {}
                    button name="do" value="done" { (lang.t("Salvar", "Save")) }
                    button class="primary" name="do" value="send" { (lang.t("Enviar ao cliente", "Send to the customer")) }
                }
            }
        },
    )
}

/// The customer has it: what is saved is another version, and this one is kept.
fn anew(lang: Lang, form: &Form) -> Markup {
    html! {
        section class="card" {
            p { (icon(Icon::Alert)) (lang.t("O cliente já tem este orçamento. O que você salvar é uma nova versão, que precisa ser enviada de novo; a atual fica guardada.", "The customer has this quote. What you save is another version, which must be sent again; the present one is kept.")) }
            div class="field" {
                label for="reason" { (lang.t("Por que muda", "Why it changes")) }
                input id="reason" name="reason" value=(form.raw("reason")) maxlength="500" autocomplete="off";
            }
        }
    }
}

/// The day until whose end it may be answered.
fn until(lang: Lang, quote: &Quote, present: &str, form: &Form, objections: &Objections) -> Markup {
    let now = lang.t("Agora vale até", "Now it is valid until");
    let empty = if quote.status == "SENT" {
        lang.t("Vazio: fica assim.", "Empty: it stays so.")
    } else {
        lang.t(
            "Vazio: fica assim, ou conta do primeiro envio enquanto ninguém disser um dia.",
            "Empty: it stays so, or counts from the first sending while nobody has said a day.",
        )
    };
    let hint = format!("{now} {present}. {empty}");
    let label = lang.t("Válido até o fim do dia", "Valid until the end of the day");
    html! { (ui::field(Field::text(validity::FIELD, label).kind("date").hint(&hint), form, objections)) }
}

fn table(lang: Lang, rows: &[Row], items: &[Line], objections: &Objections) -> Markup {
    let spare = std::iter::repeat_n(Row { quantity: "1".to_owned(), ..Row::default() }, SPARE);
    html! {
        table class="lines edit" {
            thead { tr {
                th scope="col" { (lang.t("Descrição", "Description")) }
                th scope="col" { (lang.t("Qtd.", "Qty.")) }
                th scope="col" { (lang.t("Preço unitário", "Unit price")) }
                th scope="col" { span class="unseen" { (lang.t("Tirar", "Remove")) } }
            } }
            tbody {
                @for (place, row) in rows.iter().cloned().chain(spare).enumerate() {
                    (line(lang, place, &row, row.line(items), place < rows.len(), objections))
                }
            }
        }
    }
}

fn line(
    lang: Lang,
    place: usize,
    row: &Row,
    was: Option<&Line>,
    is_there: bool,
    objections: &Objections,
) -> Markup {
    let kind = match row.of.split_once(':') {
        Some(("part", _)) => lang.t("peça", "part"),
        Some(_) => lang.t("serviço", "labour"),
        None => "",
    };
    let input = |name: &str, kind: &str, value: &str, label: &str, mode: &str, most: u16| {
        let (id, objection) = (field(kind, place), objections.to(&field(kind, place)));
        html! {
            input id=(id) name=(name) value=(value) aria-label={ (label) " " (place + 1) } inputmode=(mode) maxlength=(most) autocomplete="off"
                aria-invalid=[objection.map(|_| "true")] aria-describedby=[objection.map(|_| format!("{id}-wrong"))];
            @if let Some(words) = objection { span class="objection" id={ (id) "-wrong" } { (words) } }
        }
    };
    html! {
        tr {
            td data-label=(lang.t("Descrição", "Description")) {
                (hidden("of", &row.of))
                (hidden("was", &row.was.map(|place| place.to_string()).unwrap_or_default()))
                (input("line", "line", &row.name, lang.t("Descrição", "Description"), "text", 200))
                @if !kind.is_empty() { span class="quiet" { (kind) } }
                @if let Some(words) = was.and_then(|was| was.description.as_deref()) { p class="quiet" { (words) } }
            }
            td data-label=(lang.t("Qtd.", "Qty.")) { (input("quantity", "quantity", &row.quantity, lang.t("Quantidade", "Quantity"), "decimal", 12)) }
            td data-label=(lang.t("Preço unitário", "Unit price")) { (input("price", "price", &row.price, lang.t("Preço unitário", "Unit price"), "decimal", 16)) }
            td { @if is_there {
                button class="small" name="remove" value=(place) aria-label={ (lang.t("Tirar a linha ", "Remove line ")) (place + 1) } { (icon(Icon::Cross)) }
            } }
        }
    }
}

fn pick(lang: Lang, catalogue: &Catalogue) -> Markup {
    html! {
        section class="card" id="add" {
            h2 { (lang.t("Do catálogo", "From the catalogue")) }
            @if catalogue.parts.is_empty() && catalogue.labour.is_empty() {
                p class="quiet" { (lang.t("O catálogo está vazio; escreva as linhas à mão.", "The catalogue is empty; write the lines by hand.")) " "
                    a href="/parts" { (lang.t("Abrir o catálogo", "Open the catalogue")) } }
            } @else {
                div class="bar" {
                    label class="unseen" for="pick" { (lang.t("Peça ou serviço", "Part or service")) }
                    select id="pick" name="pick" {
                        option value="" { (lang.t("Escolha…", "Choose…")) }
                        @if !catalogue.labour.is_empty() { optgroup label=(lang.t("Serviços", "Labour")) {
                            @for labour in &catalogue.labour { option value={ "service:" (labour.id) } { (labour.name) " · " (show::money(lang, labour.price)) } }
                        } }
                        @if !catalogue.parts.is_empty() { optgroup label=(lang.t("Peças", "Parts")) {
                            @for part in &catalogue.parts { option value={ "part:" (part.id) } {
                                (part.name) " · " (show::money(lang, part.price)) " · " (show::units(lang, part.free, &part.unit)) " " (lang.t("livres", "free"))
                            } }
                        } }
                    }
                    label class="unseen" for="pick-quantity" { (lang.t("Quantidade", "Quantity")) }
                    input id="pick-quantity" name="pick-quantity" value="1" inputmode="decimal" class="short" maxlength="12";
                    button name="do" value="pick" { (icon(Icon::Plus)) (lang.t("Adicionar", "Add")) }
                }
            }
            div class="bar" { button name="do" value="keep" { (lang.t("Mais linhas à mão", "More lines by hand")) } }
        }
    }
}
