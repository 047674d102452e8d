//! The money of an order: every attempt to pay, what went back of it, what the payer's bank takes, and a manager's form to
//! give a part back once the work is finished. Whether it may go back is Billing's to say.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use garage_events::{Service, WorkOrderId};
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Whole, page, public_url, uuid_of};
use crate::{
    app::App,
    form::{Form, KEY, Objections, Posted, WORD},
    lang::Lang,
    services::{
        Beside, No, Refusal,
        view::{ChargeBack, Payment, Refund},
    },
    show, status,
    trouble::Trouble,
    ui::{Field, Icon, field, hidden, icon},
    visitor::SignedIn,
};

/// A payment goes back in so many parts and no more: Billing's rule.
const MOST_PARTS: usize = 20;

pub(super) fn payments(
    app: &App,
    by: &SignedIn,
    whole: &Whole,
    form: &Form,
    objections: &Objections,
) -> Markup {
    if whole.payments.is_empty() {
        return html! {};
    }
    let is_finished = matches!(whole.order.status.as_str(), "COMPLETED" | "DELIVERED");
    let refundable = whole.paid().filter(|_| is_finished && by.is_manager());
    html! {
        section class="card" {
            h2 { (by.lang.t("Pagamentos", "Payments")) }
            ul class="rows" { @for payment in &whole.payments { (attempt(app, by.lang, payment)) } }
            @if let Some(payment) = refundable {
                @if takes_another_part(payment) { (giving_back(app, by, whole, payment, form, objections)) }
                @else { p class="quiet" { (by.lang.t("Já foi devolvido no maior número de partes.", "It has gone back in as many parts as it may.")) } }
            }
        }
    }
}

/// Those that the provider would not give back count as well.
const fn takes_another_part(payment: &Payment) -> bool {
    payment.refunds.len() < MOST_PARTS
}

fn attempt(app: &App, lang: Lang, payment: &Payment) -> Markup {
    let at = payment.refunded_at.or(payment.approved_at).unwrap_or(payment.created_at);
    html! {
        li { div {
            span class="grow" { (status::method(lang, &payment.payment_method)) " · " (show::money(lang, payment.amount))
                @if let Some(reason) = &payment.reason { span class="quiet" { (status::declined(lang, reason)) } } }
            span class="quiet" { (show::soon(lang, app.local(at))) }
            (status::payment(lang, payment.standing()).chip())
        } }
        @for refund in &payment.refunds { li { (part(app, lang, refund)) } }
        @if let Some(taken) = &payment.charge_back { li { (charge_back(app, lang, taken)) } }
    }
}

/// A part that went back, or is on its way.
fn part(app: &App, lang: Lang, refund: &Refund) -> Markup {
    let at = refund.settled_at.unwrap_or(refund.requested_at);
    html! {
        div {
            span class="grow" { (lang.t("Devolução parcial", "Partial refund")) " · " (show::money(lang, refund.amount))
                span class="quiet" { (refund.reason) @if let Some(why) = &refund.refused_because { " · " (why) } } }
            span class="quiet" { (show::soon(lang, app.local(at))) }
            (status::refund(lang, &refund.status).chip())
        }
    }
}

fn charge_back(app: &App, lang: Lang, taken: &ChargeBack) -> Markup {
    html! {
        div {
            span class="grow" { (lang.t("Contestação no banco do cliente", "Charge-back by the customer's bank")) }
            span class="quiet" { (show::soon(lang, app.local(taken.at))) }
            (status::charge_back(lang, &taken.standing).chip())
        }
    }
}

fn giving_back(
    app: &App,
    by: &SignedIn,
    whole: &Whole,
    payment: &Payment,
    form: &Form,
    objections: &Objections,
) -> Markup {
    let lang = by.lang;
    let amount = Field::text("refund-amount", lang.t("Valor (R$)", "Amount (R$)")).required().money();
    let reason = Field::text("refund-reason", lang.t("Motivo", "Reason")).required();
    html! {
        details open[["refund-amount", "refund-reason"].iter().any(|name| objections.to(name).is_some())] {
            summary { (lang.t("Devolver uma parte", "Give a part back")) }
            p class="quiet" { (lang.t("Restam ", "Left: ")) (show::money(lang, payment.left())) ". " (lang.t("A devolução chega ao cliente pelo mesmo meio de pagamento.", "It goes back to the customer the way it was paid.")) }
            form method="post" action={ "/orders/" (whole.order.id) "/refund" } {
                (hidden(WORD, &by.word))
                (hidden(KEY, &app.clock.event_id().to_string()))
                (hidden("payment", &payment.id.to_string()))
                div class="fields" { (field(amount, form, objections)) (field(reason, form, objections)) }
                button class="danger" { (icon(Icon::Coin)) (lang.t("Devolver esta parte", "Give this part back")) }
            }
        }
    }
}

