//! The two ways in which a boleto says the same: 44 digits under its bars, and the 47 that a payer types, the "linha
//! digitável" (FEBRABAN, Layout padrão de cobrança: the bank's own 25 digits in three fields, each with a check digit).

/// Digits under a boleto's bars.
const BARS: usize = 44;
/// With which a bill of a utility or a tax begins: its line is made otherwise.
const COLLECTION: char = '8';

/// What is under the bars of a line that [`line_of`] has made.
pub(super) fn bars_of(line: &str) -> String {
    let part = |from, to| line.get(from..to).unwrap_or_default();
    [part(0, 4), part(32, 47), part(4, 9), part(10, 20), part(21, 31)].concat()
}

/// The line that is typed for what is under the bars; what is no bank's boleto stays as it is.
pub(super) fn line_of(bars: String) -> String {
    let is_boleto = bars.len() == BARS && bars.bytes().all(|byte| byte.is_ascii_digit());
    if !is_boleto || bars.starts_with(COLLECTION) {
        return bars;
    }
    let (bank_and_currency, check, day_and_amount, own) =
        (&bars[..4], &bars[4..5], &bars[5..19], &bars[19..]);
    let fields = [format!("{bank_and_currency}{}", &own[..5]), own[5..15].to_owned(), own[15..].to_owned()];
    let fields = fields.map(|field| format!("{field}{}", check_digit(&field)));
    format!("{}{check}{day_and_amount}", fields.concat())
}

/// Modulo 10: twice and once in turn from the right, the digits of each product added up.
fn check_digit(field: &str) -> u32 {
    let products =
        field.bytes().rev().zip([2, 1].into_iter().cycle()).map(|(digit, by)| u32::from(digit - b'0') * by);
    let sum: u32 = products.map(|product| product / 10 + product % 10).sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bars: &str) -> String {
        line_of(bars.to_owned())
    }

    /// Published boletos, of three banks; the second field of the last has 0 for a check digit.
    #[test]
    fn the_line_is_the_one_that_banks_print() {
        for (bars, printed) in [
            (
                "00193373700000001000500940144816060680935031",
                "00190.50095 40144.816069 06809.350314 3 37370000000100",
            ),
            (
                "23799755200003700003381260007827139500006330",
                "23793.38128 60007.827136 95000.063305 9 75520000370000",
            ),
            (
                "34198928500000260351751234567871234123456000",
                "34191.75124 34567.871230 41234.560005 8 92850000026035",
            ),
        ] {
            assert_eq!(line(bars), printed.replace(['.', ' '], ""));
            assert_eq!(bars_of(&line(bars)), bars);
        }
    }

    #[test]
    fn what_is_no_bank_s_boleto_stays_as_it_is() {
        let collection = "84670000001435900240200240500024384221010811";
        for other in ["", "237", collection, "0019337370000000100050094014481606068093503A", "0019 ", "ção"]
        {
            assert_eq!(line(other), other);
        }
    }
}
