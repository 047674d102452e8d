//! One part: what is there, and which job holds or waits for what, first come first served.

use axum::{
    extract::{Path, State},
    response::Html,
};
use garage_events::Service;
use maud::{Markup, html};
use uuid::Uuid;

use super::page::{changing, warning};
use crate::{
    app::App,
    lang::Lang,
    services::{
        Asker, No,
        names::Named,
        view::{Order, Part, Reservation},
    },
    show, status,
    trouble::Trouble,
    ui::{self, Icon, Page, Place, icon},
    visitor::SignedIn,
};

/// An order that holds the part or waits for it, as far as OS knows it.
struct Holder {
    reservation: Reservation,
    order: Option<Order>,
    named: Named,
}

pub(super) async fn show(
    State(app): State<App>,
    by: SignedIn,
    Path(id): Path<Uuid>,
) -> Result<Html<String>, Trouble> {
    let (one, reservations) = (format!("/parts/{id}"), format!("/parts/{id}/reservations"));
    let part: Part = by.asker.find(Service::Billing, &one).await?.ok_or(Trouble::NotFound)?;
    let reservations: Vec<Reservation> = by.asker.get(Service::Billing, &reservations).await?;
    let holders = reservations.into_iter().map(|reservation| holder(&app, &by.asker, reservation));
    let holders = futures::future::try_join_all(holders).await?;
    Ok(page(&app, &by, &part, &holders))
}

async fn holder(app: &App, asker: &Asker, reservation: Reservation) -> Result<Holder, No> {
    let path = format!("/work-orders/{}", reservation.work_order_id);
    let order: Option<Order> = asker.find(Service::Os, &path).await?;
    let named = match &order {
        Some(order) => app.names.of(asker, order).await?,
        None => Named::default(),
    };
    Ok(Holder { reservation, order, named })
}

fn page(app: &App, by: &SignedIn, part: &Part, holders: &[Holder]) -> Html<String> {
    let lang = by.lang;
    ui::page(
        &Page::of(by, &part.name, Some(Place::Catalogue), &format!("/parts/{}", part.id)).live(),
        html! {
            p { a href="/parts" { "← " (lang.t("Peças e serviços", "Parts and services")) } }
            div class="head" { h1 { (part.name) } (warning(lang, part)) }
            (ui::facts([
                Some(html! { (part.part_number) }),
                part.category.as_ref().map(|category| html! { (category) }),
                part.supplier.as_ref().map(|supplier| html! { (supplier) }),
                Some(html! { (show::money(lang, part.price)) }),
            ]))
            div id="part" data-live="*" class="stack" {
                (figures(lang, part))
                (claims(app, lang, part, holders))
            }
            @if by.is_manager() { section class="card" { h2 { (lang.t("Mudar", "Change")) } (changing(by, part)) } }
        },
    )
}

fn figures(lang: Lang, part: &Part) -> Markup {
    let of = |count| show::units(lang, count, &part.unit);
    let figures = [
        (lang.t("Em estoque", "On hand"), of(part.stock_quantity)),
        (lang.t("Reservado", "Reserved"), of(part.reserved)),
        (lang.t("Livre", "Free"), of(part.free)),
        (lang.t("Faltando", "Missing"), of(part.missing)),
        (lang.t("Mínimo", "Minimum"), of(f64::from(part.min_stock_level))),
    ];
    html! {
        @if part.stock_quantity < 0.0 {
            p class="alarm" { (icon(Icon::Alert)) span { (lang.t("Foi usado mais do que se contou: conte a prateleira.", "More was built in than was counted: count the shelf.")) } }
        }
        dl class="figures" { @for (label, value) in figures { div { dt { (label) } dd { (value) } } } }
    }
}

fn claims(app: &App, lang: Lang, part: &Part, holders: &[Holder]) -> Markup {
    html! {
        section class="card" {
            h2 { (lang.t("Quem reserva, na ordem de chegada", "Who has it reserved, first come first served")) " " span class="count" { (holders.len()) } }
            @if holders.is_empty() { p class="none" { (lang.t("Nenhuma ordem.", "No order.")) } }
            ul class="rows" { @for one in holders { li { (claim(app, lang, part, one)) } } }
        }
    }
}

fn claim(app: &App, lang: Lang, part: &Part, Holder { reservation, order, named }: &Holder) -> Markup {
    let missing = reservation.missing > 0.0;
    html! {
        a href={ "/orders/" (reservation.work_order_id) } {
            span class="grow" {
                span { @match order {
                    Some(order) => { span class="plate" { (show::plate(&order.plate)) } " " (named.car()) },
                    None => { (lang.t("OS ", "Order ")) (show::number_of(reservation.work_order_id.0)) },
                } }
                span class="quiet" { (lang.t("desde ", "since ")) (show::soon(lang, app.local(reservation.since))) }
            }
            span { (show::units(lang, reservation.quantity, &part.unit)) }
            @if let Some(order) = order { (status::order(lang, &order.status).chip()) }
            @if missing { span class="chip bad" { (icon(Icon::Alert)) (lang.t("Faltam ", "Missing ")) (show::units(lang, reservation.missing, &part.unit)) } }
            @else { span class="chip good" { (icon(Icon::Check)) (lang.t("Separada", "Put aside")) } }
        }
    }
}
