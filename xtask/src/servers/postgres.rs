//! A PostgreSQL cluster made for this run: trusting, on loopback alone, with the durability of a real one, as the
//! tests are about what survives.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{CERTIFICATES, Server};
use crate::apt::is_root;
use crate::leash::Leash;
use crate::process::{Daemon, Ending, output_of};

/// Makes the cluster in `folder` and starts it on `port` with the programs in `bin`.
pub(crate) fn start(leash: &Leash, bin: &Path, folder: &Path, port: u16) -> Result<Server> {
    let owner = Owner::of_the_cluster()?;
    let data = folder.join("postgres");
    DirBuilder::new().mode(0o700).create(&data)?;
    owner.give(&data)?;
    let certificates = folder.join(CERTIFICATES);
    DirBuilder::new().mode(0o755).create(&certificates)?;
    owner.give(&certificates)?;
    output_of(owner.runs(&bin.join("initdb"), &data).args(INITDB))?;
    let environment = vec![
        ("GARAGE_TEST_POSTGRES_URL", url(port)),
        ("GARAGE_TEST_TLS_FOLDER", certificates.display().to_string()),
    ];
    serve(leash, bin, owner, (data, folder.join("postgres.log")), port, environment)
}

/// Copies the cluster on the port `primary` and starts the copy as its stand-by on `port`. It calls itself
/// [`STAND_BY`], for those who want commits to wait for it.
pub(crate) fn stand_by(leash: &Leash, bin: &Path, folder: &Path, port: u16, primary: u16) -> Result<Server> {
    let owner = Owner::of_the_cluster()?;
    let data = folder.join("postgres-stand-by");
    DirBuilder::new().mode(0o700).create(&data)?;
    owner.give(&data)?;
    let from = format!("host=127.0.0.1 port={primary} user=postgres application_name={STAND_BY}");
    let copy = ["--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync", "--dbname"];
    output_of(owner.runs(&bin.join("pg_basebackup"), &data).args(copy).arg(from))?;
    let environment = vec![("GARAGE_TEST_POSTGRES_URL", url(port))];
    serve(leash, bin, owner, (data, folder.join("postgres-stand-by.log")), port, environment)
}

/// The stand-by's name.
pub const STAND_BY: &str = "stand_by";

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn serve(
    leash: &Leash,
    bin: &Path,
    owner: Owner,
    (data, log): (PathBuf, PathBuf),
    port: u16,
    environment: Vec<(&'static str, String)>,
) -> Result<Server> {
    let programs = bin.to_owned();
    let start = move |leash: &Leash| {
        let mut command = owner.runs(&programs.join("postgres"), &data);
        // Its children lead groups of their own, and its shared memory is outside the folder.
        let mut daemon = Daemon::start(command.args(settings(port)), &log, Ending::Quit)?;
        daemon.until(leash, |_| accepts(&programs, port))?;
        Ok(daemon)
    };
    Server::start(leash, "PostgreSQL", environment, Vec::new(), Box::new(start), |_| version(bin))
}

/// Without syncing: an initdb that a power cut spoils is an initdb of a run that is over.
const INITDB: [&str; 6] = [
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
];

fn settings(port: u16) -> Vec<String> {
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // No socket in /var/run/postgresql, and none whose path could be too long here.
        "unix_socket_directories=".to_owned(),
        // Every test has a database and a pool of its own.
        "max_connections=200".to_owned(),
    ];
    settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
}

fn accepts(bin: &Path, port: u16) -> bool {
    let asked = ["--quiet", "--host=127.0.0.1", "--username=postgres", "--dbname=postgres"];
    output_of(Command::new(bin.join("pg_isready")).args(asked).arg(format!("--port={port}"))).is_ok()
}

fn version(bin: &Path) -> Result<String> {
    let words = output_of(Command::new(bin.join("postgres")).arg("--version"))?;
    words.split_whitespace().nth(2).map(str::to_owned).context("postgres does not tell its version")
}

/// Whom the cluster belongs to: PostgreSQL refuses to run as root, so root lends it to the package's user.
enum Owner {
    Ourselves,
    Lent { user: u32, group: u32 },
}

impl Owner {
    fn of_the_cluster() -> Result<Self> {
        if !is_root()? {
            return Ok(Self::Ourselves);
        }
        let users = std::fs::read_to_string("/etc/passwd")?;
        let (user, group) = ids_of("postgres", &users).context("no user `postgres` on this machine")?;
        Ok(Self::Lent { user, group })
    }

    fn give(&self, folder: &Path) -> Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Lent { user, group } => Ok(chown(folder, Some(*user), Some(*group))?),
        }
    }

    fn runs(&self, program: &Path, data: &Path) -> Command {
        let mut command = Command::new(program);
        // Where we are may be closed to that user.
        command.current_dir(data).arg("-D").arg(data);
        match self {
            Self::Ourselves => &mut command,
            Self::Lent { user, group } => command.uid(*user).gid(*group),
        };
        command
    }
}

/// A user's number and its group's, from a file in the form of passwd(5).
fn ids_of(name: &str, passwd: &str) -> Option<(u32, u32)> {
    let fields = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgres-old:x:1:2::/:/bin/sh\npostgres:x:105:112:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(ids_of("postgres", passwd), Some((105, 112)));
        assert_eq!(ids_of("post", passwd), None);
    }
}
