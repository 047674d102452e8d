//! Trouble on the line, on demand: stories about lost requests and lost answers need a gateway that loses
//! them when told, and not by chance.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrives: no effect.
    RequestLost,
    /// The effect happens and nobody hears of it.
    AnswerLost,
    /// The gateway is out of order and says so: no effect.
    Unavailable,
}

/// What will go wrong with the next calls, in order; copies share it. The payer's own acts are no calls.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<VecDeque<Fault>>>);

impl Faults {
    /// So many more calls meet this fault.
    pub fn expect(&self, calls: usize, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(std::iter::repeat_n(fault, calls));
    }

    /// From now on all is well.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The fault that this call meets.
    pub(super) fn next(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
