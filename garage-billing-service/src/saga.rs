//! What Billing hears. Nothing is impossible here: of an order that is not known yet the bill remembers what
//! it was told, so that the order of events does not matter.

use async_trait::async_trait;
use garage_events::{Event, QuoteId, Transition, event::WorkOrderCreated};
use garage_kit::Failure;
use garage_saga::{Heard, Impossible, Listener};

use crate::{
    bill::Bill,
    cashier::Cashier,
    catalogue,
    keeper::Keeper,
    quote::{Catalogue, Terms},
};

/// Keeps the bills up to date with what the other services tell.
pub(crate) struct Bookkeeper {
    cashier: Cashier,
    keeper: Keeper,
    terms: Terms,
}

impl Bookkeeper {
    /// Makes quotes on these terms, and shows every bill to the cashier, for gateway calls, and to the stock keeper.
    pub(crate) const fn new(cashier: Cashier, keeper: Keeper, terms: Terms) -> Self {
        Self { cashier, keeper, terms }
    }
}

#[async_trait]
impl Listener for Bookkeeper {
    type Aggregate = Bill;
    type Knowledge = Catalogue;

    async fn look_up(&self, heard: &[&Heard]) -> Result<Catalogue, Failure> {
        let orders: Vec<&WorkOrderCreated> =
            heard.iter().filter_map(|heard| order(&heard.envelope.event)).collect();
        let parts = orders.iter().flat_map(|order| &order.parts).map(|asked| asked.part_id).collect();
        let services =
            orders.iter().flat_map(|order| &order.services).map(|asked| asked.service_id).collect();
        catalogue::look_up(&self.cashier.shell().repository, parts, services).await
    }

    fn react(
        &self,
        catalogue: &Catalogue,
        current: Option<Bill>,
        heard: &Heard,
    ) -> Result<Transition<Bill>, Impossible> {
        let event = &heard.envelope.event;
        let bill = current.unwrap_or(Bill::unknown(event.work_order_id()));
        Ok(bill.react(event, QuoteId(heard.fresh), catalogue, self.terms, heard.at))
    }

    fn committed(&self, bill: &Bill) {
        self.cashier.show(bill);
        self.keeper.show(bill);
    }
}

/// The order that asks for a quote.
fn order(event: &Event) -> Option<&WorkOrderCreated> {
    if let Event::WorkOrderCreated(created) = event { Some(created) } else { None }
}
