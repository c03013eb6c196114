//! How the words of a question stand to each other in a sentence: a capital of France is none of a province in France, and
//! Western Australia is not Australia.

use super::asked::Asked;
use super::features::Page;
use super::sentence::Line;

/// What stands before a thing and makes it another: a cultural capital is no capital.
const OTHER: &[&str] = &[
    "administrative",
    "ancient",
    "assistant",
    "commercial",
    "cultural",
    "deputy",
    "economic",
    "financial",
    "former",
    "old",
    "provincial",
    "regional",
    "shared",
    "state",
    "territorial",
    "then",
    "vice",
];
const PREPOSITIONS: &[&str] = &["of", "in", "on", "for", "at"];

/// The share of the names that stand here and are no parts of longer ones; a half if there are none.
pub(super) fn exact(asked: &Asked, line: &Line<'_>) -> f32 {
    if asked.names.is_empty() {
        return 0.5;
    }
    let stands = |run: &&Vec<String>| find(run, &line.roots).any(|at| !is_longer(asked, line, at, at + run.len()));
    ratio(asked.names.iter().filter(stands).count(), asked.names.len())
}

/// The share of the names that stand whole neither here nor in the title.
pub(super) fn strange(asked: &Asked, line: &Line<'_>, title: &Line<'_>) -> f32 {
    let stands = |run: &[String], roots: &[String]| find(run, roots).next().is_some();
    let missing = asked.names.iter().filter(|run| !stands(run, &line.roots) && !stands(run, &title.roots));
    ratio(missing.count(), asked.names.len())
}

/// Where a run of roots stands among others.
fn find<'a>(run: &'a [String], roots: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    let length = run.len().max(1);
    roots.windows(length).enumerate().filter(move |(_, window)| *window == run).map(|(at, _)| at)
}

/// Whether a name from `start` to `end` goes on to either side with large words that the question has not.
fn is_longer(asked: &Asked, line: &Line<'_>, start: usize, end: usize) -> bool {
    let goes_on = |at: usize| line.is_name(at) && !asked.says(&line.roots[at]);
    // What stands first is written large anyway.
    let before = start > 1 && line.touch(start - 1) && goes_on(start - 1);
    let after = end < line.words.len() && line.touch(end - 1) && goes_on(end);
    before || after
}

/// The share of neighbouring words of content in the question that stand near each other here; a half if it has but one.
pub(super) fn together(asked: &Asked, line: &Line<'_>) -> f32 {
    let content: Vec<&String> = asked.roots.iter().filter(|root| asked.wants(root)).collect();
    let pairs: Vec<&[&String]> = content.windows(2).filter(|pair| pair[0] != pair[1]).collect();
    if pairs.is_empty() {
        return 0.5;
    }
    let places = |root: &String| -> Vec<usize> {
        line.roots.iter().enumerate().filter(|(_, own)| *own == root).map(|(at, _)| at).collect()
    };
    let near = |pair: &&[&String]| {
        let (ones, others) = (places(pair[0]), places(pair[1]));
        match ones.iter().flat_map(|one| others.iter().map(|other| one.abs_diff(*other))).min() {
            Some(..=2) => 1.0,
            Some(..=4) => 0.5,
            _ => 0.0,
        }
    };
    pairs.iter().map(near).sum::<f32>() / ratio(pairs.len(), 1)
}

/// Whether what is asked stands with the thing it is asked of: `the capital of France`, `France's capital`; a half if the
/// question asks nothing of anything.
pub(super) fn attached(asked: &Asked, page: &Page<'_>, line: &Line<'_>) -> f32 {
    let Some(head) = &asked.head else { return 0.5 };
    let places = (0..line.roots.len()).filter(|&at| line.roots[at] == *head);
    places.map(|at| attached_at(asked, page, line, at)).max_by(f32::total_cmp).unwrap_or(0.2)
}

fn attached_at(asked: &Asked, page: &Page<'_>, line: &Line<'_>, at: usize) -> f32 {
    let word = |at: usize| line.words[at].folded.as_str();
    // What is said without saying of what is said of the title.
    let of_title = if page.subject > 0.9 { 0.8 } else { 0.4 };
    let preposition = (at + 1..line.words.len())
        .take(6)
        .take_while(|&next| line.touch(next - 1))
        .find(|&next| PREPOSITIONS.contains(&word(next)));
    let thing = preposition.and_then(|next| (next + 1..line.words.len()).take(3).find(|&at| line.is_content(at)));
    let owner = (at.saturating_sub(4)..at).rev().find(|&at| line.owns(at));
    let value = match (owner, thing) {
        (Some(owner), _) if asked.says(&line.roots[owner]) => 1.0,
        (Some(owner), _) if line.is_name(owner) => 0.0,
        (_, Some(thing)) if asked.says(&line.roots[thing]) && !is_longer(asked, line, thing, thing + 1) => 1.0,
        (_, Some(thing)) if !line.words[thing].is_number() => 0.0,
        (_, _) => of_title,
    };
    let is_other = at > 0 && OTHER.contains(&word(at - 1)) && !asked.folded.iter().any(|own| own == word(at - 1));
    if is_other { value * 0.3 } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of words")]
fn ratio(part: usize, whole: usize) -> f32 {
    part as f32 / whole.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str) -> Asked {
        Asked::read(question, &|_| 1.0)
    }

    #[test]
    fn a_part_of_a_longer_name_is_not_the_name() {
        let exact = |sentence: &str| exact(&asked("What is the capital of Orvia?"), &Line::of(sentence));
        assert!(exact("Tarnmouth is the capital of Orvia.") > 0.9);
        assert!(exact("Pellmere is the capital of West Orvia.") < 0.1);
        assert!(exact("The Orvia Guild has a capital.") < 0.1);
    }

    #[test]
    fn a_name_that_stands_nowhere_whole_is_strange() {
        let asked = asked("Who wrote The Glass Orchard?");
        let strange = |sentence: &str, title: &str| strange(&asked, &Line::of(sentence), &Line::of(title));
        assert!(strange("It grows glass in an orchard.", "Tirn") > 0.9);
        assert!(strange("It is a novel.", "The Glass Orchard") < 0.1);
    }

    #[test]
    fn what_is_asked_stands_with_the_thing_it_is_asked_of() {
        let asked = asked("What is the capital of Orvia?");
        let attached = |title: &str, sentence: &str| attached(&asked, &Page::of(&asked, title), &Line::of(sentence));
        for with in ["Tarnmouth is the capital of Orvia.", "Orvia's capital is Tarnmouth."] {
            assert!(attached("Tarnmouth", with) > 0.9, "{with}");
        }
        for without in [
            "Pellmere is the capital of a province in Orvia.",
            "Larkland's capital is far from Orvia.",
            "Pellmere is the cultural capital of Orvia.",
            "Tarnmouth lies in Orvia.",
        ] {
            assert!(attached("Pellmere", without) < 0.5, "{without}");
        }
        assert!(attached("Orvia", "Its capital is Tarnmouth.") > attached("Pellmere", "Its capital is Tarnmouth."));
    }

    #[test]
    fn words_that_are_neighbours_in_the_question_are_so_in_the_sentence() {
        let asked = asked("Which salt lake freezes?");
        let together = |sentence: &str| together(&asked, &Line::of(sentence));
        assert!(together("The salt lake freezes.") > 0.9);
        assert!(together("The lake has fish, reeds, boats and also some salt.") < 0.1);
    }
}
