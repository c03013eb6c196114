//! The figures: how many are right, how sure labels are, what is proved, how long it took and what.

use std::collections::{BTreeMap, BTreeSet};

use legwork_core::output::{Confidence, Usage};
use serde::{Serialize, Serializer};

use super::outcome::{Came, Outcome};
use super::proof::Proof;
use super::set::Question;

/// A question with what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The question.
    pub(crate) question: Question,
    /// The run that was asked it; none if it was not asked yet.
    pub(crate) run: Option<String>,
    /// What came of it.
    pub(crate) came: Came,
    /// How far the answer is proved.
    pub(crate) proof: Proof,
    /// How long it took, in seconds.
    pub(crate) seconds: Option<f64>,
    /// What the run says it took. Other servers, and runs without a model, do not say.
    pub(crate) usage: Option<Usage>,
}

impl Record {
    fn outcome(&self) -> Option<&Outcome> {
        match &self.came {
            Came::Answered(outcome) => Some(outcome),
            Came::Failed { .. } | Came::Open => None,
        }
    }
}

/// So many of so many. As JSON with the share, which is `null` of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// How many.
    pub(crate) n: usize,
    /// Of how many.
    pub(crate) of: usize,
}

impl Share {
    fn count<T>(all: impl IntoIterator<Item = T>, is: impl Fn(&T) -> bool) -> Self {
        all.into_iter().fold(Self::default(), |so_far, one| so_far.with(is(&one)))
    }

    fn with(self, is: bool) -> Self {
        Self { n: self.n + usize::from(is), of: self.of + 1 }
    }

    /// The share, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "nobody asks more questions than a double counts")]
    pub(crate) fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.n as f64 / self.of as f64)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            n: usize,
            of: usize,
            share: Option<f64>,
        }
        Shown { n: self.n, of: self.of, share: self.share() }.serialize(serializer)
    }
}

/// All figures.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Who answered.
    pub(crate) processor: String,
    /// With which models.
    pub(crate) models: BTreeSet<String>,
    /// What their labels rest on.
    pub(crate) labels: BTreeSet<String>,
    /// Right ones of all that came to an end: right answers, and refusals of what cannot be answered.
    pub(crate) right: Share,
    /// The same of each set, if there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sets: BTreeMap<String, Share>,
    /// What became of those that can be answered.
    pub(crate) answerable: Counts,
    /// Of those that cannot.
    pub(crate) unanswerable: Counts,
    /// How many have not come to an end.
    pub(crate) open: usize,
    /// Of the answers with each label, the share that is right.
    pub(crate) by_label: ByLabel<Share>,
    /// What becomes of accuracy and refusals when only answers count that are at least so sure.
    pub(crate) curve: ByLabel<Point>,
    /// Of the excerpts, those that stand word for word in their page.
    pub(crate) excerpts: Share,
    /// Excerpts whose page cannot be opened here.
    pub(crate) excerpts_unchecked: usize,
    /// Of the numbers, dates and names in answers, those that stand in an excerpt.
    pub(crate) values: Share,
    /// Numbers, dates and names in answers for which nothing is cited.
    pub(crate) values_uncited: usize,
    /// How long a question took.
    pub(crate) seconds: Seconds,
    /// What all took together; `null` where no run says.
    pub(crate) usage: Option<Usage>,
    /// How many runs say what they took.
    pub(crate) usage_of: usize,
    /// Each question with what came of it.
    pub(crate) questions: Vec<Told>,
}

/// What became of questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// How many came to an end.
    pub(crate) questions: usize,
    /// Answered as expected. None of those that cannot be answered.
    pub(crate) right: usize,
    /// Answered in another way.
    pub(crate) wrong: usize,
    /// Nothing was found.
    pub(crate) refused: usize,
    /// The run failed.
    pub(crate) failed: usize,
}

/// One for each label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct ByLabel<T> {
    /// Of those that are labelled high; of those from high on.
    pub(crate) high: T,
    /// The same of medium.
    pub(crate) medium: T,
    /// The same of low.
    pub(crate) low: T,
}

/// A point of the curve: answers that are less sure count as refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Point {
    /// Of those that can be answered, the share that is answered as expected.
    pub(crate) accuracy: Share,
    /// Of the answers, the share that is right.
    pub(crate) right_of_answers: Share,
    /// Of those that cannot be answered, the share that is refused.
    pub(crate) refused: Share,
}

/// How long a question took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Seconds {
    /// Half of them took no longer.
    pub(crate) p50: Option<f64>,
    /// Of twenty, nineteen.
    pub(crate) p95: Option<f64>,
    /// Some runs do not say how long they were worked on: it is the time from their creation to their end, with the time in
    /// which they waited.
    pub(crate) with_waiting: bool,
}

/// One question, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) set: String,
    pub(crate) question: String,
    pub(crate) run_id: Option<String>,
    pub(crate) answerable: bool,
    #[serde(flatten)]
    pub(crate) came: Came,
    pub(crate) proof: Proof,
    pub(crate) seconds: Option<f64>,
    pub(crate) usage: Option<Usage>,
}

