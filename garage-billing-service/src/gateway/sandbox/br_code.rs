//! The text that a PIX payer copies and pastes (Banco Central, Manual de Padrões para Iniciação do Pix):
//! fields of two digits for the id, two for the length, and a value, closed by a checksum. The sandbox's
//! codes are well formed, so that screens and readers can be tried; no bank will pay them.

use std::fmt::Write;

use garage_events::Cents;

/// The receiver, without accents and at most 25 long.
const RECEIVER: &str = "GARAGE SANDBOX";
/// The receiver's city, without accents and at most 15 long.
const CITY: &str = "SAO PAULO";

/// A dynamic code, payable once: `location` is the charge's address without its scheme, at most 77 long.
pub(super) fn br_code(location: &str, amount: Cents) -> String {
    let account = field("00", "br.gov.bcb.pix") + &field("25", location);
    let text = [
        field("00", "01"),
        field("01", "12"),
        field("26", &account),
        field("52", "0000"),
        field("53", "986"),
        field("54", &amount.decimal().to_string()),
        field("58", "BR"),
        field("59", RECEIVER),
        field("60", CITY),
        field("62", &field("05", "***")),
    ];
    sealed(text.concat())
}

fn field(id: &str, value: &str) -> String {
    format!("{id}{:02}{value}", value.len())
}

/// The text with its checksum, which also covers the checksum's own id and length.
fn sealed(mut text: String) -> String {
    text.push_str("6304");
    let checksum = crc16(text.as_bytes());
    // Writing to a text cannot fail.
    let _ = write!(text, "{checksum:04X}");
    text
}

/// CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, not reflected, no final xor.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_central_bank_s() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        for (text, end) in [
            (
                "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-4266554400005204000053039865802BR5913Fulano de Tal\
                 6008BRASILIA62070503***",
                "63041D3D",
            ),
            (
                "00020126360014BR.GOV.BCB.PIX0114+5511943214321520400005303986540566.665802BR5907EMPRESA6008BRASILIA\
                 62070503***",
                "630404ED",
            ),
        ] {
            assert_eq!(sealed(text.to_owned()), format!("{text}{end}"));
        }
    }

    #[test]
    fn a_code_says_how_much_and_where_in_fields_that_add_up() {
        let code = br_code("sandbox.invalid/pix/1", Cents::new(15050).unwrap());
        assert!(code.contains("5406150.50") && code.contains("2521sandbox.invalid/pix/1"), "{code}");
        let (mut rest, mut ids) = (code.as_str(), Vec::new());
        while !rest.is_empty() {
            let length: usize = rest[2..4].parse().unwrap();
            ids.push(&rest[..2]);
            rest = &rest[4 + length..];
        }
        assert_eq!(ids, ["00", "01", "26", "52", "53", "54", "58", "59", "60", "62", "63"]);
    }
}
