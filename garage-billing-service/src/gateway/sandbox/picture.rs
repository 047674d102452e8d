//! A code as the picture that a payer's telephone reads: black on white, with its margin, as PNG.

use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{Color, QrCode};

/// Dots of the picture for one of the code.
const SCALE: usize = 4;
/// The margin that readers want, in dots of the code (ISO/IEC 18004).
const MARGIN: usize = 4;

/// The picture as the provider sends it, in base64; nothing for a text that is too long to be one.
pub(super) fn png_base64(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let (modules, dots) = (code.width(), code.to_colors());
    let side = (modules + 2 * MARGIN) * SCALE;
    let is_black = |x: usize, y: usize| {
        let place = |at: usize| (at / SCALE).checked_sub(MARGIN).filter(|at| *at < modules);
        place(x).zip(place(y)).is_some_and(|(x, y)| dots[y * modules + x] == Color::Dark)
    };
    let rows = (0..side).flat_map(|y| {
        (0..side.div_ceil(8)).map(move |byte| {
            (0..8).fold(0_u8, |bits, bit| {
                let x = byte * 8 + bit;
                bits << 1 | u8::from(x >= side || !is_black(x, y))
            })
        })
    });
    let pixels: Vec<u8> = rows.collect();
    encoded(u32::try_from(side).ok()?, &pixels).map(|png| STANDARD.encode(png))
}

fn encoded(side: u32, pixels: &[u8]) -> Option<Vec<u8>> {
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.write_header().ok()?.write_image_data(pixels).ok()?;
    Some(png)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn the_picture_is_the_code_dot_by_dot() {
        let text = "00020101021226330014br.gov.bcb.pix";
        let png = STANDARD.decode(png_base64(text).unwrap()).unwrap();
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let picture = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::new(text).unwrap();
        let side = (code.width() + 2 * MARGIN) * SCALE;
        assert_eq!((picture.width as usize, picture.height as usize), (side, side));
        let is_black = |x: usize, y: usize| pixels[y * picture.line_size + x / 8] >> (7 - x % 8) & 1 == 0;
        for (place, color) in code.to_colors().into_iter().enumerate() {
            let (x, y) = (place % code.width() + MARGIN, place / code.width() + MARGIN);
            assert_eq!(is_black(x * SCALE + 1, y * SCALE + 2), color == Color::Dark, "{x} {y}");
        }
        assert!(!is_black(0, 0) && !is_black(side - 1, side - 1), "the margin is white");
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert_eq!(png_base64(&"x".repeat(5000)), None);
    }
}
