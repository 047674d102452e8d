//! To be forgotten (LGPD art. 18, VI): what goes, what stays and why, in words, with a reason and a typed word against a
//! slip. OS decides, and says which orders are in the way. What Billing could not take still names the customer wherever
//! it rests, so that has to be looked after first.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use garage_events::Service;
use maud::{Markup, html};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Record, read, refused};
use crate::{
    app::App,
    form::{Form, Objections, Posted, WORD},
    lang::Lang,
    services::{Asker, Beside, No, Refusal, view::Letter},
    show, status,
    trouble::Trouble,
    ui::{self, Field, Icon, field, hidden, icon},
    visitor::SignedIn,
};

/// The word that is typed, in either language.
const SURE: [&str; 2] = ["APAGAR", "ERASE"];
/// What opens an order names its customer.
const NAMING: &str = "/dead-letters?queue=billing-work-order-created&limit=200";

/// Where the form's answer stood, the record stands when it is asked for again.
pub(super) async fn back(Path(id): Path<Uuid>) -> Redirect {
    Redirect::to(&format!("/customers/{id}"))
}

pub(super) async fn erase(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Posted { by, form }: Posted,
) -> Result<Response, Trouble> {
    by.must_be(&["manager"])?;
    let mut objections = Objections::default();
    let record = read(&by, id).await?;
    if !record.customer.is_erased() {
        check(by.lang, &form, &mut objections);
        if objections.is_empty() {
            objections.whole = unheard(&by, &record).await?;
        }
    }
    if !objections.is_empty() {
        return refused(&app, &by, id, &form, &objections).await;
    }
    let body = json!({ "reason": form.given("why").unwrap_or("-") });
    let path = format!("/customers/{id}/erasure");
    match by.asker.tell::<Value>(Service::Os, Method::POST, &path, Some(&body), Beside::default()).await {
        Ok(_) => {
            app.names.forget(id);
            Ok(Redirect::to(&format!("/customers/{id}")).into_response())
        }
        Err(No::Refused(refusal)) if refusal.status != 404 => {
            refused(&app, &by, id, &form, &said(by.lang, &refusal)).await
        }
        Err(no) => Err(no.into()),
    }
}

fn check(lang: Lang, form: &Form, objections: &mut Objections) {
    objections.require(lang, form, &["why"]);
    if !SURE.iter().any(|word| form.get("sure").eq_ignore_ascii_case(word)) {
        objections.add("sure", lang.t("deve ser a palavra APAGAR", "must be the word ERASE"));
    }
}

