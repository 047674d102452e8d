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

/// Of an attempt to pay, with `WITHDRAWN` for one that the desk took back.
pub(crate) fn payment(lang: Lang, status: &str) -> Shown {
    match status {
        "PROCESSING" => Shown::new(lang.t("Em processamento", "Being processed"), Icon::Clock, Tone::Waits),
        "PENDING" => Shown::new(lang.t("Aguardando pagamento", "Awaiting payment"), Icon::Clock, Tone::Waits),
        "APPROVED" => Shown::new(lang.t("Pago", "Paid"), Icon::Check, Tone::Good),
        "REJECTED" => Shown::new(lang.t("Recusado", "Declined"), Icon::Cross, Tone::Bad),
        "CANCELLED" => Shown::new(lang.t("Cancelado", "Cancelled"), Icon::Cross, Tone::Calm),
        "WITHDRAWN" => Shown::new(lang.t("Retirado", "Withdrawn"), Icon::Cross, Tone::Calm),
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

/// Why an attempt to pay came to nothing, for Mercado Pago's codes (its page "Response codes"); another one is shown as it
/// came.
pub(crate) fn declined(lang: Lang, reason: &str) -> &str {
    match reason {
        "cc_rejected_insufficient_amount" => lang.t("saldo insuficiente", "insufficient balance"),
        "cc_rejected_call_for_authorize" => {
            lang.t("o banco pede autorização", "the bank asks for authorization")
        }
        "cc_rejected_bad_filled_card_number" => lang.t("número do cartão errado", "wrong card number"),
        "cc_rejected_bad_filled_date" => lang.t("validade errada", "wrong expiry date"),
        "cc_rejected_bad_filled_security_code" => lang.t("código de segurança errado", "wrong security code"),
        "cc_rejected_bad_filled_other" => lang.t("dados do cartão errados", "wrong card details"),
        "cc_rejected_card_disabled" => lang.t("cartão não ativado", "the card is not active"),
        "cc_rejected_card_type_not_allowed" => {
            lang.t("tipo de cartão não aceito", "this sort of card is not taken")
        }
        "cc_rejected_duplicated_payment" => lang.t("pagamento repetido", "paid twice"),
        "cc_rejected_invalid_installments" => lang.t("parcelas não aceitas", "instalments are not taken"),
        "cc_rejected_max_attempts" => lang.t("tentativas demais", "too many tries"),
        "cc_rejected_high_risk" | "cc_rejected_blacklist" => {
            lang.t("recusado por segurança", "declined for safety")
        }
        "cc_rejected_card_error" | "cc_rejected_other_reason" => {
            lang.t("o banco não autorizou", "the bank did not authorize it")
        }
        "expired" => lang.t("venceu sem pagamento", "lapsed unpaid"),
        "by_collector" => lang.t("cancelado pela oficina", "cancelled by the shop"),
        "WITHDRAWN" => lang.t("retirado pelo balcão", "withdrawn by the desk"),
        "CAPTURED_AFTER_END" => {
            lang.t("pago depois de encerrado, por isso devolvido", "paid after it had ended, so given back")
        }
        "REFUNDED_AT_GATEWAY" => {
            lang.t("devolvido no meio de pagamento", "given back at the payment provider")
        }
        "by_payer" => lang.t("cancelado pelo cliente", "cancelled by the customer"),
        other => other,
    }
}

/// Whom something waits for.
pub(crate) fn awaited(lang: Lang, who: &str) -> &str {
    match who {
        "customer" => lang.t("o cliente", "the customer"),
        "workshop" => lang.t("a oficina", "the workshop"),
        "desk" => lang.t("o balcão", "the desk"),
        "payment-gateway" => lang.t("o meio de pagamento", "the payment provider"),
        "os-service" => lang.t("o serviço de ordens", "the service for work orders"),
        "billing-service" => {
            lang.t("o serviço de orçamentos e pagamentos", "the service for quotes and payments")
        }
        "execution-service" => lang.t("o serviço da oficina", "the workshop's service"),
        other => other,
    }
}

/// What they must do. The services say it in English.
pub(crate) fn waited_for(lang: Lang, what: &str) -> &str {
    let portuguese = match what {
        "the quote" => "o orçamento",
        "sending the quote" => "enviar o orçamento",
        "a word on the quote" => "a resposta ao orçamento",
        "the payment" => "o pagamento",
        "the end of the repair" => "o fim do reparo",
        "the end of the repair, as promised" => "o fim do reparo, como prometido",
        "handing the car over" => "entregar o carro",
        "stopping the work" => "parar o serviço",
        "giving the money back" => "devolver o dinheiro",
        "what became of a charge" => "o resultado de uma cobrança",
        "a refund" => "uma devolução",
        "paying the code or the boleto" => "pagar o código ou o boleto",
        "hearing of the quote" => "saber do orçamento",
        "hearing of the payment" => "saber do pagamento",
        "telling that the order is off" => "avisar que a ordem foi cancelada",
        "whether the work was finished" => "dizer se o serviço foi concluído",
        "a technician" => "um técnico",
        "the next step" => "o próximo passo",
        "hearing how the work ended" => "saber como o serviço terminou",
        "telling that the order is paid" => "avisar que a ordem foi paga",
        other => return other,
    };
    if lang == Lang::Pt { portuguese } else { what }
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

#[cfg(test)]
mod tests {
    use garage_events::waiting::WAITS;

    use super::*;

    #[test]
    fn whatever_something_waits_for_is_said_in_the_page_s_language() {
        for wait in WAITS {
            let who = wait.who.to_string();
            for lang in [Lang::Pt, Lang::En] {
                assert_ne!(awaited(lang, &who), who, "{}", wait.name);
            }
            assert_ne!(waited_for(Lang::Pt, wait.what), wait.what, "{}", wait.name);
            assert_eq!(waited_for(Lang::En, wait.what), wait.what);
        }
        assert_eq!(waited_for(Lang::Pt, "something new"), "something new");
    }

    #[test]
    fn why_an_attempt_came_to_nothing_is_said_in_words() {
        for reason in
            ["cc_rejected_insufficient_amount", "cc_rejected_other_reason", "expired", "by_collector"]
        {
            for lang in [Lang::Pt, Lang::En] {
                assert_ne!(declined(lang, reason), reason);
            }
        }
        assert_eq!(declined(Lang::Pt, "cc_rejected_new"), "cc_rejected_new");
    }
}
