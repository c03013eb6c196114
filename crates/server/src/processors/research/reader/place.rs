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
