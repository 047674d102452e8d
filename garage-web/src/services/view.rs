//! What the services answer, as far as a screen shows it. Statuses are the wire's words and not closed sets: a service
//! may be newer than these screens, and a word that they do not know is shown as it came.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, ExecutionId, PartId, PaymentId, Quantity, QuoteId, ServiceId, VehicleId, WorkOrderId,
};
use serde::Deserialize;
use serde_json::Value;

use crate::lang::Lang;

/// Whose a car is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    pub(crate) id: CustomerId,
    /// Empty, like the document and the phone, once the customer is erased.
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) document: String,
    pub(crate) email: Option<String>,
    #[serde(default)]
    pub(crate) phone: String,
    pub(crate) erased_at: Option<DateTime<Utc>>,
}

impl Customer {
    pub(crate) const fn is_erased(&self) -> bool {
        self.erased_at.is_some()
    }

    /// The name, or what stands in its place.
    pub(crate) fn called(&self, lang: Lang) -> &str {
        if self.is_erased() { lang.t("Cliente apagado", "Erased customer") } else { &self.name }
    }
}

/// The end of what was known of a customer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Erasure {
    pub(crate) erased_by: String,
    pub(crate) reason: String,
    pub(crate) completed_at: Option<DateTime<Utc>>,
}

/// An event that could not be taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Letter {
    pub(crate) work_order_id: Option<WorkOrderId>,
}

/// A car.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vehicle {
    pub(crate) id: VehicleId,
    pub(crate) customer_id: CustomerId,
    pub(crate) plate: String,
    pub(crate) brand: String,
    pub(crate) model: String,
    pub(crate) year: u16,
    pub(crate) color: Option<String>,
    pub(crate) vin: Option<String>,
}

impl Vehicle {
    /// `Toyota Corolla 2024`.
    pub(crate) fn car(&self) -> String {
        format!("{} {} {}", self.brand, self.model, self.year)
    }

    /// `Toyota Corolla`, which is enough for its owner.
    pub(crate) fn model_name(&self) -> String {
        format!("{} {}", self.brand, self.model)
    }
}

/// Whom something waits for.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct WaitingFor {
    pub(crate) who: String,
    pub(crate) what: String,
    pub(crate) since: DateTime<Utc>,
}

/// A work order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Order {
    pub(crate) id: WorkOrderId,
    pub(crate) customer_id: CustomerId,
    pub(crate) vehicle_id: VehicleId,
    pub(crate) plate: String,
    pub(crate) description: String,
    pub(crate) status: String,
    pub(crate) estimated_completion_date: Option<DateTime<Utc>>,
    pub(crate) metadata: Option<Value>,
    pub(crate) total_amount: Option<Cents>,
    pub(crate) cancellation_reason: Option<String>,
    pub(crate) failure_reason: Option<String>,
    pub(crate) waiting_for: Option<WaitingFor>,
    #[serde(default)]
    pub(crate) stuck: Option<bool>,
    #[serde(default)]
    pub(crate) customer_erased: bool,
    pub(crate) created_at: DateTime<Utc>,
    /// Of anything, such as a refund long after the handover.
    pub(crate) updated_at: DateTime<Utc>,
    /// When it came to its status; an older service does not say, nor of the two that follow.
    status_since: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
}

impl Order {
    /// Since when it stands where it stands.
    pub(crate) fn stands_since(&self) -> DateTime<Utc> {
        self.status_since.unwrap_or(self.updated_at)
    }

    /// When the car was given back, of one that was.
    pub(crate) fn handed_over_at(&self) -> DateTime<Utc> {
        self.delivered_at.unwrap_or(self.updated_at)
    }

    /// When the work was finished, of one where it was.
    pub(crate) fn finished_at(&self) -> DateTime<Utc> {
        self.completed_at.unwrap_or(self.updated_at)
    }

    /// Whether nothing more will come of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "DELIVERED" | "CANCELLED" | "FAILED")
    }

    /// A note of the desk's own.
    pub(crate) fn note(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(name)?.as_str().filter(|note| !note.is_empty())
    }
}

