//! The service programs as an earlier commit has them, for whoever wants both versions at work at once. They are built
//! from that commit's files, apart from everything else, so that today's stay what they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::gate::cargo;
use crate::leash::Leash;
use crate::process::{output_of, run};
use crate::programs::workspace;

const SERVICES: [&str; 3] = ["garage-os-service", "garage-billing-service", "garage-execution-service"];

/// Builds the services of `commit`, which git must know; the folder with their programs. Minutes, the first time.
///
/// # Errors
/// When there is no such commit, or it does not build.
pub fn services(leash: &Leash, commit: &str) -> Result<PathBuf> {
    let named = format!("{commit}^{{commit}}");
    let told = output_of(git().args(["rev-parse", "--verify", "--end-of-options"]).arg(named));
    let told = told.with_context(|| format!("{commit} names no commit"))?;
    let home = home()?;
    let source = home.join(told.trim());
    if !source.exists() {
        lay_out(leash, told.trim(), &source)?;
    }
    let target = home.join("target");
    let mut build = cargo("build");
    build.current_dir(&source).env("CARGO_TARGET_DIR", &target).arg("--locked");
    run(leash, build.args(SERVICES.iter().flat_map(|service| ["-p", service])))?;
    Ok(target.join("debug"))
}

/// Beside the folder of this program: `target/old`.
fn home() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("a target folder")?;
    Ok(target.join("old"))
}

/// The commit's files, in a folder that is there only once it is whole.
fn lay_out(leash: &Leash, commit: &str, source: &Path) -> Result<()> {
    let (partial, archive) = (source.with_extension("partial"), source.with_extension("tar"));
    let _ = std::fs::remove_dir_all(&partial);
    std::fs::create_dir_all(&partial)?;
    run(leash, git().args(["archive", "--output"]).arg(&archive).arg(commit))?;
    run(leash, Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&partial))?;
    std::fs::remove_file(&archive)?;
    Ok(std::fs::rename(&partial, source)?)
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace());
    git
}
