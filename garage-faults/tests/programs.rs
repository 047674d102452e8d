//! The suite's program as a person calls it, without servers: what it can break, and what it says to a wrong name.

#![expect(clippy::unwrap_used, reason = "a test that cannot begin must stop")]

use std::process::{Command, Output, Stdio};

fn faults(arguments: &[&str]) -> Output {
    let mut suite = Command::new(env!("CARGO_BIN_EXE_garage-faults"));
    // The writing end of its leash is kept until it has ended.
    let mut child = suite.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let leash = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(leash);
    output
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn there_are_at_least_twenty_five_places_to_die_and_fifty_faults() {
    let list = told(&faults(&["--list"]));
    assert!(list.lines().filter(|line| line.starts_with("crash-")).count() >= 25, "{list}");
    assert!(list.lines().count() >= 50, "{list}");
}

#[test]
fn a_fault_that_does_not_exist_is_named() {
    let output = faults(&["--only", "earthquake"]);
    assert!(!output.status.success());
    assert!(told(&output).contains("no fault's name contains earthquake"), "{}", told(&output));
}
