//! A standalone MongoDB, without a replica set: billing's store promises to need none.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Server;
use crate::leash::Leash;
use crate::process::{Daemon, Ending};
use crate::programs::mongod;

/// The default cache is half of the machine's memory; the other servers and the compiler want some too. Test commands
/// are those that make it fail on purpose.
const OPTIONS: [&str; 8] = [
    "--bind_ip",
    "127.0.0.1",
    "--nounixsocket",
    "--quiet",
    "--wiredTigerCacheSizeGB",
    "0.25",
    "--setParameter",
    "enableTestCommands=1",
];

/// Starts `program` on `port` with its data in `folder`.
pub(crate) fn start(leash: &Leash, program: &Path, folder: &Path, port: u16) -> Result<Server> {
    let data = folder.join("mongodb");
    std::fs::create_dir(&data)?;
    let log = folder.join("mongodb.log");
    let mongod = program.to_owned();
    let start = move |leash: &Leash| {
        let mut command = Command::new(&mongod);
        command.args(OPTIONS).arg("--port").arg(port.to_string()).arg("--dbpath").arg(&data);
        let mut daemon = Daemon::start(&mut command, &log, Ending::Kill)?;
        daemon.until(leash, |mongod| mongod.log().contains("Waiting for connections"))?;
        Ok(daemon)
    };
    let environment = vec![
        ("GARAGE_TEST_MONGODB_URI", format!("mongodb://127.0.0.1:{port}")),
        // For tests that need one of their own.
        ("GARAGE_TEST_MONGOD", program.display().to_string()),
    ];
    Server::start(leash, "MongoDB", environment, Vec::new(), Box::new(start), |_| mongod::version(program))
}
