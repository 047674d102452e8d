//! The shop's screens in headless Chromium: whole journeys with several windows side by side, with script and without, by
//! keyboard alone, and what every page owes to everybody who uses it. Screenshots of all that was seen stay in
//! `target/browser`, to be looked at. Not part of the gate, as it needs a browser: `cargo xtask browser` brings one.

mod audit;
mod driver;
mod journeys;
mod shop;
mod window;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use garage_kit::program;

use crate::{driver::Driver, journeys::JOURNEYS, shop::Opened};

fn main() -> ExitCode {
    program::run(run())
}

#[expect(clippy::print_stdout, reason = "what was found goes to standard output")]
async fn run() -> Result<()> {
    let driver =
        Driver::start().await.context("starting Chromium's driver; `cargo xtask browser` installs it")?;
    let mut broken = 0;
    for journey in JOURNEYS {
        let shop = Opened::open().await?;
        match (journey.go)(&driver, &shop).await {
            Ok(()) => println!("✓ {}", journey.name),
            Err(cause) => {
                println!("✗ {}: {cause:#}", journey.name);
                broken += 1;
            }
        }
        shop.close().await;
    }
    println!(
        "{} journeys, {} ended as they must; pictures in {}",
        JOURNEYS.len(),
        JOURNEYS.len() - broken,
        driver::pictures().display()
    );
    ensure!(broken == 0, "{broken} journeys did not end as they must");
    Ok(())
}
