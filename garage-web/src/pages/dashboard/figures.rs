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
    /// What the delivered ones came to, less what was given back of it or taken back by the payer's bank.
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
        let is_of_late = |order: &&Order| order.status == "DELIVERED" && order.handed_over_at() >= since;
        let delivered: Vec<&Order> = orders.iter().filter(is_of_late).collect();
        let came_to: Cents = delivered.iter().filter_map(|order| order.total_amount).sum();
        let ids: HashSet<WorkOrderId> = delivered.iter().map(|order| order.id).collect();
        let kept =
            payments.iter().filter(|payment| payment.is_kept() && ids.contains(&payment.work_order_id));
        let gone: Cents = kept.map(Payment::gone).sum();
        let sales = came_to.less(gone);
        let count = i64::try_from(delivered.len()).unwrap_or(i64::MAX);
        let ticket = (count > 0).then(|| Cents::new(sales.centavos() / count.max(1))).flatten();
        let mut times: Vec<TimeDelta> =
            delivered.iter().map(|order| order.handed_over_at() - order.created_at).collect();
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
            approved: approved(quotes, since),
            median: times.get(times.len() / 2).copied(),
            late: orders.iter().filter(is_late).count(),
        }
    }
}

fn approved(quotes: &[Quote], since: DateTime<Utc>) -> Option<usize> {
    let is_of_late = |quote: &&Quote| quote.answered_at().is_some_and(|at| at >= since);
    let answered: Vec<&Quote> = quotes.iter().filter(is_of_late).collect();
    let approved = answered.iter().filter(|quote| quote.status == "APPROVED").count();
    (approved * 100).checked_div(answered.len())
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
    fn what_the_payer_s_bank_has_taken_back_for_good_was_not_sold() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (standing, sold) in [("settled", 0), ("in_process", 30_000), ("reimbursed", 30_000)] {
            let mut paid = payment(OURS, "APPROVED", 0);
            let taken = json!({ "standing": standing, "at": now, "changedAt": now });
            paid.charge_back = Some(serde_json::from_value(taken).unwrap());
            let figures = Figures::of(&[order("DELIVERED", 1, 2, 300)], &[], &[paid], now);
            assert_eq!(figures.sales, Cents::new(sold).unwrap(), "{standing}");
        }
    }

    #[test]
    fn a_refund_months_later_moves_no_sale_into_this_month() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let then = now - TimeDelta::days(90);
        let old: Order = serde_json::from_value(json!({ "id": OURS, "customerId": OURS, "vehicleId": OURS,
            "plate": "ABC1D23", "description": "x", "status": "DELIVERED", "totalAmount": 300, "createdAt": then,
            "updatedAt": now, "statusSince": then, "completedAt": then, "deliveredAt": then }))
        .unwrap();
        let figures = Figures::of(&[old], &[], &[payment(OURS, "APPROVED", 50)], now);
        assert_eq!((figures.delivered, figures.sales, figures.median), (0, Cents::ZERO, None));
    }

    /// A quote that came to an end so long ago.
    fn quote(status: &str, days_ago: i64) -> Quote {
        let ended = DateTime::from_timestamp(1_800_000_000, 0).unwrap() - TimeDelta::days(days_ago);
        serde_json::from_value(json!({ "id": OURS, "workOrderId": OURS, "customerId": OURS, "status": status,
            "items": [], "totalAmount": 300, "validUntil": ended,
            "approvedAt": (status == "APPROVED").then_some(ended), "rejectedAt": (status == "REJECTED").then_some(ended) }))
        .unwrap()
    }

    #[test]
    fn the_share_of_approved_quotes_is_the_month_s() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let of_late =
            [quote("APPROVED", 1), quote("REJECTED", 2), quote("EXPIRED", 29), quote("APPROVED", 3)];
        let before =
            [quote("APPROVED", 31), quote("APPROVED", 400), quote("REJECTED", 31), quote("EXPIRED", 90)];
        let open = [quote("SENT", -3), quote("PENDING", -3), quote("CANCELLED", 1)];
        let all: Vec<Quote> = of_late.into_iter().chain(before).chain(open).collect();
        assert_eq!(Figures::of(&[], &all, &[], now).approved, Some(50));
        assert_eq!(Figures::of(&[], &all[4..], &[], now).approved, None);
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
