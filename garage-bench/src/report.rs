//! The table: one row per measurement, on the screen, in `docs/performance.md` between two marks, and as JSON for the
//! comparison with another run.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::outcome::{Distribution, Outcome};

mod table;

/// Between these lines the document is this program's.
const BEGIN: &str = "<!-- bench:begin, written by `cargo xtask bench` -->";
const END: &str = "<!-- bench:end -->";

/// A line for the person who waits.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A line that is the answer.
pub(crate) fn answer(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// What the floors do of it: their rate counts whole sagas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Whole sagas.
    Saga,
    /// One commit with its message, of which a saga has fifteen.
    Step,
    /// Nothing that a floor does.
    #[default]
    Other,
}

/// One measurement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    /// `embedded`, `distributed` or `floor`.
    pub(crate) topology: String,
    pub(crate) what: String,
    pub(crate) clients: usize,
    pub(crate) unit: Unit,
    pub(crate) per_s: f64,
    pub(crate) latency_ms: Distribution,
    /// CPU milliseconds per operation, by process; replicas of a service together.
    pub(crate) cpu_ms: BTreeMap<String, f64>,
    /// Resident MiB at the peak, by process; the largest of replicas.
    pub(crate) peak_mib: BTreeMap<String, f64>,
    /// What servers counted, per operation.
    pub(crate) counted: BTreeMap<String, f64>,
    /// What else there is to say.
    pub(crate) notes: Vec<String>,
}

/// All of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    pub(crate) command: String,
    pub(crate) commit: String,
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) servers: String,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// A row of what a child measured.
    pub(crate) fn of(topology: &str, what: impl Into<String>, clients: usize, outcome: &Outcome) -> Self {
        let (mut cpu_ms, mut peak_mib) = (BTreeMap::new(), BTreeMap::<String, f64>::new());
        for (process, used) in &outcome.cpu {
            let service = process.split('-').next().unwrap_or(process).to_owned();
            *cpu_ms.entry(service.clone()).or_default() += used.ms_per_op;
            let peak = peak_mib.entry(service).or_default();
            *peak = peak.max(used.rss_peak_mib);
        }
        Self {
            topology: topology.to_owned(),
            what: what.into(),
            clients,
            per_s: outcome.per_s,
            latency_ms: outcome.latency_ms,
            cpu_ms,
            peak_mib,
            notes: notes(outcome),
            ..Self::default()
        }
    }

    /// A row that has only words.
    pub(crate) fn words(topology: &str, what: impl Into<String>, note: String) -> Self {
        Self { topology: topology.to_owned(), what: what.into(), notes: vec![note], ..Self::default() }
    }

    pub(crate) const fn counting(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// What is measured, the same in every run.
    fn key(&self) -> (&str, &str, usize) {
        (&self.topology, &self.what, self.clients)
    }

    /// CPU of the processes that are ours, or are not.
    fn cpu_of(&self, ours: bool) -> impl Iterator<Item = (&String, f64)> {
        let is_ours = |name: &str| !["postgres", "mongodb", "rabbitmq", "driver"].contains(&name);
        let chosen = self.cpu_ms.iter().filter(move |(name, _)| *name != "driver" && is_ours(name) == ours);
        chosen.map(|(name, ms)| (name, *ms))
    }
}

/// Failures and lags are told in words.
fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = Vec::new();
    if outcome.completed == 0 {
        notes.push("**nothing ended in the window**".to_owned());
    }
    if outcome.failed_in_window > 0 {
        let most = outcome.fails.iter().max_by_key(|(_, times)| **times);
        let why = most.map_or("", |(why, _)| why.as_str());
        notes.push(format!("**{} failed**, most often `{why}`", outcome.failed_in_window));
    }
    for (name, lag) in &outcome.lag_ms {
        notes.push(format!("{name}: {:.0} ms p50, {:.0} ms p99", lag.p50, lag.p99));
    }
    notes
}

impl Report {
    /// The floor of that name with so many sagas at work.
    fn floor(&self, name: &str, clients: usize) -> Option<&Row> {
        self.rows.iter().find(|row| row.topology == "floor" && row.what == name && row.clients == clients)
    }

    /// Writes the rows for a later comparison.
    pub(crate) fn keep(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_string_pretty(self)?).with_context(|| path.display().to_string())
    }

    /// Reads what [`Self::keep`] wrote.
    pub(crate) fn kept(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no earlier run's JSON", path.display()))
    }

    /// Puts the table between the document's marks; a document without them gets them at its end.
    pub(crate) fn write_into(&self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path).unwrap_or_else(|_| "# Performance\n".to_owned());
        fs::write(path, between_marks(&text, &self.markdown())).with_context(|| path.display().to_string())
    }

    /// The rates and medians that moved by more than a tenth since `earlier`.
    pub(crate) fn compared_with(&self, earlier: &Self) -> Vec<String> {
        let mut lines = vec![format!("compared with {} of {}:", earlier.commit, earlier.date)];
        for row in &self.rows {
            let Some(before) = earlier.rows.iter().find(|before| before.key() == row.key()) else { continue };
            let of_a_saga = |row: &Row| row.cpu_of(true).map(|(_, ms)| ms).sum::<f64>();
            let figures = [
                ("per s", before.per_s, row.per_s),
                ("p50 ms", before.latency_ms.p50, row.latency_ms.p50),
                ("our CPU ms", of_a_saga(before), of_a_saga(row)),
            ];
            let moved =
                figures.iter().filter(|(_, before, now)| *before > 0.0 && (now / before - 1.0).abs() > 0.1);
            let told = moved.map(|(name, before, now)| {
                format!("{name} {before:.2} → {now:.2} ({:+.0} %)", (now / before - 1.0) * 100.0)
            });
            let told: Vec<String> = told.collect();
            if !told.is_empty() {
                lines.push(format!(
                    "  {} {}, {} clients: {}",
                    row.topology,
                    row.what,
                    row.clients,
                    told.join(", ")
                ));
            }
        }
        if lines.len() == 1 {
            lines.push("  nothing moved by more than a tenth".to_owned());
        }
        lines
    }
}

fn between_marks(text: &str, table: &str) -> String {
    let ours = format!("{BEGIN}\n\n{table}\n{END}");
    match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{ours}{after}"),
        _unmarked => format!("{}\n\n{ours}\n", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_around_the_table_stays() {
        let first = between_marks("# Performance\n\nWords.\n", "one");
        let second = between_marks(&format!("{first}\nMore words.\n"), "two");
        assert!(second.starts_with("# Performance\n\nWords.\n\n<!-- bench:begin"), "{second}");
        assert!(second.contains("\ntwo\n") && !second.contains("\none\n"), "{second}");
        assert!(second.ends_with("<!-- bench:end -->\n\nMore words.\n"), "{second}");
    }

    #[test]
    fn a_comparison_tells_what_moved_and_nothing_else() {
        let row = |per_s| Row { what: "sagas".to_owned(), clients: 8, per_s, ..Row::default() };
        let report = |rates: [f64; 1]| Report { rows: rates.map(row).to_vec(), ..Report::default() };
        assert!(report([100.0]).compared_with(&report([95.0]))[1].contains("nothing moved"));
        assert!(report([100.0]).compared_with(&report([50.0]))[1].contains("50.00 → 100.00 (+100 %)"));
    }
}
