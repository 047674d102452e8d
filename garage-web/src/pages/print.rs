//! Paper: the quote with what the law wants on it (CDC art. 40: labour and parts apart, terms, dates, validity), the
//! order, and the receipt with the warranty's last day (art. 26). The numbers and words are the screen's. The browser
//! prints them, or keeps them as a PDF.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Html,
    routing::get,
};
use chrono::TimeDelta;
use garage_events::WorkOrderId;
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::order::{Whole, lines, public_url};
use crate::{
    app::App,
    lang::Lang,
    show, status,
    trouble::Trouble,
    ui::{self, Page},
    visitor::SignedIn,
};

/// The legal warranty of durable goods and services, from the end of the work.
const WARRANTY: TimeDelta = TimeDelta::days(90);

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/orders/{id}/print", get(print))
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
    let title = match of {
        Sheet::Quote => lang.t("Orçamento", "Quote"),
        Sheet::Order => lang.t("Ordem de serviço", "Work order"),
        Sheet::Receipt => lang.t("Recibo", "Receipt"),
    };
    let name = format!("{title} {} {}", show::number_of(id), show::plate(&whole.order.plate));
    Ok(ui::page(
        &Page::plain(lang, &name),
        html! {
            p class="bar screen" {
                button type="button" data-print hidden { (lang.t("Imprimir", "Print")) }
                a class="button" href={ "/orders/" (id) } { (lang.t("Voltar à ordem", "Back to the order")) }
            }
            article class="sheet" {
                (head(&app, lang, &whole, title))
                (body(&app, lang, &whole, of))
                (foot(&app, lang, &whole, of, &public_url(&app, &headers)))
            }
        },
    ))
}

fn head(app: &App, lang: Lang, whole: &Whole, title: &str) -> Markup {
    let (order, settings) = (&whole.order, &app.settings);
    html! {
        header class="head" {
            div {
                b { (settings.name.as_deref().unwrap_or_else(|| lang.t("Oficina", "Garage"))) }
                @if let Some(phone) = &settings.phone { p { (show::phone(phone)) } }
            }
            div class="number" { h1 { (title) } p { (lang.t("OS ", "Order ")) (show::number_of(order.id.0)) " · " (show::time(lang, app.local(order.created_at))) } }
        }
        dl class="pairs" {
            @if let Some(customer) = whole.customer() {
                div { dt { (lang.t("Cliente", "Customer")) } dd { (customer.called(lang)) @if !customer.is_erased() { " · " (show::masked_document(&customer.document)) " · " (show::phone(&customer.phone)) } } }
            }
            div { dt { (lang.t("Veículo", "Vehicle")) } dd { (show::plate(&order.plate)) " · " (whole.named.car()) @if let Some(km) = order.note("km") { " · " (km) " km" } } }
            @if !order.description.is_empty() { div { dt { (lang.t("Reclamação", "Complaint")) } dd { (order.description) } } }
            @if let Some(left) = order.note("left") { div { dt { (lang.t("Objetos e combustível", "Items left and fuel")) } dd { (left) } } }
            @if let Some(promised) = order.estimated_completion_date {
                div { dt { (lang.t("Prazo de entrega", "Promised for")) } dd { (show::time(lang, app.local(promised))) } }
            }
        }
    }
}

fn body(app: &App, lang: Lang, whole: &Whole, of: Sheet) -> Markup {
    let Some(quote) = &whole.quote else { return html! {} };
    let quote = &quote.it;
    html! {
        (lines(lang, &quote.items))
        p class="total" { (lang.t("Total ", "Total ")) (show::money(lang, quote.total_amount)) }
        @if of == Sheet::Quote {
            p { (lang.t("Válido até ", "Valid until ")) (show::day(lang, app.local(quote.valid_until))) ". "
                (lang.t("Pagamento: PIX ou boleto, antes do início do serviço. Nada é feito sem aprovação (CDC art. 39, VI).", "Payment: PIX or boleto, before the work begins. Nothing is done without approval (CDC art. 39, VI).")) }
        }
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
            }
            None => p { b { (lang.t("Nenhum pagamento em nosso poder.", "No payment is in our hands.")) } }
        }
        @if matches!(order.status.as_str(), "DELIVERED" | "COMPLETED") {
            p { (lang.t("Garantia legal até ", "Legal warranty until ")) (show::day(lang, app.local(order.updated_at + WARRANTY))) " (CDC art. 26)." }
        }
    }
}

fn foot(app: &App, lang: Lang, whole: &Whole, of: Sheet, public_url: &str) -> Markup {
    let link = format!("{public_url}/c/{}", app.links.to(whole.order.id, app.clock.now()));
    html! {
        @if of != Sheet::Receipt {
            div class="pix" {
                (ui::qr(&link, lang.t("Página do cliente", "The customer's page")))
                div class="grow" {
                    p { (lang.t("Acompanhe, aprove e pague por este código.", "Follow, approve and pay by this code.")) }
                    p class="signature" { (lang.t("Assinatura do cliente", "The customer's signature")) }
                }
            }
        }
        p class="quiet" { (lang.t("Documento sem valor fiscal.", "Not a tax document.")) }
    }
}
