//! What a run may spend, by the strength of its processor. A table: the numbers are the product, and the operator's to change.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use legwork_core::task::Limits;

use crate::config::Override;

/// What one run may spend, and what is checked for it.
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table of tiers")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Budget {
    /// When nothing is looked for any more; what was begun by then may go on to [`WORK`] of `hard`.
    pub soft: Duration,
    /// When it has ended: what is not written by then is put together without a model.
    pub hard: Duration,
    /// How often it goes looking, one pass through.
    pub rounds: u32,
    /// How many searches it makes.
    pub queries: u32,
    /// How many results it looks at.
    pub considered: u32,
    /// How many pages it reads.
    pub pages: u32,
    /// How much of the pages a model is shown at a time, in tokens.
    pub evidence_tokens: u32,
    /// How much a model may say at a time, in tokens.
    pub answer_tokens: u32,
    /// How many calls of models it makes; with none, sentences are chosen by their words and nothing is written.
    pub calls: u32,
    /// How many tokens it spends, in and out.
    pub tokens: u64,
    /// How many calls of a caller's tools it makes.
    pub tool_calls: u32,
    /// How many passes are made apart from each other, and put together.
    pub passes: u32,
    /// Into how many parts a question is taken apart at the most; 0 is not at all.
    pub parts: u32,
    /// Whether a model judges that excerpts support what is said.
    pub judge: bool,
    /// Whether what rests on one site alone is looked for once more.
    pub second_domain: bool,
    /// Whether sources that contradict each other are a reason to look once more.
    pub conflicts: bool,
    /// Whether a text is written part by part.
    pub sections: bool,
    /// Whether what was written is read once more and mended.
    pub revision: bool,
    /// How long one page may take.
    pub page_time: Duration,
    /// How old a page may be that was fetched before.
    pub page_age: Duration,
    /// What it may cost at the most, in US dollars; only a caller says so.
    pub cost_usd: Option<f64>,
}

const HOUR: u64 = 3600;

