//! Figures of the last thirty days, from what the services list. Pure.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, WorkOrderId};

use crate::services::view::{Order, Payment, Quote};

const PERIOD: TimeDelta = TimeDelta::days(30);

/// What a manager wants to know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Cars taken in.
    pub(super) taken_in: usize,
    /// Cars given back.
    pub(super) delivered: usize,
    /// What the delivered ones came to, less what was given back of it.
    pub(super) sales: Cents,
    /// The mean of that.
    pub(super) ticket: Option<Cents>,
    /// Of a hundred quotes that were answered or expired, how many were approved.
    pub(super) approved: Option<usize>,
    /// From intake to delivery: half of the cars took no longer.
    pub(super) median: Option<TimeDelta>,
    /// Promised and late, right now.
    pub(super) late: usize,
}

impl Figures {
    pub(super) fn of(orders: &[Order], quotes: &[Quote], payments: &[Payment], now: DateTime<Utc>) -> Self {
        let since = now - PERIOD;
        let delivered: Vec<&Order> =
            orders.iter().filter(|order| order.status == "DELIVERED" && order.updated_at >= since).collect();
        let came_to: Cents = delivered.iter().filter_map(|order| order.total_amount).sum();
        let ids: HashSet<WorkOrderId> = delivered.iter().map(|order| order.id).collect();
        let kept =
            payments.iter().filter(|payment| payment.is_kept() && ids.contains(&payment.work_order_id));
        let given_back: Cents = kept.map(|payment| payment.refunded_amount).sum();
        let sales = came_to.less(given_back);
        let count = i64::try_from(delivered.len()).unwrap_or(i64::MAX);
        let ticket = (count > 0).then(|| Cents::new(sales.centavos() / count.max(1))).flatten();
        let mut times: Vec<TimeDelta> =
            delivered.iter().map(|order| order.updated_at - order.created_at).collect();
        times.sort_unstable();
        let is_late = |order: &&Order| {
            !order.is_over()
                && order.status != "COMPLETED"
                && order.estimated_completion_date.is_some_and(|promised| promised < now)
        };
        Self {
            taken_in: orders.iter().filter(|order| order.created_at >= since).count(),
            delivered: delivered.len(),
            sales,
            ticket,
            approved: approved(quotes),
            median: times.get(times.len() / 2).copied(),
            late: orders.iter().filter(is_late).count(),
        }
    }
}

fn approved(quotes: &[Quote]) -> Option<usize> {
    let count =
        |statuses: &[&str]| quotes.iter().filter(|quote| statuses.contains(&quote.status.as_str())).count();
    let answered = count(&["APPROVED", "REJECTED", "EXPIRED"]);
    (count(&["APPROVED"]) * 100).checked_div(answered)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(status: &str, days_ago: i64, took: i64, total: i64) -> Order {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let updated = now - TimeDelta::days(days_ago);
        serde_json::from_value(json!({ "id": OURS, "customerId": OURS, "vehicleId": OURS, "plate": "ABC1D23", "description": "x",
            "status": status, "totalAmount": total, "createdAt": updated - TimeDelta::days(took), "updatedAt": updated }))
        .unwrap()
    }

    const OURS: &str = "0190f5a0-0000-7000-8000-000000000001";

    /// A payment of an order.
    fn payment(id: &str, status: &str, refunded: i64) -> Payment {
        serde_json::from_value(json!({ "id": id, "workOrderId": id, "amount": 300, "paymentMethod": "PIX",
            "status": status, "refundedAmount": refunded, "createdAt": "2027-01-01T10:00:00.000Z" }))
        .unwrap()
    }

    #[test]
    fn what_was_given_back_after_the_work_was_not_sold() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let orders = [order("DELIVERED", 1, 2, 300)];
        let of_another = "0190f5a0-0000-7000-8000-000000000002";
        let payments = [
            payment(OURS, "REFUNDED", 300),
            payment(OURS, "APPROVED", 50),
            payment(of_another, "APPROVED", 70),
        ];
        let figures = Figures::of(&orders, &[], &payments, now);
        assert_eq!((figures.sales, figures.ticket), (Cents::new(25_000).unwrap(), Cents::new(25_000)));
    }

    #[test]
    fn a_month_is_summed_up() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let orders = [
            order("DELIVERED", 1, 2, 300),
            order("DELIVERED", 3, 4, 500),
            order("DELIVERED", 60, 1, 900),
            order("QUOTED", 0, 1, 100),
        ];
        let figures = Figures::of(&orders, &[], &[], now);
        assert_eq!((figures.taken_in, figures.delivered), (3, 2));
        assert_eq!(figures.sales, Cents::new(80_000).unwrap());
        assert_eq!(figures.ticket, Cents::new(40_000));
        assert_eq!(figures.median, Some(TimeDelta::days(4)));
        assert_eq!(figures.approved, None);
    }
}
