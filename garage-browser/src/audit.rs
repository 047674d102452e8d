//! What a page owes to everybody (WCAG 2.2 AA, as far as a program can see it): names, labels, headings in order,
//! contrast, sizes, nothing wider than the window. The rules are in the script; it runs inside the page.

/// Gives a list of findings, empty where all is well.
pub(crate) const SCRIPT: &str = include_str!("audit.js");
