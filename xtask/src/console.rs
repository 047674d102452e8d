//! What a person reads goes to standard error; standard output is left to what a shell may evaluate.
//!
//! A reader that went away (`| head`) is no reason to stop: `println!` would panic, and the servers are still to be
//! ended. So a failed write is ignored here, and only here.

use std::io::Write;

/// A line for the person at the terminal.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line for the shell.
pub(crate) fn answer(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
