//! The day's board: every car in the shop, by what happens to it next. The columns are statuses of the work order, and
//! where the workshop has it, of its job; what is over shows for the rest of the day.

use std::collections::HashMap;

use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use garage_events::{Service, WorkOrderId};
use maud::{Markup, html};

use crate::{
    app::App,
    lang::Lang,
    pages::{catalogue::waiting_orders, order::shelf::missing_chip},
    services::{
        Asker, No,
        names::Named,
        view::{Job, Order},
    },
    show, status,
    trouble::Trouble,
    ui::{self, Icon, Page, Place, icon},
    visitor::SignedIn,
};

/// Statuses whose orders stand on the board, and how many of each.
const OPEN: [(&str, u32); 9] = [
    ("PENDING", 100),
    ("QUOTED", 100),
    ("QUOTE_SENT", 100),
    ("APPROVED", 100),
    ("IN_PROGRESS", 200),
    ("COMPLETED", 100),
    ("DELIVERED", 30),
    ("CANCELLED", 30),
    ("FAILED", 30),
];
/// Statuses of jobs that tell apart what is in the workshop.
const AT_WORK: [&str; 5] = ["DIAGNOSING", "DIAGNOSIS_COMPLETE", "REPAIRING", "REPAIR_COMPLETE", "TESTING"];

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(board))
}

/// A car on the board.
struct Card {
    order: Order,
    named: Named,
    job: Option<Job>,
    /// It waits for a part.
    waits: bool,
}

struct Column {
    id: &'static str,
    title: &'static str,
    empty: &'static str,
    cards: Vec<Card>,
}

async fn board(State(app): State<App>, by: SignedIn) -> Result<Response, Trouble> {
    if !by.is_desk() {
        let workshop = by.is_workshop().then(|| Redirect::to("/workshop").into_response());
        return Ok(workshop.unwrap_or_else(|| nowhere(&by).into_response()));
    }
    let cards = cards(&app, &by.asker).await?;
    Ok(page(&app, &by, columns(by.lang, cards)).into_response())
}

async fn cards(app: &App, asker: &Asker) -> Result<Vec<Card>, No> {
    let orders = OPEN.map(|(status, most)| async move {
        asker.list::<Order>(Service::Os, &format!("/work-orders?status={status}&limit={most}")).await
    });
    let jobs = AT_WORK.map(|status| async move {
        asker.list::<Job>(Service::Execution, &format!("/executions?status={status}&limit=200")).await
    });
    let (orders, jobs, waiting) = futures::join!(
        futures::future::try_join_all(orders),
        futures::future::try_join_all(jobs),
        waiting_orders(asker),
    );
    let waiting = waiting?;
    let today = app.local(app.clock.now()).date_naive();
    let is_shown = |order: &Order| !order.is_over() || app.local(order.stands_since()).date_naive() == today;
    let orders: Vec<Order> = orders?.into_iter().flatten().filter(is_shown).collect();
    // Without the workshop the board still shows what the desk knows.
    let jobs = jobs.inspect_err(|no| tracing::warn!(?no, "the board is without jobs")).unwrap_or_default();
    let mut jobs: HashMap<WorkOrderId, Job> =
        jobs.into_iter().flatten().map(|job| (job.work_order_id, job)).collect();
    let named = app.names.of_all(asker, &orders).await?;
    Ok(orders
        .into_iter()
        .zip(named)
        .map(|(order, named)| Card {
            job: jobs.remove(&order.id),
            waits: waiting.contains(&order.id),
            order,
            named,
        })
        .collect())
}

fn columns(lang: Lang, cards: Vec<Card>) -> Vec<Column> {
    let column = |id, title, empty| Column { id, title, empty, cards: Vec::new() };
    let mut columns = vec![
        column(
            "quote",
            lang.t("Recebidos · orçar", "Received · to quote"),
            lang.t("Nenhum carro a orçar", "No car to quote"),
        ),
        column(
            "answer",
            lang.t("Aguardando aprovação", "Awaiting approval"),
            lang.t("Nada com clientes", "Nothing with customers"),
        ),
        column(
            "pay",
            lang.t("Aguardando pagamento", "Awaiting payment"),
            lang.t("Nada a receber", "Nothing to receive"),
        ),
        column("queue", lang.t("Na fila", "In the queue"), lang.t("Fila vazia", "The queue is empty")),
        column("work", lang.t("Em serviço", "At work"), lang.t("Ninguém trabalhando", "Nobody at work")),
        column("ready", lang.t("Prontos", "Ready"), lang.t("Nada a entregar", "Nothing to hand over")),
        column("over", lang.t("Encerrados hoje", "Over today"), lang.t("Nada ainda", "Nothing yet")),
    ];
    for card in cards {
        let place = match card.order.status.as_str() {
            "PENDING" | "QUOTED" => 0,
            "QUOTE_SENT" => 1,
            "APPROVED" => 2,
            "IN_PROGRESS" if card.job.is_none() => 3,
            "IN_PROGRESS" => 4,
            "COMPLETED" => 5,
            _ => 6,
        };
        columns[place].cards.push(card);
    }
    for column in &mut columns {
        column.cards.sort_by_key(|card| card.order.stands_since());
    }
    columns
}

