//! What a bill is found by. The fields tell lists, sweeps and the cashier which bills concern them, so that
//! nobody reads them all.

use chrono::SecondsFormat;
use garage_events::{Event, Waiting};
use garage_kit::{
    Aggregate,
    store::{Field, Kind},
};
use garage_saga::waiting::{Patient, WAITING};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Bill;

/// Where bills live.
pub static BILLS: Kind = Kind {
    name: "bills",
    fields: &[
        Field::unique("quote_id"),
        Field::plain("quote_status"),
        Field::plain("customer_id"),
        Field::many("payment_id"),
        Field::plain("open"),
        Field::plain("expires"),
        Field::plain("quoted"),
        Field::plain("paid"),
        Field::plain("stock"),
        WAITING,
    ],
};

impl Aggregate for Bill {
    const KIND: &'static Kind = &BILLS;
    const REMEMBERED: bool = true;

    fn id(&self) -> Uuid {
        self.work_order_id.0
    }

    /// `open`: a gateway call is due. `expires`: until when the quote may be answered, while it may. `stock`: a wish must be
    /// carried to the parts.
    fn index(&self) -> Map<String, Value> {
        let quote = self.quote.as_ref();
        let expires = quote.filter(|quote| quote.is_open());
        let expires = expires.map(|quote| quote.valid_until.to_rfc3339_opts(SecondsFormat::Millis, true));
        let payments: Vec<_> = self.attempts.iter().map(|attempt| attempt.id.to_string()).collect();
        let fields = [
            ("quote_id", json!(quote.map(|quote| quote.id))),
            ("quote_status", json!(quote.map(|quote| quote.status))),
            ("customer_id", json!(self.order.as_ref().map(|order| order.customer_id))),
            ("payment_id", json!(payments)),
            ("open", mark(!self.due().is_empty())),
            ("expires", json!(expires)),
            ("quoted", mark(quote.is_some())),
            ("paid", mark(!self.attempts.is_empty())),
            ("stock", mark(!self.stock_due().is_empty())),
            (WAITING.name, json!(Self::waiting(self).map(|waiting| waiting.key()))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Patient for Bill {
    fn waiting(&self) -> Option<Waiting> {
        Self::waiting(self)
    }

    fn retell(&self) -> Vec<Event> {
        Self::retell(self)
    }
}

/// What does not hold is not found.
fn mark(holds: bool) -> Value {
    if holds { json!("true") } else { Value::Null }
}
