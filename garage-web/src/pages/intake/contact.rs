//! How the desk writes down where a customer is reached, as far as the form alone can judge it: which numbers can be dialled
//! is for OS to say. Pure.

use crate::{
    form::{Form, Objections},
    lang::Lang,
    trouble,
};

/// Objects to a phone and an e-mail that are none, in the words of OS.
pub(super) fn check(objections: &mut Objections, lang: Lang, form: &Form) {
    if form.given("phone").is_some_and(|text| digits(text).is_none()) {
        let detail =
            "must be a Brazilian phone number with its area code, such as 11987654321 or (11) 3456-7890";
        objections.add("phone", trouble::objection(lang, detail));
    }
    if form.given("email").is_some_and(|text| !is_email(text)) {
        let detail = "must be an e-mail address such as ana@example.com";
        objections.add("email", trouble::objection(lang, detail));
    }
}

/// A phone as OS keeps it: area code and number, without the country's 55 or the trunk's 0. Only the length tells, as 55 is
/// an area code too.
pub(super) fn digits(phone: &str) -> Option<String> {
    let bare: String = phone.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '-' | '.')).collect();
    let fits = |digits: &&str| matches!(digits.len(), 10 | 11) && digits.bytes().all(|b| b.is_ascii_digit());
    let without = |prefix| bare.strip_prefix(prefix).filter(fits);
    let national = without("+55").or_else(|| without("0")).or_else(|| Some(bare.as_str()).filter(fits));
    national.or_else(|| without("55")).map(str::to_owned)
}

fn is_email(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
    let Some((local, domain)) = text.split_once('@') else { return false };
    let labels_fit = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let lengths_fit = (1..=64).contains(&local.len()) && text.len() <= 254;
    labels_fit && lengths_fit && !domain.contains('@') && !text.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_the_same_in_any_punctuation() {
        for text in ["11987654321", "(11) 98765-4321", "+55 11 98765.4321", "011987654321", "5511987654321"] {
            assert_eq!(digits(text).as_deref(), Some("11987654321"), "{text}");
        }
        for text in ["190", "many", "+1 212 555 0100", "119876543210"] {
            assert_eq!(digits(text), None, "{text}");
        }
    }

    #[test]
    fn an_e_mail_has_a_name_and_a_domain() {
        assert!(is_email("ana@example.com"));
        for text in ["ana", "@example.com", "ana@localhost", "a b@example.com", "a@b@example.com", "ana@a..b"]
        {
            assert!(!is_email(text), "{text}");
        }
    }
}
