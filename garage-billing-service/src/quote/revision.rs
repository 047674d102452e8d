//! A quote's texts. While nothing is approved the shop may write it anew, and what it said before is kept; an answer is to
//! one text, and says to which. Pure, like the quote.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use garage_events::{Cents, QuoteStatus, Refusal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Decision, Line, Quote};

/// A quote is written so often and no more: a bill is one document.
pub(super) const MOST: u32 = 50;
/// So many commands are known again, the last of them among these.
const COMMANDS: usize = 50;

/// A text that a quote had before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Revision {
    /// Which, counted from 1.
    pub number: u32,
    /// What it was made of.
    pub lines: Vec<Line>,
    /// Until when it could be answered.
    pub valid_until: DateTime<Utc>,
    /// When the customer got it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was replaced.
    pub replaced_at: DateTime<Utc>,
    /// By whom: the subject of their token.
    pub replaced_by: String,
    /// Why, if they said.
    pub reason: Option<String>,
}

impl Revision {
    /// In all.
    #[must_use]
    pub fn total(&self) -> Cents {
        self.lines.iter().map(Line::total).sum()
    }
}

/// A text that shall replace the present one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// What it is made of.
    pub lines: Vec<Line>,
    /// Until when it may be answered; as it was, unless told.
    pub valid_until: Option<DateTime<Utc>>,
    /// Who writes it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// Who answers, from where, and to which text. A text that has been replaced is answered by nobody, and by the customer's
/// link none that is still being written while they have an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The subject of the token.
    pub by: String,
    /// The address.
    pub from: Option<String>,
    /// The revision that was read, if they say.
    pub revision: Option<u32>,
    /// By the customer's own link, which has nothing but what was sent.
    pub by_link: bool,
}

impl Evidence {
    /// Somebody, from nowhere in particular, to whatever the text is.
    #[must_use]
    pub fn by(subject: &str) -> Self {
        Self { by: subject.to_owned(), ..Self::default() }
    }
}

impl Quote {
    /// The quote with other lines, or another validity, before the customer has it.
    ///
    /// # Errors
    /// Once the customer has it, and see [`Self::revised`].
    pub fn edited(&self, rewrite: Rewrite, at: DateTime<Utc>) -> Result<Self, Refusal> {
        if self.status != QuoteStatus::Pending {
            return Err(Refusal::state("editing", "quote", self.status));
        }
        self.revised(rewrite, at)
    }

    /// The quote with another text, which the customer does not have yet; the same text again is none.
    ///
    /// # Errors
    /// Once it is answered or over; for a day that has passed; for sums beyond measure.
    pub fn revised(&self, rewrite: Rewrite, at: DateTime<Utc>) -> Result<Self, Refusal> {
        if !self.is_open() {
            return Err(Refusal::state("revising", "quote", self.status));
        }
        let valid_until = rewrite.valid_until.unwrap_or(self.valid_until);
        if valid_until <= at {
            return Err(Refusal::field("validUntil", "must lie in the future"));
        }
        let lasts = self.lasts.filter(|_| rewrite.valid_until.is_none());
        if (&rewrite.lines, valid_until) == (&self.lines, self.valid_until) {
            return Ok(Self { lasts, ..self.clone() });
        }
        if self.revision >= MOST {
            return Err(Refusal::state(
                "revising",
                "quote",
                "at its last revision; call the order off and open another",
            ));
        }
        let mut next = self.clone();
        next.earlier.push(self.replaced(&rewrite, at));
        let revised = Self {
            status: QuoteStatus::Pending,
            lines: rewrite.lines,
            valid_until,
            lasts,
            sent_at: None,
            revision: self.revision + 1,
            updated_at: at,
            ..next
        };
        revised.check_sum()?;
        Ok(revised)
    }

    fn replaced(&self, rewrite: &Rewrite, at: DateTime<Utc>) -> Revision {
        Revision {
            number: self.revision,
            lines: self.lines.clone(),
            valid_until: self.valid_until,
            sent_at: self.sent_at,
            replaced_at: at,
            replaced_by: rewrite.by.clone(),
            reason: rewrite.reason.clone(),
        }
    }

    /// Whether this command is one of the last that wrote it.
    #[must_use]
    pub fn was_written_by(&self, command: Uuid) -> bool {
        self.written_by == Some(command) || self.written_before.contains(&command)
    }

    /// The quote with other lines, as this command wants them.
    ///
    /// # Errors
    /// See [`Self::edited`].
    pub fn written(&self, command: Uuid, rewrite: Rewrite, at: DateTime<Utc>) -> Result<Self, Refusal> {
        let edited = self.edited(rewrite, at)?;
        let before = self.written_before.iter().copied().chain(self.written_by).collect::<Vec<_>>();
        let forgotten = before.len().saturating_sub(COMMANDS - 1);
        Ok(Self { written_by: Some(command), written_before: before[forgotten..].to_vec(), ..edited })
    }

    /// Whether the customer has an earlier text, and the present one has not been sent.
    #[must_use]
    pub fn is_being_written_anew(&self) -> bool {
        self.sent_at.is_none() && self.earlier.iter().any(|text| text.sent_at.is_some())
    }

    /// The quote as its customer has it: the last text that they got, or agreed to, and before it those that they got.
    /// While they got none it is the present one.
    #[must_use]
    pub fn seen_by_the_customer(mut self) -> Self {
        self.earlier.retain(|text| text.sent_at.is_some());
        if self.sent_at.is_some() || self.status == QuoteStatus::Approved {
            return self;
        }
        match self.earlier.pop() {
            Some(last) => Self {
                lines: last.lines,
                valid_until: last.valid_until,
                sent_at: last.sent_at,
                revision: last.number,
                ..self
            },
            None => self,
        }
    }

    /// Whoever answers must have the present text.
    pub(super) fn check_read(&self, what: &'static str, evidence: &Evidence) -> Result<(), Refusal> {
        if evidence.by_link && self.is_being_written_anew() {
            return Err(Refusal::state(what, "quote", "being written anew and not sent yet"));
        }
        if evidence.revision.is_some_and(|read| read != self.revision) {
            let now = format!("at revision {}", self.revision);
            return Err(Refusal::state("answering an earlier text", "quote", now));
        }
        Ok(())
    }

    /// The customer's word to the present text.
    pub(super) fn decision(&self, evidence: Evidence, at: DateTime<Utc>) -> Decision {
        Decision {
            at,
            by: evidence.by,
            from: evidence.from,
            revision: self.revision,
            text: self.fingerprint(),
        }
    }

    /// What tells this text from every other: SHA-256, in hexadecimal digits, over revision, lines and validity.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = format!("{}|{}|{}", self.id, self.revision, self.valid_until.timestamp_millis());
        for line in &self.lines {
            let (quantity, price) = (line.quantity.decimal(), line.unit_price.map(Cents::centavos));
            // Writing to a text cannot fail; lengths keep one field from running into the next.
            let _ = write!(text, "|{}:{}|{quantity}|{price:?}", line.name.len(), line.name);
            let described = line.description.as_deref().unwrap_or_default();
            let _ = write!(text, "|{}:{described}|{:?}|{:?}", described.len(), line.part_id, line.service_id);
        }
        hex::encode(Sha256::digest(text))
    }
}
