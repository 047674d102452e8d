//! How a payment begins: the payer's name decides, as with the provider's test data (Test cards), and for
//! every method, so that all that can happen to a payment can be tried without a card.

use garage_events::PaymentMethod;

use super::Status;

/// Names of payers who are turned down, and the provider's word for it.
const TURNED_DOWN: [(&str, &str); 11] = [
    ("OTHE", "cc_rejected_other_reason"),
    ("CALL", "cc_rejected_call_for_authorize"),
    ("FUND", "cc_rejected_insufficient_amount"),
    ("SECU", "cc_rejected_bad_filled_security_code"),
    ("EXPI", "cc_rejected_bad_filled_date"),
    ("FORM", "cc_rejected_bad_filled_other"),
    ("CARD", "cc_rejected_bad_filled_card_number"),
    ("INST", "cc_rejected_invalid_installments"),
    ("DUPL", "cc_rejected_duplicated_payment"),
    ("LOCK", "cc_rejected_card_disabled"),
    ("CTNA", "cc_rejected_card_type_not_allowed"),
];
/// The name of a payer who takes time.
const TAKES_TIME: &str = "CONT";

/// How a payment begins: by the first word of the payer's name, however it is written.
pub(super) fn beginning(payer: &str, method: PaymentMethod) -> (Status, &'static str) {
    let name = payer.split_whitespace().next().unwrap_or_default().to_uppercase();
    if let Some((_, word)) = TURNED_DOWN.iter().find(|(turned_down, _)| *turned_down == name) {
        return (Status::Rejected, word);
    }
    if name != TAKES_TIME {
        return (Status::Approved, "accredited");
    }
    match method {
        PaymentMethod::Pix => (Status::Pending, "pending_waiting_transfer"),
        PaymentMethod::Boleto => (Status::Pending, "pending_waiting_payment"),
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => (Status::InProcess, "pending_contingency"),
    }
}

/// The holder of a card, as its token tells. The provider's token hides a name that was typed into its form; the
/// sandbox has no form, so a name of the test data may stand for the token itself.
pub(in super::super) fn holder(token: &str) -> Option<String> {
    let name = token.trim().to_uppercase();
    let known = name == TAKES_TIME
        || name == "APRO"
        || TURNED_DOWN.iter().any(|(turned_down, _)| *turned_down == name);
    known.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pix(payer: &str) -> (Status, &'static str) {
        beginning(payer, PaymentMethod::Pix)
    }

    #[test]
    fn the_payer_s_name_decides() {
        for (name, word) in TURNED_DOWN {
            assert_eq!(pix(&format!("{name} da Silva")), (Status::Rejected, word));
        }
        for name in ["APRO", "Maria", "", "Formosa", "Maria OTHE"] {
            assert_eq!(pix(name), (Status::Approved, "accredited"), "{name}");
        }
    }

    #[test]
    fn a_token_may_be_the_holder_s_name() {
        assert_eq!(holder("othe"), Some("OTHE".to_owned()));
        assert_eq!(holder("ff8080814c11e237014c1ff593b57b4d"), None);
    }

    #[test]
    fn a_name_counts_however_it_is_written() {
        assert_eq!(pix("  othe ").0, Status::Rejected);
        assert_eq!(pix("Cont Silva").0, Status::Pending);
    }
}
