//! What a person reads in the end: a line for each fault, zeros where all is well.

use std::{io::Write, time::Duration};

use crate::oracle::{Finding, Wrong};

/// Consumers shall be back this soon after whatever kept them away.
const GOAL: Duration = Duration::from_secs(5);

/// A line on standard output. A reader that went away is no reason to stop: servers are still to be ended.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// How one fault went.
#[derive(Debug, Default)]
pub struct Row {
    /// Its name.
    pub fault: String,
    /// How often it was struck.
    pub runs: usize,
    /// Sagas that met it.
    pub sagas: usize,
    /// How long until every service heard again.
    pub recovery: Option<Duration>,
    /// Why it was not struck.
    pub skipped: Option<String>,
    /// Why it could not be struck or mended as it must.
    pub failed: Option<String>,
}

/// Prints the table; whether all is well.
pub fn print(rows: &[Row], findings: &[Finding]) -> bool {
    let head = ["fault", "runs", "sagas", "lost", "doubled", "money wrong", "unfinished", "recovery"];
    line(&head.map(str::to_owned));
    let mut total = [0; 6];
    for row in rows {
        let counts = counts(findings.iter().filter(|found| found.fault.as_deref() == Some(&row.fault)));
        let recovery = row.recovery.map_or_else(String::new, recovered);
        let words = [row.fault.clone(), row.runs.to_string(), row.sagas.to_string()];
        let numbers = counts.map(|count| count.to_string());
        let last = row.skipped.as_ref().map_or(recovery, |why| format!("skipped: {why}"));
        line(&[&words[..], &numbers[..], &[last]].concat());
        let all = [row.runs, row.sagas].into_iter().chain(counts);
        total.iter_mut().zip(all).for_each(|(sum, count)| *sum += count);
    }
    let strangers = counts(findings.iter().filter(|found| found.fault.is_none()));
    if strangers.iter().any(|count| *count > 0) {
        let words = ["(no saga's)", "", ""].map(str::to_owned);
        line(&[&words[..], &strangers.map(|count| count.to_string())[..], &[String::new()]].concat());
    }
    let words = std::iter::once("all".to_owned()).chain(total.iter().map(usize::to_string));
    line(&words.chain([String::new()]).collect::<Vec<_>>());
    for found in findings.iter().take(60) {
        say(&format!("{:?} ({}): {}", found.wrong, found.fault.as_deref().unwrap_or("-"), found.text));
    }
    for row in rows {
        if let Some(why) = &row.failed {
            say(&format!("FAILED {}: {why}", row.fault));
        }
    }
    findings.is_empty() && rows.iter().all(|row| row.failed.is_none())
}

/// A time says as much of the machine as of the services: one past the goal is shown, and no reason to fail.
fn recovered(took: Duration) -> String {
    let past = if took > GOAL { format!(" (the goal: {GOAL:?})") } else { String::new() };
    format!("{:.1} s{past}", took.as_secs_f64())
}

fn counts<'a>(findings: impl Iterator<Item = &'a Finding>) -> [usize; 4] {
    let mut counts = [0; 4];
    for found in findings {
        counts[match found.wrong {
            Wrong::Lost => 0,
            Wrong::Doubled => 1,
            Wrong::Money => 2,
            Wrong::Unfinished => 3,
        }] += 1;
    }
    counts
}

fn line(words: &[String]) {
    let widths = [28, 5, 6, 5, 8, 12, 11, 9];
    let cells = words.iter().zip(widths).enumerate().map(|(column, (word, width))| {
        if column == 0 || column == 7 { format!("{word:<width$}") } else { format!("{word:>width$}") }
    });
    say(cells.collect::<Vec<_>>().join("  ").trim_end());
}
