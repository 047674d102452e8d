//! Whether a typed document brings whom the desk means. A mistyped CPF may well be somebody else's, so the typed name must
//! be theirs, or the desk must say that it means them. Where the record says otherwise than the form, be it that a first try
//! of this very form made it, the desk also says which of the two is kept. Pure.

use garage_kit::text::plain;
use serde_json::{Map, Value, json};

use super::contact;
use crate::{
    form::{Form, Objections},
    lang::Lang,
    services::view::Customer,
    show,
};

/// The choice with which the desk says so; it holds the document that it is about.
pub(super) const FIELD: &str = "same";
/// Stands before the document where the record is to be corrected.
const CORRECT: &str = "correct ";

/// The typed document without its marks.
pub(super) fn document(form: &Form) -> String {
    show::bare(form.get("document"))
}

/// What the choice holds for the record as it is, and for its correction.
pub(super) fn choices(form: &Form) -> [String; 2] {
    let document = document(form);
    [document.clone(), format!("{CORRECT}{document}")]
}

/// Whether the desk has said that it means whoever has the typed document.
pub(super) fn is_confirmed(form: &Form) -> bool {
    form.given(FIELD).is_some_and(|chosen| choices(form).iter().any(|choice| choice == chosen))
}

/// What there is to say against taking this customer, who has the typed document.
pub(super) fn objections(lang: Lang, form: &Form, known: &Customer) -> Objections {
    let mut objections = Objections::default();
    if is_confirmed(form) {
        return objections;
    }
    if let Some(words) = stranger(lang, form, known) {
        objections.add(FIELD, words);
        return objections;
    }
    let has = lang.t("o cadastro tem", "the record has");
    if has_another_phone(form, known) {
        objections.add("phone", format!("{has} {}", show::phone(&known.phone)));
    }
    if has_another_email(form, known) {
        let none = lang.t("nenhum", "none");
        objections.add("email", format!("{has} {}", known.email.as_deref().unwrap_or(none)));
    }
    if !objections.is_empty() {
        objections.add(FIELD, lang.t("escolha o que vale", "choose what holds"));
    }
    objections
}

/// What the desk wants to have corrected in the record, if anything: what is the same already, and what was left empty,
/// stays.
pub(super) fn correction(form: &Form, known: &Customer) -> Option<Value> {
    form.given(FIELD).filter(|chosen| *chosen == choices(form)[1])?;
    let mut changes = Map::new();
    if form.given("name").is_some_and(|name| name != known.name) {
        changes.insert("name".to_owned(), json!(form.get("name")));
    }
    if has_another_phone(form, known) {
        changes.insert("phone".to_owned(), json!(form.get("phone")));
    }
    if has_another_email(form, known) {
        changes.insert("email".to_owned(), json!(form.get("email")));
    }
    Some(Value::Object(changes)).filter(|changes| *changes != json!({}))
}

fn has_another_phone(form: &Form, known: &Customer) -> bool {
    form.given("phone").is_some_and(|text| contact::digits(text).as_ref() != Some(&known.phone))
}

fn has_another_email(form: &Form, known: &Customer) -> bool {
    form.given("email").is_some_and(|text| known.email.as_deref() != Some(text))
}

/// That the document is somebody else's. Their name is no secret to the desk, which finds it by the document anyway; nothing
/// else is told.
fn stranger(lang: Lang, form: &Form, known: &Customer) -> Option<String> {
    if folded(form.get("name")) == folded(&known.name) {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ana() -> Customer {
        let id = "0190f5a0-0000-7000-8000-000000000001";
        let known =
            json!({ "id": id, "name": "Ana Conceição", "document": "52998224725", "phone": "11987654321" });
        serde_json::from_value(known).unwrap()
    }

    fn form(fields: &str) -> Form {
        Form::parse(format!("document=529.982.247-25&{fields}").as_bytes())
    }

    fn said(fields: &str) -> Option<String> {
        let objections = objections(Lang::Pt, &Form::parse(fields.as_bytes()), &ana());
        objections.to(FIELD).map(str::to_owned)
    }

    #[test]
    fn another_phone_of_somebody_known_is_asked_about() {
        let asked = objections(Lang::Pt, &form("name=ana+conceicao&phone=11+91234-5678&email=a@b.c"), &ana());
        assert_eq!(asked.to("phone"), Some("o cadastro tem (11) 98765-4321"));
        assert!(asked.to("email").is_some() && asked.to(FIELD).is_some());
        let same = form("name=Ana+Conceição&phone=(11)+98765-4321&email=");
        assert!(objections(Lang::Pt, &same, &ana()).is_empty());
    }

    #[test]
    fn nothing_of_a_stranger_but_the_name_is_told() {
        let asked = objections(Lang::Pt, &form("name=Bruno&phone=11+91234-5678"), &ana());
        assert_eq!(asked.fields().map(|(field, _)| field).collect::<Vec<_>>(), [FIELD]);
    }

    #[test]
    fn a_record_is_corrected_only_where_the_desk_says_so_and_it_differs() {
        let fields = "name=Ana+Conceicao&phone=11+91234-5678";
        let kept = form(&format!("{fields}&same=52998224725"));
        assert!(objections(Lang::Pt, &kept, &ana()).is_empty());
        assert_eq!(correction(&kept, &ana()), None);
        let corrected = form(&format!("{fields}&same=correct+52998224725"));
        assert!(objections(Lang::Pt, &corrected, &ana()).is_empty());
        assert_eq!(
            correction(&corrected, &ana()),
            Some(json!({ "name": "Ana Conceicao", "phone": "11 91234-5678" }))
        );
        let other = form(&format!("{fields}&same=correct+11144477735"));
        assert_eq!(correction(&other, &ana()), None, "said of another document");
        let same = form("name=Ana+Conceição&phone=11987654321&same=correct+52998224725");
        assert_eq!(correction(&same, &ana()), None, "nothing differs");
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
