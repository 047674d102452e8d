//! Every message of the saga: its type, which is also its routing key, and its data (SPEC 3). Unknown fields are
//! ignored, so that a newer service may say more than an older one knows. How an event travels is the envelope's
//! affair.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Cents, CustomerId, ExecutionId, ExecutionStatus, PartId, PaymentId, PaymentMethod, Priority, Quantity,
    QuoteId, RejectionReason, Service, ServiceId, Unreadable, VehicleId, WorkOrderId, WorkOrderStatus,
    envelope::milliseconds,
};

macro_rules! events {
    ($($(#[doc = $doc:literal])* $variant:ident($data:ty) = $key:literal from $source:ident)+) => {
        /// What can happen, by whom it is told.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Event {
            $($(#[doc = $doc])* $variant($data),)+
        }

        impl Event {
            /// Every event type, in the seed's order.
            pub const TYPES: &'static [&'static str] = &[$($key),+];

            /// The type, which is also the routing key.
            #[must_use]
            pub const fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $key,)+ }
            }

            /// The service that publishes this type.
            #[must_use]
            pub const fn publisher(&self) -> Service {
                match self { $(Self::$variant(_) => Service::$source,)+ }
            }

            /// The service that publishes events of a type, if there is such a type.
            #[must_use]
            pub fn publisher_of(event_type: &str) -> Option<Service> {
                match event_type {
                    $($key => Some(Service::$source),)+
                    _unknown => None,
                }
            }

            /// The work order that it is about; the correlation id.
            #[must_use]
            pub const fn work_order_id(&self) -> WorkOrderId {
                match self { $(Self::$variant(data) => data.work_order_id,)+ }
            }

            pub(crate) fn from_data(event_type: &str, data: &RawValue) -> Result<Self, Unreadable> {
                match event_type {
                    $($key => serde_json::from_str(data.get()).map(Self::$variant),)+
                    unknown => return Err(Unreadable::UnknownType(unknown.to_owned())),
                }
                .map_err(|source| Unreadable::Data { event_type: event_type.to_owned(), source })
            }

            /// Every type for the contract's documents, in the order of [`Self::TYPES`].
            #[cfg(feature = "openapi")]
            pub(crate) fn described() -> Vec<crate::contract::Described> {
                vec![$(crate::contract::Described::new::<$data>(
                    $key,
                    Service::$source,
                    concat!($($doc),*),
                )),+]
            }
        }

        impl Serialize for Event {
            /// The `data` alone; the type stands in the envelope.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant(data) => data.serialize(serializer),)+ }
            }
        }

        $(impl From<$data> for Event {
            fn from(data: $data) -> Self {
                Self::$variant(data)
            }
        })+
    };
}

events! {
    /// A car was taken in: make a quote.
    WorkOrderCreated(WorkOrderCreated) = "work-order.created" from Os
    /// The derived status of the order changed.
    WorkOrderStatusChanged(WorkOrderStatusChanged) = "work-order.status-changed" from Os
    /// Called off: undo.
    WorkOrderCancelled(WorkOrderCancelled) = "work-order.cancelled" from Os
    /// A quote is ready.
    QuoteCreated(QuoteCreated) = "quote.created" from Billing
    /// The customer said yes.
    QuoteApproved(QuoteApproved) = "quote.approved" from Billing
    /// The customer said no, or nothing in time.
    QuoteRejected(QuoteRejected) = "quote.rejected" from Billing
    /// The customer has been told.
    QuoteSent(QuoteSent) = "quote.sent" from Billing
    /// An attempt to pay was made.
    PaymentCreated(PaymentCreated) = "payment.created" from Billing
    /// The money is here.
    PaymentApproved(PaymentApproved) = "payment.approved" from Billing
    /// An attempt accepted as pending was refused later.
    PaymentRejected(PaymentRejected) = "payment.rejected" from Billing
    /// An attempt was declined while the client waited.
    PaymentFailed(PaymentFailed) = "payment.failed" from Billing
    /// The money went back.
    PaymentRefunded(PaymentRefunded) = "payment.refunded" from Billing
    /// The job stands in the workshop's queue.
    ExecutionCreated(ExecutionCreated) = "execution.created" from Execution
    /// The job moved on.
    ExecutionStatusChanged(ExecutionStatusChanged) = "execution.status-changed" from Execution
    /// The work is finished.
    ExecutionCompleted(ExecutionCompleted) = "execution.completed" from Execution
    /// The work will not be finished.
    ExecutionFailed(ExecutionFailed) = "execution.failed" from Execution
}

