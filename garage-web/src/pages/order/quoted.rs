//! The quote of an order as the desk sees it, with the texts that the customer had before the present one.

use maud::{Markup, html};

use super::{Whole, lines};
use crate::{
    app::App,
    lang::Lang,
    services::view::{Earlier, Quote},
    show, status,
};

pub(super) fn quoted(app: &App, lang: Lang, whole: &Whole) -> Markup {
    let Some(quote) = whole.quote.as_ref().map(|quote| &quote.it) else { return html! {} };
    html! {
        section class="card" {
            div class="head" { h2 { (lang.t("Orçamento", "Quote")) } (status::quote(lang, &quote.status).chip()) }
            (lines(lang, &quote.items))
            p class="total" { (lang.t("Total ", "Total ")) (show::money(lang, quote.total_amount)) }
            (facts(app, lang, quote))
            @for one in whole.earlier.iter().rev().filter(|one| one.sent_at.is_some()) { (earlier(app, lang, one)) }
        }
    }
}

fn facts(app: &App, lang: Lang, quote: &Quote) -> Markup {
    html! {
        p class="quiet" {
            @if quote.revision > 1 { (lang.t("Versão ", "Version ")) (quote.revision) " · " }
            @if let Some(at) = quote.sent_at { (lang.t("Enviado em ", "Sent on ")) (show::time(lang, app.local(at))) " · " }
            (lang.t("Válido até ", "Valid until ")) (show::day(lang, app.local(quote.valid_until)))
            @if let (Some(at), Some(who)) = (quote.approved_at, &quote.approved_by) {
                " · " (lang.t("aprovado em ", "approved on ")) (show::time(lang, app.local(at))) " " (approver(lang, who))
            }
            @if let Some(reason) = &quote.rejection_reason { " · " (reason) }
        }
    }
}

fn approver(lang: Lang, who: &str) -> String {
    if who.starts_with("work-order:") {
        return lang.t("pelo link do cliente", "by the customer's link").to_owned();
    }
    format!("{} {who}", lang.t("no balcão, por", "at the desk, by"))
}

/// A text that the customer had.
fn earlier(app: &App, lang: Lang, one: &Earlier) -> Markup {
    html! {
        details {
            summary {
                (lang.t("Versão ", "Version ")) (one.revision) " · " (show::money(lang, one.total_amount))
                @if let Some(at) = one.sent_at { " · " (lang.t("enviada em ", "sent on ")) (show::time(lang, app.local(at))) }
            }
            @if let Some(reason) = &one.reason { p class="quiet" { (lang.t("Mudou porque: ", "Changed because: ")) (reason) } }
            (lines(lang, &one.items))
        }
    }
}
