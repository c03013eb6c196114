//! The text of an answer: written by a model from what is proved, or put together by code, and either way pruned to what its
//! marks hold.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use legwork_core::output::{Confidence, FieldBasis};
use serde_json::Value;

use super::assemble::{Labelled, Terms, citations, field_basis, labelled};
use super::brief::cut;
use super::honest::{Cited, Proved, proved};
use super::settle::Settled;
use super::steps::{CHARS, For, Halt};
use super::write::Room;
use super::{Work, write};
use crate::model::Ask;

/// Below this share of sentences that hold, a text is written once more.
const ENOUGH: f64 = 0.5;
/// How long a text may be, in tokens: a short one, and one section of a long one.
const SHORT: u32 = 900;
const SECTION: u32 = 1_400;
/// What the rules take that a writer is given, with some to spare, in tokens.
const RULES: usize = 500;

/// The text and its basis. Where nothing is proved no writer is asked.
pub(super) async fn text(
    work: &Work<'_, '_>,
    settled: &[Settled],
    terms: Terms<'_>,
) -> Result<(String, Vec<FieldBasis>), Halt> {
    let all: Vec<&Settled> = settled.iter().filter(|known| !known.support.is_empty()).collect();
    if all.is_empty() {
        return Ok(nothing(work));
    }
    let sections = work.steps.budget().sections && work.brief.fields.len() > 1;
    let draft = if sections { in_sections(work, &all).await? } else { in_one(work, &all).await? };
    let draft = if sections && work.steps.budget().revision { revised(work, draft, &all).await? } else { draft };
    let Proved { mut text, cited, .. } = held(work, &draft);
    let used: Vec<usize> = cited.iter().flatten().copied().collect();
    let said: Vec<&Settled> =
        all.iter().copied().filter(|known| known.support.iter().any(|at| used.contains(at))).collect();
    let mut basis = field_basis("output", &said, &Value::Bool(true), &work.ledger, terms);
    basis.citations = citations(&used, &work.ledger);
    let missing = missing(work, &all);
    let labels: Vec<Labelled> = said.iter().map(|known| labelled(known, &work.ledger, terms)).collect();
    let overall = overall(&labels);
    basis.confidence = overall.min(if missing.is_empty() { Confidence::High } else { Confidence::Medium });
    // A text is measured by something in it that has its label; failing that, by the least sure.
    if let Some(typical) = labels.iter().find(|label| label.confidence == overall) {
        basis.legwork = Some(typical.extras());
    }
    for question in &missing {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n\nNot found: {question}");
        let _ = write!(basis.reasoning, " Not found: {question}");
    }
    if sections {
        text.push_str(&sources(work, &cited));
    }
    Ok((text, vec![basis]))
}

/// What is said when nothing was found.
fn nothing(work: &Work<'_, '_>) -> (String, Vec<FieldBasis>) {
    let (read, searched) = (work.ledger.sources.len(), work.searches.len());
    let text = format!(
        "Not found: {}\nNothing that was read states it ({searched} searches, {read} pages read).",
        cut(&work.brief.question, 300)
    );
    let tried: Vec<&str> = work.searches.iter().take(8).map(String::as_str).collect();
    let reasoning = format!("Nothing that was read states it. Searched for: {}.", tried.join("; "));
    let (field, citations, confidence) = ("output".to_owned(), Vec::new(), Confidence::Low);
    (text, vec![FieldBasis { field, reasoning, citations, confidence, legwork: None }])
}

/// A text in one piece.
async fn in_one(work: &Work<'_, '_>, all: &[&Settled]) -> Result<String, Halt> {
    let tokens = if work.steps.budget().judge { SECTION } else { SHORT };
    let ask = write::ask(&work.brief, None, all, &work.ledger, room(work, 1, tokens));
    let written = written(work, vec![ask]).await?.pop().flatten();
    Ok(written.unwrap_or_else(|| write::plainly(&work.brief, all, &work.ledger)))
}

/// A text section by section, each under the part of the question that it answers.
async fn in_sections(work: &Work<'_, '_>, all: &[&Settled]) -> Result<String, Halt> {
    let parts = (0..work.brief.fields.len()).filter_map(|field| {
        let mine: Vec<&Settled> = all.iter().copied().filter(|known| known.field == field).collect();
        (!mine.is_empty()).then_some((work.brief.fields[field].about.as_str(), mine))
    });
    let parts: Vec<(&str, Vec<&Settled>)> = parts.collect();
    let ask = |(about, mine): &(&str, Vec<&Settled>)| {
        write::ask(&work.brief, Some(about), mine, &work.ledger, room(work, parts.len(), SECTION))
    };
    let written = written(work, parts.iter().map(ask).collect()).await?;
    let section = |((about, mine), text): (&(&str, Vec<&Settled>), Option<String>)| {
        let text = text.unwrap_or_else(|| write::plainly(&work.brief, mine, &work.ledger));
        format!("## {}\n\n{text}", about.trim_end_matches(['?', '.']))
    };
    Ok(parts.iter().zip(written).map(section).collect::<Vec<_>>().join("\n\n"))
}

