//! The driver tells what happens to its connections and keeps no count: here is one. A cluster's members have a pool
//! each; they are counted together.

use std::sync::Arc;

use mongodb::{
    event::{EventHandler, cmap::CmapEvent},
    options::ClientOptions,
};

use crate::store::pool::{Pool, Underway};

/// The driver's own default, for each server.
const MOST: u32 = 10;

/// Counts of what is open, at work and wanted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    most: u32,
    open: Underway,
    used: Underway,
    waiting: Underway,
}

impl Counted {
    /// Counts what the client with these options will do.
    pub(super) fn watch(options: &mut ClientOptions) -> Arc<Self> {
        let most = options.max_pool_size.filter(|most| *most > 0).unwrap_or(MOST);
        let counted = Arc::new(Self { most, ..Self::default() });
        let counts = Arc::clone(&counted);
        options.cmap_event_handler = Some(EventHandler::callback(move |event| counts.hear(&event)));
        counted
    }

    fn hear(&self, event: &CmapEvent) {
        match event {
            CmapEvent::ConnectionCreated(_) => self.open.begin(),
            CmapEvent::ConnectionClosed(_) => self.open.end(),
            CmapEvent::ConnectionCheckoutStarted(_) => self.waiting.begin(),
            CmapEvent::ConnectionCheckoutFailed(_) => self.waiting.end(),
            CmapEvent::ConnectionCheckedOut(_) => {
                self.waiting.end();
                self.used.begin();
            }
            CmapEvent::ConnectionCheckedIn(_) => self.used.end(),
            CmapEvent::PoolCreated(_)
            | CmapEvent::PoolReady(_)
            | CmapEvent::PoolCleared(_)
            | CmapEvent::PoolClosed(_)
            | CmapEvent::ConnectionReady(_) => {}
            // The driver may come to tell more
            _ => {}
        }
    }

    pub(super) fn pool(&self) -> Pool {
        let used = self.used.count();
        let idle = self.open.count().saturating_sub(used);
        Pool { name: "database", most: self.most, idle, used, waiting: self.waiting.count() }
    }
}
