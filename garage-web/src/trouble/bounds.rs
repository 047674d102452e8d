//! A service's objection to what is too long, too many, too small or too great, in Portuguese, with the bounds that it names.

/// Before the bounds, after them, and the same in Portuguese.
const BOUNDED: [([&str; 2], [&str; 2]); 6] = [
    (["must be a whole number from ", ""], ["deve ser um número inteiro de ", ""]),
    (
        ["must be a number from ", ", with at most three decimals"],
        ["deve ser um número de ", ", com até três casas decimais"],
    ),
    (
        ["must be a number of at most ", ", with at most three decimals"],
        ["deve ser um número de no máximo ", ", com até três casas decimais"],
    ),
    (["must be a number from ", ""], ["deve ser um número de ", ""]),
    (["must have ", " characters"], ["deve ter ", " caracteres"]),
    (["must have ", " bytes as JSON"], ["deve ter ", " bytes em JSON"]),
];

/// The whole objection, if it is such a one.
pub(super) fn objection(detail: &str) -> Option<String> {
    BOUNDED.iter().find_map(|([before, after], portuguese)| {
        let bounds = span(detail.strip_prefix(before)?.strip_suffix(after)?)?;
        Some(portuguese.join(&bounds))
    })
}

/// `1 to 60`, `at most 60`, `exactly 60`, `60`.
fn span(text: &str) -> Option<String> {
    if let Some((least, most)) = text.split_once(" to ") {
        return Some(format!("{} a {}", number(least)?, number(most)?));
    }
    if let Some(most) = text.strip_prefix("at most ") {
        return Some(format!("no máximo {}", number(most)?));
    }
    if let Some(count) = text.strip_prefix("exactly ") {
        return Some(format!("exatamente {}", number(count)?));
    }
    number(text)
}

fn number(text: &str) -> Option<String> {
    text.parse::<f64>().ok().map(|_| text.replace('.', ","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_said_with_its_numbers() {
        for (english, portuguese) in [
            ("must be a whole number from 1900 to 9999", "deve ser um número inteiro de 1900 a 9999"),
            ("must have 1 to 60 characters", "deve ter 1 a 60 caracteres"),
            ("must have at most 230 characters", "deve ter no máximo 230 caracteres"),
            ("must have exactly 17 characters", "deve ter exatamente 17 caracteres"),
            ("must have at most 8192 bytes as JSON", "deve ter no máximo 8192 bytes em JSON"),
            ("must be a number from -90.5 to 90", "deve ser um número de -90,5 a 90"),
            (
                "must be a number from 0 to 1000000, with at most three decimals",
                "deve ser um número de 0 a 1000000, com até três casas decimais",
            ),
            (
                "must be a number of at most 1000000, with at most three decimals",
                "deve ser um número de no máximo 1000000, com até três casas decimais",
            ),
        ] {
            assert_eq!(objection(english).as_deref(), Some(portuguese));
        }
    }

    #[test]
    fn what_is_no_bound_is_left_to_others() {
        for english in ["must have 1 to 255 visible ASCII characters", "must be a number, such as 150.5"] {
            assert_eq!(objection(english), None, "{english}");
        }
    }
}
