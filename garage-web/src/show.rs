//! How money, times, plates, phones and documents are written for people, and how money and quantities that people type
//! are read. Pure.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use garage_events::Cents;
use rust_decimal::Decimal;

use crate::lang::Lang;

/// How `<input type="datetime-local">` writes a moment.
pub(crate) const LOCAL: &str = "%Y-%m-%dT%H:%M";

/// `R$ 1.234,56`, in English `R$ 1,234.56`.
pub(crate) fn money(lang: Lang, amount: Cents) -> String {
    let (thousands, point) = if lang == Lang::Pt { ('.', ',') } else { (',', '.') };
    let whole = (amount.centavos() / 100).to_string();
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    format!("R$\u{a0}{grouped}{point}{:02}", amount.centavos() % 100)
}

/// As a person would type it into a field: `1234,56`.
pub(crate) fn typed(lang: Lang, number: Decimal) -> String {
    let text = number.normalize().to_string();
    if lang == Lang::Pt { text.replace('.', ",") } else { text }
}

/// An amount as a person would type it: `1234,50`, always with its centavos.
pub(crate) fn typed_money(lang: Lang, amount: Cents) -> String {
    let text = format!("{:.2}", amount.decimal());
    if lang == Lang::Pt { text.replace('.', ",") } else { text }
}

/// The amount that somebody typed: `1.234,56`, `1234,5`, `R$ 80`, and `1.234`, which is one thousand and some in Portuguese;
/// nothing when it could be another one.
pub(crate) fn typed_amount(lang: Lang, text: &str) -> Option<Cents> {
    Cents::try_from(typed_quantity(lang, text).filter(|number| number.scale() <= 2)?).ok()
}

/// The quantity that somebody typed, by the same rule: `2,5`, and `1.250`, which is one thousand and some in Portuguese and
/// one and some in English.
pub(crate) fn typed_quantity(lang: Lang, text: &str) -> Option<Decimal> {
    let text: String = text.trim().trim_start_matches("R$").chars().filter(|c| !c.is_whitespace()).collect();
    let (whole, rest) = split(lang, &text);
    let whole = match whole.chars().find(|c| matches!(c, '.' | ',')) {
        Some(mark) => is_grouped(whole, mark).then(|| whole.replace(mark, ""))?,
        None => whole.to_owned(),
    };
    let plain = rest.map_or_else(|| whole.clone(), |rest| format!("{whole}.{rest}"));
    Decimal::from_str_exact(&plain).ok()
}

/// The whole part, which may be in thousands, and what follows it. Both the comma and the point may end the whole part, as
/// both are typed in Brazil; of two different ones the last does. A single one that is not the language's parts thousands
/// where exactly three digits follow it, unless nothing or a nought stands before it.
fn split(lang: Lang, text: &str) -> (&str, Option<&str>) {
    let point = if lang == Lang::Pt { ',' } else { '.' };
    let marks: Vec<(usize, char)> = text.char_indices().filter(|(_, c)| matches!(c, '.' | ',')).collect();
    let parts_thousands = |place: usize| text.len() - place == 4 && !matches!(&text[..place], "" | "0");
    let ends_whole = match marks[..] {
        [(place, mark)] if mark == point || !parts_thousands(place) => Some(place),
        [(_, first), .., (place, last)] if first != last => Some(place),
        _ => None,
    };
    ends_whole.map_or((text, None), |place| (&text[..place], Some(&text[place + 1..])))
}

/// Whether `mark` parts thousands: one to three digits that do not begin with a nought, then three each time.
fn is_grouped(text: &str, mark: char) -> bool {
    let is_number = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = text.split(mark);
    let leads = groups
        .next()
        .is_some_and(|first| (1..=3).contains(&first.len()) && !first.starts_with('0') && is_number(first));
    leads && groups.all(|group| group.len() == 3 && is_number(group))
}

/// How many of a part, with its unit: `4,5 L`.
pub(crate) fn units(lang: Lang, count: f64, unit: &str) -> String {
    let number = if lang == Lang::Pt { count.to_string().replace('.', ",") } else { count.to_string() };
    format!("{number} {unit}").trim_end().to_owned()
}

/// `27/11/2026 14:05`, in English `27 Nov 2026 14:05`.
pub(crate) fn time(lang: Lang, at: DateTime<FixedOffset>) -> String {
    at.format(lang.t("%d/%m/%Y %H:%M", "%-d %b %Y %H:%M")).to_string()
}

/// The day alone.
pub(crate) fn day(lang: Lang, at: DateTime<FixedOffset>) -> String {
    at.format(lang.t("%d/%m/%Y", "%-d %b %Y")).to_string()
}

