//! How the technician's list looks.

use axum::response::Html;
use maud::{Markup, html};

use super::Card;
use crate::{
    app::App,
    pages::order::shelf::missing_chip,
    show, status,
    ui::{self, Icon, Page, Place, icon},
    visitor::SignedIn,
};

pub(super) fn page(app: &App, by: &SignedIn, mine: &[Card], queue: &[Card], theirs: &[Card]) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Trabalhos", "Jobs");
    ui::page(
        &Page::of(by, title, Some(Place::Workshop), "/workshop").live(),
        html! {
            h1 { (title) }
            div id="workshop" data-live="*" class="stack" {
                section {
                    h2 { (lang.t("Meus trabalhos", "My jobs")) }
                    @if mine.is_empty() { p class="none" { (lang.t("Nenhum agora. Pegue o próximo da fila.", "None right now. Take the next of the queue.")) } }
                    @for one in mine { (card(app, by, one)) }
                }
                section {
                    h2 { (lang.t("Fila", "Queue")) " " span class="count" { (queue.len()) } }
                    @if queue.is_empty() { p class="none" { (lang.t("A fila está vazia.", "The queue is empty.")) } }
                    @for one in queue { (card(app, by, one)) }
                }
                @if !theirs.is_empty() {
                    section {
                        h2 { (lang.t("Com outros", "With others")) }
                        @for one in theirs { (card(app, by, one)) }
                    }
                }
            }
        },
    )
}

fn card(app: &App, by: &SignedIn, Card { job, order, named, waits }: &Card) -> Markup {
    let (lang, now) = (by.lang, app.clock.now());
    html! {
        a class="car wide" href={ "/workshop/" (job.work_order_id) } {
            span class="facts" {
                span class="plate" { (order.as_ref().map(|order| show::plate(&order.plate)).unwrap_or_default()) }
                span class="model" { (named.car()) }
            }
            @if let Some(order) = order { span class="who" { (order.description) } }
            span class="facts" {
                (status::job(lang, &job.status).chip())
                @if *waits { (missing_chip(lang)) }
                @if let Some(priority) = status::priority(lang, &job.priority) { (priority.chip()) }
                span class="age" { (icon(Icon::Clock)) (show::age(lang, job.stands_since(), now)) }
                @if let Some(technician) = job.technician_id.as_ref().filter(|one| **one != by.person.login) { span class="age" { (icon(Icon::Person)) (technician) } }
            }
        }
    }
}
