//! Whether an answer's excerpts stand in their pages, and its values in its excerpts.

use std::collections::{HashMap, HashSet};

use legwork_api::result::OutputView;
use legwork_core::output::Citation;
use legwork_server::processors::verify_values;
use serde::Serialize;
use serde_json::Value;

use super::outcome::{is_found, leaves, said};

/// The pages that were opened, by what citations call them; those that cannot be opened are `None`.
pub(crate) type Pages = HashMap<String, Option<String>>;

/// How far an answer is proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Proof {
    /// How many excerpts can be looked up.
    pub(crate) excerpts: usize,
    /// How many of them stand in their page, word for word.
    pub(crate) standing: usize,
    /// How many excerpts name no page that can be opened at this server.
    pub(crate) unchecked: usize,
    /// How many numbers, dates and names the answer has.
    pub(crate) values: usize,
    /// How many of them stand in an excerpt.
    pub(crate) held: usize,
    /// How many numbers, dates and names the answer has beside them, for which nothing is cited.
    pub(crate) uncited: usize,
    /// The excerpts and values that stand nowhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) odd: Vec<String>,
}

/// The pages that an output cites.
pub(crate) fn cited(output: &OutputView) -> impl Iterator<Item = &str> {
    citations(output).filter_map(|citation| Some(citation.legwork.as_ref()?.source.as_str()))
}

fn citations(output: &OutputView) -> impl Iterator<Item = &Citation> {
    output.basis.iter().flat_map(|basis| &basis.citations)
}

impl Proof {
    /// Of this output to this question, by what its pages say.
    pub(crate) fn of(question: &str, output: &OutputView, pages: &Pages) -> Self {
        let mut proof = Self::default();
        for citation in citations(output) {
            proof.look_up(citation, pages);
        }
        // What says that nothing was found may name what was searched.
        if !is_found(output) {
            return proof;
        }
        if output.content.is_string() {
            let excerpts = citations(output).flat_map(|citation| citation.excerpts.iter().flatten());
            proof.hold(question, &claims(&said(&output.content)), excerpts);
            return proof;
        }
        // What stands in a list has a basis of its own, beside that of the list.
        let has_parts = |field: &str| {
            let mut others = output.basis.iter().map(|basis| basis.field.as_str());
            others.any(|other| other.strip_prefix(field).is_some_and(|rest| rest.starts_with('.')))
        };
        let known: HashSet<&str> =
            output.basis.iter().map(|basis| basis.field.split('.').next().unwrap_or_default()).collect();
        let fields = output.content.as_object().into_iter().flatten();
        for (_, value) in fields.filter(|(name, _)| !known.contains(name.as_str())) {
            leaves(value).iter().for_each(|value| proof.hold(question, value, std::iter::empty()));
        }
        for basis in output.basis.iter().filter(|basis| !has_parts(&basis.field)) {
            let excerpts = || basis.citations.iter().flat_map(|citation| citation.excerpts.iter().flatten());
            for value in leaves(at(&output.content, &basis.field)) {
                proof.hold(question, &value, excerpts());
            }
        }
        proof
    }

    fn look_up(&mut self, citation: &Citation, pages: &Pages) {
        let page = citation.legwork.as_ref().and_then(|ours| pages.get(&ours.source));
        for excerpt in citation.excerpts.iter().flatten() {
            match page {
                None => self.unchecked += 1,
                Some(page) => {
                    let stands = page.as_ref().is_some_and(|text| text.contains(excerpt.as_str()));
                    self.excerpts += 1;
                    self.standing += usize::from(stands);
                    self.odd.extend((!stands).then(|| format!("excerpt: {excerpt}")));
                }
            }
        }
    }

    /// Looks for what a value says in excerpts. What the question says already is no news, and needs none.
    fn hold<'a>(&mut self, question: &'a str, value: &str, excerpts: impl Iterator<Item = &'a String>) {
        let excerpts: Vec<&str> = excerpts.map(String::as_str).chain([question]).collect();
        let verdict = verify_values(value, &excerpts);
        if excerpts.len() == 1 {
            self.uncited += verdict.missing.len();
        } else {
            self.values += verdict.checked;
            self.held += verdict.checked.saturating_sub(verdict.missing.len());
            self.odd.extend(verdict.missing.iter().map(|missing| format!("value: {missing}")));
        }
    }
}

/// The value at a path like `people.0.name`.
fn at<'a>(content: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(content, |value, step| match step.parse::<usize>() {
        Ok(number) if value.is_array() => &value[number],
        _ => &value[step],
    })
}

