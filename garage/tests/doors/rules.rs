//! Who may do what, operation by operation (SPEC 5).

use garage::shop::At::{self, Billing, Execution, Os};

use Who::{Anybody, Desk, DeskOrLink, Manager, Staff, StaffOrLink, Workshop};

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Without a token.
    Anybody,
    /// Whoever works here.
    Staff,
    /// The same, and the customer's link for its own order.
    StaffOrLink,
    Desk,
    /// The same, and the customer's link for its own order.
    DeskOrLink,
    Workshop,
    Manager,
}

impl Who {
    pub(crate) fn is(self, role: &str) -> bool {
        match self {
            Anybody => true,
            Staff | StaffOrLink => ["attendant", "technician", "manager"].contains(&role),
            Desk | DeskOrLink => ["attendant", "manager"].contains(&role),
            Workshop => ["technician", "manager"].contains(&role),
            Manager => role == "manager",
        }
    }

    pub(crate) fn admits_links(self) -> bool {
        [StaffOrLink, DeskOrLink].contains(&self)
    }
}

#[rustfmt::skip]
pub(crate) const RULES: &[(At, &str, Who)] = &[
    (Os, "GET /health", Anybody),
    (Os, "GET /health/live", Anybody),
    (Os, "GET /health/ready", Anybody),
    (Os, "GET /metrics", Anybody),
    (Os, "GET /public/work-orders/{id}/status", Anybody),
    (Os, "GET /events", StaffOrLink),
    (Os, "GET /dead-letters", Manager),
    (Os, "GET /dead-letters/audit", Manager),
    (Os, "GET /dead-letters/{id}", Manager),
    (Os, "POST /dead-letters/replay", Manager),
    (Os, "POST /dead-letters/discard", Manager),
    (Os, "POST /customers", Desk),
    (Os, "GET /customers", Staff),
    (Os, "GET /customers/{id}", Staff),
    (Os, "PATCH /customers/{id}", Desk),
    (Os, "DELETE /customers/{id}", Manager),
    (Os, "GET /customers/document/{document}", Staff),
    (Os, "POST /customers/{id}/erasure", Manager),
    (Os, "GET /customers/{id}/erasure", Manager),
    (Os, "POST /vehicles", Desk),
    (Os, "GET /vehicles", Staff),
    (Os, "GET /vehicles/{id}", Staff),
    (Os, "PUT /vehicles/{id}", Desk),
    (Os, "DELETE /vehicles/{id}", Manager),
    (Os, "GET /vehicles/customer/{customerId}", Staff),
    (Os, "GET /vehicles/plate/{plate}", Staff),
    (Os, "POST /work-orders", Desk),
    (Os, "GET /work-orders", Staff),
    (Os, "GET /work-orders/{id}", StaffOrLink),
    (Os, "PATCH /work-orders/{id}", Desk),
    (Os, "DELETE /work-orders/{id}", Desk),
    (Os, "POST /work-orders/{id}/deliver", Desk),
    (Os, "POST /work-orders/{id}/nudge", Manager),
    (Os, "GET /work-orders/{id}/history", Staff),

    (Billing, "GET /health", Anybody),
    (Billing, "GET /health/live", Anybody),
    (Billing, "GET /health/ready", Anybody),
    (Billing, "GET /metrics", Anybody),
    (Billing, "GET /events", StaffOrLink),
    (Billing, "GET /dead-letters", Manager),
    (Billing, "GET /dead-letters/audit", Manager),
    (Billing, "GET /dead-letters/{id}", Manager),
    (Billing, "POST /dead-letters/replay", Manager),
    (Billing, "POST /dead-letters/discard", Manager),
    (Billing, "POST /quotes", Desk),
    (Billing, "GET /quotes", Staff),
    (Billing, "GET /quotes/{id}", StaffOrLink),
    (Billing, "GET /quotes/work-order/{workOrderId}", StaffOrLink),
    (Billing, "PUT /quotes/{id}", Desk),
    (Billing, "POST /quotes/{id}/revisions", Desk),
    (Billing, "GET /quotes/{id}/revisions", StaffOrLink),
    (Billing, "PUT /quotes/{id}/send", Desk),
    (Billing, "POST /quotes/{id}/nudge", Manager),
    (Billing, "PATCH /quotes/{id}/send", Desk),
    (Billing, "PUT /quotes/{id}/approve", DeskOrLink),
    (Billing, "PATCH /quotes/{id}/approve", DeskOrLink),
    (Billing, "PUT /quotes/{id}/reject", DeskOrLink),
    (Billing, "PATCH /quotes/{id}/reject", DeskOrLink),
    (Billing, "POST /payments", DeskOrLink),
    (Billing, "GET /payments", Staff),
    (Billing, "GET /payments/{id}", StaffOrLink),
    (Billing, "DELETE /payments/{id}", Desk),
    (Billing, "GET /payments/work-order/{workOrderId}", StaffOrLink),
    (Billing, "PATCH /payments/{id}/verify", Desk),
    (Billing, "POST /payments/{id}/refunds", Manager),
    (Billing, "GET /payments/{id}/trail", Desk),
    (Billing, "POST /webhooks/mercado-pago", Anybody),
    (Billing, "POST /parts", Manager),
    (Billing, "GET /parts", Staff),
    (Billing, "GET /parts/low-stock", Staff),
    (Billing, "GET /parts/missing", Staff),
    (Billing, "GET /parts/work-order/{workOrderId}", Staff),
    (Billing, "GET /parts/{id}/reservations", Staff),
    (Billing, "GET /parts/{id}", Staff),
    (Billing, "PUT /parts/{id}", Manager),
    (Billing, "PATCH /parts/{id}", Manager),
    (Billing, "DELETE /parts/{id}", Manager),
    (Billing, "PUT /parts/{id}/stock", Manager),
    (Billing, "PATCH /parts/{id}/stock", Manager),
    (Billing, "POST /services", Manager),
    (Billing, "GET /services", Staff),
    (Billing, "GET /services/{id}", Staff),
    (Billing, "PUT /services/{id}", Manager),
    (Billing, "PATCH /services/{id}", Manager),
    (Billing, "DELETE /services/{id}", Manager),

    (Execution, "GET /health", Anybody),
    (Execution, "GET /health/live", Anybody),
    (Execution, "GET /health/ready", Anybody),
    (Execution, "GET /metrics", Anybody),
    (Execution, "GET /events", StaffOrLink),
    (Execution, "GET /dead-letters", Manager),
    (Execution, "GET /dead-letters/audit", Manager),
    (Execution, "GET /dead-letters/{id}", Manager),
    (Execution, "POST /dead-letters/replay", Manager),
    (Execution, "POST /dead-letters/discard", Manager),
    (Execution, "GET /executions", Staff),
    (Execution, "POST /executions", Manager),
    (Execution, "GET /executions/queue", Staff),
    (Execution, "GET /executions/{id}", Staff),
    (Execution, "PATCH /executions/{id}", Workshop),
    (Execution, "GET /executions/work-order/{workOrderId}", StaffOrLink),
    (Execution, "POST /executions/{id}/nudge", Manager),
    (Execution, "POST /executions/{id}/start-diagnosis", Workshop),
    (Execution, "POST /executions/{id}/complete-diagnosis", Workshop),
    (Execution, "POST /executions/{id}/start-repair", Workshop),
    (Execution, "POST /executions/{id}/complete-repair", Workshop),
    (Execution, "POST /executions/{id}/start-testing", Workshop),
    (Execution, "POST /executions/{id}/complete", Workshop),
    (Execution, "POST /executions/{id}/fail", Workshop),
    (Execution, "GET /queue", Staff),
    (Execution, "GET /queue/statistics", Staff),
];
