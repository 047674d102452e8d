//! How one job looks on the technician's phone: the complaint, what was approved, and what comes next.

use axum::response::Html;
use maud::{Markup, html};

use super::step::{self, Step};
use crate::{
    app::App,
    form::{Form, Objections, WORD},
    lang::Lang,
    pages::order::{Whole, shelf},
    services::view::{Job, Quote},
    show, status,
    ui::{self, Field, Icon, Page, Place, area, field, hidden, icon, summary},
    visitor::SignedIn,
};

pub(super) fn page(
    app: &App,
    by: &SignedIn,
    whole: &Whole,
    job: &Job,
    form: &Form,
    objections: &Objections,
) -> Html<String> {
    let (lang, order) = (by.lang, &whole.order);
    let here = format!("/workshop/{}", order.id);
    let title = format!("{} {}", show::plate(&order.plate), whole.named.car());
    ui::page(
        &Page::of(by, &title, Some(Place::Workshop), &here).live(),
        html! {
            p { a href="/workshop" { "← " (lang.t("Trabalhos", "Jobs")) } }
            div class="head" {
                h1 { span class="plate" { (show::plate(&order.plate)) } " " (whole.named.car()) }
                span id="job-status" data-live=(order.id) { (status::job(lang, &job.status).chip()) }
            }
            (summary(lang, objections))
            section class="card complaint" {
                p { (order.description) }
                (ui::facts([
                    order.note("km").map(|km| html! { (km) " km" }),
                    order.note("left").map(|left| html! { (left) }),
                    order.estimated_completion_date.map(|promised| html! { (icon(Icon::Flag)) (lang.t("Prometido para ", "Promised for ")) (show::soon(lang, app.local(promised))) }),
                    job.started_at.map(|started| html! { (icon(Icon::Clock)) (lang.t("Começou em ", "Begun on ")) (show::soon(lang, app.local(started))) }),
                ]))
            }
            div id="job" data-live=(order.id) class="stack" {
                (next(by, whole, job, form, objections))
                (shelf::parts(lang, whole))
                (record(lang, job))
                @if !matches!(job.status.as_str(), "COMPLETED" | "FAILED" | "CANCELLED" | "AWAITING_PAYMENT") {
                    (giving_up(by, whole, form, objections))
                }
            }
        },
    )
}

/// The big button, or two where there is a choice.
fn next(by: &SignedIn, whole: &Whole, job: &Job, form: &Form, objections: &Objections) -> Markup {
    let lang = by.lang;
    let quote = whole.quote.as_ref().map(|quote| &quote.it);
    let one = |step, label, content| step_form(by, whole, step, label, "primary", content);
    match job.status.as_str() {
        "AWAITING_PAYMENT" => {
            html! { p class="none" { (lang.t("Ainda não foi pago: não comece.", "Not paid yet: do not begin.")) } }
        }
        "QUEUED" => one(Step::StartDiagnosis, lang.t("Iniciar diagnóstico", "Start the diagnosis"), html! {}),
        "DIAGNOSING" => {
            let notes = Field::text("notes", lang.t("O que foi encontrado", "What was found")).required();
            one(
                Step::CompleteDiagnosis,
                lang.t("Concluir diagnóstico", "Finish the diagnosis"),
                area(notes, form, objections),
            )
        }
        "DIAGNOSIS_COMPLETE" => {
            one(Step::StartRepair, lang.t("Iniciar reparo", "Start the repair"), checklist(lang, quote))
        }
        "REPAIRING" => one(
            Step::CompleteRepair,
            lang.t("Concluir reparo", "Finish the repair"),
            repaired(lang, job, quote, form, objections),
        ),
        "REPAIR_COMPLETE" => html! {
            (one(Step::StartTesting, lang.t("Testar", "Test it"), html! {}))
            (step_form(by, whole, Step::Complete, lang.t("Concluir sem teste", "Finish without a test"), "", html! {}))
        },
        "TESTING" => html! {
            (one(Step::Complete, lang.t("Aprovado no teste: concluir", "Passed: finish"), html! {}))
            (step_form(by, whole, Step::StartRepair, lang.t("Não passou: reparar de novo", "Failed: repair again"), "", html! {}))
        },
        "COMPLETED" => {
            html! { p class="notice" { (icon(Icon::Check)) (lang.t("Concluído. O balcão entrega o carro.", "Finished. The desk hands the car over.")) } }
        }
        _ => html! {},
    }
}

