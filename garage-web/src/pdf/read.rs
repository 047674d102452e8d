//! Reads a file of ours back, for tests: where the file says that its objects are, and the texts of each page.

/// What is shown on each page, text by text. Follows the table of objects, so a file whose table is wrong does not read.
pub(crate) fn pages(file: &[u8]) -> Vec<Vec<String>> {
    let whole = latin(file);
    assert!(whole.starts_with("%PDF-1.") && whole.trim_end().ends_with("%%EOF"), "{whole}");
    let start: usize = whole.rsplit("startxref").next().unwrap().lines().nth(1).unwrap().parse().unwrap();
    let table = latin(&file[start..]);
    let mut table = table.lines();
    assert_eq!(table.next(), Some("xref"));
    let count: usize = table.next().unwrap().strip_prefix("0 ").unwrap().parse().unwrap();
    let objects: Vec<String> = (table.take(count).enumerate().skip(1))
        .map(|(id, line)| {
            let at: usize = line.split(' ').next().unwrap().parse().unwrap();
            let rest = latin(&file[at..]);
            let object = rest.strip_prefix(&format!("{id} 0 obj")).unwrap();
            object.split("\nendobj").next().unwrap().to_owned()
        })
        .collect();
    let streams = objects.iter().filter_map(|object| object.split_once("stream\n"));
    let pages: Vec<Vec<String>> = streams.map(|(_, text)| shown(text)).collect();
    let said = objects.iter().filter(|object| object.contains("/Type /Page\n")).count();
    assert_eq!(said, pages.len());
    pages
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
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
    latin(&bytes)
}
