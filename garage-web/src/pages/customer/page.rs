//! How the customer's page looks: plain words, one thing to do, no menu.

use axum::response::Html;
use maud::{Markup, html};

use super::{Guest, Seen};
use crate::{
    app::App,
    form::{KEY, Objections, WORD},
    lang::Lang,
    pages::{
        order::{lines, pix},
        print::paper::warranty_until,
    },
    services::{
        Seen as _, Versioned,
        view::{Payment, Quote},
    },
    show, status,
    ui::{self, Icon, Page, hidden, icon, notice, summary},
};

pub(super) fn page(
    app: &App,
    guest: &Guest,
    seen: &Seen,
    did: &str,
    objections: &Objections,
) -> Html<String> {
    let lang = guest.lang;
    let (here, title) = (format!("/c/{}", guest.code), lang.t("Seu carro", "Your car"));
    let stream = Some(format!("{here}/live"));
    ui::page(
        &Page { stream, here: &here, ..Page::plain(lang, title) },
        html! {
            div class="customer" {
                (shop(app, lang))
                header class="head" {
                    h1 { (seen.car) " " span class="plate" { (show::plate(&seen.order.plate)) } }
                    span class="quiet" { (lang.t("OS ", "Order ")) (show::number_of(seen.order.id.0)) }
                }
                (summary(lang, objections))
                @if let Some(words) = done(lang, did) { (notice(words)) }
                div id="status" data-live=(seen.order.id) class="stack" {
                    section class="card now" aria-live="polite" {
                        h2 { (now(lang, seen)) }
                        p { (more(app, lang, seen)) }
                        (status::stepper(lang, &seen.order.status))
                    }
                    (what_to_do(app, guest, seen))
                    @if let Some(quote) = seen.sent_quote() { (the_quote(app, guest, quote)) }
                    (receipt(app, lang, seen))
                    p class="quiet" { (lang.t("Documento sem valor fiscal. Quem tem este link vê esta página; não o publique.", "Not a tax document. Whoever has this link sees this page; do not publish it.")) }
                }
            }
        },
    )
}

/// Whose page this is, and how to ask them.
fn shop(app: &App, lang: Lang) -> Markup {
    let settings = &app.settings;
    html! {
        p class="shop" {
            span { (icon(Icon::Wrench)) (settings.shop(lang)) }
            @if let Some(phone) = &settings.phone {
                a href={ "https://wa.me/55" (phone) } rel="noopener noreferrer" { (icon(Icon::Phone)) (lang.t("Tenho uma dúvida: ", "I have a question: ")) (show::phone(phone)) }
            }
        }
    }
}

fn done(lang: Lang, did: &str) -> Option<&'static str> {
    match did {
        "approved" => Some(lang.t("Aprovado. Obrigado!", "Approved. Thank you!")),
        "rejected" => Some(lang.t("Sua recusa foi registrada.", "Your refusal is recorded.")),
        _ => None,
    }
}

/// Where the car is, in a few words.
fn now(lang: Lang, seen: &Seen) -> &'static str {
    let job = seen.progress.as_ref().map(|progress| progress.status.as_str());
    match (seen.order.status.as_str(), job) {
        ("PENDING" | "QUOTED", _) => lang.t("Estamos preparando o orçamento", "We are preparing your quote"),
        ("QUOTE_SENT", _) => quoted(lang, seen),
        ("APPROVED", _) => lang.t("Aprovado: falta o pagamento", "Approved: the payment is next"),
        ("IN_PROGRESS", Some("DIAGNOSING" | "DIAGNOSIS_COMPLETE")) => {
            lang.t("Estamos examinando o carro", "We are examining the car")
        }
        ("IN_PROGRESS", Some("REPAIRING" | "REPAIR_COMPLETE")) => {
            lang.t("Estamos consertando o carro", "We are repairing the car")
        }
        ("IN_PROGRESS", Some("TESTING")) => lang.t("Estamos testando o carro", "We are testing the car"),
        ("IN_PROGRESS", _) => {
            lang.t("Pago ✓ O carro está na fila da oficina", "Paid ✓ The car is in the workshop's queue")
        }
        ("COMPLETED", _) => lang.t("O carro está pronto", "Your car is ready"),
        ("DELIVERED", _) => lang.t("Carro entregue", "Car handed over"),
        ("FAILED", _) => lang.t("O reparo não foi possível", "The repair was not possible"),
        _ => lang.t("Ordem de serviço cancelada", "Work order cancelled"),
    }
}