/// Adds up what came of all questions.
pub(crate) fn report(processor: &str, records: &[Record]) -> Report {
    let ended: Vec<&Record> = records.iter().filter(|record| record.came != Came::Open).collect();
    let outcomes = || records.iter().filter_map(Record::outcome);
    let is_right = |record: &&&Record| record.outcome().is_some_and(|outcome| outcome.right);
    let sets: BTreeSet<&str> = records.iter().map(|record| record.question.set.as_str()).collect();
    let of_set = |set: &str| Share::count(ended.iter().filter(|record| record.question.set == set), is_right);
    let several = sets.iter().filter(|_| sets.len() > 1);
    let with_label = |label| {
        let answers = outcomes().filter(|outcome| outcome.found && outcome.confidence == Some(label));
        Share::count(answers, |outcome| outcome.right)
    };
    let proved = |part: fn(&Proof) -> usize| records.iter().map(|record| part(&record.proof)).sum::<usize>();
    let told: Vec<&Usage> = records.iter().filter_map(|record| record.usage.as_ref()).collect();
    Report {
        processor: processor.to_owned(),
        models: outcomes().filter_map(|outcome| outcome.model.clone()).collect(),
        labels: outcomes().filter_map(|outcome| outcome.labels.clone()).collect(),
        right: Share::count(ended.iter(), is_right),
        sets: several.map(|set| ((*set).to_owned(), of_set(set))).collect(),
        answerable: counts(&ended, true),
        unanswerable: counts(&ended, false),
        open: records.len() - ended.len(),
        by_label: by_label(with_label),
        curve: by_label(|least| point(&ended, least)),
        excerpts: Share { n: proved(|proof| proof.standing), of: proved(|proof| proof.excerpts) },
        excerpts_unchecked: proved(|proof| proof.unchecked),
        values: Share { n: proved(|proof| proof.held), of: proved(|proof| proof.values) },
        values_uncited: proved(|proof| proof.uncited),
        seconds: seconds(&ended),
        usage: (!told.is_empty()).then(|| told.iter().fold(Usage::default(), |sum, one| added(&sum, one))),
        usage_of: told.len(),
        questions: records.iter().map(shown).collect(),
    }
}

fn by_label<T>(of: impl Fn(Confidence) -> T) -> ByLabel<T> {
    ByLabel { high: of(Confidence::High), medium: of(Confidence::Medium), low: of(Confidence::Low) }
}

fn counts(ended: &[&Record], answerable: bool) -> Counts {
    let mut counts = Counts::default();
    for record in ended.iter().filter(|record| record.question.is_answerable() == answerable) {
        counts.questions += 1;
        let which = match record.outcome() {
            None => &mut counts.failed,
            Some(outcome) if !outcome.found => &mut counts.refused,
            Some(outcome) if outcome.right => &mut counts.right,
            Some(_) => &mut counts.wrong,
        };
        *which += 1;
    }
    counts
}

/// What it would be if answers below a label were none. An answer without a label is one from low on.
fn point(ended: &[&Record], least: Confidence) -> Point {
    let mut point = Point::default();
    for record in ended {
        let counts = |outcome: &&Outcome| outcome.found && outcome.confidence.unwrap_or(Confidence::Low) >= least;
        let answer = record.outcome().filter(counts);
        let right = answer.is_some_and(|outcome| outcome.right);
        if answer.is_some() {
            point.right_of_answers = point.right_of_answers.with(right);
        }
        if record.question.is_answerable() {
            point.accuracy = point.accuracy.with(right);
        } else {
            // A run that failed refused nothing.
            point.refused = point.refused.with(answer.is_none() && record.outcome().is_some());
        }
    }
    point
}

fn seconds(ended: &[&Record]) -> Seconds {
    let mut all: Vec<f64> = ended.iter().filter_map(|record| record.seconds).collect();
    all.sort_by(f64::total_cmp);
    let with_waiting = ended.iter().any(|record| record.seconds.is_some() && record.usage.is_none());
    Seconds { p50: percentile(&all, 50), p95: percentile(&all, 95), with_waiting }
}

/// The smallest of sorted numbers than which so many of a hundred are not larger.
pub(super) fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn added(sum: &Usage, one: &Usage) -> Usage {
    Usage {
        seconds: sum.seconds + one.seconds,
        searches: sum.searches.saturating_add(one.searches),
        pages: sum.pages.saturating_add(one.pages),
        model_calls: sum.model_calls.saturating_add(one.model_calls),
        tool_calls: sum.tool_calls.saturating_add(one.tool_calls),
        prompt_tokens: sum.prompt_tokens.saturating_add(one.prompt_tokens),
        completion_tokens: sum.completion_tokens.saturating_add(one.completion_tokens),
        cost_usd: one.cost_usd.map_or(sum.cost_usd, |cost| Some(sum.cost_usd.unwrap_or_default() + cost)),
        tokens_estimated: sum.tokens_estimated || one.tokens_estimated,
    }
}

fn shown(record: &Record) -> Told {
    Told {
        set: record.question.set.clone(),
        question: record.question.text(),
        run_id: record.run.clone(),
        answerable: record.question.is_answerable(),
        came: record.came.clone(),
        proof: record.proof.clone(),
        seconds: record.seconds,
        usage: record.usage.clone(),
    }
}
