//! Parts and services: what is on the shelf and what must be ordered, what work costs. Everybody here reads them; what a
//! manager may change, Billing decides.

use std::collections::HashSet;

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_events::{Service, WorkOrderId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::page::{Shelf, page};
use crate::{
    app::App,
    form::{Form, Objections, Posted},
    lang::Lang,
    pages::search::path_with,
    services::{
        Asker, Beside, No,
        view::{Labour, Part},
    },
    show,
    trouble::Trouble,
    visitor::SignedIn,
};

mod edit;
mod import;
mod page;
mod part;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/parts", get(show_all).post(add_part))
        .route("/parts/import", get(import::ask).post(import::import))
        .route("/parts/{id}", get(part::show))
        .route("/parts/{id}/edit", get(edit::ask_part).post(edit::correct_part))
        .route("/parts/{id}/stock", post(stock))
        .route("/parts/{id}/price", post(price_part))
        .route("/services", post(add_service))
        .route("/services/{id}", post(change_service))
        .route("/services/{id}/edit", get(edit::ask_service).post(edit::correct_service))
}

#[derive(Default, Deserialize)]
pub(super) struct Sought {
    #[serde(default)]
    q: String,
    /// `low` or `missing`.
    #[serde(default)]
    only: String,
}

/// The orders that wait for some part. Without Billing nobody is known to.
pub(super) async fn waiting_orders(asker: &Asker) -> Result<HashSet<WorkOrderId>, No> {
    match asker.list::<Part>(Service::Billing, "/parts/missing?limit=200").await {
        Ok(parts) => Ok(parts.into_iter().flat_map(|part| part.waiting_orders).collect()),
        Err(No::Away(service, cause)) => {
            tracing::warn!(service = service.word(), cause, "a page is without missing parts");
            Ok(HashSet::new())
        }
        Err(no) => Err(no),
    }
}

async fn shelf(by: &SignedIn, sought: &Sought) -> Result<Shelf, No> {
    let path = match (sought.only.as_str(), sought.q.trim()) {
        ("low", _) => "/parts/low-stock?limit=200".to_owned(),
        ("missing", _) => "/parts/missing?limit=200".to_owned(),
        (_, "") => "/parts?limit=200".to_owned(),
        (_, words) => path_with("/parts?limit=200", "q", words),
    };
    let (parts, labour) = futures::try_join!(
        by.asker.all::<Part>(Service::Billing, &path),
        by.asker.all::<Labour>(Service::Billing, "/services?limit=200"),
    )?;
    Ok(Shelf { parts, labour, q: sought.q.trim().to_owned(), only: sought.only.clone() })
}

async fn show_all(by: SignedIn, Query(sought): Query<Sought>) -> Result<Response, Trouble> {
    let shelf = shelf(&by, &sought).await?;
    Ok(page(&by, &shelf, &Form::default(), &Objections::default()).into_response())
}

/// Back to the shelf, or there at once with what was said against it.
async fn after(
    by: &SignedIn,
    form: &Form,
    done: Result<Value, No>,
    name: impl Fn(&str) -> Option<&'static str>,
) -> Result<Response, Trouble> {
    match done {
        Ok(_) => Ok(Redirect::to("/parts").into_response()),
        Err(No::Refused(refusal)) if ![403, 404].contains(&refusal.status) => {
            refuse(by, form, &Objections::of(by.lang, &refusal, name)).await
        }
        Err(no) => Err(no.into()),
    }
}

async fn refuse(by: &SignedIn, form: &Form, objections: &Objections) -> Result<Response, Trouble> {
    let shelf = shelf(by, &Sought::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(by, &shelf, form, objections)).into_response())
}

/// How many of a part, as somebody typed it; what is none is said at its field.
fn units(lang: Lang, form: &Form, field: &str, objections: &mut Objections) -> Option<Value> {
    let read = typed_units(lang, form.given(field)?);
    if read.is_none() {
        objections
            .add(field, lang.t("deve ser um número, como 10 ou 4,5", "must be a number, such as 10 or 4.5"));
    }
    read
}

/// A number of units as JSON has it.
fn typed_units(lang: Lang, text: &str) -> Option<Value> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let number = show::typed_quantity(lang, text).filter(|number| !number.is_sign_negative())?;
    serde_json::from_str(&format!("{sign}{}", number.normalize())).ok()
}