/// Where the quote is. An answer is known to Billing before it is known to the order.
fn quoted(lang: Lang, seen: &Seen) -> &'static str {
    match seen.quote.as_ref().map(|quote| quote.it.status.as_str()) {
        Some("PENDING") => lang.t("Estamos revendo o orçamento", "We are revising your quote"),
        Some("APPROVED") => lang.t("Recebemos a sua aprovação", "We have your approval"),
        Some("REJECTED") => lang.t("Recebemos a sua recusa", "We have your refusal"),
        Some("EXPIRED") => lang.t("O prazo do orçamento acabou", "The quote's time is over"),
        _ => lang.t("O orçamento espera por você", "Your quote is waiting for you"),
    }
}

fn is_answered(seen: &Seen) -> bool {
    seen.quote.as_ref().is_some_and(|quote| matches!(quote.it.status.as_str(), "APPROVED" | "REJECTED"))
}

fn more(app: &App, lang: Lang, seen: &Seen) -> String {
    let order = &seen.order;
    match order.status.as_str() {
        "PENDING" | "QUOTED" => lang
            .t(
                "Você recebe o valor aqui antes de qualquer serviço.",
                "You see the price here before any work is done.",
            )
            .to_owned(),
        "QUOTE_SENT" if is_answered(seen) => {
            lang.t("Esta página muda sozinha.", "This page changes by itself.").to_owned()
        }
        "QUOTE_SENT" => {
            lang.t("Nada é feito sem a sua aprovação.", "Nothing is done without your approval.").to_owned()
        }
        "APPROVED" => lang
            .t(
                "O serviço começa assim que o pagamento chega.",
                "The work begins as soon as the payment arrives.",
            )
            .to_owned(),
        "COMPLETED" => lang
            .t("Pode vir buscar no horário da oficina.", "You may fetch it during opening hours.")
            .to_owned(),
        "DELIVERED" => {
            let until = show::day(lang, app.local(warranty_until(order)));
            format!(
                "{} {until}.",
                lang.t(
                    "Obrigado! Garantia legal (CDC art. 26) até",
                    "Thank you! Legal warranty (CDC art. 26) until"
                )
            )
        }
        "CANCELLED" | "FAILED" if seen.payments.iter().any(|payment| payment.status == "REFUNDING") => {
            lang.t("O seu dinheiro está sendo devolvido.", "Your money is being given back.").to_owned()
        }
        "CANCELLED" | "FAILED" if seen.payments.iter().any(|payment| payment.status == "REFUNDED") => {
            lang.t("O seu dinheiro foi devolvido.", "Your money has been given back.").to_owned()
        }
        "CANCELLED" | "FAILED" => {
            lang.t("Fale com a oficina se tiver dúvidas.", "Ask the shop if you have questions.").to_owned()
        }
        _ => match order.estimated_completion_date {
            Some(promised) => format!(
                "{} {}.",
                lang.t("Previsto para", "Expected for"),
                show::time(lang, app.local(promised))
            ),
            None => lang.t("Esta página muda sozinha.", "This page changes by itself.").to_owned(),
        },
    }
}

fn what_to_do(app: &App, guest: &Guest, seen: &Seen) -> Markup {
    let lang = guest.lang;
    let Some(quote) = &seen.quote else { return html! {} };
    match seen.order.status.as_str() {
        "QUOTE_SENT" if quote.it.status == "SENT" => to_answer(lang, guest, quote),
        "APPROVED" if seen.payments.iter().any(Payment::is_kept) => {
            html! { p class="notice" role="status" { (icon(Icon::Check)) (lang.t("Pago ✓ Aguardando confirmação…", "Paid ✓ Awaiting confirmation…")) } }
        }
        "APPROVED" => match seen.payments.iter().rev().find(|payment| payment.is_live()) {
            Some(payment) => {
                html! { section class="card next" { h2 { (lang.t("Pague com PIX", "Pay by PIX")) } (pix(app, lang, payment)) } }
            }
            None => to_pay(app, lang, guest, quote),
        },
        _ if quote.it.status == "APPROVED" && seen.order.status == "QUOTE_SENT" => {
            html! { p class="notice" role="status" { (icon(Icon::Check)) (lang.t("Aprovado, aguardando confirmação…", "Approved, awaiting confirmation…")) } }
        }
        _ => html! {},
    }
}

