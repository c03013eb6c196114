//! The figures as people read them.

use std::fmt::Write as _;

use super::figures::{ByLabel, Counts, Point, Report, Share, Told};
use super::outcome::{Came, said};
use crate::render::{self, Style, clean};

/// How many questions are named that went wrong, and how many that failed.
const NAMED: usize = 10;
/// How much of a question and of an answer is shown, in characters.
const SHOWN: usize = 70;

/// Everything there is to say of a set.
pub(crate) fn table(report: &Report, style: Style) -> String {
    let models = report.models.iter().map(|model| clean(model)).collect::<Vec<_>>().join(", ");
    let models = if models.is_empty() { "no model".to_owned() } else { models };
    let asked = report.questions.len();
    let head = format!("{}, {models}: {asked} {}", clean(&report.processor), plural(asked, "question"));
    let mut out = format!("{}\n", style.bold(&head));
    line(&mut out, style, "right", &of(report.right));
    for (set, right) in &report.sets {
        let _ = writeln!(out, "    {}: {}", clean(set), of(*right));
    }
    became(&mut out, style, "answerable", report.answerable);
    became(&mut out, style, "unanswerable", report.unanswerable);
    if report.open > 0 {
        line(&mut out, style, "not done", &report.open.to_string());
    }
    labels(&mut out, report, style);
    let unchecked = match report.excerpts_unchecked {
        0 => String::new(),
        some => format!("; {some} of pages that cannot be opened here"),
    };
    line(&mut out, style, "excerpts", &format!("{} stand word for word in their page{unchecked}", of(report.excerpts)));
    let uncited = match report.values_uncited {
        0 => String::new(),
        some => format!("; nothing is cited for {some} more"),
    };
    line(&mut out, style, "values", &format!("{} stand in an excerpt{uncited}", of(report.values)));
    took(&mut out, report, style);
    odd(&mut out, report, style);
    out
}

fn line(out: &mut String, style: Style, name: &str, text: &str) {
    let _ = writeln!(out, "  {} {text}", style.dim(&format!("{name:<13}")));
}

fn became(out: &mut String, style: Style, name: &str, counts: Counts) {
    let Counts { questions, right, wrong, refused, failed } = counts;
    if questions == 0 {
        return;
    }
    let (right, refusals) = (Share { n: right, of: questions }, Share { n: refused, of: questions });
    let mut text = match name {
        "answerable" => format!("{} right, {wrong} wrong, {refused} not found", of(right)),
        _ => format!("{} not found, as is right; {wrong} answered", of(refusals)),
    };
    if failed > 0 {
        let _ = write!(text, ", {failed} failed");
    }
    line(out, style, name, &text);
}

/// How sure labels are, and what would be if less sure answers were none.
fn labels(out: &mut String, report: &Report, style: Style) {
    let rest_on = report.labels.iter().map(|labels| clean(labels)).collect::<Vec<_>>().join("; ");
    let rest_on = if rest_on.is_empty() { "uncalibrated".to_owned() } else { rest_on };
    let _ = writeln!(
        out,
        "\n  {}",
        style.dim(&format!("labels are {rest_on}; each row counts answers below it as not found"))
    );
    let head = ["label", "right of its own", "right from it on", "of the answerable", "unanswerable refused"];
    let ByLabel { high, medium, low } = report.by_label;
    let curve = report.curve;
    let row = |name: &str, own, point: Point| {
        [name.to_owned(), of(own), of(point.right_of_answers), of(point.accuracy), of(point.refused)]
    };
    let rows = [row("high", high, curve.high), row("medium", medium, curve.medium), row("low", low, curve.low)];
    let head = head.map(str::to_owned);
    let all = || [&head].into_iter().chain(&rows);
    let widths: Vec<usize> =
        (0..head.len()).map(|at| all().map(|row| row[at].chars().count()).max().unwrap_or_default()).collect();
    for (at, row) in all().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, wide)| format!("{cell:<wide$}")).collect();
        let cells = cells.join("  ");
        let _ = writeln!(out, "  {}", if at == 0 { style.dim(cells.trim_end()) } else { cells.trim_end().to_owned() });
    }
    out.push('\n');
}

fn took(out: &mut String, report: &Report, style: Style) {
    if let (Some(p50), Some(p95)) = (report.seconds.p50, report.seconds.p95) {
        let waiting = if report.seconds.with_waiting { ", waiting included" } else { "" };
        line(out, style, "time", &format!("{p50:.2} s a question, 95 % within {p95:.2} s{waiting}"));
    }
    if let Some(usage) = &report.usage {
        line(out, style, "took", &render::usage(usage));
        line(out, style, "a question", &render::usage_each(usage, report.usage_of));
    }
}

/// What went wrong, by name.
fn odd(out: &mut String, report: &Report, style: Style) {
    let failed = report.questions.iter().filter_map(|told| match &told.came {
        Came::Failed { error } => Some((told, error.clone())),
        Came::Answered(_) | Came::Open => None,
    });
    named(out, style, "failed", failed);
    let wrong = report.questions.iter().filter_map(|told| match &told.came {
        Came::Answered(outcome) if outcome.found && !outcome.right => {
            let label = outcome.confidence.map_or("no label", |confidence| confidence.as_str());
            Some((told, format!("{label}: {}", said(&outcome.answer))))
        }
        Came::Answered(_) | Came::Failed { .. } | Came::Open => None,
    });
    named(out, style, "wrong", wrong);
    let unproved = report.questions.iter().filter(|told| !told.proof.odd.is_empty());
    named(out, style, "not proved", unproved.map(|told| (told, told.proof.odd.join("; "))));
}

fn named<'a>(out: &mut String, style: Style, what: &str, all: impl Iterator<Item = (&'a Told, String)>) {
    let all: Vec<_> = all.collect();
    if !all.is_empty() {
        let _ = writeln!(out, "\n  {}", style.bold(&format!("{what}:")));
    }
    for (told, text) in all.iter().take(NAMED) {
        let run = told.run_id.as_deref().unwrap_or_default();
        let _ = writeln!(out, "  {}  {}\n    {}", short(&told.question), style.dim(run), short(text));
    }
    if all.len() > NAMED {
        let _ = writeln!(out, "  and {} more, which --json names", all.len() - NAMED);
    }
}

/// `14 of 15 (93.3 %)`.
fn of(share: Share) -> String {
    match share.share() {
        Some(part) => format!("{} of {} ({:.1} %)", share.n, share.of, part * 100.0),
        None => "none".to_owned(),
    }
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// The beginning of a text, in one line.
fn short(text: &str) -> String {
    let text = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}
