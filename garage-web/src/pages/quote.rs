//! The quote's editor: lines from the catalogue or written by hand, their sum always in view. Every press keeps what was
//! typed; the lines are replaced as a whole, on the version that was seen, so that two desks cannot undo each other.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use garage_events::{Service, WorkOrderId};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    page::{Catalogue, page},
    rows::Row,
};
use crate::{
    app::App,
    form::{Form, Objections, Posted},
    pages::order::{Whole, uuid_of},
    services::{
        Asker, Beside, No,
        view::{Labour, Part},
    },
    trouble::Trouble,
    visitor::SignedIn,
};

mod page;
mod rows;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/orders/{id}/quote", get(show).post(save))
}

async fn catalogue(asker: &Asker) -> Result<Catalogue, No> {
    let (parts, labour) = futures::try_join!(
        asker.all::<Part>(Service::Billing, "/parts?limit=200"),
        asker.all::<Labour>(Service::Billing, "/services?limit=200"),
    )?;
    Ok(Catalogue { parts, labour: labour.into_iter().filter(|labour| labour.active).collect() })
}

async fn show(State(app): State<App>, by: SignedIn, Path(id): Path<Uuid>) -> Result<Response, Trouble> {
    by.must_be(&["attendant", "manager"])?;
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let Some(quote) = &whole.quote else { return Ok(Redirect::to(&format!("/orders/{id}")).into_response()) };
    if quote.it.status != "PENDING" {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    }
    let rows = quote.it.items.iter().map(|line| Row::of(by.lang, line)).collect::<Vec<_>>();
    let version = quote.version.clone();
    let catalogue = catalogue(&by.asker).await?;
    Ok(page(&app, &by, &whole, &catalogue, &rows, &version, &Objections::default()).into_response())
}

async fn save(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["attendant", "manager"])?;
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let catalogue = catalogue(&by.asker).await?;
    let quote = uuid_of(&form, "quote")?;
    let rows = typed(&by, &form, &catalogue);
    let kept = match rows::lines(by.lang, &rows) {
        Ok(lines) => put(&by, &form, quote, lines).await,
        Err(objections) => Err(Ok(objections)),
    };
    let version = match kept {
        Ok(version) => version,
        Err(Err(trouble)) => return Err(trouble),
        Err(Ok(objections)) => {
            let page = page(&app, &by, &whole, &catalogue, &rows, form.get("version"), &objections);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    match form.get("do") {
        "send" => send(&by, id, quote, &version).await,
        "done" => Ok(Redirect::to(&format!("/orders/{id}?did=saved")).into_response()),
        _ => Ok(Redirect::to(&format!("/orders/{id}/quote#add")).into_response()),
    }
}

/// The lines as they were typed, without the one that is to go, with the ones that are to come.
fn typed(by: &SignedIn, form: &Form, catalogue: &Catalogue) -> Vec<Row> {
    let mut rows = rows::read(form);
    if let Some(place) = form.given("remove").and_then(|place| place.parse::<usize>().ok())
        && place < rows.len()
    {
        rows.remove(place);
    }
    if let Some(id) = form.given("pick") {
        rows.extend(catalogue.row(by.lang, id, form.get("pick-quantity")));
    }
    rows
}

/// Replaces the lines; gives the version that they have now.
async fn put(
    by: &SignedIn,
    form: &Form,
    quote: Uuid,
    lines: Vec<Value>,
) -> Result<String, Result<Objections, Trouble>> {
    let beside = Beside { version: form.given("version"), key: None };
    let body = json!({ "items": lines });
    let path = format!("/quotes/{quote}");
    match by.asker.tell_version(Service::Billing, Method::PUT, &path, Some(&body), beside).await {
        Ok(version) => Ok(version),
        Err(No::Refused(refusal)) => Err(Ok(rows::objections(by.lang, &refusal))),
        Err(no) => Err(Err(no.into())),
    }
}

async fn send(by: &SignedIn, id: Uuid, quote: Uuid, version: &str) -> Result<Response, Trouble> {
    let beside = Beside { version: Some(version), key: None };
    let path = format!("/quotes/{quote}/send");
    by.asker.tell::<Value>(Service::Billing, Method::PUT, &path, None, beside).await?;
    Ok(Redirect::to(&format!("/orders/{id}?did=send")).into_response())
}
