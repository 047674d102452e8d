//! What goes wrong, said to people: a service's no in the page's language, one that is away by its name, a forged or old
//! form. The causes go to the log. A page that cannot be shown becomes a small page of its own in [`crate::guard`].

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use garage_events::Service;
use garage_kit::{Failure, http::Problem};

use crate::{
    lang::Lang,
    services::{No, Refusal},
};

mod bounds;
mod state;

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no such thing.
    NotFound,
    /// It is somebody else's business.
    NotYours,
    /// The form was not made for whoever sends it, or their session has ended since.
    Forged,
    /// Too often.
    TooMany,
    /// A service said no.
    Refused(Refusal),
    /// A service is away.
    Away(Service),
    /// Something of ours failed.
    Failed,
}

/// What the small page says: for [`crate::guard`], which knows the language.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pt: String,
    en: String,
}

impl Told {
    pub(crate) fn words(&self, lang: Lang) -> &str {
        match lang {
            Lang::Pt => &self.pt,
            Lang::En => &self.en,
        }
    }
}

impl From<No> for Trouble {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) if refusal.status == 404 => Self::NotFound,
            No::Refused(refusal) if refusal.status == 403 => Self::NotYours,
            No::Refused(refusal) if refusal.status == 429 => Self::TooMany,
            No::Refused(refusal) => Self::Refused(refusal),
            No::Away(service, cause) => {
                tracing::warn!(service = service.word(), cause, "a service did not answer");
                Self::Away(service)
            }
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        tracing::error!(%failure, "a page failed");
        Self::Failed
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        if problem.status() == StatusCode::TOO_MANY_REQUESTS { Self::TooMany } else { Self::Failed }
    }
}

impl Trouble {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotYours | Self::Forged => StatusCode::FORBIDDEN,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::Away(_) => StatusCode::BAD_GATEWAY,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn words(&self, lang: Lang) -> String {
        match self {
            Self::NotFound => lang
                .t("Isto não existe, ou não existe mais.", "There is no such thing, or not any more.")
                .to_owned(),
            Self::NotYours => {
                lang.t("Sua função não permite isto.", "Your role does not allow this.").to_owned()
            }
            Self::Forged => lang
                .t(
                    "Este formulário não vale mais: volte, recarregue a página e tente de novo.",
                    "This form is no longer valid: go back, reload the page and try again.",
                )
                .to_owned(),
            Self::TooMany => {
                lang.t("Tentativas demais. Espere um minuto.", "Too many tries. Wait a minute.").to_owned()
            }
            Self::Refused(refusal) => refused(lang, refusal),
            Self::Away(service) => away(lang, *service),
            Self::Failed => {
                lang.t("Algo nosso falhou. Tente de novo.", "Something of ours failed. Try again.").to_owned()
            }
        }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let told = Told { pt: self.words(Lang::Pt), en: self.words(Lang::En) };
        let mut response = self.status().into_response();
        response.extensions_mut().insert(told);
        response
    }
}

/// Which part of the shop is away.
pub(crate) fn away(lang: Lang, service: Service) -> String {
    let part = match service {
        Service::Os => lang.t("O serviço de ordens", "The service for work orders"),
        Service::Billing => {
            lang.t("O serviço de orçamentos e pagamentos", "The service for quotes and payments")
        }
        Service::Execution => lang.t("O serviço da oficina", "The workshop's service"),
    };
    format!(
        "{part} {}",
        lang.t(
            "não responde agora. Tente de novo em instantes.",
            "does not answer right now. Try again in a moment."
        )
    )
}

/// A no to the whole of a command.
pub(crate) fn refused(lang: Lang, refusal: &Refusal) -> String {
    match refusal.code.as_str() {
        "stale" => lang
            .t(
                "Isto mudou enquanto você olhava. Veja de novo e decida.",
                "This has changed meanwhile. Look again and decide.",
            )
            .to_owned(),
        "payment_failed" => payment_failed(lang, &refusal.detail),
        _ => state::sentence(lang, &refusal.detail).unwrap_or_else(|| {
            let before = lang.t("Não é possível agora", "Not possible now");
            format!("{before}: {}", objection(lang, &refusal.detail))
        }),
    }
}

fn payment_failed(lang: Lang, detail: &str) -> String {
    let reason = detail.rsplit(": ").next().unwrap_or_default();
    let reason = match reason {
        "cc_rejected_insufficient_amount" => lang.t("saldo insuficiente", "insufficient balance"),
        "cc_rejected_call_for_authorize" => {
            lang.t("o banco pede autorização", "the bank asks for authorization")
        }
        other => other,
    };
    let before = lang.t("O pagamento foi recusado", "The payment was declined");
    format!("{before} ({reason}). {}", lang.t("Pode tentar de novo.", "It can be tried again."))
}

/// What the services say of fields and states; they speak English.
const WORDS: [(&str, &str); 22] = [
    ("is required", "é obrigatório"),
    ("must not be empty", "não pode ficar vazio"),
    ("must be a plate such as ABC-1234 or ABC1D23", "deve ser uma placa como ABC-1234 ou ABC1D23"),
    (
        "must be a CPF (11 digits) or a CNPJ (14 digits or letters, the last two digits)",
        "deve ser um CPF (11 dígitos) ou um CNPJ (14 dígitos ou letras, os dois últimos dígitos)",
    ),
    (
        "must be a number that was issued: its check digits do not fit",
        "deve ser um número válido: os dígitos verificadores não conferem",
    ),
    (
        "must be a Brazilian phone number with its area code, such as 11987654321 or (11) 3456-7890",
        "deve ser um telefone com DDD, como (11) 98765-4321 ou (11) 3456-7890",
    ),
    ("must be an e-mail address such as ana@example.com", "deve ser um e-mail como ana@example.com"),
    ("must be a number, such as 150.5", "deve ser um número, como 150,50"),
    ("must not be negative", "não pode ser negativo"),
    ("must have at most two decimals", "deve ter no máximo duas casas decimais"),
    ("must be at most 9999999999.99", "deve ser no máximo 9.999.999.999,99"),
    (
        "must be a number above 0, at most 1000000, with at most three decimals",
        "deve ser um número acima de 0, no máximo 1.000.000, com até três casas decimais",
    ),
    ("must be a vehicle of this customer", "deve ser um veículo deste cliente"),
    ("another customer has this document", "outro cliente tem este documento"),
    ("another vehicle has this plate", "outro veículo tem esta placa"),
    ("the vehicle has work orders and stays with them", "o veículo tem ordens de serviço e fica com elas"),
    (
        "the customer has vehicles or work orders and stays with them",
        "o cliente tem veículos ou ordens e fica com eles",
    ),
    (
        "must be a customer's; this one's data have been erased",
        "deve ser um cliente cujos dados não foram apagados",
    ),
    (
        "must not name the customer, as it stays",
        "não pode citar nome, documento, telefone nem e-mail do cliente, pois fica guardado",
    ),
    ("another part has this number", "outra peça tem este código"),
    ("belongs to another part", "é de outra peça"),
    ("too many requests: wait a little", "tentativas demais: espere um pouco"),
];

/// A service's words in the page's language, where they are known.
pub(crate) fn objection(lang: Lang, detail: &str) -> String {
    if lang == Lang::En {
        return detail.to_owned();
    }
    let known = WORDS.iter().find(|(english, _)| *english == detail);
    let known = known.map(|(_, portuguese)| (*portuguese).to_owned());
    known.or_else(|| bounds::objection(detail)).unwrap_or_else(|| detail.to_owned())
}
