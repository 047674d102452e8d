//! Where things stand, in the words of the wire: work orders, executions, quotes, payments, and the few other sets of
//! words that events carry.

use crate::words::words;

words! {
    /// Where a work order stands (SPEC 4).
    WorkOrderStatus {
        /// Taken in.
        Pending = "PENDING",
        /// A quote exists.
        Quoted = "QUOTED",
        /// The customer has the quote.
        QuoteSent = "QUOTE_SENT",
        /// The customer said yes; money is awaited.
        Approved = "APPROVED",
        /// Paid: in the workshop.
        InProgress = "IN_PROGRESS",
        /// Repaired.
        Completed = "COMPLETED",
        /// Given back to the customer.
        Delivered = "DELIVERED",
        /// Called off.
        Cancelled = "CANCELLED",
        /// The workshop could not do it.
        Failed = "FAILED",
    }
    /// Where the workshop's job stands (SPEC 4).
    ExecutionStatus {
        /// Prepared; nobody may begin.
        AwaitingPayment = "AWAITING_PAYMENT",
        /// Paid; the next free technician takes it.
        Queued = "QUEUED",
        /// Being looked at.
        Diagnosing = "DIAGNOSING",
        /// Looked at.
        DiagnosisComplete = "DIAGNOSIS_COMPLETE",
        /// Being repaired.
        Repairing = "REPAIRING",
        /// Repaired.
        RepairComplete = "REPAIR_COMPLETE",
        /// Being tried.
        Testing = "TESTING",
        /// Finished.
        Completed = "COMPLETED",
        /// Given up.
        Failed = "FAILED",
        /// Called off before it was paid.
        Cancelled = "CANCELLED",
    }
    /// How urgent a job is.
    Priority {
        /// When there is time.
        Low = "LOW",
        /// As they come.
        Normal = "NORMAL",
        /// Before others.
        High = "HIGH",
        /// Before all.
        Urgent = "URGENT",
    }
    /// How a customer pays.
    PaymentMethod {
        /// Instant transfer.
        Pix = "PIX",
        /// Credit card.
        CreditCard = "CREDIT_CARD",
        /// Debit card.
        DebitCard = "DEBIT_CARD",
        /// Bank slip.
        Boleto = "BOLETO",
    }
    /// Where a quote stands (SPEC 4).
    QuoteStatus {
        /// Its lines may change.
        Pending = "PENDING",
        /// The customer has it.
        Sent = "SENT",
        /// The customer said yes.
        Approved = "APPROVED",
        /// The customer said no.
        Rejected = "REJECTED",
        /// Nobody answered in time.
        Expired = "EXPIRED",
        /// The order was called off.
        Cancelled = "CANCELLED",
    }
    /// Where an attempt to pay stands.
    PaymentStatus {
        /// The gateway has been or is about to be asked; what it did is not known.
        Processing = "PROCESSING",
        /// Accepted; the payer must act, or the provider decides later.
        Pending = "PENDING",
        /// Captured.
        Approved = "APPROVED",
        /// Declined or expired.
        Rejected = "REJECTED",
        /// Called off before any money moved.
        Cancelled = "CANCELLED",
        /// Captured, and owed back.
        Refunding = "REFUNDING",
        /// Given back.
        Refunded = "REFUNDED",
    }
    /// Why a quote was turned down.
    RejectionReason {
        /// By the customer.
        Customer = "CUSTOMER",
        /// By time.
        Expired = "EXPIRED",
    }
}
