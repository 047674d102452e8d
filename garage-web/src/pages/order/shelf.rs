//! Whether an order's parts are there: for the desk, which must answer for the day that was promised, and for the
//! technician, who looks before taking the car apart. What is put aside and what is missing Billing says.

use maud::{Markup, html};

use super::Whole;
use crate::{
    lang::Lang,
    services::view::OrderedPart,
    show,
    ui::{Icon, icon},
};

/// The parts, each with its link.
pub(in crate::pages) fn parts(lang: Lang, whole: &Whole) -> Markup {
    if whole.parts.is_empty() {
        return html! {};
    }
    html! {
        section class="card" aria-labelledby="parts-title" {
            div class="head" {
                h2 id="parts-title" { (lang.t("Peças", "Parts")) }
                @if whole.parts.iter().any(is_awaited) { (missing_chip(lang)) }
            }
            ul class="rows" { @for part in &whole.parts { li { (row(lang, part)) } } }
        }
    }
}

/// For cards, where somebody waits for a part.
pub(in crate::pages) fn missing_chip(lang: Lang) -> Markup {
    html! { span class="chip bad" { (icon(Icon::Box)) (lang.t("Falta peça", "Part missing")) } }
}

/// Whether an order waits for it; before the customer's yes nobody does.
fn is_awaited(part: &OrderedPart) -> bool {
    part.status == "RESERVED" && part.missing > 0.0
}

fn row(lang: Lang, part: &OrderedPart) -> Markup {
    let unit = part.unit.as_deref().unwrap_or_default();
    let id = part.part_id.to_string();
    html! {
        a href={ "/parts/" (id) } {
            span class="grow" { (part.name.as_deref().unwrap_or(lang.t("Fora do catálogo", "Not in the catalogue"))) }
            span { (show::units(lang, part.quantity, unit)) }
            (standing(lang, part, unit))
        }
    }
}

fn standing(lang: Lang, part: &OrderedPart, unit: &str) -> Markup {
    let missing = show::units(lang, part.missing, unit);
    let is_short = part.missing > 0.0;
    let (tone, sign, words) = match part.status.as_str() {
        "RESERVED" if is_short => ("bad", Icon::Alert, format!("{} {missing}", lang.t("Faltam", "Missing:"))),
        "RESERVED" => ("good", Icon::Check, lang.t("Separada", "Put aside").to_owned()),
        "QUOTED" if is_short => (
            "waits",
            Icon::Alert,
            format!("{} {missing}", lang.t("Livres não bastam: faltam", "Not enough free: missing")),
        ),
        "QUOTED" => ("calm", Icon::Box, lang.t("Há em estoque", "On the shelf").to_owned()),
        "TAKEN" => ("good", Icon::Wrench, lang.t("Usada", "Built in").to_owned()),
        "GIVEN_BACK" => ("calm", Icon::Box, lang.t("Devolvida ao estoque", "Back on the shelf").to_owned()),
        "UNKNOWN" => ("calm", Icon::Box, lang.t("Sem estoque próprio", "Not kept in stock").to_owned()),
        other => ("calm", Icon::Box, other.to_owned()),
    };
    html! { span class={ "chip " (tone) } { (icon(sign)) (words) } }
}
