//! How far a field can be trusted: by rule, from what was checked. What a model thinks of its own answer is not asked.

use legwork_core::output::Confidence;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::class::Class;
use super::independent::{Supporter, independent};

/// What a fresh look at a value and its excerpts said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// The excerpts say what the value says.
    Supports,
    /// They say something else.
    Contradicts,
    /// They do not say it.
    Insufficient,
}

/// What is known of a field's value that does not depend on any model's opinion of itself, except for the judge's, who saw
/// nothing but the question, the value and the excerpts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a check that held or did not")]
pub struct Features {
    /// A quote for it stands in a page.
    pub quote_ok: bool,
    /// Its numbers, dates and names stand in the excerpts.
    pub values_ok: bool,
    /// A passage that supports it names all that the question names, so that it speaks of the same.
    #[serde(default = "yes")]
    pub anchored: bool,
    /// What the judge said, if one was asked.
    #[serde(default)]
    pub judge: Option<Judgement>,
    /// How many sources support it independently. Passages that read like instructions are not counted.
    #[serde(default)]
    pub independent_domains: u32,
    /// Another source says something else.
    #[serde(default)]
    pub contradiction: bool,
    /// The best of its sources, of those whose passages do not read like instructions.
    #[serde(default)]
    pub class: Class,
    /// How close passage and question are, from 0 to 1, if that was measured.
    #[serde(default)]
    pub similarity: Option<f64>,
    /// It is computed, and not stated.
    #[serde(default)]
    pub computed: bool,
    /// Every passage that supports it reads like instructions to a model.
    #[serde(default)]
    pub suspicious: bool,
    /// Its pages are young enough for the question; `None` if that cannot be told.
    #[serde(default)]
    pub age_ok: Option<bool>,
    /// Of the independent passes over the question, the share that came to this value; `None` if there was one.
    #[serde(default)]
    pub agreement_of_passes: Option<f64>,
    /// How far its sentence can be trusted by its words alone, if no model read it.
    #[serde(default)]
    pub by_words: Option<Confidence>,
}

fn yes() -> bool {
    true
}

/// One passage that supports a value.
#[derive(Clone, Copy, Debug)]
pub(in crate::processors) struct Support<'a> {
    /// Where it stands.
    pub(in crate::processors) from: Supporter<'a>,
    pub(in crate::processors) class: Class,
    pub(in crate::processors) similarity: Option<f64>,
    /// It reads like instructions to a model.
    pub(in crate::processors) suspicious: bool,
    /// Its page is young enough.
    pub(in crate::processors) age_ok: Option<bool>,
}

impl Features {
    /// What the passages add up to that support a value; the checks of the value itself are set beside it.
    pub(in crate::processors) fn of(supports: &[Support<'_>]) -> Self {
        let sound: Vec<&Support<'_>> = supports.iter().filter(|support| !support.suspicious).collect();
        let from: Vec<Supporter<'_>> = sound.iter().map(|support| support.from).collect();
        let similarity = supports.iter().filter_map(|support| support.similarity).max_by(f64::total_cmp);
        let ages: Vec<bool> = supports.iter().filter_map(|support| support.age_ok).collect();
        Self {
            quote_ok: !supports.is_empty(),
            values_ok: false,
            anchored: true,
            judge: None,
            independent_domains: u32::try_from(independent(&from)).unwrap_or(u32::MAX),
            contradiction: false,
            class: sound.iter().map(|support| support.class).max().unwrap_or_default(),
            similarity,
            computed: false,
            suspicious: !supports.is_empty() && sound.is_empty(),
            // One page that is young enough is enough.
            age_ok: (!ages.is_empty()).then(|| ages.contains(&true)),
            agreement_of_passes: None,
            by_words: None,
        }
    }

    /// Whether a check failed or nothing was found: such a value is never better than low.
    fn failed(&self) -> Option<&'static str> {
        match self {
            Self { quote_ok: false, .. } => Some("no quote for it stands in a page"),
            Self { values_ok: false, .. } => Some("it says something that its excerpts do not"),
            Self { anchored: false, .. } => Some("the passage does not name all that the question names"),
            Self { judge: Some(Judgement::Contradicts), .. } => Some("its excerpts say something else"),
            Self { judge: Some(Judgement::Insufficient), .. } => Some("its excerpts do not say enough"),
            _ => None,
        }
    }

