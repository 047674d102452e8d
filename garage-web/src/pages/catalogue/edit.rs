//! Correcting what the catalogue says of a part or a service: the manager's. What is on the shelf is counted, not
//! corrected, and a quote keeps the name and the price that it was written with.

use std::fmt::Debug;

use axum::{
    extract::Path,
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{count, labour_field, part_field};
use crate::{
    form::{Form, Objections, Posted},
    lang::Lang,
    pages::correction::{self, Correctable, Sheet},
    services::{
        Seen,
        view::{Labour, Part},
    },
    show,
    trouble::Trouble,
    ui::{Field, Place, field},
    visitor::SignedIn,
};

impl Seen for Part {
    const AT: Service = Service::Billing;

    fn shown(&self) -> impl Debug {
        let words = (&self.name, &self.part_number, &self.unit, &self.category, &self.supplier);
        (words, self.price, self.cost_price, self.min_stock_level)
    }
}

impl Correctable for Part {
    const METHOD: Method = Method::PATCH;
}

impl Seen for Labour {
    const AT: Service = Service::Billing;

    fn shown(&self) -> impl Debug {
        (&self.name, self.price, self.duration)
    }
}

impl Correctable for Labour {
    const METHOD: Method = Method::PATCH;
}

pub(super) async fn ask_part(by: SignedIn, Path(id): Path<Uuid>) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    part_page(&by, id, &Form::default(), &Objections::default()).await
}

pub(super) async fn ask_service(by: SignedIn, Path(id): Path<Uuid>) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    service_page(&by, id, &Form::default(), &Objections::default()).await
}

pub(super) async fn correct_part(
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let path = format!("/parts/{id}");
    let (card, change) = (typed_part(by.lang, &form), |card: &Value, _: &Part| card.clone());
    let kept = correction::keep(&by, &path, &form, part_field, card, change).await?;
    let Err(objections) = kept else { return Ok(Redirect::to(&path).into_response()) };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, part_page(&by, id, &form, &objections).await?).into_response())
}

pub(super) async fn correct_service(
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let path = format!("/services/{id}");
    let (card, change) = (typed_service(by.lang, &form), |card: &Value, _: &Labour| card.clone());
    let kept = correction::keep(&by, &path, &form, labour_field, card, change).await?;
    let Err(objections) = kept else { return Ok(Redirect::to("/parts").into_response()) };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, service_page(&by, id, &form, &objections).await?).into_response())
}

/// What was typed of a part, as Billing reads it.
fn typed_part(lang: Lang, form: &Form) -> Result<Value, Objections> {
    let mut objections = Objections::default();
    objections.require(lang, form, &["part-name", "number", "part-price", "least", "unit"]);
    let (price, cost) = (objections.amount(lang, form, "part-price"), objections.amount(lang, form, "cost"));
    let least = count(lang, form, "least", &mut objections);
    if !objections.is_empty() {
        return Err(objections);
    }
    Ok(
        json!({ "name": form.get("part-name"), "partNumber": form.get("number"), "price": price, "costPrice": cost,
        "minStockLevel": least, "unit": form.get("unit"), "category": form.given("category"),
        "supplier": form.given("supplier") }),
    )
}

/// The same of a service.
fn typed_service(lang: Lang, form: &Form) -> Result<Value, Objections> {
    let mut objections = Objections::default();
    objections.require(lang, form, &["service-name", "service-price", "minutes"]);
    let price = objections.amount(lang, form, "service-price");
    let minutes = count(lang, form, "minutes", &mut objections);
    if !objections.is_empty() {
        return Err(objections);
    }
    Ok(json!({ "name": form.get("service-name"), "price": price, "duration": minutes }))
}

async fn part_page(
    by: &SignedIn,
    id: Uuid,
    form: &Form,
    objections: &Objections,
) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let back = format!("/parts/{id}");
    let part: Part = by.asker.find(Service::Billing, &back).await?.ok_or(Trouble::NotFound)?;
    let cost = part.cost_price.map(|cost| show::typed_money(lang, cost));
    let form = correction::marked(form, &part)
        .with("part-name", &part.name)
        .with("number", &part.part_number)
        .with("part-price", show::typed_money(lang, part.price))
        .with("cost", cost.unwrap_or_default())
        .with("least", part.min_stock_level.to_string())
        .with("unit", &part.unit)
        .with("category", part.category.as_deref().unwrap_or_default())
        .with("supplier", part.supplier.as_deref().unwrap_or_default());
    let title = format!("{} {}", lang.t("Corrigir", "Correct"), part.name);
    let here = format!("/parts/{id}/edit");
    let back = (back.as_str(), lang.t("Voltar à peça", "Back to the part"));
    let sheet = Sheet { title: &title, place: Some(Place::Catalogue), here: &here, back };
    Ok(correction::page(by, &sheet, &form, objections, &part_fields(lang, &form, objections)))
}

fn part_fields(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let word = |name, label| Field { most: 60, ..Field::text(name, label) };
    let fields = [
        Field::text("part-name", lang.t("Nome", "Name")).required(),
        word("number", lang.t("Código", "Part number")).required(),
        Field::text("part-price", lang.t("Preço (R$)", "Price (R$)")).required().money(),
        Field::text("cost", lang.t("Custo (R$)", "Cost (R$)")).money(),
        Field {
            inputmode: "numeric",
            most: 10,
            ..Field::text("least", lang.t("Mínimo", "Minimum")).required()
        },
        word("unit", lang.t("Unidade", "Unit")).required(),
        word("category", lang.t("Categoria", "Category")),
        Field::text("supplier", lang.t("Fornecedor", "Supplier")),
    ];
    html! { div class="fields" { @for one in fields { (field(one, form, objections)) } } }
}

async fn service_page(
    by: &SignedIn,
    id: Uuid,
    form: &Form,
    objections: &Objections,
) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let labour: Option<Labour> = by.asker.find(Service::Billing, &format!("/services/{id}")).await?;
    let labour = labour.ok_or(Trouble::NotFound)?;
    let form = correction::marked(form, &labour)
        .with("service-name", &labour.name)
        .with("service-price", show::typed_money(lang, labour.price))
        .with("minutes", labour.duration.to_string());
    let title = format!("{} {}", lang.t("Corrigir", "Correct"), labour.name);
    let here = format!("/services/{id}/edit");
    let back = ("/parts", lang.t("Peças e serviços", "Parts and services"));
    let sheet = Sheet { title: &title, place: Some(Place::Catalogue), here: &here, back };
    Ok(correction::page(by, &sheet, &form, objections, &service_fields(lang, &form, objections)))
}

fn service_fields(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let minutes = Field::text("minutes", lang.t("Duração (min)", "Duration (min)")).required();
    let fields = [
        Field::text("service-name", lang.t("Nome", "Name")).required(),
        Field::text("service-price", lang.t("Preço (R$)", "Price (R$)")).required().money(),
        Field { inputmode: "numeric", most: 6, ..minutes },
    ];
    html! { div class="fields" { @for one in fields { (field(one, form, objections)) } } }
}
