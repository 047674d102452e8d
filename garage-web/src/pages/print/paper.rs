//! What paper says, in words: the browser's sheet and the file of a quote are both made of these, so that they cannot
//! say different things. Pure.

use crate::{
    Settings,
    lang::Lang,
    services::view::{Customer, Order, Quote},
    show,
};

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

    /// Which text of the quote this is, until when it holds, and what it rests on.
    pub(super) fn terms(&self, quote: &Quote) -> String {
        let lang = self.lang;
        let until = show::day(lang, self.settings.local(quote.valid_until));
        let (version, valid) = (lang.t("Versão", "Version"), lang.t("Válido até", "Valid until"));
        let rest = lang.t(
            "Pagamento: PIX ou boleto, antes do início do serviço. Nada é feito sem aprovação (CDC art. 39, VI).",
            "Payment: PIX or boleto, before the work begins. Nothing is done without approval (CDC art. 39, VI).",
        );
        format!("{version} {}. {valid} {until}. {rest}", quote.revision.max(1))
    }
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
