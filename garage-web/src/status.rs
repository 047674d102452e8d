//! Where things stand, in people's words, with a picture and a tone; never by colour alone. And which step a person may
//! take next: an offer, as the services decide.

use maud::{Markup, html};

use crate::{
    lang::Lang,
    ui::{Icon, icon},
};

/// How a status feels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing to do.
    Calm,
    /// Somebody must act.
    Waits,
    /// Under way.
    Moves,
    /// As it should end.
    Good,
    /// Not as it should end.
    Bad,
}

/// A status as it is shown.
pub(crate) struct Shown {
    pub(crate) words: String,
    icon: Icon,
    tone: Tone,
}

impl Shown {
    fn new(words: &str, icon: Icon, tone: Tone) -> Self {
        Self { words: words.to_owned(), icon, tone }
    }

    /// Word and picture.
    pub(crate) fn chip(&self) -> Markup {
        let tone = match self.tone {
            Tone::Calm => "calm",
            Tone::Waits => "waits",
            Tone::Moves => "moves",
            Tone::Good => "good",
            Tone::Bad => "bad",
        };
        html! { span class={ "chip " (tone) } { (icon(self.icon)) (self.words) } }
    }
}

/// Of a work order.
pub(crate) fn order(lang: Lang, status: &str) -> Shown {
    match status {
        "PENDING" => Shown::new(lang.t("Recebido", "Received"), Icon::Key, Tone::Calm),
        "QUOTED" => Shown::new(lang.t("Orçar", "To quote"), Icon::Doc, Tone::Waits),
        "QUOTE_SENT" => {
            Shown::new(lang.t("Aguardando aprovação", "Awaiting approval"), Icon::Clock, Tone::Waits)
        }
        "APPROVED" => Shown::new(lang.t("Aguardando pagamento", "Awaiting payment"), Icon::Coin, Tone::Waits),
        "IN_PROGRESS" => Shown::new(lang.t("Na oficina", "In the workshop"), Icon::Wrench, Tone::Moves),
        "COMPLETED" => Shown::new(lang.t("Pronto", "Ready"), Icon::Check, Tone::Good),
        "DELIVERED" => Shown::new(lang.t("Entregue", "Delivered"), Icon::Flag, Tone::Good),
        "CANCELLED" => Shown::new(lang.t("Cancelado", "Cancelled"), Icon::Cross, Tone::Bad),
        "FAILED" => Shown::new(lang.t("Não foi possível", "Could not be done"), Icon::Alert, Tone::Bad),
        other => Shown::new(other, Icon::Clock, Tone::Calm),
    }
}

/// Of the workshop's job.
pub(crate) fn job(lang: Lang, status: &str) -> Shown {
    match status {
        "AWAITING_PAYMENT" => {
            Shown::new(lang.t("Aguardando pagamento", "Awaiting payment"), Icon::Coin, Tone::Waits)
        }
        "QUEUED" => Shown::new(lang.t("Na fila", "In the queue"), Icon::Clock, Tone::Waits),
        "DIAGNOSING" => Shown::new(lang.t("Em diagnóstico", "Being diagnosed"), Icon::Wrench, Tone::Moves),
        "DIAGNOSIS_COMPLETE" => Shown::new(lang.t("Diagnosticado", "Diagnosed"), Icon::Check, Tone::Moves),
        "REPAIRING" => Shown::new(lang.t("Em reparo", "Being repaired"), Icon::Wrench, Tone::Moves),
        "REPAIR_COMPLETE" => Shown::new(lang.t("Reparado", "Repaired"), Icon::Check, Tone::Moves),
        "TESTING" => Shown::new(lang.t("Em teste", "Being tested"), Icon::Flag, Tone::Moves),
        "COMPLETED" => Shown::new(lang.t("Serviço concluído", "Work finished"), Icon::Check, Tone::Good),
        "FAILED" => Shown::new(lang.t("Não foi possível", "Could not be done"), Icon::Alert, Tone::Bad),
        "CANCELLED" => Shown::new(lang.t("Cancelado", "Cancelled"), Icon::Cross, Tone::Bad),
        other => Shown::new(other, Icon::Clock, Tone::Calm),
    }
}

/// Of a quote.
pub(crate) fn quote(lang: Lang, status: &str) -> Shown {
    match status {
        "PENDING" => Shown::new(lang.t("Rascunho", "Draft"), Icon::Doc, Tone::Waits),
        "SENT" => Shown::new(lang.t("Enviado", "Sent"), Icon::Clock, Tone::Waits),
        "APPROVED" => Shown::new(lang.t("Aprovado", "Approved"), Icon::Check, Tone::Good),
        "REJECTED" => Shown::new(lang.t("Recusado", "Rejected"), Icon::Cross, Tone::Bad),
        "EXPIRED" => Shown::new(lang.t("Vencido", "Expired"), Icon::Clock, Tone::Bad),
        "CANCELLED" => Shown::new(lang.t("Cancelado", "Cancelled"), Icon::Cross, Tone::Bad),
        other => Shown::new(other, Icon::Doc, Tone::Calm),
    }
}

