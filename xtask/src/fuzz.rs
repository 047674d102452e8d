//! Looks for bytes that break a decoder, led by the compiler's coverage. A stable compiler has all that this takes but the
//! sanitizers, and code without `unsafe` has little for those to find. What it builds it builds apart from everything
//! else, as every crate is compiled anew with the coverage in it: minutes, the first time. So the gate only replays the
//! corpus (`garage/tests/decoders.rs`), and this is for nights and for whoever changes a decoder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console::say;
use crate::leash::Leash;
use crate::process::{output_of, run as run_command};
use crate::programs::workspace;

/// What `cargo fuzz run --sanitizer none` gives the compiler.
const COVERAGE: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Runs every target, or the one that is named, for so many seconds.
pub(crate) fn run(leash: &Leash, seconds: u32, only: Option<&str>) -> Result<()> {
    let programs = build(leash)?;
    let targets = targets()?;
    ensure!(
        only.is_none_or(|only| targets.iter().any(|name| name == only)),
        "the targets are {}",
        targets.join(", ")
    );
    for target in targets.iter().filter(|target| only.is_none_or(|only| only == *target)) {
        say(&format!("── {target}, {seconds} s"));
        search(leash, &programs, target, seconds)?;
    }
    Ok(())
}

fn fuzz() -> PathBuf {
    workspace().join("fuzz")
}

/// A target is a folder of the corpus.
fn targets() -> Result<Vec<String>> {
    let folders = std::fs::read_dir(fuzz().join("corpus"))?;
    let names = folders.map(|folder| Ok(folder?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// The folder with the programs. A target triple is named so that build scripts and macros are spared the coverage.
fn build(leash: &Leash) -> Result<PathBuf> {
    let told = output_of(Command::new("rustc").arg("-vV"))?;
    let triple =
        told.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not tell its host")?;
    let folder = fuzz().join("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--bins", "--target", triple])
        .current_dir(fuzz())
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}"));
    run_command(leash, &mut cargo)?;
    Ok(folder.join(triple).join("release"))
}

/// What is found that nobody has covered yet goes to `target/corpus`; what breaks the target to `artifacts`, and its path
/// is printed. The committed corpus stays as it is.
fn search(leash: &Leash, programs: &Path, target: &str, seconds: u32) -> Result<()> {
    let found = fuzz().join("target/corpus").join(target);
    let broken = fuzz().join("artifacts").join(target);
    std::fs::create_dir_all(&found)?;
    std::fs::create_dir_all(&broken)?;
    let mut program = Command::new(programs.join(target));
    program
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=4096", "-timeout=20", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .arg(found)
        .arg(fuzz().join("corpus").join(target));
    run_command(leash, &mut program)
}
