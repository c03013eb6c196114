//! Kinds of answers: what kind of thing a question asks for.

use super::super::roots::root;
use super::super::text::Word;

/// What kind of thing answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person, or whoever else can be asked for with `who`.
    Person,
    /// A place on a map.
    Place,
    /// A day, a year or a century.
    Date,
    /// A count of what the root names: `bone` of `how many bones`.
    Count(String),
    /// A number with a unit.
    Measure(Measure),
    /// A language.
    Language,
    /// What something is.
    Definition,
    /// Something that has a name: `which river`, `what instrument`.
    Name,
    /// Anything.
    Any,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Length,
    Area,
    Weight,
    Heat,
    Speed,
    Money,
    Share,
    Time,
    /// Something that the question does not tell.
    Any,
}

/// Nouns behind `what` or `which`, in the order in which they are looked for, each with the kind it asks for.
const NOUNS: &[(&[&str], Kind)] = &[
    (&["year", "date", "century", "decade", "month", "day"], Kind::Date),
    (&["language"], Kind::Language),
    (
        &["height", "length", "depth", "width", "elevation", "distance", "altitude", "diameter", "radius"],
        Kind::Measure(Measure::Length),
    ),
    (&["area"], Kind::Measure(Measure::Area)),
    (&["weight", "mass"], Kind::Measure(Measure::Weight)),
    (&["temperature"], Kind::Measure(Measure::Heat)),
    (&["speed", "velocity"], Kind::Measure(Measure::Speed)),
    (
        &[
            "price",
            "revenue",
            "cost",
            "profit",
            "income",
            "budget",
            "salary",
            "capitalization",
            "gdp",
            "worth",
            "turnover",
            "sale",
        ],
        Kind::Measure(Measure::Money),
    ),
    (&["rate", "percentage", "percent", "share", "proportion"], Kind::Measure(Measure::Share)),
    (&["age", "duration"], Kind::Measure(Measure::Time)),
    (&["population", "number", "score", "attendance", "frequency"], Kind::Measure(Measure::Any)),
    (
        &[
            "city",
            "country",
            "state",
            "continent",
            "province",
            "region",
            "county",
            "town",
            "capital",
            "headquarter",
            "birthplace",
            "place",
            "location",
        ],
        Kind::Place,
    ),
    (
        &[
            "author",
            "writer",
            "founder",
            "president",
            "king",
            "queen",
            "director",
            "inventor",
            "composer",
            "painter",
            "leader",
            "mayor",
            "emperor",
        ],
        Kind::Person,
    ),
];

impl Kind {
    /// Reads the kind from the words of a question.
    pub(super) fn of(words: &[Word]) -> Self {
        let stems: Vec<&str> = words.iter().map(|word| word.stem.as_str()).collect();
        let has = |list: &[&str]| stems.iter().any(|stem| list.contains(stem));
        if let Some(how) = stems.iter().position(|stem| *stem == "how") {
            return Self::how(&stems[how + 1..], words.get(how + 2));
        }
        if has(&["who", "whom", "whose"]) {
            return Self::Person;
        }
        let asks = stems.iter().position(|stem| ["what", "which"].contains(stem));
        // `The founding year of` has it further back.
        if has(&["when"]) || asks.is_some() && has(&["year"]) {
            return Self::Date;
        }
        if has(&["where"]) {
            return Self::Place;
        }
        let Some(asks) = asks else { return Self::Any };
        // `Which old Roman emperor` asks as much for one as `which emperor`.
        let prepositions = ["of", "in", "on", "for", "at", "to", "through", "between", "with"];
        let near: Vec<&str> =
            stems[asks + 1..].iter().copied().take(6).take_while(|stem| !prepositions.contains(stem)).collect();
        if near.contains(&"point") && has(&["melting", "boiling", "freezing"]) {
            return Self::Measure(Measure::Heat);
        }
        let noun = NOUNS.iter().find(|(nouns, _)| near.iter().any(|stem| nouns.contains(stem)));
        let defined = if defines(words) { Self::Definition } else { Self::Name };
        noun.map_or(defined, |(_, kind)| kind.clone())
    }

    fn how(rest: &[&str], next: Option<&Word>) -> Self {
        match rest.first().copied() {
            Some("many") => Self::Count(next.map(|word| root(&word.folded)).unwrap_or_default()),
            Some("much") if rest.iter().any(|word| ["weigh", "weight"].contains(word)) => {
                Self::Measure(Measure::Weight)
            }
            Some("much") => Self::Measure(Measure::Money),
            Some("tall" | "high" | "deep" | "wide" | "far" | "thick") => Self::Measure(Measure::Length),
            Some("heavy") => Self::Measure(Measure::Weight),
            Some("hot" | "cold" | "warm") => Self::Measure(Measure::Heat),
            Some("fast") => Self::Measure(Measure::Speed),
            Some("old") => Self::Measure(Measure::Time),
            // In space or in time.
            Some("long" | "large" | "big") => Self::Measure(Measure::Any),
            Some(_) | None => Self::Any,
        }
    }

    /// Whether it can be seen for sure that a sentence has nothing of the kind.
    pub(super) const fn is_strict(&self) -> bool {
        matches!(self, Self::Date | Self::Count(_) | Self::Measure(_))
    }

    /// Whether the title of a page can be of the kind.
    pub(super) const fn is_named(&self) -> bool {
        matches!(self, Self::Person | Self::Place | Self::Name | Self::Language)
    }
}

/// `What is photosynthesis?`, `What is a black hole?`: nothing but a thing behind `what is`.
fn defines(words: &[Word]) -> bool {
    let folded: Vec<&str> = words.iter().map(|word| word.folded.as_str()).collect();
    let rest = folded.strip_prefix(&["whats"]).or_else(|| folded.strip_prefix(&["what", "is"]));
    let Some(rest) = rest.or_else(|| folded.strip_prefix(&["what", "are"])) else { return false };
    let rest = rest.strip_prefix(&["a"]).or_else(|| rest.strip_prefix(&["an"])).unwrap_or(rest);
    (1..=3).contains(&rest.len()) && !rest.iter().any(|word| ["the", "of", "for", "called", "made"].contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::super::text::words;
    use super::*;

    #[test]
    fn a_question_says_what_kind_of_thing_answers() {
        let length = Kind::Measure(Measure::Length);
        for (question, kind) in [
            ("Who wrote Harrowgate?", Kind::Person),
            ("Where is Orvia?", Kind::Place),
            ("In which city is the Lantern Hall?", Kind::Place),
            ("What is the capital of Orvia?", Kind::Place),
            ("When was Orvia founded?", Kind::Date),
            ("What was the founding year of Orvia?", Kind::Date),
            ("How many bridges does Orvia have?", Kind::Count("bridg".to_owned())),
            ("How tall is the Lantern Hall?", length.clone()),
            ("What is the height of Mount Harrow?", length),
            ("What is the melting point of tarnite?", Kind::Measure(Measure::Heat)),
            ("What is the population of Orvia?", Kind::Measure(Measure::Any)),
            ("What is the official language of Orvia?", Kind::Language),
            ("What is a lantern fish?", Kind::Definition),
            ("Which river flows through Orvia?", Kind::Name),
            ("Tell me of Orvia.", Kind::Any),
        ] {
            assert_eq!(Kind::of(&words(question)), kind, "{question}");
        }
    }
}
