//! What paper says, in words: the browser's sheet and the file of a quote are both made of these, so that they cannot
//! say different things. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    Settings,
    lang::Lang,
    services::view::{Customer, Order, Quote},
    show, status,
};

/// The legal warranty of durable goods and services (CDC art. 26).
const WARRANTY: TimeDelta = TimeDelta::days(90);

/// Whose paper this is, and on what.
#[derive(Clone, Copy)]
pub(in crate::pages) struct About<'a> {
    pub(in crate::pages) lang: Lang,
    pub(in crate::pages) settings: &'a Settings,
    pub(in crate::pages) order: &'a Order,
    /// Not on paper for whoever holds a link (LGPD art. 6).
    pub(in crate::pages) customer: Option<&'a Customer>,
    pub(in crate::pages) car: &'a str,
}

impl About<'_> {
    pub(super) fn shop(&self) -> &str {
        self.settings.shop(self.lang)
    }

    pub(super) fn phone(&self) -> Option<String> {
        self.settings.phone.as_deref().map(show::phone)
    }

    /// The order's number, and when it was opened.
    pub(super) fn number(&self) -> String {
        let opened = show::time(self.lang, self.settings.local(self.order.created_at));
        format!("{} {} · {opened}", self.lang.t("OS", "Order"), show::number_of(self.order.id.0))
    }

    /// What the sheet begins with.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let (lang, order) = (self.lang, self.order);
        let customer = self.customer.map(|customer| {
            let (document, phone) = (show::masked_document(&customer.document), show::phone(&customer.phone));
            let reached =
                if customer.is_erased() { String::new() } else { format!(" · {document} · {phone}") };
            (lang.t("Cliente", "Customer"), format!("{}{reached}", customer.called(lang)))
        });
        let km = order.note("km").map(|km| format!(" · {km} km")).unwrap_or_default();
        let car = format!("{} · {}{km}", show::plate(&order.plate), self.car);
        let left = order.note("left").map(str::to_owned);
        let promised = order.estimated_completion_date.map(|at| show::time(lang, self.settings.local(at)));
        let facts = [
            customer,
            Some((lang.t("Veículo", "Vehicle"), car)),
            Some((lang.t("Reclamação", "Complaint"), order.description.clone()))
                .filter(|(_, text)| !text.is_empty()),
            left.map(|left| (lang.t("Objetos e combustível", "Items left and fuel"), left)),
            promised.map(|promised| (lang.t("Prazo de entrega", "Promised for"), promised)),
        ];
        facts.into_iter().flatten().collect()
    }

    pub(super) fn total(&self, quote: &Quote) -> String {
        format!("{} {}", self.lang.t("Total", "Total"), show::money(self.lang, quote.total_amount))
    }

    /// Where the quote stands: a draft and one that has ended are not to be taken for one that holds.
    pub(super) fn standing(&self, quote: &Quote) -> String {
        let words = status::quote(self.lang, &quote.status).words;
        format!("{}: {words}", self.lang.t("Situação", "Status"))
    }

    /// Which text of the quote this is, until when it holds, and what it rests on.
    pub(super) fn terms(&self, quote: &Quote) -> String {
        let lang = self.lang;
        let until = show::time(lang, self.settings.local(quote.valid_until));
        let (version, valid) = (lang.t("Versão", "Version"), lang.t("Válido até", "Valid until"));
        let rest = lang.t(
            "Pagamento: PIX ou boleto, antes do início do serviço. Nada é feito sem aprovação (CDC art. 39, VI).",
            "Payment: PIX or boleto, before the work begins. Nothing is done without approval (CDC art. 39, VI).",
        );
        format!("{version} {}. {valid} {until}. {rest}", quote.revision.max(1))
    }
}

/// When the warranty ends of an order whose work is finished: it begins with the handover, and is told from the end of
/// the work until then. What happens to the order later, such as a refund, does not move it.
pub(in crate::pages) fn warranty_until(order: &Order) -> DateTime<Utc> {
    let began = if order.status == "DELIVERED" { order.handed_over_at() } else { order.finished_at() };
    began + WARRANTY
}

/// Whether the customer is asked for a word on it.
pub(super) fn is_to_answer(quote: &Quote) -> bool {
    quote.status == "SENT"
}

pub(super) const fn title(lang: Lang) -> &'static str {
    lang.t("Orçamento", "Quote")
}

pub(super) const fn follow(lang: Lang) -> &'static str {
    lang.t("Acompanhe, aprove e pague por este código.", "Follow, approve and pay by this code.")
}

pub(super) const fn signature(lang: Lang) -> &'static str {
    lang.t("Assinatura do cliente", "The customer's signature")
}

pub(super) const fn no_tax_document(lang: Lang) -> &'static str {
    lang.t("Documento sem valor fiscal.", "Not a tax document.")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "0190b6a0-0000-7000-8000-0000000000ab";

    fn ends(status: &str, told: &Value) -> String {
        let mut order = json!({ "id": ID, "customerId": ID, "vehicleId": ID, "plate": "ABC1234", "description": "",
            "status": status, "createdAt": "2026-01-01T10:00:00.000Z", "updatedAt": "2026-08-01T10:00:00.000Z" });
        order.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
        show::day(
            Lang::Pt,
            Settings::default().local(warranty_until(&serde_json::from_value(order).unwrap())),
        )
    }

    #[test]
    fn a_refund_months_after_the_handover_does_not_move_the_warranty() {
        let told =
            json!({ "completedAt": "2026-02-01T10:00:00.000Z", "deliveredAt": "2026-02-03T10:00:00.000Z" });
        assert_eq!(ends("DELIVERED", &told), "04/05/2026");
        assert_eq!(ends("COMPLETED", &json!({ "completedAt": told["completedAt"] })), "02/05/2026");
    }

    #[test]
    fn a_service_that_does_not_say_when_is_believed_in_what_it_says() {
        assert_eq!(ends("DELIVERED", &json!({})), "30/10/2026");
    }
}
