//! One box for everything: a plate in either form, a name, a CPF or CNPJ, an order's number, words of the complaint. OS
//! does the finding.

use axum::{
    Router,
    extract::{Query, State},
    response::Html,
    routing::get,
};
use garage_events::Service;
use maud::html;
use serde::Deserialize;

use crate::{
    app::App,
    services::{
        No,
        view::{Customer, Order},
    },
    show, status,
    trouble::Trouble,
    ui::{self, Page},
    visitor::SignedIn,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/search", get(search))
}

#[derive(Deserialize)]
struct Sought {
    #[serde(default)]
    q: String,
}

/// A path with one parameter.
pub(super) fn path_with(path: &str, name: &str, value: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{query}")
}

/// The customers whom somebody may look at: whose page is not for them, they are not shown the way to.
async fn customers(by: &SignedIn, words: &str) -> Result<Vec<Customer>, No> {
    if !by.is_desk() {
        return Ok(Vec::new());
    }
    by.asker.list(Service::Os, &path_with("/customers?limit=20", "q", words)).await
}

async fn search(
    State(app): State<App>,
    by: SignedIn,
    Query(Sought { q }): Query<Sought>,
) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let words: String = q.trim().chars().take(ui::SEARCH).collect();
    let words = words.trim_end();
    let (orders, customers) = if words.is_empty() {
        (Vec::new(), Vec::new())
    } else {
        let orders = path_with("/work-orders?limit=50", "q", words);
        futures::try_join!(by.asker.list::<Order>(Service::Os, &orders), customers(&by, words))?
    };
    let named = app.names.of_all(&by.asker, &orders).await?;
    let title = lang.t("Procurar", "Search");
    let here = path_with("/search", "q", words);
    Ok(ui::page(
        &Page::of(&by, title, None, &here),
        html! {
            h1 { (title) @if !words.is_empty() { ": " (words) } }
            @if orders.is_empty() && customers.is_empty() {
                p class="none" { (lang.t("Nada encontrado.", "Nothing found.")) }
            }
            @if !orders.is_empty() {
                h2 { (lang.t("Ordens de serviço", "Work orders")) }
                ul class="rows" {
                    @for (order, named) in orders.iter().zip(&named) {
                        li { a href={ "/orders/" (order.id) } {
                            span class="plate" { (show::plate(&order.plate)) }
                            span class="grow" {
                                b { (named.customer.as_ref().map(|customer| customer.called(lang)).unwrap_or_default()) }
                                span class="quiet" { (named.car()) " · " (order.description) }
                            }
                            span class="quiet" { (show::day(lang, app.local(order.created_at))) }
                            (status::order(lang, &order.status).chip())
                        } }
                    }
                }
            }
            @if !customers.is_empty() {
                h2 { (lang.t("Clientes", "Customers")) }
                ul class="rows" {
                    @for customer in &customers {
                        li { a href={ "/customers/" (customer.id) } {
                            span class="grow" { b { (customer.name) } span class="quiet" { (show::masked_document(&customer.document)) } }
                            span class="quiet" { (show::phone(&customer.phone)) }
                        } }
                    }
                }
            }
        },
    ))
}
