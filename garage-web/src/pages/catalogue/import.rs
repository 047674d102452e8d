//! A list of parts, as a spreadsheet gives it or as these pages export it: each row is a part, known by its number. Rows
//! that Billing refuses are said with their line; the others are in.

use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use garage_events::Service;
use maud::html;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    pages::search::path_with,
    services::{Beside, No, view::Part},
    show,
    trouble::{self, Trouble},
    ui::{self, Field, Page, Place, area, hidden, summary},
    visitor::SignedIn,
};

/// A paste holds no more.
const MOST: usize = 2000;

/// A row as Billing reads it, with its line in the list.
#[derive(Debug, PartialEq)]
struct Row {
    line: u64,
    part: Result<Map<String, Value>, String>,
}

/// What became of a list.
#[derive(Default)]
struct Outcome {
    added: usize,
    changed: usize,
    refused: Vec<String>,
}

pub(super) async fn ask(by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    Ok(page(&by, &Form::default(), &Objections::default(), None))
}

fn page(by: &SignedIn, form: &Form, objections: &Objections, outcome: Option<&Outcome>) -> Html<String> {
    let lang = by.lang;
    let title = lang.t("Importar peças", "Import parts");
    let list = Field::text(
        "list",
        lang.t(
            "Lista, com os nomes das colunas na primeira linha",
            "List, with the names of its columns in the first line",
        ),
    );
    let hint = lang.t(
        "Colunas: partNumber, name, price; e, se quiser, costPrice, stockQuantity, minStockLevel, unit, category, supplier. Separadas por ; ou , ou tabulação.",
        "Columns: partNumber, name, price; and, if you like, costPrice, stockQuantity, minStockLevel, unit, category, supplier. With ; or , or tabs between.",
    );
    ui::page(
        &Page::of(by, title, Some(Place::Catalogue), "/parts/import"),
        html! {
            div class="head" { h1 { (title) } a href="/parts" { (lang.t("Voltar às peças", "Back to the parts")) } }
            (summary(lang, objections))
            @if let Some(outcome) = outcome {
                (ui::notice(&format!("{}: {} · {}: {}", lang.t("Novas", "New"), outcome.added, lang.t("mudadas", "changed"), outcome.changed)))
                @if !outcome.refused.is_empty() {
                    div class="alarm" role="alert" { ul { @for words in &outcome.refused { li { (words) } } } }
                }
            }
            form class="card" method="post" action="/parts/import" {
                (hidden(WORD, &by.word))
                (area(Field { most: 400_000, ..list.required().hint(hint) }, form, objections))
                div class="bar" { button class="primary" { (lang.t("Importar", "Import")) } }
            }
        },
    )
}

pub(super) async fn import(State(_): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let rows = match rows(by.lang, form.raw("list")) {
        Ok(rows) => rows,
        Err(words) => {
            let mut objections = Objections::default();
            objections.add("list", words);
            return Ok(
                (StatusCode::UNPROCESSABLE_ENTITY, page(&by, &form, &objections, None)).into_response()
            );
        }
    };
    let mut outcome = Outcome::default();
    for Row { line, part } in rows {
        let kept = match part {
            Ok(part) => keep(&by, part, &mut outcome).await?,
            Err(words) => Err(words),
        };
        outcome
            .refused
            .extend(kept.err().map(|words| format!("{} {line}: {words}", by.lang.t("Linha", "Line"))));
    }
    Ok(page(&by, &Form::default(), &Objections::default(), Some(&outcome)).into_response())
}

/// Adds a part, or changes the one that has its number.
async fn keep(
    by: &SignedIn,
    part: Map<String, Value>,
    outcome: &mut Outcome,
) -> Result<Result<(), String>, Trouble> {
    let number = part["partNumber"].as_str().unwrap_or_default().to_owned();
    let body = Value::Object(part);
    let made = by
        .asker
        .tell::<Value>(Service::Billing, Method::POST, "/parts", Some(&body), Beside::default())
        .await;
    let refusal = match made {
        Ok(_) => {
            outcome.added += 1;
            return Ok(Ok(()));
        }
        Err(No::Refused(refusal)) => refusal,
        Err(no) => return Err(no.into()),
    };
    let same = |part: &Part| part.part_number.eq_ignore_ascii_case(&number);
    let found = by.asker.list::<Part>(Service::Billing, &path_with("/parts?limit=50", "q", &number)).await?;
    let (409, Some(known)) = (refusal.status, found.into_iter().find(same)) else {
        return Ok(Err(said(by.lang, &refusal)));
    };
    let path = format!("/parts/{}", known.id);
    match by.asker.tell::<Value>(Service::Billing, Method::PATCH, &path, Some(&body), Beside::default()).await
    {
        Ok(_) => {
            outcome.changed += 1;
            Ok(Ok(()))
        }
        Err(No::Refused(refusal)) => Ok(Err(said(by.lang, &refusal))),
        Err(no) => Err(no.into()),
    }
}

