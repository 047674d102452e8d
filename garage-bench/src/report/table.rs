//! The table as Markdown. Where a floor does the same work, a figure is followed by its ratio to the skeleton and to
//! the batched floor with as many clients.

use super::{Report, Row, Unit};

const HEAD: [&str; 10] = [
    "measured",
    "clients",
    "per s (÷ skeleton, ÷ batched)",
    "p50 ms (÷ skeleton, ÷ batched)",
    "p95",
    "p99",
    "our CPU ms each",
    "servers' CPU ms each (÷ skeleton, ÷ batched)",
    "driver's",
    "besides",
];

/// A saga's steps, as the floors count them.
const STEPS: f64 = 15.0;

impl Report {
    /// The table, with what is needed to make it again.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = vec![
            format!("`{}`", self.command),
            String::new(),
            format!("Commit {}, {}. {}; {}.", self.commit, self.date, self.machine, self.servers),
            String::new(),
            format!("| {} |", HEAD.join(" | ")),
            format!("|{}|", "---|".repeat(HEAD.len()).trim_end_matches('|')),
        ];
        lines.extend(self.rows.iter().map(|row| format!("| {} |", self.cells(row).join(" | "))));
        lines.push(String::new());
        lines.join("\n")
    }

    fn cells(&self, row: &Row) -> [String; 10] {
        let floors = ["skeleton", "batched"].map(|name| {
            let is_floor = row.topology == "floor" || row.unit == Unit::Other;
            if is_floor { None } else { self.floor(name, row.clients) }
        });
        let of_floors = |figure: fn(&Row) -> f64| floors.map(|floor| floor.map(figure));
        let steps = if row.unit == Unit::Step { STEPS } else { 1.0 };
        let servers = |row: &Row| row.cpu_of(false).map(|(_, ms)| ms).sum::<f64>();
        let driver = row.cpu_ms.get("driver").copied().unwrap_or_default();
        [
            format!("{} {}", row.topology, row.what),
            if row.clients == 0 { "–".to_owned() } else { row.clients.to_string() },
            with_ratios(row.per_s, of_floors(|floor| floor.per_s).map(|rate| rate.map(|rate| rate * steps))),
            with_ratios(
                row.latency_ms.p50,
                of_floors(|floor| floor.latency_ms.p50).map(|time| time.map(|time| time / steps)),
            ),
            number(row.latency_ms.p95),
            number(row.latency_ms.p99),
            sum(row, true),
            with_ratios_of(
                sum(row, false),
                servers(row),
                of_floors(|floor| floor.cpu_of(false).map(|(_, ms)| ms).sum())
                    .map(|ms| ms.map(|ms| ms / steps)),
            ),
            number(driver),
            besides(row),
        ]
    }
}

fn with_ratios(figure: f64, floors: [Option<f64>; 2]) -> String {
    with_ratios_of(number(figure), figure, floors)
}

fn with_ratios_of(told: String, figure: f64, floors: [Option<f64>; 2]) -> String {
    let ratio =
        |floor: Option<f64>| floor.filter(|floor| *floor > 0.0).map(|floor| format!("{:.2}", figure / floor));
    match floors.map(ratio) {
        [None, None] => told,
        [skeleton, batched] => {
            let or_none = |ratio: Option<String>| ratio.unwrap_or_else(|| "–".to_owned());
            format!("{told} ({}, {})", or_none(skeleton), or_none(batched))
        }
    }
}

/// As many digits as a person reads; nothing for what was not measured.
fn number(figure: f64) -> String {
    match figure {
        none if none <= 0.0 => "–".to_owned(),
        small if small < 10.0 => format!("{small:.2}"),
        middle if middle < 100.0 => format!("{middle:.1}"),
        large => format!("{large:.0}"),
    }
}

/// `1.83: os 0.61, billing 0.74, execution 0.48`
fn sum(row: &Row, ours: bool) -> String {
    let parts: Vec<_> = row.cpu_of(ours).filter(|(_, ms)| *ms > 0.0).collect();
    let all: f64 = parts.iter().map(|(_, ms)| ms).sum();
    match parts.as_slice() {
        [] => "–".to_owned(),
        [_] => number(all),
        _many => {
            let names = parts.iter().map(|(name, ms)| format!("{name} {}", number(*ms)));
            format!("{}: {}", number(all), names.collect::<Vec<_>>().join(", "))
        }
    }
}

fn besides(row: &Row) -> String {
    let mut words = row.notes.clone();
    if !row.counted.is_empty() {
        let counted = row.counted.iter().map(|(name, each)| format!("{name} {}", number(*each)));
        words.push(format!("each: {}", counted.collect::<Vec<_>>().join(", ")));
    }
    let ours = row.peak_mib.iter().filter(|(name, _)| *name != "driver" && row.topology != "floor");
    let ours = ours.filter(|(name, _)| !["postgres", "mongodb", "rabbitmq"].contains(&name.as_str()));
    let memory: Vec<String> = ours.map(|(name, mib)| format!("{name} {mib:.0}")).collect();
    if !memory.is_empty() {
        words.push(format!("MiB at most: {}", memory.join(", ")));
    }
    words.join("; ").replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(topology: &str, what: &str, unit: Unit, per_s: f64) -> Row {
        Row {
            topology: topology.to_owned(),
            what: what.to_owned(),
            clients: 8,
            unit,
            per_s,
            ..Row::default()
        }
    }

    #[test]
    fn a_rate_is_followed_by_its_ratios_to_both_floors_of_the_same_run() {
        let rows = vec![
            row("floor", "skeleton", Unit::Saga, 100.0),
            row("floor", "batched", Unit::Saga, 400.0),
            row("embedded", "sagas", Unit::Saga, 200.0),
            row("embedded", "create", Unit::Step, 3000.0),
            row("embedded", "read", Unit::Other, 9000.0),
        ];
        let table = Report { rows, ..Report::default() }.markdown();
        assert!(table.contains("| 200 (2.00, 0.50) |"), "{table}");
        assert!(table.contains("| 3000 (2.00, 0.50) |"), "{table}");
        assert!(table.contains("| 9000 |") && table.contains("| 100 |"), "{table}");
    }

    #[test]
    fn the_cpu_of_each_process_is_shown_with_its_sum() {
        let cpu_ms = [("os", 0.5), ("billing", 1.0), ("postgres", 2.0), ("driver", 9.0)];
        let cpu_ms = cpu_ms.map(|(name, ms)| (name.to_owned(), ms));
        let row = Row { cpu_ms: BTreeMap::from(cpu_ms), ..Row::default() };
        assert_eq!(
            (sum(&row, true), sum(&row, false)),
            ("1.50: billing 1.00, os 0.50".to_owned(), "2.00".to_owned())
        );
    }
}
