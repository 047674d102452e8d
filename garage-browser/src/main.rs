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
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.iter().all(|words| name.contains(words.as_str()));
    let journeys: Vec<_> = JOURNEYS.iter().filter(|journey| is_wanted(journey.name)).collect();
    ensure!(!journeys.is_empty(), "no journey has {wanted:?} in its name");
    for journey in &journeys {
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
    let (count, folder) = (journeys.len(), driver::pictures());
    println!("{count} journeys, {} ended as they must; pictures in {}", count - broken, folder.display());
    ensure!(broken == 0, "{broken} journeys did not end as they must");
    Ok(())
}
