//! A quote's texts. While nothing is approved the shop may write it anew, and what it said before is kept; an answer is to
//! one text, and says to which. Pure, like the quote.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use garage_events::{Cents, QuoteStatus, Refusal};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Decision, Line, Quote};

/// A quote is written so often and no more: a bill is one document.
pub(super) const MOST: u32 = 50;

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

/// Who answers, from where, and to which text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The subject of the token.
    pub by: String,
    /// The address.
    pub from: Option<String>,
    /// The revision that was read, if they say.
    pub revision: Option<u32>,
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
        if (&rewrite.lines, valid_until) == (&self.lines, self.valid_until) {
            return Ok(self.clone());
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

    /// The customer's word to the present text.
    ///
    /// # Errors
    /// When it was said to another.
    pub(super) fn decision(&self, evidence: Evidence, at: DateTime<Utc>) -> Result<Decision, Refusal> {
        match evidence.revision {
            Some(read) if read != self.revision => Err(Refusal::state(
                "answering an earlier text",
                "quote",
                format!("at revision {}", self.revision),
            )),
            Some(_) | None => Ok(Decision {
                at,
                by: evidence.by,
                from: evidence.from,
                revision: self.revision,
                text: self.fingerprint(),
            }),
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