/// Day and month, and the time: what a card has room for.
pub(crate) fn soon(lang: Lang, at: DateTime<FixedOffset>) -> String {
    at.format(lang.t("%d/%m %H:%M", "%-d %b %H:%M")).to_string()
}

/// How long, in its largest unit: `5 min`, `3 h`, `2 dias`.
pub(crate) fn age(lang: Lang, since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    duration(lang, now - since)
}

/// The same of a span of time.
pub(crate) fn duration(lang: Lang, span: TimeDelta) -> String {
    let passed = span.max(TimeDelta::zero());
    match (passed.num_days(), passed.num_hours(), passed.num_minutes()) {
        (0, 0, 0) => lang.t("agora", "now").to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => format!("{hours} h"),
        (1, _, _) => lang.t("1 dia", "1 day").to_owned(),
        (days, _, _) => format!("{days} {}", lang.t("dias", "days")),
    }
}

/// What `<input type="datetime-local">` sends, in the shop's zone.
pub(crate) fn typed_time(text: &str, zone: FixedOffset) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, LOCAL).ok()?;
    local.and_local_timezone(zone).single().map(|at| at.with_timezone(&Utc))
}

/// `ABC-1234`, `ABC1D23`.
pub(crate) fn plate(plate: &str) -> String {
    let is_old = plate.len() == 7 && plate.as_bytes().get(4).is_some_and(u8::is_ascii_digit);
    if is_old && plate.is_ascii() { format!("{}-{}", &plate[..3], &plate[3..]) } else { plate.to_owned() }
}

/// A plate's other form: the fifth character is a digit in the old one and a letter from A to J in Mercosul's
/// (CONTRAN 780/2019). The services find a car under either.
pub(crate) fn both_forms(plate: &str) -> Option<String> {
    let place = 4;
    let other = match plate.as_bytes().get(place)? {
        digit @ b'0'..=b'9' => digit - b'0' + b'A',
        letter @ b'A'..=b'J' => letter - b'A' + b'0',
        _ => return None,
    };
    let is_plain = plate.is_ascii() && plate.len() == 7;
    is_plain.then(|| format!("{}{}{}", &plate[..place], char::from(other), &plate[place + 1..]))
}

/// A plate as it was typed, in capitals and without marks.
pub(crate) fn bare(plate: &str) -> String {
    plate.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
}

/// `(11) 98765-4321`.
pub(crate) fn phone(digits: &str) -> String {
    if !digits.is_ascii() || !(10..=11).contains(&digits.len()) {
        return digits.to_owned();
    }
    let (area, number) = digits.split_at(2);
    let (first, last) = number.split_at(number.len() - 4);
    format!("({area}) {first}-{last}")
}

/// `***.456.789-**`: enough to be recognized by who knows it.
pub(crate) fn masked_document(document: &str) -> String {
    match document.len() {
        11 if document.is_ascii() => format!("***.{}.{}-**", &document[3..6], &document[6..9]),
        14 if document.is_ascii() => {
            format!(
                "{}.{}.{}/{}-{}",
                &document[..2],
                &document[2..5],
                &document[5..8],
                &document[8..12],
                &document[12..]
            )
        }
        _ => "•••".to_owned(),
    }
}

/// A line's name. The one that Billing writes by itself, where nothing was asked for, is in English.
pub(crate) fn line_name(lang: Lang, name: &str) -> &str {
    if name == "Diagnosis" { lang.t("Diagnóstico", "Diagnosis") } else { name }
}

/// The first word of a name, which is enough for a card.
pub(crate) fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

