//! The quote as a file to keep or to pass on: the sheet's words on as many pages as they need.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use super::paper::{self, About};
use crate::{
    pages::order::{columns, groups},
    pdf::{Cell, Document, Style, WIDTH},
    services::view::Quote,
    show,
};

/// Where the three numbers of a line begin, and how wide each is.
const NUMBERS: [(f32, f32); 3] = [(270.0, 49.0), (319.0, 90.0), (409.0, WIDTH - 409.0)];
/// What is left of the line for its name.
const NAMES: f32 = 262.0;
/// The names of facts.
const LABELS: f32 = 110.0;
const CODE: f32 = 90.0;

/// The quote as a download; with `link`, the customer's link as a code, and a place to sign, while it is to be answered.
pub(in crate::pages) fn quote(about: &About<'_>, quote: &Quote, link: Option<&str>) -> Response {
    let name = about.lang.t("orcamento", "quote");
    let name = format!("{name}-{}.pdf", show::number_of(about.order.id.0));
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, written(about, quote, link)).into_response()
}

fn written(about: &About<'_>, quote: &Quote, link: Option<&str>) -> Vec<u8> {
    let lang = about.lang;
    let mut document = Document::new();
    head(&mut document, about);
    lines(&mut document, about, quote);
    document.text(Style::STRONG, &about.standing(quote));
    document.text(Style::TEXT, &about.terms(quote));
    if let Some(link) = link.filter(|_| paper::is_to_answer(quote)) {
        document.gap(12.0);
        document.text(Style::TEXT, paper::follow(lang));
        document.gap(4.0);
        document.qr(link, CODE);
        document.gap(36.0);
        document.rule(WIDTH / 2.0);
        document.text(Style::SMALL, paper::signature(lang));
    }
    document.gap(12.0);
    document.text(Style::SMALL, paper::no_tax_document(lang));
    let title = format!("{} · {}", paper::title(lang), about.number());
    document.finish(&title, lang.code(), |page, of| {
        format!("{title} · {} {page} {} {of}", lang.t("página", "page"), lang.t("de", "of"))
    })
}

fn head(document: &mut Document, about: &About<'_>) {
    document.text(Style::TITLE, about.shop());
    if let Some(phone) = about.phone() {
        document.text(Style::TEXT, &phone);
    }
    document.gap(10.0);
    document.text(Style::TITLE, paper::title(about.lang));
    document.text(Style::TEXT, &about.number());
    document.gap(10.0);
    for (label, fact) in about.facts() {
        let value = Cell { left: LABELS, width: WIDTH - LABELS, ..Cell::line(Style::TEXT, &fact) };
        document.row(&[Cell { width: LABELS - 8.0, ..Cell::line(Style::STRONG, label) }, value]);
    }
    document.gap(10.0);
}

fn lines(document: &mut Document, about: &About<'_>, quote: &Quote) {
    let lang = about.lang;
    let (name, numbers) = columns(lang);
    document.row(&row(Style::STRONG, name, numbers));
    document.rule(WIDTH);
    for group in groups(lang, &quote.items) {
        document.gap(4.0);
        document.row(&row(Style::STRONG, group.title, ["", "", &group.sum]));
        for line in &group.lines {
            document.row(&row(Style::TEXT, line.name, line.numbers.each_ref().map(String::as_str)));
            if let Some(more) = line.more {
                document.row(&[Cell { width: NAMES, ..Cell::line(Style::SMALL, more) }]);
            }
        }
    }
    document.rule(WIDTH);
    document.row(&[Cell { ends: true, ..Cell::line(Style::TITLE, &about.total(quote)) }]);
    document.gap(6.0);
}

