//! The manager's figures, and what needs a hand: sagas that wait too long, events that could not be taken. The services
//! know both; here they are shown, and nudged.

use axum::{
    Router,
    extract::{Path, State},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_events::Service;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use self::figures::Figures;
use crate::{
    app::App,
    form::Posted,
    services::{
        Asker, No,
        view::{Order, Payment, Quote, WaitingFor},
    },
    trouble::Trouble,
    visitor::SignedIn,
};

mod figures;
mod page;

/// Orders, quotes and payments that are looked at; a shop has fewer in a month.
const LOOKED_AT: usize = 1000;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/dashboard", get(dashboard))
        .route("/dashboard/nudge/{kind}/{id}", post(nudge))
        .route("/dashboard/letters/{service}/{fate}/{id}", post(settle))
}

/// Something that waits too long.
struct Stuck {
    /// `work-orders`, `quotes` or `executions`.
    kind: &'static str,
    id: Uuid,
    order: Uuid,
    waiting: Option<WaitingFor>,
}

/// An event that could not be taken.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter {
    id: Uuid,
    queue: String,
    event_type: Option<String>,
    work_order_id: Option<Uuid>,
    reason: String,
}

/// What the services say needs a hand.
struct Needs {
    stuck: Vec<Stuck>,
    letters: Vec<(Service, Letter)>,
    away: Vec<Service>,
}

async fn dashboard(State(app): State<App>, by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    let (orders, quotes, payments, needs) = futures::join!(
        some::<Order>(&by.asker, Service::Os, "/work-orders?limit=200"),
        some::<Quote>(&by.asker, Service::Billing, "/quotes?limit=200"),
        some::<Payment>(&by.asker, Service::Billing, "/payments?limit=200"),
        needs(&by.asker),
    );
    let figures = Figures::of(&orders?, &quotes?, &payments?, app.clock.now());
    Ok(page::page(&app, &by, &figures, &needs))
}

/// The newest, up to so many.
async fn some<T: serde::de::DeserializeOwned>(asker: &Asker, at: Service, path: &str) -> Result<Vec<T>, No> {
    let (mut items, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next.filter(|_| items.len() < LOOKED_AT) {
        let (page, further) = asker.page(at, &path).await?;
        items.extend(page);
        next = further;
    }
    Ok(items)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Waits {
    id: Uuid,
    work_order_id: Option<Uuid>,
    waiting_for: Option<WaitingFor>,
}

async fn needs(asker: &Asker) -> Needs {
    let mut needs = Needs { stuck: Vec::new(), letters: Vec::new(), away: Vec::new() };
    let kinds =
        [(Service::Os, "work-orders"), (Service::Billing, "quotes"), (Service::Execution, "executions")];
    for (service, kind) in kinds {
        let (stuck, letters) = (format!("/{kind}?stuck=true&limit=50"), "/dead-letters?limit=50");
        let asked =
            futures::try_join!(asker.list::<Waits>(service, &stuck), asker.list::<Letter>(service, letters));
        match asked {
            Ok((stuck, letters)) => {
                needs.stuck.extend(stuck.into_iter().map(|one| Stuck {
                    kind,
                    id: one.id,
                    order: one.work_order_id.unwrap_or(one.id),
                    waiting: one.waiting_for,
                }));
                needs.letters.extend(letters.into_iter().map(|letter| (service, letter)));
            }
            Err(no) => {
                tracing::warn!(?no, "the dashboard is without a service");
                needs.away.push(service);
            }
        }
    }
    needs
}

async fn nudge(
    Path((kind, id)): Path<(String, Uuid)>,
    Posted { by, .. }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let service = match kind.as_str() {
        "work-orders" => Service::Os,
        "quotes" => Service::Billing,
        "executions" => Service::Execution,
        _ => return Err(Trouble::NotFound),
    };
    by.asker.command(service, Method::POST, &format!("/{kind}/{id}/nudge"), None).await?;
    Ok(Redirect::to("/dashboard").into_response())
}

async fn settle(
    Path((service, fate, id)): Path<(String, String, Uuid)>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let service = Service::ALL.iter().copied().find(|one| one.word() == service).ok_or(Trouble::NotFound)?;
    if !["replay", "discard"].contains(&fate.as_str()) {
        return Err(Trouble::NotFound);
    }
    let body = json!({ "ids": [id], "why": form.given("why").unwrap_or("from the dashboard") });
    by.asker.command(service, Method::POST, &format!("/dead-letters/{fate}"), Some(&body)).await?;
    Ok(Redirect::to("/dashboard").into_response())
}
