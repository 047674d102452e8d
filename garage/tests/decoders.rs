//! The targets of `fuzz/` as ordinary tests: what is in their corpus, and what it becomes under a few mutations. The long
//! search, led by coverage, is `cargo xtask fuzz`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::{fs, panic::catch_unwind, path::Path};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// What a mutation does at a place, in parts of a thousand of the whole.
#[derive(Clone, Debug)]
enum Change {
    Put(u16, u8),
    Drop(u16, u8),
    Repeat(u16, u8),
    Insert(u16, &'static str),
}

/// Pieces that decoders trip over.
const PIECES: [&str; 16] = [
    "\0",
    "null",
    "-1",
    "1e400",
    "99999999999999999999",
    "0.005",
    "[[[[",
    "{\"a\":",
    "\"\\ud800\"",
    "é",
    "\u{202e}",
    "%00",
    "://",
    "..",
    "\"",
    "2026-02-30T25:00:00Z",
];

fn change() -> impl Strategy<Value = Change> {
    let place = 0..1000_u16;
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (place.clone(), 1..20_u8).prop_map(|(at, count)| Change::Drop(at, count)),
        (place.clone(), 1..60_u8).prop_map(|(at, count)| Change::Repeat(at, count)),
        (place, prop::sample::select(PIECES.to_vec())).prop_map(|(at, piece)| Change::Insert(at, piece)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let at = |at: &u16| bytes.len() * usize::from(*at) / 1000;
        let behind = |from: usize, count: &u8| from..bytes.len().min(from + usize::from(*count));
        match change {
            Change::Put(place, byte) => {
                let at = at(place);
                bytes.splice(behind(at, &1), [*byte]);
            }
            Change::Drop(place, count) => drop(bytes.splice(behind(at(place), count), [])),
            Change::Repeat(place, count) => {
                let (at, again) = (at(place), bytes[behind(at(place), count)].to_vec());
                bytes.splice(at..at, again);
            }
            Change::Insert(place, piece) => {
                let at = at(place);
                bytes.splice(at..at, piece.bytes());
            }
        }
    }
    bytes
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    all.sort();
    assert!(!all.is_empty(), "{target} has a corpus");
    all
}

/// The same mutations in every run, so that a failure can be seen again; other ones are `cargo xtask fuzz`'s to find.
fn hold(target: &str, cases: u32) {
    let (_, check) = fuzz::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let corpus = corpus(target);
    for (name, bytes) in &corpus {
        assert!(catch_unwind(|| check(bytes)).is_ok(), "{name}");
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let inputs = (prop::sample::select(seeds), prop::collection::vec(change(), 1..6));
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let run = |(bytes, changes): (Vec<u8>, Vec<Change>)| {
        check(&changed(bytes, &changes));
        Ok(())
    };
    runner.run(&inputs, run).unwrap();
}

#[test]
fn whatever_the_provider_answers_is_a_word_or_a_doubt() {
    hold("answers", 4000);
}

#[test]
fn whatever_is_posted_is_answered() {
    hold("bodies", 1500);
}

#[test]
fn whatever_cursor_comes_back_is_a_page_or_a_refusal() {
    hold("cursors", 4000);
}

#[test]
fn whatever_comes_from_the_bus_is_heard_once_or_not_at_all() {
    hold("messages", 3000);
}

#[test]
fn whatever_is_typed_is_taken_in_one_form_or_refused() {
    hold("parsers", 6000);
}

#[test]
fn whatever_an_operator_sets_is_taken_or_named() {
    hold("settings", 2000);
}

#[test]
fn every_target_has_its_corpus_and_its_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for (target, _) in fuzz::TARGETS {
        assert!(root.join("fuzz_targets").join(format!("{target}.rs")).is_file(), "{target}");
        assert!(!corpus(target).is_empty());
    }
    assert_eq!(fs::read_dir(root.join("corpus")).unwrap().count(), fuzz::TARGETS.len());
    assert_eq!(fs::read_dir(root.join("fuzz_targets")).unwrap().count(), fuzz::TARGETS.len());
}
