//! Correcting what was written down when the car was taken in, until the order has ended. What the quote was made from
//! stays, as the quote itself is written anew instead; so does what the shop notes otherwise with an order.

use std::fmt::Debug;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use chrono::FixedOffset;
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
    services::{Seen, view::Order},
    show,
    trouble::Trouble,
    ui::{Field, area, field},
    visitor::{DESK, SignedIn},
};

impl Seen for Order {
    const AT: Service = Service::Os;

    fn shown(&self) -> impl Debug {
        (&self.description, self.note("km"), self.note("left"), self.estimated_completion_date)
    }
}

impl Correctable for Order {
    const METHOD: Method = Method::PATCH;
}

/// Whether OS may still take a correction.
pub(super) fn is_open(order: &Order) -> bool {
    !order.is_over() && !order.customer_erased
}

async fn read(by: &SignedIn, id: Uuid) -> Result<Order, Trouble> {
    by.asker.find(Service::Os, &format!("/work-orders/{id}")).await?.ok_or(Trouble::NotFound)
}

pub(super) async fn ask(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let order = read(&by, id).await?;
    if !is_open(&order) {
        return Ok(Redirect::to(&format!("/orders/{id}")).into_response());
    }
    Ok(page(&app, &by, &order, &Form::default(), &Objections::default()).into_response())
}

pub(super) async fn correct(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&DESK)?;
    let name = |field: &str| match field {
        "description" => Some("complaint"),
        "estimatedCompletionDate" => Some("promised"),
        "metadata" => Some("left"),
        _ => None,
    };
    let path = format!("/work-orders/{id}");
    let typed = Typed::read(by.lang, &form, app.settings.zone);
    let kept = correction::keep(&by, &path, &form, name, typed, Typed::change).await?;
    let Err(objections) = kept else {
        return Ok(Redirect::to(&format!("/orders/{id}?did=saved")).into_response());
    };
    let order = read(&by, id).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&app, &by, &order, &form, &objections)).into_response())
}

/// What was typed, as far as it can be read.
struct Typed {
    complaint: String,
    km: Option<String>,
    left: Option<String>,
    promised: Option<String>,
}

impl Typed {
    /// Reads the form as the intake does, or says all that cannot be read.
    fn read(lang: Lang, form: &Form, zone: FixedOffset) -> Result<Self, Objections> {
        let mut objections = Objections::default();
        objections.require(lang, form, &["complaint"]);
        let km = objections.kilometres(lang, form, "km");
        let promised = objections.moment(lang, form, "promised", zone);
        if !objections.is_empty() {
            return Err(objections);
        }
        Ok(Self {
            complaint: form.get("complaint").to_owned(),
            km,
            left: form.given("left").map(str::to_owned),
            promised: promised.map(|at| at.to_rfc3339()),
        })
    }

    fn change(&self, order: &Order) -> Value {
        json!({ "description": self.complaint, "estimatedCompletionDate": self.promised, "metadata": self.notes(order) })
    }

    /// The order's notes with these among them; the notes of others stay.
    fn notes(&self, order: &Order) -> Value {
        let mut notes = order.metadata.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, note) in [("km", &self.km), ("left", &self.left)] {
            if order.note(name) != note.as_deref() {
                notes.insert(name.to_owned(), json!(note));
            }
        }
        if notes.is_empty() { Value::Null } else { Value::Object(notes) }
    }
}

fn page(app: &App, by: &SignedIn, order: &Order, form: &Form, objections: &Objections) -> Html<String> {
    let (lang, id) = (by.lang, order.id);
    let promised = order.estimated_completion_date.map(|at| app.local(at).format(show::LOCAL).to_string());
    let form = correction::marked(form, order)
        .with("complaint", &order.description)
        .with("km", order.note("km").unwrap_or_default())
        .with("left", order.note("left").unwrap_or_default())
        .with("promised", promised.unwrap_or_default());
    let title = format!(
        "{} {} · {}",
        lang.t("Corrigir OS", "Correct order"),
        show::number_of(id.0),
        show::plate(&order.plate)
    );
    let (here, back) = (format!("/orders/{id}/edit"), format!("/orders/{id}"));
    let sheet = Sheet {
        title: &title,
        place: None,
        here: &here,
        back: (&back, lang.t("Voltar à ordem", "Back to the order")),
    };
    correction::page(by, &sheet, &form, objections, &fields(lang, &form, objections))
}

fn fields(lang: Lang, form: &Form, objections: &Objections) -> Markup {
    let complaint =
        Field::text("complaint", lang.t("O que o cliente conta", "What the customer tells")).required();
    let km =
        Field { inputmode: "numeric", most: 10, ..Field::text("km", lang.t("Quilometragem", "Kilometres")) };
    let promised = Field::text("promised", lang.t("Prometido para", "Promised for")).kind("datetime-local");
    let left = Field::text("left", lang.t("Objetos e combustível", "Items left and fuel"));
    html! {
        (area(complaint, form, objections))
        div class="fields" { @for one in [km, promised, left] { (field(one, form, objections)) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(metadata: &Value) -> Order {
        let id = Uuid::nil();
        serde_json::from_value(json!({ "id": id, "customerId": id, "vehicleId": id, "plate": "ABC1D23",
            "description": "Freio", "status": "QUOTED", "metadata": metadata,
            "createdAt": "2026-02-08T10:00:00Z", "updatedAt": "2026-02-08T10:00:00Z" }))
        .unwrap()
    }

    fn typed(form: &str) -> Result<Typed, Objections> {
        let zone = FixedOffset::west_opt(3 * 3600).unwrap();
        Typed::read(Lang::Pt, &Form::parse(form.as_bytes()), zone)
    }

    #[test]
    fn everything_that_cannot_be_read_is_said_at_once() {
        let objections = typed("complaint=+&km=many&promised=soon").err().unwrap();
        let named: Vec<&str> = objections.fields().map(|(field, _)| field).collect();
        assert_eq!(named, ["complaint", "km", "promised"]);
    }

    #[test]
    fn a_promise_is_in_the_shop_s_time_and_can_be_taken_back() {
        let known = order(&Value::Null);
        let change = typed("complaint=Freio&promised=2026-11-28T17:00").ok().unwrap().change(&known);
        assert_eq!(change["estimatedCompletionDate"], json!("2026-11-28T20:00:00+00:00"));
        let change = typed("complaint=Freio&promised=").ok().unwrap().change(&known);
        assert_eq!(change["estimatedCompletionDate"], Value::Null);
    }

    #[test]
    fn the_notes_of_others_stay() {
        let known = order(&json!({ "km": "82350", "left": "Estepe", "lift": 2, "tags": ["vip"] }));
        let notes = typed("complaint=Freio&km=82.530&left=").ok().unwrap().notes(&known);
        assert_eq!(notes, json!({ "km": "82530", "left": null, "lift": 2, "tags": ["vip"] }));
        let counted = order(&json!({ "km": 82350 }));
        assert_eq!(
            typed("complaint=Freio").ok().unwrap().notes(&counted),
            json!({ "km": 82350 }),
            "what was not shown"
        );
        assert_eq!(typed("complaint=Freio").ok().unwrap().notes(&order(&Value::Null)), Value::Null);
    }
}
