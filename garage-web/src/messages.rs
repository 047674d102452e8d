//! What the shop writes to a customer at each stage: a text with the link, which WhatsApp opens ready to be sent from the
//! shop's own number (`wa.me`, no contract), and the letter that goes by mail where the stage is switched on
//! ([`crate::mail`]). Pure.

use crate::{Settings, lang::Lang, services::view::Order, show};

/// Where an order stands, as far as its customer is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Received,
    ToApprove,
    ToPay,
    InWorkshop,
    Ready,
    HandedOver,
    Closed,
}

impl Stage {
    pub(crate) const ALL: [Self; 7] = [
        Self::Received,
        Self::ToApprove,
        Self::ToPay,
        Self::InWorkshop,
        Self::Ready,
        Self::HandedOver,
        Self::Closed,
    ];

    /// How it is kept.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::ToApprove => "TO_APPROVE",
            Self::ToPay => "TO_PAY",
            Self::InWorkshop => "IN_WORKSHOP",
            Self::Ready => "READY",
            Self::HandedOver => "HANDED_OVER",
            Self::Closed => "CLOSED",
        }
    }

    /// The stage that is kept by this word.
    pub(crate) fn kept_as(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.word() == word)
    }

    /// The statuses of its orders.
    pub(crate) const fn statuses(self) -> &'static [&'static str] {
        match self {
            Self::Received => &["PENDING", "QUOTED"],
            Self::ToApprove => &["QUOTE_SENT"],
            Self::ToPay => &["APPROVED"],
            Self::InWorkshop => &["IN_PROGRESS"],
            Self::Ready => &["COMPLETED"],
            Self::HandedOver => &["DELIVERED"],
            Self::Closed => &["CANCELLED", "FAILED"],
        }
    }

    /// The stage of an order with this status.
    pub(crate) fn of(status: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.statuses().contains(&status))
    }

    /// What there is to say.
    pub(crate) const fn news(self, lang: Lang) -> &'static str {
        match self {
            Self::Received => lang.t("Recebemos o seu carro", "We have received your car"),
            Self::ToApprove => lang.t("O orçamento está pronto", "The quote is ready"),
            Self::ToPay => lang.t("Orçamento aprovado", "The quote is approved"),
            Self::InWorkshop => lang.t("O carro está com a oficina", "The car is with the workshop"),
            Self::Ready => lang.t("O carro está pronto para buscar", "The car is ready to be fetched"),
            Self::HandedOver => lang.t("Obrigado pela confiança", "Thank you for your trust"),
            Self::Closed => lang.t("A ordem de serviço foi encerrada", "The work order has been closed"),
        }
    }

    /// What the link is for.
    const fn invitation(self, lang: Lang) -> &'static str {
        match self {
            Self::Received | Self::InWorkshop => lang.t("Acompanhe aqui", "Follow it here"),
            Self::ToApprove => lang.t("Veja e responda aqui", "See it and answer here"),
            Self::ToPay => lang.t("Para começar, pague aqui", "To begin, pay here"),
            Self::Ready | Self::Closed => lang.t("Detalhes aqui", "Details here"),
            Self::HandedOver => lang.t("O histórico fica aqui", "The record is here"),
        }
    }

    /// Whether its letter has the link. Whoever has a letter has the key in it, so it is there only while there is
    /// something to do with it or to follow.
    const fn needs_link(self) -> bool {
        matches!(self, Self::Received | Self::ToApprove | Self::ToPay | Self::InWorkshop)
    }
}

fn greeting(lang: Lang, name: &str) -> String {
    let hello = lang.t("Olá", "Hello");
    if name.is_empty() { format!("{hello}!") } else { format!("{hello} {name}!") }
}

fn which(order: &Order, car: &str) -> String {
    let plate = show::plate(&order.plate);
    if car.is_empty() { plate } else { format!("{car}, {plate}") }
}

/// The text for where the order stands.
pub(crate) fn text(lang: Lang, order: &Order, customer: Option<&str>, car: &str, link: &str) -> String {
    let stage = Stage::of(&order.status).unwrap_or(Stage::Received);
    let hello = greeting(lang, customer.map(show::first_name).unwrap_or_default());
    let (news, invitation, car) = (stage.news(lang), stage.invitation(lang), which(order, car));
    format!("{hello} {news}. {invitation} ({car}): {link}")
}

