//! `cargo xtask schemathesis`: requests made up from the OpenAPI documents, right ones and wrong ones, against the whole
//! shop in one program. It looks for answers of 500 and more, and for any that the documents do not describe. Not part
//! of the gate: what it finds depends on what it makes up, and it takes minutes.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::console::say;
use crate::gate::cargo;
use crate::leash::Leash;
use crate::ports;
use crate::process::{Daemon, Ending, output_of, run as run_command};
use crate::programs::validators;
use crate::programs::workspace;
use crate::servers::Folder;

/// What an answer is held to. Whether a wrong request is refused is the services' own tests' affair: a schema cannot say
/// all that a CPF must be.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// Made up the same way each time.
const SEED: &str = "7";
const ROLES: [&str; 3] = ["attendant", "technician", "manager"];

/// Every service's document; `arguments` are given on.
pub(crate) fn run(leash: &Leash, arguments: &[String]) -> Result<()> {
    run_command(leash, cargo("build").args(["--quiet", "--locked", "--package", "garage"]))?;
    let folder = Folder::create()?;
    let ports: [u16; 4] = ports::free()?;
    let mut shop = Daemon::start(&mut up(folder.path(), ports), &folder.path().join("log"), Ending::Kill)?;
    shop.until(leash, |_| ports.iter().all(|port| ports::answers(*port)))?;
    let token = token(folder.path())?;
    for port in &ports[..3] {
        let base = format!("http://127.0.0.1:{port}");
        say(&format!("── {base}"));
        let mut check = validators::schemathesis()?;
        check.arg("run").arg(format!("{base}/openapi.json")).args(["--checks", CHECKS, "--seed", SEED]);
        check.args(["--header", &format!("Authorization: Bearer {token}"), "--continue-on-failure"]);
        // The one answer that never ends
        check.args(["--exclude-path", "/events", "--max-examples", "50"]).args(arguments);
        run_command(leash, &mut check)?;
    }
    Ok(())
}

fn garage() -> Command {
    let mut command = Command::new(workspace().join("target/debug/garage"));
    command.env("RUST_LOG", "error");
    command
}

fn up(folder: &Path, ports: [u16; 4]) -> Command {
    let mut up = garage();
    up.arg("up").arg("--data-dir").arg(folder.join("data"));
    for (name, port) in ["--os-port", "--billing-port", "--execution-port", "--web-port"].iter().zip(ports) {
        up.arg(name).arg(port.to_string());
    }
    up
}

fn token(folder: &Path) -> Result<String> {
    let mut token = garage();
    token.args(["token", "--sub", "schemathesis", "--data-dir"]).arg(folder.join("data"));
    for role in ROLES {
        token.args(["--role", role]);
    }
    Ok(output_of(&mut token)?.trim().to_owned())
}