fn said(lang: Lang, refusal: &crate::services::Refusal) -> String {
    let fields = refusal
        .errors
        .iter()
        .map(|error| format!("{} {}", error.field, trouble::objection(lang, &error.detail)));
    let fields: Vec<String> = fields.collect();
    if fields.is_empty() { trouble::refused(lang, refusal) } else { fields.join("; ") }
}

/// The rows of a list, or what is wrong with the whole of it.
fn rows(lang: Lang, list: &str) -> Result<Vec<Row>, String> {
    let list = list.trim_start_matches('\u{feff}').trim();
    let head = list.lines().next().unwrap_or_default();
    let delimiter =
        [b';', b'\t', b','].into_iter().find(|byte| head.as_bytes().contains(byte)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(list.as_bytes());
    let columns: Vec<String> =
        reader.headers().map_err(|cause| cause.to_string())?.iter().map(str::to_owned).collect();
    if let Some(missing) =
        ["partNumber", "name", "price"].iter().find(|name| !columns.iter().any(|column| column == *name))
    {
        return Err(format!("{} {missing}", lang.t("falta a coluna", "there is no column")));
    }
    let read = reader.records().take(MOST).map(|record| {
        let record = record.map_err(|cause| cause.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Row { line, part: part(lang, &columns, &record) })
    });
    read.collect()
}

fn part(lang: Lang, columns: &[String], record: &csv::StringRecord) -> Result<Map<String, Value>, String> {
    let mut part = Map::new();
    for (column, cell) in columns.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        let wrong = |what: &str| format!("{column}: {cell:?} {what}");
        let value = match column.as_str() {
            "price" | "costPrice" => {
                let amount = show::typed_amount(lang, cell);
                json!(amount.ok_or_else(|| wrong(lang.t("não é um valor", "is no amount")))?)
            }
            "stockQuantity" => super::typed_units(lang, cell)
                .ok_or_else(|| wrong(lang.t("não é um número", "is no number")))?,
            "minStockLevel" => {
                json!(
                    cell.parse::<u32>()
                        .map_err(|_| wrong(lang.t("não é um número inteiro", "is no whole number")))?
                )
            }
            "name" | "partNumber" | "unit" | "category" | "supplier" => json!(cell),
            _ => continue,
        };
        part.insert(column.clone(), value);
    }
    let missing = ["partNumber", "name", "price"].into_iter().find(|name| !part.contains_key(*name));
    missing.map_or(Ok(part), |name| Err(format!("{name}: {}", lang.t("é obrigatório", "is required"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_these_pages_export_they_read() {
        let list = "\u{feff}id;partNumber;name;price;costPrice;stockQuantity\nx;PF-1;\"Pastilha; dianteira\";1.129,90;;4,5\n";
        let rows = rows(Lang::Pt, list).unwrap();
        let part = rows[0].part.as_ref().unwrap();
        assert_eq!(
            Value::Object(part.clone()),
            json!({ "partNumber": "PF-1", "name": "Pastilha; dianteira", "price": 1129.9, "stockQuantity": 4.5 })
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert_eq!(rows(Lang::En, "name,price\nA,1"), Err("there is no column partNumber".to_owned()));
        let rows = rows(Lang::En, "partNumber,name,price\nA,B,dear\nA,,3").unwrap();
        assert_eq!((rows[0].line, rows[1].line), (2, 3));
        assert_eq!(rows[0].part, Err("price: \"dear\" is no amount".to_owned()));
        assert_eq!(rows[1].part, Err("name: is required".to_owned()));
    }
}
