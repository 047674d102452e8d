//! All in one: the three services in one process with nothing to install, a client that speaks to services
//! wherever they run, and the stories that both are held to.

pub mod backup;
pub mod broker;
pub mod embedded;
pub mod front;
pub mod reconcile;
pub mod shop;
pub mod stories;
