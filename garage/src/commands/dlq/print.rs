//! Dead letters on a terminal. What others sent may hold anything, so nothing of it reaches the terminal as control.

use std::fmt::Write as _;

use garage::shop::At;
use serde_json::{Value, json};

use super::Letter;

/// One letter a line.
pub(super) fn table(letters: &[Letter]) -> String {
    if letters.is_empty() {
        return "no dead letters rest".to_owned();
    }
    let row = |at: &str, queue: &str, id: &str, order: &str, reason: &str| {
        format!("{at:<20} {queue:<36} {id:<36} {order:<36} {reason}\n")
    };
    let mut table = row("SET ASIDE", "QUEUE", "ID", "WORK ORDER", "REASON");
    for Letter { view, .. } in letters {
        let at = text(view, "setAsideAt").chars().take(19).collect::<String>();
        let tried = view["attempts"]
            .as_u64()
            .filter(|times| *times > 0)
            .map(|times| format!(" (tried {times} times)"))
            .unwrap_or_default();
        let reason = text(view, "reason") + &tried;
        table += &row(&at, &text(view, "queue"), &text(view, "id"), &text(view, "workOrderId"), &reason);
    }
    let _ = write!(
        table,
        "{} dead letters; `garage dlq show ID` opens one, `garage dlq replay --id ID --why …` gives it back",
        letters.len()
    );
    table
}

/// All of them as JSON, each with its service.
pub(super) fn json(letters: &[Letter]) -> String {
    let views = letters.iter().map(|Letter { at, view }| {
        let mut view = view.clone();
        view["service"] = json!(match at {
            At::Os => "os",
            At::Billing => "billing",
            At::Execution => "execution",
        });
        view
    });
    format!("{:#}", Value::Array(views.collect()))
}

/// One letter with everything that was sent.
pub(super) fn opened(view: &Value) -> String {
    let mut told = String::new();
    for (name, field) in [
        ("id", "id"),
        ("queue", "queue"),
        ("event", "eventType"),
        ("message id", "messageId"),
        ("work order", "workOrderId"),
        ("set aside", "setAsideAt"),
        ("attempts", "attempts"),
        ("reason", "reason"),
    ] {
        let _ = writeln!(told, "{name:<12}{}", text(view, field));
    }
    for (name, value) in view["headers"].as_object().into_iter().flatten() {
        let _ = writeln!(told, "header      {} = {}", line(name), line(&value.to_string()));
    }
    let body = match (view["body"].as_str(), view["bodyBase64"].as_str()) {
        (Some(body), _) => serde_json::from_str::<Value>(body).map_or_else(
            |_| body.lines().map(line).collect::<Vec<_>>().join("\n"),
            |json| format!("{json:#}"),
        ),
        (None, base64) => format!("in base64, as it is no text: {}", base64.unwrap_or_default()),
    };
    told + &body
}

fn text(view: &Value, field: &str) -> String {
    match &view[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => line(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

/// A text as one line without controls.
pub(super) fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// RFC 3986: everything but the unreserved characters.
pub(super) fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Writing to a String does not fail.
        let _ = if plain { encoded.write_char(byte.into()) } else { write!(encoded, "%{byte:02X}") };
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(reason: &str) -> Letter {
        let view = json!({ "id": "7", "queue": "os-quote-sent", "reason": reason, "workOrderId": null,
            "setAsideAt": "2026-02-08T10:00:00.123Z", "attempts": 5 });
        Letter { at: At::Os, view }
    }

    #[test]
    fn a_letter_is_one_line_whatever_its_reason_holds() {
        let table = table(&[letter("no\u{1b}[2J\norder")]);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.contains("no [2J order (tried 5 times)"), "{table}");
        assert!(table.contains("2026-02-08T10:00:00 "), "{table}");
    }

    #[test]
    fn nothing_at_rest_is_said_in_words() {
        assert_eq!(table(&[]), "no dead letters rest");
        assert_eq!(json(&[]), "[]");
    }

    #[test]
    fn a_letter_in_json_says_whose_it_is() {
        let told: Value = serde_json::from_str(&json(&[letter("no order")])).unwrap();
        assert_eq!((&told[0]["service"], &told[0]["reason"]), (&json!("os"), &json!("no order")));
    }

    #[test]
    fn words_travel_in_an_address_as_they_are() {
        assert_eq!(percent_encoded("a b&c=é"), "a%20b%26c%3D%C3%A9");
    }
}
