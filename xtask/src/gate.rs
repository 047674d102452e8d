//! What a change must pass, in the order that tells the cheapest news first. Another check is one more line in
//! [`GATE`].

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::console::say;
use crate::instructions;
use crate::leash::Leash;
use crate::process::{run as run_command, run_held};
use crate::programs::workspace;
use crate::servers::{Purpose, Servers};
use crate::validate;

struct Step {
    name: &'static str,
    run: fn(&Leash) -> Result<()>,
}

const GATE: [Step; 7] = [
    Step { name: "format", run: format },
    Step { name: "lints", run: lints },
    Step { name: "validators", run: validate::run },
    Step { name: "tests", run: |leash| test(leash, &[]) },
    Step { name: "instructions", run: |leash| instructions::run(leash, false) },
    Step { name: "faults", run: |leash| faults(leash, &[]) },
    Step { name: "documentation", run: documentation },
];

/// Every step of the gate, up to the first that fails.
pub(crate) fn run(leash: &Leash) -> Result<()> {
    for Step { name, run } in GATE {
        say(&format!("── {name}"));
        let begun = Instant::now();
        let outcome = run(leash);
        let word = if outcome.is_ok() { "passed" } else { "FAILED" };
        say(&format!("── {name} {word} after {:.1} s", begun.elapsed().as_secs_f64()));
        outcome?;
    }
    Ok(())
}

/// `cargo test` against servers of its own, with the arguments given to it.
pub(crate) fn test(leash: &Leash, arguments: &[String]) -> Result<()> {
    let servers = Servers::start(leash, Purpose::Tests)?;
    let mut tests = cargo("test");
    if !names_a_package(arguments) {
        tests.arg("--workspace");
    }
    run_command(leash, tests.arg("--locked").args(arguments).envs(servers.environment()))
}

/// The fault suite. It is built as the tests are, of which it is a part: nothing is compiled again for it.
pub(crate) fn faults(leash: &Leash, arguments: &[String]) -> Result<()> {
    run_command(leash, cargo("test").args(["--quiet", "--workspace", "--no-run", "--locked"]))?;
    let chores = std::env::current_exe()?;
    let suite = chores.with_file_name("garage-faults");
    run_held(leash, Command::new(&suite).args(arguments)).with_context(|| suite.display().to_string())
}

fn format(leash: &Leash) -> Result<()> {
    run_command(leash, cargo("fmt").args(["--all", "--check"]))
}

fn lints(leash: &Leash) -> Result<()> {
    let arguments = ["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run_command(leash, cargo("clippy").args(arguments))
}

fn documentation(leash: &Leash) -> Result<()> {
    let arguments = ["--workspace", "--no-deps", "--locked"];
    run_command(leash, cargo("doc").args(arguments).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The cargo that this was started with.
pub(crate) fn cargo(chore: &str) -> Command {
    // Whoever runs us with `cargo +toolchain` wants the same one used here.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(chore).current_dir(workspace());
    command
}

/// Cargo would let `--workspace` win over `-p`, and build everything to run one test.
fn names_a_package(arguments: &[String]) -> bool {
    let to_cargo = arguments.iter().take_while(|argument| *argument != "--");
    to_cargo.into_iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_named_package_is_tested_alone() {
        assert!(names_a_package(&words("-p garage-kit")));
        assert!(names_a_package(&words("--package=garage-kit outbox")));
    }

    #[test]
    fn what_is_meant_for_the_test_program_names_no_package() {
        assert!(!names_a_package(&words("outbox -- -p")));
    }
}
