//! Who works here and as what: a manager's page.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::{Markup, html};

use super::account::weakness;
use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    people::{NotChanged, Person, ROLES},
    status,
    trouble::Trouble,
    ui::{self, Field, Icon, Page, Place, field, hidden, icon, summary},
    visitor::SignedIn,
};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/people", get(show).post(add))
        .route("/people/{login}", post(change))
        .route("/people/{login}/password", post(reset))
}

/// A form that was not taken.
#[derive(Default)]
struct Typed {
    /// Of whom it is; `None` for somebody new.
    of: Option<String>,
    form: Form,
    objections: Objections,
}

async fn show(State(app): State<App>, by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    page(&app, &by, &Typed::default(), None).await
}

async fn page(app: &App, by: &SignedIn, typed: &Typed, said: Option<&str>) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let all = app.people.all().await?;
    let title = lang.t("Equipe", "People");
    Ok(ui::page(
        &Page::of(by, title, Some(Place::Dashboard), "/people"),
        html! {
            h1 { (title) }
            (summary(lang, &typed.objections))
            @if let Some(words) = said { (ui::notice(words)) }
            div class="stack" {
                @for person in &all { (one(by, person, Some(typed).filter(|typed| typed.of.as_ref() == Some(&person.login)))) }
                @if app.settings.take_passwords() { (new(by, Some(typed).filter(|typed| typed.of.is_none()))) }
            }
        },
    ))
}

/// The roles to tick, with what is wrong with them under this id.
fn roles(lang: Lang, has: impl Fn(&str) -> bool, id: &str, typed: Option<&Typed>) -> Markup {
    html! {
        fieldset class="choices" {
            legend class="unseen" { (lang.t("Funções", "Roles")) }
            @for role in ROLES { label class="check" { input type="checkbox" name="role" value=(role) checked[has(role)]; (status::role(lang, role)) } }
        }
        @if let Some(words) = typed.and_then(|typed| typed.objections.to(id)) { p class="objection" id=(id) { (words) } }
    }
}

/// Under which name the roles of somebody are objected to.
fn roles_of(login: &str) -> String {
    format!("role-{login}")
}

fn one(by: &SignedIn, person: &Person, typed: Option<&Typed>) -> Markup {
    let lang = by.lang;
    let name = typed.map_or(person.name.as_str(), |typed| typed.form.raw("name"));
    let has = |role: &str| typed.map_or_else(|| person.is(role), |typed| has_ticked(&typed.form, role));
    let active = typed.map_or(person.active, |typed| typed.form.get("active") == "yes");
    html! {
        section class="card" {
            div class="head" {
                h2 { (icon(Icon::Person)) (person.name) " " span class="quiet" { (person.login) } }
                span { @for role in person.roles() { span class="chip" { (status::role(lang, role)) } " " }
                    @if let Some(issuer) = &person.issuer { span class="chip" { (lang.t("Entra por ", "Signs in by ")) (issuer) } " " }
                    @if !person.active { span class="chip bad" { (icon(Icon::Cross)) (lang.t("Saiu", "Left")) } } }
            }
            details open[typed.is_some()] {
                summary { (lang.t("Mudar", "Change")) span class="unseen" { " " (person.name) } }
                form method="post" action={ "/people/" (person.login) } {
                    (hidden(WORD, &by.word))
                    @if person.has_password() {
                        div class="field" { label for={ "name-" (person.login) } { (lang.t("Nome", "Name")) } input id={ "name-" (person.login) } name="name" value=(name) maxlength="100" required; }
                        (roles(lang, has, &roles_of(&person.login), typed))
                    }
                    label class="check" { input type="checkbox" name="active" value="yes" checked[active]; (lang.t("Trabalha aqui", "Works here")) }
                    button { (lang.t("Salvar", "Save")) }
                }
                @if person.has_password() { (ui::press(&format!("/people/{}/password", person.login), &by.word, "", lang.t("Senha nova", "New password"))) }
            }
        }
    }
}

