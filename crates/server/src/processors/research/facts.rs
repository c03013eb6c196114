//! Answers a clause that names an entity and a field: `the capital of Mongolia`.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::amount::first_amount;
use super::corpus::Corpus;
use super::document::{Document, Field};
use super::fields::{Row, is_year, names};
use super::part::{Finding, Part, about, evidence, missing};
use super::question::{Clause, Question};
use super::roots::root;
use super::text::stem;

/// A value is cut at a readable bound beyond this.
const LONG: usize = 420;

/// What is asked of one entity: a row of the field table, narrowed by years and leftover words.
#[derive(Clone)]
pub(super) struct Asked<'q> {
    pub(super) row: &'q Row,
    /// The words of the question that led to the row.
    pub(super) wording: Vec<String>,
    /// Years and other numbers that must stand in the field.
    pub(super) numbers: Vec<String>,
    /// Words that narrow the field: `male`, `urban`.
    pub(super) left: Vec<String>,
    /// The same words as they were written.
    pub(super) said: String,
    /// The question asks for a count.
    pub(super) how_many: bool,
    /// The question asks for what is to come.
    pub(super) ahead: bool,
    /// The wording fits loosely.
    pub(super) loose: bool,
}

impl<'q> Asked<'q> {
    /// A row and nothing that narrows it.
    pub(super) fn of_row(row: &'q Row) -> Self {
        Self {
            row,
            wording: Vec::new(),
            numbers: Vec::new(),
            left: Vec::new(),
            said: String::new(),
            how_many: false,
            ahead: false,
            loose: false,
        }
    }

    /// What a clause asks by one of its hits.
    pub(super) fn new(corpus: &'q Corpus, question: &Question, clause: &Clause, hit: usize) -> Self {
        let hit = &clause.hits[hit];
        let folded: Vec<&str> = question.words.iter().map(|word| word.folded.as_str()).collect();
        let row = corpus.fields.row(hit.row);
        let asks_who = folded.iter().any(|word| matches!(*word, "who" | "where" | "whose" | "whom"));
        let (idle, left): (Vec<usize>, Vec<usize>) =
            clause.left.iter().partition(|&&at| !asks_who && !row.is("people") && is_manner(question, at));
        let before = folded.windows(2).any(|pair| pair == ["how", "many"] || pair == ["number", "of"]);
        Self {
            row,
            wording: hit.at.clone().map(|at| question.stem(at).to_owned()).collect(),
            numbers: clause.numbers.clone(),
            said: left.iter().map(|&at| question.slice_of(at)).collect::<Vec<_>>().join(" "),
            left: left.into_iter().map(|at| question.stem(at).to_owned()).collect(),
            how_many: before,
            ahead: ["will", "forecast", "projected", "projection", "expected", "predicted"]
                .iter()
                .any(|word| question.has(word)),
            loose: hit.loose || !idle.is_empty(),
        }
    }
}

/// Verbs that join a field to its country, and words of measure; not those by which people are counted.
const JOINING: &str = "occur happen operate experience face feature possess boast enjoy offer maintain encounter contain carry \
    provide own display exhibit comprise include involve entail earn generate yield require apply follow endure \
    suffer affect reach attain cover span stretch extend dominate collect burn gather hold keep rank strike hit \
    threaten plague endanger see depict portray constitute manage function ratify proclaim achieve secure acquire \
    purchase supply deliver derive originate stem practice observe profess adhere commemorate mark invest allocate \
    devote dedicate owe cultivate harvest mine extract pump score grade quantity extent tally count standing under \
    entry page profile term overall breakdown makeup composition picture situation status quick quickly rundown \
    thousand behind top place take total exactly run rely depend build represent widespread penetration common \
    prevalent strong work mile";

/// `approved`, `roughly`, `occur`: a word that seldom changes what is asked, though it may.
fn is_manner(question: &Question, at: usize) -> bool {
    static ROOTS: LazyLock<HashSet<String>> = LazyLock::new(|| JOINING.split_whitespace().map(root).collect());
    let word = question.slice_of(at);
    // `How many people drowned …` counts by the word itself.
    let counts = question.words.windows(2).any(|pair| pair[0].folded == "many" && pair[1].stem == "people");
    if counts || at > 0 && !word.starts_with(|c: char| c.is_ascii_lowercase()) {
        return false;
    }
    let adverb = word.len() > 4 && (word.ends_with("ed") || word.ends_with("ly"));
    adverb || ROOTS.contains(&root(&question.words[at].folded))
}

