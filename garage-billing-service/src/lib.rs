//! Billing: quotes, payments, the catalogue of parts and services. The only door to this crate.

pub mod bill;
pub mod cashier;
pub mod gateway;
pub mod payment;
pub mod quote;
