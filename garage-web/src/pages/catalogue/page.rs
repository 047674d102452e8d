//! How the catalogue looks.

use axum::response::Html;
use maud::{Markup, html};

use crate::{
    form::{Form, Objections, WORD},
    lang::Lang,
    services::view::{Labour, Part},
    show,
    ui::{self, Field, Icon, Page, Place, field, hidden, icon, summary},
    visitor::SignedIn,
};

/// What is there.
pub(super) struct Shelf {
    pub(super) parts: Vec<Part>,
    pub(super) labour: Vec<Labour>,
    pub(super) q: String,
    /// `low`, `missing`, or all of them.
    pub(super) only: String,
}

pub(super) fn page(by: &SignedIn, shelf: &Shelf, form: &Form, objections: &Objections) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Peças e serviços", "Parts and services");
    ui::page(
        &Page::of(by, title, Some(Place::Catalogue), "/parts"),
        html! {
            div class="head" {
                h1 { (title) }
                @if by.is_manager() {
                    span class="facts" {
                        a class="button" href="/parts/import" { (lang.t("Importar", "Import")) }
                        a class="button" href="/export/parts.csv" { (lang.t("Exportar", "Export")) }
                    }
                }
            }
            (summary(lang, objections))
            div class="stack" {
                section class="card" {
                    div class="head" {
                        h2 { (lang.t("Peças", "Parts")) " " span class="count" { (shelf.parts.len()) } }
                        form class="bar" action="/parts" role="search" {
                            label class="unseen" for="parts-q" { (lang.t("Procurar peças", "Search parts")) }
                            input id="parts-q" name="q" type="search" value=(shelf.q) maxlength="200" placeholder=(lang.t("Nome, código, fornecedor", "Name, number, supplier"));
                            button { (lang.t("Procurar", "Search")) }
                            @for (only, label) in [("", lang.t("Todas", "All")), ("low", lang.t("Estoque baixo", "Low stock")), ("missing", lang.t("Faltando", "Missing"))] {
                                @if shelf.only != only { a class="button" href={ "/parts" @if !only.is_empty() { "?only=" (only) } } { (label) } }
                            }
                        }
                    }
                    (parts(by, shelf))
                    @if by.is_manager() { (new_part(by, form, objections)) }
                }
                section class="card" {
                    h2 { (lang.t("Serviços", "Services")) " " span class="count" { (shelf.labour.len()) } }
                    (labour(by, shelf))
                    @if by.is_manager() { (new_service(by, form, objections)) }
                }
            }
        },
    )
}

fn parts(by: &SignedIn, shelf: &Shelf) -> Markup {
    let lang = by.lang;
    if shelf.parts.is_empty() {
        return html! { p class="none" { (lang.t("Nenhuma peça aqui.", "No parts here.")) } };
    }
    html! {
        table class="lines stock" {
            thead { tr {
                th scope="col" { (lang.t("Peça", "Part")) }
                th scope="col" class="number" { (lang.t("Em estoque", "On hand")) }
                th scope="col" class="number" { (lang.t("Reservado", "Reserved")) }
                th scope="col" class="number" { (lang.t("Livre", "Free")) }
                th scope="col" class="number" { (lang.t("Mínimo", "Minimum")) }
                th scope="col" class="number" { (lang.t("Preço", "Price")) }
                @if by.is_desk() { th scope="col" class="number" { (lang.t("Custo", "Cost")) } }
                @if by.is_manager() { th scope="col" { span class="unseen" { (lang.t("Mudar", "Change")) } } }
            } }
            tbody { @for part in &shelf.parts { (part_row(by, part)) } }
        }
    }
}

fn part_row(by: &SignedIn, part: &Part) -> Markup {
    let lang = by.lang;
    html! {
        tr {
            td { a href={ "/parts/" (part.id) } { (part.name) }
                span class="quiet" { (part.part_number)
                    @if let Some(category) = &part.category { " · " (category) }
                    @if let Some(supplier) = &part.supplier { " · " (supplier) } } }
            td class="number" data-label=(lang.t("Em estoque", "On hand")) { (show::units(lang, part.stock_quantity, &part.unit)) }
            td class="number" data-label=(lang.t("Reservado", "Reserved")) { (show::units(lang, part.reserved, "")) }
            td class="number" data-label=(lang.t("Livre", "Free")) { (show::units(lang, part.free, "")) " " (warning(lang, part)) }
            td class="number" data-label=(lang.t("Mínimo", "Minimum")) { (part.min_stock_level) }
            td class="number" data-label=(lang.t("Preço", "Price")) { (show::money(lang, part.price)) }
            @if by.is_desk() { td class="number" data-label=(lang.t("Custo", "Cost")) { @if let Some(cost) = part.cost_price { (show::money(lang, cost)) } @else { "–" } } }
            @if by.is_manager() { td { details {
                summary { (lang.t("Mudar", "Change")) span class="unseen" { " " (part.name) } }
                (changing(by, part))
            } } }
        }
    }
}

/// What should be seen to, the worst first.
pub(super) fn warning(lang: Lang, part: &Part) -> Markup {
    html! {
        @if part.missing > 0.0 {
            span class="chip bad" { (icon(Icon::Alert)) (lang.t("Faltam ", "Missing ")) (show::units(lang, part.missing, "")) }
        } @else if part.is_low() {
            span class="chip waits" { (icon(Icon::Alert)) (lang.t("Baixo", "Low")) }
        }
    }
}

