//! Who has a claim to a part. An order whose quote is approved holds what it needs; when the repair is finished it has
//! taken it, and when the order is off it lets go. The part is brought in line with one order's wish at a time, as often as
//! anybody likes: what is done already is not done again. Pure; [`crate::keeper`] carries the wishes here.

use chrono::{DateTime, Utc};
use garage_events::WorkOrderId;
use serde::{Deserialize, Serialize};

use super::{Part, units::Units};

/// What an order needs of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Need {
    /// How many.
    pub quantity: Units,
    /// Since when: whoever came first is served first.
    pub since: DateTime<Utc>,
}

/// What an order wants of a part now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// To be put aside.
    Keep(Need),
    /// It has been built in.
    Take(Need),
    /// Nothing, or nothing any more.
    Nothing,
}

/// What has become of an order's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Claim {
    /// Put aside, as far as there is enough.
    Reserved,
    /// Off the shelf.
    Taken,
    /// Free for others.
    GivenBack,
    /// The catalogue has no such part.
    Unknown,
}

impl Claim {
    /// Whether nothing more comes after it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Reserved => false,
            Self::Taken | Self::GivenBack | Self::Unknown => true,
        }
    }
}

/// An order's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// How many.
    pub quantity: Units,
    /// Since when.
    pub since: DateTime<Utc>,
    /// They are off the shelf, and the bill may not have noted it yet: so nobody takes them twice.
    pub taken: bool,
}

/// An order that waits for a part or has it put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which order.
    pub order: WorkOrderId,
    /// How many it needs.
    pub quantity: Units,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How many of them are not there.
    pub missing: Units,
}

impl Part {
    /// The part after an order's wish, and where the order stands with it then. The same wish again changes nothing.
    #[must_use]
    pub fn in_line_with(mut self, order: WorkOrderId, wish: Wish, at: DateTime<Utc>) -> (Self, Claim) {
        let known = self.holds.get(&order).copied();
        let is_taken = known.is_some_and(|hold| hold.taken);
        match wish {
            Wish::Keep(Need { quantity, since }) if !is_taken => {
                self.holds.insert(order, Hold { quantity, since, taken: false });
                (self, Claim::Reserved)
            }
            Wish::Take(Need { quantity, since }) if !is_taken => {
                self.stock_quantity -= quantity;
                self.updated_at = at;
                self.holds.insert(order, Hold { quantity, since, taken: true });
                (self, Claim::Taken)
            }
            Wish::Keep(_) | Wish::Take(_) => (self, Claim::Taken),
            Wish::Nothing => {
                self.holds.remove(&order);
                (self, Claim::GivenBack)
            }
        }
    }

    /// The orders that hold it or wait for it, first come first served.
    #[must_use]
    pub fn holders(&self) -> Vec<Holder> {
        let mut holds: Vec<_> = self.holds.iter().filter(|(_, hold)| !hold.taken).collect();
        holds.sort_by_key(|(order, hold)| (hold.since, **order));
        let mut left = self.stock_quantity.or_none();
        let holder = |(order, hold): (&WorkOrderId, &Hold)| {
            let covered = left.min(hold.quantity);
            left -= covered;
            let (quantity, since) = (hold.quantity, hold.since);
            Holder { order: *order, quantity, since, missing: quantity - covered }
        };
        holds.into_iter().map(holder).collect()
    }

    /// Orders that took it and whose bill may not have noted that.
    pub fn takers(&self) -> impl Iterator<Item = WorkOrderId> {
        self.holds.iter().filter(|(_, hold)| hold.taken).map(|(order, _)| *order)
    }

    /// How many are put aside or waited for.
    #[must_use]
    pub fn reserved(&self) -> Units {
        self.holds.values().filter(|hold| !hold.taken).map(|hold| hold.quantity).sum()
    }

    /// How many nobody has a claim to; negative when more are wanted than are there.
    #[must_use]
    pub fn free(&self) -> Units {
        self.stock_quantity - self.reserved()
    }

    /// How many of the wanted ones are not there.
    #[must_use]
    pub fn missing(&self) -> Units {
        (self.reserved() - self.stock_quantity.or_none()).or_none()
    }
}

#[cfg(test)]
mod tests;
