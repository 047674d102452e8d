//! The whole garage as one small value: which state each service's aggregate is in, which the gateway's ledger,
//! what the cashiers of two replicas have in hand, and every event with the places it has still to reach or
//! has reached. All of it is numbers; [`crate::garage::Garage`] knows what they stand for.

/// Everything that the future depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub order: u32,
    pub bill: u32,
    pub job: u32,
    pub ledger: u32,
    /// Calls under way, in order: replicas are alike, so it does not matter which makes which.
    pub hands: [Hand; 2],
    /// Deliveries that have never happened, a bit for each.
    pub due: u64,
    /// Deliveries that have happened at least once, and may again for ever.
    pub done: u64,
}

/// A replica's cashier. Between two steps anything else may happen: what it was going to ask may be out of date
/// when it asks, and its answer older than another's when it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Hand {
    Free,
    /// Has read the bill and will make this call.
    Asking(u16),
    /// Has this answer and will store it.
    Holding(u16),
}

impl World {
    /// The world with another hand in a hand's place.
    pub(crate) fn with_hand(mut self, place: usize, hand: Hand) -> Self {
        self.hands[place] = hand;
        self.hands.sort_unstable();
        self
    }

    pub(crate) fn hash(&self) -> usize {
        let hand = |hand: Hand| match hand {
            Hand::Free => 0,
            Hand::Asking(due) => 1 << 16 | u64::from(due),
            Hand::Holding(answer) => 2 << 16 | u64::from(answer),
        };
        let words = [
            u64::from(self.order) << 32 | u64::from(self.bill),
            u64::from(self.job) << 32 | u64::from(self.ledger),
            hand(self.hands[0]) << 32 | hand(self.hands[1]),
            self.due,
            self.done,
        ];
        let mut hash = 0_u64;
        for word in words {
            hash = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^= hash >> 29;
        }
        usize::try_from(hash >> 8).unwrap_or_default()
    }
}

/// What happens between two worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Did(&'static str),
    /// The same, but nobody learns of it: an answer that is lost, a process that dies.
    Lost(&'static str),
    /// A delivery, by its bit.
    Heard(u32),
}
