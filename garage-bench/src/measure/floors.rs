//! The floors' rows. They come first, so that every other row can be told as a ratio.

use anyhow::Result;

use super::bench::Bench;
use crate::report::{Row, Unit, say};

impl Bench<'_> {
    /// Both floors at every number of clients.
    pub(super) async fn floors(&mut self) -> Result<()> {
        say("floors, with bare drivers:");
        for kind in ["skeleton", "batched"] {
            for clients in self.options.floor_clients() {
                let outcome = self.floor(kind, clients).await?;
                self.add(Row::of("floor", kind, clients, &outcome).counting(Unit::Saga));
            }
        }
        Ok(())
    }
}
