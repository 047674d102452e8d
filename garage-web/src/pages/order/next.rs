//! The one next step of an order, as a form or as whom it waits for.

use garage_events::WorkOrderId;
use maud::{Markup, html};

use super::{Whole, pay, reach};
use crate::{
    app::App,
    form::{KEY, WORD},
    lang::Lang,
    messages,
    services::{Seen as _, Versioned, view::Quote},
    show,
    ui::{self, Icon, hidden, icon},
    visitor::SignedIn,
};

/// What comes next.
pub(super) fn next(app: &App, by: &SignedIn, whole: &Whole, public_url: &str) -> Markup {
    let lang = by.lang;
    let order = &whole.order;
    let quote = whole.quote.as_ref();
    let quoted = quote.map(|quote| quote.it.status.as_str());
    let (title, content) = match (order.status.as_str(), quoted, quote) {
        ("PENDING", _, _) => {
            (lang.t("O orçamento está sendo preparado", "The quote is being prepared"), soon(lang))
        }
        // What was done a moment ago is known to its own service first.
        ("QUOTED", Some("SENT"), _) => {
            (lang.t("Enviado, aguardando confirmação", "Sent, awaiting confirmation"), soon(lang))
        }
        ("QUOTED" | "QUOTE_SENT", Some("APPROVED"), _) => {
            (lang.t("Aprovado, aguardando confirmação", "Approved, awaiting confirmation"), soon(lang))
        }
        ("QUOTED" | "QUOTE_SENT", Some("REJECTED"), _) => {
            (lang.t("Recusado, aguardando confirmação", "Rejected, awaiting confirmation"), soon(lang))
        }
        ("APPROVED", _, _) if whole.paid().is_some() => {
            (lang.t("Pago, aguardando confirmação", "Paid, awaiting confirmation"), soon(lang))
        }
        ("QUOTED", _, Some(quote)) if by.is_desk() => {
            (lang.t("Enviar o orçamento", "Send the quote"), to_send(by, order.id, quote))
        }
        ("QUOTE_SENT", Some("PENDING"), Some(quote)) if by.is_desk() => {
            (lang.t("Enviar a nova versão", "Send the new version"), to_send(by, order.id, quote))
        }
        ("QUOTE_SENT", _, Some(quote)) if by.is_desk() => (
            lang.t("Aguardando a resposta do cliente", "Awaiting the customer's answer"),
            to_answer(app, by, whole, quote, public_url),
        ),
        ("APPROVED", _, Some(quote)) if by.is_desk() => {
            (lang.t("Receber", "Receive the money"), to_pay(app, by, whole, quote, public_url))
        }
        ("IN_PROGRESS", _, _) => (
            lang.t("O carro está com a oficina", "The car is with the workshop"),
            with_the_workshop(by, order.id),
        ),
        ("COMPLETED", _, _) if by.is_desk() => (
            lang.t("Entregar o carro", "Hand the car over"),
            html! {
                (tell(app, by, whole, public_url))
                (ui::press(&format!("/orders/{}/deliver", order.id), &by.word, "primary wide", lang.t("Entregar ao cliente", "Hand over to the customer")))
            },
        ),
        _ => return html! {},
    };
    html! { section class="card next" aria-labelledby="next-title" { h2 id="next-title" { (title) } (content) } }
}

fn soon(lang: Lang) -> Markup {
    html! { p class="quiet" { (lang.t("Aparece aqui em instantes.", "It appears here in a moment.")) } }
}

fn with_the_workshop(by: &SignedIn, id: WorkOrderId) -> Markup {
    let lang = by.lang;
    html! {
        @if by.is_workshop() { a class="button primary" href={ "/workshop/" (id) } { (lang.t("Abrir o trabalho", "Open the job")) (icon(Icon::Arrow)) } }
        @else { p class="quiet" { (lang.t("Esta página muda quando a oficina avançar.", "This page changes when the workshop moves on.")) } }
    }
}

fn the_quote(by: &SignedIn, quote: &Versioned<Quote>) -> Markup {
    html! {
        (hidden(WORD, &by.word))
        (hidden("quote", &quote.it.id.to_string()))
        (hidden("seen", &quote.it.mark()))
    }
}

fn to_send(by: &SignedIn, id: WorkOrderId, quote: &Versioned<Quote>) -> Markup {
    let lang = by.lang;
    html! {
        p class="total" { (show::money(lang, quote.it.total_amount)) }
        div class="bar" {
            a class="button" href={ "/orders/" (id) "/quote" } { (lang.t("Editar as linhas", "Edit the lines")) }
            form method="post" action={ "/orders/" (id) "/quote/send" } {
                (the_quote(by, quote))
                button class="primary" { (lang.t("Enviar ao cliente", "Send to the customer")) }
            }
        }
    }
}