/// A mail's two parts.
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// The letter for a stage, in the shop's language.
pub(crate) fn letter(
    settings: &Settings,
    stage: Stage,
    order: &Order,
    first_name: &str,
    car: &str,
    link: &str,
) -> Letter {
    let lang = settings.lang;
    let shop = settings.shop(lang);
    let news = stage.news(lang);
    let mut paragraphs = vec![greeting(lang, first_name), format!("{news}. ({})", which(order, car))];
    if stage.needs_link() {
        paragraphs.push(format!("{}:\n{link}", stage.invitation(lang)));
    }
    let phone =
        settings.phone.as_deref().map(|phone| format!("\n{}", show::phone(phone))).unwrap_or_default();
    let number = show::number_of(order.id.0);
    paragraphs.push(format!("{shop}{phone}\n{} {number}", lang.t("OS", "Order")));
    let subject = format!("{shop}: {news}").replace(char::is_control, " ");
    Letter { subject, body: format!("{}\n", paragraphs.join("\n\n")) }
}

/// A link that opens the chat with the text ready. Digits only, with the country's code.
pub(crate) fn whatsapp(phone: &str, text: &str) -> String {
    let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("https://wa.me/55{phone}?text={}", text.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(status: &str) -> Order {
        let id = "0190b6a0-0000-7000-8000-0000000000ab";
        let at = "2026-02-08T10:00:00.000Z";
        let order = json!({ "id": id, "customerId": id, "vehicleId": id, "plate": "ABC•••4", "description": "Freio",
            "status": status, "createdAt": at, "updatedAt": at });
        serde_json::from_value(order).unwrap()
    }

    #[test]
    fn a_chat_is_opened_with_the_text_ready() {
        let link = whatsapp("11987654321", "Olá Ana! Veja: http://x/c/1?a=b&c");
        assert_eq!(
            link,
            "https://wa.me/5511987654321?text=Ol%C3%A1%20Ana%21%20Veja%3A%20http%3A%2F%2Fx%2Fc%2F1%3Fa%3Db%26c"
        );
    }

    #[test]
    fn a_text_says_where_the_order_stands() {
        let said = |status| text(Lang::Pt, &order(status), Some("Ana Souza"), "Fiat Uno", "http://x");
        assert_eq!(
            said("QUOTE_SENT"),
            "Olá Ana! O orçamento está pronto. Veja e responda aqui (Fiat Uno, ABC•••4): http://x"
        );
        assert!(said("QUOTED").starts_with("Olá Ana! Recebemos o seu carro. Acompanhe aqui"));
        let nobody = text(Lang::En, &order("FAILED"), None, "", "http://x");
        assert_eq!(nobody, "Hello! The work order has been closed. Details here (ABC•••4): http://x");
    }

    #[test]
    fn a_letter_has_the_link_where_it_helps_and_is_in_the_shop_s_language() {
        let settings = Settings { name: Some("Zé\nBcc: x".to_owned()), ..Settings::default() };
        let to_pay = letter(&settings, Stage::ToPay, &order("APPROVED"), "Ana", "Fiat Uno", "http://x");
        assert_eq!(to_pay.subject, "Zé Bcc: x: Orçamento aprovado");
        assert!(
            to_pay.body.contains("Olá Ana!") && to_pay.body.contains("pague aqui:\nhttp://x"),
            "{}",
            to_pay.body
        );
        let english = Settings { lang: Lang::En, ..Settings::default() };
        let ready = letter(&english, Stage::Ready, &order("COMPLETED"), "Ana", "Fiat Uno", "http://x");
        assert!(ready.body.contains("ready to be fetched. (Fiat Uno, ABC•••4)"), "{}", ready.body);
        assert!(!ready.body.contains("http"), "{}", ready.body);
    }

    #[test]
    fn every_status_belongs_to_one_stage() {
        for status in garage_events::WorkOrderStatus::ALL {
            let here = Stage::ALL.iter().filter(|stage| stage.statuses().contains(&status.word()));
            assert_eq!(here.count(), 1, "{status:?}");
        }
    }
}
