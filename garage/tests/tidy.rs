//! Holds the house: which crate may know which, which files are pure, and the habits that a compiler does not
//! check. Reads the sources as text; a failure names the file and the rule.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop, and say why")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Who may know whom, inside this workspace.
const ARROWS: &[(&str, &[&str])] = &[
    ("garage-events", &[]),
    ("garage-kit", &[]),
    ("garage-saga", &["garage-events", "garage-kit"]),
    ("garage-os-service", &["garage-events", "garage-kit", "garage-saga"]),
    ("garage-billing-service", &["garage-events", "garage-kit", "garage-saga"]),
    ("garage-execution-service", &["garage-events", "garage-kit", "garage-saga"]),
    ("garage-web", &["garage-events", "garage-kit", "garage-saga"]),
    (
        "garage",
        &[
            "garage-events",
            "garage-kit",
            "garage-saga",
            "garage-os-service",
            "garage-billing-service",
            "garage-execution-service",
            "garage-web",
        ],
    ),
    (
        "garage-bench",
        &[
            "garage-events",
            "garage-kit",
            "garage-saga",
            "garage-os-service",
            "garage-billing-service",
            "garage-execution-service",
        ],
    ),
    ("garage-faults", &["garage-events", "garage-kit", "garage-saga", "garage-billing-service"]),
    ("garage-browser", &["garage", "garage-kit", "garage-web"]),
    ("xtask", &[]),
];

/// Files that decide and do nothing else.
const PURE: &[&str] = &[
    "garage-events/src",
    "garage-os-service/src/work_order.rs",
    "garage-os-service/src/work_order/deadline.rs",
    "garage-os-service/src/work_order/erased.rs",
    "garage-os-service/src/document.rs",
    "garage-os-service/src/plate.rs",
    "garage-os-service/src/customer.rs",
    "garage-os-service/src/customer/erasure.rs",
    "garage-os-service/src/vehicle.rs",
    "garage-billing-service/src/bill.rs",
    "garage-billing-service/src/bill/erased.rs",
    "garage-billing-service/src/bill/stock.rs",
    "garage-billing-service/src/bill/waiting.rs",
    "garage-billing-service/src/keeper/plan.rs",
    "garage-billing-service/src/part/hold.rs",
    "garage-billing-service/src/part/units.rs",
    "garage-billing-service/src/quote.rs",
    "garage-billing-service/src/payment.rs",
    "garage-billing-service/src/webhook.rs",
    "garage-execution-service/src/execution.rs",
    "garage-execution-service/src/execution/waiting.rs",
    "garage/src/reconcile.rs",
    "garage-web/src/lang.rs",
    "garage-web/src/key.rs",
    "garage-web/src/links.rs",
    "garage-web/src/messages.rs",
    "garage-web/src/pages/print/paper.rs",
    "garage-web/src/pdf.rs",
    "garage-web/src/oidc/claims.rs",
    "garage-web/src/oidc/ticket.rs",
    "garage-web/src/show.rs",
    "garage-web/src/pages/quote/rows.rs",
    "garage-web/src/pages/quote/validity.rs",
    "garage-web/src/pages/intake/namesake.rs",
    "garage-web/src/trouble/state.rs",
    "garage-web/src/pages/workshop/step.rs",
];

