//! What a bill wants of the shelf, derived from its facts: the parts of an approved quote are put aside, taken when the
//! repair is finished, and let go when the order is off. The stock keeper carries that to each part and notes here what
//! came of it. Pure, like the rest of the bill.

use garage_events::WorkOrderStatus;

use super::*;
use crate::part::{Need, Units, Wish};

/// Where an approved order's parts belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Put aside.
    Aside,
    /// In the car.
    Car,
    /// On the shelf, for others.
    Shelf,
}

impl Bill {
    /// The catalogue's parts that the quote names, each once.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<PartId, Units> {
        let mut parts = BTreeMap::new();
        for line in self.quote.iter().flat_map(|quote| &quote.lines) {
            if let Some(part) = line.part_id {
                *parts.entry(part).or_default() += Units::from(line.quantity);
            }
        }
        parts
    }

    /// Since when parts have been needed, and where they belong now; nothing before the customer's yes. Who has called
    /// the order off with the money here waits for the workshop's word: what is finished stays in the car.
    fn place(&self) -> Option<(DateTime<Utc>, Place)> {
        let quote = self.quote.as_ref()?;
        let since = quote.approved.as_ref()?.at;
        let place = match self.order_status.map(|known| known.status) {
            Some(WorkOrderStatus::Completed | WorkOrderStatus::Delivered) => Place::Car,
            Some(
                WorkOrderStatus::Pending
                | WorkOrderStatus::Quoted
                | WorkOrderStatus::QuoteSent
                | WorkOrderStatus::Approved
                | WorkOrderStatus::InProgress
                | WorkOrderStatus::Cancelled
                | WorkOrderStatus::Failed,
            )
            | None => {
                let is_off = self.work_failed.is_some() || quote.status != QuoteStatus::Approved;
                if is_off { Place::Shelf } else { Place::Aside }
            }
        };
        Some((since, place))
    }

    /// What the order wants of a part.
    #[must_use]
    pub fn wish(&self, part: PartId) -> Wish {
        if self.stock.get(&part).is_some_and(|standing| standing.is_final()) {
            return Wish::Nothing;
        }
        let Some(quantity) = self.parts().get(&part).copied() else { return Wish::Nothing };
        match self.place() {
            Some((since, Place::Aside)) => Wish::Keep(Need { quantity, since }),
            Some((since, Place::Car)) => Wish::Take(Need { quantity, since }),
            Some((_, Place::Shelf)) | None => Wish::Nothing,
        }
    }

    /// The parts to which the order's wish must be carried.
    #[must_use]
    pub fn stock_due(&self) -> Vec<PartId> {
        let Some((_, place)) = self.place() else { return Vec::new() };
        let is_due = |part: &PartId| match self.stock.get(part) {
            None => true,
            Some(Claim::Reserved) => place != Place::Aside,
            Some(Claim::Taken | Claim::GivenBack | Claim::Unknown) => false,
        };
        self.parts().into_keys().filter(is_due).collect()
    }

    /// Notes where the order stands with a part. An end is never replaced, and there is none before the customer's yes.
    #[must_use]
    pub fn stocked(mut self, part: PartId, standing: Claim) -> Self {
        let is_over = self.stock.get(&part).is_some_and(|known| known.is_final());
        if !is_over && self.place().is_some() && self.parts().contains_key(&part) {
            self.stock.insert(part, standing);
        }
        self
    }
}
