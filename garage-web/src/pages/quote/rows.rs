//! The editor's rows: fields that repeat, one set per line, in the order in which they stand. A row without a name is
//! none; what a row lacks or has wrong is said beside it.

use garage_events::Quantity;
use serde_json::{Value, json};

use crate::{
    form::{Form, Objections},
    lang::Lang,
    services::{Refusal, view::Line},
    show, trouble,
};

/// A row as it is typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) quantity: String,
    pub(super) price: String,
    /// `part:…`, `service:…` or nothing, for what is of no catalogue.
    pub(super) of: String,
}

impl Row {
    /// A line that there is.
    pub(super) fn of(lang: Lang, line: &Line) -> Self {
        let part = line.part_id.map(|id| format!("part:{id}"));
        let service = line.service_id.map(|id| format!("service:{id}"));
        Self {
            name: show::line_name(lang, &line.name).to_owned(),
            quantity: show::typed(lang, line.quantity.decimal()),
            price: line.unit_price.map(|price| show::typed_money(lang, price)).unwrap_or_default(),
            of: part.or(service).unwrap_or_default(),
        }
    }
}

/// The rows of a form.
pub(super) fn read(form: &Form) -> Vec<Row> {
    let rows = form.all("line").zip(form.all("quantity")).zip(form.all("price")).zip(form.all("of"));
    let rows = rows.map(|(((name, quantity), price), of)| Row {
        name: name.to_owned(),
        quantity: quantity.to_owned(),
        price: price.to_owned(),
        of: of.to_owned(),
    });
    rows.filter(|row| !row.name.is_empty() || !row.price.is_empty()).collect()
}

/// The name of a row's field, for what is said about it.
pub(super) fn field(kind: &str, place: usize) -> String {
    format!("{kind}-{place}")
}

/// The lines as Billing reads them, or all that is wrong with the rows.
pub(super) fn lines(lang: Lang, rows: &[Row]) -> Result<Vec<Value>, Objections> {
    let mut objections = Objections::default();
    if rows.is_empty() {
        objections.whole =
            Some(lang.t("O orçamento precisa de uma linha.", "The quote needs a line.").to_owned());
    }
    let lines =
        rows.iter().enumerate().filter_map(|(place, row)| line(lang, place, row, &mut objections)).collect();
    if objections.is_empty() { Ok(lines) } else { Err(objections) }
}

fn line(lang: Lang, place: usize, row: &Row, objections: &mut Objections) -> Option<Value> {
    let quantity =
        if row.quantity.is_empty() { Some(json!(Quantity::ONE)) } else { quantity(lang, &row.quantity) };
    let price = show::typed_amount(lang, &row.price);
    let count = objections.fields().count();
    if row.name.is_empty() {
        objections.add(&field("line", place), lang.t("diga o que é", "say what it is"));
    }
    if quantity.is_none() {
        objections.add(
            &field("quantity", place),
            lang.t("deve ser uma quantidade, como 1 ou 2,5", "must be a quantity, such as 1 or 2.5"),
        );
    }
    if price.is_none() {
        objections.add(
            &field("price", place),
            lang.t("deve ser um preço, como 89,90", "must be a price, such as 89.90"),
        );
    }
    if objections.fields().count() > count {
        return None;
    }
    let mut line = json!({ "name": row.name, "quantity": quantity?, "unitPrice": price? });
    match row.of.split_once(':') {
        Some(("part", id)) => line["partId"] = json!(id),
        Some(("service", id)) => line["serviceId"] = json!(id),
        _ => {}
    }
    Some(line)
}

/// A quantity as Billing reads it. Whether it is allowed is Billing's to say.
fn quantity(lang: Lang, text: &str) -> Option<Value> {
    let number = show::typed_quantity(lang, text)?.normalize().to_string();
    number.parse::<serde_json::Number>().ok().map(Value::Number)
}

/// What Billing objects to, at the rows' own fields.
pub(super) fn objections(lang: Lang, refusal: &Refusal) -> Objections {
    let mut objections = Objections::default();
    for error in &refusal.errors {
        let words = trouble::objection(lang, &error.detail);
        let place = error.field.strip_prefix("items[").and_then(|rest| rest.split_once(']'));
        let place = place
            .and_then(|(place, rest)| Some((place.parse::<usize>().ok()?, rest.trim_start_matches('.'))));
        match place {
            Some((place, "quantity")) => objections.add(&field("quantity", place), words),
            Some((place, "unitPrice")) => objections.add(&field("price", place), words),
            Some((place, _)) => objections.add(&field("line", place), words),
            None => objections.whole = Some(words),
        }
    }
    if objections.is_empty() { Objections::whole(trouble::refused(lang, refusal)) } else { objections }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, quantity: &str, price: &str, of: &str) -> Row {
        Row { name: name.into(), quantity: quantity.into(), price: price.into(), of: of.into() }
    }

    #[test]
    fn rows_become_lines() {
        let lines =
            lines(Lang::Pt, &[row("Óleo", "4,5", "39,90", "part:7"), row("Mão de obra", "", "1.200", "")])
                .unwrap();
        assert_eq!(lines[0], json!({ "name": "Óleo", "quantity": 4.5, "unitPrice": 39.9, "partId": "7" }));
        assert_eq!(lines[1], json!({ "name": "Mão de obra", "quantity": 1, "unitPrice": 1200 }));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_row() {
        let objections = lines(Lang::Pt, &[row("Óleo", "x", "39,90", ""), row("", "1", "", "")]).unwrap_err();
        let named: Vec<&str> = objections.fields().map(|(field, _)| field).collect();
        assert_eq!(named, ["quantity-0", "line-1", "price-1"]);
        assert!(lines(Lang::Pt, &[]).unwrap_err().whole.is_some());
    }

    #[test]
    fn empty_rows_are_none() {
        let form = Form::parse(b"line=A&quantity=1&price=2&of=&line=&quantity=1&price=&of=");
        assert_eq!(read(&form).len(), 1);
    }
}
