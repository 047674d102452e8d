//! Pages of text as a PDF: A4, Helvetica, cells beside each other that wrap, pages that break and are numbered. It has
//! never heard of what the text is about. The pages' streams are not compressed, so a file can be read with any tool. Pure.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

mod letters;

/// A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 48.0;
const TOP: f32 = PAGE.1 - MARGIN;
/// Below it there is only the page's number.
const BOTTOM: f32 = 64.0;
/// What a line of text may fill.
pub(crate) const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
/// From line to line, in sizes of the letters.
const LEADING: f32 = 1.35;
const PLAIN: Name<'_> = Name(b"F1");
const BOLD: Name<'_> = Name(b"F2");

/// How letters look.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pub(crate) is_bold: bool,
    /// In points.
    pub(crate) size: f32,
}

impl Style {
    pub(crate) const TEXT: Self = Self { is_bold: false, size: 10.0 };
    pub(crate) const STRONG: Self = Self { is_bold: true, ..Self::TEXT };
    pub(crate) const SMALL: Self = Self { size: 8.5, ..Self::TEXT };
    pub(crate) const TITLE: Self = Self { is_bold: true, size: 16.0 };

    fn width(self, text: &[u8]) -> f32 {
        text.iter().map(|letter| f32::from(letters::width(*letter, self.is_bold))).sum::<f32>() * self.size
            / 1000.0
    }
}

/// A text in its part of the line.
#[derive(Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub(crate) text: &'a str,
    pub(crate) style: Style,
    /// From the margin, in points.
    pub(crate) left: f32,
    pub(crate) width: f32,
    /// Whether it ends at the right, as numbers do.
    pub(crate) ends: bool,
}

impl<'a> Cell<'a> {
    /// Over the whole line.
    pub(crate) const fn line(style: Style, text: &'a str) -> Self {
        Self { text, style, left: 0.0, width: WIDTH, ends: false }
    }
}

/// Pages that are being written.
pub(crate) struct Document {
    written: Vec<Content>,
    page: Content,
    /// How far down the page is filled, from its lower edge.
    y: f32,
}

impl Document {
    pub(crate) fn new() -> Self {
        Self { written: Vec::new(), page: Content::new(), y: TOP }
    }

    /// Cells beside each other, each with as many lines as it needs. They stay on one page where they can.
    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) {
        let wrapped: Vec<Vec<Vec<u8>>> =
            cells.iter().map(|cell| wrapped(cell.text, cell.style, cell.width)).collect();
        let count = wrapped.iter().map(Vec::len).max().unwrap_or_default();
        let height = cells.iter().map(|cell| cell.style.size).fold(0.0, f32::max) * LEADING;
        self.make_room((count as f32 * height).min(TOP - BOTTOM));
        for place in 0..count {
            self.make_room(height);
            self.y -= height;
            for (cell, lines) in cells.iter().zip(&wrapped) {
                if let Some(line) = lines.get(place) {
                    let moved = if cell.ends { cell.width - cell.style.width(line) } else { 0.0 };
                    show(&mut self.page, cell.style, MARGIN + cell.left + moved, self.y, line);
                }
            }
        }
    }

    /// One text over the whole line.
    pub(crate) fn text(&mut self, style: Style, text: &str) {
        self.row(&[Cell::line(style, text)]);
    }

    /// Leaves some room, unless a page ends here.
    pub(crate) fn gap(&mut self, height: f32) {
        self.y = (self.y - height).max(BOTTOM);
    }

    /// A thin line over this much of the width.
    pub(crate) fn rule(&mut self, width: f32) {
        self.make_room(6.0);
        self.y -= 4.0;
        self.page.set_line_width(0.5).move_to(MARGIN, self.y).line_to(MARGIN + width, self.y).stroke();
    }

    /// A QR code as large as this; nothing where the text is too long for one.
    pub(crate) fn qr(&mut self, text: &str, size: f32) {
        let Ok(code) = qrcode::QrCode::new(text) else { return };
        self.make_room(size);
        self.y -= size;
        let module = size / code.width() as f32;
        for (place, color) in code.to_colors().into_iter().enumerate() {
            if color == qrcode::Color::Dark {
                let (row, column) = (place / code.width(), place % code.width());
                let (x, y) = (column as f32 * module, size - (row + 1) as f32 * module);
                self.page.rect(MARGIN + x, self.y + y, module, module);
            }
        }
        self.page.fill_nonzero();
    }

    fn make_room(&mut self, height: f32) {
        if self.y - height < BOTTOM {
            self.written.push(std::mem::replace(&mut self.page, Content::new()));
            self.y = TOP;
        }
    }

    /// The file. Each page has at its foot what `foot` says of its number and how many there are.
    pub(crate) fn finish(
        mut self,
        title: &str,
        language: &str,
        foot: impl Fn(usize, usize) -> String,
    ) -> Vec<u8> {
        self.written.push(self.page);
        let count = self.written.len();
        let (mut pdf, mut fresh) = (Pdf::new(), Ref::new(1));
        let [catalog, tree, plain, bold, about] = std::array::from_fn(|_| fresh.bump());
        let pages: Vec<(Ref, Ref)> = self.written.iter().map(|_| (fresh.bump(), fresh.bump())).collect();
        pdf.catalog(catalog).pages(tree).lang(TextStr(language));
        pdf.pages(tree)
            .kids(pages.iter().map(|(page, _)| *page))
            .count(i32::try_from(count).unwrap_or(i32::MAX));
        for (font, name) in [(plain, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        pdf.document_info(about).title(TextStr(title));
        for (place, ((page, stream), mut content)) in pages.into_iter().zip(self.written).enumerate() {
            let foot = letters::encoded(&foot(place + 1, count));
            let right = PAGE.0 - MARGIN - Style::SMALL.width(&foot);
            show(&mut content, Style::SMALL, right, MARGIN - 12.0, &foot);
            let mut page = pdf.page(page);
            page.parent(tree).media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).contents(stream);
            page.resources().fonts().pair(PLAIN, plain).pair(BOLD, bold);
            page.finish();
            pdf.stream(stream, &content.finish());
        }
        pdf.finish()
    }
}

