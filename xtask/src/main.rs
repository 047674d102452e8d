//! The program of the chores; what it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
