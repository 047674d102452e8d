//! The program whose instructions are counted does what it says: its sagas end.

use std::process::Command;

fn sagas(number: &str) -> std::io::Result<std::process::Output> {
    Command::new(env!("CARGO_BIN_EXE_saga-instructions")).arg(number).output()
}

#[test]
fn the_sagas_that_are_counted_end_with_a_finished_car() {
    let output = sagas("3").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_count_of_nothing_is_refused() {
    let output = sagas("many").unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "give the number of sagas\n");
}
