//! Reads a file of ours back, for tests: where the file says that its objects are, and the texts of each page.

/// What is shown on each page, text by text. Follows the table of objects, so a file whose table is wrong does not read.
pub(crate) fn pages(file: &[u8]) -> Vec<Vec<String>> {
    let latin: String = file.iter().map(|byte| char::from(*byte)).collect();
    assert!(latin.starts_with("%PDF-1.") && latin.trim_end().ends_with("%%EOF"), "{latin}");
    let start: usize = latin.rsplit("startxref").next().unwrap().lines().nth(1).unwrap().parse().unwrap();
    let mut table = latin[start..].lines();
    assert_eq!(table.next(), Some("xref"));
    let count: usize = table.next().unwrap().strip_prefix("0 ").unwrap().parse().unwrap();
    let objects: Vec<&str> = (table.take(count).enumerate().skip(1))
        .map(|(id, line)| {
            let at: usize = line.split(' ').next().unwrap().parse().unwrap();
            latin[at..].strip_prefix(&format!("{id} 0 obj")).unwrap().split("endobj").next().unwrap()
        })
        .collect();
    let pages: Vec<Vec<String>> = objects
        .iter()
        .filter_map(|object| object.split_once("stream\n"))
        .map(|(_, text)| shown(text))
        .collect();
    let said = objects.iter().filter(|object| object.contains("/Type /Page\n")).count();
    assert_eq!(said, pages.len());
    pages
}

/// The operands of every `Tj`.
fn shown(stream: &str) -> Vec<String> {
    stream.lines().filter_map(|line| line.trim_end().strip_suffix(" Tj")).map(string).collect()
}

fn string(written: &str) -> String {
    let bytes: Vec<u8> = match written.strip_prefix('<').and_then(|hex| hex.strip_suffix('>')) {
        Some(hex) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect(),
        None => {
            let inner = written.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap();
            inner.replace("\\(", "(").replace("\\)", ")").replace("\\\\", "\\").into_bytes()
        }
    };
    bytes.into_iter().map(char::from).collect()
}
