//! Every attempt of every bill as one list. The store pages through bills and a bill has several attempts, so
//! a page may end inside one: its cursor names the bill and the attempt.

use garage_events::{CustomerId, WorkOrderId};
use garage_kit::{
    Aggregate, Failure, Loaded, Repository,
    http::{Listing, Page, Problem},
    store::{Kind, Order, Position, Query},
};
use garage_saga::{
    Shell,
    waiting::{WAITING, overdue},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::View;
use crate::{
    bill::{BILLS, Bill},
    payment::Attempt,
};

/// One line of the list: an attempt of a bill. An aggregate only in that a page can say where it ended.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    work_order_id: WorkOrderId,
    customer_id: CustomerId,
    attempt: Attempt,
}

impl Aggregate for Row {
    const KIND: &'static Kind = &BILLS;

    fn id(&self) -> Uuid {
        self.work_order_id.0
    }

    fn index(&self) -> Map<String, Value> {
        Map::from_iter([("payment_id".to_owned(), json!(self.attempt.id))])
    }
}

/// The page that was asked for.
///
/// # Errors
/// When the store fails.
pub(super) async fn page(repository: &Repository, page: &Page) -> Result<Listing<Option<View>>, Problem> {
    let asked = page.query(Order::By("payment_id"), Vec::new());
    let rows = rows(repository, &asked).await?;
    Ok(page.answer(&asked, rows, |Loaded { state, .. }| {
        Some(View::of(state.work_order_id, state.customer_id, state.attempt))
    }))
}

/// The page of those whose bill waits beyond its deadline, each with the attempt that it waits about.
///
/// # Errors
/// When the store fails.
pub(super) async fn stuck(shell: &Shell, page: &Page) -> Result<Listing<Option<View>>, Problem> {
    let asked = page.query(Order::By(WAITING.name), vec![("paid", "true".to_owned())]);
    let bills = overdue::<Bill>(shell, &asked).await?;
    Ok(page.answer(&asked, bills, |bill| View::of_concern(bill.state, shell)))
}

/// What is left of the bill in which the last page ended, then the bills behind it.
async fn rows(repository: &Repository, asked: &Query) -> Result<Vec<Loaded<Row>>, Failure> {
    let mut rows = Vec::new();
    if let Some(Position { value, id }) = &asked.after {
        let begun = repository.load::<Bill>(*id).await?.into_iter().flat_map(rows_of);
        rows.extend(begun.skip_while(|row| row.state.attempt.id.to_string() != *value).skip(1));
    }
    let after = asked.after.as_ref().map(|place| Position { value: String::new(), id: place.id });
    let query = Query {
        filters: vec![("paid", "true".to_owned())],
        order: Order::Newest,
        after,
        limit: asked.limit,
        ..Query::default()
    };
    rows.extend(repository.find::<Bill>(&query).await?.into_iter().flat_map(rows_of));
    rows.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
    Ok(rows)
}

/// A bill's attempts, newest first.
fn rows_of(Loaded { version, state: bill }: Loaded<Bill>) -> impl Iterator<Item = Loaded<Row>> {
    let (work_order_id, customer_id) = (bill.work_order_id, bill.order.map(|order| order.customer_id));
    bill.attempts.into_iter().rev().filter_map(move |attempt| {
        Some(Loaded { version, state: Row { work_order_id, customer_id: customer_id?, attempt } })
    })
}
