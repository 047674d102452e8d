//! The fault suite: the real service programs, two copies of each, on private servers whose every wire is in our hands.
//! Everything that can break is broken under load; afterwards all books are joined and every row explained.

pub mod broker;
pub mod client;
pub mod doorbell;
pub mod fault;
pub mod faults;
pub mod gateway;
pub mod ledgers;
pub mod load;
pub mod oracle;
pub mod planted;
pub mod replica;
pub mod saga;
pub mod suite;
pub mod table;
pub mod tap;
pub mod wire;
pub mod world;
