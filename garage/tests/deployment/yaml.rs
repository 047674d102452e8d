//! Files of the deployment, as JSON values.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::chain::built;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// The one document of a YAML file.
pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|cause| panic!("{path}: {cause}"))
}

/// A text inside a value, or nothing.
pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(crate) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// What a program says of itself: its variables among it.
pub(crate) fn help(program: &str) -> String {
    let output = Command::new(built(program)).arg("--help").env_clear().output().expect("a program runs");
    assert!(output.status.success(), "{program} --help");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a program knows a variable, by itself or as the file that holds it.
pub(crate) fn knows(help: &str, variable: &str) -> bool {
    let named = |name: &str| {
        help.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(|word| word == name)
    };
    named(variable) || variable.strip_suffix("_FILE").is_some_and(named)
}
