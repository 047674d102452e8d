//! How an order looks.

use axum::response::Html;
use maud::{Markup, html};

use super::{
    Whole, edit,
    mails::mails,
    money::payments,
    next::{calling_off, next},
    quoted::quoted,
    shelf,
    timeline::timeline,
};
use crate::{
    app::App,
    form::{Form, Objections},
    lang::Lang,
    show, status, trouble,
    ui::{self, Icon, Page, alarm, icon, notice, summary},
    visitor::SignedIn,
};

pub(super) fn page(
    app: &App,
    by: &SignedIn,
    whole: &Whole,
    public_url: &str,
    did: &str,
    form: &Form,
    objections: &Objections,
) -> Html<String> {
    let (lang, order) = (by.lang, &whole.order);
    let here = format!("/orders/{}", order.id);
    let title = format!("{} {}", show::plate(&order.plate), whole.named.car());
    ui::page(
        &Page::of(by, &title, None, &here).live(),
        html! {
            (head(app, by, whole))
            (summary(lang, objections))
            @if let Some(words) = done(lang, did) { (notice(words)) }
            div id="order" data-live=(order.id) class="columns" {
                div class="stack" {
                    @for service in &whole.away { (alarm(&trouble::away(lang, *service))) }
                    (status::stepper(lang, &order.status))
                    (ending(lang, whole))
                    (next(app, by, whole, public_url))
                    (quoted(app, lang, whole))
                    (payments(app, by, whole, form, objections))
                    (shelf::parts(lang, whole))
                    (work(lang, whole))
                }
                div class="stack" {
                    section class="card" {
                        h2 { (lang.t("Linha do tempo", "Timeline")) }
                        (timeline(app, lang, &whole.history))
                        (waits(app, lang, whole))
                    }
                    (mails(app, lang, whole))
                }
            }
            (calling_off(by, whole))
        },
    )
}

fn head(app: &App, by: &SignedIn, whole: &Whole) -> Markup {
    let (lang, order) = (by.lang, &whole.order);
    html! {
        div class="head" {
            div {
                h1 { a class="plate" href={ "/vehicles/" (order.vehicle_id) } { (show::plate(&order.plate)) } " " (whole.named.car()) }
                p class="quiet" {
                    @if let Some(customer) = whole.customer() { (icon(Icon::Person)) @if by.is_desk() { a href={ "/customers/" (customer.id) } { (customer.called(lang)) } } @else { (customer.called(lang)) } " · " @if !customer.is_erased() { (show::phone(&customer.phone)) " · " } @if let Some(email) = &customer.email { (email) " · " } }
                    (lang.t("OS ", "Order ")) (show::number_of(order.id.0)) " · " (show::time(lang, app.local(order.created_at)))
                }
            }
            div class="facts" {
                span id="order-status" data-live=(order.id) { (status::order(lang, &order.status).chip()) }
                (papers(by, whole))
            }
        }
        section class="card complaint" {
            p { (order.description) }
            (ui::facts([
                order.note("km").map(|km| html! { (km) " km" }),
                order.note("left").map(|left| html! { (left) }),
                order.estimated_completion_date.map(|promised| html! { (icon(Icon::Flag)) (lang.t("Prometido para ", "Promised for ")) (show::time(lang, app.local(promised))) }),
            ]))
            @if by.is_desk() && edit::is_open(order) { p { a href={ "/orders/" (order.id) "/edit" } { (lang.t("Corrigir os dados", "Correct the details")) } } }
        }
    }
}

/// What can be printed by now.
fn papers(by: &SignedIn, whole: &Whole) -> Markup {
    let (lang, id) = (by.lang, whole.order.id);
    html! {
        @if by.is_desk() {
            details class="me" {
                summary { (lang.t("Imprimir", "Print")) }
                div class="menu" {
                    @if whole.quote.is_some() {
                        a href={ "/orders/" (id) "/print?of=quote" } { (lang.t("Orçamento", "Quote")) }
                        a href={ "/orders/" (id) "/quote.pdf" } { (lang.t("Orçamento em PDF", "Quote as PDF")) }
                    }
                    a href={ "/orders/" (id) "/print?of=order" } { (lang.t("Ordem de serviço", "Work order")) }
                    @if !whole.payments.is_empty() { a href={ "/orders/" (id) "/print?of=receipt" } { (lang.t("Recibo", "Receipt")) } }
                }
            }
        }
    }
}