fn row<'a>(style: Style, name: &'a str, numbers: [&'a str; 3]) -> [Cell<'a>; 4] {
    let [count, one, all] = std::array::from_fn(|place| {
        let (left, width) = NUMBERS[place];
        Cell { text: numbers[place], style, left, width, ends: true }
    });
    [Cell { width: NAMES, ..Cell::line(style, name) }, count, one, all]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        Settings,
        lang::Lang,
        pdf::read,
        services::view::{Customer, Order},
    };

    const ID: &str = "0190b6a0-0000-7000-8000-0000000000ab";
    const AT: &str = "2026-02-08T10:00:00.000Z";

    fn read_as<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn line(name: &str, part: bool, total: f64) -> Value {
        json!({ "name": name, "quantity": 2, "unitPrice": total / 2.0, "totalPrice": total,
            "description": "com limpeza", "partId": part.then_some(ID) })
    }

    fn pages(lang: Lang, shop: &str, items: &[Value], link: Option<&str>) -> Vec<Vec<String>> {
        pages_of("SENT", lang, shop, items, link)
    }

    fn pages_of(
        status: &str,
        lang: Lang,
        shop: &str,
        items: &[Value],
        link: Option<&str>,
    ) -> Vec<Vec<String>> {
        let settings = Settings {
            name: Some(shop.to_owned()),
            phone: Some("1134567890".to_owned()),
            ..Settings::default()
        };
        let order: Order = read_as(json!({ "id": ID, "customerId": ID, "vehicleId": ID, "plate": "ABC1234",
            "description": "Freio chiando", "status": "QUOTE_SENT", "metadata": { "km": "51.200" },
            "createdAt": AT, "updatedAt": AT }));
        let customer: Customer = read_as(json!({ "id": ID, "name": "Ana João", "document": "52998224725",
            "phone": "11987654321" }));
        let total: f64 = items.iter().map(|item| item["totalPrice"].as_f64().unwrap()).sum();
        let quote: Quote = read_as(json!({ "id": ID, "workOrderId": ID, "customerId": ID, "status": status,
            "revision": 3, "items": items, "totalAmount": total, "validUntil": AT }));
        let customer = link.map(|_| &customer);
        let about = About { lang, settings: &settings, order: &order, customer, car: "Toyota Corolla 2024" };
        read::pages(&written(&about, &quote, link))
    }

    fn holds(pages: &[Vec<String>], words: &str) -> bool {
        pages.iter().flatten().any(|text| text.contains(words))
    }

    #[test]
    fn the_file_says_what_the_sheet_says() {
        let items = [line("Mão de obra", false, 150.0), line("Pastilha de freio", true, 1200.9)];
        let pages = pages(Lang::Pt, "Oficina do Zé", &items, Some("https://shop.example/c/abc"));
        assert_eq!(pages.len(), 1);
        for words in [
            "Oficina do Zé",
            "(11) 3456-7890",
            "Orçamento",
            "OS 0000AB · 08/02/2026 07:00",
            "Ana João · ***.982.247-** · (11) 98765-4321",
            "ABC-1234 · Toyota Corolla 2024 · 51.200 km",
            "Freio chiando",
            "Serviços",
            "Mão de obra",
            "com limpeza",
            "R$\u{a0}150,00",
            "Peças",
            "Pastilha de freio",
            "R$\u{a0}1.200,90",
            "Total R$\u{a0}1.350,90",
            "Situação: Enviado",
            "Versão 3. Válido até 08/02/2026 07:00.",
            "Assinatura do cliente",
            "Documento sem valor fiscal.",
            "página 1 de 1",
        ] {
            assert!(holds(&pages, words), "{words} is missing: {pages:?}");
        }
    }

    #[test]
    fn what_is_not_to_be_answered_says_so_and_asks_for_nothing() {
        let link = Some("https://shop.example/c/abc");
        let items = [line("Mão de obra", false, 150.0)];
        for (status, words) in [
            ("PENDING", "Rascunho"),
            ("APPROVED", "Aprovado"),
            ("REJECTED", "Recusado"),
            ("EXPIRED", "Vencido"),
            ("CANCELLED", "Cancelado"),
        ] {
            let pages = pages_of(status, Lang::Pt, "Oficina", &items, link);
            assert!(holds(&pages, &format!("Situação: {words}")), "{pages:?}");
            for asked in ["aprove e pague", "Assinatura"] {
                assert!(!holds(&pages, asked), "{status} asks: {pages:?}");
            }
        }
        assert!(holds(&pages(Lang::Pt, "Oficina", &items, link), "aprove e pague"));
    }

    #[test]
    fn it_speaks_english_too_and_names_nobody_to_the_holder_of_a_link() {
        let pages = pages(Lang::En, "Joe's", &[line("Diagnosis", false, 1000.5)], None);
        for words in
            ["Quote", "Labour", "R$\u{a0}1,000.50", "Version 3. Valid until 8 Feb 2026 07:00.", "page 1 of 1"]
        {
            assert!(holds(&pages, words), "{words} is missing: {pages:?}");
        }
        for words in ["Ana", "982", "98765", "signature"] {
            assert!(!holds(&pages, words), "{words} is there: {pages:?}");
        }
    }

    #[test]
    fn many_lines_make_several_pages_and_none_is_lost() {
        let items: Vec<Value> = (0..200).map(|n| line(&format!("Item {n}."), n % 2 == 0, 10.0)).collect();
        let pages = pages(Lang::Pt, "Oficina", &items, Some("https://shop.example/c/abc"));
        assert!(pages.len() > 3, "{}", pages.len());
        for n in 0..200 {
            assert!(holds(&pages, &format!("Item {n}.")), "{n} is missing");
        }
        let last = format!("página {0} de {0}", pages.len());
        assert!(pages.last().unwrap().iter().any(|text| text.contains(&last)), "{pages:?}");
    }

    #[test]
    fn odd_letters_do_no_harm() {
        let odd = format!("日本 🚗 ) Tj \\( endstream endobj %%EOF {} \u{0}\u{7}", "x".repeat(3_000));
        let pages = pages(Lang::Pt, &odd, &[line(&odd, true, 0.0)], Some(&odd.repeat(3)));
        assert!(holds(&pages, "?? ? ) Tj \\( endstream") && holds(&pages, "Total R$\u{a0}0,00"), "{pages:?}");
    }
}
