//! A work order, with the one step that comes next. Each step is a form of its own; which of them is offered follows from
//! where the order stands, and whether it may be taken is for the service to say.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_events::{Service, WorkOrderId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::whole::Whole;
use crate::{
    app::App,
    form::{Form, KEY, Objections, Posted},
    lang::Lang,
    services::{Beside, No},
    trouble::Trouble,
    visitor::SignedIn,
};

mod edit;
mod lines;
mod mails;
mod money;
mod next;
mod page;
mod pay;
mod quoted;
pub(super) mod shelf;
mod timeline;
mod whole;

pub(super) use self::{
    lines::{columns, groups, lines},
    pay::{pix, tender},
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/edit", get(edit::ask).post(edit::correct))
        .route("/orders/{id}/quote/{word}", post(quote).get(back_from_the_quote))
        .route("/orders/{id}/pay", post(charge).get(back))
        .route("/orders/{id}/refund", post(money::refund).get(back))
        .route("/orders/{id}/verify", post(verify).get(back))
        .route("/orders/{id}/withdraw", post(withdraw).get(back))
        .route("/orders/{id}/deliver", post(deliver).get(back))
        .route("/orders/{id}/cancel", post(cancel).get(back))
}

/// Where a form's answer stood, the order stands when it is asked for again.
async fn back(Path(id): Path<Uuid>) -> Redirect {
    Redirect::to(&format!("/orders/{id}"))
}

async fn back_from_the_quote(Path((id, _)): Path<(Uuid, String)>) -> Redirect {
    back(Path(id)).await
}

/// What has just been done.
#[derive(Deserialize)]
struct Did {
    #[serde(default)]
    did: String,
}

/// The address under which customers reach these pages.
pub(super) fn public_url(app: &App, headers: &HeaderMap) -> String {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:3000");
    app.settings.public_url.clone().unwrap_or_else(|| format!("http://{host}"))
}

/// Who can follow a customer's link at `url`, as long as nobody has set the address under which customers reach these
/// pages; nothing once somebody has.
pub(super) fn reach(lang: Lang, set: Option<&str>, url: &str) -> Option<&'static str> {
    if set.is_some() {
        return None;
    }
    let is_here =
        ["http://127.", "http://localhost", "http://[::1]"].iter().any(|here| url.starts_with(here));
    Some(if is_here {
        lang.t(
            "O link só funciona neste computador, até que PUBLIC_URL seja definido.",
            "The link works on this computer only, until PUBLIC_URL is set.",
        )
    } else {
        lang.t(
            "O link só funciona para quem alcança este mesmo endereço, até que PUBLIC_URL seja definido.",
            "The link works only for who reaches this same address, until PUBLIC_URL is set.",
        )
    })
}

async fn show(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
    Query(Did { did }): Query<Did>,
    headers: HeaderMap,
) -> Result<Html<String>, Trouble> {
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    Ok(page::page(
        &app,
        &by,
        &whole,
        &public_url(&app, &headers),
        &did,
        &Form::default(),
        &Objections::default(),
    ))
}

/// Back to the order, or there at once with what was said against it.
async fn after<T>(
    app: &App,
    by: &SignedIn,
    id: Uuid,
    headers: &HeaderMap,
    done: Result<T, No>,
    did: &str,
) -> Result<Response, Trouble> {
    match done {
        Ok(_) => Ok(Redirect::to(&format!("/orders/{id}?did={did}")).into_response()),
        Err(No::Refused(refusal)) if refusal.status != 404 => {
            let whole = Whole::read(app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
            let objections = Objections::of(by.lang, &refusal, |_| None);
            let url = public_url(app, headers);
            let page = page::page(app, by, &whole, &url, "", &Form::default(), &objections);
            Ok((axum::http::StatusCode::CONFLICT, page).into_response())
        }
        Err(no) => Err(no.into()),
    }
}

/// The desk's word on the quote, on exactly what was seen of it.
async fn quote(
    State(app): State<App>,
    Path((id, word)): Path<(Uuid, String)>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    if !["send", "approve", "reject"].contains(&word.as_str()) {
        return Err(Trouble::NotFound);
    }
    let body = (word == "reject").then(|| json!({ "reason": form.given("reason") }));
    let done = by.asker.tell_of_quote(uuid_of(&form, "quote")?, form.get("seen"), &word, body.as_ref()).await;
    after(&app, &by, id, &headers, done, &word).await
}

/// A form's field that must be an id of ours: it becomes part of a path.
pub(super) fn uuid_of(form: &Form, name: &str) -> Result<Uuid, Trouble> {
    form.get(name).parse().map_err(|_| Trouble::NotFound)
}

async fn charge(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let quote = whole.quote.ok_or(Trouble::NotFound)?.it;
    let method = form.given("method").unwrap_or("PIX").to_owned();
    let tender = pay::tender(&quote, &method);
    let beside = Beside { key: form.given(KEY), version: None };
    let done =
        by.asker.tell::<Value>(Service::Billing, Method::POST, "/payments", Some(&tender), beside).await;
    after(&app, &by, id, &headers, done, "charged").await
}

async fn verify(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    let path = format!("/payments/{}/verify", uuid_of(&form, "payment")?);
    let done = by.asker.tell::<Value>(Service::Billing, Method::PATCH, &path, None, Beside::default()).await;
    after(&app, &by, id, &headers, done, "verified").await
}

/// Takes a charge back that nobody has paid, so that it can be paid in another way.
async fn withdraw(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    let path = format!("/payments/{}", uuid_of(&form, "payment")?);
    let done = by.asker.command(Service::Billing, Method::DELETE, &path, None).await;
    after(&app, &by, id, &headers, done, "withdrawn").await
}

async fn deliver(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, .. }: Posted,
) -> Result<Response, Trouble> {
    let done = by.asker.command(Service::Os, Method::POST, &format!("/work-orders/{id}/deliver"), None).await;
    after(&app, &by, id, &headers, done, "delivered").await
}

async fn cancel(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    let body = form.given("reason").map(|reason| json!({ "reason": reason }));
    let done =
        by.asker.command(Service::Os, Method::DELETE, &format!("/work-orders/{id}"), body.as_ref()).await;
    after(&app, &by, id, &headers, done, "cancelled").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_customers_cannot_follow_says_so_until_the_address_is_set() {
        let said = |set, url| reach(Lang::En, set, url);
        for url in ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(
                said(None, url),
                Some("The link works on this computer only, until PUBLIC_URL is set.")
            );
        }
        let in_the_shop = said(None, "http://192.168.0.5:3000");
        assert!(in_the_shop.is_some_and(|words| words.contains("this same address")));
        assert_eq!(said(Some("https://oficina.example"), "https://oficina.example"), None);
    }
}
