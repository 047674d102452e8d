//! Every decoder of the system with what must hold for any bytes at all: no panic, and more, as each file says. libFuzzer
//! looks for bytes that break it (`cargo xtask fuzz`); the ordinary tests replay what is in `fuzz/corpus` and mutate it a
//! little (`garage/tests/decoders.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes,
    reason = "what must hold and does not is a panic, which is how an engine learns of it"
)]

pub mod answers;
pub mod bodies;
pub mod cursors;
pub mod messages;
pub mod parsers;
pub mod settings;

/// A target: bytes that must not break what it promises.
pub type Check = fn(&[u8]);

/// Every target, under the name of its corpus.
pub const TARGETS: [(&str, Check); 6] = [
    ("answers", answers::check),
    ("bodies", bodies::check),
    ("cursors", cursors::check),
    ("messages", messages::check),
    ("parsers", parsers::check),
    ("settings", settings::check),
];
