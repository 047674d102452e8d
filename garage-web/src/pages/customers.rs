//! A customer's record, and their rights over it (LGPD art. 18): to see what is kept, to have it corrected, to take it
//! along, and to have it erased as far as the law does not make the shop keep it ([`erase`]).

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    services::{
        Beside, No,
        view::{Customer, Erasure, Order, Vehicle},
    },
    show, status,
    trouble::Trouble,
    ui::{self, Field, Page, field, hidden, summary},
    visitor::{DESK, SignedIn},
};

mod erase;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/customers/{id}", get(show_one).post(correct))
        .route("/customers/{id}/data.json", get(take_along))
        .route("/customers/{id}/delete", post(delete))
        .route("/customers/{id}/erase", post(erase::erase).get(erase::back))
}

/// A customer with what is theirs.
struct Record {
    customer: Customer,
    vehicles: Vec<Vehicle>,
    orders: Vec<Order>,
    /// How it was erased, as far as that is for whoever looks.
    erasure: Option<Erasure>,
}

async fn read(by: &SignedIn, id: Uuid) -> Result<Record, Trouble> {
    let (customer, vehicles, orders) = (
        format!("/customers/{id}"),
        format!("/vehicles/customer/{id}?limit=200"),
        format!("/work-orders?customerId={id}&limit=200"),
    );
    let customer: Customer = by.asker.find(Service::Os, &customer).await?.ok_or(Trouble::NotFound)?;
    let (vehicles, orders) = futures::try_join!(
        by.asker.all::<Vehicle>(Service::Os, &vehicles),
        by.asker.all::<Order>(Service::Os, &orders),
    )?;
    let erasure = if customer.is_erased() && by.is_manager() {
        by.asker.find(Service::Os, &format!("/customers/{id}/erasure")).await?
    } else {
        None
    };
    Ok(Record { customer, vehicles, orders, erasure })
}

async fn show_one(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Html<String>, Trouble> {
    by.must_be(&DESK)?;
    let record = read(&by, id).await?;
    Ok(page(&app, &by, &record, &Form::default(), &Objections::default()))
}

fn page(app: &App, by: &SignedIn, record: &Record, form: &Form, objections: &Objections) -> Html<String> {
    let (lang, customer) = (by.lang, &record.customer);
    let here = format!("/customers/{}", customer.id);
    let written = form.clone().with("name", &customer.name).with("phone", show::phone(&customer.phone));
    let written = &written.with("email", customer.email.as_deref().unwrap_or_default());
    ui::page(
        &Page::of(by, customer.called(lang), None, &here),
        html! {
            div class="head" { h1 { (customer.called(lang)) } span class="quiet" { (show::masked_document(&customer.document)) } }
            (summary(lang, objections))
            div class="stack" {
                @if customer.is_erased() { (erase::erased(app, by, record)) }
                @else { form class="card" method="post" action=(here) {
                    h2 { (lang.t("Dados", "Data")) }
                    (hidden(WORD, &by.word))
                    div class="fields" {
                        (field(Field::text("name", lang.t("Nome", "Name")).required(), written, objections))
                        (field(Field { most: 20, ..Field::text("phone", lang.t("Celular com DDD", "Phone with area code")).required().kind("tel") }, written, objections))
                        (field(Field::text("email", "E-mail").kind("email"), written, objections))
                    }
                    div class="bar" { button class="primary" { (lang.t("Corrigir", "Correct")) } }
                } }
                (theirs(app, by, record))
                @if by.is_manager() { (erase::rights(by, record, form, objections)) }
            }
        },
    )
}

fn theirs(app: &App, by: &SignedIn, record: &Record) -> Markup {
    let lang = by.lang;
    html! {
        section class="card" {
            h2 { (lang.t("Veículos", "Vehicles")) " " span class="count" { (record.vehicles.len()) } }
            ul class="rows" { @for vehicle in &record.vehicles { li { a href={ "/vehicles/" (vehicle.id) } {
                span class="plate" { (show::plate(&vehicle.plate)) } span class="grow" { (vehicle.car()) }
            } } } }
        }
        section class="card" {
            h2 { (lang.t("Ordens de serviço", "Work orders")) " " span class="count" { (record.orders.len()) } }
            ul class="rows" { @for order in &record.orders { li { a href={ "/orders/" (order.id) } {
                span class="quiet" { (show::day(lang, app.local(order.created_at))) }
                span class="plate" { (show::plate(&order.plate)) }
                span class="grow" { (order.description) }
                (status::order(lang, &order.status).chip())
            } } } }
        }
    }
}

/// Shows the record again with what was said against a change.
async fn refused(
    app: &App,
    by: &SignedIn,
    id: Uuid,
    form: &Form,
    objections: &Objections,
) -> Result<Response, Trouble> {
    let record = read(by, id).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(app, by, &record, form, objections)).into_response())
}

async fn correct(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let body = json!({ "name": form.get("name"), "phone": form.get("phone"), "email": form.given("email") });
    let path = format!("/customers/{id}");
    match by.asker.tell::<Value>(Service::Os, Method::PATCH, &path, Some(&body), Beside::default()).await {
        Ok(_) => {
            app.names.forget(id);
            Ok(Redirect::to(&path).into_response())
        }
        Err(No::Refused(refusal)) if refusal.status != 404 => {
            let objections = Objections::of(by.lang, &refusal, |field| match field {
                "name" => Some("name"),
                "phone" => Some("phone"),
                "email" => Some("email"),
                _ => None,
            });
            refused(&app, &by, id, &form, &objections).await
        }
        Err(no) => Err(no.into()),
    }
}

async fn delete(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, .. }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    match by.asker.command(Service::Os, Method::DELETE, &format!("/customers/{id}"), None).await {
        Ok(()) => {
            app.names.forget(id);
            Ok(Redirect::to("/search").into_response())
        }
        Err(No::Refused(refusal)) if refusal.status == 409 => {
            let objections = Objections::of(by.lang, &refusal, |_| None);
            refused(&app, &by, id, &Form::default(), &objections).await
        }
        Err(no) => Err(no.into()),
    }
}

/// Everything that the services keep of a person, as they keep it (LGPD art. 18, V).
async fn take_along(by: SignedIn, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let customer: Value = by.asker.get(Service::Os, &format!("/customers/{id}")).await?;
    let vehicles: Vec<Value> =
        by.asker.all(Service::Os, &format!("/vehicles/customer/{id}?limit=200")).await?;
    let orders: Vec<Value> =
        by.asker.all(Service::Os, &format!("/work-orders?customerId={id}&limit=200")).await?;
    let mut visits = Vec::new();
    for order in orders {
        let id = order["id"].as_str().unwrap_or_default();
        let (history, quote, payments) = (
            format!("/work-orders/{id}/history"),
            format!("/quotes/work-order/{id}"),
            format!("/payments/work-order/{id}"),
        );
        let (history, quote, payments) = futures::try_join!(
            by.asker.get::<Value>(Service::Os, &history),
            by.asker.find::<Value>(Service::Billing, &quote),
            by.asker.get::<Value>(Service::Billing, &payments),
        )?;
        visits.push(json!({ "workOrder": order, "history": history, "quote": quote, "payments": payments }));
    }
    let text = json!({ "customer": customer, "vehicles": vehicles, "visits": visits });
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"customer-{id}.json\"")),
    ];
    Ok((headers, format!("{text:#}")).into_response())
}
