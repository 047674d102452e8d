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
use chrono::{DateTime, Utc};
use garage_events::{Cents, Service, WorkOrderId};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use self::paper::About;
use super::order::{Whole, lines, public_url};
use crate::{
    Settings,
    app::App,
    lang::Lang,
    services::view::{Payment, Quote},
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
                (foot(lang, &whole, of, &link_to(&app, id, &headers)))
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
        @if of == Sheet::Quote { p { b { (about.standing(quote)) } } p { (about.terms(quote)) } }
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
        @match received(&whole.payments) {
            Some(payment) => (moved(&app.settings, lang, payment)),
            None => p { b { (lang.t("Nenhum pagamento em nosso poder.", "No payment is in our hands.")) } }
        }
        @if matches!(order.status.as_str(), "DELIVERED" | "COMPLETED") {
            p { (lang.t("Garantia legal até ", "Legal warranty until ")) (show::day(lang, app.local(paper::warranty_until(order)))) " (CDC art. 26)." }
        }
    }
}

/// The payment that a receipt is of: the one that is here, or the last that was and went back.
fn received(payments: &[Payment]) -> Option<&Payment> {
    let was_here = |payment: &&Payment| payment.approved_at.is_some();
    let is_here = payments.iter().rev().find(|payment| payment.is_kept());
    is_here.or_else(|| payments.iter().rev().find(was_here))
}

/// What came in of a payment, each part that went back, and the rest if all of it did.
fn moved(settings: &Settings, lang: Lang, payment: &Payment) -> Markup {
    let parts = payment.refunds.iter().filter(|refund| refund.is_done());
    let in_parts = parts.clone().map(|refund| refund.amount).sum::<Cents>();
    let rest = Some(payment.amount.less(in_parts)).filter(|rest| *rest > Cents::default());
    let gone = parts.map(|refund| (refund.amount, refund.settled_at));
    let gone =
        gone.chain(rest.filter(|_| payment.status == "REFUNDED").map(|rest| (rest, payment.refunded_at)));
    let line = |words: &str, amount, more: &str, at: Option<DateTime<Utc>>| {
        html! {
            p { b { (words) (show::money(lang, amount)) } (more)
                @if let Some(at) = at { " · " (show::time(lang, settings.local(at))) } }
        }
    };
    let method = format!(" · {}", status::method(lang, &payment.payment_method));
    html! {
        (line(lang.t("Recebemos ", "Received "), payment.amount, &method, payment.approved_at))
        @for (amount, at) in gone { (line(lang.t("Devolvemos ", "Given back "), amount, "", at)) }
        @if let Some(rest) = rest.filter(|_| payment.status == "REFUNDING") {
            (line(lang.t("Em devolução: ", "Being given back: "), rest, "", None))
        }
    }
}

/// Whether a sheet asks the customer for a word: an order's does, and a quote's while it is to be answered.
fn asks(quote: Option<&Quote>, of: Sheet) -> bool {
    match of {
        Sheet::Quote => quote.is_some_and(paper::is_to_answer),
        Sheet::Order => true,
        Sheet::Receipt => false,
    }
}

fn foot(lang: Lang, whole: &Whole, of: Sheet, link: &str) -> Markup {
    html! {
        @if asks(whole.quote.as_ref().map(|quote| &quote.it), of) {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0190b6a0-0000-7000-8000-0000000000ab";
    const AT: &str = "2026-02-08T10:00:00Z";

    fn payments(told: &Value) -> Vec<Payment> {
        let mut payment =
            json!({ "id": ID, "workOrderId": ID, "amount": 350.9, "paymentMethod": "PIX", "createdAt": AT });
        payment.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        vec![serde_json::from_value(payment).unwrap()]
    }

    fn receipt(told: &Value) -> String {
        moved(&Settings::default(), Lang::Pt, received(&payments(told)).unwrap()).into_string()
    }

    fn refunds() -> Value {
        json!([{ "amount": 50.9, "reason": "Pneu", "status": "DONE", "requestedAt": AT, "settledAt": AT }])
    }

    #[test]
    fn the_receipt_of_money_that_went_back_says_what_came_and_what_went() {
        let (came, at) =
            ("<p><b>Recebemos R$\u{a0}350,90</b> · PIX · 08/02/2026 07:00</p>", "08/02/2026 07:00");
        let back = |amount: &str| format!("<p><b>Devolvemos R$\u{a0}{amount}</b> · {at}</p>");
        let whole =
            json!({ "status": "REFUNDED", "approvedAt": AT, "refundedAt": AT, "refundedAmount": 350.9 });
        assert_eq!(receipt(&whole), format!("{came}{}", back("350,90")));
        let in_two =
            json!({ "status": "REFUNDED", "approvedAt": AT, "refundedAt": AT, "refunds": refunds() });
        assert_eq!(receipt(&in_two), format!("{came}{}{}", back("50,90"), back("300,00")));
        let part = json!({ "status": "APPROVED", "approvedAt": AT, "refunds": refunds() });
        assert_eq!(receipt(&part), format!("{came}{}", back("50,90")));
    }

    #[test]
    fn the_receipt_of_money_on_its_way_back_does_not_say_that_it_is_here() {
        let receipt = receipt(&json!({ "status": "REFUNDING", "approvedAt": AT }));
        assert!(
            receipt.contains("Em devolução: R$\u{a0}350,90") && !receipt.contains("Devolvemos"),
            "{receipt}"
        );
    }

    #[test]
    fn there_is_no_receipt_of_what_was_never_paid() {
        assert!(received(&payments(&json!({ "status": "REJECTED", "reason": "WITHDRAWN" }))).is_none());
    }

    #[test]
    fn a_quote_s_sheet_asks_for_a_word_only_while_it_is_to_be_answered() {
        let quote = |status: &str| -> Quote {
            serde_json::from_value(json!({ "id": ID, "workOrderId": ID, "customerId": ID, "status": status,
                "items": [], "totalAmount": 0, "validUntil": AT }))
            .unwrap()
        };
        for status in ["PENDING", "APPROVED", "REJECTED", "EXPIRED", "CANCELLED"] {
            assert!(!asks(Some(&quote(status)), Sheet::Quote), "{status}");
        }
        assert!(asks(Some(&quote("SENT")), Sheet::Quote) && asks(None, Sheet::Order));
    }
}
