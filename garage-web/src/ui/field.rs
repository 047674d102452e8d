//! A form's fields: a label above, a hint and what is wrong beside, what was typed kept.

use maud::{Markup, html};

use crate::{
    form::{Form, Objections},
    lang::Lang,
};

/// An input.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    /// Of the input: `text`, `tel`, `email`, `datetime-local`, `password`.
    pub(crate) kind: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) required: bool,
    pub(crate) autocomplete: &'a str,
    pub(crate) inputmode: &'a str,
    pub(crate) most: u32,
}

impl<'a> Field<'a> {
    pub(crate) const fn text(name: &'a str, label: &'a str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            hint: "",
            required: false,
            autocomplete: "off",
            inputmode: "text",
            most: 200,
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(crate) const fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    pub(crate) const fn kind(self, kind: &'a str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) const fn money(self) -> Self {
        Self { inputmode: "decimal", most: 20, ..self }
    }

    pub(crate) const fn fills(self, autocomplete: &'a str) -> Self {
        Self { autocomplete, ..self }
    }
}

/// An input with what was typed into it, and what is wrong with that.
pub(crate) fn field(field: Field<'_>, form: &Form, objections: &Objections) -> Markup {
    let (name, objection) = (field.name, objections.to(field.name));
    let value = if field.kind == "password" { "" } else { form.raw(name) };
    html! {
        div class={ "field" @if objection.is_some() { " wrong" } } {
            (label(field))
            input id=(name) name=(name) type=(field.kind) value=(value) required[field.required]
                maxlength=(field.most) autocomplete=(field.autocomplete) inputmode=(field.inputmode)
                aria-invalid=[objection.map(|_| "true")] aria-describedby=[described(field, objection)];
            (beside(field, objection))
        }
    }
}

/// The same for longer texts.
pub(crate) fn area(field: Field<'_>, form: &Form, objections: &Objections) -> Markup {
    let (name, objection) = (field.name, objections.to(field.name));
    html! {
        div class={ "field" @if objection.is_some() { " wrong" } } {
            (label(field))
            textarea id=(name) name=(name) rows="3" required[field.required] maxlength=(field.most.max(2000))
                aria-invalid=[objection.map(|_| "true")] aria-describedby=[described(field, objection)] { (form.raw(name)) }
            (beside(field, objection))
        }
    }
}

fn label(field: Field<'_>) -> Markup {
    html! { label for=(field.name) { (field.label) @if field.required { span class="must" aria-hidden="true" { " *" } } } }
}

fn described(field: Field<'_>, objection: Option<&str>) -> Option<String> {
    let parts = [
        (!field.hint.is_empty()).then(|| format!("{}-hint", field.name)),
        objection.map(|_| format!("{}-wrong", field.name)),
    ];
    let ids: Vec<String> = parts.into_iter().flatten().collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

fn beside(field: Field<'_>, objection: Option<&str>) -> Markup {
    let name = field.name;
    html! {
        @if let Some(words) = objection { span class="objection" id={ (name) "-wrong" } { (words) } }
        @if !field.hint.is_empty() { span class="hint" id={ (name) "-hint" } { (field.hint) } }
    }
}

/// What is wrong, above the form, with the ways to the fields.
pub(crate) fn summary(lang: Lang, objections: &Objections) -> Markup {
    if objections.is_empty() {
        return html! {};
    }
    html! {
        div class="alarm" role="alert" {
            (super::icon(super::Icon::Alert))
            div {
                p { (objections.whole.as_deref().unwrap_or_else(|| lang.t("Confira os campos marcados:", "Check the marked fields:"))) }
                ul { @for (field, words) in objections.fields() { li { a href={ "#" (field) } { (words) } } } }
            }
        }
    }
}

/// A field that nobody sees.
pub(crate) fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}
