//! The lines of a quote as people read them, parts and labour apart, with a sum of each: words first, then the table that
//! pages show. Paper is made of the same words.

use maud::{Markup, html};

use crate::{lang::Lang, services::view::Line, show};

/// Lines of one sort, with their sum.
pub(in crate::pages) struct Group<'a> {
    pub(in crate::pages) title: &'static str,
    pub(in crate::pages) sum: String,
    pub(in crate::pages) lines: Vec<Worded<'a>>,
}

/// A line in words.
pub(in crate::pages) struct Worded<'a> {
    pub(in crate::pages) name: &'a str,
    pub(in crate::pages) more: Option<&'a str>,
    /// Quantity, price of one, price of all.
    pub(in crate::pages) numbers: [String; 3],
}

/// What stands above the lines: their name, and their numbers.
pub(in crate::pages) const fn columns(lang: Lang) -> (&'static str, [&'static str; 3]) {
    let numbers = [lang.t("Qtd.", "Qty."), lang.t("Unitário", "Unit price"), lang.t("Total", "Total")];
    (lang.t("Descrição", "Description"), numbers)
}

/// The lines in words; a sort of which there is none is left out.
pub(in crate::pages) fn groups(lang: Lang, items: &[Line]) -> Vec<Group<'_>> {
    let (parts, labour): (Vec<&Line>, Vec<&Line>) = items.iter().partition(|line| line.part_id.is_some());
    let sorts = [(lang.t("Serviços", "Labour"), labour), (lang.t("Peças", "Parts"), parts)];
    let present = sorts.into_iter().filter(|(_, lines)| !lines.is_empty());
    present.map(|(title, lines)| group(lang, title, &lines)).collect()
}

fn group<'a>(lang: Lang, title: &'static str, lines: &[&'a Line]) -> Group<'a> {
    let sum = show::money(lang, lines.iter().map(|line| line.total_price).sum());
    Group { title, sum, lines: lines.iter().map(|line| worded(lang, line)).collect() }
}

fn worded(lang: Lang, line: &Line) -> Worded<'_> {
    let one = line.unit_price.map(|price| show::money(lang, price));
    let one = one.unwrap_or_else(|| lang.t("a definir", "to be set").to_owned());
    Worded {
        name: show::line_name(lang, &line.name),
        more: line.description.as_deref(),
        numbers: [show::typed(lang, line.quantity.decimal()), one, show::money(lang, line.total_price)],
    }
}

/// The lines as a table.
pub(in crate::pages) fn lines(lang: Lang, items: &[Line]) -> Markup {
    let (name, numbers) = columns(lang);
    html! {
        table class="lines" {
            thead { tr {
                th scope="col" { (name) }
                @for number in numbers { th scope="col" class="number" { (number) } }
            } }
            @for group in groups(lang, items) {
                tbody {
                    tr class="group" { th scope="rowgroup" colspan="3" { (group.title) } td class="number" { (group.sum) } }
                    @for line in group.lines {
                        tr {
                            td { (line.name) @if let Some(more) = line.more { span class="quiet" { (more) } } }
                            @for (label, number) in numbers.iter().zip(&line.numbers) { td class="number" data-label=(label) { (number) } }
                        }
                    }
                }
            }
        }
    }
}
