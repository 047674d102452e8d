//! Taking a car in, plate first: a plate that is known brings its car and owner, one that is not asks for both, and a new
//! owner who is known brings their record. The three services' rules are theirs; what they object to stands beside its
//! field, and what was typed stays.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use garage_events::{CustomerId, Service};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use self::{
    known::{Car, Known},
    written::Written,
};
use crate::{
    app::App,
    form::{Form, KEY, Objections, Posted},
    lang::Lang,
    services::{
        Beside, No, Refusal,
        view::{Customer, Order, Vehicle},
    },
    show,
    trouble::Trouble,
    visitor::{DESK, SignedIn},
};

mod contact;
mod known;
mod namesake;
mod page;
mod written;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/intake", get(ask).post(take_in))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    plate: String,
}

async fn ask(
    State(app): State<App>,
    by: SignedIn,
    Query(Asked { plate }): Query<Asked>,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let form = Form::default().with("plate", plate.trim()).with(KEY, app.clock.event_id().to_string());
    if plate.trim().is_empty() {
        return Ok(page::plate(&by, &form, &Objections::default()).into_response());
    }
    match known::by_plate(&by.asker, plate.trim()).await {
        Ok(known) => Ok(page::whole(&app, &by, &form, &known, &Objections::default()).into_response()),
        Err(No::Refused(refusal)) => {
            let objections = Objections::of(by.lang, &refusal, |_| Some("plate"));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page::plate(&by, &form, &objections)).into_response())
        }
        Err(no) => Err(no.into()),
    }
}

/// What stopped an intake.
enum Stopped {
    Objections(Objections),
    Trouble(Trouble),
}

impl From<Objections> for Stopped {
    fn from(objections: Objections) -> Self {
        Self::Objections(objections)
    }
}

