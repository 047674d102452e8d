//! Paper: the quote with what the law wants on it (CDC art. 40: labour and parts apart, terms, dates, validity), the
//! order, and the receipt with the warranty's last day (art. 26). The numbers and words are the screen's. The browser
//! prints them; the quote is there as a file (PDF), too.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, Response},
    routing::get,
};
use garage_events::{Service, WorkOrderId};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use self::paper::About;
use super::order::{Whole, lines, public_url};
use crate::{
    app::App,
    lang::Lang,
    show, status,
    trouble::Trouble,
    ui::{self, Page},
    visitor::SignedIn,
};

pub(super) mod file;
pub(super) mod paper;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/orders/{id}/print", get(print)).route("/orders/{id}/quote.pdf", get(quote))
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Sheet {
    Quote,
    Order,
    Receipt,
}

#[derive(Deserialize)]
struct Wanted {
    of: Sheet,
}

async fn print(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
    Query(Wanted { of }): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Html<String>, Trouble> {
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let lang = by.lang;
    let car = whole.named.car();
    let about = about(&app, lang, &whole, &car);
    let title = match of {
        Sheet::Quote => paper::title(lang),
        Sheet::Order => lang.t("Ordem de serviço", "Work order"),
        Sheet::Receipt => lang.t("Recibo", "Receipt"),
    };
    let name = format!("{title} {} {}", show::number_of(id), show::plate(&whole.order.plate));
    Ok(ui::page(
        &Page::plain(lang, &name),
        html! {
            p class="bar screen" {
                button type="button" data-print hidden { (lang.t("Imprimir", "Print")) }
                @if of == Sheet::Quote && whole.quote.is_some() { a class="button" href={ "/orders/" (id) "/quote.pdf" } { "PDF" } }
                a class="button" href={ "/orders/" (id) } { (lang.t("Voltar à ordem", "Back to the order")) }
            }
            article class="sheet" {
                (head(&about, title))
                (body(&app, &about, &whole, of))
                (foot(lang, of, &link_to(&app, id, &headers)))
            }
        },
    ))
}

/// The quote's sheet as a file.
async fn quote(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    if whole.away.contains(&Service::Billing) {
        return Err(Trouble::Away(Service::Billing));
    }
    let offer = whole.quote.as_ref().ok_or(Trouble::NotFound)?;
    let car = whole.named.car();
    Ok(file::quote(&about(&app, by.lang, &whole, &car), &offer.it, Some(&link_to(&app, id, &headers))))
}

fn about<'a>(app: &'a App, lang: Lang, whole: &'a Whole, car: &'a str) -> About<'a> {
    let customer = whole.customer().map(AsRef::as_ref);
    About { lang, settings: &app.settings, order: &whole.order, customer, car }
}

fn link_to(app: &App, id: Uuid, headers: &HeaderMap) -> String {
    format!("{}/c/{}", public_url(app, headers), app.links.to(WorkOrderId(id), app.clock.now()))
}

fn head(about: &About<'_>, title: &str) -> Markup {
    html! {
        header class="head" {
            div {
                b { (about.shop()) }
                @if let Some(phone) = about.phone() { p { (phone) } }
            }
            div class="number" { h1 { (title) } p { (about.number()) } }
        }
        dl class="pairs" { @for (label, fact) in about.facts() { div { dt { (label) } dd { (fact) } } } }
    }
}

fn body(app: &App, about: &About<'_>, whole: &Whole, of: Sheet) -> Markup {
    let Some(quote) = &whole.quote else { return html! {} };
    let (quote, lang) = (&quote.it, about.lang);
    html! {
        (lines(lang, &quote.items))
        p class="total" { (about.total(quote)) }
        @if of == Sheet::Quote { p { (about.terms(quote)) } }
        @if of == Sheet::Order { (work(lang, whole)) }
        @if of == Sheet::Receipt { (paid(app, lang, whole)) }
    }
}

fn work(lang: Lang, whole: &Whole) -> Markup {
    html! {
        @if let Some(job) = &whole.job {
            dl class="pairs" {
                @if let Some(technician) = &job.technician_id { div { dt { (lang.t("Técnico", "Technician")) } dd { (technician) } } }
                @if let Some(notes) = &job.diagnosis_notes { div { dt { (lang.t("Diagnóstico", "Diagnosis")) } dd { (notes) } } }
                @if let Some(notes) = &job.repair_notes { div { dt { (lang.t("Reparo", "Repair")) } dd { (notes) } } }
            }
        }
    }
}

fn paid(app: &App, lang: Lang, whole: &Whole) -> Markup {
    let order = &whole.order;
    html! {
        @match whole.paid() {
            Some(payment) => {
                p { b { (lang.t("Recebemos ", "Received ")) (show::money(lang, payment.amount)) } " · " (status::method(lang, &payment.payment_method))
                    @if let Some(at) = payment.approved_at { " · " (show::time(lang, app.local(at))) } }
                @for refund in payment.refunds.iter().filter(|refund| refund.is_done()) {
                    p { b { (lang.t("Devolvemos ", "Given back ")) (show::money(lang, refund.amount)) }
                        @if let Some(at) = refund.settled_at { " · " (show::time(lang, app.local(at))) } }
                }
            }
            None => p { b { (lang.t("Nenhum pagamento em nosso poder.", "No payment is in our hands.")) } }
        }
        @if matches!(order.status.as_str(), "DELIVERED" | "COMPLETED") {
            p { (lang.t("Garantia legal até ", "Legal warranty until ")) (show::day(lang, app.local(paper::warranty_until(order)))) " (CDC art. 26)." }
        }
    }
}

fn foot(lang: Lang, of: Sheet, link: &str) -> Markup {
    html! {
        @if of != Sheet::Receipt {
            div class="pix" {
                (ui::qr(link, lang.t("Página do cliente", "The customer's page")))
                div class="grow" {
                    p { (paper::follow(lang)) }
                    p class="signature" { (paper::signature(lang)) }
                }
            }
        }
        p class="quiet" { (paper::no_tax_document(lang)) }
    }
}
