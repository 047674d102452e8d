//! A standalone MongoDB, without a replica set: billing's store promises to need none.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Server;
use crate::leash::Leash;
use crate::process::{Daemon, Ending};
use crate::programs::mongod;

/// The default cache is half of the machine's memory; the other servers and the compiler want some too.
const OPTIONS: [&str; 6] =
    ["--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet", "--wiredTigerCacheSizeGB", "0.25"];

/// Starts `program` on `port` with its data in `folder`.
pub(crate) fn start(leash: &Leash, program: &Path, folder: &Path, port: u16) -> Result<Server> {
    let data = folder.join("mongodb");
    std::fs::create_dir(&data)?;
    let mut command = Command::new(program);
    command.args(OPTIONS).arg("--port").arg(port.to_string()).arg("--dbpath").arg(&data);
    let mut daemon =
        Daemon::start(&mut command, &folder.join("mongodb.log"), Ending::Kill).context("MongoDB")?;
    daemon.until(leash, |mongod| mongod.log().contains("Waiting for connections")).context("MongoDB")?;
    Ok(Server {
        name: "MongoDB",
        version: mongod::version(program)?,
        environment: vec![
            ("GARAGE_TEST_MONGODB_URI", format!("mongodb://127.0.0.1:{port}")),
            // For tests that need one of their own.
            ("GARAGE_TEST_MONGOD", program.display().to_string()),
        ],
        daemons: vec![daemon],
    })
}