/// A quote.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quote {
    pub(crate) id: QuoteId,
    pub(crate) work_order_id: WorkOrderId,
    pub(crate) customer_id: CustomerId,
    pub(crate) status: String,
    /// How often its text was written, counted from 1.
    #[serde(default)]
    pub(crate) revision: u32,
    pub(crate) items: Vec<Line>,
    pub(crate) total_amount: Cents,
    pub(crate) valid_until: DateTime<Utc>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) approved_at: Option<DateTime<Utc>>,
    pub(crate) approved_by: Option<String>,
    pub(crate) rejected_at: Option<DateTime<Utc>>,
    pub(crate) rejection_reason: Option<String>,
}

impl Quote {
    /// When it came to an end by a word of the customer's, or without one.
    pub(crate) fn answered_at(&self) -> Option<DateTime<Utc>> {
        match self.status.as_str() {
            "APPROVED" => self.approved_at,
            "REJECTED" => self.rejected_at,
            "EXPIRED" => Some(self.valid_until),
            _ => None,
        }
    }

    /// Whether the desk may still write it.
    pub(crate) fn may_be_written(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "SENT")
    }
}

/// A text that a quote had before.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Earlier {
    pub(crate) revision: u32,
    pub(crate) items: Vec<Line>,
    pub(crate) total_amount: Cents,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) reason: Option<String>,
}

/// One line of a quote.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) quantity: Quantity,
    pub(crate) unit_price: Option<Cents>,
    pub(crate) total_price: Cents,
    pub(crate) part_id: Option<PartId>,
    pub(crate) service_id: Option<ServiceId>,
}

/// An attempt to pay.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payment {
    pub(crate) id: PaymentId,
    pub(crate) work_order_id: WorkOrderId,
    pub(crate) amount: Cents,
    pub(crate) payment_method: String,
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
    pub(crate) qr_code: Option<String>,
    pub(crate) ticket_url: Option<String>,
    pub(crate) barcode: Option<String>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) approved_at: Option<DateTime<Utc>>,
    pub(crate) refunded_at: Option<DateTime<Utc>>,
    /// How much of it went back.
    #[serde(default)]
    pub(crate) refunded_amount: Cents,
    /// What a manager gives back after the work.
    #[serde(default)]
    pub(crate) refunds: Vec<Refund>,
    pub(crate) charge_back: Option<ChargeBack>,
}

/// A part of a payment that goes back after the work.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    pub(crate) amount: Cents,
    pub(crate) reason: String,
    pub(crate) status: String,
    pub(crate) refused_because: Option<String>,
    pub(crate) requested_at: DateTime<Utc>,
    pub(crate) settled_at: Option<DateTime<Utc>>,
}

/// The payer's bank takes money back.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChargeBack {
    pub(crate) standing: String,
    pub(crate) at: DateTime<Utc>,
}

impl Refund {
    /// Whether the money has gone.
    pub(crate) fn is_done(&self) -> bool {
        self.status == "DONE"
    }
}

impl ChargeBack {
    /// Whether the payer has the money for good.
    pub(crate) fn is_lost(&self) -> bool {
        self.standing == "settled"
    }
}

impl Payment {
    /// How much of it the shop has no more: what it gave back, or all of it once the payer's bank has taken it.
    pub(crate) fn gone(&self) -> Cents {
        let is_lost = self.charge_back.as_ref().is_some_and(ChargeBack::is_lost);
        if is_lost { self.amount } else { self.refunded_amount }
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Cents {
        self.amount.less(self.refunded_amount)
    }

    /// Whether the shop has the money, or what is left of it.
    pub(crate) fn is_kept(&self) -> bool {
        self.status == "APPROVED"
    }

    /// Its status, or `WITHDRAWN` for one that the desk took back before anybody paid.
    pub(crate) fn standing(&self) -> &str {
        let is_withdrawn = self.reason.as_deref() == Some("WITHDRAWN");
        match self.status.as_str() {
            "REJECTED" | "CANCELLED" if is_withdrawn => "WITHDRAWN",
            status => status,
        }
    }

    /// Whether another attempt must wait for this one.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "PROCESSING")
    }
}

