//! How the dashboard looks.

use axum::response::Html;
use maud::{Markup, html};

use super::{Figures, Needs, Stuck};
use crate::{
    app::App,
    form::WORD,
    lang::Lang,
    show, status, trouble,
    ui::{self, Icon, Page, Place, alarm, hidden, icon},
    visitor::SignedIn,
};

pub(super) fn page(app: &App, by: &SignedIn, figures: &Figures, needs: &Needs) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Painel", "Dashboard");
    ui::page(
        &Page::of(by, title, Some(Place::Dashboard), "/dashboard").live(),
        html! {
            div class="head" {
                h1 { (title) }
                span class="grow" {}
                a class="button" href="/export" { (icon(Icon::Doc)) (lang.t("Exportar", "Export")) }
                a class="button" href="/messages" { (icon(Icon::Phone)) (lang.t("Mensagens", "Messages")) }
                a class="button" href="/people" { (icon(Icon::Person)) (lang.t("Equipe", "People")) }
            }
            div id="dashboard" data-live="*" class="stack" {
                @for service in &needs.away { (alarm(&trouble::away(lang, *service))) }
                section { h2 { (lang.t("Últimos 30 dias", "The last 30 days")) } (tiles(lang, figures)) }
                (stuck(app, by, needs))
                (letters(by, needs))
            }
        },
    )
}

fn tiles(lang: Lang, figures: &Figures) -> Markup {
    let none = || "–".to_owned();
    let tiles = [
        (lang.t("Carros recebidos", "Cars taken in"), figures.taken_in.to_string()),
        (lang.t("Carros entregues", "Cars handed over"), figures.delivered.to_string()),
        (lang.t("Vendas", "Sales"), show::money(lang, figures.sales)),
        (
            lang.t("Ticket médio", "Mean ticket"),
            figures.ticket.map_or_else(none, |ticket| show::money(lang, ticket)),
        ),
        (
            lang.t("Orçamentos aprovados", "Quotes approved"),
            figures.approved.map_or_else(none, |share| format!("{share} %")),
        ),
        (
            lang.t("Da entrada à entrega (mediana)", "Intake to handover (median)"),
            figures.median.map_or_else(none, |took| show::duration(lang, took)),
        ),
        (lang.t("Atrasados agora", "Late right now"), figures.late.to_string()),
    ];
    html! { dl class="figures" { @for (label, value) in tiles { div { dt { (label) } dd { (value) } } } } }
}

fn stuck(app: &App, by: &SignedIn, needs: &Needs) -> Markup {
    let lang = by.lang;
    html! {
        section class="card" {
            h2 { (lang.t("Parados", "Stuck")) " " span class="count" { (needs.stuck.len()) } }
            @if needs.stuck.is_empty() { p class="quiet" { (icon(Icon::Check)) (lang.t("Nada espera além do prazo.", "Nothing waits beyond its deadline.")) } }
            ul class="rows" { @for one in &needs.stuck { li { (stuck_row(app, by, one)) } } }
        }
    }
}

fn stuck_row(app: &App, by: &SignedIn, one: &Stuck) -> Markup {
    let lang = by.lang;
    html! {
        div {
            span class="grow" {
                a href={ "/orders/" (one.order) } { (lang.t("OS ", "Order ")) (show::number_of(one.order)) }
                @if let Some(waiting) = &one.waiting {
                    span class="quiet" { (status::awaited(lang, &waiting.who)) " · " (status::waited_for(lang, &waiting.what)) " · " (show::soon(lang, app.local(waiting.since))) }
                }
            }
            (ui::press(&format!("/dashboard/nudge/{}/{}", one.kind, one.id), &by.word, "", lang.t("Avisar de novo", "Tell again")))
        }
    }
}

fn letters(by: &SignedIn, needs: &Needs) -> Markup {
    let lang = by.lang;
    html! {
        section class="card" {
            h2 { (lang.t("Mensagens que não puderam ser lidas", "Messages that could not be taken")) " " span class="count" { (needs.letters.len()) } }
            @if needs.letters.is_empty() { p class="quiet" { (icon(Icon::Check)) (lang.t("Nenhuma.", "None.")) } }
            ul class="rows" {
                @for (service, letter) in &needs.letters {
                    li { div {
                        span class="grow" {
                            b { (letter.event_type.as_deref().unwrap_or("?")) }
                            span class="quiet" { (letter.queue) " · " (letter.reason) }
                            @if let Some(order) = letter.work_order_id { a href={ "/orders/" (order) } { (lang.t("OS ", "Order ")) (show::number_of(order)) } }
                        }
                        form class="bar" method="post" action={ "/dashboard/letters/" (service.word()) "/replay/" (letter.id) } {
                            (hidden(WORD, &by.word))
                            input name="why" maxlength="300" required placeholder=(lang.t("Por quê", "Why")) aria-label=(lang.t("Por quê", "Why"));
                            button { (lang.t("Entregar de novo", "Replay")) }
                            button class="danger" formaction={ "/dashboard/letters/" (service.word()) "/discard/" (letter.id) } { (lang.t("Descartar", "Discard")) }
                        }
                    } }
                }
            }
        }
    }
}
