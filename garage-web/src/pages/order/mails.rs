//! What was written to the customer by mail, when, or why not.

use maud::{Markup, html};

use super::Whole;
use crate::{
    app::App,
    lang::Lang,
    mail::book::{Entry, NO_ANSWER, SERVICES, State},
    show,
    ui::{Icon, icon},
};

pub(super) fn mails(app: &App, lang: Lang, whole: &Whole) -> Markup {
    if whole.mails.is_empty() {
        return html! {};
    }
    html! {
        section class="card" {
            h2 { (lang.t("E-mails ao cliente", "Mail to the customer")) }
            ul class="rows" { @for entry in &whole.mails { li { div {
                (icon(mark(entry.state)))
                span class="grow" { (entry.key.stage.news(lang)) span class="quiet" { (told(lang, entry)) } }
                time class="quiet" datetime=(entry.at.to_rfc3339()) { (show::soon(lang, app.local(entry.at))) }
            } } } }
        }
    }
}

const fn mark(state: State) -> Icon {
    match state {
        State::Sent => Icon::Check,
        State::Waiting => Icon::Clock,
        State::NoAddress | State::Refused | State::Late => Icon::Alert,
        State::Overtaken | State::Off => Icon::Cross,
    }
}

fn told(lang: Lang, entry: &Entry) -> String {
    let words = match entry.state {
        State::Sent => lang.t("Enviado", "Sent"),
        State::Waiting if entry.tries == 0 => lang.t("Será enviado", "To be sent"),
        State::Waiting => lang.t("Ainda não enviado, tentando de novo", "Not sent yet, trying again"),
        State::NoAddress => {
            lang.t("Não enviado: o cliente não tem um e-mail", "Not sent: the customer has no e-mail address")
        }
        State::Refused => lang.t("O servidor de e-mail recusou", "The mail server refused it"),
        State::Overtaken => {
            lang.t("Não enviado: a ordem já tinha avançado", "Not sent: the order had moved on already")
        }
        State::Off => lang.t("Não enviado: a etapa foi desligada", "Not sent: the stage was switched off"),
        State::Late => lang
            .t("Não enviado em um dia; agora seria tarde", "Not sent within a day; it would be too late now"),
    };
    let is_told = matches!(entry.state, State::Waiting | State::Refused | State::Late);
    match entry.reason.as_deref().filter(|_| is_told) {
        Some(reason) => format!("{words}: {}", because(lang, reason)),
        None => words.to_owned(),
    }
}

fn because(lang: Lang, reason: &str) -> &str {
    match reason {
        SERVICES => lang.t("um serviço da oficina não responde", "a service of the shop does not answer"),
        NO_ANSWER => {
            lang.t("o servidor de e-mail não respondeu a tempo", "the mail server did not answer in time")
        }
        other => other,
    }
}