fn new(by: &SignedIn, typed: Option<&Typed>) -> Markup {
    let (lang, untouched) = (by.lang, Typed::default());
    let Typed { form, objections, .. } = typed.unwrap_or(&untouched);
    let password = Field::text("password", lang.t("Senha", "Password"))
        .kind("password")
        .required()
        .fills("new-password");
    html! {
        section class="card" {
            h2 { (lang.t("Alguém novo", "Somebody new")) }
            form method="post" action="/people" {
                (hidden(WORD, &by.word))
                div class="fields" {
                    (field(Field { most: 100, ..Field::text("name", lang.t("Nome", "Name")).required() }, form, objections))
                    (field(Field { most: 40, ..Field::text("login", lang.t("Usuário", "User")).required().hint(lang.t("Letras minúsculas e números", "Small letters and digits")) }, form, objections))
                    (field(password.hint(lang.t("Pelo menos 10 caracteres", "At least 10 characters")), form, objections))
                }
                (roles(lang, |role| has_ticked(form, role), "role", typed))
                button class="primary" { (lang.t("Adicionar", "Add")) }
            }
        }
    }
}

fn has_ticked(form: &Form, role: &str) -> bool {
    form.all("role").any(|one| one == role)
}

/// The roles that were ticked, of those that there are.
fn ticked(form: &Form) -> Vec<&'static str> {
    ROLES.into_iter().filter(|role| has_ticked(form, role)).collect()
}

/// Objects, under this id, to somebody who would have no place to go.
fn require_a_role(lang: Lang, roles: &[&str], id: &str, objections: &mut Objections) {
    if roles.is_empty() {
        objections.add(id, lang.t("escolha pelo menos uma função", "choose at least one role"));
    }
}

/// Logins stand in tokens and addresses.
fn is_login(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
}

async fn add(State(app): State<App>, Posted { by, form }: Posted) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let lang = by.lang;
    let (mut objections, roles) = (Objections::default(), ticked(&form));
    objections.require(lang, &form, &["name"]);
    if !is_login(form.get("login")) {
        objections.add(
            "login",
            lang.t(
                "deve ter de 2 a 40 letras minúsculas ou números",
                "must have 2 to 40 small letters or digits",
            ),
        );
    }
    if let Some(weak) = weakness(lang, form.raw("password")) {
        objections.add("password", weak);
    }
    require_a_role(lang, &roles, "role", &mut objections);
    if objections.is_empty() {
        let password = form.raw("password").to_owned();
        match app.people.add(form.get("login"), form.get("name"), &roles, password, app.clock.now()).await {
            Ok(()) => return Ok(Redirect::to("/people").into_response()),
            Err(not) => objected(lang, not, &mut objections)?,
        }
    }
    refused(&app, &by, Typed { of: None, form, objections }).await
}

/// The page with what was typed, and what is wrong with it.
async fn refused(app: &App, by: &SignedIn, typed: Typed) -> Result<Response, Trouble> {
    let page = page(app, by, &typed, None).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn objected(lang: Lang, not: NotChanged, objections: &mut Objections) -> Result<(), Trouble> {
    match not {
        NotChanged::Taken => objections.add("login", lang.t("já é de outra pessoa", "is somebody else's")),
        NotChanged::LastManager => {
            objections.whole = Some(
                lang.t("Alguém tem que continuar gerente.", "Somebody must remain a manager.").to_owned(),
            );
        }
        NotChanged::Failed(failure) => return Err(failure.into()),
    }
    Ok(())
}

async fn change(
    State(app): State<App>,
    Path(login): Path<String>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let person = app.people.find(&login).await?.ok_or(Trouble::NotFound)?;
    let (mut objections, roles) = (Objections::default(), ticked(&form));
    if person.has_password() {
        require_a_role(by.lang, &roles, &roles_of(&login), &mut objections);
    }
    if objections.is_empty() {
        let name = form.given("name").unwrap_or(&login);
        match app.people.change(&login, name, &roles, form.get("active") == "yes").await {
            Ok(()) => return Ok(Redirect::to("/people").into_response()),
            Err(not) => objected(by.lang, not, &mut objections)?,
        }
    }
    refused(&app, &by, Typed { of: Some(login), form, objections }).await
}

/// The new password is shown to the manager once, who tells it to whom it belongs. Who has left stays out with it.
async fn reset(
    State(app): State<App>,
    Path(login): Path<String>,
    Posted { by, .. }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let password = app.people.renew_password(&login).await?.ok_or(Trouble::NotFound)?;
    if login == by.person.login {
        // Their own session has ended with the old password.
        tracing::info!(login, "a manager reset their own password");
    }
    let said = format!("{} {login}: {password}", by.lang.t("Senha nova de", "New password of"));
    Ok(page(&app, &by, &Typed::default(), Some(&said)).await?.into_response())
}
