//! A standalone MongoDB, without a replica set, as billing's store promises to need none; or a member of one.

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

/// The replica set's name.
pub const REPLICA_SET: &str = "garage";

/// Starts `program` on `port` with its data in `folder`; with a number as that member of a replica set, which somebody
/// must still initiate.
pub(crate) fn start(
    leash: &Leash,
    program: &Path,
    folder: &Path,
    port: u16,
    member: Option<usize>,
) -> Result<Server> {
    let place = member.map_or_else(|| "mongodb".to_owned(), |number| format!("mongodb-{number}"));
    let data = folder.join(&place);
    std::fs::create_dir(&data)?;
    let log = folder.join(format!("{place}.log"));
    let mongod = program.to_owned();
    let start = move |leash: &Leash| {
        let mut command = Command::new(&mongod);
        command.args(OPTIONS).arg("--port").arg(port.to_string()).arg("--dbpath").arg(&data);
        if member.is_some() {
            command.args(["--replSet", REPLICA_SET]);
        }
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
