//! Every store keeps the promises of `garage_kit::testing::store`, on real databases. One binary for the
//! three of them: linking is what takes long here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod store {
    pub(crate) mod backend;
    mod model;
    mod mongo;
    mod postgres;
    mod sqlite;
}