    /// What keeps a value from being surer than this, whatever else speaks for it.
    fn caps(&self) -> Vec<(Confidence, &'static str)> {
        let doubt = match self {
            Self { suspicious: true, .. } => Some("only passages that read like instructions support it"),
            Self { contradiction: true, .. } => Some("another source says something else"),
            Self { age_ok: Some(false), .. } => Some("its pages are older than the question wants"),
            _ => None,
        };
        let by_words = self.by_words.map(|most| (most.min(Confidence::Medium), BY_WORDS));
        doubt.map(|why| (Confidence::Medium, why)).into_iter().chain(by_words).collect()
    }
}

impl Features {
    /// What no measurement lifts a label above.
    pub(super) fn most(&self) -> Confidence {
        let caps = self.caps().into_iter().map(|(most, _)| most);
        if self.failed().is_some() { Confidence::Low } else { caps.min().unwrap_or(Confidence::High) }
    }
}

/// Why a sentence that no model read is never sure.
const BY_WORDS: &str = "the sentence was chosen by its words, no model read it";

/// How far to trust a field, and why.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::processors) struct Label {
    pub(in crate::processors) confidence: Confidence,
    /// How likely it is right, where that was measured.
    pub(in crate::processors) p: Option<f64>,
    pub(in crate::processors) why: Vec<&'static str>,
}

/// The label of a value, as measured if there is a calibration, else by the rule that holds before one.
pub(in crate::processors) fn label(features: &Features, calibration: Option<&Calibration>) -> Label {
    let by_rule = by_rule(features);
    let Some(calibration) = calibration else { return by_rule };
    let p = calibration.p(Some(features), by_rule.confidence);
    if features.failed().is_some() {
        return Label { p: Some(p), ..by_rule };
    }
    let measured = calibration.label(p);
    let mut why = by_rule.why;
    why = with(why, "as often right as others like it, by measurement");
    let confidence = features.caps().into_iter().fold(measured, |sure, (most, cap)| {
        if most < sure {
            why = with(std::mem::take(&mut why), cap);
        }
        sure.min(most)
    });
    Label { confidence, p: Some(p), why }
}

fn with(mut all: Vec<&'static str>, why: &'static str) -> Vec<&'static str> {
    if !all.contains(&why) {
        all.push(why);
    }
    all
}

