//! What the workshop hears. Nothing is impossible here: of an order that is not known yet it remembers what
//! it was told, so that the order of events does not matter.

use async_trait::async_trait;
use garage_events::{ExecutionId, Transition};
use garage_kit::Failure;
use garage_saga::{Heard, Impossible, Listener};

use crate::execution::Job;

/// The workshop's ear.
pub(crate) struct Workshop;

#[async_trait]
impl Listener for Workshop {
    type Aggregate = Job;
    type Knowledge = ();

    async fn look_up(&self, _: &[&Heard]) -> Result<(), Failure> {
        Ok(())
    }

    fn react(&self, (): &(), current: Option<Job>, heard: &Heard) -> Result<Transition<Job>, Impossible> {
        let event = &heard.envelope.event;
        let job = current.unwrap_or(Job::unknown(event.work_order_id()));
        Ok(job.react(event, ExecutionId(heard.fresh), heard.at))
    }

    fn committed(&self, _: &Job) {}
}