/// Name, soft and hard seconds, rounds, queries, considered, pages, evidence tokens, calls, thousands of tokens, tool calls,
/// passes, parts.
type Row = (&'static str, u64, u64, u32, u32, u32, u32, u32, u32, u64, u32, u32, u32);

/// The windows of time are those of the Task API's processors; the rest is reasoned from what deep reports of others took
/// (0.6 to 2 million tokens, some 20 pages of 220 looked at), and is not tuned on the open web.
const TABLE: [Row; 9] = [
    ("lite", 20, 60, 1, 2, 16, 3, 3_000, 2, 12, 1, 1, 0),
    ("base", 45, 100, 2, 4, 30, 6, 6_000, 4, 30, 1, 1, 0),
    ("core", 150, 300, 3, 10, 80, 14, 10_000, 14, 150, 1, 1, 4),
    ("core2x", 300, 600, 4, 20, 150, 28, 10_000, 28, 300, 4, 1, 5),
    ("pro", 360, 600, 5, 30, 250, 30, 16_000, 60, 600, 10, 1, 8),
    ("ultra", 900, 1_500, 8, 80, 600, 90, 24_000, 180, 2_000, 20, 1, 10),
    ("ultra2x", 2_400, 3_000, 12, 160, 1_200, 180, 24_000, 360, 4_000, 40, 2, 10),
    ("ultra4x", 4_500, 5_400, 12, 320, 2_400, 270, 24_000, 720, 8_000, 80, 4, 10),
    ("ultra8x", 6_000, 7_200, 12, 640, 4_800, 450, 24_000, 1_440, 16_000, 160, 8, 10),
];

/// The same for the fast ones: only the time differs in the table; [`Budget::of`] halves the pages.
const FAST: [(&str, u64, u64); 9] = [
    ("lite", 8, 20),
    ("base", 25, 50),
    ("core", 60, 100),
    ("core2x", 110, 180),
    ("pro", 200, 300),
    ("ultra", 420, 600),
    ("ultra2x", 900, 1_200),
    ("ultra4x", 1_800, 2_400),
    ("ultra8x", 2_700, 3_600),
];

impl Budget {
    /// That of a processor; `None` when there is none of this name.
    pub(crate) fn of(processor: &str) -> Option<Self> {
        let (name, fast) = match processor.strip_suffix("-fast") {
            Some(name) => (name, true),
            None => (processor, false),
        };
        let (at, row) = TABLE.iter().enumerate().find(|(_, row)| row.0 == name)?;
        let (
            _,
            soft,
            hard,
            rounds,
            queries,
            considered,
            pages,
            evidence_tokens,
            calls,
            thousands,
            tools,
            passes,
            parts,
        ) = *row;
        let (core, pro, ultra) = (at >= 2, at >= 4, at >= 5);
        let slow = Self {
            soft: Duration::from_secs(soft),
            hard: Duration::from_secs(hard),
            rounds,
            queries,
            considered,
            pages,
            evidence_tokens,
            answer_tokens: 1_600,
            calls,
            tokens: thousands * 1_000,
            tool_calls: tools,
            passes,
            parts,
            judge: core,
            second_domain: core,
            conflicts: at >= 3,
            sections: pro,
            revision: ultra,
            page_time: Duration::from_secs(12),
            page_age: Duration::from_secs(HOUR),
            cost_usd: None,
        };
        if !fast {
            return Some(slow);
        }
        let (_, soft, hard) = FAST[at];
        Some(Self {
            soft: Duration::from_secs(soft),
            hard: Duration::from_secs(hard),
            pages: slow.pages.div_ceil(2),
            rounds: slow.rounds.div_ceil(2),
            queries: slow.queries.div_ceil(2),
            conflicts: false,
            revision: false,
            page_time: Duration::from_secs(4),
            page_age: Duration::from_secs(7 * 24 * HOUR),
            ..slow
        })
    }

    /// With what the operator sets otherwise for the processor.
    pub(crate) fn overridden(mut self, by: &BTreeMap<String, Override>, processor: &str) -> Self {
        let Some(by) = by.get(processor) else { return self };
        let set = |own: &mut u32, by: Option<NonZeroU32>| *own = by.map_or(*own, NonZeroU32::get);
        set(&mut self.rounds, by.rounds);
        set(&mut self.queries, by.queries);
        set(&mut self.considered, by.considered);
        set(&mut self.pages, by.pages);
        set(&mut self.evidence_tokens, by.evidence_tokens);
        set(&mut self.calls, by.calls);
        self.tool_calls = by.tool_calls.unwrap_or(self.tool_calls);
        set(&mut self.passes, by.passes);
        self.tokens = by.tokens.map_or(self.tokens, NonZeroU64::get);
        let seconds = |seconds: NonZeroU64| Duration::from_secs(seconds.get());
        self.hard = by.hard_seconds.map_or(self.hard, seconds);
        self.soft = by.soft_seconds.map_or(self.soft, seconds);
        self.bounded()
    }

    /// As much of it as is of use where no model reads: words find their sentence among the first pages or not at all.
    pub(crate) fn without_models(self) -> Self {
        Self {
            rounds: self.rounds.min(2),
            queries: self.queries.min(4),
            considered: self.considered.min(30),
            pages: self.pages.min(8),
            calls: 0,
            tool_calls: 0,
            passes: 1,
            parts: 0,
            judge: false,
            second_domain: false,
            conflicts: false,
            sections: false,
            revision: false,
            ..self
        }
    }

    /// Whether models read, judge and write; else what is read is chosen by its words.
    pub(crate) fn has_models(&self) -> bool {
        self.calls > 0
    }

    /// As much of it as goes into a model that takes in and gives out so many tokens together.
    pub(crate) fn fitting(mut self, context: u32) -> Self {
        self.answer_tokens = self.answer_tokens.min(context / 4);
        // The rest is for what is asked: the rules, the question and the fields.
        self.evidence_tokens = self.evidence_tokens.min(context / 2);
        self
    }

    /// Within what a caller limits: never more than the processor's own.
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        if let Some(seconds) = limits.max_seconds {
            self.hard = self.hard.min(Duration::from_secs_f64(seconds.clamp(0.0, 1e6)));
        }
        if let Some(tokens) = limits.max_tokens {
            self.tokens = self.tokens.min(tokens);
            // So that little is asked where little may be spent, rather than nothing, and something is left to write with.
            let share = |of: u64| u32::try_from(tokens / of).unwrap_or(u32::MAX).max(1);
            self.evidence_tokens = self.evidence_tokens.min(share(3));
            self.answer_tokens = self.answer_tokens.min(share(8));
        }
        self.cost_usd = limits.max_cost_usd;
        self.bounded()
    }

    /// Looking begins nothing when it would be broken off at once.
    fn bounded(self) -> Self {
        Self { soft: self.soft.min(self.hard.mul_f64(WORK)), ..self }
    }
}

