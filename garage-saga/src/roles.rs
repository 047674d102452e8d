//! Who may do what (SPEC 5), in one place for the three services: a route names one of these groups in
//! [`By`](garage_kit::auth::By) or [`ByOrLink`](garage_kit::auth::ByOrLink). Customers have no role of their own; they
//! hold a link to their order.

use garage_events::WorkOrderId;
use garage_kit::auth::Group;

/// Whoever works here.
#[derive(Clone, Copy, Debug)]
pub enum Staff {}

/// Attendants run the desk: customers, vehicles, orders, quotes and payments are theirs to write. Calling an order off is
/// their business too, as that deletes nothing.
#[derive(Clone, Copy, Debug)]
pub enum Desk {}

/// Who works on cars.
#[derive(Clone, Copy, Debug)]
pub enum Workshop {}

/// What is deleted is gone, what the catalogue says is what customers pay: the manager's.
#[derive(Clone, Copy, Debug)]
pub enum Manager {}

impl Group for Staff {
    const ROLES: &'static [&'static str] = &["attendant", "technician", "manager"];
}

impl Group for Desk {
    const ROLES: &'static [&'static str] = &["attendant", "manager"];
}

impl Group for Workshop {
    const ROLES: &'static [&'static str] = &["technician", "manager"];
}

impl Group for Manager {
    const ROLES: &'static [&'static str] = &["manager"];
}

/// What a customer's link to this order says.
#[must_use]
pub fn link_to(order: WorkOrderId) -> String {
    format!("work-order:{order}")
}
