//! What the front desk hears: Billing's quotes and payments, and the workshop's progress. Every event is a fact
//! of one work order that is here already, since all of them follow from its `work-order.created`; so one about
//! an order that is not here is a mistake of somebody's, and rests for a person to look at.

use async_trait::async_trait;
use garage_events::{Envelope, Transition};
use garage_kit::Failure;
use garage_saga::{Heard, Impossible, Listener};

use crate::work_order::WorkOrder;

/// The ear of the front desk.
pub(crate) struct Desk;

#[async_trait]
impl Listener for Desk {
    type Aggregate = WorkOrder;
    type Knowledge = ();

    async fn look_up(&self, _heard: &[&Heard]) -> Result<(), Failure> {
        Ok(())
    }

    fn react(
        &self,
        (): &(),
        current: Option<WorkOrder>,
        heard: &Heard,
    ) -> Result<Transition<WorkOrder>, Impossible> {
        let Envelope { event, event_id, timestamp, .. } = &heard.envelope;
        let unknown = || Impossible(format!("there is no work order {}", event.work_order_id()));
        Ok(current.ok_or_else(unknown)?.react(event, *event_id, *timestamp))
    }

    fn committed(&self, _order: &WorkOrder) {}
}