/// Why an order was called off, as words of the events.
pub mod reason {
    /// Somebody asked.
    pub const CUSTOMER_REQUEST: &str = "CUSTOMER_REQUEST";
    /// The customer turned the quote down.
    pub const QUOTE_REJECTED: &str = "QUOTE_REJECTED";
    /// Nobody answered the quote in time.
    pub const QUOTE_EXPIRED: &str = "QUOTE_EXPIRED";
    /// The reason of an execution that ends because the order was called off.
    pub const WORK_ORDER_CANCELLED: &str = "WORK_ORDER_CANCELLED";
    /// Stands where somebody's words stood that went with the customer.
    pub const ERASED: &str = "ERASED";
}

macro_rules! data {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$fdoc])* pub $field: $type,)+
        }
    )+};
}

data! {
    /// Data of `work-order.created`.
    WorkOrderCreated {
        /// The order.
        work_order_id: WorkOrderId,
        /// Whose.
        customer_id: CustomerId,
        /// On what.
        vehicle_id: VehicleId,
        /// Always `PENDING`; the seed's sample has it.
        #[serde(default = "pending")]
        status: WorkOrderStatus,
        /// The complaint.
        description: String,
        /// What the desk guessed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        estimated_cost: Option<Cents>,
        /// Services asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        services: Vec<RequestedService>,
        /// Parts asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<RequestedPart>,
        /// The payer. Absent in the seed's sample.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer: Option<Payer>,
    }
    /// Who pays, as the gateway wants to know it.
    Payer {
        /// Full name.
        name: String,
        /// Address for the receipt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// CPF or CNPJ without punctuation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        document: Option<String>,
    }
    /// Data of `work-order.status-changed`.
    WorkOrderStatusChanged {
        /// The order.
        work_order_id: WorkOrderId,
        /// Before.
        previous_status: WorkOrderStatus,
        /// Now.
        new_status: WorkOrderStatus,
        /// Grows by one per change; a stale one is ignored.
        revision: u32,
        /// The customer has been erased: whoever keeps anything of whose the order was forgets it. Told with the last
        /// change once more, as nothing else has changed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        customer_erased: bool,
    }
    /// Data of `work-order.cancelled`.
    WorkOrderCancelled {
        /// The order.
        work_order_id: WorkOrderId,
        /// A word of [`reason`], or free text.
        reason: String,
    }
    /// Data of `quote.created`.
    QuoteCreated {
        /// The order.
        work_order_id: WorkOrderId,
        /// The quote.
        quote_id: QuoteId,
        /// For whom.
        customer_id: CustomerId,
        /// In all.
        total_amount: Cents,
        /// Until when it may be approved.
        #[serde(serialize_with = "milliseconds")]
        valid_until: DateTime<Utc>,
    }
    /// Data of `quote.sent`, told once for each text that the customer gets.
    QuoteSent {
        /// The order.
        work_order_id: WorkOrderId,
        /// The quote.
        quote_id: QuoteId,
        /// Which of its texts, counted from 1: the highest is the one that counts. Absent for the first.
        #[serde(default = "first_text", skip_serializing_if = "is_first_text")]
        revision: u32,
        /// For whom.
        customer_id: CustomerId,
        /// In all.
        total_amount: Cents,
        /// Until when it may be approved.
        #[serde(serialize_with = "milliseconds")]
        valid_until: DateTime<Utc>,
    }
    /// Data of `quote.approved`.
    QuoteApproved {
        /// The order.
        work_order_id: WorkOrderId,
        /// The quote.
        quote_id: QuoteId,
        /// For whom.
        customer_id: CustomerId,
        /// In all.
        total_amount: Cents,
        /// Until when it could be approved.
        #[serde(serialize_with = "milliseconds")]
        valid_until: DateTime<Utc>,
    }
    /// Data of `quote.rejected`.
    QuoteRejected {
        /// The order.
        work_order_id: WorkOrderId,
        /// The quote.
        quote_id: QuoteId,
        /// By whom or what.
        reason: RejectionReason,
    }
    /// Data of `payment.created`.
    PaymentCreated {
        /// The order.
        work_order_id: WorkOrderId,
        /// The attempt.
        payment_id: PaymentId,
        /// For which quote.
        quote_id: QuoteId,
        /// How much.
        amount: Cents,
        /// How.
        payment_method: PaymentMethod,
    }
    /// Data of `payment.approved`.
    PaymentApproved {
        /// The order.
        work_order_id: WorkOrderId,
        /// The attempt.
        payment_id: PaymentId,
        /// For which quote.
        quote_id: QuoteId,
        /// How much.
        amount: Cents,
        /// How.
        payment_method: PaymentMethod,
    }
    /// Data of `payment.rejected`.
    PaymentRejected {
        /// The order.
        work_order_id: WorkOrderId,
        /// The attempt.
        payment_id: PaymentId,
        /// For which quote.
        quote_id: QuoteId,
        /// How much.
        amount: Cents,
        /// The gateway's word, such as `expired`.
        reason: String,
    }
    /// Data of `payment.failed`.
    PaymentFailed {
        /// The order.
        work_order_id: WorkOrderId,
        /// The attempt.
        payment_id: PaymentId,
        /// For which quote.
        quote_id: QuoteId,
        /// How much.
        amount: Cents,
        /// The gateway's word, such as `cc_rejected_other_reason`.
        reason: String,
    }
    /// Data of `payment.refunded`.
    PaymentRefunded {
        /// The order.
        work_order_id: WorkOrderId,
        /// The attempt whose money went back.
        payment_id: PaymentId,
        /// For which quote.
        quote_id: QuoteId,
        /// How much.
        amount: Cents,
        /// Why.
        reason: String,
        /// One of several parts that went back after the work; absent when the whole did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_id: Option<Uuid>,
    }
    /// Data of `execution.created`.
    ExecutionCreated {
        /// The order.
        work_order_id: WorkOrderId,
        /// The job.
        execution_id: ExecutionId,
        /// Always `QUEUED`.
        status: ExecutionStatus,
        /// How urgent.
        priority: Priority,
        /// Who should do it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        technician_id: Option<String>,
    }
    /// Data of `execution.status-changed`.
    ExecutionStatusChanged {
        /// The order.
        work_order_id: WorkOrderId,
        /// The job.
        execution_id: ExecutionId,
        /// Before.
        previous_status: ExecutionStatus,
        /// Now.
        new_status: ExecutionStatus,
    }
    /// Data of `execution.completed`.
    ExecutionCompleted {
        /// The order.
        work_order_id: WorkOrderId,
        /// The job.
        execution_id: ExecutionId,
        /// What was built in.
        #[serde(default)]
        parts_used: Vec<PartUsed>,
        /// What was done, in words.
        #[serde(default)]
        services_performed: Vec<String>,
    }
    /// Data of `execution.failed`.
    ExecutionFailed {
        /// The order.
        work_order_id: WorkOrderId,
        /// The job.
        execution_id: ExecutionId,
        /// [`reason::WORK_ORDER_CANCELLED`] or the technician's words.
        reason: String,
    }
    /// A service of the catalogue, asked for.
    RequestedService {
        /// Which.
        service_id: ServiceId,
        /// How many times.
        #[serde(default)]
        quantity: Quantity,
    }
    /// A part of the catalogue, asked for.
    RequestedPart {
        /// Which.
        part_id: PartId,
        /// How many.
        #[serde(default)]
        quantity: Quantity,
    }
    /// A part that was built in.
    PartUsed {
        /// Of the catalogue, if it came from there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part_id: Option<PartId>,
        /// Its name, for parts from elsewhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// How many.
        #[serde(default)]
        quantity: Quantity,
    }
}

const fn pending() -> WorkOrderStatus {
    WorkOrderStatus::Pending
}

/// The number of a quote's first text.
#[must_use]
pub const fn first_text() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_first_text(revision: &u32) -> bool {
    *revision == first_text()
}
