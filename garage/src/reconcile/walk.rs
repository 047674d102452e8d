//! Reads the three services over their own HTTP, a page of orders at a time, and nudges where a nudge may help. It
//! reads what anybody may read, and a nudge is what a manager may do by hand.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use garage_events::{PaymentStatus, WorkOrderId, WorkOrderStatus};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Finding, Known, Mend, Order, Part, Payment, Quote, findings, forgotten};
use crate::shop::{At, Shop};

/// Orders read at once.
const PAGE: usize = 200;
/// Orders that are compared at the same time.
const AT_ONCE: usize = 4;

/// Which orders are compared, and how.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Only those that were opened since then.
    pub since: Option<DateTime<Utc>>,
    /// Leave out those that were delivered, and those that OS does not know.
    pub unfinished: bool,
    /// Ask the gateway about every payment of theirs.
    pub ask_gateway: bool,
}

/// Compares all orders in `scope`, newest first; `told` hears of each finding. How many orders were compared.
///
/// # Errors
/// When a service does not answer as it must.
pub async fn all(
    shop: &Shop,
    scope: Scope,
    now: DateTime<Utc>,
    mut told: impl FnMut(&Finding),
) -> Result<usize> {
    let mut next = Some(format!("/work-orders?limit={PAGE}"));
    let (mut compared, mut seen) = (0, BTreeSet::new());
    while let Some(path) = next.take() {
        let (page, link) = shop.page(At::Os, &path).await?;
        let orders: Vec<Order> = page.into_iter().map(parsed).collect::<Result<_>>()?;
        seen.extend(orders.iter().map(|order| order.id));
        let is_old = |order: &Order| scope.since.is_some_and(|since| order.created_at < since);
        next = link.filter(|_| !orders.last().is_some_and(is_old));
        let is_left_out = |order: &Order| scope.unfinished && order.status == WorkOrderStatus::Delivered;
        let wanted = orders.into_iter().filter(|order| !is_old(order) && !is_left_out(order));
        let found = stream::iter(wanted).map(|order| examine(shop, order, scope, now)).buffered(AT_ONCE);
        let found: Vec<Vec<Finding>> = found.try_collect().await?;
        compared += found.len();
        found.iter().flatten().for_each(&mut told);
    }
    if !scope.unfinished {
        unknown_to_os(shop, scope, &seen).await?.iter().for_each(told);
    }
    Ok(compared)
}

/// Compares one order.
///
/// # Errors
/// When there is no such order, or a service does not answer as it must.
pub async fn one(shop: &Shop, id: Uuid, scope: Scope, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    match known(shop, At::Os, format!("/work-orders/{id}")).await? {
        Some(order) => examine(shop, parsed(order)?, scope, now).await,
        None => Ok(left_of(shop, WorkOrderId(id)).await?.into_iter().collect()),
    }
}

/// Of a quote, whose it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    work_order_id: WorkOrderId,
    created_at: DateTime<Utc>,
}

/// Billing has a quote for every order that it has heard of. Those that were opened since OS was asked are no finding.
async fn unknown_to_os(shop: &Shop, scope: Scope, seen: &BTreeSet<WorkOrderId>) -> Result<Vec<Finding>> {
    let mut next = Some(format!("/quotes?limit={PAGE}"));
    let mut found = Vec::new();
    while let Some(path) = next.take() {
        let (page, link) = shop.page(At::Billing, &path).await?;
        let quotes: Vec<Listed> = page.into_iter().map(parsed).collect::<Result<_>>()?;
        let is_new = |quote: &&Listed| scope.since.is_none_or(|since| quote.created_at >= since);
        for quote in quotes.iter().filter(is_new).filter(|quote| !seen.contains(&quote.work_order_id)) {
            let order = quote.work_order_id;
            if known(shop, At::Os, format!("/work-orders/{order}")).await?.is_none() {
                found.extend(left_of(shop, order).await?);
            }
        }
        next = link;
    }
    Ok(found)
}

