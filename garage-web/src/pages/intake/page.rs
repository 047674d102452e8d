//! How the intake looks: one field at first, then the visit, with the car and its owner known or asked for.

use axum::response::Html;
use maud::{Markup, html};

use super::{
    known::{Car, Known},
    namesake,
};
use crate::{
    app::App,
    form::{Form, KEY, Objections, WORD},
    lang::Lang,
    show, status,
    ui::{self, Field, Icon, Page, Place, area, field, hidden, icon, summary},
    visitor::SignedIn,
};

/// The first step.
pub(super) fn plate(by: &SignedIn, form: &Form, objections: &Objections) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Nova entrada", "New intake");
    let plate = Field { most: 10, ..Field::text("plate", lang.t("Placa", "Plate")).required() };
    let plate = plate
        .hint(lang.t("Antiga ou Mercosul: ABC-1234 ou ABC1D23", "Old or Mercosul form: ABC-1234 or ABC1D23"));
    ui::page(
        &Page::of(by, title, Some(Place::Intake), "/intake"),
        html! {
            form class="card narrow plate-first" method="get" action="/intake" {
                h1 { (title) }
                (summary(lang, objections))
                (field(plate, form, objections))
                button class="primary wide" { (lang.t("Continuar", "Go on")) (icon(Icon::Arrow)) }
            }
        },
    )
}

/// The second.
pub(super) fn whole(
    app: &App,
    by: &SignedIn,
    form: &Form,
    known: &Known,
    objections: &Objections,
) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Nova entrada", "New intake");
    ui::page(
        &Page::of(by, title, Some(Place::Intake), "/intake"),
        html! {
            div class="head" {
                h1 { (title) " " span class="plate" { (show::plate(&show::bare(form.get("plate")))) } }
                a href="/intake" { (lang.t("Outra placa", "Another plate")) }
            }
            form method="post" action="/intake" class="stack" {
                (summary(lang, objections))
                (hidden(WORD, &by.word))
                (hidden(KEY, form.get(KEY)))
                (hidden("plate", form.get("plate")))
                @if let Some(car) = &known.car { (known_car(app, lang, form, objections, car, known.wants_an_owner(form))) }
                @else {
                    fieldset class="card" {
                        legend { (lang.t("Carro", "Car")) }
                        p class="quiet" { (lang.t("Esta placa é nova aqui.", "This plate is new here.")) }
                        (car_fields(lang, form, objections))
                    }
                    fieldset class="card" {
                        legend { (lang.t("Cliente", "Customer")) }
                        (customer_fields(lang, form, objections, true))
                    }
                }
                (visit(lang, form, objections))
                div class="bar" { button class="primary" { (lang.t("Abrir ordem de serviço", "Open the work order")) } }
            }
        },
    )
}

fn known_car(
    app: &App,
    lang: Lang,
    form: &Form,
    objections: &Objections,
    car: &Car,
    has_new_owner: bool,
) -> Markup {
    html! {
        section class="card" {
            h2 { (car.vehicle.car()) }
            @if let Some(owner) = &car.owner { p { (icon(Icon::Person)) (owner.name) " · " (show::phone(&owner.phone)) } }
            @if let Some(order) = car.open_order() {
                p class="alarm" role="status" { (icon(Icon::Alert)) span {
                    (lang.t("Este carro já está na oficina: ", "This car is in the shop already: "))
                    a href={ "/orders/" (order.id) } { (lang.t("ver a ordem aberta", "see the open order")) } "."
                } }
            }
            @if !car.orders.is_empty() {
                details {
                    summary { (lang.t("Visitas", "Visits")) " (" (car.orders.len()) ")" }
                    ul class="rows" { @for order in &car.orders { li { a href={ "/orders/" (order.id) } {
                        span class="quiet" { (show::day(lang, app.local(order.created_at))) }
                        span class="grow" { (order.description) }
                        (status::order(lang, &order.status).chip())
                    } } } }
                }
            }
            @if car.owner.is_none() {
                p class="quiet" { (lang.t("Os dados de quem o trouxe antes foram apagados. Quem o traz agora?", "The data of whoever brought it before were erased. Who brings it now?")) }
                (customer_fields(lang, form, objections, true))
            } @else {
                details open[has_new_owner] {
                    summary { (lang.t("O carro mudou de dono", "The car has a new owner")) }
                    p class="quiet" { (lang.t("Preencha só se o dono mudou: o carro passa a ser de quem estiver aqui.", "Fill this in only if the owner has changed: the car becomes theirs.")) }
                    (customer_fields(lang, form, objections, false))
                }
            }
        }
    }
}

