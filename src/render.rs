//! What is printed, as text. Pure: what came in is all that matters.
//!
//! Answers quote documents that anybody may have written, so control characters are taken out before they reach a
//! terminal. `--json` prints what the server sent.

use std::fmt::Write as _;

use legwork_api::event::{Event, SourceStats};
use legwork_api::result::{BasisView, RunPage, TaskRunResult};
use legwork_api::run::TaskRun;
use legwork_core::output::{Citation, Usage};
use legwork_core::run::Status;
use legwork_core::time::Micros;
use owo_colors::{OwoColorize as _, Style as Paint};
use serde::Serialize;
use serde_json::Value;

use crate::checkup::Health;
use crate::exit::{Exit, Failure};

/// How wide quotations are set, in characters.
const WIDTH: usize = 96;

/// How many excerpts of one source are shown.
const EXCERPTS: usize = 2;

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Colours and weights may be used.
    pub(crate) color: bool,
}

impl Style {
    fn paint(self, text: &str, paint: Paint) -> String {
        if self.color { text.style(paint).to_string() } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint(text, Paint::new().bold())
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint(text, Paint::new().dimmed())
    }

    /// Words that somebody looks for.
    pub(crate) fn marked(self, text: &str) -> String {
        if self.color { self.paint(text, Paint::new().reversed()) } else { format!(">>>{text}<<<") }
    }

    pub(crate) fn link(self, text: &str) -> String {
        self.paint(text, Paint::new().cyan())
    }

    /// A word about how something is.
    pub(crate) fn health(self, health: Health, word: &str) -> String {
        let paint = match health {
            Health::Well => Paint::new().green(),
            Health::Warn => Paint::new().yellow(),
            Health::Fail => Paint::new().red(),
        };
        self.paint(word, paint)
    }

    /// A word about something that went well or did not.
    pub(crate) fn verdict(self, well: bool, word: &str) -> String {
        self.health(if well { Health::Well } else { Health::Fail }, word)
    }

    fn confidence(self, word: &str) -> String {
        let paint = match word {
            "high" => Paint::new().green(),
            "medium" => Paint::new().yellow(),
            _ => Paint::new().red(),
        };
        self.paint(word, paint)
    }

    fn status(self, status: Status) -> String {
        let paint = match status {
            Status::Completed => Paint::new().green(),
            Status::Failed | Status::Cancelled => Paint::new().red(),
            Status::Queued | Status::Running | Status::Cancelling | Status::ActionRequired => Paint::new().yellow(),
        };
        self.paint(status.as_str(), paint)
    }
}

/// The answer, how far to trust it, and what it rests on.
pub(crate) fn answer(result: &TaskRunResult, style: Style) -> String {
    let mut out = content(&result.output.content);
    out.push('\n');
    for warning in result.run.warnings() {
        let _ = write!(out, "\n{} {}", style.dim("warning:"), clean(&warning.message));
    }
    for basis in &result.output.basis {
        out.push('\n');
        field(&mut out, basis, style);
    }
    if let Some(extras) =
        result.output.legwork.as_ref().filter(|extras| !extras.warnings.is_empty() || took_some(&extras.usage))
    {
        out.push('\n');
        for warning in &extras.warnings {
            let _ = writeln!(out, "{} {}", style.dim("warning:"), clean(warning));
        }
        let _ = writeln!(out, "{} {}", style.dim("took:"), usage(&extras.usage));
    }
    out
}

/// Whether a run took anything worth a line: documents alone are looked up in no time.
fn took_some(took: &Usage) -> bool {
    took.seconds >= 1.0 || Usage { seconds: 0.0, ..took.clone() } != Usage::default()
}

