//! `garage asyncapi`: what the services tell each other, as an AsyncAPI document. It needs no service: the document and
//! the services are made from the same table.

use anyhow::Result;
use clap::Args;
use garage_events::contract;

/// Print the AsyncAPI document of the exchange.
#[derive(Args)]
pub(crate) struct Asyncapi {}

impl Asyncapi {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) fn run(self) -> Result<()> {
        println!("{}", serde_json::to_string_pretty(&contract::asyncapi())?);
        Ok(())
    }
}