fn done(lang: Lang, did: &str) -> Option<&'static str> {
    match did {
        "send" => Some(
            lang.t("Enviado. Agora mande o link ao cliente.", "Sent. Now send the link to the customer."),
        ),
        "approve" => Some(lang.t("Aprovação registrada.", "The approval is recorded.")),
        "reject" => Some(lang.t("Recusa registrada.", "The refusal is recorded.")),
        "charged" => Some(
            lang.t("Cobrança feita. A confirmação aparece aqui.", "Charged. The confirmation appears here."),
        ),
        "delivered" => Some(lang.t("Entregue. Bom trabalho!", "Delivered. Well done!")),
        "cancelled" => {
            Some(lang.t("Cancelada. O que foi pago volta ao cliente.", "Cancelled. What was paid goes back."))
        }
        "verified" => {
            Some(lang.t("Conferido com o meio de pagamento.", "Checked with the payment provider."))
        }
        "withdrawn" => Some(lang.t(
            "A cobrança foi retirada. Assim que o meio de pagamento confirmar, pode-se cobrar de outro modo.",
            "The charge is withdrawn. Once the payment provider confirms it, another can be made.",
        )),
        "refunded" => Some(lang.t("A devolução foi pedida.", "The refund has been asked for.")),
        "saved" => Some(lang.t("Salvo.", "Saved.")),
        _ => None,
    }
}

/// How it ended, where it did not end well.
fn ending(lang: Lang, whole: &Whole) -> Markup {
    let order = &whole.order;
    let words = match (&order.cancellation_reason, &order.failure_reason) {
        (Some(reason), _) => {
            format!("{}: {}", lang.t("Cancelado", "Cancelled"), status::reason(lang, reason))
        }
        (None, Some(reason)) if order.status == "FAILED" => {
            format!(
                "{}: {}",
                lang.t("A oficina não pôde fazer", "The workshop could not do it"),
                status::reason(lang, reason)
            )
        }
        _ => return html! {},
    };
    html! { div class="card over" { p { (icon(Icon::Alert)) (words) } } }
}

fn work(lang: Lang, whole: &Whole) -> Markup {
    let Some(job) = &whole.job else { return html! {} };
    html! {
        section class="card" {
            div class="head" { h2 { (lang.t("Oficina", "Workshop")) } (status::job(lang, &job.status).chip()) }
            @if let Some(technician) = &job.technician_id { p { (icon(Icon::Person)) (technician) } }
            @if let Some(notes) = &job.diagnosis_notes { p class="lines" { b { (lang.t("Diagnóstico: ", "Diagnosis: ")) } (notes) } }
            @if let Some(notes) = &job.repair_notes { p class="lines" { b { (lang.t("Reparo: ", "Repair: ")) } (notes) } }
            @if !job.services_performed.is_empty() { p { b { (lang.t("Feito: ", "Done: ")) } (job.services_performed.join(", ")) } }
            @if !job.parts_used.is_empty() {
                p { b { (lang.t("Peças usadas: ", "Parts used: ")) }
                    @for (place, part) in job.parts_used.iter().enumerate() {
                        @if place > 0 { ", " } (show::typed(lang, part.quantity.decimal())) " × " (part_name(whole, part))
                    }
                }
            }
            @if let Some(reason) = &job.failure_reason { p { (icon(Icon::Alert)) (status::reason(lang, reason)) } }
        }
    }
}

/// A part's name: as the workshop wrote it, or as the quote has it.
fn part_name(whole: &Whole, part: &crate::services::view::PartUsed) -> String {
    let quoted = whole
        .quote
        .iter()
        .flat_map(|quote| &quote.it.items)
        .find(|line| line.part_id.is_some() && line.part_id == part.part_id);
    let id = || part.part_id.map(|id| id.to_string()).unwrap_or_default();
    part.name.clone().or_else(|| quoted.map(|line| line.name.clone())).unwrap_or_else(id)
}

fn waits(app: &App, lang: Lang, whole: &Whole) -> Markup {
    let Some(waiting) = &whole.order.waiting_for else { return html! {} };
    html! {
        p class="quiet" {
            (icon(Icon::Clock)) (waits_for(lang, &waiting.who)) " " (lang.t("desde ", "since ")) (show::soon(lang, app.local(waiting.since)))
            @if whole.order.stuck == Some(true) { " " span class="chip bad" { (icon(Icon::Alert)) (lang.t("Parado", "Stuck")) } }
        }
    }
}

/// For whom it waits; whoever these pages do not know is the system.
fn waits_for(lang: Lang, who: &str) -> &'static str {
    match who {
        "customer" => lang.t("Espera pelo cliente", "Waits for the customer"),
        "workshop" => lang.t("Espera pela oficina", "Waits for the workshop"),
        "desk" => lang.t("Espera pelo balcão", "Waits for the desk"),
        "payment-gateway" => lang.t("Espera pelo meio de pagamento", "Waits for the payment provider"),
        _ => lang.t("Espera pelo sistema", "Waits for the system"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_order_waits_for_is_said_in_good_portuguese() {
        let said = ["customer", "workshop", "desk", "payment-gateway", "billing-service"]
            .map(|who| waits_for(Lang::Pt, who));
        let awaited =
            ["pelo cliente", "pela oficina", "pelo balcão", "pelo meio de pagamento", "pelo sistema"];
        assert_eq!(said.map(str::to_owned), awaited.map(|who| format!("Espera {who}")));
        assert_eq!(waits_for(Lang::En, "desk"), "Waits for the desk");
    }
}
