//! The letters of Helvetica, which every reader of PDF has: how a text is written in its encoding (WinAnsi, PDF 32000-1
//! annex D), which has all of Portuguese, and how wide each letter is. What it has no letter for becomes a question mark.
//! Pure.

/// What WinAnsi has between 0x80 and 0x9F; the rest of it is Latin-1. The fullwidth question mark stands where it has nothing.
const EXTRA: &str = "€？‚ƒ„…†‡ˆ‰Š‹Œ？Ž？？‘’“”•–—˜™š›œ？žŸ";
/// Wider than any letter, for what has no entry.
const WIDEST: u16 = 1015;
/// From the blank to the tilde, in thousandths of the letters' size (Adobe's metrics of the fourteen standard fonts).
const PLAIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // ␣ to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];
/// The same in bold.
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, // ␣ to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, // 0 to ?
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, // P to _
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, // ` to o
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584, // p to ~
];

/// The text in the font's encoding. Accents that stand alone and marks without a width are left out, so that a text that
/// was typed on any system keeps its letters.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    text.chars().filter(|letter| !is_mark(*letter)).map(byte).collect()
}

const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

fn byte(letter: char) -> u8 {
    match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        '\u{2212}' => b'-',
        '\u{2000}'..='\u{200a}' | '\u{202f}' | '\0'..='\u{1f}' => b' ',
        _ => {
            let place = EXTRA.chars().position(|extra| extra == letter && extra != '？');
            place.and_then(|place| u8::try_from(0x80 + place).ok()).unwrap_or(b'?')
        }
    }
}

/// How wide an encoded letter is, in thousandths of its size. One with an accent is as wide as without.
pub(super) fn width(letter: u8, is_bold: bool) -> u16 {
    let widths = if is_bold { &BOLD } else { &PLAIN };
    let plain = match letter {
        b' '..=b'~' => letter,
        0xa0 | 0xb7 => b' ',
        0xaa | 0xb0 | 0xba => b'*',
        0x95 => b'?',
        0x91 | 0x92 => b'`',
        0x93 | 0x94 => b'"',
        0x80 | 0x96 | 0xa3 | 0xa7 | 0xab | 0xbb => b'0',
        0xc0..=0xc5 => b'A',
        0xc7 => b'C',
        0xc8..=0xcb => b'E',
        0xcc..=0xcf | 0xec..=0xef => b'I',
        0xd1 => b'N',
        0xd2..=0xd6 | 0xd8 => b'O',
        0xd9..=0xdc => b'U',
        0xdd => b'Y',
        0xe0..=0xe5 => b'a',
        0xe7 => b'c',
        0xe8..=0xeb => b'e',
        0xf1 => b'n',
        0xf2..=0xf6 => b'o',
        0xf9..=0xfc => b'u',
        0xfd | 0xff => b'y',
        _ => return WIDEST,
    };
    widths.get(usize::from(plain - b' ')).copied().unwrap_or(WIDEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_portuguese_has_its_letters() {
        let text = "ÁÂÃÀÇÉÊÍÓÔÕÚÜ áâãàçéêíóôõúü ªº°§ R$\u{a0}1,00 “é” – •";
        let bytes = encoded(text);
        assert_eq!(bytes.len(), text.chars().count());
        assert!(!bytes.contains(&b'?'), "{bytes:?}");
        assert!(bytes.iter().all(|byte| width(*byte, false) < WIDEST), "{bytes:?}");
    }

    #[test]
    fn what_has_no_letter_is_replaced_and_marks_are_left_out() {
        assert_eq!(encoded("日本🚗？"), b"????");
        assert_eq!(encoded("Joa\u{303}o\u{200b}"), b"Joao");
        assert_eq!(encoded("a\tb\r\nc\0"), b"a b  c ");
        assert_eq!(encoded("€œŸ"), [0x80, 0x9c, 0x9f]);
    }

    #[test]
    fn every_byte_has_a_width() {
        assert!((0..=u8::MAX).all(|byte| width(byte, false) > 0 && width(byte, true) > 0));
        assert_eq!((width(b'W', false), width("ã".chars().map(byte).next().unwrap(), true)), (944, 556));
    }
}
