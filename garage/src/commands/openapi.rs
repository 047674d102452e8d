//! `garage openapi`: a service's API document, as the service itself serves it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use clap::{Args, ValueEnum};
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings, temporary_folder},
    shop::{At, Shop},
};
use garage_kit::{clock::Clock, program::Env};

/// Print an OpenAPI document.
#[derive(Args)]
pub(crate) struct Openapi {
    /// Whose
    service: Name,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Os,
    Billing,
    Execution,
}

impl Openapi {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self) -> Result<()> {
        let at = match self.service {
            Name::Os => At::Os,
            Name::Billing => At::Billing,
            Name::Execution => At::Execution,
        };
        let clock = Clock::system();
        let folder = temporary_folder(&clock);
        let document = served(at, &clock, &folder).await;
        std::fs::remove_dir_all(&folder)?;
        println!("{}", serde_json::to_string_pretty(&document?)?);
        Ok(())
    }
}

async fn served(at: At, clock: &Clock, folder: &std::path::Path) -> Result<serde_json::Value> {
    let data = DataDir::open(folder)?;
    let secret = data.secret(clock)?;
    let addresses = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
    let embedded = Embedded::start(&data, addresses, settings(&Env::fixed(&[]))?, &secret, clock).await?;
    let document = Shop::new(embedded.urls.clone(), String::new())?.get(at, "/openapi.json").await;
    embedded.stop().await;
    document
}
