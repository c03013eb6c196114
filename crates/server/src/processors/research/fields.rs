//! Which field a question asks for: the wordings of `fields.txt`, and the Factbook's own labels.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use super::document::{Document, Field};
use super::text::{content_stems, find_run, stem, stems};

static TABLE: &str = include_str!("data/fields.txt");

/// What can be asked, and how.
#[derive(Debug)]
pub(super) struct Fields {
    rows: Vec<Row>,
    by_first: BTreeMap<String, Vec<Wording>>,
}

/// One thing that can be asked for.
#[derive(Debug)]
pub(super) struct Row {
    /// What the answer is called.
    pub(super) name: String,
    /// Tried in this order; the fields of one choice belong together.
    choices: Vec<Vec<Target>>,
    flags: Vec<String>,
    /// Every word of its wordings.
    words: HashSet<String>,
}

#[derive(Debug)]
struct Target {
    label: String,
    sub: Sub,
}

#[derive(Debug)]
enum Sub {
    Is(String),
    Newest,
    Every,
}

#[derive(Debug)]
struct Wording {
    stems: Vec<String>,
    row: usize,
    loose: bool,
    weak: bool,
}

/// A wording met in a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Which of the given stems.
    pub(super) at: Range<usize>,
    /// What is asked for.
    pub(super) row: usize,
    /// How many words the wording has; soft words between them are not counted.
    length: usize,
    /// It fits loosely: never better than low.
    pub(super) loose: bool,
    /// It gives way to any other field in the same clause.
    pub(super) weak: bool,
    /// It gives way even to the weak ones.
    pub(super) idle: bool,
}

impl Row {
    /// Whether the row has this flag of `fields.txt`.
    pub(super) fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }

    /// Whether a word belongs to the row's own wordings, so that it says nothing new beside one of them:
    /// `debt relative to GDP`. Where the wording must stand in the value, each word does.
    pub(super) fn speaks(&self, word: &str) -> bool {
        !self.is("must") && self.words.contains(word)
    }

    /// The fields of a document, by choice: each choice that the document has.
    pub(super) fn choices<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = Vec<Field<'a>>> {
        self.choices
            .iter()
            .map(|targets| targets.iter().flat_map(|target| target.fields(document)).collect::<Vec<_>>())
            .filter(|fields| !fields.is_empty())
    }

    /// The labels that the row looks at.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.choices.iter().flatten().map(|target| target.label.as_str())
    }

    /// Whether the field is one that the row may take.
    pub(super) fn takes(&self, field: &Field<'_>) -> bool {
        self.choices.iter().flatten().any(|target| {
            target.label == field.label
                && match &target.sub {
                    Sub::Is(sub) => sub == field.sub,
                    Sub::Newest | Sub::Every => field.sub != "note",
                }
        })
    }
}

impl Wording {
    /// Where the wording ends if it begins here; soft words may stand between its own: `sell most of its exports`.
    fn end(&self, stems: &[Option<&str>], at: usize) -> Option<usize> {
        const GAP: usize = 2;
        let mut place = at;
        for (number, word) in self.stems.iter().enumerate() {
            let gap = if number == 0 { 0 } else { GAP };
            let last = (place + gap).min(stems.len().saturating_sub(1));
            place = (place..=last).find(|&next| {
                let soft = stems[place..next].iter().all(|between| between.is_some_and(is_soft));
                soft && stems[next] == Some(word.as_str())
            })? + 1;
        }
        Some(place)
    }
}

