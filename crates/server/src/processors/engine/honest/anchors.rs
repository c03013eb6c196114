//! Whether a passage is about a question at all, and whether an answer is in it: rules that cost nothing and stop what a
//! reader answers from its memory.

use super::names::{is_beginning, question_names};
use super::scan::{Kind, items};
use super::values::Facts;
use crate::processors::research::content_stems;

/// An answer of at most so many words of content must have all of them in its passage.
const SHORT: usize = 8;
/// Of a longer one so many of a hundred.
const ENOUGH: usize = 60;

/// Whether every number, date and code of a question and at least half of its names stand in a passage or in the title of
/// its page.
pub(in crate::processors) fn is_anchored(question: &str, passage: &str, title: &str) -> bool {
    let facts = [Facts::of(passage), Facts::of(title)];
    let items = items(question);
    let numbers = items.iter().all(|item| match &item.kind {
        Kind::Number(number) if item.text.chars().any(|c| c.is_ascii_digit()) => {
            facts.iter().any(|facts| facts.has_number(number))
        }
        Kind::Date(dates) => facts.iter().any(|facts| dates.iter().any(|date| facts.has_day(*date))),
        Kind::Code(code) => facts.iter().any(|facts| facts.has_code(code)),
        Kind::Number(_) | Kind::Word(_) => true,
    });
    let names = question_names(&items);
    let found = names.iter().filter(|word| facts.iter().any(|facts| facts.names().has(word, false))).count();
    numbers && found * 2 >= names.len()
}

/// Whether an answer stands in a passage: its words of content do, all of them where it is short.
pub(in crate::processors) fn is_answered(answer: &str, passage: &str) -> bool {
    let facts = Facts::of(passage);
    let known = content_stems(passage);
    let wanted: Vec<String> = items(answer)
        .iter()
        .filter(|item| matches!(&item.kind, Kind::Word(word) if !is_beginning(&word.folded)))
        .flat_map(|item| content_stems(&item.text))
        .collect();
    let found = wanted.iter().filter(|stem| known.contains(stem)).count();
    let enough = if wanted.len() <= SHORT { found == wanted.len() } else { found * 100 >= wanted.len() * ENOUGH };
    enough && super::values::verify(answer, &[&facts], &[], super::names::As::Value).stands()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_has_the_numbers_and_half_of_the_names_of_its_question() {
        let question = "What was the revenue of Glass Orchard in 2031 according to its 10-K?";
        assert!(is_anchored(question, "Glass Orchard's 10-K says that revenue was $5 million in 2031.", ""));
        assert!(is_anchored(question, "Its 10-K says that revenue was $5 million in 2031.", "Glass Orchard"));
        assert!(!is_anchored(question, "Glass Orchard's 10-K says that revenue was $5 million in 2030.", ""));
        assert!(!is_anchored(question, "Stone Meadow's 10-K says that revenue was $5 million in 2031.", ""));
        assert!(is_anchored("How many people live there?", "It has a park.", ""), "nothing is named");
        assert!(is_anchored("Name the capital of Mongolia", "Mongolia's capital is Ulaanbaatar", ""));
    }

    #[test]
    fn an_answer_stands_in_its_passage() {
        let passage = "The economy rests on copper, coal and gold; exports reached 15.2 billion dollars in 2023.";
        assert!(is_answered("copper and coal", passage));
        assert!(is_answered("$15.2 billion", passage));
        assert!(!is_answered("copper and oil", passage));
        assert!(!is_answered("$15.3 billion", passage));
    }
}
