//! `garage saga`: what happened to one work order, as all three services know it.

use anyhow::{Result, bail};
use clap::Args;
use garage::shop::{At, Shop};
use garage_kit::program::Env;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use uuid::Uuid;

use super::{Services, timeline_line};

/// Print a saga.
#[derive(Args)]
pub(crate) struct Saga {
    /// The work order's id
    #[arg(required_unless_present = "stuck")]
    work_order_id: Option<Uuid>,
    /// List every order that waits beyond its deadline, instead
    #[arg(long, conflicts_with = "work_order_id")]
    stuck: bool,
    #[command(flatten)]
    services: Services,
}

impl Saga {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let shop = self.services.shop(env)?;
        let Some(id) = self.work_order_id else { return list_stuck(&shop).await };
        let Some(order) = known(&shop, At::Os, &format!("/work-orders/{id}")).await? else {
            bail!("there is no work order {id}");
        };
        println!("work order {id}: {}", order["status"].as_str().unwrap_or_default());
        for fact in shop.history(&id.to_string()).await? {
            println!("{}", timeline_line(&fact));
        }
        let quote = known(&shop, At::Billing, &format!("/quotes/work-order/{id}")).await?;
        println!("quote: {}", quote.as_ref().map_or_else(none, |quote| summary(quote, "totalAmount")));
        let payments = known(&shop, At::Billing, &format!("/payments/work-order/{id}")).await?;
        for payment in payments.as_ref().and_then(Value::as_array).into_iter().flatten() {
            println!("payment: {}", summary(payment, "amount"));
            for part in payment["refunds"].as_array().into_iter().flatten() {
                println!("  refund: {}", summary(part, "amount"));
            }
        }
        let job = known(&shop, At::Execution, &format!("/executions/work-order/{id}")).await?;
        println!("execution: {}", job.as_ref().map_or_else(none, |job| summary(job, "priority")));
        for (who, seen) in [
            ("os-service", Some(&order)),
            ("billing-service", quote.as_ref()),
            ("execution-service", job.as_ref()),
        ] {
            if let Some(line) = seen.and_then(awaited) {
                println!("{who} waits for {line}");
            }
        }
        Ok(())
    }
}

/// Whom a service waits for, since when and until when.
fn awaited(seen: &Value) -> Option<String> {
    let field = |name: &str| seen["waitingFor"][name].as_str();
    let stuck = if seen["stuck"] == true { ", STUCK" } else { "" };
    let (who, what) = (field("who")?, field("what")?);
    Some(format!("{who}: {what}, since {}, until {}{stuck}", field("since")?, field("deadline")?))
}

/// Every order that waits beyond a deadline, as each service sees it.
#[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
async fn list_stuck(shop: &Shop) -> Result<()> {
    let mut found = false;
    for (at, path, order) in [
        (At::Os, "/work-orders", "id"),
        (At::Billing, "/quotes", "workOrderId"),
        (At::Execution, "/executions", "workOrderId"),
    ] {
        let mut next = Some(format!("{path}?stuck=true&limit=200"));
        while let Some(path) = next.take() {
            let (page, link) = shop.page(at, &path).await?;
            for one in page {
                found = true;
                let (id, status) = (one[order].as_str().unwrap_or_default(), one["status"].as_str());
                let line = awaited(&one).unwrap_or_default();
                println!("{id}  {:<18} {line}", status.unwrap_or_default());
            }
            next = link;
        }
    }
    if !found {
        eprintln!("no order waits beyond its deadline");
    }
    Ok(())
}

fn none() -> String {
    "none".to_owned()
}

fn summary(thing: &Value, also: &str) -> String {
    let plain = |field: &str| thing[field].as_str().map_or_else(|| thing[field].to_string(), str::to_owned);
    let reason =
        ["reason", "failureReason"].iter().find_map(|field| thing[field].as_str()).unwrap_or_default();
    format!("{} {} {} {reason}", plain("status"), plain(also), plain("id")).trim_end().to_owned()
}

async fn known(shop: &Shop, at: At, path: &str) -> Result<Option<Value>> {
    let reply = shop.ask(at, Method::GET, path, None).await?;
    match reply.status {
        StatusCode::OK => Ok(Some(reply.body)),
        StatusCode::NOT_FOUND => Ok(None),
        status => bail!("{path}: {status} {}", reply.body),
    }
}
