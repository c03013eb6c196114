//! What becomes of each part of a question: found, with its evidence, or missing, with what was looked for.

use super::cite::Evidence;
use super::document::Field;

/// The outcome of one part.
#[derive(Clone, Debug)]
pub(super) enum Part<'a> {
    /// An answer that stands in the corpus.
    Found(Finding<'a>),
    /// No answer; `why` is a sentence.
    Missing {
        /// What was looked for: `Population of Wakanda`.
        what: String,
        /// Why it was not found.
        why: String,
    },
}

/// An answer and what supports it.
#[derive(Clone, Debug)]
pub(super) struct Finding<'a> {
    /// What was asked: `Capital of Mongolia`.
    pub(super) what: String,
    /// The answer, in the words of the corpus.
    pub(super) value: String,
    /// The whole answer as a sentence or line.
    pub(super) line: String,
    /// Where it stands.
    pub(super) evidence: Vec<Evidence<'a>>,
    /// Why it may not be what was asked, if it may not.
    pub(super) doubt: Option<String>,
}

impl<'a> Finding<'a> {
    /// `Capital of Mongolia: Ulaanbaatar.`
    pub(super) fn of_value(what: String, value: String, evidence: Vec<Evidence<'a>>) -> Self {
        let line = format!("{what}: {}", ended(&value));
        Self { what, value, line, evidence, doubt: None }
    }

    /// The same with a doubt.
    pub(super) fn doubted(mut self, doubt: impl Into<String>) -> Self {
        self.doubt.get_or_insert(doubt.into());
        self
    }

    /// The same with another line.
    pub(super) fn worded(mut self, line: String) -> Self {
        self.line = line;
        self
    }
}

/// A missing part.
pub(super) fn missing<'a>(what: impl Into<String>, why: impl Into<String>) -> Part<'a> {
    Part::Missing { what: what.into(), why: why.into() }
}

/// The text with a full stop, unless it has an end.
pub(super) fn ended(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// The entity with its article, as it stands after `of`.
pub(super) fn with_article(entity: &str) -> String {
    const THE: &[&str] = &[
        "Netherlands",
        "Philippines",
        "Maldives",
        "Comoros",
        "Isle of Man",
        "Gaza Strip",
        "West Bank",
        "Solomon Islands",
        "Republic of the Congo",
        "Democratic Republic of the Congo",
        "Dominican Republic",
        "Central African Republic",
    ];
    let the = THE.contains(&entity)
        || entity == "World"
        || ["United ", "European ", "British ", "Federated ", "Holy See", "Northern Mariana"]
            .iter()
            .any(|s| entity.starts_with(s))
        || entity.ends_with(" Islands");
    match (the, entity) {
        (_, "World") => "the world".to_owned(),
        (true, _) => format!("the {entity}"),
        (false, _) => entity.strip_prefix("The ").map_or_else(|| entity.to_owned(), |rest| format!("the {rest}")),
    }
}

/// `Capital of Mongolia`, `Seats in the legislature of …`.
pub(super) fn about(name: &str, entity: &str) -> String {
    let place = with_article(entity);
    let of = [
        "Internet users",
        "Electricity access",
        "Electricity from",
        "Women",
        "Tobacco",
        "Obesity",
        "Adult obesity",
        "Children under",
        "Fixed",
        "Mobile",
        "Refugees",
        "Internally",
        "Stateless",
        "Airports",
        "Heliports",
        "Operational nuclear",
        "World Heritage",
        "Inflation",
        "Unemployment",
        "Life expectancy",
        "Literacy",
        "Median age",
        "Infant mortality",
        "Maternal",
        "Natural hazards",
        "Youth unemployment",
        "Terrorist",
        "Chief of mission in",
        "Chancery in",
        "US embassy",
        "US chief",
        "Improved",
    ]
    .iter()
    .all(|start| !name.starts_with(start));
    match (of, name) {
        (_, "US embassy" | "US chief of mission") => format!("{name} in {place}"),
        (_, "Chief of mission in the US" | "Chancery in the US") => format!("{name} of {place}"),
        (true, _) => format!("{name} of {place}"),
        (false, _) => format!("{name} in {place}"),
    }
}

/// The excerpt that shows a value in its field.
pub(super) fn evidence<'a>(field: &Field<'a>, value: &str) -> Option<Evidence<'a>> {
    Evidence::of(field.document, &field.passage.range, value)
}
