//! Small texts that people type: documents, plates, phones, addresses, amounts, counts. What is taken has one form, which
//! is taken again as itself; what is not taken is told what would be right, without repeating it.

use std::{fmt::Display, str::FromStr};

use garage_events::{Cents, Quantity};
use garage_os_service::{
    contact::{Email, Phone},
    document::Document,
    plate::Plate,
    search,
};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    stable::<Document>(text, |one| one.as_str().to_owned());
    stable::<Plate>(text, |one| one.as_str().to_owned());
    stable::<Phone>(text, |one| one.as_str().to_owned());
    stable::<Email>(text, |one| one.as_str().to_owned());
    stable::<Cents>(text, ToString::to_string);
    if let Ok(document) = text.parse::<Document>() {
        assert!(document.is(text) && document.is(document.as_str()));
        assert!(!format!("{document:?}").contains(document.as_str()), "a log would show it");
    }
    if let Ok(plate) = text.parse::<Plate>() {
        let other = plate.alternative();
        assert!(other.is_none_or(|other| other.key() == plate.key()), "one car, two keys: {text}");
        assert_ne!(plate.masked(), plate.as_str());
    }
    let folded = search::folded(text);
    assert_eq!(search::folded(&folded), folded);
    numbers(text);
}

fn stable<T: FromStr<Err: Display> + PartialEq>(text: &str, form: impl Fn(&T) -> String) {
    match text.parse::<T>() {
        Ok(one) => {
            let form = form(&one);
            let Ok(again) = form.parse::<T>() else { panic!("{text} became {form}, which is none") };
            assert!(again == one, "{text} became {form}, which is another");
        }
        Err(cause) => assert!(cause.to_string().len() < 200, "{cause}"),
    }
}

/// As they come in JSON.
fn numbers(text: &str) {
    if let Ok(amount) = serde_json::from_str::<Cents>(text) {
        let written = serde_json::to_string(&amount).unwrap();
        assert_eq!(serde_json::from_str::<Cents>(&written).unwrap(), amount, "{text} became {written}");
    }
    if let Ok(count) = serde_json::from_str::<Quantity>(text) {
        let written = serde_json::to_string(&count).unwrap();
        assert_eq!(serde_json::from_str::<Quantity>(&written).unwrap(), count, "{text} became {written}");
    }
}
