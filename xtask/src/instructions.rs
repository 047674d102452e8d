//! `cargo xtask instructions`: how many instructions the system's own code needs for one saga, counted by callgrind and
//! compared with `docs/instructions.txt`. Time differs from run to run and from machine to machine; this hardly does,
//! so that a change that makes the code a tenth slower is seen on the day it is made.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt;
use crate::console::say;
use crate::gate::cargo;
use crate::leash::Leash;
use crate::process::{output_and_complaints_of, output_of, run as run_command};
use crate::programs::{on_path, workspace};

/// Sagas of the two counts; their difference is free of what starting costs.
const FEW: u64 = 20;
const MANY: u64 = 60;
/// A change beyond this must be explained in the commit that updates the figure.
const TOLERATED_PERCENT: u64 = 10;
const FIGURE: &str = "docs/instructions.txt";
const BEFORE_FIGURE: &str = "instructions per saga: ";
/// Another compiler makes other instructions, and another processor has others.
const BEFORE_MAKER: &str = "counted with: ";

/// What the counting needs, if it is not here.
pub(crate) fn install_missing() -> Result<()> {
    if on_path("valgrind").is_some() {
        return Ok(());
    }
    apt::install(&["valgrind"])
}

/// Counts, and compares with the committed figure or writes it.
pub(crate) fn run(leash: &Leash, update: bool) -> Result<()> {
    build(leash)?;
    let counted = (count(leash, MANY)? - count(leash, FEW)?) / (MANY - FEW);
    let maker = maker()?;
    let path = workspace().join(FIGURE);
    if update {
        std::fs::write(&path, document(counted, &maker)).with_context(|| path.display().to_string())?;
        say(&format!("{counted} instructions per saga, written to {FIGURE}"));
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {FIGURE}"))?;
    let committed =
        written(&text, BEFORE_FIGURE)?.parse().with_context(|| format!("{FIGURE}: the figure"))?;
    let change = change_in_percent(committed, counted);
    say(&format!("{counted} instructions per saga, {change:+.1} % of the committed {committed}"));
    let theirs = written(&text, BEFORE_MAKER)?;
    if theirs != maker {
        say(&format!("not compared: those were counted with {theirs}, these with {maker}"));
        return Ok(());
    }
    ensure!(
        is_tolerated(committed, counted),
        "that is more than {TOLERATED_PERCENT} % away from {FIGURE}: if it is meant, run `cargo xtask instructions --update` \
         and say why in the commit"
    );
    Ok(())
}

/// The compiler and the processor.
fn maker() -> Result<String> {
    let told = output_of(Command::new("rustc").arg("--version").current_dir(workspace()))?;
    let version = told.split_whitespace().nth(1).context("rustc does not tell its version")?;
    Ok(format!("rustc {version} for {}", std::env::consts::ARCH))
}

/// In the tests' own target folder, with only our crates compiled anew (see `xtask/optimised.toml`). A test
/// beside the program, a small one, makes cargo choose the libraries' features as for all tests, so that those need no
/// second build.
fn build(leash: &Leash) -> Result<()> {
    let mut build = cargo("build");
    build.arg("--config").arg(workspace().join("xtask/optimised.toml"));
    build.args(["--locked", "--workspace", "--bin", "saga-instructions", "--test", "golden"]);
    run_command(leash, build.env("CARGO_INCREMENTAL", "0"))
}

fn program() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.with_file_name("saga-instructions"))
}

fn count(leash: &Leash, sagas: u64) -> Result<u64> {
    leash.rest()?;
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program()?)
        .arg(sagas.to_string());
    let said = output_and_complaints_of(&mut valgrind)?;
    collected(&said).with_context(|| format!("callgrind told no count:\n{said}"))
}

/// From the line `==123== Collected : 456`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : "))?.1.trim().parse().ok()
}

fn written<'a>(text: &'a str, before: &str) -> Result<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(before));
    Ok(line.with_context(|| format!("{FIGURE} has no line `{before}…`"))?.trim())
}

fn document(counted: u64, maker: &str) -> String {
    format!(
        "What one whole saga costs in the system's own code: decisions, reactions, JSON, outbox and in-process bus, on\n\
         stores in memory, without HTTP, database and broker. Written by `cargo xtask instructions --update`;\n\
         without it the command compares, and wants the change explained when it is more than {TOLERATED_PERCENT} %.\n\
         \n\
         {BEFORE_FIGURE}{counted}\n\
         {BEFORE_MAKER}{maker}\n"
    )
}

fn is_tolerated(committed: u64, counted: u64) -> bool {
    committed.abs_diff(counted) * 100 <= committed * TOLERATED_PERCENT
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people to read")]
fn change_in_percent(committed: u64, counted: u64) -> f64 {
    (counted as f64 / committed.max(1) as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 123456\n==7==\n==7== I   refs:      123,456\n";
        assert_eq!(collected(said), Some(123_456));
        assert_eq!(collected("==7== Killed\n"), None);
    }

    #[test]
    fn the_written_figure_is_read_again() {
        let document = document(42, "rustc 1.2.3 for abacus");
        assert_eq!(written(&document, BEFORE_FIGURE).unwrap(), "42");
        assert_eq!(written(&document, BEFORE_MAKER).unwrap(), "rustc 1.2.3 for abacus");
        assert!(written("", BEFORE_FIGURE).is_err());
    }

    #[test]
    fn a_tenth_is_tolerated_and_no_more() {
        assert!(is_tolerated(1000, 1100) && is_tolerated(1000, 900));
        assert!(!is_tolerated(1000, 1101) && !is_tolerated(1000, 899));
    }
}
