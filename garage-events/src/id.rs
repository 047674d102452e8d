//! Identities: one type per thing that has one, so that a payment's id can never stand where a quote's
//! is meant. All are UUIDs on the wire. Nothing here makes ids: they come from outside, as arguments.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Uuid))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// A customer of the shop.
    CustomerId
    /// One event, unique for ever; also the AMQP `message_id`.
    EventId
    /// The workshop's job for one work order.
    ExecutionId
    /// A part of the catalogue.
    PartId
    /// One attempt to pay.
    PaymentId
    /// A quote.
    QuoteId
    /// A service of the catalogue.
    ServiceId
    /// A customer's vehicle.
    VehicleId
    /// A work order; also the correlation id of everything that happens for it.
    WorkOrderId
}
