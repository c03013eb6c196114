//! One row of what a reader found, held against the page that it names.

use std::ops::Range;

use super::anchors::{is_anchored, is_answered};
use super::compute::verify_computed;
use super::date::Date;
use super::quote::{Page, excerpt};
use super::values::{Verdict, verify_values};

/// What a reader says it found. No address passes through it: the page is known by the passage's number.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Finding<'a> {
    /// What was asked.
    pub(in crate::processors) question: &'a str,
    /// The value.
    pub(in crate::processors) value: &'a str,
    /// The words of the page that say it.
    pub(in crate::processors) quote: &'a str,
    /// How the value follows from what is quoted, if it is computed.
    pub(in crate::processors) expression: Option<&'a str>,
}

/// What came of a finding.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::processors) struct Checked {
    /// The excerpt that is published: a part of the page's own text.
    pub(in crate::processors) excerpt: Range<usize>,
    /// Whether the value's numbers, dates and names stand in the excerpt.
    pub(in crate::processors) values: Verdict,
    /// Whether the excerpt's page is about what the question names.
    pub(in crate::processors) is_anchored: bool,
    /// Whether the value's words stand in the excerpt.
    pub(in crate::processors) is_answered: bool,
}

/// Why a finding is no evidence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::processors) enum Refused {
    /// The quote is too short or not in the page.
    #[error("the quote is not in the page")]
    NoQuote,
    /// The value says something that the excerpt does not.
    #[error("the excerpt does not have {}", .0.join(", "))]
    Values(Vec<String>),
    /// The value is computed, and wrong or from nothing.
    #[error(transparent)]
    Uncomputed(#[from] super::compute::Uncomputed),
}

/// Holds a finding against the page and the title of the page that it names.
pub(in crate::processors) fn check(
    page: &Page<'_>,
    title: &str,
    finding: &Finding<'_>,
    today: Date,
) -> Result<Checked, Refused> {
    let quote = page.quote(finding.quote).ok_or(Refused::NoQuote)?;
    let excerpt = excerpt(page.text(), &quote);
    let words = &page.text()[excerpt.clone()];
    let values = match finding.expression {
        Some(expression) => verify_computed(finding.value, expression, &[words], today)?,
        None => verify_values(finding.value, &[words]),
    };
    if !values.stands() {
        return Err(Refused::Values(values.missing));
    }
    let is_anchored = is_anchored(finding.question, words, title);
    let is_answered = finding.expression.is_some() || is_answered(finding.value, words);
    Ok(Checked { excerpt, values, is_anchored, is_answered })
}
