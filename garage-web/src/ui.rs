//! The parts that pages are made of: the frame with its places, a form's fields with what is wrong beside them, notices.
//! Everything works as plain HTML; `assets/garage.js` only makes it live.

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use self::{
    field::{Field, area, field, hidden},
    icon::{Icon, icon},
};
use crate::{form::Objections, lang::Lang, pages::assets, visitor::SignedIn};

/// Characters that are searched for at most.
pub(crate) const SEARCH: usize = 100;

mod field;
mod icon;

/// What is around a page's own content.
pub(crate) struct Page<'a> {
    pub(crate) lang: Lang,
    pub(crate) title: &'a str,
    /// Who has signed in.
    pub(crate) by: Option<&'a SignedIn>,
    pub(crate) place: Option<Place>,
    /// The stream that tells when this page has changed.
    pub(crate) stream: Option<String>,
    /// Where the language is changed, as it leads back here.
    pub(crate) here: &'a str,
}

/// A place in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Board,
    Intake,
    Workshop,
    Catalogue,
    Dashboard,
}

impl<'a> Page<'a> {
    /// A page for nobody in particular.
    pub(crate) const fn plain(lang: Lang, title: &'a str) -> Self {
        Self { lang, title, by: None, place: None, stream: None, here: "/" }
    }

    /// A page for somebody who works here.
    pub(crate) const fn of(by: &'a SignedIn, title: &'a str, place: Option<Place>, here: &'a str) -> Self {
        Self { lang: by.lang, title, by: Some(by), place, stream: None, here }
    }

    /// The same, kept fresh by the stream of everything that happens.
    pub(crate) fn live(self) -> Self {
        Self { stream: Some("/live".to_owned()), ..self }
    }
}

/// A whole page.
pub(crate) fn page(page: &Page<'_>, content: Markup) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang=(page.lang.code()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · " (page.lang.t("Oficina", "Garage")) }
                link rel="stylesheet" href=(assets::css());
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                script src=(assets::script()) defer {}
            }
            body data-stream=[page.stream.as_deref()] class=(if page.by.is_some() { "staff" } else { "guest" }) {
                a class="skip" href="#content" { (page.lang.t("Ir ao conteúdo", "Skip to content")) }
                @if let Some(by) = page.by { (frame(page, by)) }
                p class="offline" role="status" hidden {
                    (icon(Icon::Cloud)) (page.lang.t("Sem conexão. Tentando de novo…", "Connection lost. Trying again…"))
                }
                main id="content" tabindex="-1" { (content) }
                @if page.by.is_none() { footer { (language(page)) } }
            }
        }
    };
    Html(markup.into_string())
}

fn frame(page: &Page<'_>, by: &SignedIn) -> Markup {
    let lang = page.lang;
    html! {
        header class="top" {
            a class="brand" href="/" { (icon(Icon::Wrench)) span { (lang.t("Oficina", "Garage")) } }
            nav aria-label=(lang.t("Principal", "Main")) {
                @for (place, icon_of, href, label) in places(by, lang) {
                    a href=(href) aria-current=[(page.place == Some(place)).then_some("page")] { (icon(icon_of)) span { (label) } }
                }
            }
            form class="search" action="/search" role="search" {
                label class="unseen" for="q" { (lang.t("Procurar", "Search")) }
                input id="q" name="q" type="search" autocomplete="off" maxlength=(SEARCH)
                    placeholder=(lang.t("Placa, nome, CPF, nº da OS", "Plate, name, CPF, order no."));
            }
            details class="me" {
                summary { (icon(Icon::Person)) span { (by.person.name) } }
                div class="menu" {
                    @if by.person.has_password() { a href="/account" { (lang.t("Minha senha", "My password")) } }
                    (language(page))
                    form method="post" action="/sign-out" {
                        (hidden(crate::form::WORD, &by.word))
                        button class="link" { (lang.t("Sair", "Sign out")) }
                    }
                }
            }
        }
    }
}

type Entry = (Place, Icon, &'static str, &'static str);

/// The places that somebody's roles lead to.
fn places(by: &SignedIn, lang: Lang) -> Vec<Entry> {
    let all = [
        (by.is_desk(), (Place::Board, Icon::Board, "/", lang.t("Hoje", "Today"))),
        (by.is_desk(), (Place::Intake, Icon::Plus, "/intake", lang.t("Entrada", "Intake"))),
        (by.is_workshop(), (Place::Workshop, Icon::Wrench, "/workshop", lang.t("Trabalhos", "Jobs"))),
        (by.is_desk() || by.is_workshop(), (Place::Catalogue, Icon::Box, "/parts", lang.t("Peças", "Parts"))),
        (by.is_manager(), (Place::Dashboard, Icon::Chart, "/dashboard", lang.t("Painel", "Dashboard"))),
    ];
    all.into_iter().filter(|(is_theirs, _)| *is_theirs).map(|(_, entry)| entry).collect()
}

fn language(page: &Page<'_>) -> Markup {
    let (code, label) = match page.lang {
        Lang::Pt => ("en", "English"),
        Lang::En => ("pt-BR", "Português"),
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("to", code)
        .append_pair("back", page.here)
        .finish();
    html! { a href={ "/language?" (query) } lang=(code) rel="nofollow" { (label) } }
}

/// What is wrong with a form, above it. The mark around it says that this page answers the form and alone holds what was
/// typed: `assets/garage.js` then leaves the form's part of the page as it is.
pub(crate) fn summary(lang: Lang, objections: &Objections) -> Markup {
    html! {
        @if !objections.is_empty() { div data-answer { (field::summary(lang, objections)) } }
    }
}

/// What has just been done, or must be known.
pub(crate) fn notice(words: &str) -> Markup {
    html! { p class="notice" role="status" { (icon(Icon::Check)) (words) } }
}

/// Something that did not go as it should.
pub(crate) fn alarm(words: &str) -> Markup {
    html! { p class="alarm" role="alert" { (icon(Icon::Alert)) span { (words) } } }
}

/// Facts in one line, with points between them.
pub(crate) fn facts(facts: impl IntoIterator<Item = Option<Markup>>) -> Markup {
    html! {
        p class="quiet" { @for (place, fact) in facts.into_iter().flatten().enumerate() { @if place > 0 { " · " } (fact) } }
    }
}

/// A button that posts nothing but itself.
pub(crate) fn press(action: &str, word: &str, class: &str, label: &str) -> Markup {
    html! {
        form method="post" action=(action) class="press" {
            (hidden(crate::form::WORD, word))
            button class=(class) { (label) }
        }
    }
}

/// A QR code as a picture that any phone reads, and nothing where the text is too long for one.
pub(crate) fn qr(text: &str, label: &str) -> Markup {
    let Ok(code) = qrcode::QrCode::new(text) else { return html! {} };
    let drawn =
        code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(220, 220).quiet_zone(true).build();
    let drawn = drawn
        .split_once("<svg")
        .map_or(String::new(), |(_, rest)| format!("<svg aria-hidden=\"true\"{rest}"));
    html! { div class="qr" role="img" aria-label=(label) { (PreEscaped(drawn)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_objects_to_a_form_is_marked_and_another_is_not() {
        let objections = Objections::whole("no");
        assert!(summary(Lang::En, &objections).into_string().contains(" data-answer>"));
        assert_eq!(summary(Lang::En, &Objections::default()).into_string(), "");
    }
}
