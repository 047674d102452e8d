//! What is shipped to run the programs elsewhere is read as the data that it is, and held against the programs
//! themselves: no container engine and no cluster is needed to see that a port, a variable or a health check is not what
//! the program knows. What only an engine can tell, whether an image builds, is not told here.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on must stop, and say why")]

mod chain;

#[path = "deployment/compose.rs"]
mod compose;
#[path = "deployment/containers.rs"]
mod containers;
#[path = "deployment/images.rs"]
mod images;
#[path = "deployment/kubernetes.rs"]
mod kubernetes;
#[path = "deployment/yaml.rs"]
mod yaml;