/// What Billing has of an order that OS does not know.
async fn left_of(shop: &Shop, order: WorkOrderId) -> Result<Option<Finding>> {
    let quote = known(shop, At::Billing, format!("/quotes/work-order/{order}")).await?;
    let quote: Quote =
        parsed(quote.with_context(|| format!("neither OS nor Billing knows the order {order}"))?)?;
    let payments = known(shop, At::Billing, format!("/payments/work-order/{order}")).await?;
    let payments = payments.map(parsed::<Vec<Payment>>).transpose()?.unwrap_or_default();
    Ok(forgotten(order, &quote, &payments))
}

async fn examine(shop: &Shop, order: Order, scope: Scope, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    let id = order.id;
    let (quote, payments, execution) = tokio::try_join!(
        known(shop, At::Billing, format!("/quotes/work-order/{id}")),
        known(shop, At::Billing, format!("/payments/work-order/{id}")),
        known(shop, At::Execution, format!("/executions/work-order/{id}")),
    )?;
    let payments = payments.map(parsed::<Vec<Payment>>).transpose()?.unwrap_or_default();
    let mut found = if scope.ask_gateway { ask_gateway(shop, &order, &payments).await? } else { Vec::new() };
    let quote = quote.map(parsed::<Quote>).transpose()?;
    let execution = execution.map(parsed).transpose()?;
    let parts = if quote.as_ref().is_some_and(names_parts) { parts(shop, id.0).await? } else { Vec::new() };
    found.extend(findings(&Known { order, quote, payments, execution, parts }, now));
    Ok(found)
}

fn names_parts(quote: &Quote) -> bool {
    quote.items.iter().any(|line| line.part_id.is_some())
}

async fn parts(shop: &Shop, order: Uuid) -> Result<Vec<Part>> {
    parsed(shop.get(At::Billing, &format!("/parts/work-order/{order}")).await?)
}

/// Where the gateway knows better, Billing has learned it by being asked to look.
async fn ask_gateway(shop: &Shop, order: &Order, payments: &[Payment]) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    for payment in payments {
        let path = format!("/payments/{}/verify", payment.id);
        let reply = shop.ask(At::Billing, Method::PATCH, &path, None).await?;
        ensure!(reply.status.is_success(), "PATCH {path}: {} {}", reply.status, reply.body);
        let status: PaymentStatus = parsed(reply.body["status"].clone())?;
        if status != payment.status {
            let what = format!(
                "payment {} was {}, and by the gateway's word is {status}",
                payment.id, payment.status
            );
            found.push(Finding { order: order.id, what, mend: Mend::Person });
        }
    }
    Ok(found)
}

/// Performs the nudges that `found` asks for, each once; the events that were told again.
///
/// # Errors
/// When a service refuses.
pub async fn nudge(shop: &Shop, found: &[Finding]) -> Result<Vec<String>> {
    let mut told = Vec::new();
    let mut done = BTreeSet::new();
    for finding in found {
        let (at, path) = match finding.mend {
            Mend::NudgeOrder(id) => (At::Os, format!("/work-orders/{id}/nudge")),
            Mend::NudgeQuote(id) => (At::Billing, format!("/quotes/{id}/nudge")),
            Mend::NudgeExecution(id) => (At::Execution, format!("/executions/{id}/nudge")),
            Mend::Person => continue,
        };
        if done.insert(path.clone()) {
            let nudged = shop.post(at, &path, json!({})).await?;
            let types = nudged["told"].as_array().into_iter().flatten();
            told.extend(types.filter_map(Value::as_str).map(str::to_owned));
        }
    }
    Ok(told)
}

async fn known(shop: &Shop, at: At, path: String) -> Result<Option<Value>> {
    let reply = shop.ask(at, Method::GET, &path, None).await?;
    if reply.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    ensure!(reply.status.is_success(), "{path}: {} {}", reply.status, reply.body);
    Ok(Some(reply.body))
}

fn parsed<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).context("a service answers in another shape than this program knows")
}
