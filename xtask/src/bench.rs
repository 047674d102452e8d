//! `cargo xtask bench`: release builds of everything, private servers, and the measuring program between them. What is
//! measured is that program's affair (`garage-bench`); here is only what it stands on.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::console::say;
use crate::gate::cargo;
use crate::leash::Leash;
use crate::process::{output_of, run as run_command};
use crate::programs::workspace;
use crate::servers::{Purpose, Servers};

/// The programs that are measured and the one that measures.
const PACKAGES: [&str; 5] =
    ["garage", "garage-os-service", "garage-billing-service", "garage-execution-service", "garage-bench"];

/// Builds, starts the servers, and hands over.
pub(crate) fn run(leash: &Leash, arguments: &[String]) -> Result<()> {
    let mut build = cargo("build");
    build.args(["--release", "--locked", "--bins"]);
    for package in PACKAGES {
        build.args(["--package", package]);
    }
    say("building release programs …");
    run_command(leash, &mut build)?;
    let servers = Servers::start(leash, Purpose::Figures)?;
    let mut bench = Command::new(release_folder()?.join("garage-bench"));
    bench.arg("run").args(arguments).current_dir(workspace()).envs(servers.environment());
    bench.envs(servers.described()).env("GARAGE_BENCH_COMMIT", commit()?);
    bench.env(
        "GARAGE_BENCH_COMMAND",
        ["cargo xtask bench"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
    );
    run_command(leash, &mut bench)
}

/// Beside the folder of this program, which is a debug build of the same target folder.
fn release_folder() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let target = this.parent().and_then(|debug| debug.parent());
    Ok(target.context("this program is in target/debug")?.join("release"))
}

/// The commit that is measured, with a mark when the sources differ from it.
fn commit() -> Result<String> {
    let mut git = Command::new("git");
    let described = output_of(git.args(["describe", "--always", "--dirty"]).current_dir(workspace()))?;
    Ok(described.trim().to_owned())
}
