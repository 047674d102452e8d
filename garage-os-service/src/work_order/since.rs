//! When an order came to where it stands, by the clocks of those who saw it. What is learned later, or is heard in another
//! order, moves none of it, as it does move the time of the last change. Pure.

use chrono::{DateTime, Utc};
use garage_events::WorkOrderStatus;

use super::{What, WorkOrder};

impl WorkOrder {
    /// When the present status began. A status gives way only to one that stands above it, so it began with the first fact
    /// that it follows from.
    #[must_use]
    pub fn status_since(&self) -> DateTime<Utc> {
        self.first(begins(self.status())).unwrap_or(self.created_at)
    }

    /// When the workshop finished.
    #[must_use]
    pub fn completed_at(&self) -> Option<DateTime<Utc>> {
        self.first(What::is_completed)
    }

    /// When the car was given back.
    #[must_use]
    pub fn delivered_at(&self) -> Option<DateTime<Utc>> {
        self.first(What::is_delivered)
    }

    fn first(&self, is: fn(&What) -> bool) -> Option<DateTime<Utc>> {
        self.facts.iter().filter(|fact| is(&fact.what)).map(|fact| fact.at).min()
    }
}

/// The facts from which a status follows.
fn begins(status: WorkOrderStatus) -> fn(&What) -> bool {
    match status {
        WorkOrderStatus::Pending => What::is_opened,
        WorkOrderStatus::Quoted => What::is_quoted,
        WorkOrderStatus::QuoteSent => What::is_sent,
        WorkOrderStatus::Approved => What::is_approved,
        WorkOrderStatus::InProgress => What::is_paid,
        WorkOrderStatus::Completed => What::is_completed,
        WorkOrderStatus::Delivered => What::is_delivered,
        WorkOrderStatus::Cancelled => What::is_off,
        WorkOrderStatus::Failed => What::is_failed,
    }
}

#[cfg(test)]
mod tests;
