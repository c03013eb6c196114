//! Superlatives: who asks for the largest is not served with the second largest, nor with the largest of fewer things.

use super::super::text::is_stop;
use super::asked::Asked;
use super::sentence::Line;

/// Each with what says the same of some things.
const MOST: &[&[&str]] = &[
    &["largest", "biggest", "greatest", "most populous", "most massive"],
    &["smallest", "tiniest", "least"],
    &["longest"],
    &["shortest"],
    &["highest", "tallest"],
    &["lowest"],
    &["deepest"],
    &["oldest", "earliest"],
    &["youngest", "newest"],
    &["fastest", "quickest"],
    &["slowest"],
    &["hardest"],
    &["hottest"],
    &["coldest"],
    &["heaviest", "most massive"],
    &["lightest"],
    &["richest", "wealthiest"],
    &["poorest"],
    &["closest", "nearest"],
    &["farthest", "furthest"],
    &["strongest", "most powerful"],
    &["brightest"],
    &["widest"],
    &["most"],
    &["first", "earliest"],
    &["last", "final"],
];

/// What stands before a superlative and takes it back: `second-largest`.
const TAKE_BACK: &[&str] =
    &["second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"];

/// How far a sentence falls short of the superlative of the question, from 0 to 1; 0 if the question has none.
pub(super) fn short_of(asked: &Asked, line: &Line<'_>) -> f32 {
    let question: Vec<&str> = asked.folded.iter().map(String::as_str).collect();
    let found = MOST.iter().find_map(|same| {
        let ends = same.iter().flat_map(|phrase| ends(phrase, &question));
        ends.min().map(|end| (same, end))
    });
    let Some((same, end)) = found.filter(|_| !question.iter().any(|word| takes_back(word))) else { return 0.0 };
    let noun = asked.roots.get(end);
    let own: Vec<&str> = line.words.iter().map(|word| word.folded.as_str()).collect();
    let places = same.iter().flat_map(|phrase| ends(phrase, &own).map(|end| (end - phrase.split(' ').count(), end)));
    1.0 - places.map(|(start, end)| worth(asked, line, start, end, noun)).fold(0.0, f32::max)
}

/// Where a phrase ends among words.
fn ends<'a>(phrase: &'a str, words: &'a [&str]) -> impl Iterator<Item = usize> + 'a {
    let count = phrase.split(' ').count();
    let is_phrase = move |window: &[&str]| window.iter().copied().eq(phrase.split(' '));
    words.windows(count).enumerate().filter(move |(_, window)| is_phrase(window)).map(move |(at, _)| at + count)
}

fn takes_back(word: &str) -> bool {
    let numbered = word.starts_with(|c: char| c.is_ascii_digit());
    TAKE_BACK.contains(&word) || numbered && ["nd", "rd", "th"].iter().any(|end| word.ends_with(end))
}

/// What one superlative, from `start` to `end`, is worth to a question for the most of `noun`.
fn worth(asked: &Asked, line: &Line<'_>, start: usize, end: usize, noun: Option<&String>) -> f32 {
    let word = |at: usize| line.words[at].folded.as_str();
    let before: Vec<&str> = (start.saturating_sub(3)..start).map(word).collect();
    let one_of_them = before.ends_with(&["one", "of", "the"]) || before.contains(&"among");
    if one_of_them || before.last().is_some_and(|word| takes_back(word)) {
        return 0.2;
    }
    let gap = noun.and_then(|noun| line.roots.iter().skip(end).take(4).position(|root| root == noun));
    let near = match gap {
        Some(0) => 1.0,
        Some(1) => 0.7,
        // `The fifth from the sun, and the largest`: the noun is left out.
        None if end >= line.words.len() || ["in", "of", "on", "by"].contains(&word(end)) => 0.7,
        Some(_) | None => 0.5,
    };
    near * scope(asked, line, start, gap.map_or(end, |gap| end + gap + 1))
}

/// Whether a superlative from `start` whose noun ends at `end` is one among those that the question means: `the largest
/// lake in Orvia`, `Orvia's largest lake`.
fn scope(asked: &Asked, line: &Line<'_>, start: usize, end: usize) -> f32 {
    let owner = (start.saturating_sub(2)..start).find(|&at| line.owns(at));
    if owner.is_some_and(|at| line.is_name(at) && !asked.says(&line.roots[at])) {
        return 0.3;
    }
    if end >= line.words.len() || !line.touch(end - 1) {
        return 1.0;
    }
    let next = &line.words[end];
    if !["in", "of", "on"].contains(&next.folded.as_str()) {
        // The largest ocean liner is no ocean.
        return if is_stop(&next.stem) || asked.says(&line.roots[end]) { 1.0 } else { 0.7 };
    }
    let everything = ["world", "earth", "history", "space"];
    let within = (end + 1..line.words.len()).take(3).find(|&at| line.is_content(at));
    let same = |at: usize| asked.says(&line.roots[at]) || everything.contains(&line.words[at].folded.as_str());
    if within.is_none_or(same) { 1.0 } else { 0.3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(question: &str, sentence: &str) -> f32 {
        short_of(&Asked::read(question, &|_| 1.0), &Line::of(sentence))
    }

    #[test]
    fn only_the_superlative_itself_of_the_same_things_is_none_the_less() {
        let question = "What is the largest lake in Orvia?";
        for whole in ["Lake Morrow is the largest lake in Orvia.", "Orvia's biggest lake is Morrow."] {
            assert!(short(question, whole).abs() < f32::EPSILON, "{whole}");
        }
        for less in [
            "Lake Harrow is the second-largest lake in Orvia.",
            "Lake Harrow is the 12th largest lake in Orvia.",
            "Lake Harrow is one of the largest lakes in Orvia.",
            "Lake Harrow is the largest lake in the province of Tarn in Orvia.",
            "Like Larkland's largest lake, the lake in Orvia is salty.",
            "The lake in Orvia is salty.",
        ] {
            assert!(short(question, less) > 0.5, "{less}");
        }
        assert!(short(question, "Lake Harrow is the largest salt lake in Orvia.") > 0.2);
    }

    #[test]
    fn who_asks_for_the_second_is_not_helped_to_the_first() {
        assert!(short("What is the second largest lake in Orvia?", "It is a lake.").abs() < f32::EPSILON);
        assert!(short("Where is Orvia?", "Orvia is the largest town.").abs() < f32::EPSILON);
    }
}
