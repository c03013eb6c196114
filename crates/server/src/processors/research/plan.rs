//! Decides how each clause of a question is answered, and answers it.

use super::cite::Evidence;
use super::corpus::Corpus;
use super::document::Document;
use super::extract;
use super::facts::{Asked, answer, items};
use super::fields::{Row, names};
use super::inverse;
use super::names::Mention;
use super::part::{Finding, Part, about, evidence, missing};
use super::polar;
use super::question::{Clause, Question};
use super::text::{stems, words};

/// At most this many parts are answered.
const MOST: usize = 24;

/// What an overview of an entity tells.
const OVERVIEW: &[(&str, &str, &str)] = &[
    ("Location", "", "Location"),
    ("Capital", "name", "Capital"),
    ("Population", "total", "Population"),
    ("Area", "total", "Area"),
    ("Languages", "", "Languages"),
    ("Exchange rates", "Currency", "Currency"),
    ("Government type", "", "Government type"),
    ("Executive branch", "chief of state", "Chief of state"),
    ("Executive branch", "head of government", "Head of government"),
    ("Economic overview", "", "Economic overview"),
];

/// Answers a question part by part.
pub(super) struct Planner<'a, 'q> {
    pub(super) corpus: &'a Corpus,
    pub(super) question: &'q Question,
    /// Which documents may be used.
    pub(super) usable: &'q dyn Fn(&Document) -> bool,
}

