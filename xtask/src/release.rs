//! `cargo xtask release`: the one program that a shop needs, linked statically, with the licences of all that is in it and
//! a bill of materials, in an archive that another machine can build again to the byte. A toolchain builds for the
//! platforms whose standard library it has (`rustup target list --installed`).

mod bill;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use self::bill::Bill;
use crate::console::say;
use crate::gate::cargo;
use crate::leash::Leash;
use crate::process::{output_of, run as run_command};
use crate::programs::workspace;

/// The C library is linked in, too: nothing but a kernel is needed. Paths of the machine that builds are left out.
const STATIC: &str = "-Ctarget-feature=+crt-static";
const PROGRAM: &str = "garage";

/// Builds for `target`, or for this machine; `twice` builds a second time from nothing and compares.
pub(crate) fn run(leash: &Leash, target: Option<&str>, twice: bool) -> Result<()> {
    let target = target.map_or_else(host, |target| Ok(target.to_owned()))?;
    let program = build(leash, &target, "release")?;
    if twice {
        let again = build(leash, &target, "release-again")?;
        ensure!(std::fs::read(&program)? == std::fs::read(&again)?, "two builds differ: {}", again.display());
        std::fs::remove_dir_all(workspace().join("target/release-again"))?;
        say("two builds are the same to the byte");
    }
    let bill = Bill::of(&target)?;
    let folder = pack(&program, &bill, &target)?;
    archive(leash, &folder)
}

fn host() -> Result<String> {
    let told = output_of(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not tell its host")?.to_owned())
}

/// In a target folder of its own: what is linked statically is no use to anybody else.
fn build(leash: &Leash, target: &str, name: &str) -> Result<PathBuf> {
    let folder = workspace().join("target").join(name);
    let flags = [STATIC.to_owned()].into_iter().chain(remapped(&folder)?).collect::<Vec<_>>();
    let mut build = cargo("build");
    build.args(["--release", "--locked", "--package", PROGRAM, "--bin", PROGRAM, "--target", target]);
    build.args(["--config", "profile.release.strip=\"symbols\"", "--target-dir"]).arg(&folder);
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")).env("CARGO_INCREMENTAL", "0");
    build.env("SOURCE_DATE_EPOCH", epoch()?);
    run_command(leash, &mut build)?;
    Ok(folder.join(target).join("release").join(PROGRAM))
}

/// The folders of this machine, by names that every machine can give them; C compilers are told the same.
fn remapped(target: &Path) -> Result<Vec<String>> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let cargo_home = cargo_home.context("neither CARGO_HOME nor HOME is set")?;
    // Of several that match rustc takes the last, and the target folder is inside the workspace.
    let places = [(workspace(), "/garage"), (cargo_home.as_path(), "/cargo"), (target, "/target")];
    Ok(places.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).to_vec())
}

/// When the commit was made: the only time that goes into the archive.
fn epoch() -> Result<String> {
    let mut git = Command::new("git");
    let told = output_of(git.args(["log", "-1", "--format=%ct"]).current_dir(workspace()))?;
    Ok(told.trim().to_owned())
}

fn pack(program: &Path, bill: &Bill, target: &str) -> Result<PathBuf> {
    let releases = workspace().join("target/releases");
    let folder = releases.join(format!("{PROGRAM}-{}-{target}", bill.version()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(program, folder.join(PROGRAM))?;
    for page in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        std::fs::copy(workspace().join(page), folder.join(page))?;
    }
    std::fs::write(folder.join("THIRD-PARTY-LICENSES.txt"), bill.licences()?)?;
    std::fs::write(folder.join("garage.cdx.json"), bill.document()?)?;
    Ok(folder)
}

/// With nobody's name, one time and one order of files, so that the same contents are the same archive.
fn archive(leash: &Leash, folder: &Path) -> Result<()> {
    let releases = folder.parent().context("a folder above")?;
    let name = folder.file_name().context("a name")?.to_string_lossy().into_owned();
    let archive = format!("{name}.tar.gz");
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]);
    tar.args([format!("--mtime=@{}", epoch()?), "--use-compress-program=gzip -9n".to_owned()]);
    run_command(leash, tar.args(["-cf", &archive, &name]).current_dir(releases))?;
    let mut sums = output_of(Command::new("sha256sum").arg(&archive).current_dir(releases))?;
    let program = format!("{name}/{PROGRAM}");
    sums += &output_of(Command::new("sha256sum").arg(&program).current_dir(releases))?;
    std::fs::write(releases.join("SHA256SUMS"), &sums)?;
    say(&format!("{}\n{sums}", releases.join(&archive).display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By rustc's own word: of several that match it takes the last.
    #[test]
    fn what_is_built_in_one_folder_and_in_another_has_the_same_name() {
        let names = ["release", "release-again"].map(|name| {
            let folder = workspace().join("target").join(name);
            let place = folder.join("build/out.rs").display().to_string();
            let told = |flag: &String| {
                let (from, to) = flag.strip_prefix("--remap-path-prefix=")?.rsplit_once('=')?;
                place.strip_prefix(from).map(|rest| format!("{to}{rest}"))
            };
            remapped(&folder).unwrap().iter().rev().find_map(told)
        });
        assert_eq!(names, [Some("/target/build/out.rs".to_owned()), Some("/target/build/out.rs".to_owned())]);
    }
}