/// The answer for one entity.
pub(super) fn answer<'a>(asked: &Asked<'a>, document: &'a Document) -> Part<'a> {
    let entity = document.entity.as_deref().unwrap_or(&document.title);
    let what = about(&asked.row.name, entity);
    let choices: Vec<Vec<Field<'a>>> = asked.row.choices(document).collect();
    if choices.is_empty() {
        return missing(what, format!("the entry of {entity} has no such field"));
    }
    let mut why = String::new();
    for fields in choices {
        match narrowed(asked, document, fields) {
            Ok(fields) => return found(asked, what, entity, &fields),
            Err(reason) if why.is_empty() => why = reason,
            Err(_) => {}
        }
    }
    near_year(asked, document).unwrap_or_else(|| missing(what, why))
}

/// `The population in 2024` where the corpus has 2025: said with its own year, and never better than low.
fn near_year<'a>(asked: &Asked<'a>, document: &'a Document) -> Option<Part<'a>> {
    const BEFORE: i64 = 2;
    let [year] = asked.numbers.as_slice() else { return None };
    let wanted: i64 = year.parse().ok().filter(|_| is_year(year) && !asked.ahead)?;
    let Part::Found(found) = answer(&Asked { numbers: Vec::new(), ..asked.clone() }, document) else { return None };
    let stated = found.value.split('(').skip(1).find_map(|rest| rest.get(..4)?.parse::<i64>().ok())?;
    if wanted > stated + 1 || wanted < stated - BEFORE {
        return None;
    }
    let line = format!("{} The corpus has no figure for {year}.", found.line);
    Some(Part::Found(found.worded(line).doubted(format!("the figure is for {stated}, not for {year}"))))
}

/// The fields that fit the years and leftover words, or why none does.
fn narrowed<'a>(
    asked: &Asked<'_>,
    document: &'a Document,
    mut fields: Vec<Field<'a>>,
) -> Result<Vec<Field<'a>>, String> {
    let left: Vec<String> =
        asked.left.iter().filter(|word| !is_idle(asked.row, word, document, &fields)).cloned().collect();
    if !left.is_empty() {
        fields = siblings(&left, document, &fields).ok_or_else(|| unread(&asked.said))?;
    }
    if let Some(year) = asked.numbers.first() {
        fields = of_number(year, document, &fields).ok_or_else(|| {
            let value = fields.first().map_or("", |field| field.value);
            format!("the field has nothing for {year} (it says: {})", shortened(value, 80))
        })?;
    }
    // The Holy See's area is rounded to nothing; its land area is not.
    if fields.iter().any(|field| field.label == "Area" && field.value == "0 sq km") {
        return Err("the field says only “0 sq km”".to_owned());
    }
    // The United States' entry counts other currencies against its own, which it does not name.
    if asked.row.name == "Currency" && fields.iter().any(|field| field.value.matches(" per US dollar").count() > 1) {
        return Err("the field names only other currencies".to_owned());
    }
    let seas = ["ocean", "sea", "gulf", "bay", "strait", "channel"].map(str::to_owned);
    let wet = |field: &Field<'a>| seas.iter().any(|sea| names(field.value, std::slice::from_ref(sea)));
    if asked.row.is("waters") && !fields.iter().any(wet) {
        return Err("the field names no sea".to_owned());
    }
    if asked.row.is("must") && !fields.iter().any(|field| has_wording(asked, field.value)) {
        let value = fields.first().map_or("", |field| field.value);
        return Err(format!(
            "the field does not say “{}” (it says: {})",
            asked.wording.join(" "),
            shortened(value, 120)
        ));
    }
    Ok(fields)
}

