//! The program as an operator starts it.

use std::process::Command;

#[test]
fn a_start_without_the_services_addresses_names_what_is_missing() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_garage-web"));
    let ended = program.env_clear().output().unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("OS_SERVICE_URL is not set"), "{said}");
}
