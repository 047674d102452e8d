//! Settles letters, batch by batch: the audit's lines first, then the act, then its outcome. A request ends in good
//! time with what is left, and its caller asks again; the pace between batches is the caller's wish.

use std::time::Duration;

use garage_kit::{
    Failure,
    bus::letters::{Ended, Fate, Letter},
    http::Problem,
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::{
    Letters,
    audit::Audit,
    view::{Failed, Report},
    wish::Wish,
};

/// A request begins no batch after so long.
const ENOUGH: Duration = Duration::from_secs(10);
/// Letters that are settled together.
const BATCH: u32 = 100;

/// What the act of somebody is about.
struct Occasion<'a> {
    letters: &'a Letters,
    who: &'a str,
    why: &'a str,
    fate: Fate,
}

/// Does what was wished.
///
/// # Errors
/// When the letters cannot be looked at, or nothing could be done.
pub(super) async fn perform(letters: &Letters, who: &str, fate: Fate, wish: Wish) -> Result<Report, Problem> {
    let began = Instant::now();
    let found = letters.bus.letters(&wish.filter, None, wish.limit).await?;
    let Some(why) = &wish.why else { return Ok(Report::dry(found.matched)) };
    let mut report = Report { matched: found.matched, ..Report::default() };
    report.missing(&wish.filter.ids.unwrap_or_default(), &found.letters, found.matched <= wish.limit);
    let occasion = Occasion { letters, who, why, fate };
    let size = wish.rate.map_or(BATCH, |rate| rate.min(BATCH));
    let mut next = Instant::now();
    let mut open = found.letters.as_slice();
    while !open.is_empty() && began.elapsed() < ENOUGH {
        sleep_until(next).await;
        let (batch, rest) = open.split_at(open.len().min(size as usize));
        next = Instant::now() + pace(batch.len(), wish.rate);
        match occasion.settle(batch).await {
            Ok(ended) => report.note(batch, ended),
            Err(failure) if report.done == 0 => return Err(failure.into()),
            Err(failure) => {
                tracing::error!(%failure, "dead letters could not be settled");
                break;
            }
        }
        open = rest;
    }
    report.left = open.iter().map(|letter| letter.id).collect();
    Ok(report)
}

fn pace(letters: usize, rate: Option<u32>) -> Duration {
    let seconds = |rate: u32| f64::from(u32::try_from(letters).unwrap_or(u32::MAX)) / f64::from(rate);
    rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(seconds(rate)))
}

impl Occasion<'_> {
    async fn settle(&self, batch: &[Letter]) -> Result<Vec<Ended>, Failure> {
        let clock = &self.letters.shell.clock;
        let lines: Vec<Audit> = batch
            .iter()
            .map(|letter| Audit::intended(clock.id(), clock.now(), self.who, self.why, self.fate, letter))
            .collect();
        self.write(&lines, 0).await?;
        lines.iter().for_each(tell);
        let ended = self.letters.bus.settle(batch, self.fate).await?;
        let outcomes: Vec<Audit> =
            lines.into_iter().zip(&ended).map(|(line, ended)| line.ended(ended)).collect();
        if let Err(failure) = self.write(&outcomes, 1).await {
            tracing::error!(%failure, "the audit of dead letters keeps intentions whose outcome is not noted");
        }
        Ok(ended)
    }

    async fn write(&self, lines: &[Audit], expected: u64) -> Result<(), Failure> {
        let changes = lines.iter().map(|line| line.written(expected)).collect::<Result<_, _>>()?;
        self.letters.shell.repository.outbox().commit(changes).await.map(|_| ())
    }
}

/// The line of the log.
fn tell(line: &Audit) {
    let Audit { who, why, act, queue, letter_id, message_id, correlation, .. } = line;
    tracing::info!(who, why, ?act, queue, %letter_id, message_id, correlation_id = ?correlation,
        "a dead letter is settled");
}

impl Report {
    fn dry(matched: usize) -> Self {
        Self { matched, dry_run: true, ..Self::default() }
    }

    /// Letters that were named and do not rest, if all that do were seen.
    fn missing(&mut self, named: &[Uuid], found: &[Letter], is_whole: bool) {
        let missing = named.iter().filter(|id| is_whole && !found.iter().any(|letter| letter.id == **id));
        self.failed.extend(missing.map(|id| gone(*id)));
    }

    fn note(&mut self, batch: &[Letter], ended: Vec<Ended>) {
        for (letter, ended) in batch.iter().zip(ended) {
            match ended {
                Ended::Done => self.done += 1,
                Ended::Gone => self.failed.push(gone(letter.id)),
                Ended::Failed(reason) => self.failed.push(Failed { id: letter.id, reason }),
            }
        }
    }
}

fn gone(id: Uuid) -> Failed {
    Failed { id, reason: "no such dead letter rests here: it is gone already, or never was".to_owned() }
}
