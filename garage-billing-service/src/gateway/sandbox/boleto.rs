//! The digits under a boleto's bars (FEBRABAN, Layout padrão de arrecadação: bank, currency, check digit, due
//! day, amount, the bank's own 25). Well formed, so that screens can be tried; no bank will take them.

use chrono::{NaiveDate, TimeDelta};
use garage_events::Cents;

/// Bradesco, through which the provider issues its boletos, and the real.
const BANK_AND_CURRENCY: &str = "2379";
/// Due days are counted in four digits: 1000 was on this day, for the second time.
const DAY_1000: NaiveDate = NaiveDate::from_ymd_opt(2025, 2, 22).unwrap();

/// The 44 digits for a payment with this number.
pub(super) fn barcode(number: u64, amount: Cents, due: NaiveDate) -> String {
    let day = (due - DAY_1000 + TimeDelta::days(1000)).num_days().clamp(1000, 9999);
    // Ten digits of centavos: what does not fit is written as 0, an amount that the payer fills in.
    let centavos = if amount.centavos() < 10_000_000_000 { amount.centavos() } else { 0 };
    let rest = format!("{day:04}{centavos:010}{number:025}");
    let digit = check_digit(&format!("{BANK_AND_CURRENCY}{rest}"));
    format!("{BANK_AND_CURRENCY}{digit}{rest}")
}

/// Weights 2 to 9 from the right, over and over; what is no digit from 2 to 9 is written as 1.
fn check_digit(digits: &str) -> u32 {
    let weighted =
        digits.bytes().rev().zip((2..=9).cycle()).map(|(digit, weight)| u32::from(digit - b'0') * weight);
    match 11 - weighted.sum::<u32>() % 11 {
        digit @ 2..=9 => digit,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_say_which_bank_when_and_how_much() {
        let due = NaiveDate::from_ymd_opt(2025, 2, 23).unwrap();
        let digits = barcode(1_234_567_890_123, Cents::new(15050).unwrap(), due);
        assert_eq!(digits.len(), 44);
        assert_eq!((&digits[..4], &digits[5..9], &digits[9..19]), ("2379", "1001", "0000015050"));
        assert!(digits.ends_with("1234567890123"));
    }

    /// A published boleto: 00190.50095 40144.816069 06809.350314 3 37370000000100.
    #[test]
    fn the_check_digit_is_the_one_that_banks_print() {
        assert_eq!(check_digit("0019373700000001000500940144816060680935031"), 3);
    }
}