fn page(app: &App, by: &SignedIn, columns: Vec<Column>) -> Html<String> {
    let (lang, now) = (by.lang, app.clock.now());
    let title = lang.t("Hoje", "Today");
    let count = columns.iter().take(6).map(|column| column.cards.len()).sum::<usize>();
    ui::page(
        &Page::of(by, title, Some(Place::Board), "/").live(),
        html! {
            div class="head" {
                h1 { (title) }
                a class="button primary" href="/intake" { (icon(Icon::Plus)) (lang.t("Nova entrada", "New intake")) }
            }
            div id="board" data-live="*" {
                nav class="tiles" aria-label=(lang.t("Colunas", "Columns")) {
                    @for column in columns.iter().take(6) {
                        a href={ "#" (column.id) } { b { (column.cards.len()) } span { (column.title) } }
                    }
                    @let short = columns.iter().flat_map(|column| &column.cards).filter(|card| card.waits).count();
                    @if short > 0 { a href="/parts?only=missing" { b { (short) } span { (lang.t("Esperando peça", "Waiting for a part")) } } }
                }
                @if count == 0 && columns[6].cards.is_empty() { (nothing(lang)) }
                div class="board" {
                    @for column in &columns { (one(app, lang, now, column)) }
                }
            }
        },
    )
}

/// For somebody without a role, who has no place to go but out.
fn nowhere(by: &SignedIn) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Sem função", "No role");
    let words = lang.t(
        "Você ainda não tem função nesta oficina. Peça uma a quem gerencia.",
        "You have no role in this shop yet. Ask a manager for one.",
    );
    ui::page(
        &Page::of(by, title, None, "/"),
        html! {
            div class="card narrow" {
                h1 { (title) }
                p { (words) }
                (ui::press("/sign-out", &by.word, "", lang.t("Sair", "Sign out")))
            }
        },
    )
}

fn nothing(lang: Lang) -> Markup {
    html! {
        div class="card empty" {
            p { (lang.t("A oficina está vazia. O primeiro carro começa pela placa.", "The shop is empty. The first car begins with its plate.")) }
            a class="button primary" href="/intake" { (lang.t("Receber um carro", "Take a car in")) }
        }
    }
}

fn one(app: &App, lang: Lang, now: DateTime<Utc>, column: &Column) -> Markup {
    html! {
        section class="column" id=(column.id) aria-labelledby={ (column.id) "-title" } {
            h2 id={ (column.id) "-title" } { (column.title) " " span class="count" { (column.cards.len()) } }
            @if column.cards.is_empty() { p class="none" { (column.empty) } }
            ul { @for one in &column.cards { li { (card(app, lang, now, one)) } } }
        }
    }
}

fn card(app: &App, lang: Lang, now: DateTime<Utc>, Card { order, named, job, waits }: &Card) -> Markup {
    let late = order
        .estimated_completion_date
        .filter(|promised| *promised < now && !order.is_over() && order.status != "COMPLETED");
    let name = named.customer.as_ref().map(|customer| show::first_name(&customer.name).to_owned());
    // What the column says already is not said again.
    let shown = match (job, order.status.as_str()) {
        (Some(job), "IN_PROGRESS") => Some(status::job(lang, &job.status)),
        (None, "IN_PROGRESS") | (_, "QUOTE_SENT" | "APPROVED" | "COMPLETED") => None,
        (_, other) => Some(status::order(lang, other)),
    };
    html! {
        a class="car" href={ "/orders/" (order.id) } {
            span class="plate" { (show::plate(&order.plate)) }
            span class="model" { (named.car()) }
            span class="who" { (name.unwrap_or_default()) @if let Some(job) = job { @if let Some(technician) = &job.technician_id { " · " (technician) } } }
            span class="facts" {
                @if let Some(shown) = shown { (shown.chip()) }
                @if let Some(total) = order.total_amount { span class="money" { (show::money(lang, total)) } }
            }
            span class="facts" {
                span class="age" title=(lang.t("neste estado há", "in this state for")) { (icon(Icon::Clock)) (show::age(lang, order.stands_since(), now)) }
                @if let Some(promised) = order.estimated_completion_date {
                    @if late.is_some() {
                        span class="chip bad" { (icon(Icon::Alert)) (lang.t("Atrasado", "Late")) " · " (show::soon(lang, app.local(promised))) }
                    } @else { span class="age" { (icon(Icon::Flag)) (show::soon(lang, app.local(promised))) } }
                }
                @if *waits { (missing_chip(lang)) }
                @if order.stuck == Some(true) { span class="chip bad" { (icon(Icon::Alert)) (lang.t("Parado", "Stuck")) } }
            }
        }
    }
}