/// What a text claims: without the numbers of its citations, and without the large letter of a line that begins with what it
/// is about, as `Leader of Chile: …`, which would be taken for a name.
fn claims(text: &str) -> String {
    let text = unmarked(text);
    text.lines().map(|line| if is_named(line) { uncapitalised(line) } else { line.to_owned() + "\n" }).collect()
}

/// Whether a line begins with a word, other words in small letters, and a colon somewhere behind.
fn is_named(line: &str) -> bool {
    let Some((head, _)) = line.split_once(": ") else { return false };
    let second = head.split(' ').nth(1);
    second.is_none_or(|word| word.starts_with(char::is_lowercase))
}

fn uncapitalised(line: &str) -> String {
    let mut rest = line.chars();
    rest.next().into_iter().flat_map(char::to_lowercase).chain(rest).chain(['\n']).collect()
}

/// A text without the numbers of its citations.
pub(super) fn unmarked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        match after.split_once(']') {
            Some((number, behind)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                rest = behind;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn output(content: &Value, field: &str, source: Option<&str>, excerpts: &[&str]) -> OutputView {
        let mut citation = json!({"url": "corpus:a", "excerpts": excerpts});
        if let Some(source) = source {
            citation["legwork"] = json!({ "source": source });
        }
        let basis = json!([{"field": field, "confidence": "medium", "citations": [citation]}]);
        serde_json::from_value(json!({"content": content, "basis": basis})).unwrap()
    }

    fn pages() -> Pages {
        let text = "The tower is 330 metres high. It stands in Paris.";
        Pages::from([("p".to_owned(), Some(text.to_owned())), ("gone".to_owned(), None)])
    }

    #[test]
    fn an_excerpt_stands_in_its_page_word_for_word_or_it_does_not() {
        let of = |source, excerpts: &[&str]| {
            let proof = Proof::of("How high?", &output(&json!("330 metres [1]"), "output", source, excerpts), &pages());
            (proof.excerpts, proof.standing, proof.unchecked)
        };
        assert_eq!(of(Some("p"), &["The tower is 330 metres high.", "It stands in Rome."]), (2, 1, 0));
        assert_eq!(of(Some("p"), &["the tower is 330 metres high."]), (1, 0, 0));
        assert_eq!(of(Some("gone"), &["The tower"]), (1, 0, 0));
        assert_eq!(of(None, &["The tower"]), (0, 0, 1), "another server's page cannot be opened");
    }

    #[test]
    fn a_value_stands_in_an_excerpt_or_in_the_question() {
        let of = |content: Value, field| {
            let output = output(&content, field, Some("p"), &["The tower is 330 metres high."]);
            let proof = Proof::of("How high is the tower in Paris?", &output, &pages());
            (proof.values, proof.held, proof.odd)
        };
        let uncited = |content: Value, field| {
            let output = output(&content, field, Some("p"), &["The tower is 330 metres high."]);
            Proof::of("How high?", &output, &Pages::new()).uncited
        };
        assert_eq!(uncited(json!({"height": 330, "other": 7, "more": [{"name": "Eiffel"}]}), "height"), 2);
        assert_eq!(uncited(json!({"height": 330, "other": null}), "height"), 0);
        let refused =
            json!({"content": "Not found: how high?\nSearched the World Factbook (2025 edition).", "basis": []});
        let refused = serde_json::from_value(refused).unwrap();
        assert_eq!(Proof::of("How high?", &refused, &Pages::new()).uncited, 0);
        assert_eq!(of(json!("The tower in Paris is 330 metres high [2]."), "output").1, 2);
        assert_eq!(of(json!("331 metres"), "output"), (1, 0, vec!["value: 331 metres".to_owned()]));
        assert_eq!(of(json!({"height": 330, "other": 7}), "height"), (1, 1, Vec::new()));
        assert_eq!(of(json!("Not found: 12"), "output").0, 0);
        let list = json!({"heights": [{"m": 331}, {"m": 330}]});
        assert_eq!(of(list, "heights.1"), (1, 1, Vec::new()), "each element by its own basis");
        let named = |text: &str| of(json!(text), "output").2;
        assert_eq!(named("Height of the tower: 330 metres."), Vec::<String>::new());
        assert_eq!(named("Eiffel Tower: 330 metres."), ["value: Eiffel"]);
        assert_eq!(named("Eiffel built it."), ["value: Eiffel"]);
    }

    #[test]
    fn only_numbers_in_brackets_are_marks() {
        assert_eq!(unmarked("a [1][23] b [c] [ 4] [5"), "a  b [c] [ 4] [5");
    }
}
