//! An order's history in people's words: what happened, when, and what followed, compensations and all.

use maud::{Markup, html};
use serde_json::Value;

use crate::{
    app::App,
    lang::Lang,
    services::view::Moment,
    show, status,
    ui::{Icon, icon},
};

/// What happened, oldest first.
pub(super) fn timeline(app: &App, lang: Lang, history: &[Moment]) -> Markup {
    html! {
        ol class="timeline" {
            @for moment in history {
                @let (mark, words) = told(lang, moment);
                li { (icon(mark)) span class="grow" { (words) } time datetime=(moment.at.to_rfc3339()) { (show::soon(lang, app.local(moment.at))) } }
            }
        }
    }
}

fn told(lang: Lang, moment: &Moment) -> (Icon, String) {
    let text = |name: &str| moment.rest.get(name).and_then(Value::as_str).unwrap_or_default();
    let amount = |name: &str| {
        let cents = moment.rest.get(name).and_then(|value| serde_json::from_value(value.clone()).ok());
        cents.map(|cents| show::money(lang, cents)).unwrap_or_default()
    };
    let with = |words: &str, more: String| {
        if more.is_empty() { words.to_owned() } else { format!("{words}: {more}") }
    };
    let (mark, words) = match moment.kind.as_str() {
        "OPENED" => (Icon::Key, lang.t("Carro recebido", "Car taken in").to_owned()),
        "QUOTED" => (Icon::Doc, with(lang.t("Orçamento criado", "Quote made"), amount("totalAmount"))),
        "QUOTE_SENT" => {
            let words = lang.t("Orçamento enviado ao cliente", "Quote sent to the customer");
            (Icon::Doc, with(words, amount("totalAmount")))
        }
        "QUOTE_APPROVED" => {
            (Icon::Check, with(lang.t("Orçamento aprovado", "Quote approved"), amount("totalAmount")))
        }
        "QUOTE_REJECTED" if text("reason") == "EXPIRED" => {
            (Icon::Clock, lang.t("Orçamento venceu sem resposta", "Quote expired unanswered").to_owned())
        }
        "QUOTE_REJECTED" => (
            Icon::Cross,
            lang.t("Orçamento recusado pelo cliente", "Quote rejected by the customer").to_owned(),
        ),
        "PAYMENT_FAILED" | "PAYMENT_REJECTED" if text("reason") == "WITHDRAWN" => {
            (Icon::Cross, with(lang.t("Pagamento retirado", "Payment withdrawn"), amount("amount")))
        }
        "PAYMENT_FAILED" | "PAYMENT_REJECTED" => {
            (Icon::Alert, with(lang.t("Pagamento recusado", "Payment declined"), amount("amount")))
        }
        "PAYMENT_APPROVED" => {
            let paid = format!("{} ({})", amount("amount"), status::method(lang, text("paymentMethod")));
            (Icon::Coin, with(lang.t("Pago", "Paid"), paid))
        }
        "PAYMENT_REFUNDED" => {
            (Icon::Coin, with(lang.t("Dinheiro devolvido", "Money given back"), amount("amount")))
        }
        "EXECUTION_MOVED" => {
            (Icon::Wrench, with(lang.t("Oficina", "Workshop"), status::job(lang, text("newStatus")).words))
        }
        "EXECUTION_COMPLETED" => (Icon::Check, lang.t("Serviço concluído", "Work finished").to_owned()),
        "EXECUTION_FAILED" => (
            Icon::Alert,
            with(lang.t("A oficina parou", "The workshop has stopped"), status::reason(lang, text("reason"))),
        ),
        "CANCELLED" => {
            (Icon::Cross, with(lang.t("Cancelado", "Cancelled"), status::reason(lang, text("reason"))))
        }
        "DELIVERED" => (Icon::Flag, with(lang.t("Entregue por", "Delivered by"), text("by").to_owned())),
        other => (Icon::Clock, other.to_owned()),
    };
    (mark, words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(kind: &str, reason: &str) -> [String; 2] {
        let moment = json!({ "type": kind, "at": "2026-02-08T10:00:00Z", "amount": 350.9, "reason": reason });
        let moment = serde_json::from_value(moment).unwrap();
        [Lang::Pt, Lang::En].map(|lang| told(lang, &moment).1)
    }

    #[test]
    fn a_charge_that_the_desk_took_back_was_not_declined() {
        for kind in ["PAYMENT_FAILED", "PAYMENT_REJECTED"] {
            let money = "R$\u{a0}350";
            let [pt, en] = words(kind, "WITHDRAWN");
            assert_eq!(pt, format!("Pagamento retirado: {money},90"));
            assert_eq!(en, format!("Payment withdrawn: {money}.90"));
            assert_eq!(words(kind, "expired")[0], format!("Pagamento recusado: {money},90"));
        }
    }
}
