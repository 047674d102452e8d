//! `garage bench`: what the whole shop in one program costs on this machine. Starts this very program as a child, so that
//! time to ready and memory are a process's own, drives sagas over HTTP, and prints what it measured.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use clap::Args;
use futures::{StreamExt, stream};
use garage::{
    embedded::{secret_in, temporary_folder},
    shop::{At, Shop},
    stories::straight_through,
};
use garage_kit::{clock::Clock, program::Env};
use reqwest::Method;
use tokio::time::sleep;

use super::{ROLES, token};

/// Measure the whole shop in one program.
#[derive(Args)]
pub(crate) struct Bench {
    /// How many sagas to drive
    #[arg(long, default_value_t = 500)]
    sagas: u64,
    /// How many at once
    #[arg(long, default_value_t = 8)]
    concurrency: usize,
}

/// A child that goes when this goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bench {
    pub(crate) async fn run(self) -> Result<()> {
        let folder = temporary_folder(&Clock::system());
        let measured = self.measure(&folder).await;
        std::fs::remove_dir_all(&folder)?;
        measured
    }

    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    async fn measure(&self, folder: &Path) -> Result<()> {
        let ports = free_ports()?;
        let begun = Instant::now();
        let child = start(folder, ports)?;
        let urls = ports.map(|port| format!("http://127.0.0.1:{port}"));
        wait_until_ready(&Shop::new(urls.clone(), String::new())?).await?;
        println!("ready after            {:>8} ms", begun.elapsed().as_millis());
        sleep(Duration::from_secs(3)).await;
        println!("resident at rest       {:>8.1} MiB", resident(child.0.id())?);

        let secret = secret_in(folder)?.context("a secret in the data directory")?;
        let shop = Shop::new(urls, token(&Env::fixed(&[]), &secret, "bench", &ROLES, TimeDelta::hours(1))?)?;
        let begun = Instant::now();
        let mut millis = drive(&shop, self.sagas, self.concurrency).await?;
        let seconds = begun.elapsed().as_secs_f64();
        millis.sort_unstable();
        println!(
            "sagas                  {:>8.1} /s ({} sagas, {} at once)",
            rate(millis.len(), seconds),
            self.sagas,
            self.concurrency
        );
        println!(
            "one saga               {:>8} ms p50, {} ms p95, {} ms p99",
            at(&millis, 50),
            at(&millis, 95),
            at(&millis, 99)
        );
        println!("resident afterwards    {:>8.1} MiB", resident(child.0.id())?);
        Ok(())
    }
}

fn free_ports() -> Result<[u16; 3]> {
    let listeners = [
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    ];
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// Whatever this environment says, its payments go to the sandbox and its secret is its own.
fn start(folder: &Path, ports: [u16; 3]) -> Result<Running> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("up")
        .args(["--web-port", "0"])
        .arg("--data-dir")
        .arg(folder)
        .env_clear()
        .stdout(Stdio::null());
    for (flag, port) in ["--os-port", "--billing-port", "--execution-port"].iter().zip(ports) {
        command.arg(flag).arg(port.to_string());
    }
    Ok(Running(command.spawn().context("starting `garage up`")?))
}

async fn wait_until_ready(shop: &Shop) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    for at in [At::Os, At::Billing, At::Execution] {
        while !shop
            .ask(at, Method::GET, "/health/ready", None)
            .await
            .is_ok_and(|reply| reply.status.is_success())
        {
            ensure!(Instant::now() < deadline, "`garage up` did not become ready");
            sleep(Duration::from_millis(2)).await;
        }
    }
    Ok(())
}

/// Milliseconds that each saga took.
async fn drive(shop: &Shop, sagas: u64, concurrency: usize) -> Result<Vec<u128>> {
    let first = u64::try_from(Clock::system().now().timestamp_millis()).unwrap_or_default();
    let timed = stream::iter(first..first + sagas).map(|number| async move {
        let begun = Instant::now();
        straight_through(shop, number).await.map(|_| begun.elapsed().as_millis())
    });
    timed.buffer_unordered(concurrency.max(1)).collect::<Vec<_>>().await.into_iter().collect()
}

fn at(sorted: &[u128], percent: usize) -> u128 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// Resident memory in MiB, as the kernel counts it.
fn resident(process: u32) -> Result<f64> {
    let status =
        std::fs::read_to_string(format!("/proc/{process}/status")).context("reading the process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a line VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().context("a number of kB")?;
    Ok(kib / 1024.0)
}
