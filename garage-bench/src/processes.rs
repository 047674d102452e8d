//! What the kernel counts for processes: CPU time and resident memory of a process with all its descendants, the
//! machine's share of time by sort, and what passed over loopback. Databases and brokers are families of processes,
//! so a family is the unit.

use std::{
    collections::BTreeMap,
    fs::{read_dir, read_to_string},
};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// The kernel's clock tick in /proc, in seconds: USER_HZ, which is 100 on every Linux that is met.
const TICK: f64 = 0.01;
/// Kilobytes of a page in /proc/*/statm.
const PAGE_KIB: f64 = 4.0;

/// A process that is watched with its descendants, by the name that the figures have.
pub(crate) type Named = (String, u32);

/// CPU seconds and resident MiB of a family.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) cpu: f64,
    pub(crate) resident: f64,
}

/// Adds up each family, reading the list of processes once.
pub(crate) fn usage(families: &[Named]) -> Vec<Usage> {
    let children = children();
    families.iter().map(|(_, root)| of_family(*root, &children)).collect()
}

fn of_family(root: u32, children: &BTreeMap<u32, Vec<u32>>) -> Usage {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(member) = family.get(next) {
        family.extend(children.get(member).into_iter().flatten());
        next += 1;
    }
    let (mut cpu, mut resident) = (0.0, 0.0);
    for member in family {
        cpu += stat(member).map_or(0.0, |(_, cpu)| cpu);
        resident += resident_mib(member);
    }
    Usage { cpu, resident }
}

fn children() -> BTreeMap<u32, Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let entries = read_dir("/proc").into_iter().flatten().flatten();
    for process in entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()) {
        if let Some((parent, _)) = stat(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    children
}

/// The parent, and CPU seconds with those of children that have been waited for (proc(5): fields 4 and 14 to 17).
fn stat(process: u32) -> Option<(u32, f64)> {
    let text = read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let after_name = text.rsplit_once(") ")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: f64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    Some((fields.get(1)?.parse().ok()?, ticks * TICK))
}

fn resident_mib(process: u32) -> f64 {
    let text = read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or_default() * PAGE_KIB / 1024.0
}

/// The machine's time by sort, in seconds of one core, or as shares of a difference.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Machine {
    pub(crate) user: f64,
    pub(crate) sys: f64,
    pub(crate) idle: f64,
    pub(crate) iowait: f64,
    pub(crate) steal: f64,
}

impl Machine {
    /// Since the machine was started.
    pub(crate) fn now() -> Self {
        let text = read_to_string("/proc/stat").unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let fields =
            first.split_whitespace().skip(1).map(|field| field.parse::<f64>().unwrap_or_default() * TICK);
        let fields: Vec<f64> = fields.collect();
        let at = |index: usize| fields.get(index).copied().unwrap_or_default();
        Self { user: at(0) + at(1), sys: at(2) + at(5) + at(6), idle: at(3), iowait: at(4), steal: at(7) }
    }

    /// Shares of the time that passed since `before`.
    pub(crate) fn shares_since(self, before: Self) -> Self {
        let differences = [
            self.user - before.user,
            self.sys - before.sys,
            self.idle - before.idle,
            self.iowait - before.iowait,
            self.steal - before.steal,
        ];
        let all = differences.iter().sum::<f64>().max(TICK);
        let [user, sys, idle, iowait, steal] = differences.map(|part| part / all);
        Self { user, sys, idle, iowait, steal }
    }
}

/// Bytes and packets that have passed over the loopback interface.
pub(crate) fn loopback() -> Result<(f64, f64)> {
    let text = read_to_string("/proc/net/dev").context("reading /proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    let fields: Vec<f64> = line
        .context("no loopback interface")?
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    match fields[..] {
        [bytes, packets, ..] => Ok((bytes, packets)),
        [] | [_] => anyhow::bail!("the loopback interface counts nothing"),
    }
}

/// Cores, memory, kernel and processor, in words.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let kib: f64 = kib.trim().trim_end_matches("kB").trim().parse().unwrap_or_default();
    let processor = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores ({}), {:.0} GiB of memory, Linux {}",
        processor.trim_start_matches([' ', '\t', ':']),
        kib / 1024.0 / 1024.0,
        kernel.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_with_its_memory_and_its_time_only_grows() {
        let this = [("this".to_owned(), std::process::id())];
        let before = usage(&this)[0];
        let after = usage(&this)[0];
        assert!(before.resident > 0.1 && after.cpu >= before.cpu, "{before:?} {after:?}");
    }

    #[test]
    fn a_family_is_counted_with_its_grandchildren() {
        let children = BTreeMap::from([(0, vec![std::process::id()])]);
        assert!(of_family(0, &children).resident > 0.1);
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let before = Machine { user: 1.0, sys: 1.0, idle: 1.0, iowait: 0.0, steal: 0.0 };
        let after = Machine { user: 3.0, sys: 2.0, idle: 2.0, iowait: 0.0, steal: 0.0 };
        let shares = after.shares_since(before);
        assert!((shares.user - 0.5).abs() < 1e-9 && (shares.idle - 0.25).abs() < 1e-9, "{shares:?}");
    }
}