impl Target {
    fn fields<'a>(&self, document: &'a Document) -> Vec<Field<'a>> {
        let own = document.fields().filter(|field| field.label == self.label && field.sub != "note");
        match &self.sub {
            Sub::Is(sub) => document.fields().filter(|f| f.label == self.label && f.sub == sub).take(1).collect(),
            Sub::Every => own.collect(),
            Sub::Newest => own.filter(|field| is_year(field.sub)).max_by_key(|field| field.sub).into_iter().collect(),
        }
    }

    fn parsed(text: &str) -> Self {
        let (label, sub) = text.split_once(" – ").unwrap_or((text, ""));
        let sub = match sub {
            "#" => Sub::Newest,
            "*" => Sub::Every,
            sub => Sub::Is(sub.to_owned()),
        };
        Self { label: label.to_owned(), sub }
    }
}

/// Whether a sub-label is a year.
pub(super) fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Fields {
    /// Reads the table, then adds every label that it does not mention.
    pub(super) fn new(documents: &[Document]) -> Self {
        let mut fields = Self { rows: Vec::new(), by_first: BTreeMap::new() };
        for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            fields.add_line(line);
        }
        fields.add_labels(documents);
        for list in fields.by_first.values_mut() {
            list.sort_by_key(|wording| std::cmp::Reverse(wording.stems.len()));
        }
        fields
    }

    /// What is asked for.
    pub(super) fn row(&self, row: usize) -> &Row {
        &self.rows[row]
    }

    /// The wordings in a run of content stems, the longest first; never across a `None`.
    pub(super) fn hits(&self, stems: &[Option<&str>]) -> Vec<Hit> {
        let mut all: Vec<Hit> = (0..stems.len()).flat_map(|at| self.at(stems, at)).collect();
        all.sort_by_key(|hit| (std::cmp::Reverse(hit.length), hit.at.len(), hit.at.start));
        let mut found: Vec<Hit> = Vec::new();
        for hit in all {
            if found.iter().all(|other| hit.at.end <= other.at.start || hit.at.start >= other.at.end) {
                found.push(hit);
            }
        }
        found.sort_by_key(|hit| hit.at.start);
        found
    }

    /// Every wording that begins here.
    fn at(&self, stems: &[Option<&str>], at: usize) -> Vec<Hit> {
        let list = stems[at].and_then(|first| self.by_first.get(first)).map_or(&[][..], Vec::as_slice);
        let hit = |wording: &Wording| {
            Some(Hit {
                at: at..wording.end(stems, at)?,
                row: wording.row,
                length: wording.stems.len(),
                loose: wording.loose,
                weak: wording.weak,
                idle: self.rows[wording.row].name == "Population",
            })
        };
        list.iter().filter_map(hit).collect()
    }

    fn add_line(&mut self, line: &str) {
        let mut columns = line.split('|').map(str::trim);
        let (Some(targets), Some(name), Some(flags), Some(wordings)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            return;
        };
        let choices = targets.split("; ").map(|group| group.split(" + ").map(Target::parsed).collect()).collect();
        let flags = flags.split_whitespace().map(str::to_owned).collect();
        self.rows.push(Row { name: name.to_owned(), choices, flags, words: HashSet::new() });
        for wording in wordings.split(',') {
            self.add_wording(wording.trim(), self.rows.len() - 1);
        }
    }

    /// The first row to claim a wording keeps it.
    fn add_wording(&mut self, wording: &str, row: usize) {
        let text = wording.trim_start_matches(['%', '~']);
        let mut words = content_stems(text);
        if words.is_empty() {
            words = stems(text);
        }
        let Some(first) = words.first().cloned() else { return };
        self.rows[row].words.extend(words.iter().cloned());
        let list = self.by_first.entry(first).or_default();
        if list.iter().all(|known| known.stems != words) {
            let loose = wording.starts_with('%');
            list.push(Wording { stems: words, row, loose, weak: wording.starts_with('~') });
        }
    }

    fn add_labels(&mut self, documents: &[Document]) {
        let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
        for label in self.rows.iter().flat_map(Row::labels) {
            seen.insert(label, true);
        }
        let new: Vec<String> = documents
            .iter()
            .flat_map(Document::fields)
            .filter(|field| field.sub != "note" && seen.insert(field.label, true).is_none())
            .map(|field| field.label.to_owned())
            .collect();
        for label in new {
            let choices = vec![vec![Target { label: label.clone(), sub: Sub::Every }]];
            self.rows.push(Row { name: label.clone(), choices, flags: Vec::new(), words: HashSet::new() });
            self.add_wording(&label, self.rows.len() - 1);
        }
    }
}