fn step_form(by: &SignedIn, whole: &Whole, step: Step, label: &str, class: &str, content: Markup) -> Markup {
    html! {
        form method="post" action={ "/workshop/" (whole.order.id) "/" (step.word()) } class="step" {
            (hidden(WORD, &by.word))
            (content)
            button class={ "big " (class) } { (label) }
        }
    }
}

/// What the customer has approved, and nothing else.
fn checklist(lang: Lang, quote: Option<&Quote>) -> Markup {
    html! {
        @if let Some(quote) = quote {
            section class="card" {
                h2 { (lang.t("Aprovado pelo cliente", "Approved by the customer")) }
                ul class="ticks" { @for line in &quote.items { li { (show::typed(lang, line.quantity.decimal())) " × " (show::line_name(lang, &line.name)) } } }
            }
        }
    }
}

fn repaired(lang: Lang, job: &Job, quote: Option<&Quote>, form: &Form, objections: &Objections) -> Markup {
    let notes = Field::text("notes", lang.t("O que foi feito", "What was done")).required();
    html! {
        @if let Some(quote) = quote {
            fieldset class="card" {
                legend { (lang.t("Feito e usado", "Done and used")) }
                (lines(lang, job, quote, form))
                (more(lang, form, objections))
            }
        }
        (area(notes, form, objections))
    }
}

/// The quote's lines to be ticked; what is ticked is added to what is on record.
fn lines(lang: Lang, job: &Job, quote: &Quote, form: &Form) -> Markup {
    let is_fresh = !form.has("notes");
    let is_ticked = |place: usize| form.all("done").any(|one| one == place.to_string());
    html! {
        @for (place, line) in quote.items.iter().enumerate() {
            label class="check" {
                input type="checkbox" name="done" value=(place)
                    checked[if is_fresh { step::is_ticked_at_first(job) } else { is_ticked(place) }];
                span { (show::typed(lang, line.quantity.decimal())) " × " (show::line_name(lang, &line.name))
                    @if line.part_id.is_some() { span class="quiet" { (lang.t("peça", "part")) } }
                    @if step::is_recorded(job, line) { span class="quiet" { (lang.t("já registrado", "on record already")) } } }
            }
        }
        @if !step::is_ticked_at_first(job) {
            p class="hint" { (lang.t("Marque só o que foi feito ou usado além do que já está registrado.", "Tick only what was done or used beyond what is on record already.")) }
        }
    }
}

fn more(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let part = Field { most: 100, ..Field::text(step::MORE_PART, lang.t("Peça", "Part")) };
    let quantity = Field {
        inputmode: "decimal",
        most: 12,
        ..Field::text(step::MORE_QUANTITY, lang.t("Quantidade", "Quantity"))
    };
    html! {
        details open[[part.name, quantity.name].iter().any(|name| form.given(name).is_some())] {
            summary { (lang.t("Outra peça", "Another part")) }
            div class="fields" {
                (field(part, form, objections))
                (field(quantity, form, objections))
            }
        }
    }
}

fn record(lang: Lang, job: &Job) -> Markup {
    html! {
        @if job.diagnosis_notes.is_some() || job.repair_notes.is_some() || job.failure_reason.is_some() {
            section class="card" {
                h2 { (lang.t("Anotações", "Notes")) }
                @if let Some(notes) = &job.diagnosis_notes { p class="lines" { b { (lang.t("Diagnóstico: ", "Diagnosis: ")) } (notes) } }
                @if let Some(notes) = &job.repair_notes { p class="lines" { b { (lang.t("Reparo: ", "Repair: ")) } (notes) } }
                @if let Some(reason) = &job.failure_reason { p { (icon(Icon::Alert)) (status::reason(lang, reason)) } }
            }
        }
    }
}

fn giving_up(by: &SignedIn, whole: &Whole, form: &Form, objections: &Objections) -> Markup {
    let lang = by.lang;
    let reason = Field::text("reason", lang.t("Por que não é possível", "Why it cannot be done")).required();
    let reason =
        reason.hint(lang.t("O cliente recebe o dinheiro de volta.", "The customer gets the money back."));
    html! {
        details class="card" open[objections.to("reason").is_some()] {
            summary { (lang.t("Não é possível fazer", "It cannot be done")) }
            form method="post" action={ "/workshop/" (whole.order.id) "/fail" } {
                (hidden(WORD, &by.word))
                (area(reason, form, objections))
                button class="danger" { (lang.t("Desistir do reparo", "Give the repair up")) }
            }
        }
    }
}
