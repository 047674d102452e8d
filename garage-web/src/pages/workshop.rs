//! The technician's phone: my jobs on top, the queue in the order in which it is to be taken, and one job with the one
//! big button that comes next. Which step may follow which is the workshop service's affair.

use std::collections::HashSet;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use garage_events::{Service, WorkOrderId};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use self::step::Step;
use crate::{
    app::App,
    form::{Form, Objections, Posted},
    pages::{catalogue::waiting_orders, order::Whole},
    services::{
        Asker, Beside, No,
        names::Named,
        view::{Job, Order},
    },
    trouble::Trouble,
    visitor::SignedIn,
};

mod job;
mod list;
mod step;

/// Statuses of jobs that somebody is at.
const AT_WORK: [&str; 5] = ["DIAGNOSING", "DIAGNOSIS_COMPLETE", "REPAIRING", "REPAIR_COMPLETE", "TESTING"];

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/workshop", get(workshop))
        .route("/workshop/{order}", get(one))
        .route("/workshop/{order}/{step}", post(take).get(back))
}

/// Where a form's answer stood, the job stands when it is asked for again.
async fn back(Path((order, _)): Path<(Uuid, String)>) -> Redirect {
    Redirect::to(&format!("/workshop/{order}"))
}

/// A job with the car that it is about.
struct Card {
    job: Job,
    order: Option<Order>,
    named: Named,
    /// It waits for a part.
    waits: bool,
}

async fn workshop(State(app): State<App>, by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["technician", "manager"])?;
    let at_work = AT_WORK.map(|status| {
        let asker = &by.asker;
        async move {
            asker.list::<Job>(Service::Execution, &format!("/executions?status={status}&limit=200")).await
        }
    });
    let (at_work, queue, waiting) = futures::try_join!(
        futures::future::try_join_all(at_work),
        by.asker.list::<Job>(Service::Execution, "/queue?limit=100"),
        waiting_orders(&by.asker),
    )?;
    let (mine, theirs): (Vec<Job>, Vec<Job>) =
        at_work.into_iter().flatten().partition(|job| job.technician_id.as_deref() == Some(&by.person.login));
    let mine = cards(&app, &by.asker, mine, &waiting).await?;
    let theirs = cards(&app, &by.asker, theirs, &waiting).await?;
    let queue = cards(&app, &by.asker, queue, &waiting).await?;
    Ok(list::page(&app, &by, &mine, &queue, &theirs))
}

async fn cards(
    app: &App,
    asker: &Asker,
    jobs: Vec<Job>,
    waiting: &HashSet<WorkOrderId>,
) -> Result<Vec<Card>, No> {
    let card = |job: Job| async move {
        let order: Option<Order> =
            asker.find(Service::Os, &format!("/work-orders/{}", job.work_order_id)).await?;
        let named = match &order {
            Some(order) => app.names.of(asker, order).await?,
            None => Named::default(),
        };
        Ok::<_, No>(Card { waits: waiting.contains(&job.work_order_id), job, order, named })
    };
    let cards = futures::stream::iter(jobs.into_iter().map(card));
    let cards: Vec<_> = futures::StreamExt::collect(futures::StreamExt::buffered(cards, 16)).await;
    cards.into_iter().collect()
}

async fn read(app: &App, by: &SignedIn, order: Uuid) -> Result<(Whole, Job), Trouble> {
    let whole = Whole::read(app, &by.asker, WorkOrderId(order)).await?.ok_or(Trouble::NotFound)?;
    let job = whole.job.clone().ok_or(Trouble::NotFound)?;
    Ok((whole, job))
}

async fn one(State(app): State<App>, by: SignedIn, Path(order): Path<Uuid>) -> Result<Html<String>, Trouble> {
    by.must_be(&["technician", "manager"])?;
    let (whole, job) = read(&app, &by, order).await?;
    Ok(job::page(&app, &by, &whole, &job, &Form::default(), &Objections::default()))
}

async fn take(
    State(app): State<App>,
    Path((order, step)): Path<(Uuid, String)>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["technician", "manager"])?;
    let step = Step::named(&step).ok_or(Trouble::NotFound)?;
    let (whole, job) = read(&app, &by, order).await?;
    let refused = |objections: &Objections, whole: &Whole, job: &Job| {
        (StatusCode::UNPROCESSABLE_ENTITY, job::page(&app, &by, whole, job, &form, objections))
            .into_response()
    };
    let body = match step.body(by.lang, &form, whole.quote.as_ref().map(|quote| &quote.it), &by.person.login)
    {
        Ok(body) => body,
        Err(objections) => return Ok(refused(&objections, &whole, &job)),
    };
    let path = format!("/executions/{}/{}", job.id, step.word());
    match by
        .asker
        .tell::<Value>(Service::Execution, Method::POST, &path, Some(&body), Beside::default())
        .await
    {
        Ok(_) => Ok(Redirect::to(&format!("/workshop/{order}")).into_response()),
        Err(No::Refused(refusal)) if refusal.status != 404 => {
            let objections = Objections::of(by.lang, &refusal, step::field);
            let (whole, job) = read(&app, &by, order).await?;
            Ok(refused(&objections, &whole, &job))
        }
        Err(no) => Err(no.into()),
    }
}
