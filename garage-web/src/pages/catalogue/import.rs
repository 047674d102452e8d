//! A list of parts, as a spreadsheet gives it or as these pages export it: each row is a part, known by its number. Rows
//! that Billing refuses are said with their line; the others are in. The count of a part that is there already moves with
//! the work, so a list, which may be of yesterday, leaves it alone unless it is said to be a stocktaking.

use axum::{
    extract::State,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    pages::search::path_with,
    services::{Asker, Beside, No, Refusal, view::Part},
    show,
    trouble::{self, Trouble},
    ui::{self, Field, Page, Place, area, hidden, summary},
    visitor::SignedIn,
};

/// A list holds no more rows.
const MOST: usize = 2000;
/// The box that says that the list's counts are those of the shelf.
const STOCK: &str = "set-stock";

/// A row as Billing reads it, with its line in the list.
#[derive(Debug, PartialEq)]
struct Row {
    line: u64,
    part: Result<Map<String, Value>, String>,
}

/// What became of a list.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    added: usize,
    changed: usize,
    refused: Vec<String>,
    /// Where it ended early, and why.
    stopped: Option<String>,
}

/// What became of a row.
enum Kept {
    Added,
    Changed,
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
            @if let Some(outcome) = outcome { (told(lang, outcome)) }
            form class="card" method="post" action="/parts/import" {
                (hidden(WORD, &by.word))
                (area(Field { most: 400_000, ..list.required().hint(hint) }, form, objections))
                label class="check" {
                    input type="checkbox" name=(STOCK) value="yes" checked[form.has(STOCK)];
                    (lang.t("Ajustar também o estoque das peças que já existem", "Also set the stock of the parts that are there already"))
                }
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
    let outcome = keep_all(&by.asker, by.lang, rows, form.has(STOCK)).await;
    // What did not go in stays to be sent again; what did is only changed by that.
    let form = if outcome.stopped.is_some() { form } else { Form::default() };
    Ok(page(&by, &form, &Objections::default(), Some(&outcome)).into_response())
}

fn told(lang: Lang, outcome: &Outcome) -> Markup {
    let Outcome { added, changed, refused, stopped } = outcome;
    html! {
        (ui::notice(&format!("{}: {added} · {}: {changed}", lang.t("Novas", "New"), lang.t("mudadas", "changed"))))
        @if let Some(words) = stopped { (ui::alarm(words)) }
        @if !refused.is_empty() {
            div class="alarm" role="alert" { ul { @for words in refused { li { (words) } } } }
        }
    }
}

/// One row after the other, until Billing does not answer.
async fn keep_all(asker: &Asker, lang: Lang, rows: Vec<Row>, sets_stock: bool) -> Outcome {
    let mut outcome = Outcome::default();
    for Row { line, part } in rows {
        let at = format!("{} {line}", lang.t("Linha", "Line"));
        let part = match part {
            Ok(part) => part,
            Err(words) => {
                outcome.refused.push(format!("{at}: {words}"));
                continue;
            }
        };
        match keep(asker, part, sets_stock).await {
            Ok(Kept::Added) => outcome.added += 1,
            Ok(Kept::Changed) => outcome.changed += 1,
            Err(No::Refused(refusal)) => outcome.refused.push(format!("{at}: {}", said(lang, &refusal))),
            Err(No::Away(service, cause)) => {
                tracing::warn!(service = service.word(), cause, line, "an import stopped");
                outcome.stopped = Some(stopped(lang, service, &at));
                break;
            }
        }
    }
    outcome
}

fn stopped(lang: Lang, service: Service, at: &str) -> String {
    let ended = lang.t(
        "a importação parou aqui, e o resto não entrou",
        "the import stopped here, and the rest is not in",
    );
    let again = lang.t("Importe a lista de novo para continuar.", "Import the list again to go on.");
    format!("{at}: {ended}. {} {again}", trouble::away(lang, service))
}

/// Adds a part, or changes the one that has its number.
async fn keep(asker: &Asker, mut part: Map<String, Value>, sets_stock: bool) -> Result<Kept, No> {
    let number = part["partNumber"].as_str().unwrap_or_default().to_owned();
    let body = Value::Object(part.clone());
    let made =
        asker.tell::<Value>(Service::Billing, Method::POST, "/parts", Some(&body), Beside::default()).await;
    let refusal = match made {
        Ok(_) => return Ok(Kept::Added),
        Err(No::Refused(refusal)) if refusal.status == 409 => refusal,
        Err(no) => return Err(no),
    };
    let same = |part: &Part| part.part_number.eq_ignore_ascii_case(&number);
    let found = asker.list::<Part>(Service::Billing, &path_with("/parts?limit=50", "q", &number)).await?;
    let Some(known) = found.into_iter().find(same) else { return Err(No::Refused(refusal)) };
    if !sets_stock {
        part.remove("stockQuantity");
    }
    let (path, body) = (format!("/parts/{}", known.id), Value::Object(part));
    asker.tell::<Value>(Service::Billing, Method::PATCH, &path, Some(&body), Beside::default()).await?;
    Ok(Kept::Changed)
}

fn said(lang: Lang, refusal: &Refusal) -> String {
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
    if let Some(twice) = named_twice(&columns) {
        return Err(format!(
            "{} {twice}",
            lang.t("aparece mais de uma vez a coluna", "there is more than one column")
        ));
    }
    let read = reader.records().take(MOST + 1).map(|record| {
        let record = record.map_err(|cause| cause.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        Ok(Row { line, part: part(lang, &columns, &record) })
    });
    let rows = read.collect::<Result<Vec<Row>, String>>()?;
    if rows.len() > MOST { Err(too_long(lang)) } else { Ok(rows) }
}

/// A name that two columns have. A column without a name is none.
fn named_twice(columns: &[String]) -> Option<&String> {
    let is_again = |(place, name): &(usize, &String)| !name.is_empty() && columns[..*place].contains(name);
    columns.iter().enumerate().find(is_again).map(|(_, name)| name)
}

fn too_long(lang: Lang) -> String {
    let (most, split) = (
        lang.t("uma lista tem no máximo", "a list has at most"),
        lang.t("linhas; divida-a: nada dela entrou", "rows; divide it: nothing of it is in"),
    );
    format!("{most} {MOST} {split}")
}

/// What is said of a row with more cells than there are columns, such as one with `35,90` between commas and without
/// quotation marks: which cell belongs where would be a guess.
fn too_wide(lang: Lang, cells: usize, columns: usize) -> String {
    let (has, of) = (lang.t("células", "cells"), lang.t("colunas", "columns"));
    let quoted = lang.t(
        "um valor que contém o separador fica entre aspas",
        "a value with the separator in it stands in quotation marks",
    );
    format!("{cells} {has}, {columns} {of}; {quoted}")
}

fn part(lang: Lang, columns: &[String], record: &csv::StringRecord) -> Result<Map<String, Value>, String> {
    if record.len() > columns.len() {
        return Err(too_wide(lang, record.len(), columns.len()));
    }
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
    use std::sync::Arc;

    use axum::{Json, Router, routing::post};
    use tokio::{net::TcpListener, sync::Mutex};

    use super::*;
    use crate::services::Services;

    /// A Billing that answers so many posts with these statuses, and is away after the last.
    async fn billing(statuses: &'static [u16]) -> Asker {
        let left = Arc::new(Mutex::new(statuses.iter().copied()));
        let answer = move || async move {
            let status = left.lock().await.next().and_then(|status| StatusCode::from_u16(status).ok());
            (status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE), Json(json!({ "detail": "no" })))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/parts", post(answer))).await });
        garage_kit::program::install_crypto();
        Services::new([url.clone(), url.clone(), url]).unwrap().asked_with("token".to_owned())
    }

    #[tokio::test]
    async fn what_went_in_before_billing_was_away_is_said_with_the_row_that_stopped_it() {
        let asker = billing(&[201, 400, 201]).await;
        let list =
            rows(Lang::En, "partNumber,name,price\nA,A,1\nB,B,2\nC,C,dear\nD,D,4\nE,E,5\nF,F,6").unwrap();
        let outcome = keep_all(&asker, Lang::En, list, false).await;
        assert_eq!((outcome.added, outcome.changed, outcome.refused.len()), (2, 0, 2));
        let stopped = outcome.stopped.unwrap();
        assert!(stopped.starts_with("Line 6: the import stopped here"), "{stopped}");
    }

    #[test]
    fn a_list_that_is_too_long_is_refused_as_a_whole() {
        let list = |rows: usize| format!("partNumber,name,price\n{}", "A,B,1\n".repeat(rows));
        assert_eq!(rows(Lang::En, &list(MOST)).unwrap().len(), MOST);
        let refused = rows(Lang::En, &list(MOST + 1)).unwrap_err();
        assert!(refused.contains("at most 2000 rows"), "{refused}");
    }

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

    #[test]
    fn a_row_with_more_cells_than_columns_is_refused_with_its_line() {
        let head = "partNumber,name,price,stockQuantity";
        let list =
            format!("{head}\nCM-1,Filtro de ar,35,90,10\nCM-2,Filtro,35,90,\nCM-3,Filtro,\"35,90\",10");
        let rows = rows(Lang::Pt, &list).unwrap();
        let refused = "5 células, 4 colunas; um valor que contém o separador fica entre aspas".to_owned();
        assert_eq!((rows[0].line, &rows[0].part), (2, &Err(refused.clone())));
        assert_eq!(
            (rows[1].line, &rows[1].part),
            (3, &Err(refused)),
            "an empty cell moves the others as well"
        );
        assert_eq!(rows[2].part.as_ref().unwrap()["price"], json!(35.9));
    }

    #[test]
    fn a_column_that_is_named_twice_is_refused_with_the_whole_list() {
        let refused = rows(Lang::En, "partNumber,name,price,price\nA,B,1,2");
        assert_eq!(refused, Err("there is more than one column price".to_owned()));
        assert!(rows(Lang::En, "partNumber,name,price,,\nA,B,1,,").is_ok());
    }

    #[test]
    fn a_count_in_thousands_is_read_as_a_price_is() {
        let rows = rows(Lang::Pt, "partNumber;name;price;stockQuantity\nA;B;1.234;1.000").unwrap();
        let part = rows[0].part.as_ref().unwrap();
        assert_eq!((&part["price"], &part["stockQuantity"]), (&json!(1234), &json!(1000)));
    }
}