impl<'a> Planner<'a, '_> {
    /// The parts of the answer, in the order of the question.
    pub(super) fn parts(&self) -> Vec<Part<'a>> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        for clause in &self.question.clauses {
            parts.extend(self.clause(clause).into_iter().map(|part| self.held(clause, part)));
        }
        if parts.iter().all(|part| matches!(part, Part::Missing { .. })) {
            if let Some(found) = extract::answer(self.corpus, &self.question.text, self.usable) {
                return vec![Part::Found(found)];
            }
            if parts.is_empty() {
                return vec![missing("the question", "nothing in the corpus speaks of it")];
            }
        }
        parts.truncate(MOST);
        parts
    }

    /// An answer must show every number of its clause, and be of the kind that is asked for.
    fn held(&self, clause: &Clause, part: Part<'a>) -> Part<'a> {
        let Part::Found(finding) = part else { return part };
        // A doubt may say that a number is not the one that was asked for.
        let told = finding.doubt.as_deref().unwrap_or_default();
        let shown: Vec<String> =
            finding.evidence.iter().map(Evidence::text).chain(std::iter::once(told)).flat_map(stems).collect();
        if let Some(number) = clause.numbers.iter().find(|number| !shown.contains(number)) {
            return missing(finding.what, format!("the corpus does not say it for {number}"));
        }
        let asks = |word: &str| self.question.has(word);
        if asks("should") {
            return missing(finding.what, "the corpus gives no advice");
        }
        if asks("why") {
            return missing(finding.what, "the corpus gives no reasons");
        }
        let dated = words(&finding.value).iter().any(|word| word.is_number() && word.folded.len() == 4);
        if asks("when") && !dated && self.question.clauses.len() == 1 {
            return missing(finding.what, "the corpus gives no date for it");
        }
        if self.question.clauses.len() == 1
            && let [hit] = clause.hits.as_slice()
        {
            return self.of_its_kind(self.corpus.fields.row(hit.row), finding);
        }
        if clause.hits.len() > 1 {
            return Part::Found(
                finding.doubted("several fields are named together, and it is not clear how they relate"),
            );
        }
        Part::Found(finding)
    }

    /// `Where is the king?`, `How did it become independent?`, `How many states have a coast?`, `the main airport`: the
    /// field is named, and something else about it is asked.
    fn of_its_kind(&self, row: &Row, finding: Finding<'a>) -> Part<'a> {
        let words: Vec<&str> = self.question.words.iter().map(|word| word.folded.as_str()).collect();
        let pairs = || words.windows(2);
        if self.question.has("where") && !row.is("place") {
            return missing(finding.what, "the field does not say where");
        }
        let chosen = ["main", "major", "principal", "primary", "chief", "important"];
        if row.is("count") && row.is("rank") && chosen.iter().any(|word| self.question.has(word)) {
            return missing(finding.what, "the field counts them and names none");
        }
        let sizes = ["large", "big", "small", "long", "tall", "high", "old", "fast", "wide", "deep", "far", "strong"];
        let measured = self.question.has("average") || pairs().any(|pair| pair[0] == "how" && sizes.contains(&pair[1]));
        if measured && row.is("open") && !row.name.starts_with("Major") {
            return missing(finding.what, "the field gives no measure");
        }
        if pairs().any(|pair| matches!(pair, ["how", "did" | "was" | "were"])) {
            return Part::Found(finding.doubted("the field may not say how"));
        }
        let counted = ["state", "states", "islands", "republics", "kingdoms", "nations", "names", "words"];
        if pairs().any(|pair| pair[0] == "many" && counted.contains(&pair[1])) && !row.is("must") {
            return Part::Found(finding.doubted("the field may not count what is asked"));
        }
        Part::Found(finding)
    }

    fn clause(&self, clause: &Clause) -> Vec<Part<'a>> {
        if clause.mentions.is_empty() {
            return vec![self.without_entity(clause)];
        }
        if let Some(part) = self.comparison(clause) {
            return vec![part];
        }
        if clause.hits.is_empty() {
            return self.without_field(clause);
        }
        (0..clause.hits.len()).flat_map(|hit| self.hit(clause, hit)).collect()
    }

    /// One field of a clause, for each entity that is its subject.
    fn hit(&self, clause: &Clause, hit: usize) -> Vec<Part<'a>> {
        let mut asked = Asked::new(self.corpus, self.question, clause, hit);
        if let Some(row) = self.worth(&asked).or_else(|| self.region(&asked)) {
            asked.row = row;
        }
        if asked.row.is("orgs") || asked.row.is("closed") {
            return self.relation(clause, &asked);
        }
        if asked.row.name == "Land boundaries" && clause.mentions.len() == 2 && !self.joined(clause) {
            return self.shared_border(clause);
        }
        let polar = self.question.polar && self.question.clauses.len() == 1;
        if let [first, from] = clause.mentions.as_slice()
            && asked.row.name == "Independence"
            && self.question.has("from")
        {
            return vec![self.independence(&asked, first, from)];
        }
        if let [first, other] = clause.mentions.as_slice()
            && asked.row.name.ends_with("partners")
            && !self.question.has("and")
        {
            return vec![self.trade(&asked, first, other)];
        }
        if let Some(part) = self.tangled(clause) {
            return vec![part];
        }
        let subjects: Vec<_> = clause.mentions.iter().map(|mention| self.entity(mention)).collect();
        if polar && asked.row.name == "Population" && !asked.left.is_empty() {
            // `Are most people in Senegal Muslim?`
            return each(&subjects, |document| {
                vec![extract::in_entry(document, &asked.left, &asked.said, &self.question.text)]
            });
        }
        if polar && !asked.row.is("landlocked") && !clause.left.is_empty() && subjects.len() == 1 {
            let objects = polar::objects(self.corpus, self.question, clause);
            return each(&subjects, |document| polar::says(&asked, document, &objects));
        }
        each(&subjects, |document| vec![self.direct(&asked, clause, document, polar)])
    }

    /// `How much does Qatar export?` asks for the worth of the goods, not for their names.
    fn worth(&self, asked: &Asked<'a>) -> Option<&'a Row> {
        let words: Vec<&str> = self.question.words.iter().map(|word| word.folded.as_str()).collect();
        let much = words.windows(2).any(|pair| pair == ["how", "much"]);
        let name = asked.row.name.strip_suffix(" commodities").filter(|_| much)?;
        let wording = format!("{}s", name.to_lowercase());
        let hit = self.corpus.fields.hits(&[Some(&wording)]).into_iter().next()?;
        Some(self.corpus.fields.row(hit.row))
    }

    /// `Which region is Oman in?` asks where it is, `How many regions has it?` for its parts.
    fn region(&self, asked: &Asked<'a>) -> Option<&'a Row> {
        let one = self.question.has("region") && !asked.how_many && asked.row.name == "Administrative divisions";
        let hit = self.corpus.fields.hits(&[Some("location").filter(|_| one)]).into_iter().next()?;
        Some(self.corpus.fields.row(hit.row))
    }

    /// `When did Norway gain independence from Sweden?`
    fn independence(&self, asked: &Asked<'a>, entity: &Mention, from: &Mention) -> Part<'a> {
        let document = match self.entity(entity) {
            Ok(document) => document,
            Err(part) => return part,
        };
        let spellings = from.documents.iter().flat_map(|&at| self.corpus.names.of(at));
        let wanted: Vec<Vec<String>> = spellings.collect();
        match answer(asked, document) {
            Part::Found(found) if wanted.iter().all(|words| !names(&found.value, words)) => {
                Part::Found(found.doubted("the field does not name the other country"))
            }
            part @ (Part::Found(_) | Part::Missing { .. }) => part,
        }
    }

    /// `How much does Germany export to China?`: the other country's share, which may not be the figure that is meant.
    fn trade(&self, asked: &Asked<'a>, entity: &Mention, other: &Mention) -> Part<'a> {
        let document = match self.entity(entity) {
            Ok(document) => document,
            Err(part) => return part,
        };
        let what = about(&asked.row.name, document.entity.as_deref().unwrap_or_default());
        let spellings: Vec<Vec<String>> = other.documents.iter().flat_map(|&at| self.corpus.names.of(at)).collect();
        let found = asked.row.choices(document).flatten().find_map(|field| {
            let item = items(field.value).into_iter().find(|item| spellings.iter().any(|words| names(item, words)))?;
            Some(Finding::of_value(what.clone(), item.to_owned(), vec![evidence(&field, item)?]))
        });
        found.map_or_else(
            || missing(what.clone(), "the field does not name the other country"),
            |found| Part::Found(found.doubted("the field gives shares of the whole trade")),
        )
    }

    /// Two entities side by side without a word that joins them: `Georgia the US state`.
    fn tangled(&self, clause: &Clause) -> Option<Part<'a>> {
        const JOINS: &[&str] = &["and", "or", "versus", "vs", "than", "plus", "with", "between", "to"];
        let words = &self.question.words;
        let apart = |one: &Mention, two: &Mention| {
            let (Some(last), Some(first)) = (words.get(one.words.end.wrapping_sub(1)), words.get(two.words.start))
            else {
                return true;
            };
            let joined = (one.words.end..two.words.start).any(|at| JOINS.contains(&words[at].folded.as_str()));
            // Entities that were lent from another clause stand in any order.
            last.range.end > first.range.start
                || joined
                || self.question.text[last.range.end..first.range.start]
                    .contains([',', ';', '&', '/', '?', '.', ':', '-', '\n'])
        };
        let pair = clause.mentions.windows(2).find(|pair| !apart(&pair[0], &pair[1]))?;
        let name = self.question.slice(&(pair[0].words.start..pair[1].words.end));
        Some(missing(format!("“{name}”"), "it is not clear which of the two is meant"))
    }

    fn direct(&self, asked: &Asked<'a>, clause: &Clause, document: &'a Document, polar: bool) -> Part<'a> {
        if asked.row.is("landlocked") {
            return polar::landlocked(asked, document);
        }
        if let Some((left, right)) = &self.question.offer
            && !clause.left.is_empty()
            && clause.hits.iter().all(|hit| hit.at.end <= left.start || hit.at.start >= right.end)
        {
            return polar::choose(asked, self.question, document, (left, right));
        }
        let part = answer(asked, document);
        if matches!(part, Part::Missing { .. }) && asked.row.name == "Population" && !asked.left.is_empty() {
            // `The population of Lagos, Nigeria`, `the share of the population that is Muslim`.
            let city = inverse::city(std::iter::once(document), &asked.left);
            let asks_share = ["share", "percentage", "percent", "proportion", "fraction", "many", "much"]
                .iter()
                .any(|word| self.question.has(word));
            let share = || extract::in_entry(document, &asked.left, &asked.said, &self.question.text);
            return city.or_else(|| asks_share.then(share).filter(|p| matches!(p, Part::Found(_)))).unwrap_or(part);
        }
        if matches!(part, Part::Missing { .. }) && !asked.left.is_empty() && asked.row.is("open") {
            return item_of(asked, document).unwrap_or(part);
        }
        match part {
            Part::Found(ref found) if polar && asked.row.is("must") => {
                let line = format!("Yes: {}", found.line);
                Part::Found(found.clone().worded(line))
            }
            // `Does Costa Rica have an army?`: the list of its forces is no plain yes.
            Part::Found(found) if polar && asked.row.name == "Military and security forces" => {
                Part::Found(found.doubted("the field lists the forces and says neither yes nor no"))
            }
            Part::Found(_) | Part::Missing { .. } => part,
        }
    }

    /// A clause with an entity and no field: a membership, an overview, or words to be searched for.
    fn without_field(&self, clause: &Clause) -> Vec<Part<'a>> {
        let Some(subject) = self.subject(clause) else { return Vec::new() };
        let document = match self.entity(subject) {
            Ok(document) => document,
            Err(part) => return vec![part],
        };
        let rest: Vec<&Mention> = clause.mentions.iter().filter(|mention| **mention != *subject).collect();
        let name = self.object_text(clause, &rest);
        if self.question.polar && !name.is_empty() && polar::is_organization(self.corpus, &polar::organization(&name)) {
            return vec![polar::belongs(self.corpus, document, &name)];
        }
        if clause.left.is_empty() && clause.numbers.is_empty() && self.question.polar {
            return vec![missing(self.question.text.trim(), "it does not name anything that the corpus tells")];
        }
        if clause.left.is_empty() && clause.numbers.is_empty() {
            let asks = ["how", "when", "who", "why", "which", "whose"];
            if self.question.words.iter().any(|word| asks.contains(&word.folded.as_str())) {
                return vec![missing(self.question.text.trim(), "no field of the corpus is called that")];
            }
            let subjects: Vec<_> = clause.mentions.iter().map(|mention| self.entity(mention)).collect();
            return each(&subjects, overview);
        }
        if let Some(part) = self.lies_in(clause, document) {
            return vec![part];
        }
        let mut wanted: Vec<String> = clause.left.iter().map(|&at| self.question.stem(at).to_owned()).collect();
        wanted.extend(clause.numbers.iter().cloned());
        let said: Vec<&str> = clause.left.iter().map(|&at| self.question.slice_of(at)).collect();
        vec![extract::in_entry(document, &wanted, &said.join(" "), &self.question.text)]
    }

    /// `Is Kenya in East Africa?` is answered by where it lies.
    fn lies_in(&self, clause: &Clause, document: &'a Document) -> Option<Part<'a>> {
        const PARTS: &[&str] = &[
            "africa",
            "asia",
            "europe",
            "america",
            "oceania",
            "caribbean",
            "middle",
            "east",
            "eastern",
            "west",
            "western",
            "north",
            "northern",
            "south",
            "southern",
            "southeast",
            "southeastern",
            "southwest",
            "northeast",
            "northwest",
            "central",
            "continent",
        ];
        let named = clause.left.iter().all(|&at| PARTS.contains(&self.question.stem(at)));
        if !self.question.polar || !named || clause.left.is_empty() || !clause.numbers.is_empty() {
            return None;
        }
        let field = document.find("Location", "")?;
        let what = about("Location", document.entity.as_deref()?);
        let finding = Finding::of_value(what, field.value.to_owned(), vec![evidence(&field, field.value)?]);
        Some(Part::Found(finding.doubted("the reader must judge whether this is a yes")))
    }

    fn without_entity(&self, clause: &Clause) -> Part<'a> {
        let what = self.question.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let what = super::facts::shortened(&what, 160);
        if let Some(part) = self.superlative(clause) {
            return part;
        }
        if let Some(domain) = domain_of(&self.question.text) {
            return self.internet_domain(domain);
        }
        let left: Vec<String> = clause
            .left
            .iter()
            .map(|&at| self.question.stem(at).to_owned())
            .chain(clause.numbers.iter().cloned())
            .collect();
        if clause.hits.iter().any(|hit| self.corpus.fields.row(hit.row).name == "Population")
            && let Some(part) =
                inverse::city(self.corpus.documents.iter().filter(|document| (self.usable)(document)), &left)
        {
            return part;
        }
        let place = self.question.asks_country
            || self.question.words.iter().any(|word| matches!(word.folded.as_str(), "where" | "countries"));
        let weak = clause.hits.iter().all(|hit| hit.weak) || clause.hits.iter().any(|hit| self.is_place(hit.row));
        if place
            && weak
            && !left.is_empty()
            && let Some(part) = inverse::places(self.corpus, &left, self.usable)
        {
            return part;
        }
        let uses = ["use", "uses", "used"].iter().any(|word| self.question.has(word));
        if self.question.asks_country && clause.hits.is_empty() && !left.is_empty() && uses {
            let currency = self.corpus.fields.hits(&[Some("currency")]);
            let asked = currency.first().map(|hit| Asked::of_row(self.corpus.fields.row(hit.row)));
            if let Some(asked) = asked {
                return inverse::countries(self.corpus, &asked, &left, self.usable);
            }
        }
        if self.question.asks_country && !clause.hits.is_empty() && !left.is_empty() {
            let asked = Asked::new(self.corpus, self.question, clause, 0);
            return inverse::countries(self.corpus, &asked, &left, self.usable);
        }
        if clause.hits.is_empty() {
            missing(what, "nothing in the corpus speaks of it")
        } else {
            missing(what, "it names no country or territory that the corpus knows")
        }
    }

    /// Whether a row is of places that several countries may share.
    fn is_place(&self, row: usize) -> bool {
        matches!(self.corpus.fields.row(row).name.as_str(), "Major rivers" | "Major lakes" | "Highest point")
    }

    /// `Which country uses .is?`
    fn internet_domain(&self, domain: &str) -> Part<'a> {
        let wording = ["internet", "country", "code"].map(Some);
        let Some(hit) = self.corpus.fields.hits(&wording).into_iter().next() else {
            return missing(domain, "the corpus has no internet codes");
        };
        let row = self.corpus.fields.row(hit.row);
        let asked = Asked::of_row(row);
        inverse::countries(self.corpus, &asked, &[domain.to_lowercase()], self.usable)
    }

    /// The one document a mention means, or why there is none.
    pub(super) fn entity(&self, mention: &Mention) -> Result<&'a Document, Part<'a>> {
        let name = self.question.slice(&mention.words);
        match mention.documents.as_slice() {
            [one] => {
                let document = &self.corpus.documents[*one];
                if (self.usable)(document) {
                    Ok(document)
                } else {
                    Err(missing(name, "the source policy of the task leaves out the corpus that knows it"))
                }
            }
            several => {
                let names: Vec<&str> =
                    several.iter().filter_map(|&at| self.corpus.documents[at].entity.as_deref()).collect();
                Err(missing(name, format!("the name is ambiguous: {}", names.join(" or "))))
            }
        }
    }
}

