//! The quote's editor: lines from the catalogue or written by hand, their sum always in view. Every press keeps what was
//! typed; the lines are replaced as a whole, on what was seen of them, so that two desks cannot undo each other. What the
//! customer has is theirs until the desk saves another text: a press of any other button only keeps what was typed on the
//! page, and a text that is the same is not saved.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use chrono::{DateTime, SecondsFormat, Utc};
use garage_events::{Service, WorkOrderId};
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    page::{Catalogue, Editor, page},
    rows::Row,
};
use crate::{
    app::App,
    form::{Form, Objections, Posted},
    lang::Lang,
    pages::order::{Whole, uuid_of},
    services::{
        Asker, No, Seen as _,
        view::{Labour, Part, Quote},
    },
    trouble::Trouble,
    visitor::{DESK, SignedIn},
};

mod page;
mod rows;
mod validity;

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
    by.must_be(&DESK)?;
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let Some(quote) = &whole.quote else { return Ok(Redirect::to(&format!("/orders/{id}")).into_response()) };
    if !quote.it.may_be_written() {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    }
    let rows = rows::of(by.lang, &quote.it.items);
    let form = Form::default().with("seen", quote.it.mark());
    let catalogue = catalogue(&by.asker).await?;
    let editor =
        Editor { order: &whole.order, quote: &quote.it, catalogue: &catalogue, rows: &rows, form: &form };
    Ok(page(&app, &by, &editor, &Objections::default(), None).into_response())
}

async fn save(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let whole = Whole::read(&app, &by.asker, WorkOrderId(id)).await?.ok_or(Trouble::NotFound)?;
    let Some(quote) = whole.quote.as_ref().map(|quote| &quote.it) else {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    };
    let catalogue = catalogue(&by.asker).await?;
    let rows = typed(&by, &form, &catalogue);
    let editor = Editor { order: &whole.order, quote, catalogue: &catalogue, rows: &rows, form: &form };
    match keep(&app, &by, quote, &rows, &form).await {
        Ok(Kept::Stored(mark)) => go_on(&by, id, &form, &mark).await,
        Ok(Kept::OnThePage) => Ok(page(&app, &by, &editor, &Objections::default(), None).into_response()),
        Ok(Kept::AsItWas) => {
            let words = by.lang.t(
                "Nada foi mudado: o cliente continua com este orçamento.",
                "Nothing was changed: the customer still has this quote.",
            );
            Ok(page(&app, &by, &editor, &Objections::default(), Some(words)).into_response())
        }
        Err(Stopped::Trouble(trouble)) => Err(trouble),
        Err(Stopped::Objections(objections)) => {
            let page = page(&app, &by, &editor, &objections, None);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The lines as they were typed, without the one that is to go, with the ones that are to come.
fn typed(by: &SignedIn, form: &Form, catalogue: &Catalogue) -> Vec<Row> {
    let removed = form.given("remove").and_then(|place| place.parse().ok());
    let mut rows = rows::read(form, removed);
    if let Some(id) = form.given("pick") {
        rows.extend(catalogue.row(by.lang, id, form.get("pick-quantity")));
    }
    rows
}

/// Where what was typed is now.
enum Kept {
    /// With Billing; the mark of what it has.
    Stored(String),
    /// Nowhere else yet.
    OnThePage,
    /// It is what the customer has.
    AsItWas,
}

/// Stores what was typed: the lines anew, or as another text where the customer has this one.
async fn keep(app: &App, by: &SignedIn, quote: &Quote, rows: &[Row], form: &Form) -> Result<Kept, Stopped> {
    let is_sent = quote.status == "SENT";
    if is_sent && !matches!(form.get("do"), "done" | "send") {
        return Ok(Kept::OnThePage);
    }
    let written = Written::read(app, by.lang, quote, rows, form).map_err(Stopped::Objections)?;
    if is_sent && form.get("seen") == quote.mark() && written.is(by.lang, quote) {
        return Ok(Kept::AsItWas);
    }
    let word = if is_sent { "revisions" } else { "" };
    let body = written.body(form.given("reason").filter(|_| is_sent));
    match by.asker.tell_of_quote(uuid_of(form, "quote")?, form.get("seen"), word, Some(&body)).await {
        Ok(quote) => Ok(Kept::Stored(quote.mark())),
        Err(No::Refused(refusal)) => Err(Stopped::Objections(rows::objections(by.lang, &refusal))),
        Err(no) => Err(Stopped::Trouble(no.into())),
    }
}

/// Why nothing was kept.
enum Stopped {
    Objections(Objections),
    Trouble(Trouble),
}

impl From<Trouble> for Stopped {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// A quote's text as Billing reads it.
struct Written {
    lines: Vec<Value>,
    /// Where the desk says until when.
    valid_until: Option<DateTime<Utc>>,
}

impl Written {
    /// Reads the form, or says all that cannot be read.
    fn read(app: &App, lang: Lang, quote: &Quote, rows: &[Row], form: &Form) -> Result<Self, Objections> {
        let lines = rows::lines(lang, rows, &quote.items);
        let mut objections = lines.as_ref().err().cloned().unwrap_or_default();
        let (zone, now) = (app.settings.zone, app.clock.now());
        let valid_until = validity::typed(lang, form, zone, now, &mut objections);
        match lines {
            Ok(lines) if objections.is_empty() => Ok(Self { lines, valid_until }),
            Ok(_) | Err(_) => Err(objections),
        }
    }

    /// Whether it is the text that the quote has.
    fn is(&self, lang: Lang, quote: &Quote) -> bool {
        self.valid_until.is_none_or(|end| end == quote.valid_until)
            && rows::are_those(lang, &self.lines, &quote.items)
    }

    fn body(&self, reason: Option<&str>) -> Value {
        let valid_until = self.valid_until.map(|end| end.to_rfc3339_opts(SecondsFormat::Millis, true));
        json!({ "items": self.lines, "validUntil": valid_until, "reason": reason })
    }
}

/// Where the pressed button leads, once all is stored.
async fn go_on(by: &SignedIn, id: Uuid, form: &Form, mark: &str) -> Result<Response, Trouble> {
    match form.get("do") {
        "send" => send(by, id, uuid_of(form, "quote")?, mark).await,
        "done" => Ok(Redirect::to(&format!("/orders/{id}?did=saved")).into_response()),
        _ => Ok(Redirect::to(&format!("/orders/{id}/quote#add")).into_response()),
    }
}

async fn send(by: &SignedIn, id: Uuid, quote: Uuid, mark: &str) -> Result<Response, Trouble> {
    by.asker.tell_of_quote(quote, mark, "send", None).await?;
    Ok(Redirect::to(&format!("/orders/{id}?did=send")).into_response())
}