/// Of an attempt to pay.
pub(crate) fn payment(lang: Lang, status: &str) -> Shown {
    match status {
        "PROCESSING" => Shown::new(lang.t("Em processamento", "Being processed"), Icon::Clock, Tone::Waits),
        "PENDING" => Shown::new(lang.t("Aguardando pagamento", "Awaiting payment"), Icon::Clock, Tone::Waits),
        "APPROVED" => Shown::new(lang.t("Pago", "Paid"), Icon::Check, Tone::Good),
        "REJECTED" => Shown::new(lang.t("Recusado", "Declined"), Icon::Cross, Tone::Bad),
        "CANCELLED" => Shown::new(lang.t("Cancelado", "Cancelled"), Icon::Cross, Tone::Calm),
        "REFUNDING" => Shown::new(lang.t("Em devolução", "Being refunded"), Icon::Clock, Tone::Waits),
        "REFUNDED" => Shown::new(lang.t("Devolvido", "Refunded"), Icon::Coin, Tone::Calm),
        other => Shown::new(other, Icon::Coin, Tone::Calm),
    }
}

/// Of a part that a manager gives back.
pub(crate) fn refund(lang: Lang, status: &str) -> Shown {
    match status {
        "PROCESSING" => Shown::new(lang.t("Em devolução", "Being refunded"), Icon::Clock, Tone::Waits),
        "DONE" => Shown::new(lang.t("Devolvido", "Refunded"), Icon::Coin, Tone::Calm),
        "REFUSED" => Shown::new(lang.t("Não devolvido", "Not refunded"), Icon::Alert, Tone::Bad),
        other => Shown::new(other, Icon::Coin, Tone::Calm),
    }
}

/// Of a charge-back, in the gateway's words.
pub(crate) fn charge_back(lang: Lang, standing: &str) -> Shown {
    match standing {
        "settled" => Shown::new(
            lang.t("O cliente tem o dinheiro", "The customer has the money"),
            Icon::Alert,
            Tone::Bad,
        ),
        "reimbursed" => {
            Shown::new(lang.t("A oficina tem o dinheiro", "The shop has the money"), Icon::Check, Tone::Good)
        }
        _ => Shown::new(lang.t("Em disputa", "In dispute"), Icon::Alert, Tone::Waits),
    }
}

/// The stages of an order on its way, and how many of them are behind it; none for one that left the way.
pub(crate) fn stepper(lang: Lang, status: &str) -> Markup {
    let stages = [
        lang.t("Recebido", "Received"),
        lang.t("Orçamento", "Quote"),
        lang.t("Aprovação", "Approval"),
        lang.t("Pagamento", "Payment"),
        lang.t("Serviço", "Work"),
        lang.t("Pronto", "Ready"),
        lang.t("Entregue", "Delivered"),
    ];
    let reached = match status {
        "PENDING" => 1,
        "QUOTED" => 1,
        "QUOTE_SENT" => 2,
        "APPROVED" => 3,
        "IN_PROGRESS" => 4,
        "COMPLETED" => 6,
        "DELIVERED" => 7,
        _ => return html! {},
    };
    html! {
        ol class="steps" aria-label=(lang.t("Etapas", "Stages")) {
            @for (place, stage) in stages.iter().enumerate() {
                @let (class, said) = match place {
                    place if place < reached => ("done", lang.t("feito", "done")),
                    place if place == reached => ("now", lang.t("agora", "now")),
                    _ => ("", lang.t("depois", "later")),
                };
                li class=(class) aria-current=[(place == reached).then_some("step")] {
                    span class="dot" { @if place < reached { (icon(Icon::Check)) } }
                    span { (stage) span class="unseen" { " (" (said) ")" } }
                }
            }
        }
    }
}

/// How somebody pays.
pub(crate) fn method(lang: Lang, method: &str) -> String {
    match method {
        "PIX" => "PIX".to_owned(),
        "CREDIT_CARD" => lang.t("Cartão de crédito", "Credit card").to_owned(),
        "DEBIT_CARD" => lang.t("Cartão de débito", "Debit card").to_owned(),
        "BOLETO" => "Boleto".to_owned(),
        other => other.to_owned(),
    }
}

/// Why an order was called off.
pub(crate) fn reason(lang: Lang, reason: &str) -> String {
    match reason {
        "CUSTOMER_REQUEST" => lang.t("a pedido do cliente", "at the customer's request").to_owned(),
        "QUOTE_REJECTED" => {
            lang.t("o cliente recusou o orçamento", "the customer rejected the quote").to_owned()
        }
        "QUOTE_EXPIRED" => {
            lang.t("o orçamento venceu sem resposta", "the quote expired unanswered").to_owned()
        }
        "ERASED" => lang.t("apagado com o cliente", "erased with the customer").to_owned(),
        "WORK_ORDER_CANCELLED" => lang.t("a ordem foi cancelada", "the order was cancelled").to_owned(),
        other => other.to_owned(),
    }
}

/// Somebody's role.
pub(crate) fn role(lang: Lang, role: &str) -> &str {
    match role {
        "attendant" => lang.t("Atendente", "Attendant"),
        "technician" => lang.t("Técnico", "Technician"),
        "manager" => lang.t("Gerente", "Manager"),
        other => other,
    }
}

/// How urgent a job is.
pub(crate) fn priority(lang: Lang, priority: &str) -> Option<Shown> {
    match priority {
        "URGENT" => Some(Shown::new(lang.t("Urgente", "Urgent"), Icon::Alert, Tone::Bad)),
        "HIGH" => Some(Shown::new(lang.t("Prioridade alta", "High priority"), Icon::Flag, Tone::Waits)),
        "LOW" => Some(Shown::new(lang.t("Sem pressa", "No hurry"), Icon::Clock, Tone::Calm)),
        _ => None,
    }
}
