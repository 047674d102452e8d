//! The quote's editor: lines from the catalogue or written by hand, their sum always in view. Every press keeps what was
//! typed; the lines are replaced as a whole, on what was seen of them, so that two desks cannot undo each other.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use garage_events::{Service, WorkOrderId};
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
        Asker, No,
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
    if !quote.it.may_be_written() {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    }
    let rows = quote.it.items.iter().map(|line| Row::of(by.lang, line)).collect::<Vec<_>>();
    let mark = quote.it.mark();
    let catalogue = catalogue(&by.asker).await?;
    Ok(page(&app, &by, &whole, &catalogue, &rows, &mark, &Objections::default()).into_response())
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
        Ok(lines) => put(&by, &form, quote, lines, is_with_the_customer(&whole)).await,
        Err(objections) => Err(Ok(objections)),
    };
    let mark = match kept {
        Ok(mark) => mark,
        Err(Err(trouble)) => return Err(trouble),
        Err(Ok(objections)) => {
            let page = page(&app, &by, &whole, &catalogue, &rows, form.get("seen"), &objections);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    match form.get("do") {
        "send" => send(&by, id, quote, &mark).await,
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

fn is_with_the_customer(whole: &Whole) -> bool {
    whole.quote.as_ref().is_some_and(|quote| quote.it.status == "SENT")
}

/// Replaces the lines, or writes another text where the customer has this one; gives the mark that they have now.
async fn put(
    by: &SignedIn,
    form: &Form,
    quote: Uuid,
    lines: Vec<Value>,
    is_with_the_customer: bool,
) -> Result<String, Result<Objections, Trouble>> {
    let word = if is_with_the_customer { "revisions" } else { "" };
    let reason = form.given("reason").filter(|_| is_with_the_customer);
    let body = json!({ "items": lines, "reason": reason });
    match by.asker.tell_of_quote(quote, form.get("seen"), word, Some(&body)).await {
        Ok(quote) => Ok(quote.mark()),
        Err(No::Refused(refusal)) => Err(Ok(rows::objections(by.lang, &refusal))),
        Err(no) => Err(Err(no.into())),
    }
}

async fn send(by: &SignedIn, id: Uuid, quote: Uuid, mark: &str) -> Result<Response, Trouble> {
    by.asker.tell_of_quote(quote, mark, "send", None).await?;
    Ok(Redirect::to(&format!("/orders/{id}?did=send")).into_response())
}