/// What a pure file never says.
const IMPURE: &[&str] = &[
    "async ",
    ".await",
    "tokio",
    "tracing::",
    "Clock",
    "clock.",
    "Utc::now",
    "new_v4",
    "now_v7",
    "rand::",
    "std::fs",
    "std::env",
    "axum",
    "reqwest",
    "sqlx",
    "mongodb",
    "Repository",
    "dyn Store",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is above").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// Every file under `path` with this ending, as (path from the root, text).
fn files(path: &Path, ending: &str) -> Vec<(String, String)> {
    if path.is_file() {
        let name = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        return if name.ends_with(ending) { vec![(name, read(path))] } else { Vec::new() };
    }
    let skipped = ["target", ".git", "garage-data"];
    let entries = fs::read_dir(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let kept = paths.iter().filter(|path| !skipped.iter().any(|name| path.ends_with(name)));
    kept.flat_map(|path| files(path, ending)).collect()
}

fn sources() -> Vec<(String, String)> {
    files(&root(), ".rs")
}

/// The part of a source that ships: tests stand last.
fn shipped(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

#[test]
fn a_crate_knows_only_those_that_its_arrows_name() {
    for (name, may_know) in ARROWS {
        let manifest = read(&root().join(name).join("Cargo.toml"));
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or(&manifest);
        let dependencies = dependencies.split("[dependencies]").nth(1).unwrap_or_default();
        let known = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
        for known in known.filter(|known| known.starts_with("garage-") || *known == "garage") {
            assert!(may_know.contains(&known), "{name} must not know {known}");
        }
    }
}

#[test]
fn every_member_of_the_workspace_has_its_arrows() {
    let manifest = read(&root().join("Cargo.toml"));
    let members = manifest.lines().find(|line| line.starts_with("members")).expect("members");
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    for member in &members {
        assert!(ARROWS.iter().any(|(name, _)| name == member), "{member} has no arrows in tidy.rs");
    }
    assert_eq!(members.len(), ARROWS.len());
}

#[test]
fn pure_files_stay_pure() {
    for path in PURE {
        for (name, text) in files(&root().join(path), ".rs") {
            for (number, line) in
                shipped(&text).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                let found = IMPURE.iter().find(|word| line.contains(**word));
                assert!(
                    found.is_none(),
                    "{name}:{}: a pure file says `{}`: {line}",
                    number + 1,
                    found.unwrap_or(&"")
                );
            }
        }
    }
}

#[test]
fn edges_are_known_by_no_pure_file() {
    for path in PURE.iter().filter(|path| path.ends_with(".rs")) {
        let text = read(&root().join(path));
        for edge in ["crate::saga", "::http", "crate::cashier"] {
            assert!(
                !shipped(&text)
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(edge)),
                "{path} knows {edge}"
            );
        }
    }
}

#[test]
fn the_plumbing_has_never_heard_of_a_car() {
    for (name, text) in files(&root().join("garage-kit/src"), ".rs") {
        let text = shipped(&text).to_lowercase();
        for word in ["vehicle", "work_order", "workorder", "mercado", "diagnosis", "technician"] {
            assert!(!text.contains(word), "{name} has heard of `{word}`");
        }
    }
}

#[test]
fn every_file_opens_with_why_it_exists() {
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("build.rs")) {
        assert!(text.starts_with("//! "), "{name} does not say why it exists");
    }
}

#[test]
fn nothing_is_left_for_later() {
    let unfinished = ["TODO", "FIXME", "XXX"].map(|word| format!("{word}:"));
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.ends_with("tidy.rs")) {
        let left = unfinished.iter().find(|word| text.contains(word.as_str()));
        assert!(left.is_none(), "{name} leaves something for later");
        assert!(!text.contains("#[ignore"), "{name} has a test that never runs");
    }
}

#[test]
fn a_file_is_one_idea_long() {
    for (name, text) in sources() {
        let lines = shipped(&text).lines().count();
        assert!(lines <= 600, "{name} has {lines} lines before its tests: one idea or two?");
    }
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = read(&root().join("Cargo.toml"));
    let dependencies = manifest.split("[workspace.dependencies]").nth(1).expect("dependencies");
    let dependencies = dependencies.split("\n[").next().unwrap_or(dependencies);
    for line in dependencies.lines().filter(|line| line.contains('=') && !line.contains("path =")) {
        assert!(line.contains(" # "), "no reason given: {line}");
    }
}

#[test]
fn every_test_that_a_page_names_is_there() {
    for page in ["docs/security.md", "docs/mercado-pago.md"] {
        tests_are_there(page);
    }
}

fn tests_are_there(page: &str) {
    let text = read(&root().join(page));
    let names = text.split('`').filter(|word| word.matches('_').count() >= 3);
    let names = names
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte)));
    let tests: String = sources().into_iter().map(|(_, text)| text).collect();
    let mut count = 0;
    for name in names {
        assert!(tests.contains(&format!("fn {name}(")), "{page} names `{name}`, which is no test");
        count += 1;
    }
    assert!(count > 15, "{page} names {count} tests");
}

#[test]
fn tests_wait_for_conditions_and_not_for_time() {
    for (name, text) in
        sources().into_iter().filter(|(name, _)| name.contains("/tests/") && !name.ends_with("tidy.rs"))
    {
        let sleeps = text.lines().any(|line| line.contains("thread::sleep("));
        assert!(!sleeps, "{name} sleeps");
    }
}
