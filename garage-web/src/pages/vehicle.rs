//! A car's record: every visit, whichever form of its plate it came under, and whose it is. What was done is on the
//! orders; here they stand one under the other.

use axum::{
    Router,
    extract::{Path, State},
    response::Html,
    routing::get,
};
use garage_events::Service;
use maud::html;
use uuid::Uuid;

use crate::{
    app::App,
    services::view::{Customer, Job, Order, Vehicle},
    show, status,
    trouble::Trouble,
    ui::{self, Icon, Page, icon},
    visitor::SignedIn,
};

mod edit;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/vehicles/{id}", get(record))
        .route("/vehicles/{id}/edit", get(edit::ask).post(edit::correct))
}

async fn record(State(app): State<App>, by: SignedIn, Path(id): Path<Uuid>) -> Result<Html<String>, Trouble> {
    let vehicle: Vehicle =
        by.asker.find(Service::Os, &format!("/vehicles/{id}")).await?.ok_or(Trouble::NotFound)?;
    let (owner, visits) =
        (format!("/customers/{}", vehicle.customer_id), format!("/work-orders?vehicleId={id}&limit=100"));
    let (owner, orders) = futures::try_join!(
        by.asker.find::<Customer>(Service::Os, &owner),
        by.asker.list::<Order>(Service::Os, &visits),
    )?;
    let mut visits = Vec::new();
    for order in orders {
        let job =
            by.asker.find::<Job>(Service::Execution, &format!("/executions/work-order/{}", order.id)).await?;
        visits.push((order, job));
    }
    Ok(page(&app, &by, &vehicle, owner.as_ref(), &visits))
}

fn page(
    app: &App,
    by: &SignedIn,
    vehicle: &Vehicle,
    owner: Option<&Customer>,
    visits: &[(Order, Option<Job>)],
) -> Html<String> {
    let lang = by.lang;
    let (title, here) = (show::plate(&vehicle.plate), format!("/vehicles/{}", vehicle.id));
    let plates = show::both_forms(&vehicle.plate).map(|other| format!(" = {}", show::plate(&other)));
    ui::page(
        &Page::of(by, &title, None, &here),
        html! {
            div class="head" {
                h1 { span class="plate" { (title) } " " (vehicle.car()) }
                @if by.is_desk() { span class="facts" {
                    a class="button" href={ (here) "/edit" } { (lang.t("Corrigir os dados", "Correct the details")) }
                    a class="button" href={ "/intake?plate=" (vehicle.plate) } { (icon(Icon::Plus)) (lang.t("Nova entrada", "New intake")) }
                } }
            }
            p class="quiet" {
                @if let Some(other) = plates { (lang.t("Mesma placa", "The same plate")) (other) " · " }
                @if let Some(color) = &vehicle.color { (color) " · " }
                @if let Some(owner) = owner { (icon(Icon::Person)) (owner.called(lang)) @if !owner.is_erased() { " · " (show::phone(&owner.phone)) } }
            }
            h2 { (lang.t("Visitas", "Visits")) " " span class="count" { (visits.len()) } }
            ul class="rows card" {
                @for (order, job) in visits {
                    li { a href={ "/orders/" (order.id) } {
                        span class="quiet" { (show::day(lang, app.local(order.created_at))) }
                        span class="grow" {
                            b { (order.description) }
                            @if let Some(km) = order.note("km") { span class="quiet" { (km) " km" } }
                            @if let Some(job) = job {
                                @if let Some(notes) = &job.repair_notes { span class="quiet lines" { (notes) } }
                                @if !job.services_performed.is_empty() { span class="quiet" { (job.services_performed.join(", ")) } }
                            }
                        }
                        @if let Some(total) = order.total_amount { span class="money" { (show::money(lang, total)) } }
                        (status::order(lang, &order.status).chip())
                    } }
                }
            }
        },
    )
}