fn show(page: &mut Content, style: Style, x: f32, y: f32, text: &[u8]) {
    let font = if style.is_bold { BOLD } else { PLAIN };
    page.begin_text().set_font(font, style.size).next_line(x, y).show(Str(text)).end_text();
}

/// The lines of a text that may be this wide, in the font's encoding.
fn wrapped(text: &str, style: Style, width: f32) -> Vec<Vec<u8>> {
    text.lines().flat_map(|paragraph| filled(&letters::encoded(paragraph), style, width)).collect()
}

fn filled(text: &[u8], style: Style, width: f32) -> Vec<Vec<u8>> {
    let words = text.split(|letter| *letter == b' ').filter(|word| !word.is_empty());
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    for word in words.flat_map(|word| pieces(word, style, width)) {
        let longer = if line.is_empty() { word.to_vec() } else { [&line, &b" "[..], word].concat() };
        if line.is_empty() || style.width(&longer) <= width {
            line = longer;
        } else {
            lines.push(std::mem::replace(&mut line, word.to_vec()));
        }
    }
    lines.push(line);
    lines
}

/// A word that is wider than the line, in pieces that are not.
fn pieces(word: &[u8], style: Style, width: f32) -> Vec<&[u8]> {
    let (mut pieces, mut from, mut used) = (Vec::new(), 0, 0.0);
    for (place, letter) in word.iter().enumerate() {
        let wide = style.width(&[*letter]);
        if used + wide > width && place > from {
            pieces.push(&word[from..place]);
            (from, used) = (place, 0.0);
        }
        used += wide;
    }
    pieces.push(&word[from..]);
    pieces
}

#[cfg(test)]
pub(crate) mod read;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fills_its_lines_and_loses_no_letter() {
        let text =
            "Troca das pastilhas de freio dianteiras e verificação dos discos, com limpeza das pinças. "
                .repeat(8);
        let lines = wrapped(&text, Style::TEXT, 120.0);
        assert!(lines.iter().all(|line| Style::TEXT.width(line) <= 120.0), "{lines:?}");
        assert_eq!(lines.join(&b' '), letters::encoded(text.trim()));
    }

    #[test]
    fn a_word_without_an_end_is_broken() {
        let word = "W".repeat(500);
        let lines = wrapped(&word, Style::STRONG, 100.0);
        assert!(lines.iter().all(|line| Style::STRONG.width(line) <= 100.0) && lines.concat().len() == 500);
    }

    #[test]
    fn a_letter_that_is_wider_than_its_cell_ends_too() {
        assert_eq!(wrapped("WW", Style::TITLE, 1.0), [b"W", b"W"]);
        assert!(wrapped("", Style::TEXT, 10.0).is_empty());
    }

    #[test]
    fn pages_break_between_lines_and_are_numbered() {
        let mut document = Document::new();
        for place in 0..150 {
            document.text(Style::TEXT, &format!("line {place}"));
        }
        document.text(Style::SMALL, &"long ".repeat(20_000));
        let file = document.finish("Many", "en", |page, of| format!("{page}/{of}"));
        let pages = read::pages(&file);
        let last = format!("{}/{}", pages.len(), pages.len());
        assert!(pages.len() > 3 && pages[0].contains(&"line 0".to_owned()), "{pages:?}");
        assert!(pages.last().unwrap().contains(&last) && pages[2].contains(&"line 149".to_owned()));
        let lines = pages.iter().flatten().filter(|line| line.starts_with("line ")).count();
        assert_eq!(lines, 150);
    }
}
