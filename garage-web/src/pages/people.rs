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

async fn show(State(app): State<App>, by: SignedIn) -> Result<Html<String>, Trouble> {
    by.must_be(&["manager"])?;
    page(&app, &by, &Form::default(), &Objections::default(), None).await
}

async fn page(
    app: &App,
    by: &SignedIn,
    form: &Form,
    objections: &Objections,
    said: Option<&str>,
) -> Result<Html<String>, Trouble> {
    let lang = by.lang;
    let all = app.people.all().await?;
    let title = lang.t("Equipe", "People");
    Ok(ui::page(
        &Page::of(by, title, Some(Place::Dashboard), "/people"),
        html! {
            h1 { (title) }
            (summary(lang, objections))
            @if let Some(words) = said { (ui::notice(words)) }
            div class="stack" {
                @for person in &all { (one(by, person)) }
                @if app.settings.take_passwords() { (new(by, form, objections)) }
            }
        },
    ))
}

fn roles(lang: Lang, has: impl Fn(&str) -> bool) -> Markup {
    html! {
        fieldset class="choices" {
            legend class="unseen" { (lang.t("Funções", "Roles")) }
            @for role in ROLES { label class="check" { input type="checkbox" name="role" value=(role) checked[has(role)]; (status::role(lang, role)) } }
        }
    }
}

fn one(by: &SignedIn, person: &Person) -> Markup {
    let lang = by.lang;
    html! {
        section class="card" {
            div class="head" {
                h2 { (icon(Icon::Person)) (person.name) " " span class="quiet" { (person.login) } }
                span { @for role in person.roles() { span class="chip" { (status::role(lang, role)) } " " }
                    @if let Some(issuer) = &person.issuer { span class="chip" { (lang.t("Entra por ", "Signs in by ")) (issuer) } " " }
                    @if !person.active { span class="chip bad" { (icon(Icon::Cross)) (lang.t("Saiu", "Left")) } } }
            }
            details {
                summary { (lang.t("Mudar", "Change")) span class="unseen" { " " (person.name) } }
                form method="post" action={ "/people/" (person.login) } {
                    (hidden(WORD, &by.word))
                    @if person.has_password() {
                        div class="field" { label for={ "name-" (person.login) } { (lang.t("Nome", "Name")) } input id={ "name-" (person.login) } name="name" value=(person.name) maxlength="100" required; }
                        (roles(lang, |role| person.is(role)))
                    }
                    label class="check" { input type="checkbox" name="active" value="yes" checked[person.active]; (lang.t("Trabalha aqui", "Works here")) }
                    button { (lang.t("Salvar", "Save")) }
                }
                @if person.has_password() { (ui::press(&format!("/people/{}/password", person.login), &by.word, "", lang.t("Senha nova", "New password"))) }
            }
        }
    }
}

fn new(by: &SignedIn, form: &Form, objections: &Objections) -> Markup {
    let lang = by.lang;
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
                (roles(lang, |role| form.all("role").any(|one| one == role)))
                @if let Some(words) = objections.to("role") { p class="objection" id="role" { (words) } }
                button class="primary" { (lang.t("Adicionar", "Add")) }
            }
        }
    }
}

/// The roles that were ticked, of those that there are.
fn ticked(form: &Form) -> Vec<&'static str> {
    ROLES.into_iter().filter(|role| form.all("role").any(|one| one == *role)).collect()
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
    if roles.is_empty() {
        objections.add("role", lang.t("escolha pelo menos uma função", "choose at least one role"));
    }
    if objections.is_empty() {
        let password = form.raw("password").to_owned();
        match app.people.add(form.get("login"), form.get("name"), &roles, password, app.clock.now()).await {
            Ok(()) => return Ok(Redirect::to("/people").into_response()),
            Err(not) => objected(lang, not, &mut objections)?,
        }
    }
    let page = page(&app, &by, &form, &objections, None).await?;
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
    let name = form.given("name").unwrap_or(&login);
    match app.people.change(&login, name, &ticked(&form), form.get("active") == "yes").await {
        Ok(()) => Ok(Redirect::to("/people").into_response()),
        Err(not) => {
            let mut objections = Objections::default();
            objected(by.lang, not, &mut objections)?;
            let page = page(&app, &by, &Form::default(), &objections, None).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// The new password is shown to the manager once, who tells it to whom it belongs.
async fn reset(
    State(app): State<App>,
    Path(login): Path<String>,
    Posted { by, .. }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let password = app.people.reset(&login).await?.ok_or(Trouble::NotFound)?;
    if login == by.person.login {
        // Their own session has ended with the old password.
        tracing::info!(login, "a manager reset their own password");
    }
    let said = format!("{} {login}: {password}", by.lang.t("Senha nova de", "New password of"));
    Ok(page(&app, &by, &Form::default(), &Objections::default(), Some(&said)).await?.into_response())
}
