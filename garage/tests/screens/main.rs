//! The shop's screens, used as people use them and without script: pages are read, fields filled, buttons pressed by the
//! words on them, against the three services in this process. What a page shows is what the services have done.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must stop, and say why"
)]

mod browser;
mod corrections;
mod journey;
mod live;
mod mail;
mod post;
mod quoting;
mod records;
mod refusals;
mod second_thoughts;
mod shelf;
mod standing;
mod world;
