//! The work order's status as another service has last heard it from its owner. Events may come late and out
//! of order, so an older revision never replaces a newer one.

use serde::{Deserialize, Serialize};

use crate::{WorkOrderStatus, event::WorkOrderStatusChanged};

/// The order's status and the revision it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Followed {
    /// The status.
    pub status: WorkOrderStatus,
    /// Of which revision.
    pub revision: u32,
}

impl Followed {
    /// What is known after hearing of a change.
    #[must_use]
    pub fn after(known: Option<Self>, heard: &WorkOrderStatusChanged) -> Option<Self> {
        match known {
            Some(known) if known.revision >= heard.revision => Some(known),
            Some(_) | None => Some(Self { status: heard.new_status, revision: heard.revision }),
        }
    }
}