fn to_answer(app: &App, by: &SignedIn, whole: &Whole, quote: &Versioned<Quote>, public_url: &str) -> Markup {
    let (lang, id) = (by.lang, whole.order.id);
    html! {
        p { (lang.t("Mande o link: o cliente aprova e paga por ele, sem senha.", "Send the link: by it the customer approves and pays, without a password.")) }
        (tell(app, by, whole, public_url))
        p { a href={ "/orders/" (id) "/quote" } { (lang.t("Mudar o orçamento", "Change the quote")) } }
        details {
            summary { (lang.t("O cliente respondeu aqui no balcão", "The customer has answered at the desk")) }
            div class="bar" {
                form method="post" action={ "/orders/" (id) "/quote/approve" } {
                    (the_quote(by, quote))
                    button { (lang.t("Registrar aprovação", "Record the approval")) }
                }
                form method="post" action={ "/orders/" (id) "/quote/reject" } {
                    (the_quote(by, quote))
                    label class="unseen" for="reject-reason" { (lang.t("Motivo", "Reason")) }
                    input id="reject-reason" name="reason" maxlength="500" placeholder=(lang.t("Motivo (opcional)", "Reason (optional)"));
                    button class="danger" { (lang.t("Registrar recusa", "Record the refusal")) }
                }
            }
        }
    }
}

fn to_pay(app: &App, by: &SignedIn, whole: &Whole, quote: &Versioned<Quote>, public_url: &str) -> Markup {
    let (lang, id) = (by.lang, whole.order.id);
    if let Some(payment) = whole.live_payment() {
        return html! {
            (pay::pix(app, lang, payment))
            div class="bar" {
                form method="post" action={ "/orders/" (id) "/verify" } {
                    (hidden(WORD, &by.word))
                    (hidden("payment", &payment.id.to_string()))
                    button { (lang.t("Conferir agora", "Check now")) }
                }
                form method="post" action={ "/orders/" (id) "/withdraw" } {
                    (hidden(WORD, &by.word))
                    (hidden("payment", &payment.id.to_string()))
                    button { (icon(Icon::Cross)) (lang.t("Retirar esta cobrança", "Withdraw this charge")) }
                }
            }
            (tell(app, by, whole, public_url))
        };
    }
    html! {
        p class="total" { (show::money(lang, quote.it.total_amount)) }
        div class="bar" {
            form method="post" action={ "/orders/" (id) "/pay" } {
                (hidden(WORD, &by.word))
                (hidden(KEY, &app.clock.event_id().to_string()))
                button class="primary" name="method" value="PIX" { (lang.t("Cobrar por PIX", "Charge by PIX")) }
                " "
                button name="method" value="BOLETO" { "Boleto" }
            }
        }
        (tell(app, by, whole, public_url))
    }
}

/// The customer's link: to open, to copy, to send by WhatsApp from the shop's own number.
pub(super) fn tell(app: &App, by: &SignedIn, whole: &Whole, public_url: &str) -> Markup {
    let lang = by.lang;
    let link = format!("{public_url}/c/{}", app.links.to(whole.order.id, app.clock.now()));
    let text = messages::text(
        lang,
        &whole.order,
        whole.customer().map(|customer| customer.name.as_str()),
        &whole.named.car(),
        &link,
    );
    html! {
        div class="tell" {
            label for="customer-link" { (lang.t("Link do cliente", "The customer's link")) }
            div class="copy" {
                input id="customer-link" readonly value=(link) data-copied=(lang.t("Copiado", "Copied"));
                button type="button" data-copy="customer-link" hidden { (lang.t("Copiar", "Copy")) }
                a class="button" href=(link) target="_blank" rel="noopener" { (lang.t("Ver", "See")) }
                @if let Some(customer) = whole.customer() {
                    a class="button" href=(messages::whatsapp(&customer.phone, &text)) target="_blank" rel="noopener noreferrer" { (icon(Icon::Phone)) "WhatsApp" }
                }
            }
            @if let Some(words) = reach(lang, app.settings.public_url.as_deref(), public_url) { p class="hint" { (icon(Icon::Alert)) (words) } }
        }
    }
}

/// Calling the order off, as long as OS may allow it.
pub(super) fn calling_off(by: &SignedIn, whole: &Whole) -> Markup {
    let lang: Lang = by.lang;
    let order = &whole.order;
    if order.is_over() || order.status == "COMPLETED" || !by.is_desk() {
        return html! {};
    }
    html! {
        details class="card" {
            summary { (lang.t("Cancelar esta ordem", "Cancel this order")) }
            p { (if whole.paid().is_some() {
                lang.t("O pagamento será devolvido ao cliente e a oficina para.", "The payment goes back to the customer and the workshop stops.")
            } else {
                lang.t("O orçamento e os pagamentos abertos deixam de valer.", "The quote and open payments are void then.")
            }) }
            form method="post" action={ "/orders/" (order.id) "/cancel" } {
                (hidden(WORD, &by.word))
                div class="field" {
                    label for="cancel-reason" { (lang.t("Motivo", "Reason")) }
                    input id="cancel-reason" name="reason" maxlength="500" autocomplete="off";
                }
                button class="danger" { (lang.t("Cancelar a ordem", "Cancel the order")) }
            }
        }
    }
}
