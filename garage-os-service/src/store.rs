//! What this service keeps and finds it by: the aggregates' kinds, whose columns, indexes and foreign keys are
//! made by `migrations/`, and the way to a database.

use std::sync::Arc;

use garage_events::{Event, Waiting};
use garage_kit::{
    Aggregate, Failure,
    bus::local::{DEAD_LETTERS, PARKED},
    http::IDEMPOTENCY_KEYS,
    store::{
        Field, Kind, Store,
        sql::{Migrations, SqlStore},
    },
};
use garage_saga::{
    DEAD_LETTER_AUDITS,
    waiting::{Patient, WAITING},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    customer::{Customer, Profile},
    vehicle::Vehicle,
    work_order::WorkOrder,
};

static CUSTOMERS: Kind =
    Kind { name: "customers", fields: &[Field::unique("document"), Field::plain("search")] };
static VEHICLES: Kind = Kind {
    name: "vehicles",
    fields: &[Field::unique("plate_key"), Field::plain("customer_id"), Field::plain("search")],
};
static WORK_ORDERS: Kind = Kind {
    name: "work_orders",
    fields: &[
        Field::plain("status"),
        Field::plain("customer_id"),
        Field::plain("vehicle_id"),
        Field::plain("search"),
        WAITING,
    ],
};

/// Everything that a store of this service must know.
pub static KINDS: [&Kind; 7] =
    [&CUSTOMERS, &VEHICLES, &WORK_ORDERS, &IDEMPOTENCY_KEYS, &DEAD_LETTERS, &DEAD_LETTER_AUDITS, &PARKED];

/// Opens `postgres://…` or `sqlite:path` and brings its schema up to date.
///
/// # Errors
/// When the database is away (which passes), missing or of another schema.
pub async fn connect(url: &str) -> Result<Arc<dyn Store>, Failure> {
    let migrations = Migrations {
        postgres: sqlx::migrate!("migrations/postgres"),
        sqlite: sqlx::migrate!("migrations/sqlite"),
    };
    Ok(Arc::new(SqlStore::connect(url, migrations, &KINDS).await?))
}

impl Aggregate for Customer {
    const KIND: &'static Kind = &CUSTOMERS;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn index(&self) -> Map<String, Value> {
        let profile = self.profile();
        fields([
            ("document", json!(profile.map(|profile| &profile.document))),
            ("search", json!(profile.map(Profile::findable))),
            ("erased", mark(profile.is_none())),
        ])
    }
}

impl Aggregate for Vehicle {
    const KIND: &'static Kind = &VEHICLES;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn index(&self) -> Map<String, Value> {
        fields([
            ("plate_key", json!(self.description.plate.key())),
            ("customer_id", json!(self.description.customer_id)),
            ("search", json!(self.findable())),
        ])
    }
}

impl Aggregate for WorkOrder {
    const KIND: &'static Kind = &WORK_ORDERS;
    const REMEMBERED: bool = true;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn index(&self) -> Map<String, Value> {
        fields([
            ("status", json!(self.status())),
            ("customer_id", json!(self.customer_id)),
            ("vehicle_id", json!(self.vehicle_id)),
            ("search", json!(self.findable())),
            (WAITING.name, json!(Self::waiting(self).map(|waiting| waiting.key()))),
            ("erased", mark(self.customer_erased)),
        ])
    }
}

impl Patient for WorkOrder {
    fn waiting(&self) -> Option<Waiting> {
        Self::waiting(self)
    }

    fn retell(&self) -> Vec<Event> {
        Self::retell(self)
    }
}

/// For the rule that an open order has a customer who is not erased (`migrations/*/0006_erased.sql`).
fn mark(holds: bool) -> Value {
    if holds { json!("true") } else { Value::Null }
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
