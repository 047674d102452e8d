//! How texts become findable: what is stored for the search and what is searched for go through the same
//! sieve, so that `JOAO` finds `João`, `529.982.247-25` finds `52998224725` and either form of a plate finds
//! the car.

use garage_kit::text::plain;

use crate::plate::Plate;

/// Small letters without accents, without the punctuation of plates and documents, blanks only between words.
#[must_use]
pub fn folded(text: &str) -> String {
    let letters: String =
        text.chars().flat_map(char::to_lowercase).filter(|c| !is_dropped(*c)).map(plain).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a list is searched for: words with blanks between them, each of which a record must contain, in whatever order.
/// Brazil's own code before a telephone number is left out, as it is where the number is kept, and so is the mark before an
/// order's number. A text of marks alone is looked for as it is: a search for nothing would find everything.
#[must_use]
pub fn wanted(text: &str) -> String {
    let text = text.trim();
    let unmarked = text.trim_start_matches('#');
    let words = folded(&without_country(unmarked).replace(is_between_words, " "));
    let kept = [words, folded(text)].into_iter().find(|words| !words.is_empty());
    kept.unwrap_or_else(|| text.to_owned())
}

/// What an order is searched for: its number may be written as the papers have it, `OS 9885FF` or `Order 9885FF`.
#[must_use]
pub fn order_wanted(text: &str) -> String {
    let words = wanted(text);
    let Some(rest) = ["os ", "order "].iter().find_map(|word| words.strip_prefix(word)) else { return words };
    let rest = rest.trim_start_matches(['#', ' ']);
    if rest.split(' ').next().is_some_and(is_order_number) { rest.to_owned() } else { words }
}

/// The end of an order's id, as the papers have it, or all of it.
fn is_order_number(word: &str) -> bool {
    (6..=32).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A telephone number without Brazil's code, which is one only where digits follow.
fn without_country(text: &str) -> &str {
    let rest = text.strip_prefix("+55").map(|rest| rest.trim_start_matches([' ', '(', '-', '.']));
    rest.filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit())).unwrap_or(text)
}

/// The words of a text, folded. Whatever is no letter and no digit parts them, also what is dropped elsewhere.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let parted = folded(&text.replace(is_punctuation, " "));
    parted.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect()
}

/// The parts of a record that it is found by, one after the other.
#[must_use]
pub fn findable<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let folded = parts.into_iter().map(folded).filter(|part| !part.is_empty());
    folded.collect::<Vec<_>>().join(" ")
}

/// A plate with its other form.
#[must_use]
pub fn forms(plate: &Plate) -> String {
    let other = plate.alternative();
    other.map_or_else(|| plate.as_str().to_owned(), |other| format!("{} {}", plate.as_str(), other.as_str()))
}

/// What is dropped: punctuation, and accents that stand apart from their letter.
fn is_dropped(character: char) -> bool {
    is_punctuation(character) || matches!(character, '\u{300}'..='\u{36f}')
}

/// That of plates and documents.
fn is_punctuation(character: char) -> bool {
    matches!(character, '.' | '-' | '/')
}

/// What people write around words and the groups of a number's digits.
fn is_between_words(character: char) -> bool {
    matches!(character, '(' | ')' | '+' | ',' | ';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_capitals_and_punctuation_make_no_difference() {
        for (one, other) in [
            ("João Conceição", "JOAO CONCEICAO"),
            ("Joa\u{303}o", "joão"),
            ("529.982.247-25", "52998224725"),
            ("ABC-1234", "abc1234"),
            ("  oil   change ", "Oil change"),
            ("11.444.777/0001-61", "11444777000161"),
        ] {
            assert_eq!(folded(one), folded(other));
        }
    }

    /// Whether a record is found, as a store finds it.
    fn finds(text: &str, record: &str) -> bool {
        wanted(text).split(' ').all(|word| folded(record).contains(word))
    }

    #[test]
    fn each_word_counts_in_whatever_order_and_however_a_number_is_grouped() {
        for (text, record) in [
            ("joao silva", "João da Silva"),
            ("Silva, João", "João da Silva"),
            ("corolla toyota", "Toyota Corolla"),
            ("ABC 1234", "ABC1234"),
            ("ABC-1234 corolla", "ABC1234 Toyota Corolla"),
            ("(11) 98765-4321", "11987654321"),
            ("11 98765-4321", "11987654321"),
            ("+55 (11) 98765.4321", "11987654321"),
            ("529 982 247 25", "52998224725"),
            ("ana+oficina@example.com", "ana+oficina@example.com"),
            ("freio(dianteiro)", "Freio(dianteiro) chiando"),
        ] {
            assert!(finds(text, record), "{text}");
        }
        for (text, record) in
            [("joao souza", "João da Silva"), ("ABC 12345", "ABC1234"), ("(11) 98765-4322", "11987654321")]
        {
            assert!(!finds(text, record), "{text}");
        }
    }

    #[test]
    fn a_text_of_marks_is_looked_for_and_not_left_out() {
        for (text, word) in
            [("+55", "55"), ("+55 ", "55"), ("(", "("), (",", ","), ("#", "#"), ("-", "-"), ("./-", "./-")]
        {
            assert_eq!(wanted(text), word, "{text}");
            assert!(!finds(text, "João da Silva 11987654321"), "{text}");
        }
    }

    #[test]
    fn an_order_is_found_by_its_number_as_the_papers_have_it() {
        for text in ["9885FF", "#9885ff", "OS 9885FF", "os #9885ff", "OS  9885FF", "Order 9885FF"] {
            assert_eq!(order_wanted(text), "9885ff", "{text}");
        }
        assert_eq!(order_wanted("OS 9885FF joão"), "9885ff joao");
        for text in ["os freios", "os 9885", "os"] {
            assert_eq!(order_wanted(text), text, "no number of an order");
        }
    }

    #[test]
    fn a_plate_is_findable_in_both_forms() {
        let found = findable([forms(&"ABC1234".parse().unwrap()).as_str(), "Ana"]);
        assert_eq!(found, "abc1234 abc1c34 ana");
        assert_eq!(forms(&"ABC1K23".parse().unwrap()), "ABC1K23");
    }
}
