//! At which stages customers get a mail by themselves: a manager's page. All are off until somebody switches them on.

use axum::{
    Router,
    extract::{Query, State},
    response::{Html, Redirect},
    routing::get,
};
use maud::html;
use serde::Deserialize;

use crate::{
    app::App,
    form::{Posted, WORD},
    messages::Stage,
    trouble::Trouble,
    ui::{self, Page, Place, hidden, notice},
    visitor::SignedIn,
};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/messages", get(show).post(save))
}

#[derive(Deserialize)]
struct Did {
    #[serde(default)]
    did: String,
}

async fn show(
    State(app): State<App>,
    by: SignedIn,
    Query(Did { did }): Query<Did>,
) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    let lang = by.lang;
    let on = app.book.switches().await?;
    let title = lang.t("Mensagens ao cliente", "Messages to customers");
    Ok(ui::page(
        &Page::of(&by, title, Some(Place::Dashboard), "/messages"),
        html! {
            h1 { (title) }
            @if did == "saved" { (notice(lang.t("Salvo.", "Saved."))) }
            @if app.settings.mail.is_none() {
                p class="notice" { (lang.t("O e-mail não está configurado (SMTP_URL, SMTP_FROM): nada é enviado.", "Mail is not set up (SMTP_URL, SMTP_FROM): nothing is sent.")) }
            }
            section class="card" {
                form method="post" action="/messages" {
                    (hidden(WORD, &by.word))
                    fieldset class="choices" {
                        legend { (lang.t("O cliente recebe um e-mail quando a ordem chega a", "The customer gets a mail when the order comes to")) }
                        @for stage in Stage::ALL {
                            label class="check" {
                                input type="checkbox" name="stage" value=(stage.word()) checked[on.iter().any(|(one, _)| *one == stage)];
                                (stage.news(lang))
                            }
                        }
                    }
                    p class="quiet" { (lang.t("Vale para o que acontecer a partir de agora. Pelo WhatsApp nada sai sozinho: o texto pronto está na página da ordem.", "It holds for what happens from now on. Nothing goes by WhatsApp by itself: its ready text is on the order's page.")) }
                    button class="primary" { (lang.t("Salvar", "Save")) }
                }
            }
        },
    ))
}

async fn save(State(app): State<App>, Posted { by, form }: Posted) -> Result<Redirect, Trouble> {
    by.must_be(&["manager"])?;
    let is_ticked = |stage: &Stage| form.all("stage").any(|word| word == stage.word());
    let on: Vec<Stage> = Stage::ALL.into_iter().filter(is_ticked).collect();
    app.book.switch(&on, app.clock.now()).await?;
    tracing::info!(by = by.person.login, stages = ?on, "messages to customers were switched");
    Ok(Redirect::to("/messages?did=saved"))
}
