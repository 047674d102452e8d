//! Paying: what Billing is told, and the PIX code as text and as a picture for whoever pays.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::{
    app::App,
    lang::Lang,
    services::view::{Payment, Quote},
    show,
    ui::{self, Icon, icon},
};

/// An attempt to pay the whole quote.
pub(in crate::pages) fn tender(quote: &Quote, method: &str) -> Value {
    json!({ "quoteId": quote.id, "workOrderId": quote.work_order_id, "customerId": quote.customer_id,
        "amount": quote.total_amount, "paymentMethod": method })
}

/// What a payer needs while a PIX waits.
pub(in crate::pages) fn pix(app: &App, lang: Lang, payment: &Payment) -> Markup {
    html! {
        div class="pix" {
            @if let Some(code) = &payment.qr_code {
                (ui::qr(code, lang.t("Código QR do PIX", "PIX QR code")))
                div class="grow" {
                    p class="total" { (show::money(lang, payment.amount)) }
                    label for="pix-code" { (lang.t("PIX copia e cola", "PIX code to copy")) }
                    div class="copy" {
                        textarea id="pix-code" readonly rows="3" data-copied=(lang.t("Copiado", "Copied")) { (code) }
                        button type="button" data-copy="pix-code" hidden { (lang.t("Copiar código", "Copy the code")) }
                    }
                    @if let Some(until) = payment.expires_at {
                        p class="quiet" { (lang.t("Vale até ", "Valid until ")) (show::time(lang, app.local(until))) }
                    }
                    (page_of(lang, payment))
                    p role="status" class="quiet" { (icon(Icon::Clock)) (lang.t("Aguardando o pagamento. Esta página muda sozinha.", "Awaiting the payment. This page changes by itself.")) }
                }
            } @else if let Some(digits) = &payment.barcode {
                div class="grow" {
                    p class="total" { (show::money(lang, payment.amount)) }
                    label for="barcode" { (lang.t("Linha digitável do boleto", "The boleto's digits")) }
                    div class="copy" {
                        textarea id="barcode" readonly rows="2" data-copied=(lang.t("Copiado", "Copied")) { (digits) }
                        button type="button" data-copy="barcode" hidden { (lang.t("Copiar", "Copy")) }
                    }
                    (page_of(lang, payment))
                }
            } @else {
                p role="status" { (icon(Icon::Clock)) (lang.t("O pagamento está em processamento. Esta página muda sozinha.", "The payment is being processed. This page changes by itself.")) }
            }
        }
    }
}

/// The provider's own page for it, where there is one. The sandbox's, on which a tester pays, may be on no network.
fn page_of(lang: Lang, payment: &Payment) -> Markup {
    let page =
        payment.ticket_url.as_ref().filter(|url| url.starts_with("http") && !url.contains(".invalid/"));
    html! {
        @if let Some(page) = page {
            p { a href=(page) target="_blank" rel="noopener noreferrer" { (lang.t("Abrir a página de pagamento", "Open the payment page")) } }
        }
    }
}
