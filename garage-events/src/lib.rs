//! The vocabulary of the garage: the sixteen events and their JSON, the topology as data, transitions, money,
//! ids. Pure: no async, no clock, no store, so that everything that speaks it can be explored and tested.

pub mod broker;
#[cfg(feature = "openapi")]
pub mod contract;
mod envelope;
pub mod event;
mod followed;
mod id;
mod money;
mod quantity;
mod status;
pub mod thousandths;
pub mod topology;
mod transition;
pub mod waiting;
mod words;

pub use envelope::{Envelope, MAX_BYTES, Unreadable, VERSION, milliseconds, milliseconds_if_any};
pub use event::Event;
pub use followed::Followed;
pub use id::{
    CustomerId, EventId, ExecutionId, PartId, PaymentId, QuoteId, ServiceId, VehicleId, WorkOrderId,
};
pub use money::{Cents, NotMoney};
pub use quantity::Quantity;
pub use status::{
    ExecutionStatus, PaymentMethod, PaymentStatus, Priority, QuoteStatus, RejectionReason, WorkOrderStatus,
};
pub use topology::Service;
pub use transition::{Refusal, Transition};
pub use waiting::{Awaited, Deadlines, Wait, Waiting};