async fn take_in(State(app): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let known = match known::by_plate(&by.asker, form.get("plate")).await {
        Err(No::Refused(refusal)) => {
            let objections = Objections::of(by.lang, &refusal, |_| Some("plate"));
            return Ok(
                (StatusCode::UNPROCESSABLE_ENTITY, page::plate(&by, &form, &objections)).into_response()
            );
        }
        other => other?,
    };
    match open(&app, &by, &form, &known).await {
        Ok(order) => Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response()),
        Err(Stopped::Trouble(trouble)) => Err(trouble),
        Err(Stopped::Objections(objections)) => {
            let page = page::whole(&app, &by, &form, &known, &objections);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn open(app: &App, by: &SignedIn, form: &Form, known: &Known) -> Result<Order, Stopped> {
    let written = match Written::read(by.lang, form, known, app.local(app.clock.now())) {
        Ok(written) => written,
        Err(objections) => return Err(and_of_document(by, form, objections).await.into()),
    };
    let car = match (&known.car, known.wants_an_owner(form)) {
        (Some(Car { vehicle, .. }), false) => (vehicle.customer_id, vehicle.clone()),
        (car, _) => {
            let customer = customer(by, form).await?;
            app.names.forget(customer.0);
            let vehicle = vehicle(by, form, customer, car.as_ref().map(|car| &car.vehicle)).await?;
            app.names.forget(vehicle.id.0);
            (customer, vehicle)
        }
    };
    let order = written.order(car.0, car.1.id);
    let beside = Beside { key: form.given(KEY), version: None };
    told(
        by.lang,
        by.asker.tell(Service::Os, Method::POST, "/work-orders", Some(&order), beside).await,
        |field| match field {
            "description" => Some("complaint"),
            "estimatedCost" => Some("estimate"),
            "estimatedCompletionDate" => Some("promised"),
            "metadata" => Some("left"),
            _ => None,
        },
    )
}

/// The same with what there is to object to in the document, which OS alone can judge: all is said at once.
async fn and_of_document(by: &SignedIn, form: &Form, mut objections: Objections) -> Objections {
    if form.given("document").is_none() {
        return objections;
    }
    let path = format!("/customers/document/{}", namesake::document(form));
    if let Err(No::Refused(refusal)) = by.asker.find::<Customer>(Service::Os, &path).await {
        let of_it = Objections::of(by.lang, &refusal, |_| Some("document"));
        of_it.fields().for_each(|(field, words)| objections.add(field, words));
    }
    objections
}

/// A service's answer; its no as the form's.
fn told<T>(
    lang: Lang,
    answer: Result<T, No>,
    name: impl Fn(&str) -> Option<&'static str>,
) -> Result<T, Stopped> {
    answer.map_err(|no| match no {
        No::Refused(refusal) => Stopped::Objections(Objections::of(lang, &refusal, name)),
        away @ No::Away(..) => Stopped::Trouble(away.into()),
    })
}

/// The customer with the document that was typed: the one who has it, or somebody new.
async fn customer(by: &SignedIn, form: &Form) -> Result<CustomerId, Stopped> {
    let document = namesake::document(form);
    let name = |field: &str| match field {
        "document" | "personType" => Some("document"),
        "name" => Some("name"),
        "phone" => Some("phone"),
        "email" => Some("email"),
        _ => None,
    };
    let path = format!("/customers/document/{document}");
    let known = told(by.lang, by.asker.find::<Customer>(Service::Os, &path).await, name)?;
    if let Some(known) = known {
        return meant(by, form, &known, name).await;
    }
    let person = if document.len() == 11 { "INDIVIDUAL" } else { "COMPANY" };
    let new = json!({ "name": form.get("name"), "personType": person, "document": document,
        "phone": form.get("phone"), "email": form.given("email") });
    let made = by
        .asker
        .tell::<Customer>(Service::Os, Method::POST, "/customers", Some(&new), Beside::default())
        .await;
    match made {
        // Somebody else was faster, perhaps a second press of the same button.
        Err(No::Refused(Refusal { code, .. })) if code == "taken" => {
            let known = told(by.lang, by.asker.find::<Customer>(Service::Os, &path).await, name)?;
            meant(by, form, &known.ok_or(Stopped::Trouble(Trouble::Failed))?, name).await
        }
        made => told(by.lang, made, name).map(|customer| customer.id),
    }
}

/// The customer who has the typed document, if the desk means them; their record corrected, if the desk says so.
async fn meant(
    by: &SignedIn,
    form: &Form,
    known: &Customer,
    name: impl Fn(&str) -> Option<&'static str>,
) -> Result<CustomerId, Stopped> {
    let objections = namesake::objections(by.lang, form, known);
    if !objections.is_empty() {
        return Err(objections.into());
    }
    if let Some(changes) = namesake::correction(form, known) {
        let path = format!("/customers/{}", known.id);
        let kept =
            by.asker.tell::<Customer>(Service::Os, Method::PATCH, &path, Some(&changes), Beside::default());
        told(by.lang, kept.await, name)?;
    }
    Ok(known.id)
}

/// The vehicle, now this customer's: a new one, or one that has changed hands.
async fn vehicle(
    by: &SignedIn,
    form: &Form,
    customer: CustomerId,
    known: Option<&Vehicle>,
) -> Result<Vehicle, Stopped> {
    let name = |field: &str| match field {
        "plate" => Some("plate"),
        "brand" => Some("brand"),
        "model" => Some("model"),
        "year" => Some("year"),
        "color" => Some("color"),
        _ => None,
    };
    if let Some(known) = known {
        let body = json!({ "customerId": customer, "plate": known.plate, "brand": known.brand, "model": known.model,
            "year": known.year, "color": known.color, "vin": known.vin });
        let path = format!("/vehicles/{}", known.id);
        return told(
            by.lang,
            by.asker.tell(Service::Os, Method::PUT, &path, Some(&body), Beside::default()).await,
            name,
        );
    }
    let year: Value =
        form.get("year").parse::<u16>().map_or_else(|_| json!(form.get("year")), |year| json!(year));
    let new = json!({ "customerId": customer, "plate": show::bare(form.get("plate")), "brand": form.get("brand"),
        "model": form.get("model"), "year": year, "color": form.given("color") });
    let made =
        by.asker.tell::<Vehicle>(Service::Os, Method::POST, "/vehicles", Some(&new), Beside::default()).await;
    match made {
        Err(No::Refused(Refusal { code, .. })) if code == "taken" => {
            let path = format!("/vehicles/plate/{}", show::bare(form.get("plate")));
            told(by.lang, by.asker.get(Service::Os, &path).await, name)
        }
        made => told(by.lang, made, name),
    }
}