/// What a run took, in one line: the time, and whatever else there was of.
pub(crate) fn usage(took: &Usage) -> String {
    let some = |count: u64, one: &str, many: &str| {
        (count > 0).then(|| format!("{} {}", grouped(count), if count == 1 { one } else { many }))
    };
    let tokens = took.prompt_tokens.saturating_add(took.completion_tokens);
    let counted = if took.tokens_estimated { "tokens (estimated)" } else { "tokens" };
    let parts = [
        Some(format!("{:.1} s", took.seconds)),
        some(took.searches.into(), "search", "searches"),
        some(took.pages.into(), "page", "pages"),
        some(took.model_calls.into(), "model call", "model calls"),
        some(took.tool_calls.into(), "tool call", "tool calls"),
        some(tokens, counted, counted),
        took.cost_usd.map(|cost| format!("${cost:.4}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What each of so many runs took, if all of them together took this.
#[expect(clippy::cast_precision_loss, reason = "it is shown with one decimal")]
pub(crate) fn usage_each(took: &Usage, runs: usize) -> String {
    let runs = runs.max(1) as f64;
    let some = |count: f64, what: &str| (count > 0.0).then(|| format!("{:.1} {what}", count / runs));
    let tokens = took.prompt_tokens.saturating_add(took.completion_tokens) as f64;
    let parts = [
        Some(format!("{:.2} s", took.seconds / runs)),
        some(took.searches.into(), "searches"),
        some(took.pages.into(), "pages"),
        some(took.model_calls.into(), "model calls"),
        some(took.tool_calls.into(), "tool calls"),
        (tokens > 0.0).then(|| format!("{:.0} tokens", tokens / runs)),
        took.cost_usd.map(|cost| format!("${:.4}", cost / runs)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let places = digits.char_indices().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    places.collect()
}

/// The content of an output: a text as it is, an object as JSON.
pub(crate) fn content(content: &Value) -> String {
    match content {
        Value::String(text) => clean(text.trim_end()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            clean(&serde_json::to_string_pretty(other).unwrap_or_else(|_| other.to_string()))
        }
    }
}

fn field(out: &mut String, basis: &BasisView, style: Style) {
    let name = if basis.field == "output" { "confidence" } else { &basis.field };
    let confidence = match basis.confidence.as_deref() {
        Some("") | None => "unknown",
        Some(word) => word,
    };
    let likely = basis.legwork.as_ref().and_then(|ours| ours.probability);
    // What was measured is never certain.
    let likely =
        likely.map_or_else(String::new, |p| format!(" ({:.0} % by measurement)", (p * 100.0).round().min(99.0)));
    let _ = writeln!(out, "{}: {}{likely}", style.bold(&clean(name)), style.confidence(&clean(confidence)));
    if basis.citations.is_empty() && !basis.reasoning.trim().is_empty() {
        indented(out, &clean(basis.reasoning.trim()), "  ");
    }
    for (i, source) in basis.citations.iter().enumerate() {
        citation(out, i + 1, source, style);
    }
}

fn citation(out: &mut String, number: usize, source: &Citation, style: Style) {
    let url = clean(&source.url);
    match source.title.as_deref().map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => {
            let _ = writeln!(out, "  [{number}] {}\n      {}", clean(title), style.link(&url));
        }
        None => {
            let _ = writeln!(out, "  [{number}] {}", style.link(&url));
        }
    }
    for excerpt in source.excerpts.iter().flatten().take(EXCERPTS) {
        indented(out, &format!("“{}”", clean(excerpt.trim())), "      ");
    }
}

/// Sets a text in lines, each behind the indent. What is wider than a line alone stays whole.
fn indented(out: &mut String, text: &str, indent: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { indent } else { " " });
        out.push_str(word);
        column += if column == 0 { indent.len() + width } else { 1 + width };
    }
    out.push('\n');
}

/// What there is to say about a run.
pub(crate) fn run(run: &TaskRun, style: Style) -> String {
    let mut rows = vec![
        ("run", run.run_id.to_string()),
        ("status", style.status(run.status)),
        ("processor", clean(&run.processor)),
        ("created", moment(run.created_at)),
        ("changed", moment(run.modified_at)),
    ];
    if let Some(ours) = &run.legwork {
        // Of a run whose progress is not kept it stays at 0, which would say something else.
        if let Some(meter @ 1..) = ours.progress_meter {
            rows.push(("progress", format!("{meter} %")));
        }
        if let Some(place) = ours.queue.and_then(|queue| queue.queue_position) {
            rows.push(("before it", place.to_string()));
        }
        if let Some(eta) = ours.queue.and_then(|queue| queue.eta) {
            rows.push(("done about", moment(Some(eta))));
        }
        let earlier = [("follows", ours.previous_interaction_id), ("rerun of", ours.rerun_of)];
        rows.extend(earlier.into_iter().filter_map(|(name, id)| Some((name, id?.to_string()))));
        if let Some(question) = &ours.question {
            rows.push(("asks", clean(&question.text)));
            rows.push(("answer", format!("legwork answer {} ANSWER", run.run_id)));
        }
    }
    if let Some(error) = &run.error {
        rows.push(("error", clean(&error.message)));
    }
    if let Some(metadata) = run.metadata.as_deref().map(serde_json::value::RawValue::get).filter(|text| *text != "{}") {
        rows.push(("metadata", clean(metadata)));
    }
    rows.extend(run.warnings().iter().map(|warning| ("warning", clean(&warning.message))));
    let line = |(name, value): &(&str, String)| [&style.dim(&format!("{name:<10}")), " ", value, "\n"].concat();
    rows.iter().map(line).collect()
}

/// A page of runs, one a line.
pub(crate) fn table(page: &RunPage, style: Style) -> String {
    if page.runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let processors = page.runs.iter().map(|run| run.processor.chars().count());
    let wide = processors.max().unwrap_or(0).max("PROCESSOR".len());
    let head = format!("{:<37}  {:<15}  {:<wide$}  {:<20}", "RUN", "STATUS", "PROCESSOR", "CREATED");
    let mut out = format!("{}\n", style.dim(head.trim_end()));
    for run in &page.runs {
        // Padded before it is painted: what colours a word has no width.
        let status = style.status(run.status) + &" ".repeat(15 - run.status.as_str().len());
        let _ =
            writeln!(out, "{:<37}  {status}  {:<wide$}  {}", run.run_id, clean(&run.processor), moment(run.created_at));
    }
    out
}

/// Anything of the wire, as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Api, error))
}

/// Where a run stands, in one line.
pub(crate) fn progress(run: &TaskRun) -> String {
    let ours = run.legwork.as_ref();
    let meter = ours.filter(|_| run.status == Status::Running).and_then(|ours| ours.progress_meter);
    let place = ours.and_then(|ours| ours.queue?.queue_position);
    match (meter, place) {
        (Some(meter @ 1..), _) => format!("{} {meter} %", run.status),
        (_, Some(before @ 1..)) => format!("{}, {before} before it", run.status),
        _ => state(run),
    }
}

/// The state of a run, with what it wants to know and how it is told.
fn state(run: &TaskRun) -> String {
    match run.legwork.as_ref().and_then(|ours| ours.question.as_ref()) {
        Some(question) => {
            let asks = clean(&question.text).replace('\n', " ");
            format!("{}: {asks} (`legwork answer {} ANSWER`)", run.status, run.run_id)
        }
        None => run.status.to_string(),
    }
}

/// What an event tells, in one line; nothing for figures, which a bar shows better.
pub(crate) fn event(event: &Event) -> Option<String> {
    match event {
        Event::State(entered) => Some(state(&entered.run)),
        Event::GroupStatus(group) => group.status.status_message.clone(),
        Event::Stats(_) | Event::Error(_) | Event::Unknown => None,
        Event::Plan(message)
        | Event::Search(message)
        | Event::Extract(message)
        | Event::Result(message)
        | Event::ToolCall(message)
        | Event::ExecStatus(message) => Some(clean(&message.message).replace('\n', " ")),
    }
}

/// How many sources were considered and read, with two spaces after it; nothing while there are none.
pub(crate) fn sources(stats: &SourceStats) -> String {
    match (stats.num_sources_considered, stats.num_sources_read) {
        (None | Some(0), _) => String::new(),
        (Some(considered), read) => format!("{} of {considered} sources read  ", read.unwrap_or(0)),
    }
}

/// Why there is no output.
pub(crate) fn without_output(run: &TaskRun) -> String {
    match &run.error {
        Some(error) => format!("the run {}: {}", run.status, clean(&error.message)),
        None => format!("the run was {}", run.status),
    }
}

/// `2025-04-23 20:21:48Z`.
pub(crate) fn moment(at: Option<Micros>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).chain(['Z']).collect(),
    )
}

/// Text that does nothing to a terminal but stand on it.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
