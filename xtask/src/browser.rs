//! `cargo xtask browser`: the screens in headless Chromium, which is brought along where it is missing. What is tried is
//! that program's affair (`garage-browser`). Not part of the gate: a browser is hundreds of megabytes.

use anyhow::Result;

use crate::apt;
use crate::gate::cargo;
use crate::leash::Leash;
use crate::process::run as run_command;
use crate::programs::on_path;

/// The browser and its driver, if they are not here.
pub(crate) fn install_missing() -> Result<()> {
    if on_path("chromium").is_some() && on_path("chromedriver").is_some() {
        return Ok(());
    }
    apt::install(&["chromium", "chromium-driver"])
}

/// Builds and goes on every journey.
pub(crate) fn run(leash: &Leash) -> Result<()> {
    run_command(leash, cargo("run").args(["--quiet", "--locked", "--package", "garage-browser"]))
}
