//! What a model thinks before it answers is no part of its answer. Some endpoints tell the two apart; others send thoughts in
//! the text, between marks.

/// The marks, as models were taught them.
const MARKS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];

/// The text without the thoughts before it, and whether there were any.
pub(super) fn without_thoughts(text: &str) -> (&str, bool) {
    for (open, close) in MARKS {
        let opened = text.trim_start().strip_prefix(open);
        // Where the prompt ends with the opening mark, only the closing one is in the answer.
        let thoughts = opened.or_else(|| (!text.contains(open) && text.contains(close)).then_some(text));
        if let Some(thoughts) = thoughts {
            // Thoughts without an end are all that there is.
            return (thoughts.split_once(close).map_or("", |(_, answer)| answer).trim_start(), true);
        }
    }
    (text, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_no_answer() {
        for (text, answer) in [
            ("<think>\n4? No, 5.\n</think>\n\n{\"n\": 5}", ("{\"n\": 5}", true)),
            ("  <thinking>hm</thinking>five", ("five", true)),
            ("4? No, 5.</think>five", ("five", true)),
            ("<think>and on and on", ("", true)),
            ("five", ("five", false)),
            ("The mark is <think> and ends with </think>.", ("The mark is <think> and ends with </think>.", false)),
        ] {
            assert_eq!(without_thoughts(text), answer, "{text}");
        }
    }
}
