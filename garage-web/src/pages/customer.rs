//! The customer's page, opened by the signed link alone: where the car is, the quote to approve or refuse, the PIX to
//! pay. It asks the services with the link's own token, so that it cannot show more than a link may; of the car it says
//! the model and a masked plate, of people nothing (LGPD art. 6). Reading it changes nothing, as chats fetch links.

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

use self::page::page;
use crate::{
    app::App,
    form::{Form, KEY, Objections},
    lang::Lang,
    pages::{
        order::{tender, uuid_of},
        print::{self, paper::About},
    },
    services::{
        Asker, Beside, No, Versioned,
        view::{Order, Payment, Progress, Quote},
    },
    trouble::Trouble,
    visitor,
};

mod page;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/c/{code}", get(show))
        .route("/c/{code}/live", get(live))
        .route("/c/{code}/quote.pdf", get(file))
        .route("/c/{code}/approve", post(approve).get(back))
        .route("/c/{code}/reject", post(reject).get(back))
        .route("/c/{code}/pay", post(pay).get(back))
}

/// Where a form's answer stood, the page stands when it is asked for again.
async fn back(Path(code): Path<String>) -> Redirect {
    Redirect::to(&format!("/c/{code}"))
}

/// Somebody with a link.
struct Guest {
    code: String,
    order: WorkOrderId,
    asker: Asker,
    lang: Lang,
}

impl Guest {
    fn of(app: &App, code: String, lang: Lang) -> Result<Self, Trouble> {
        let order = app.links.read(&code, app.clock.now()).ok_or(Trouble::NotFound)?;
        let asker = app.services.asked_with(app.signer.customer(order, &app.clock)?);
        Ok(Self { code, order, asker, lang })
    }

    /// Who has sent a form of this link's page.
    fn who_sent(form: &Form, app: &App, code: String, lang: Lang) -> Result<Self, Trouble> {
        let guest = Self::of(app, code, lang)?;
        form.must_know(&guest.word())?;
        Ok(guest)
    }

    /// What this link's forms bring back.
    fn word(&self) -> String {
        visitor::word_of(&self.code)
    }
}

/// What a link shows.
struct Seen {
    order: Order,
    /// The car's make and model.
    car: String,
    quote: Option<Versioned<Quote>>,
    payments: Vec<Payment>,
    progress: Option<Progress>,
}

impl Seen {
    async fn read(app: &App, guest: &Guest) -> Result<Self, Trouble> {
        let (id, asker) = (guest.order, &guest.asker);
        let (order, quote, payments, progress) = (
            format!("/work-orders/{id}"),
            format!("/quotes/work-order/{id}"),
            format!("/payments/work-order/{id}"),
            format!("/executions/work-order/{id}"),
        );
        let (order, quote, payments, progress) = futures::try_join!(
            asker.get::<Order>(Service::Os, &order),
            asker.find_version::<Quote>(Service::Billing, &quote),
            asker.list::<Payment>(Service::Billing, &payments),
            asker.find::<Progress>(Service::Execution, &progress),
        )?;
        let vehicle = app.names.vehicle(&app.as_the_house()?, order.vehicle_id).await?;
        let car = vehicle.map(|vehicle| vehicle.model_name()).unwrap_or_default();
        Ok(Self { order, car, quote, payments, progress })
    }

    /// The quote's text, unless the shop is still writing it.
    fn sent_quote(&self) -> Option<&Quote> {
        self.quote.as_ref().map(|quote| &quote.it).filter(|quote| quote.status != "PENDING")
    }
}

#[derive(Deserialize)]
struct Did {
    #[serde(default)]
    did: String,
}

async fn show(
    State(app): State<App>,
    lang: Lang,
    Path(code): Path<String>,
    Query(Did { did }): Query<Did>,
) -> Result<Response, Trouble> {
    let guest = Guest::of(&app, code, lang)?;
    let seen = Seen::read(&app, &guest).await?;
    Ok(page(&app, &guest, &seen, &did, &Objections::default()).into_response())
}

async fn live(State(app): State<App>, lang: Lang, Path(code): Path<String>) -> Result<Response, Trouble> {
    let guest = Guest::of(&app, code, lang)?;
    Ok(app.live.stream(Some(guest.order)))
}

/// The quote to keep, once the customer may see it.
async fn file(State(app): State<App>, lang: Lang, Path(code): Path<String>) -> Result<Response, Trouble> {
    let guest = Guest::of(&app, code, lang)?;
    let seen = Seen::read(&app, &guest).await?;
    let quote = seen.sent_quote().ok_or(Trouble::NotFound)?;
    let (settings, order, car) = (&app.settings, &seen.order, &seen.car);
    Ok(print::file::quote(&About { lang, settings, order, customer: None, car }, quote, None))
}

/// Back to the page, or there at once with what was said against it.
async fn after<T>(app: &App, guest: &Guest, done: Result<T, No>, did: &str) -> Result<Response, Trouble> {
    match done {
        Ok(_) => Ok(Redirect::to(&format!("/c/{}?did={did}", guest.code)).into_response()),
        Err(No::Refused(refusal)) if refusal.status != 404 => {
            let seen = Seen::read(app, guest).await?;
            let objections = Objections::of(guest.lang, &refusal, |_| None);
            Ok((StatusCode::CONFLICT, page(app, guest, &seen, "", &objections)).into_response())
        }
        Err(no) => Err(no.into()),
    }
}

async fn approve(
    State(app): State<App>,
    lang: Lang,
    Path(code): Path<String>,
    form: Form,
) -> Result<Response, Trouble> {
    let guest = Guest::who_sent(&form, &app, code, lang)?;
    let done = guest.asker.tell_of_quote(uuid_of(&form, "quote")?, form.get("seen"), "approve", None).await;
    after(&app, &guest, done, "approved").await
}

async fn reject(
    State(app): State<App>,
    lang: Lang,
    Path(code): Path<String>,
    form: Form,
) -> Result<Response, Trouble> {
    let guest = Guest::who_sent(&form, &app, code, lang)?;
    let body = json!({ "reason": form.given("reason") });
    let done =
        guest.asker.tell_of_quote(uuid_of(&form, "quote")?, form.get("seen"), "reject", Some(&body)).await;
    after(&app, &guest, done, "rejected").await
}

async fn pay(
    State(app): State<App>,
    lang: Lang,
    Path(code): Path<String>,
    form: Form,
) -> Result<Response, Trouble> {
    let guest = Guest::who_sent(&form, &app, code, lang)?;
    let quote = Seen::read(&app, &guest).await?.quote.ok_or(Trouble::NotFound)?.it;
    let beside = Beside { key: form.given(KEY), version: None };
    let body = tender(&quote, "PIX");
    let done =
        guest.asker.tell::<Value>(Service::Billing, Method::POST, "/payments", Some(&body), beside).await;
    after(&app, &guest, done, "charged").await
}
