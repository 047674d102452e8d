//! Everything as lists for spreadsheets: what the services list, row by row, as the page's language writes numbers. Cells
//! that a spreadsheet would take for a formula are made text.

use axum::{
    Router,
    extract::Path,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use garage_events::Service;
use garage_kit::Failure;
use maud::html;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    app::App,
    lang::Lang,
    show,
    trouble::Trouble,
    ui::{self, Page, Place},
    visitor::SignedIn,
};

/// A list: its name in the address, who has it, under which path, and its columns.
struct List {
    name: &'static str,
    at: Service,
    path: &'static str,
    columns: &'static [&'static str],
}

const LISTS: [List; 8] = [
    List {
        name: "customers",
        at: Service::Os,
        path: "/customers?limit=200",
        columns: &["id", "name", "personType", "document", "phone", "email", "createdAt", "erasedAt"],
    },
    List {
        name: "vehicles",
        at: Service::Os,
        path: "/vehicles?limit=200",
        columns: &["id", "plate", "brand", "model", "year", "color", "vin", "customerId", "createdAt"],
    },
    List {
        name: "work-orders",
        at: Service::Os,
        path: "/work-orders?limit=200",
        columns: &[
            "id",
            "status",
            "plate",
            "description",
            "customerId",
            "vehicleId",
            "totalAmount",
            "estimatedCompletionDate",
            "cancellationReason",
            "failureReason",
            "createdAt",
            "updatedAt",
        ],
    },
    List {
        name: "quotes",
        at: Service::Billing,
        path: "/quotes?limit=200",
        columns: &[
            "id",
            "workOrderId",
            "status",
            "totalAmount",
            "validUntil",
            "sentAt",
            "approvedAt",
            "approvedBy",
            "rejectionReason",
            "createdAt",
        ],
    },
    List {
        name: "payments",
        at: Service::Billing,
        path: "/payments?limit=200",
        columns: &[
            "id",
            "workOrderId",
            "paymentMethod",
            "amount",
            "status",
            "reason",
            "approvedAt",
            "refundedAt",
            "createdAt",
            "refundedAmount",
        ],
    },
    List {
        name: "executions",
        at: Service::Execution,
        path: "/executions?limit=200",
        columns: &[
            "id",
            "workOrderId",
            "status",
            "priority",
            "technicianId",
            "diagnosisNotes",
            "repairNotes",
            "queuedAt",
            "startedAt",
            "completedAt",
        ],
    },
    List {
        name: "parts",
        at: Service::Billing,
        path: "/parts?limit=200",
        columns: &[
            "id",
            "partNumber",
            "name",
            "price",
            "costPrice",
            "stockQuantity",
            "reserved",
            "free",
            "minStockLevel",
            "unit",
            "category",
            "supplier",
        ],
    },
    List {
        name: "services",
        at: Service::Billing,
        path: "/services?limit=200",
        columns: &["id", "name", "price", "duration", "active"],
    },
];

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/export", get(choose)).route("/export/{file}", get(export))
}

async fn choose(by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    let lang = by.lang;
    let title = lang.t("Exportar", "Export");
    Ok(ui::page(
        &Page::of(&by, title, Some(Place::Dashboard), "/export"),
        html! {
            h1 { (title) }
            p { (lang.t("Cada lista inteira, como CSV para planilhas.", "Each whole list, as CSV for spreadsheets.")) }
            ul class="rows card" {
                @for list in &LISTS { li { a href={ "/export/" (list.name) ".csv" } { span class="grow" { (called(lang, list.name)) } span class="quiet" { (list.name) ".csv" } } } }
            }
        },
    ))
}

fn called(lang: Lang, name: &'static str) -> &'static str {
    match name {
        "customers" => lang.t("Clientes", "Customers"),
        "vehicles" => lang.t("Veículos", "Vehicles"),
        "work-orders" => lang.t("Ordens de serviço", "Work orders"),
        "quotes" => lang.t("Orçamentos", "Quotes"),
        "payments" => lang.t("Pagamentos", "Payments"),
        "executions" => lang.t("Trabalhos da oficina", "The workshop's jobs"),
        "parts" => lang.t("Peças", "Parts"),
        "services" => lang.t("Serviços", "Services"),
        other => other,
    }
}

async fn export(by: SignedIn, Path(file): Path<String>) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let name = file.strip_suffix(".csv").ok_or(Trouble::NotFound)?;
    let list = LISTS.iter().find(|list| list.name == name).ok_or(Trouble::NotFound)?;
    let rows: Vec<Value> = by.asker.all(list.at, list.path).await?;
    let text =
        written(by.lang, list.columns, &rows).map_err(|cause| Failure::lasting("writing a list", cause))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.csv\"")),
    ];
    Ok((headers, text).into_response())
}

/// With the mark by which spreadsheets know UTF-8. Where a comma ends a number's whole part, a semicolon ends a cell.
fn written(lang: Lang, columns: &[&str], rows: &[Value]) -> Result<Vec<u8>, csv::Error> {
    let delimiter = if lang == Lang::Pt { b';' } else { b',' };
    let mut writer =
        csv::WriterBuilder::new().delimiter(delimiter).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| cell(lang, &row[*column])))?;
    }
    writer.into_inner().map_err(|cause| cause.into_error().into())
}

fn cell(lang: Lang, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Number(number) => {
            let decimal = Decimal::from_str_exact(&number.to_string());
            decimal.map_or_else(|_| number.to_string(), |decimal| show::typed(lang, decimal))
        }
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(lang: Lang) -> String {
        let rows =
            [json!({ "name": "Óleo; 5W30", "price": 39.9 }), json!({ "name": "=cmd()", "price": null })];
        String::from_utf8(written(lang, &["name", "price"], &rows).unwrap()).unwrap()
    }

    #[test]
    fn a_list_reads_as_the_language_s_spreadsheets_do() {
        assert_eq!(text(Lang::Pt), "\u{feff}name;price\n\"Óleo; 5W30\";39,9\n'=cmd();\n");
        assert_eq!(text(Lang::En), "\u{feff}name,price\nÓleo; 5W30,39.9\n'=cmd(),\n");
    }
}