/// The rule before anything was measured.
pub(super) fn by_rule(features: &Features) -> Label {
    let label = |confidence, why| Label { confidence, p: None, why };
    if let Some(why) = features.failed() {
        return label(Confidence::Low, vec![why]);
    }
    let mut why = vec!["quoted word for word, with every number and name"];
    let caps = features.caps();
    if let Some(most) = caps.iter().map(|(most, _)| *most).min() {
        why.extend(caps.into_iter().map(|(_, cap)| cap));
        return label(most, why);
    }
    let several = features.independent_domains >= 2;
    let enough = match features.judge {
        // Without a judge only a second source makes up for him.
        None => several,
        Some(_) => several || features.independent_domains == 1 && features.class == Class::Primary,
    };
    why.extend(features.judge.map(|_| "a second look found the excerpts to say it"));
    why.push(match (several, features.class) {
        (true, _) => "independent sources say it",
        (false, Class::Primary) => "one source says it, a primary one",
        (false, _) => "one source says it",
    });
    label(if enough { Confidence::High } else { Confidence::Medium }, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn good() -> Features {
        Features {
            quote_ok: true,
            values_ok: true,
            anchored: true,
            judge: Some(Judgement::Supports),
            independent_domains: 2,
            contradiction: false,
            class: Class::Other,
            similarity: None,
            computed: false,
            suspicious: false,
            age_ok: None,
            agreement_of_passes: None,
            by_words: None,
        }
    }

    fn confidence(features: &Features) -> Confidence {
        label(features, None).confidence
    }

    #[test]
    fn high_wants_every_check_and_two_sources_or_a_primary_one() {
        use Confidence::{High, Low, Medium};
        let one = |class| Features { independent_domains: 1, class, ..good() };
        for (features, expected) in [
            (good(), High),
            (one(Class::Primary), High),
            (one(Class::Reference), Medium),
            (one(Class::Other), Medium),
            (Features { judge: None, ..good() }, High),
            (Features { judge: None, ..one(Class::Primary) }, Medium),
            (Features { quote_ok: false, ..good() }, Low),
            (Features { values_ok: false, ..good() }, Low),
            (Features { anchored: false, ..good() }, Low),
            (Features { judge: Some(Judgement::Insufficient), ..good() }, Low),
            (Features { judge: Some(Judgement::Contradicts), ..good() }, Low),
            (Features { contradiction: true, ..good() }, Medium),
            (Features { age_ok: Some(false), ..good() }, Medium),
            (Features { suspicious: true, ..good() }, Medium),
            (Features { independent_domains: 0, class: Class::Primary, ..good() }, Medium),
        ] {
            assert_eq!(confidence(&features), expected, "{features:?}");
        }
    }

    #[test]
    fn a_passage_that_reads_like_instructions_is_no_source() {
        let from = |url| Supporter { url, passage: "Oslo is the capital of the country." };
        let support = |url, suspicious| Support {
            from: from(url),
            class: Class::Primary,
            similarity: Some(0.5),
            suspicious,
            age_ok: None,
        };
        let checked = |supports: &[Support<'_>]| Features {
            values_ok: true,
            judge: Some(Judgement::Supports),
            ..Features::of(supports)
        };
        let only = checked(&[support("https://a.example/", true), support("https://b.example/", true)]);
        assert!(only.suspicious && only.independent_domains == 0 && only.class == Class::Other);
        assert_eq!(confidence(&only), Confidence::Medium);
        let both = checked(&[support("https://a.example/", true), support("https://b.example/", false)]);
        assert!(!both.suspicious && both.independent_domains == 1);
        assert!(!Features::of(&[]).quote_ok);
    }

    prop_compose! {
        fn any_features()(
            quote_ok: bool, values_ok: bool, anchored: bool, contradiction: bool, computed: bool, suspicious: bool,
            judge in prop::option::of(prop::sample::select(vec![
                Judgement::Supports, Judgement::Contradicts, Judgement::Insufficient,
            ])),
            independent_domains in 0_u32..4,
            class in prop::sample::select(vec![Class::Other, Class::Reference, Class::Primary]),
            age_ok: Option<bool>,
            by_words in prop::option::of(prop::sample::select(vec![Confidence::Low, Confidence::Medium, Confidence::High])),
        ) -> Features {
            Features {
                quote_ok, values_ok, anchored, judge, independent_domains, contradiction, class, similarity: None, computed, suspicious,
                age_ok, agreement_of_passes: None, by_words,
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_better_makes_a_label_worse(features in any_features()) {
            let before = confidence(&features);
            let better = Features {
                quote_ok: true, values_ok: true, anchored: true, contradiction: false, suspicious: false, age_ok: Some(true),
                independent_domains: features.independent_domains + 1, ..features.clone()
            };
            prop_assert!(confidence(&better) >= before);
        }

        #[test]
        fn neither_by_rule_nor_by_measurement_does_a_failed_check_or_poison_come_through(features in any_features()) {
            let certain = Calibration::always(0.99);
            for label in [label(&features, None), label(&features, Some(&certain))] {
                let sound = features.quote_ok && features.values_ok && !features.suspicious && !features.contradiction;
                prop_assert!(label.confidence != Confidence::High || sound);
                let fails = !features.quote_ok || !features.values_ok;
                prop_assert!(!fails || label.confidence == Confidence::Low);
                let words = features.by_words.unwrap_or(Confidence::High);
                prop_assert!(label.confidence <= words && (features.by_words.is_none() || label.confidence < Confidence::High));
                prop_assert!(!label.why.is_empty());
            }
        }
    }
}