/// The start of an order's id that people read to each other. Ids begin with their time, so the end tells them apart.
pub(crate) fn number_of(id: uuid::Uuid) -> String {
    let text = id.simple().to_string();
    text[text.len() - 6..].to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(centavos: i64) -> Cents {
        Cents::new(centavos).unwrap()
    }

    #[test]
    fn money_is_written_as_each_language_does() {
        for (centavos, pt, en) in [
            (0, "R$\u{a0}0,00", "R$\u{a0}0.00"),
            (5, "R$\u{a0}0,05", "R$\u{a0}0.05"),
            (35_090, "R$\u{a0}350,90", "R$\u{a0}350.90"),
            (123_456_789, "R$\u{a0}1.234.567,89", "R$\u{a0}1,234,567.89"),
            (100_000, "R$\u{a0}1.000,00", "R$\u{a0}1,000.00"),
        ] {
            assert_eq!(
                (money(Lang::Pt, cents(centavos)), money(Lang::En, cents(centavos))),
                (pt.to_owned(), en.to_owned())
            );
        }
    }

    #[test]
    fn money_is_read_however_it_is_typed() {
        for (text, pt, en) in [
            ("80", Some(8000), Some(8000)),
            ("80,5", Some(8050), Some(8050)),
            ("80.50", Some(8050), Some(8050)),
            ("1.234,56", Some(123_456), Some(123_456)),
            ("1,234.56", Some(123_456), Some(123_456)),
            ("R$ 1.234.567", Some(123_456_700), Some(123_456_700)),
            (" 0,05 ", Some(5), Some(5)),
            ("R$ 1.234", Some(123_400), None),
            ("1,505", None, Some(150_500)),
            ("1,000", None, Some(100_000)),
        ] {
            let read = [typed_amount(Lang::Pt, text), typed_amount(Lang::En, text)];
            assert_eq!(read.map(|amount| amount.map(Cents::centavos)), [pt, en], "{text}");
        }
    }

    #[test]
    fn what_could_be_another_amount_is_none() {
        let odd = [
            "",
            "abc",
            "1,2,3.4.5x",
            "--1",
            "R$",
            "0,001",
            "0.001",
            "1,2,3",
            "1.2.3",
            "1.23,45",
            "1.2345,6",
            ".500,1",
            "1,,5",
        ];
        for text in odd {
            assert_eq!([typed_amount(Lang::Pt, text), typed_amount(Lang::En, text)], [None, None], "{text}");
        }
    }

    #[test]
    fn litres_are_written_as_each_language_does() {
        let shown = |lang, count, unit| units(lang, count, unit);
        assert_eq!(shown(Lang::Pt, 4.5, "L"), "4,5 L");
        assert_eq!(shown(Lang::En, -2.0, "UN"), "-2 UN");
        assert_eq!(shown(Lang::En, 3.0, ""), "3");
    }

    #[test]
    fn a_quantity_is_read_by_the_rule_of_an_amount() {
        for (text, pt, en) in [
            ("2,5", Some("2.5"), Some("2.5")),
            ("2.50", Some("2.50"), Some("2.50")),
            ("1.000", Some("1000"), Some("1.000")),
            ("1,000", Some("1.000"), Some("1000")),
            ("1.250", Some("1250"), Some("1.250")),
            ("1.000,5", Some("1000.5"), Some("1000.5")),
            ("1,000.125", Some("1000.125"), Some("1000.125")),
            ("1.000.000", Some("1000000"), Some("1000000")),
            ("0.500", Some("0.500"), Some("0.500")),
            ("0,500", Some("0.500"), Some("0.500")),
        ] {
            let read = [typed_quantity(Lang::Pt, text), typed_quantity(Lang::En, text)];
            let read = read.map(|number| number.map(|number| number.to_string()));
            assert_eq!(read, [pt, en].map(|number| number.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn what_could_be_another_quantity_is_none() {
        for text in ["1,2,3", "1.2.3", "1.23,45", "01.0000.000", "x.500"] {
            let read = [typed_quantity(Lang::Pt, text), typed_quantity(Lang::En, text)];
            assert_eq!(read, [None, None], "{text}");
        }
        for (lang, text) in
            [(Lang::Pt, "1234.500"), (Lang::Pt, "01.000"), (Lang::En, "1234,500"), (Lang::En, "00,500")]
        {
            assert_eq!(typed_quantity(lang, text), None, "{text}");
        }
    }

    #[test]
    fn plates_phones_and_documents_have_their_marks() {
        assert_eq!(plate("ABC1234"), "ABC-1234");
        assert_eq!(plate("ABC1D23"), "ABC1D23");
        assert_eq!(plate("ABC•••4"), "ABC•••4");
        assert_eq!(phone("11987654321"), "(11) 98765-4321");
        assert_eq!(phone("1134567890"), "(11) 3456-7890");
        assert_eq!(masked_document("52998224725"), "***.982.247-**");
    }

    #[test]
    fn a_plate_has_another_form() {
        assert_eq!(both_forms("ABC1234").as_deref(), Some("ABC1C34"));
        assert_eq!(both_forms("ABC1C34").as_deref(), Some("ABC1234"));
        assert_eq!(both_forms("ABC1K34"), None);
        assert_eq!(both_forms("ABC•••4"), None);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |seconds| age(Lang::Pt, now - TimeDelta::seconds(seconds), now);
        assert_eq!(
            [ago(3), ago(300), ago(7200), ago(90_000), ago(400_000)],
            ["agora", "5 min", "2 h", "1 dia", "4 dias"]
        );
    }

    #[test]
    fn a_typed_time_is_the_shop_s() {
        let zone = FixedOffset::west_opt(3 * 3600).unwrap();
        let at = typed_time("2026-11-27T17:30", zone).unwrap();
        assert_eq!(at.to_rfc3339(), "2026-11-27T20:30:00+00:00");
    }
}
