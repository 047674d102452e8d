//! A service's no to what is not possible as things stand, in people's words. The services say it as
//! [`garage_events::Refusal::State`] does: in English, and with the states' codes.

use crate::{lang::Lang, status};

/// What is asked for.
const ACTS: [(&str, &str); 26] = [
    ("adding so many", "somar tantas"),
    ("answering an earlier text", "responder a um texto anterior"),
    ("approving", "aprovar"),
    ("cancelling", "cancelar"),
    ("changing", "alterar"),
    ("changing what the quote was made from", "mudar aquilo de que o orçamento foi feito"),
    ("completing", "concluir"),
    ("completing the diagnosis", "concluir o diagnóstico"),
    ("completing the repair", "concluir o reparo"),
    ("delivering", "entregar"),
    ("editing", "editar"),
    ("failing", "encerrar sem reparo"),
    ("giving a part back", "devolver uma parte"),
    ("paying", "pagar"),
    ("paying again", "pagar de novo"),
    ("paying by this link", "pagar por este link"),
    ("queueing by hand", "pôr na fila"),
    ("rejecting", "recusar"),
    ("removing", "remover"),
    ("revising", "revisar"),
    ("sending", "enviar"),
    ("starting the diagnosis", "começar o diagnóstico"),
    ("starting the repair", "começar o reparo"),
    ("starting the test", "começar o teste"),
    ("taking so many", "tirar tantas"),
    ("withdrawing", "retirar a cobrança"),
];

/// What stands so.
const THINGS: [(&str, &str); 11] = [
    ("bill", "a conta está"),
    ("customer", "o cliente está"),
    ("earlier payment", "o pagamento anterior está"),
    ("earlier refund", "a devolução anterior está"),
    ("execution", "o serviço está"),
    ("part", "a peça está"),
    ("payment", "o pagamento está"),
    ("quote", "o orçamento está"),
    ("refund at the gateway", "a devolução no meio de pagamento está"),
    ("stock", "o estoque é de"),
    ("work order", "a ordem está"),
];

/// States without a code.
const STATES: [(&str, &str); 9] = [
    ("ERASED", "apagado"),
    ("at its last attempt; ask the workshop", "na última tentativa: fale com a oficina"),
    (
        "at its last revision; call the order off and open another",
        "na última revisão: cancele a ordem e abra outra",
    ),
    ("being written anew and not sent yet", "em revisão, e o novo texto ainda não foi enviado"),
    ("needed by a work order", "reservada para uma ordem"),
    ("not known to be finished", "sem a notícia de que o serviço terminou"),
    ("not known to be paid", "sem a notícia de que foi paga"),
    ("still on its way", "a caminho"),
    ("worth nothing", "sem valor"),
];

/// The whole sentence, if `detail` is such a no and all of it is known.
pub(super) fn sentence(lang: Lang, detail: &str) -> Option<String> {
    let (act, rest) = detail.split_once(" is not possible: the ")?;
    let (thing, state) = rest.split_once(" is ")?;
    let named = code(lang, thing, state).map(|words| format!("“{words}”"));
    if lang == Lang::En {
        return named.map(|state| format!("Not possible now: {act}, as the {thing} is {state}"));
    }
    let (act, thing) = (word(&ACTS, act)?, word(&THINGS, thing)?);
    let state = named.or_else(|| free(state))?;
    Some(format!("Não é possível {act}: {thing} {state}"))
}

/// A state with a code, as the screens show it.
fn code(lang: Lang, thing: &str, state: &str) -> Option<String> {
    let shown = match thing {
        "quote" => status::quote(lang, state),
        "work order" => status::order(lang, state),
        "execution" => status::job(lang, state),
        "payment" | "earlier payment" => status::payment(lang, state),
        _ => return None,
    };
    Some(shown.words).filter(|words| words != state)
}

/// A state that is said.
fn free(state: &str) -> Option<String> {
    if let Some(known) = word(&STATES, state) {
        return Some(known.to_owned());
    }
    if let Some(revision) = state.strip_prefix("at revision ") {
        return Some(format!("na revisão {revision}"));
    }
    if let Some(orders) = state.strip_prefix("needed by ").and_then(|rest| rest.strip_suffix(" work orders"))
    {
        return Some(format!("reservada para {orders} ordens"));
    }
    let attempts = " attempts, as many as a customer's link may make: ask the workshop";
    if let Some(many) = state.strip_prefix("at ").and_then(|rest| rest.strip_suffix(attempts)) {
        return Some(format!("em {many} tentativas, e mais não são possíveis por ele: fale com a oficina"));
    }
    let parts = state.strip_prefix("given back in ");
    if let Some(parts) = parts.and_then(|rest| rest.strip_suffix(" parts, and no more are possible")) {
        return Some(format!("devolvido em {parts} partes, e mais não são possíveis"));
    }
    let priceless =
        state.strip_prefix("incomplete, ").and_then(|rest| rest.strip_suffix(" has no price yet"));
    if let Some(line) = priceless {
        return Some(format!("incompleto: {line} ainda não tem preço"));
    }
    state.parse::<f64>().is_ok().then(|| state.replace('.', ","))
}

fn word(words: &[(&str, &'static str)], english: &str) -> Option<&'static str> {
    words.iter().find(|(known, _)| *known == english).map(|(_, portuguese)| *portuguese)
}

#[cfg(test)]
mod tests {
    use garage_events::{QuoteStatus, Refusal};

    use super::*;

    fn said(lang: Lang, refusal: &Refusal) -> Option<String> {
        sentence(lang, &refusal.to_string())
    }

    #[test]
    fn a_state_is_named_as_the_screens_name_it() {
        let refusal = Refusal::state("approving", "quote", QuoteStatus::Expired);
        assert_eq!(
            said(Lang::Pt, &refusal).as_deref(),
            Some("Não é possível aprovar: o orçamento está “Vencido”")
        );
        assert_eq!(
            said(Lang::En, &refusal).as_deref(),
            Some("Not possible now: approving, as the quote is “Expired”")
        );
    }

    #[test]
    fn a_state_without_a_code_is_said() {
        for (refusal, said_so) in [
            (
                Refusal::state("sending", "quote", "incomplete, `Oil` has no price yet"),
                "Não é possível enviar: o orçamento está incompleto: `Oil` ainda não tem preço",
            ),
            (
                Refusal::state("removing", "part", "needed by 3 work orders"),
                "Não é possível remover: a peça está reservada para 3 ordens",
            ),
            (
                Refusal::state("taking so many", "stock", "2.5"),
                "Não é possível tirar tantas: o estoque é de 2,5",
            ),
            (
                Refusal::state("answering an earlier text", "quote", "at revision 2"),
                "Não é possível responder a um texto anterior: o orçamento está na revisão 2",
            ),
        ] {
            assert_eq!(said(Lang::Pt, &refusal).as_deref(), Some(said_so));
            assert_eq!(said(Lang::En, &refusal), None, "English is as the service says it");
        }
    }

    #[test]
    fn what_is_not_known_is_not_half_translated() {
        for detail in [
            "flying is not possible: the quote is SENT",
            "sending is not possible: the moon is SENT",
            "sending is not possible: the quote is made of cheese",
            "must not be empty",
        ] {
            assert_eq!(sentence(Lang::Pt, detail), None, "{detail}");
        }
    }
}