/// Whether a leftover word changes nothing: `how high is the debt`, `the exchange rate of the yen`.
fn is_idle(row: &Row, word: &str, document: &Document, fields: &[Field<'_>]) -> bool {
    const MEASURES: &[&str] = &[
        "long", "high", "big", "large", "great", "fast", "low", "tall", "wide", "much", "small", "quickly", "rapidly",
    ];
    let measured = fields.iter().any(|field| first_amount(field.value).is_some());
    let own = [word.to_owned()];
    let currency = || document.find("Exchange rates", "Currency").is_some_and(|field| names(field.value, &own));
    // Lists are in the order of shares, so their first item is the largest.
    let ordered = row.is("open") && ["largest", "biggest", "top", "greatest", "big"].contains(&word);
    // `When did Emmanuel Macron become president?`
    let office = ["become", "became", "serving", "since", "office", "sworn", "elected", "appointed"].contains(&word);
    let person = row.is("people") && (office || fields.iter().any(|field| names(field.value, &own)));
    // What a short answer says itself needs no other proof: `independence from Yugoslavia`.
    let said = !row.is("open")
        && !row.is("must")
        && fields.iter().all(|field| field.value.chars().count() <= 200)
        && fields.iter().any(|field| names(field.value, &own));
    let labelled = fields.iter().any(|field| super::text::stems(field.label).iter().any(|own| own == word));
    ordered
        || person
        || said
        || labelled
        || row.speaks(word)
        || (MEASURES.contains(&word) && measured && !row.is("people"))
        || (fields.iter().any(|field| field.label == "Exchange rates") && currency())
}

/// Whether the words that must stand in the value do: in its first clause, for a count.
fn has_wording(asked: &Asked<'_>, value: &str) -> bool {
    let part = if asked.row.is("count") { value.split(';').next().unwrap_or(value) } else { value };
    let crowned = ["king", "queen", "emperor", "sultan", "amir", "emir", "grand duke", "prince", "princess"];
    let monarch = asked.wording.iter().any(|word| word == "monarch");
    // `federal states` are states.
    let last = asked.wording.last().is_some_and(|word| names(part, std::slice::from_ref(word)));
    (asked.row.is("count") && last)
        || asked.wording == ["pm"] && names(part, &["prime".to_owned(), "minister".to_owned()])
        || (monarch && crowned.iter().any(|title| names(part, &super::text::stems(title))))
        || names(part, &asked.wording)
        || asked.wording.iter().all(|word| names(part, std::slice::from_ref(word)))
}

fn unread(said: &str) -> String {
    format!("“{said}” is not something the field tells")
}

/// Fields under the same label whose sub-label says the leftover words: `male`, `urban`.
fn siblings<'a>(left: &[String], document: &'a Document, fields: &[Field<'a>]) -> Option<Vec<Field<'a>>> {
    let label = fields.first()?.label;
    let wanted: Vec<String> = left.iter().map(|word| sub_word(word)).collect();
    let fits = |field: &Field<'_>| {
        let sub: Vec<String> = super::text::stems(field.sub);
        wanted.iter().all(|word| sub.contains(word))
    };
    document.fields().find(|field| field.label == label && field.sub != "note" && fits(field)).map(|field| vec![field])
}

fn sub_word(word: &str) -> String {
    match word {
        "men" | "man" | "boy" | "male" => "male".to_owned(),
        "women" | "woman" | "girl" | "female" => "female".to_owned(),
        "city" | "town" => "urban".to_owned(),
        "countryside" | "village" => "rural".to_owned(),
        other => stem(other),
    }
}

/// Fields under the same label that are of this year or name this number.
fn of_number<'a>(number: &str, document: &'a Document, fields: &[Field<'a>]) -> Option<Vec<Field<'a>>> {
    let label = fields.first()?.label;
    let wanted = [number.to_owned()];
    if let Some(field) = document.fields().find(|field| field.label == label && field.sub == number) {
        return Some(vec![field]);
    }
    let fitting: Vec<Field<'a>> =
        fields.iter().copied().filter(|field| names(field.value, &wanted) && !is_year(field.sub)).collect();
    (!fitting.is_empty()).then_some(fitting)
}

fn found<'a>(asked: &Asked<'_>, what: String, entity: &str, fields: &[Field<'a>]) -> Part<'a> {
    let what = fields.first().map_or(what, |field| named(asked, field, entity));
    let mut values = Vec::new();
    let mut proof = Vec::new();
    for field in fields.iter().take(8) {
        let value = picked(asked, field.value);
        let Some(evidence) = evidence(field, &value) else { continue };
        proof.push(evidence);
        values.push(if fields.len() > 1 && !field.sub.is_empty() { format!("{}: {value}", field.sub) } else { value });
    }
    if proof.is_empty() {
        return missing(what, "the value could not be verified in its document".to_owned());
    }
    let mut finding = Finding::of_value(what, values.join("; "), proof);
    if values_are_empty(&finding.value) {
        return missing(finding.what, format!("the field says only “{}”", finding.value));
    }
    if asked.loose {
        finding = finding.doubted("the question's wording fits this field only loosely");
    }
    if asked.how_many && asked.row.is("closed") {
        let count = fields.iter().map(|field| items(field.value).len()).sum::<usize>();
        let line = format!("{}: {count} ({}).", finding.what, finding.value.trim_end_matches('.'));
        finding = finding.worded(line);
    } else if asked.how_many && asked.row.name.starts_with("Major") {
        return missing(finding.what, "the field names only the major ones");
    } else if asked.how_many && asked.row.is("open") {
        finding = finding.doubted("the corpus lists them and does not count them");
    }
    if let Some(doubt) = official_doubt(asked, fields) {
        finding = finding.doubted(doubt);
    }
    Part::Found(finding)
}

/// `NA` and the like answer nothing.
fn values_are_empty(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "na" | "none given" | "not available" | "n/a" | "-")
}

/// What the field is called, with a sub-label that was picked by the question.
fn named(asked: &Asked<'_>, field: &Field<'_>, entity: &str) -> String {
    let base = about(&asked.row.name, entity);
    let plain = asked.left.iter().all(|word| !super::text::stems(field.sub).contains(&sub_word(word)));
    let narrowed = !plain || (is_year(field.sub) && !asked.numbers.is_empty());
    if narrowed && !field.sub.is_empty() { format!("{base} ({})", field.sub) } else { base }
}

/// The value, or the part of it that answers.
fn picked(asked: &Asked<'_>, value: &str) -> String {
    if asked.row.is("official") && asked.wording.iter().any(|word| word == "official" || word == "state") {
        let official: Vec<&str> = items(value).into_iter().filter(|item| item.contains("official")).collect();
        // One run of the text, so that it can be cited word for word.
        if let (Some(first), Some(last)) = (official.first(), official.last()) {
            let (start, end) = (offset(value, first), offset(value, last) + last.len());
            if items(&value[start..end]).len() == official.len() {
                return value[start..end].to_owned();
            }
        }
    }
    if asked.row.is("count") && asked.how_many {
        return value.split(';').next().unwrap_or(value).trim_end_matches('*').to_owned();
    }
    shortened(if asked.row.name == "Currency" { unit_of_currency(value) } else { value }, LONG)
}

/// `yen (JPY) per US dollar` without what it is counted against.
pub(super) fn unit_of_currency(value: &str) -> &str {
    value.find(" per US dollar").map_or(value, |at| &value[..at])
}

fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

fn official_doubt(asked: &Asked<'_>, fields: &[Field<'_>]) -> Option<String> {
    let wanted = asked.row.is("official") && asked.wording.iter().any(|word| word == "official" || word == "state");
    let marked = fields.iter().any(|field| field.value.contains("official"));
    (wanted && !marked && fields.iter().any(|field| items(field.value).len() > 1))
        .then(|| "the field does not mark any of them as official".to_owned())
}

/// The items of a list, split at commas and semicolons outside brackets.
pub(super) fn items(value: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let mut start = 0;
    let mut found = Vec::new();
    let bytes = value.as_bytes();
    for (at, c) in value.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            // `3,281` is one number.
            ',' | ';' if depth <= 0 && bytes.get(at + 1) == Some(&b' ') => {
                found.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(value[start..].trim());
    found.retain(|item| !item.is_empty());
    found
}

/// The text, cut at a readable bound if it is long.
pub(super) fn shortened(value: &str, most: usize) -> String {
    let Some((limit, _)) = value.char_indices().nth(most) else { return value.to_owned() };
    let end = crate::processors::engine::honest::bound_before(value, 0, limit);
    value[..end].trim_end_matches([',', ';', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_items_keep_their_brackets_and_numbers() {
        assert_eq!(items("A (x, y) 1,234 km, B; C"), ["A (x, y) 1,234 km", "B", "C"]);
    }

    #[test]
    fn a_long_value_ends_at_a_readable_bound() {
        assert_eq!(shortened("one two; three four; five six", 24), "one two; three four");
        assert_eq!(shortened("short", 24), "short");
    }
}