/// OS's no in this form's words: the field, or the orders that are in the way.
fn said(lang: Lang, refusal: &Refusal) -> Objections {
    if refusal.code != "open_orders" {
        return Objections::of(lang, refusal, |field| (field == "reason").then_some("why"));
    }
    let named = refusal.errors.iter().map(|order| {
        let number = order.field.parse().map_or_else(|_| order.field.clone(), show::number_of);
        let standing = status::order(lang, order.detail.trim_start_matches("is ")).words;
        format!("{} {number} ({standing})", lang.t("OS", "order"))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let words = lang.t(
        "Não é possível agora: há ordens em aberto ou com dinheiro a devolver",
        "Not possible now: there are orders that are open or hold money to go back",
    );
    Objections::whole(if named.is_empty() { format!("{words}.") } else { format!("{words}: {named}.") })
}

/// What Billing could not take of these orders, if anything.
async fn unheard(by: &SignedIn, record: &Record) -> Result<Option<String>, Trouble> {
    let letters = letters(&by.asker).await?;
    let theirs = |letter: &&Letter| record.orders.iter().any(|order| Some(order.id) == letter.work_order_id);
    let count = letters.iter().filter(theirs).count();
    Ok((count > 0).then(|| {
        format!(
            "{} ({count}). {}",
            by.lang.t(
                "Não é possível agora: há mensagens paradas que ainda trazem o nome do cliente",
                "Not possible now: there are dead letters that still hold the customer's name"
            ),
            by.lang.t(
                "Reenvie ou descarte-as antes (garage dlq).",
                "Replay or discard them first (garage dlq)."
            ),
        )
    }))
}

async fn letters(asker: &Asker) -> Result<Vec<Letter>, No> {
    asker.all(Service::Billing, NAMING).await
}

/// In place of the data: that they are gone, since when, and to a manager by whom and why.
pub(super) fn erased(app: &App, by: &SignedIn, record: &Record) -> Markup {
    let lang = by.lang;
    let Some(at) = record.customer.erased_at else { return html! {} };
    html! {
        section class="card over" {
            p { (icon(Icon::Check)) (lang.t("Os dados deste cliente foram apagados em ", "This customer's data were erased on ")) (show::time(lang, app.local(at))) "." }
            @if let Some(erasure) = &record.erasure {
                dl class="pairs" {
                    div { dt { (lang.t("Por", "By")) } dd { (erasure.erased_by) } }
                    div { dt { (lang.t("Motivo", "Reason")) } dd { (erasure.reason) } }
                }
                @if erasure.completed_at.is_none() {
                    (ui::alarm(lang.t("As ordens ainda não foram limpas: algo parou no meio.", "The orders are not done yet: something stopped halfway.")))
                    (ui::press(&format!("/customers/{}/erase", record.customer.id), &by.word, "primary", lang.t("Continuar a apagar", "Go on erasing")))
                }
            }
        }
    }
}

/// A person's rights over their data, at a manager's hand.
pub(super) fn rights(by: &SignedIn, record: &Record, form: &Form, objections: &Objections) -> Markup {
    let (lang, id) = (by.lang, record.customer.id);
    html! {
        section class="card" {
            h2 { "LGPD" }
            p { a class="button" href={ "/customers/" (id) "/data.json" } { (icon(Icon::Doc)) (lang.t("Exportar os dados", "Export the data")) } }
            @if record.customer.is_erased() {}
            @else if record.vehicles.is_empty() && record.orders.is_empty() {
                p class="quiet" { (lang.t("Nada depende deste cliente: pode ser apagado sem deixar rastro.", "Nothing depends on this customer: it can be deleted without a trace.")) }
                (ui::press(&format!("/customers/{id}/delete"), &by.word, "danger", lang.t("Apagar o cliente", "Delete the customer")))
            } @else {
                (form_of(by, record, form, objections))
            }
        }
    }
}

fn form_of(by: &SignedIn, record: &Record, form: &Form, objections: &Objections) -> Markup {
    let lang = by.lang;
    let is_tried = objections.to("why").is_some() || objections.to("sure").is_some() || form.has("sure");
    let why = Field { most: 500, ..Field::text("why", lang.t("Motivo", "Reason")).required() };
    let why = why.hint(lang.t(
        "Fica guardado: não cite o cliente. Ex.: pedido por escrito, art. 18.",
        "It stays: do not name the customer. E.g.: asked for in writing, art. 18.",
    ));
    let sure = Field { most: 20, ..Field::text("sure", lang.t("Digite APAGAR", "Type ERASE")).required() };
    html! {
        details open[is_tried] {
            summary { (lang.t("Apagar os dados do cliente", "Erase the customer's data")) }
            (what_goes_and_stays(lang))
            form method="post" action={ "/customers/" (record.customer.id) "/erase" } {
                (hidden(WORD, &by.word))
                div class="fields" { (field(why, form, objections)) (field(sure, form, objections)) }
                div class="bar" { button class="danger" { (lang.t("Apagar para sempre", "Erase for good")) } }
            }
        }
    }
}

fn what_goes_and_stays(lang: Lang) -> Markup {
    html! {
        p { b { (lang.t("Vai embora: ", "Goes: ")) } (lang.t(
            "nome, CPF ou CNPJ, telefone e e-mail; o que o balcão e o cliente escreveram nas ordens, recusas e devoluções; o endereço do boleto e o endereço de rede da aprovação; carros que nunca tiveram serviço.",
            "name, CPF or CNPJ, phone and e-mail; what the desk and the customer wrote into orders, refusals and refunds; the boleto's address and the network address of the approval; cars that were never worked on.",
        )) }
        p { b { (lang.t("Fica, sem nome: ", "Stays, without a name: ")) } (lang.t(
            "ordens, orçamentos e pagamentos com valores e datas, que os livros, o fisco e a garantia pedem (LGPD art. 16, I; CDC arts. 26 e 27); a placa e o que a oficina anotou do carro, que são o histórico do carro; quem apagou, quando e por quê.",
            "orders, quotes and payments with amounts and dates, which the books, the tax office and the warranty need (LGPD art. 16, I; CDC arts. 26 and 27); the plate and what the workshop noted of the car, which are the car's record; who erased, when and why.",
        )) }
        p class="quiet" { (lang.t(
            "Não tem volta. Só depois que todas as ordens terminaram e nada há a devolver. Cópias de segurança se vão com o tempo delas.",
            "There is no way back. Only once all orders have ended and nothing is to go back. Back-ups go in their own time.",
        )) }
    }
}