/// A whole number that was typed.
fn count(lang: Lang, form: &Form, field: &str, objections: &mut Objections) -> Option<u32> {
    let read = form.given(field)?.parse().ok();
    if read.is_none() {
        objections.add(field, lang.t("deve ser um número inteiro", "must be a whole number"));
    }
    read
}

async fn add_part(State(_): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let lang = by.lang;
    let mut objections = Objections::default();
    objections.require(lang, &form, &["part-name", "number", "part-price"]);
    let (price, cost) =
        (objections.amount(lang, &form, "part-price"), objections.amount(lang, &form, "cost"));
    let (stock, least) =
        (units(lang, &form, "stock", &mut objections), count(lang, &form, "least", &mut objections));
    if !objections.is_empty() {
        return refuse(&by, &form, &objections).await;
    }
    let body = json!({ "name": form.get("part-name"), "partNumber": form.get("number"), "price": price, "costPrice": cost,
        "stockQuantity": stock.unwrap_or(json!(0)), "minStockLevel": least, "unit": form.given("unit"), "supplier": form.given("supplier") });
    let done = by.asker.tell(Service::Billing, Method::POST, "/parts", Some(&body), Beside::default()).await;
    after(&by, &form, done, part_field).await
}

/// A part's field as the forms call it.
fn part_field(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("part-name"),
        "partNumber" => Some("number"),
        "price" => Some("part-price"),
        "costPrice" => Some("cost"),
        "stockQuantity" => Some("stock"),
        "minStockLevel" => Some("least"),
        "unit" => Some("unit"),
        "category" => Some("category"),
        "supplier" => Some("supplier"),
        _ => None,
    }
}

async fn stock(Path(id): Path<Uuid>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let Some(by_many) = typed_units(by.lang, form.get("by")) else {
        let words = by.lang.t(
            "O ajuste deve ser um número, como 10, -2 ou 4,5.",
            "The adjustment must be a number, such as 10, -2 or 4.5.",
        );
        return refuse(&by, &Form::default(), &Objections::whole(words)).await;
    };
    let body = json!({ "adjustment": by_many });
    let done = by
        .asker
        .tell(Service::Billing, Method::PATCH, &format!("/parts/{id}/stock"), Some(&body), Beside::default())
        .await;
    after(&by, &Form::default(), done, |_| None).await
}

async fn price_part(Path(id): Path<Uuid>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let mut objections = Objections::default();
    let Some(price) = objections.amount(by.lang, &form, "price") else {
        let words = by
            .lang
            .t("O preço deve ser um valor, como 89,90.", "The price must be an amount, such as 89.90.");
        return refuse(&by, &Form::default(), &Objections::whole(words)).await;
    };
    let body = json!({ "price": price });
    let done = by
        .asker
        .tell(Service::Billing, Method::PATCH, &format!("/parts/{id}"), Some(&body), Beside::default())
        .await;
    after(&by, &Form::default(), done, |_| None).await
}

async fn add_service(State(_): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let lang = by.lang;
    let mut objections = Objections::default();
    objections.require(lang, &form, &["service-name", "service-price", "minutes"]);
    let price = objections.amount(lang, &form, "service-price");
    let minutes = count(lang, &form, "minutes", &mut objections);
    if !objections.is_empty() {
        return refuse(&by, &form, &objections).await;
    }
    let body = json!({ "name": form.get("service-name"), "price": price, "duration": minutes });
    let done =
        by.asker.tell(Service::Billing, Method::POST, "/services", Some(&body), Beside::default()).await;
    after(&by, &form, done, labour_field).await
}

/// The same of a service.
fn labour_field(field: &str) -> Option<&'static str> {
    match field {
        "name" => Some("service-name"),
        "price" => Some("service-price"),
        "duration" => Some("minutes"),
        _ => None,
    }
}

async fn change_service(Path(id): Path<Uuid>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let body = json!({ "active": form.get("active") == "yes" });
    let done = by
        .asker
        .tell(Service::Billing, Method::PATCH, &format!("/services/{id}"), Some(&body), Beside::default())
        .await;
    after(&by, &Form::default(), done, |_| None).await
}
