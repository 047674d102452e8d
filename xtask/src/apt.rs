//! Debian packages, when a program is missing. Only the front half comes here: `sudo` may have to ask for a password,
//! and a package manager is not to be ended half way.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console::say;
use crate::process::output_of;
use crate::programs::on_path;

/// Installs `packages`, after one `apt-get update`.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = packages.join(" ");
    say(&format!("installing {names} …"));
    ensure!(on_path("apt-get").is_some(), "{names} missing and no apt-get here: install them by hand");
    // One list that cannot be fetched must not stop what the others can serve; the install tells.
    let _ = output_of(&mut apt_get(["update"])?);
    let options = ["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    output_of(apt_get(options)?.args(packages)).with_context(|| format!("could not install {names}"))?;
    Ok(())
}

/// Brings a package's file into `folder` and installs nothing, so nobody has to be root for it.
pub(crate) fn download(package: &str, folder: &Path) -> Result<()> {
    ensure!(on_path("apt-get").is_some(), "no apt-get here: install {package} by hand");
    let download = || output_of(Command::new("apt-get").args(["download", package]).current_dir(folder));
    if download().is_err() {
        output_of(&mut apt_get(["update"])?)?;
        download().with_context(|| format!("could not download {package}"))?;
    }
    Ok(())
}

/// The packages would start their servers on the usual ports, in the way of a developer's own. A policy file is the
/// administrator's; these two variables ask the same of this one install, where services are started by runlevel and
/// where systemd does it. PostgreSQL's empty `main` cluster is created all the same, and stays down.
const STARTING_NOTHING: [&str; 2] = ["RUNLEVEL=1", "SYSTEMD_OFFLINE=1"];

fn apt_get<const N: usize>(arguments: [&str; N]) -> Result<Command> {
    let mut command = as_root("env")?;
    command.arg("DEBIAN_FRONTEND=noninteractive").args(STARTING_NOTHING).arg("apt-get").args(arguments);
    Ok(command)
}

fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root()? {
        return Ok(Command::new(program));
    }
    ensure!(on_path("sudo").is_some(), "a package is missing: run once as root, or install sudo");
    let mut command = Command::new("sudo");
    command.arg(program);
    Ok(command)
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> Result<bool> {
    Ok(std::fs::metadata("/proc/self")?.uid() == 0)
}
