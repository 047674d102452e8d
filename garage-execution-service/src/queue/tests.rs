//! The order of the queue, and what the workshop counts.
