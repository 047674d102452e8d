//! Which topics a binding of a topic exchange takes: words between dots, `*` for one word, `#` for any
//! number.

/// Whether a binding with this key takes a message of this topic.
pub(super) fn takes(key: &str, topic: &str) -> bool {
    if !key.contains(['*', '#']) {
        return key == topic;
    }
    let (key, topic): (Vec<_>, Vec<_>) = (key.split('.').collect(), topic.split('.').collect());
    words(&key, &topic)
}

fn words(key: &[&str], topic: &[&str]) -> bool {
    match (key, topic) {
        ([], []) => true,
        (["#", rest @ ..], _) => (0..=topic.len()).any(|skipped| words(rest, &topic[skipped..])),
        (["*", rest @ ..], [_, later @ ..]) => words(rest, later),
        ([word, rest @ ..], [given, later @ ..]) => word == given && words(rest, later),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_without_wildcards_takes_its_topic_alone() {
        assert!(takes("quote.sent", "quote.sent"));
        assert!(!takes("quote.sent", "quote"));
        assert!(!takes("quote", "quote.sent"));
    }

    #[test]
    fn a_star_is_one_word_and_a_hash_any_number() {
        assert!(takes("quote.*", "quote.sent"));
        assert!(!takes("quote.*", "quote"));
        assert!(!takes("quote.*", "quote.sent.twice"));
        assert!(takes("#", "quote.sent"));
        assert!(takes("quote.#", "quote"));
        assert!(takes("quote.#", "quote.sent.twice"));
        assert!(takes("#.sent", "quote.sent"));
        assert!(!takes("#.sent", "quote.sent.twice"));
        assert!(takes("*.#.twice", "quote.sent.twice"));
    }
}
