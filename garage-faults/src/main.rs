//! `cargo xtask faults` starts this. Standard input is its leash: when the other end goes, everything is ended.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use garage_faults::{
    suite::{Options, run},
    table::say,
};
use garage_kit::program::install_crypto;
use xtask::leash::Leash;

fn main() -> ExitCode {
    let options = Options::parse();
    install_crypto();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            say(&format!("garage-faults: {cause}"));
            return ExitCode::FAILURE;
        }
    };
    let leash = Leash::on_standard_input();
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run(&options, &leash) => outcome,
            () = let_go(&leash) => Err(anyhow::anyhow!("interrupted; what was started is ended")),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(cause) => {
            say(&format!("garage-faults: {cause:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn let_go(leash: &Leash) {
    while !leash.is_let_go() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
