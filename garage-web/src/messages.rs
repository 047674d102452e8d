//! What the shop writes to a customer at each stage: a text with the link, which WhatsApp opens ready to be sent from the
//! shop's own number (`wa.me`, no contract). Nothing is sent by itself. Pure.

use crate::{lang::Lang, services::view::Order, show};

/// The text for where the order stands.
pub(crate) fn text(lang: Lang, order: &Order, customer: Option<&str>, car: &str, link: &str) -> String {
    let name = customer.map(show::first_name).unwrap_or_default();
    let greeting = if name.is_empty() {
        lang.t("Olá!", "Hello!").to_owned()
    } else {
        format!("{} {name}!", lang.t("Olá", "Hello"))
    };
    let plate = show::plate(&order.plate);
    let news = match order.status.as_str() {
        "QUOTE_SENT" => lang
            .t("O orçamento está pronto. Veja e responda aqui", "The quote is ready. See it and answer here"),
        "APPROVED" => lang
            .t("Orçamento aprovado. Para começar, pague aqui", "The quote is approved. To begin, pay here"),
        "IN_PROGRESS" => lang
            .t("O carro está com a oficina. Acompanhe aqui", "The car is with the workshop. Follow it here"),
        "COMPLETED" => lang.t(
            "O carro está pronto para buscar. Detalhes aqui",
            "The car is ready to be fetched. Details here",
        ),
        "DELIVERED" => lang.t(
            "Obrigado pela confiança. O histórico fica aqui",
            "Thank you for your trust. The record is here",
        ),
        "CANCELLED" | "FAILED" => lang.t(
            "A ordem de serviço foi encerrada. Detalhes aqui",
            "The work order has been closed. Details here",
        ),
        _ => lang.t("Recebemos o seu carro. Acompanhe aqui", "We have received your car. Follow it here"),
    };
    let car = if car.is_empty() { plate } else { format!("{car}, {plate}") };
    format!("{greeting} {news} ({car}): {link}")
}

/// A link that opens the chat with the text ready. Digits only, with the country's code.
pub(crate) fn whatsapp(phone: &str, text: &str) -> String {
    let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("https://wa.me/55{phone}?text={}", text.replace('+', "%20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_is_opened_with_the_text_ready() {
        let link = whatsapp("11987654321", "Olá Ana! Veja: http://x/c/1?a=b&c");
        assert_eq!(
            link,
            "https://wa.me/5511987654321?text=Ol%C3%A1%20Ana%21%20Veja%3A%20http%3A%2F%2Fx%2Fc%2F1%3Fa%3Db%26c"
        );
    }
}