/// Whether a value names these stems as a run of whole words.
pub(super) fn names(value: &str, wanted: &[String]) -> bool {
    find_run(&stems(value), wanted).is_some()
}

/// Whether a value names all these stems, in any order.
pub(super) fn names_all(value: &str, wanted: &[String]) -> bool {
    let own = stems(value);
    wanted.iter().all(|word| own.contains(word))
}

/// Whether a word of a question can stand beside any field without changing what is asked.
pub(super) fn is_soft(word: &str) -> bool {
    const SOFT: &str = "country nation total rate level number amount size average main major chief principal primary \
        important percentage percent proportion share figure value estimate estimated data information detail fact statistic \
        name named called call type kind form sort national official annual yearly year per common typical own local various overall \
        brief short quick use used face according world factbook cia word sentence exist available live inhabitant \
        located where overview day daily complete full basic key every typically generally usually mostly most predominant general \
        latest-available state republic kingdom island people citizen resident make made hold held exact given \
        come spent worth between summary considered home big-is describe provide report summary summarize summarise research determine identify \
        official-name stand set known tell-me compare comparison versus vs population-wise cite source citation excerpt \
        dominant prevailing prevalent iso consist comprise officially mainly primarily widely serve reigning incumbent sitting celebrate celebrated date got one get receive obtain two three some explain outline discuss introduction pass flow unit measured expressed dollar usd \
        fraction something anything must among folk whatever serving \
        portion recently kilometer km tonne ton";
    static SET: LazyLock<HashSet<String>> = LazyLock::new(|| SOFT.split_whitespace().map(stem).collect());
    SET.contains(word)
}

#[cfg(test)]
mod tests {
    use super::super::factbook::unpack;
    use super::*;

    fn asked(fields: &Fields, question: &str) -> Vec<String> {
        let stems = content_stems(question);
        let stems: Vec<Option<&str>> = stems.iter().map(|stem| Some(stem.as_str())).collect();
        fields.hits(&stems).iter().map(|hit| fields.row(hit.row).name.clone()).collect()
    }

    #[test]
    fn wordings_lead_to_fields() {
        let fields = Fields::new(&unpack().documents);
        for (question, name) in [
            ("how many people live there", "Population"),
            ("what do people speak", "Languages"),
            ("how big is it", "Area"),
            ("infant mortality rate", "Infant mortality rate"),
            ("length of the coastline", "Coastline"),
            ("top-level domain", "Internet country code"),
        ] {
            assert_eq!(asked(&fields, question), [name], "{question}");
        }
    }

    #[test]
    fn soft_words_may_stand_inside_a_wording() {
        let fields = Fields::new(&unpack().documents);
        assert_eq!(asked(&fields, "sell most of its exports"), ["Export partners"]);
        assert_eq!(asked(&fields, "which country does it belong to"), ["Dependency status"]);
    }

    #[test]
    fn every_target_of_the_table_is_in_the_factbook() {
        let documents = unpack().documents;
        let fields = Fields::new(&documents);
        for row in &fields.rows {
            assert!(documents.iter().any(|document| row.choices(document).next().is_some()), "{}", row.name);
        }
    }

    #[test]
    fn every_label_can_be_asked_for() {
        let documents = unpack().documents;
        let fields = Fields::new(&documents);
        for document in &documents {
            for field in document.fields() {
                let known = fields.rows.iter().any(|row| row.labels().any(|label| label == field.label));
                assert!(known || field.sub == "note", "{}", field.label);
            }
        }
    }
}
