//! A RabbitMQ node with the management plugin, apart from any that the machine runs: another name, other ports, another
//! cookie, none of the files in /etc/rabbitmq.
//!
//! An Erlang node registers with a port mapper (epmd) and starts one on port 4369, as a daemon that stays, when it
//! finds none. We give it one of our own, on a port of our own, so that it neither meets the machine's nor leaves one.

use std::fs::{OpenOptions, create_dir};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{CERTIFICATES, Purpose, Server};
use crate::leash::Leash;
use crate::ports;
use crate::process::{Daemon, Ending};

/// Where the node listens.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) amqp: u16,
    /// With TLS.
    pub(crate) amqps: u16,
    pub(crate) management: u16,
    /// For Prometheus.
    pub(crate) metrics: u16,
    /// For other Erlang nodes, as the command line tools are.
    pub(crate) distribution: u16,
    pub(crate) epmd: u16,
}

/// Starts `program` with all it writes in `folder`, as the node of this number in a cluster of those up to it: what is
/// started later joins what is there, all by the first one's port mapper.
pub(crate) fn start(
    leash: &Leash,
    program: &Path,
    folder: &Path,
    (number, ports): (usize, Ports),
    purpose: Purpose,
) -> Result<Server> {
    let home = folder.join(format!("rabbitmq-{number}"));
    create_dir(&home)?;
    let formation: String = (1..=number).filter(|_| number > 1).map(peer).collect();
    std::fs::write(home.join("rabbitmq.conf"), settings(ports, purpose) + &formation)?;
    keep_secret(&home.join(".erlang.cookie"), &folder.display().to_string())?;
    std::fs::write(home.join("advanced.config"), tls_settings(ports, &folder.join(CERTIFICATES)))?;
    std::fs::write(home.join("enabled_plugins"), "[rabbitmq_management,rabbitmq_prometheus].\n")?;
    let mut props = Vec::new();
    if !ports::answers(ports.epmd) {
        props.push(start_epmd(leash, folder, ports.epmd).context("RabbitMQ's port mapper")?);
    }
    let (log, program) = (folder.join(format!("rabbitmq-{number}.log")), program.to_owned());
    let (tool, house) = (program.with_file_name("rabbitmqctl"), home.clone());
    let start = move |leash: &Leash| {
        let mut daemon = Daemon::start(&mut node(&program, &home, (number, ports)), &log, Ending::Kill)?;
        daemon.until(leash, |_| accepts(ports))?;
        Ok(daemon)
    };
    let Ports { amqp, amqps, management, metrics, .. } = ports;
    let environment = vec![
        ("GARAGE_TEST_RABBITMQ_URL", format!("amqp://guest:guest@127.0.0.1:{amqp}")),
        ("GARAGE_TEST_RABBITMQ_TLS_URL", format!("amqps://guest:guest@localhost:{amqps}")),
        ("GARAGE_TEST_RABBITMQ_MANAGEMENT_URL", format!("http://guest:guest@127.0.0.1:{management}")),
        ("GARAGE_TEST_RABBITMQ_METRICS_URL", format!("http://127.0.0.1:{metrics}")),
    ];
    let told = |daemon: &Daemon| Ok(version(&daemon.log()));
    let server = Server::start(leash, "RabbitMQ", environment, props, Box::new(start), told)?;
    Ok(Server { control: Some(Box::new(move || node(&tool, &house, (number, ports)))), ..server })
}

/// A line of a node's settings that names another one to join.
fn peer(number: usize) -> String {
    let name = name(number);
    format!(
        "cluster_formation.peer_discovery_backend = classic_config\n\
         cluster_formation.classic_config.nodes.{number} = {name}\n"
    )
}

/// What nodes that shall know each other share. Erlang wants it to be its owner's alone.
fn keep_secret(path: &Path, secret: &str) -> Result<()> {
    let word: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
    OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?.write_all(word.as_bytes())?;
    Ok(())
}

fn name(number: usize) -> String {
    format!("garage-test-{}-{number}@localhost", std::process::id())
}

fn start_epmd(leash: &Leash, folder: &Path, port: u16) -> Result<Daemon> {
    let mut command = Command::new("epmd");
    command.args(["-address", "127.0.0.1", "-port", &port.to_string()]);
    let mut daemon = Daemon::start(&mut command, &folder.join("epmd.log"), Ending::Kill)?;
    daemon.until(leash, |_| ports::answers(port))?;
    Ok(daemon)
}

fn settings(Ports { amqp, management, metrics, .. }: Ports, purpose: Purpose) -> String {
    let counting = match purpose {
        Purpose::Tests => 500,
        Purpose::Figures => 5000,
    };
    format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         prometheus.tcp.ip = 127.0.0.1\n\
         prometheus.tcp.port = {metrics}\n\
         # Milliseconds between two counts; five seconds are the broker's own.\n\
         collect_statistics_interval = {counting}\n"
    )
}

/// The certificate is read anew at every handshake: a test puts another one there and need not restart the node.
fn tls_settings(Ports { amqps, .. }: Ports, certificates: &Path) -> String {
    let file = |name| certificates.join(name).display().to_string();
    let (certificate, key) = (file("broker.crt"), file("broker.key"));
    format!(
        "[{{rabbit, [{{ssl_listeners, [{{\"127.0.0.1\", {amqps}}}]}},\n\
         {{ssl_options, [{{certfile, {certificate:?}}}, {{keyfile, {key:?}}}, {{verify, verify_none}}]}}]}},\n\
         {{ssl, [{{bypass_pem_cache, true}}]}}].\n"
    )
}

/// Every path that the scripts would else take from the machine, and an environment with nothing else in it.
fn node(program: &Path, home: &Path, (number, ports): (usize, Ports)) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(home)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("LANG", "C.UTF-8")
        .env("HOME", home)
        .env("ERL_EPMD_PORT", ports.epmd.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", name(number))
        .env("RABBITMQ_DIST_PORT", ports.distribution.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
        .env("RABBITMQ_CONF_ENV_FILE", home.join("rabbitmq-env.conf"))
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
        .env("RABBITMQ_CONFIG_FILES", home.join("conf.d"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", home.join("advanced.config"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_PID_FILE", home.join("pid"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_LOGS", "-")
        // The script then becomes the node instead of standing in front of it: what we end is the node itself.
        .env("RUNNING_UNDER_SYSTEMD", "true");
    command
}

/// The AMQP listener comes last, after the plugins, so this one answer stands for both.
fn accepts(Ports { amqp, management, .. }: Ports) -> bool {
    let path = format!("/api/health/checks/port-listener/{amqp}");
    status_line(management, &path).is_ok_and(|line| line.contains(" 200 "))
}

/// The first line of the management API's answer to `guest:guest`.
fn status_line(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let credentials = "Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=";
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n{credentials}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// From the line `Starting RabbitMQ 3.10.8 on Erlang 25.2.3`.
fn version(log: &str) -> String {
    let words = log.split_once("Starting RabbitMQ ").map_or("", |(_, words)| words);
    words.split_whitespace().next().unwrap_or("of unknown version").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_the_version() {
        let log = "2026-02-08 [info] <0.221.0>  Starting RabbitMQ 3.10.8 on Erlang 25.2.3 [jit]\n";
        assert_eq!(version(log), "3.10.8");
    }
}
