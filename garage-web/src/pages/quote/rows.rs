//! The editor's rows: fields that repeat, one set per line, in the order in which they stand. A row without a name and a
//! price is none; what a row lacks or has wrong is said beside it. A row knows which of the quote's lines it shows, as
//! people see a line in their own words and without all that it has.

use garage_events::{Cents, Quantity};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::validity;
use crate::{
    form::{self, Form, Objections},
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
    /// The place among the quote's lines of the one that it shows.
    pub(super) was: Option<usize>,
}

impl Row {
    /// A line that there is, and where.
    fn of(lang: Lang, place: usize, line: &Line) -> Self {
        let part = line.part_id.map(|id| format!("part:{id}"));
        let service = line.service_id.map(|id| format!("service:{id}"));
        Self {
            name: as_typed(lang, &line.name),
            quantity: show::typed(lang, line.quantity.decimal()),
            price: line.unit_price.map(|price| show::typed_money(lang, price)).unwrap_or_default(),
            of: part.or(service).unwrap_or_default(),
            was: Some(place),
        }
    }

    /// The line that it shows.
    pub(super) fn line<'a>(&self, items: &'a [Line]) -> Option<&'a Line> {
        items.get(self.was?)
    }

    const fn is_blank(&self) -> bool {
        self.name.is_empty() && self.price.is_empty()
    }

    /// Quantity times price, where both can be read.
    fn total(&self, lang: Lang) -> Option<Cents> {
        let quantity = if self.quantity.is_empty() {
            Some(Decimal::ONE)
        } else {
            show::typed_quantity(lang, &self.quantity)
        };
        show::typed_amount(lang, &self.price)?.times(quantity?)
    }
}

/// A line's name as its field sends it back: in one line, without blanks around it.
fn as_typed(lang: Lang, name: &str) -> String {
    show::line_name(lang, name).replace(['\r', '\n'], "").trim().to_owned()
}

/// The rows of a quote's lines.
pub(super) fn of(lang: Lang, items: &[Line]) -> Vec<Row> {
    items.iter().enumerate().map(|(place, line)| Row::of(lang, place, line)).collect()
}

/// The rows of a form, without the one that stood at this place.
pub(super) fn read(form: &Form, removed: Option<usize>) -> Vec<Row> {
    let was: Vec<&str> = form.all("was").collect();
    let rows = form.all("line").zip(form.all("quantity")).zip(form.all("price")).zip(form.all("of"));
    let rows = rows.enumerate().map(|(place, (((name, quantity), price), of))| {
        let was = was.get(place).and_then(|was| was.parse().ok());
        let (name, quantity, price) = (name.to_owned(), quantity.to_owned(), price.to_owned());
        (place, Row { name, quantity, price, of: of.to_owned(), was })
    });
    let left = rows.filter(|(place, row)| Some(*place) != removed && !row.is_blank());
    left.map(|(_, row)| row).collect()
}

/// What they cost in all; a row that cannot be read yet costs nothing.
pub(super) fn total(lang: Lang, rows: &[Row]) -> Cents {
    rows.iter().filter_map(|row| row.total(lang)).sum()
}

/// The name of a row's field, for what is said about it.
pub(super) fn field(kind: &str, place: usize) -> String {
    format!("{kind}-{place}")
}

/// The lines as Billing reads them, or all that is wrong with the rows.
pub(super) fn lines(lang: Lang, rows: &[Row], items: &[Line]) -> Result<Vec<Value>, Objections> {
    let mut objections = Objections::default();
    if rows.is_empty() {
        objections.whole =
            Some(lang.t("O orçamento precisa de uma linha.", "The quote needs a line.").to_owned());
    }
    let lines = rows
        .iter()
        .enumerate()
        .filter_map(|(place, row)| line(lang, place, row, row.line(items), &mut objections))
        .collect();
    if objections.is_empty() { Ok(lines) } else { Err(objections) }
}

/// Whether these lines are the quote's own.
pub(super) fn are_those(lang: Lang, written: &[Value], items: &[Line]) -> bool {
    lines(lang, &of(lang, items), items).is_ok_and(|lines| lines == written)
}