/// The work on one car.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    pub(crate) id: ExecutionId,
    pub(crate) work_order_id: WorkOrderId,
    pub(crate) status: String,
    pub(crate) priority: String,
    pub(crate) technician_id: Option<String>,
    pub(crate) diagnosis_notes: Option<String>,
    pub(crate) repair_notes: Option<String>,
    pub(crate) parts_used: Vec<PartUsed>,
    pub(crate) services_performed: Vec<String>,
    pub(crate) failure_reason: Option<String>,
    status_since: Option<DateTime<Utc>>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) started_at: Option<DateTime<Utc>>,
}

impl Job {
    /// Since when it stands as it does.
    pub(crate) fn stands_since(&self) -> DateTime<Utc> {
        self.status_since.unwrap_or(self.updated_at)
    }
}

/// How far the work is, as a customer's link sees it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Progress {
    pub(crate) status: String,
}

/// What was built in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartUsed {
    pub(crate) part_id: Option<PartId>,
    pub(crate) name: Option<String>,
    pub(crate) quantity: Quantity,
}

/// A fact of an order's history.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Moment {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) at: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) rest: serde_json::Map<String, Value>,
}

/// A part of the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    pub(crate) id: PartId,
    pub(crate) name: String,
    pub(crate) part_number: String,
    pub(crate) price: Cents,
    pub(crate) cost_price: Option<Cents>,
    pub(crate) stock_quantity: f64,
    pub(crate) reserved: f64,
    pub(crate) free: f64,
    /// How many of the reserved ones are not there.
    pub(crate) missing: f64,
    /// The orders that wait for it, the first of them first.
    #[serde(default)]
    pub(crate) waiting_orders: Vec<WorkOrderId>,
    pub(crate) min_stock_level: u32,
    pub(crate) unit: String,
    pub(crate) category: Option<String>,
    pub(crate) supplier: Option<String>,
}

impl Part {
    /// Whether it is to be ordered again.
    pub(crate) fn is_low(&self) -> bool {
        self.free <= f64::from(self.min_stock_level)
    }
}

/// An order that holds a part or waits for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation {
    pub(crate) work_order_id: WorkOrderId,
    pub(crate) quantity: f64,
    pub(crate) missing: f64,
    pub(crate) since: DateTime<Utc>,
}

/// A part that an order's quote names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderedPart {
    pub(crate) part_id: PartId,
    pub(crate) name: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) quantity: f64,
    pub(crate) status: String,
    /// How many are not there.
    pub(crate) missing: f64,
}

/// A service of the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Labour {
    pub(crate) id: ServiceId,
    pub(crate) name: String,
    pub(crate) price: Cents,
    pub(crate) duration: u32,
    pub(crate) active: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0190b6a0-0000-7000-8000-0000000000ab";
    const REFUNDED: &str = "2026-08-01T10:00:00Z";

    fn times(told: &Value) -> [String; 3] {
        let mut order = json!({ "id": ID, "customerId": ID, "vehicleId": ID, "plate": "ABC1234", "description": "",
            "status": "DELIVERED", "createdAt": "2026-01-01T10:00:00.000Z", "updatedAt": REFUNDED });
        order.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        let order: Order = serde_json::from_value(order).unwrap();
        [order.finished_at(), order.handed_over_at(), order.stands_since()]
            .map(|at| at.format("%FT%TZ").to_string())
    }

    #[test]
    fn what_happens_to_an_order_later_moves_none_of_its_days() {
        let told = ["2026-02-01T10:00:00Z", "2026-02-03T10:00:00Z", "2026-02-03T10:00:00Z"];
        let said = json!({ "completedAt": told[0], "deliveredAt": told[1], "statusSince": told[2] });
        assert_eq!(times(&said), told);
        assert_eq!(times(&json!({})), [REFUNDED; 3], "an older service says no more than this");
        assert_eq!(times(&json!({ "deliveredAt": null })), [REFUNDED; 3]);
    }
}