/// A two-letter domain standing by itself: `.is`.
fn domain_of(text: &str) -> Option<&str> {
    text.split(|c: char| c.is_whitespace() || "\"'“”(),?!;:".contains(c)).find_map(|word| {
        let letters = word.strip_prefix('.')?.trim_end_matches('.');
        (letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_alphabetic())).then_some(letters)
    })
}

/// The main facts about an entity.
fn overview(document: &Document) -> Vec<Part<'_>> {
    let entity = document.entity.as_deref().unwrap_or_default();
    OVERVIEW
        .iter()
        .filter_map(|(label, sub, name)| {
            let field = document.find(label, sub)?;
            let value = super::facts::shortened(super::facts::unit_of_currency(field.value), 300);
            let proof = evidence(&field, &value)?;
            Some(Part::Found(Finding::of_value(about(name, entity), value, vec![proof])))
        })
        .collect()
}

/// One answer for each subject, or why there is none.
fn each<'a>(
    subjects: &[Result<&'a Document, Part<'a>>],
    with: impl Fn(&'a Document) -> Vec<Part<'a>>,
) -> Vec<Part<'a>> {
    subjects
        .iter()
        .flat_map(|subject| match subject {
            Ok(document) => with(document),
            Err(part) => vec![part.clone()],
        })
        .collect()
}

/// `How many people in Canada speak French?`: the item of a list that names what is left over.
fn item_of<'a>(asked: &Asked<'a>, document: &'a Document) -> Option<Part<'a>> {
    let field = asked.row.choices(document).next()?.into_iter().next()?;
    let item = items(field.value).into_iter().find(|item| names(item, &asked.left))?;
    let what = about(&asked.row.name, document.entity.as_deref()?);
    let proof = evidence(&field, item)?;
    let found = Finding::of_value(what, item.to_owned(), vec![proof]);
    Some(Part::Found(found.doubted("the field names it, but may not say what was asked")))
}
