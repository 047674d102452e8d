//! Correcting what was written down of a car. Whose it is changes at the intake, when somebody brings it.

use std::fmt::Debug;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use chrono::{DateTime, Utc};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    form::{Form, Objections, Posted},
    lang::Lang,
    pages::correction::{self, Correctable, Sheet},
    services::{Seen, view::Vehicle},
    show,
    trouble::Trouble,
    ui::{Field, field},
    visitor::{DESK, SignedIn},
};

impl Seen for Vehicle {
    const AT: Service = Service::Os;

    fn shown(&self) -> impl Debug {
        (&self.plate, &self.brand, &self.model, self.year, &self.color)
    }
}

impl Correctable for Vehicle {
    const METHOD: Method = Method::PUT;
}

pub(super) async fn ask(by: SignedIn, Path(id): Path<Uuid>) -> Result<Html<String>, Trouble> {
    by.must_be(&DESK)?;
    page(&by, id, &Form::default(), &Objections::default()).await
}

pub(super) async fn correct(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let name = |field: &str| match field {
        "plate" => Some("plate"),
        "brand" => Some("brand"),
        "model" => Some("model"),
        "year" => Some("year"),
        "color" => Some("color"),
        _ => None,
    };
    let path = format!("/vehicles/{id}");
    let year = typed_year(by.lang, &form, app.clock.now());
    let change = |year: &u16, known: &Vehicle| described(&form, *year, known);
    match correction::keep(&by, &path, &form, name, year, change).await? {
        Ok(()) => {
            app.names.forget(id);
            Ok(Redirect::to(&path).into_response())
        }
        Err(objections) => {
            let page = page(&by, id, &form, &objections).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The year that was typed, once nothing is missing.
fn typed_year(lang: Lang, form: &Form, now: DateTime<Utc>) -> Result<u16, Objections> {
    let mut objections = Objections::default();
    objections.require(lang, form, &["plate", "brand", "model", "year"]);
    let year = objections.car_year(lang, form, "year", now);
    year.filter(|_| objections.is_empty()).ok_or(objections)
}

/// The car as OS reads it: what the form does not show stays.
fn described(form: &Form, year: u16, known: &Vehicle) -> Value {
    json!({ "customerId": known.customer_id, "plate": show::bare(form.get("plate")), "brand": form.get("brand"),
        "model": form.get("model"), "year": year, "color": form.given("color"), "vin": known.vin })
}

async fn page(
    by: &SignedIn,
    id: Uuid,
    form: &Form,
    objections: &Objections,
) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let back = format!("/vehicles/{id}");
    let vehicle: Vehicle = by.asker.find(Service::Os, &back).await?.ok_or(Trouble::NotFound)?;
    let plate = show::plate(&vehicle.plate);
    let form = correction::marked(form, &vehicle)
        .with("plate", &plate)
        .with("brand", &vehicle.brand)
        .with("model", &vehicle.model)
        .with("year", vehicle.year.to_string())
        .with("color", vehicle.color.as_deref().unwrap_or_default());
    let (here, title) =
        (format!("/vehicles/{id}/edit"), format!("{} {plate}", lang.t("Corrigir", "Correct")));
    let sheet = Sheet {
        title: &title,
        place: None,
        here: &here,
        back: (&back, lang.t("Voltar ao carro", "Back to the car")),
    };
    Ok(correction::page(by, &sheet, &form, objections, &fields(lang, &form, objections)))
}

fn fields(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let text = |name, label, most| Field { most, ..Field::text(name, label) };
    let plate = text("plate", lang.t("Placa", "Plate"), 10).required().hint(lang.t(
        "As ordens que já existem mantêm a placa com que foram abertas.",
        "Orders that are there keep the plate under which they were opened.",
    ));
    let fields = [
        plate,
        text("brand", lang.t("Marca", "Brand"), 60).required(),
        text("model", lang.t("Modelo", "Model"), 60).required(),
        Field { inputmode: "numeric", ..text("year", lang.t("Ano", "Year"), 4).required() },
        text("color", lang.t("Cor", "Colour"), 40),
    ];
    html! { div class="fields" { @for one in fields { (field(one, form, objections)) } } }
}
