//! Whether a typed document brings whom the desk means. A mistyped CPF may well be somebody else's, so the typed name must
//! be theirs, or the desk must say that it means them. Pure.

use crate::{form::Form, lang::Lang, services::view::Customer, show};

/// The tick box with which the desk says so; it holds the document that it is about.
pub(super) const FIELD: &str = "same";

/// The typed document without its marks.
pub(super) fn document(form: &Form) -> String {
    show::bare(form.get("document"))
}

/// Whether the desk has said that it means whoever has the typed document.
pub(super) fn is_confirmed(form: &Form) -> bool {
    form.given(FIELD).is_some_and(|confirmed| confirmed == document(form))
}

/// What there is to say against taking this customer, who has the typed document. Their name is no secret to the desk,
/// which finds it by the document anyway; nothing else is told.
pub(super) fn objection(lang: Lang, form: &Form, known: &Customer) -> Option<String> {
    if is_confirmed(form) || folded(form.get("name")) == folded(&known.name) {
        return None;
    }
    let (before, after) = (
        lang.t("este documento é de", "this document is that of"),
        lang.t("corrija-o, ou confirme que é essa pessoa", "correct it, or confirm that it is them"),
    );
    Some(format!("{before} {}: {after}", known.name))
}

/// Small letters and digits without accents, blanks only between words, as the services' search has them.
fn folded(name: &str) -> String {
    let letters = name.chars().flat_map(char::to_lowercase);
    let letters = letters.filter(|c| c.is_alphanumeric() || c.is_whitespace()).map(plain);
    letters.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letters of Portuguese and of its neighbours' names.
const fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' | 'â' | 'ã' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'ì' | 'î' | 'ï' => 'i',
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
        'ú' | 'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(fields: &str) -> Option<String> {
        let id = "0190f5a0-0000-7000-8000-000000000001";
        let known =
            json!({ "id": id, "name": "Ana Conceição", "document": "52998224725", "phone": "11987654321" });
        let known: Customer = serde_json::from_value(known).unwrap();
        objection(Lang::Pt, &Form::parse(fields.as_bytes()), &known)
    }

    #[test]
    fn a_document_of_somebody_else_is_said_to_be_theirs() {
        let words = said("document=529.982.247-25&name=Bruno+Lima").unwrap();
        assert!(words.contains("Ana Conceição"), "{words}");
        assert!(!words.contains("98765"), "{words}");
    }

    #[test]
    fn a_name_is_the_same_in_any_letters() {
        for name in ["Ana Conceição", "  ANA   CONCEICAO ", "ana conceic\u{327}a\u{303}o"] {
            assert_eq!(said(&format!("document=529.982.247-25&name={name}")), None, "{name}");
        }
    }

    #[test]
    fn who_is_confirmed_is_so_for_one_document_alone() {
        assert_eq!(said("document=529.982.247-25&name=Bruno&same=52998224725"), None);
        assert!(said("document=529.982.247-25&name=Bruno&same=11144477735").is_some());
        assert!(said("document=&name=Bruno&same=").is_some());
    }
}