fn to_answer(lang: Lang, guest: &Guest, quote: &Versioned<Quote>) -> Markup {
    let hold = html! {
        (hidden(WORD, &guest.word()))
        (hidden("quote", &quote.it.id.to_string()))
        (hidden("seen", &quote.it.mark()))
    };
    html! {
        section class="card next" {
            p class="total" { (lang.t("Total ", "Total ")) (show::money(lang, quote.it.total_amount)) }
            form method="post" action={ "/c/" (guest.code) "/approve" } {
                (hold)
                button class="primary big" { (icon(Icon::Check)) (lang.t("Aprovar o orçamento", "Approve the quote")) }
            }
            details {
                summary { (lang.t("Não quero fazer", "I do not want it done")) }
                form method="post" action={ "/c/" (guest.code) "/reject" } {
                    (hold)
                    fieldset class="choices" {
                        legend { (lang.t("Por quê? (opcional)", "Why? (optional)")) }
                        @for reason in [lang.t("Ficou caro", "Too expensive"), lang.t("Vou fazer depois", "I will do it later"), lang.t("Outro motivo", "Another reason")] {
                            label class="check" { input type="radio" name="reason" value=(reason); (reason) }
                        }
                    }
                    button class="danger" { (lang.t("Recusar o orçamento", "Refuse the quote")) }
                }
            }
        }
    }
}

fn to_pay(app: &App, lang: Lang, guest: &Guest, quote: &Versioned<Quote>) -> Markup {
    html! {
        section class="card next" {
            p class="total" { (show::money(lang, quote.it.total_amount)) }
            form method="post" action={ "/c/" (guest.code) "/pay" } {
                (hidden(WORD, &guest.word()))
                (hidden(KEY, &app.clock.event_id().to_string()))
                button class="primary big" { (icon(Icon::Coin)) (lang.t("Pagar com PIX", "Pay by PIX")) }
            }
        }
    }
}

fn the_quote(app: &App, guest: &Guest, quote: &Quote) -> Markup {
    let lang = guest.lang;
    html! {
        section class="card" {
            div class="head" { h2 { (lang.t("Orçamento", "Quote")) } (status::quote(lang, &quote.status).chip()) }
            (lines(lang, &quote.items))
            p class="total" { (lang.t("Total ", "Total ")) (show::money(lang, quote.total_amount)) }
            p class="quiet" { (lang.t("Válido até ", "Valid until ")) (show::time(lang, app.local(quote.valid_until)))
                @if let Some(at) = quote.approved_at { " · " (lang.t("aprovado em ", "approved on ")) (show::time(lang, app.local(at))) } }
            p { a href={ "/c/" (guest.code) "/quote.pdf" } { (icon(Icon::Doc)) (lang.t("Orçamento em PDF", "Quote as PDF")) } }
        }
    }
}

/// What was paid, and what went back.
fn receipt(app: &App, lang: Lang, seen: &Seen) -> Markup {
    let moved: Vec<_> = seen.payments.iter().filter(|payment| payment.approved_at.is_some()).collect();
    if moved.is_empty() {
        return html! {};
    }
    html! {
        section class="card" {
            h2 { (lang.t("Pagamento", "Payment")) }
            ul class="rows" { @for payment in moved { li { div {
                span class="grow" { (status::method(lang, &payment.payment_method)) " · " (show::money(lang, payment.amount)) }
                @if let Some(at) = payment.refunded_at.or(payment.approved_at) { span class="quiet" { (show::time(lang, app.local(at))) } }
                (status::payment(lang, &payment.status).chip())
            } }
            @for refund in payment.refunds.iter().filter(|refund| refund.status != "REFUSED") { li { div {
                span class="grow" { (lang.t("Devolução parcial", "Partial refund")) " · " (show::money(lang, refund.amount)) span class="quiet" { (refund.reason) } }
                (status::refund(lang, &refund.status).chip())
            } } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0190b6a0-0000-7000-8000-0000000000ab";
    const AT: &str = "2026-02-08T10:00:00.000Z";

    /// What a link shows while the order waits for an answer, with the quote as far as Billing knows.
    fn seen(quote: &str) -> Seen {
        let order = json!({ "id": ID, "customerId": ID, "vehicleId": ID, "plate": "ABC•••4", "description": "",
            "status": "QUOTE_SENT", "createdAt": AT, "updatedAt": AT });
        let quote = json!({ "id": ID, "workOrderId": ID, "customerId": ID, "status": quote, "items": [],
            "totalAmount": 300, "validUntil": AT });
        Seen {
            order: serde_json::from_value(order).unwrap(),
            car: "Toyota Corolla".to_owned(),
            quote: Some(Versioned { it: serde_json::from_value(quote).unwrap(), version: "1".to_owned() }),
            payments: Vec::new(),
            progress: None,
        }
    }

    #[test]
    fn an_answer_is_known_before_the_order_has_heard_of_it() {
        for (quote, said) in [
            ("SENT", "O orçamento espera por você"),
            ("PENDING", "Estamos revendo o orçamento"),
            ("APPROVED", "Recebemos a sua aprovação"),
            ("REJECTED", "Recebemos a sua recusa"),
            ("EXPIRED", "O prazo do orçamento acabou"),
        ] {
            assert_eq!(now(Lang::Pt, &seen(quote)), said, "{quote}");
        }
    }
}
