//! The front desk.

pub mod work_order;