fn line(
    lang: Lang,
    place: usize,
    row: &Row,
    was: Option<&Line>,
    objections: &mut Objections,
) -> Option<Value> {
    let quantity = if row.quantity.is_empty() {
        Some(json!(Quantity::ONE))
    } else {
        form::quantity(lang, &row.quantity)
    };
    let price = show::typed_amount(lang, &row.price);
    let count = objections.fields().count();
    if row.name.is_empty() {
        objections.add(&field("line", place), lang.t("diga o que é", "say what it is"));
    }
    if quantity.is_none() {
        objections.add(&field("quantity", place), form::no_quantity(lang));
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
    let mut line = json!({ "name": name(lang, row, was), "quantity": quantity?, "unitPrice": price? });
    if let Some(description) = was.and_then(|was| was.description.as_deref()) {
        line["description"] = json!(description);
    }
    match row.of.split_once(':') {
        Some(("part", id)) => line["partId"] = json!(id),
        Some(("service", id)) => line["serviceId"] = json!(id),
        _ => {}
    }
    Some(line)
}

/// The name as it was stored, unless another one was typed.
fn name<'a>(lang: Lang, row: &'a Row, was: Option<&'a Line>) -> &'a str {
    let stored = was.filter(|was| as_typed(lang, &was.name) == row.name);
    stored.map_or(&row.name, |was| &was.name)
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
            None if error.field == "validUntil" => objections.add(validity::FIELD, validity::past(lang)),
            None => objections.whole = Some(words),
        }
    }
    if objections.is_empty() { Objections::whole(trouble::refused(lang, refusal)) } else { objections }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, quantity: &str, price: &str, of: &str) -> Row {
        Row { name: name.into(), quantity: quantity.into(), price: price.into(), of: of.into(), was: None }
    }

    fn form(rows: &[[&str; 2]]) -> Form {
        let fields = |[name, price]: &[&str; 2]| format!("was=&of=&line={name}&quantity=1&price={price}");
        Form::parse(rows.iter().map(fields).collect::<Vec<_>>().join("&").as_bytes())
    }

    fn names(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.name.as_str()).collect()
    }

    /// What Billing writes by itself, and a part with words of its own.
    fn stored() -> Vec<Line> {
        let part = "0190f5a0-0000-7000-8000-000000000001";
        let lines = json!([
            { "name": "Diagnosis", "description": null, "quantity": 1, "unitPrice": 350.9, "totalPrice": 350.9 },
            { "name": "Pastilha", "description": "com\nlimpeza", "quantity": 2.5, "unitPrice": 1200, "totalPrice": 3000,
                "partId": part },
        ]);
        serde_json::from_value(lines).unwrap()
    }

    #[test]
    fn rows_become_lines() {
        let rows = [row("Óleo", "4,5", "39,90", "part:7"), row("Mão de obra", "", "1.200", "")];
        let lines = lines(Lang::Pt, &rows, &[]).unwrap();
        assert_eq!(lines[0], json!({ "name": "Óleo", "quantity": 4.5, "unitPrice": 39.9, "partId": "7" }));
        assert_eq!(lines[1], json!({ "name": "Mão de obra", "quantity": 1, "unitPrice": 1200 }));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_row() {
        let rows = [row("Óleo", "x", "39,90", ""), row("", "1", "", "")];
        let objections = lines(Lang::Pt, &rows, &[]).unwrap_err();
        let named: Vec<&str> = objections.fields().map(|(field, _)| field).collect();
        assert_eq!(named, ["quantity-0", "line-1", "price-1"]);
        assert!(lines(Lang::Pt, &[], &[]).unwrap_err().whole.is_some());
    }

    #[test]
    fn empty_rows_are_none() {
        assert_eq!(names(&read(&form(&[["A", "2"], ["", ""]]), None)), ["A"]);
    }

    #[test]
    fn the_row_that_is_removed_is_the_one_beside_the_button() {
        let cleared = form(&[["", ""], ["B", "2"], ["C", "3"], ["", ""]]);
        assert_eq!(names(&read(&cleared, Some(1))), ["C"]);
        assert_eq!(names(&read(&cleared, Some(9))), ["B", "C"]);
    }

    #[test]
    fn lines_that_nobody_touched_are_written_as_they_were() {
        let items = stored();
        for lang in [Lang::Pt, Lang::En] {
            let lines = lines(lang, &of(lang, &items), &items).unwrap();
            assert_eq!(lines[0], json!({ "name": "Diagnosis", "quantity": 1, "unitPrice": 350.9 }));
            assert_eq!(lines[1]["description"], "com\nlimpeza");
            assert!(are_those(lang, &lines, &items));
        }
    }

    #[test]
    fn a_line_under_another_name_or_price_is_another_text() {
        let items = stored();
        let changed = |change: fn(&mut Row)| {
            let mut rows = of(Lang::Pt, &items);
            change(&mut rows[0]);
            lines(Lang::Pt, &rows, &items).unwrap()
        };
        let renamed = changed(|row| row.name = "Freio".to_owned());
        assert_eq!(renamed[0]["name"], "Freio");
        assert!(!are_those(Lang::Pt, &renamed, &items));
        assert!(!are_those(Lang::Pt, &changed(|row| row.price = "351".to_owned()), &items));
        assert!(are_those(Lang::Pt, &changed(|row| row.price = "350,9".to_owned()), &items));
    }

    #[test]
    fn the_sum_counts_what_can_be_read() {
        let rows = [row("A", "2,5", "10", ""), row("B", "", "1,50", ""), row("C", "1", "caro", "")];
        assert_eq!(total(Lang::Pt, &rows), Cents::new(2650).unwrap());
    }
}
