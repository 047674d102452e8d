//! The desk withdraws a payment that waits. It ends by the gateway's word, as any other does, so that money which came
//! meanwhile counts.

use super::*;
use crate::payment::Withdrawn;

impl Bill {
    /// Takes the wish that a payment which waits shall end; the gateway is asked afterwards. The same wish again changes
    /// nothing.
    ///
    /// # Errors
    /// Unless it waits, or has ended by such a wish.
    pub fn withdraw(
        mut self,
        payment: PaymentId,
        by: &str,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.id == payment);
        let attempt = attempt.ok_or(Refusal::Unknown("payment"))?;
        let is_withdrawn = attempt.withdrawn.is_some();
        match attempt.status {
            PaymentStatus::Processing | PaymentStatus::Pending if is_withdrawn => {}
            PaymentStatus::Processing | PaymentStatus::Pending => {
                attempt.withdrawn = Some(Withdrawn { by: by.to_owned(), at });
            }
            PaymentStatus::Rejected | PaymentStatus::Cancelled if is_withdrawn => {}
            PaymentStatus::Rejected
            | PaymentStatus::Cancelled
            | PaymentStatus::Approved
            | PaymentStatus::Refunding
            | PaymentStatus::Refunded => {
                return Err(Refusal::state("withdrawing", "payment", attempt.status));
            }
        }
        Ok(Transition::quiet(self))
    }
}