/// The share of time, tokens and money that looking may take; the rest is for judging and writing.
pub(crate) const WORK: f64 = 0.85;

#[cfg(test)]
mod tests {
    use legwork_core::tier::{TIERS, Tier};

    use super::*;

    #[test]
    fn every_processor_has_a_budget_and_a_stronger_one_has_no_less() {
        for name in Tier::names() {
            let budget = Budget::of(&name).unwrap();
            assert!(budget.soft <= budget.hard.mul_f64(WORK), "{name}: begins what is broken off at once");
            assert!(budget.calls >= 1 && budget.pages >= 1 && budget.queries >= 1, "{name}");
        }
        let all: Vec<_> = TIERS.iter().filter_map(|tier| Budget::of(tier.name)).collect();
        for pair in all.windows(2) {
            let [weak, strong] = pair else { unreachable!("a window of two") };
            assert!(weak.hard <= strong.hard && weak.tokens <= strong.tokens && weak.pages <= strong.pages);
            assert!(weak.queries <= strong.queries && weak.calls <= strong.calls && weak.rounds <= strong.rounds);
        }
        assert_eq!(Budget::of("lite-slow"), None);
    }

    #[test]
    fn a_fast_one_takes_less_time_and_reads_less() {
        for tier in &TIERS {
            let (slow, fast) = (Budget::of(tier.name).unwrap(), Budget::of(&format!("{}-fast", tier.name)).unwrap());
            assert!(fast.hard < slow.hard && fast.pages <= slow.pages, "{}", tier.name);
        }
    }

    #[test]
    fn a_small_model_is_shown_less_at_a_time() {
        let small = Budget::of("core").unwrap().fitting(2_048);
        assert_eq!((small.evidence_tokens, small.answer_tokens), (1_024, 512));
        assert_eq!(Budget::of("core").unwrap().fitting(200_000), Budget::of("core").unwrap());
    }

    #[test]
    fn the_operator_changes_what_he_names_and_a_caller_only_takes_away() {
        let base = Budget::of("base").unwrap();
        let by = BTreeMap::from([(
            "base".to_owned(),
            Override { pages: NonZeroU32::new(40), hard_seconds: NonZeroU64::new(40), ..Override::default() },
        )]);
        let more = base.clone().overridden(&by, "base");
        assert_eq!((more.pages, more.queries, more.hard), (40, base.queries, Duration::from_secs(40)));
        assert_eq!(more.soft, Duration::from_secs(34), "looking leaves time to write, however short it is");
        let limits = Limits { max_seconds: Some(10.0), max_tokens: Some(1_000_000), max_cost_usd: Some(0.5) };
        let less = more.within(&limits);
        assert_eq!(less.hard, Duration::from_secs(10));
        assert!(less.soft < less.hard);
        assert_eq!(less.tokens, base.tokens, "a caller cannot have more");
        let little = base.clone().within(&Limits { max_tokens: Some(3_000), ..Limits::default() });
        assert_eq!((little.tokens, little.evidence_tokens, little.answer_tokens), (3_000, 1_000, 375));
        assert_eq!(less.cost_usd, Some(0.5));
    }
}