fn car_fields(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let most = |field: Field<'static>, most| Field { most, ..field };
    html! {
        div class="fields" {
            (field(most(Field::text("brand", lang.t("Marca", "Brand")).required(), 60), form, objections))
            (field(most(Field::text("model", lang.t("Modelo", "Model")).required(), 60), form, objections))
            (field(Field { inputmode: "numeric", most: 4, ..Field::text("year", lang.t("Ano", "Year")).required() }, form, objections))
            (field(most(Field::text("color", lang.t("Cor", "Colour")), 40), form, objections))
        }
    }
}

fn customer_fields(lang: Lang, form: &Form, objections: &Objections, is_required: bool) -> Markup {
    let text = |name, label| Field { required: is_required, ..Field::text(name, label) };
    let document = text("document", lang.t("CPF ou CNPJ", "CPF or CNPJ"));
    let document = document
        .hint(lang.t("Quem já é cliente é encontrado por ele.", "Who is a customer already is found by it."));
    html! {
        div class="fields" {
            div {
                (field(Field { most: 20, ..document }, form, objections))
                (whose_it_is(lang, form, objections))
            }
            (field(text("name", lang.t("Nome", "Name")), form, objections))
            (field(Field { most: 20, ..text("phone", lang.t("Celular com DDD", "Phone with area code")).kind("tel") }, form, objections))
            (field(Field::text("email", "E-mail").kind("email"), form, objections))
        }
    }
}

/// A document that a record has which says otherwise: whose it is, and the desk's word that it means them, and what is kept.
fn whose_it_is(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let (name, objection) = (namesake::FIELD, objections.to(namesake::FIELD));
    let is_confirmed = namesake::is_confirmed(form);
    let words = [
        lang.t(
            "É essa pessoa: usar o cadastro como está, sem mudar nome, celular nem e-mail",
            "It is them: use the record as it is, without a change of name, phone or e-mail",
        ),
        lang.t(
            "É essa pessoa: corrigir o cadastro com o que está escrito aqui",
            "It is them: correct the record with what is written here",
        ),
    ];
    html! {
        @if objection.is_some() || is_confirmed {
            div class={ "field" @if objection.is_some() { " wrong" } } {
                @if let Some(words) = objection { span class="objection" id={ (name) "-wrong" } { (words) } }
                @for (place, (choice, words)) in namesake::choices(form).iter().zip(words).enumerate() {
                    label class="check" {
                        input type="radio" id=[(place == 0).then_some(name)] name=(name) value=(choice)
                            checked[form.get(name) == choice]
                            aria-describedby=[objection.map(|_| format!("{name}-wrong"))];
                        (words)
                    }
                }
            }
        }
    }
}

fn visit(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let complaint =
        Field::text("complaint", lang.t("O que o cliente conta", "What the customer tells")).required();
    let km =
        Field { inputmode: "numeric", most: 10, ..Field::text("km", lang.t("Quilometragem", "Kilometres")) };
    let promised = Field::text("promised", lang.t("Prometido para", "Promised for")).kind("datetime-local");
    let estimate = Field::text("estimate", lang.t("Estimativa (R$)", "Estimate (R$)")).money();
    let left = Field::text("left", lang.t("Objetos e combustível", "Items left and fuel"));
    html! {
        fieldset class="card" {
            legend { (lang.t("Visita", "Visit")) }
            (area(complaint.hint(lang.t("Nas palavras dele.", "In their own words.")), form, objections))
            div class="fields" {
                (field(km, form, objections))
                (field(promised, form, objections))
                (field(estimate.hint(lang.t("Vazio: taxa de diagnóstico.", "Empty: the diagnosis fee.")), form, objections))
                (field(left, form, objections))
            }
        }
    }
}