/// What came or went, what it costs, and the way to correct the rest.
pub(super) fn changing(by: &SignedIn, part: &Part) -> Markup {
    let lang = by.lang;
    html! {
        form class="bar" method="post" action={ "/parts/" (part.id) "/stock" } {
            (hidden(WORD, &by.word))
            input class="short" name="by" placeholder="+10 / -2" maxlength="14" autocomplete="off" aria-label={ (lang.t("Ajuste do estoque de ", "Stock adjustment of ")) (part.name) };
            button { (lang.t("Ajustar estoque", "Adjust stock")) }
        }
        form class="bar" method="post" action={ "/parts/" (part.id) "/price" } {
            (hidden(WORD, &by.word))
            input class="short" name="price" inputmode="decimal" value=(show::typed_money(lang, part.price)) maxlength="16" aria-label={ (lang.t("Preço de ", "Price of ")) (part.name) };
            button { (lang.t("Mudar preço", "Change price")) }
        }
        p { a href={ "/parts/" (part.id) "/edit" } { (lang.t("Corrigir os dados", "Correct the details")) span class="unseen" { " " (part.name) } } }
    }
}

fn labour(by: &SignedIn, shelf: &Shelf) -> Markup {
    let lang = by.lang;
    if shelf.labour.is_empty() {
        return html! { p class="none" { (lang.t("Nenhum serviço ainda.", "No services yet.")) } };
    }
    html! {
        ul class="rows" { @for one in &shelf.labour { li { div {
            span class="grow" { (one.name) span class="quiet" { (one.duration) " min" @if !one.active { " · " (lang.t("não oferecido", "not offered")) } } }
            span class="money" { (show::money(lang, one.price)) }
            @if by.is_manager() {
                a class="button" href={ "/services/" (one.id) "/edit" } { (lang.t("Corrigir", "Correct")) span class="unseen" { " " (one.name) } }
                form method="post" action={ "/services/" (one.id) } {
                    (hidden(WORD, &by.word))
                    (hidden("active", if one.active { "no" } else { "yes" }))
                    button { (if one.active { lang.t("Parar de oferecer", "Stop offering") } else { lang.t("Oferecer", "Offer") }) span class="unseen" { " " (one.name) } }
                }
            }
        } } } }
    }
}

fn is_open(objections: &Objections, fields: &[&str]) -> bool {
    fields.iter().any(|field| objections.to(field).is_some())
}

fn new_part(by: &SignedIn, form: &Form, objections: &Objections) -> Markup {
    let lang = by.lang;
    let whole = |name, label| Field { inputmode: "numeric", most: 9, ..Field::text(name, label) };
    html! {
        details open[is_open(objections, &["part-name", "number", "part-price", "cost", "stock", "least", "unit", "supplier"])] {
            summary { (icon(Icon::Plus)) (lang.t("Nova peça", "New part")) }
            form method="post" action="/parts" {
                (hidden(WORD, &by.word))
                div class="fields" {
                    (field(Field::text("part-name", lang.t("Nome", "Name")).required(), form, objections))
                    (field(Field { most: 60, ..Field::text("number", lang.t("Código", "Part number")).required() }, form, objections))
                    (field(Field::text("part-price", lang.t("Preço (R$)", "Price (R$)")).required().money(), form, objections))
                    (field(Field::text("cost", lang.t("Custo (R$)", "Cost (R$)")).money(), form, objections))
                    (field(Field { inputmode: "decimal", most: 14, ..Field::text("stock", lang.t("Em estoque", "On hand")) }, form, objections))
                    (field(whole("least", lang.t("Mínimo", "Minimum")).hint(lang.t("Vazio: 5", "Empty: 5")), form, objections))
                    (field(Field { most: 60, ..Field::text("unit", lang.t("Unidade", "Unit")).hint(lang.t("Vazio: UN", "Empty: UN")) }, form, objections))
                    (field(Field::text("supplier", lang.t("Fornecedor", "Supplier")), form, objections))
                }
                div class="bar" { button class="primary" { (lang.t("Adicionar peça", "Add the part")) } }
            }
        }
    }
}

fn new_service(by: &SignedIn, form: &Form, objections: &Objections) -> Markup {
    let lang: Lang = by.lang;
    let minutes = Field {
        inputmode: "numeric",
        most: 6,
        ..Field::text("minutes", lang.t("Duração (min)", "Duration (min)")).required()
    };
    html! {
        details open[is_open(objections, &["service-name", "service-price", "minutes"])] {
            summary { (icon(Icon::Plus)) (lang.t("Novo serviço", "New service")) }
            form method="post" action="/services" {
                (hidden(WORD, &by.word))
                div class="fields" {
                    (field(Field::text("service-name", lang.t("Nome", "Name")).required(), form, objections))
                    (field(Field::text("service-price", lang.t("Preço (R$)", "Price (R$)")).required().money(), form, objections))
                    (field(minutes, form, objections))
                }
                div class="bar" { button class="primary" { (lang.t("Adicionar serviço", "Add the service")) } }
            }
        }
    }
}