/// What there is room for in each of so many asks, with answers of so many tokens.
fn room(work: &Work<'_, '_>, asks: usize, answer: u32) -> Room {
    let each = work.steps.room(For::Writing) / asks.max(1);
    let question = work.brief.question.len() / CHARS;
    let taken = usize::try_from(answer).unwrap_or(usize::MAX).saturating_add(question + RULES);
    Room { evidence: each.saturating_sub(taken), answer }
}

/// Of each what a writer wrote, if enough of it holds; else what he wrote the second time; else nothing.
async fn written(work: &Work<'_, '_>, asks: Vec<Ask>) -> Result<Vec<Option<String>>, Halt> {
    let replies = work.steps.ask_all(For::Writing, asks.clone()).await?;
    // Each with the share of it that holds.
    let mut best: Vec<Option<(f64, String)>> = replies
        .into_iter()
        .map(|reply| reply?.ok().map(|reply| (held(work, &reply.text).share(), reply.text)))
        .collect();
    let poor = |(at, first): (usize, &Option<(f64, String)>)| {
        first.as_ref().filter(|(share, _)| *share < ENOUGH).map(|(_, text)| (at, write::again(&asks[at], text)))
    };
    let (poor, again): (Vec<usize>, Vec<Ask>) = best.iter().enumerate().filter_map(poor).unzip();
    let replies = work.steps.ask_all(For::Writing, again).await?;
    for (at, reply) in poor.into_iter().zip(replies) {
        let Some(Ok(second)) = reply else { continue };
        let share = held(work, &second.text).share();
        if best[at].as_ref().is_some_and(|(first, _)| share > *first) {
            best[at] = Some((share, second.text));
        }
    }
    Ok(best.into_iter().map(|best| best.filter(|(share, _)| *share > 0.0).map(|(_, text)| text)).collect())
}

/// The text as a second look mended it, if that left as much of it standing.
async fn revised(work: &Work<'_, '_>, draft: String, all: &[&Settled]) -> Result<String, Halt> {
    let tokens = u32::try_from(draft.len() / 3).unwrap_or(u32::MAX).clamp(SECTION, 8_000);
    let about = u32::try_from(draft.len() / CHARS).unwrap_or(u32::MAX);
    let evidence = room(work, 1, tokens.saturating_add(about)).evidence;
    let ask = write::revise(&work.brief, &draft, all, &work.ledger, Room { evidence, answer: tokens });
    let Some(Ok(mended)) = work.steps.ask(For::Writing, ask).await? else { return Ok(draft) };
    let (before, after) = (held(work, &draft), held(work, &mended.text));
    let pieces = |text: &Proved| text.cited.iter().map(Vec::len).sum::<usize>();
    let as_much = pieces(&after) * 4 >= pieces(&before) * 3 && after.share() >= before.share() * 0.9;
    Ok(if as_much { mended.text } else { draft })
}

/// What of a text is held by the evidence that it names.
fn held(work: &Work<'_, '_>, text: &str) -> Proved {
    let ledger = &work.ledger;
    let ids: Vec<String> = ledger.evidence.iter().map(|evidence| format!("e{}", evidence.id)).collect();
    let known: Vec<Cited<'_>> = ledger
        .evidence
        .iter()
        .zip(&ids)
        .map(|(evidence, id)| Cited {
            id,
            page: &ledger.document(evidence).url,
            title: &ledger.document(evidence).title,
            excerpts: vec![ledger.excerpt(evidence)],
            suspicious: evidence.suspicious,
        })
        .collect();
    proved(text, &known, &work.brief.question)
}

/// The parts of the question of which nothing is known.
fn missing(work: &Work<'_, '_>, all: &[&Settled]) -> Vec<String> {
    let known: BTreeSet<usize> = all.iter().map(|known| known.field).collect();
    let parts = work.brief.fields.iter().enumerate().filter(|(at, _)| !known.contains(at));
    parts.map(|(_, field)| field.about.clone()).collect()
}

/// How sure a text is: as its sentences mostly are, and never high if a quarter of them are not.
fn overall(labels: &[Labelled]) -> Confidence {
    let of = |confidence: Confidence| labels.iter().filter(|label| label.confidence == confidence).count();
    let (low, high) = (of(Confidence::Low), of(Confidence::High));
    match labels.len() {
        0 => Confidence::Low,
        all if low * 4 > all => Confidence::Low,
        all if high * 4 >= all * 3 => Confidence::High,
        _ => Confidence::Medium,
    }
}

/// The list of sources under a long text, numbered as its citations are.
fn sources(work: &Work<'_, '_>, cited: &[Vec<usize>]) -> String {
    let mut list = String::from("\n\n## Sources\n");
    for (number, pieces) in cited.iter().enumerate() {
        let Some(evidence) = pieces.first().map(|at| &work.ledger.evidence[*at]) else { continue };
        let document = work.ledger.document(evidence);
        let title = document.title.replace(['[', ']', '\n'], " ");
        // Writing to a string cannot fail.
        let _ = write!(list, "\n[{}] {title} — {}", number + 1, document.url);
    }
    list
}