/// The manager's word.
pub(super) async fn refund(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let payment = uuid_of(&form, "payment")?;
    let refused = match typed(by.lang, &form) {
        Ok(body) => match tell(&by, payment, &form, &body).await {
            Ok(_) => return Ok(Redirect::to(&format!("/orders/{id}?did=refunded")).into_response()),
            Err(No::Refused(refusal)) if refusal.status != 404 => Err(refusal),
            Err(no) => return Err(no.into()),
        },
        Err(objections) => Ok(objections),
    };
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let refused = refused.unwrap_or_else(|refusal| objections(by.lang, &refusal, whole.paid()));
    let page = page::page(&app, &by, &whole, &public_url(&app, &headers), "", &form, &refused);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn tell(by: &SignedIn, payment: Uuid, form: &Form, body: &Value) -> Result<Value, No> {
    let (path, beside) =
        (format!("/payments/{payment}/refunds"), Beside { key: form.given(KEY), version: None });
    by.asker.tell(Service::Billing, Method::POST, &path, Some(body), beside).await
}

/// What Billing objects to. Of the amount it says in English what is left; here it is said in the page's language.
fn objections(lang: Lang, refusal: &Refusal, payment: Option<&Payment>) -> Objections {
    let is_the_amount = refusal.errors.iter().any(|error| error.field == "amount");
    let Some(payment) = payment.filter(|_| is_the_amount) else {
        return Objections::of(lang, refusal, |name| (name == "reason").then_some("refund-reason"));
    };
    let before = lang.t("deve ser mais que zero e menos que", "must be more than zero and less than");
    let mut objections = Objections::default();
    objections.add("refund-amount", format!("{before} {}", show::money(lang, payment.left())));
    objections
}

fn typed(lang: Lang, form: &Form) -> Result<Value, Objections> {
    let mut objections = Objections::default();
    objections.require(lang, form, &["refund-amount", "refund-reason"]);
    let amount = objections.amount(lang, form, "refund-amount");
    if objections.is_empty() {
        Ok(json!({ "amount": amount, "reason": form.get("refund-reason") }))
    } else {
        Err(objections)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_back_in(parts: usize) -> Payment {
        let (id, at) = (Uuid::nil(), "2026-02-08T10:00:00Z");
        let part = json!({ "amount": 1, "reason": "Pneu", "status": "DONE", "requestedAt": at });
        serde_json::from_value(json!({ "id": id, "workOrderId": id, "amount": 350.9, "paymentMethod": "PIX",
            "status": "APPROVED", "createdAt": at, "refunds": vec![part; parts] }))
        .unwrap()
    }

    #[test]
    fn a_payment_takes_twenty_parts_and_no_more() {
        assert!(takes_another_part(&given_back_in(19)));
        assert!(!takes_another_part(&given_back_in(20)));
    }

    #[test]
    fn a_charge_that_the_desk_took_back_is_withdrawn_and_not_declined() {
        let ended = |status: &str, reason: &str| {
            let (status, reason) = (status.to_owned(), Some(reason.to_owned()));
            let payment = Payment { status, reason, ..given_back_in(0) };
            [Lang::Pt, Lang::En].map(|lang| status::payment(lang, payment.standing()).words)
        };
        for status in ["REJECTED", "CANCELLED"] {
            assert_eq!(ended(status, "WITHDRAWN"), ["Retirado", "Withdrawn"]);
        }
        assert_eq!(ended("REJECTED", "expired"), ["Recusado", "Declined"]);
        assert_eq!(ended("APPROVED", "WITHDRAWN"), ["Pago", "Paid"]);
    }
}
