//! Picks a typed value out of a field's words: a number, a date, a list, one of several choices.

use serde_json::{Number, Value};

use super::amount::{Amount, amounts};
use super::facts::items;
use super::schema::{Kind, Schema};
use super::text::{fold, stems};

/// What a property's name and description say about its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    /// The value is divided by this: `population_millions`.
    scale: f64,
    /// A year is asked for.
    year: bool,
    /// Some unit that the Factbook does not use.
    foreign: bool,
}

impl Unit {
    /// Reads the words of a property.
    pub(super) fn of(words: &str) -> Self {
        let words = stems(words);
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
        let scale = match () {
            () if has(&["million", "mn", "mio"]) => 1e6,
            () if has(&["billion", "bn"]) => 1e9,
            () if has(&["trillion"]) => 1e12,
            () if has(&["thousand"]) => 1e3,
            () => 1.0,
        };
        Self {
            scale,
            year: has(&["year"]),
            foreign: has(&["mile", "mi", "feet", "ft", "acre", "hectare", "eur", "gbp", "sqmi"]),
        }
    }
}

/// A value in the type that a schema's node wants; `words` say what the node is, in words. `None` when it cannot be had
/// without inventing something.
pub(in crate::processors) fn typed(schema: Schema<'_>, node: &Value, value: &str, words: &str) -> Option<Value> {
    match schema.kind(node) {
        Kind::Integer => number(value, Unit::of(words), true),
        Kind::Number => number(value, Unit::of(words), false),
        Kind::Boolean => boolean(value, value).map(Value::Bool),
        Kind::Choice(choices) if is_yes_or_no(choices) => boolean(value, value).and_then(|yes| yes_or_no(yes, choices)),
        Kind::Choice(choices) => choice(value, choices),
        Kind::Text if schema.is_date(node) => date(value).map(Value::String),
        Kind::Text => Some(Value::String(value.to_owned())),
        Kind::List(_) | Kind::Object(_) => None,
    }
}

/// The number in a value; whole if `whole` is set. `None` if there is none, or none that fits without being changed.
pub(super) fn number(value: &str, unit: Unit, whole: bool) -> Option<Value> {
    let dated = value.split_once('(').map_or(value, |(head, _)| head);
    let all: Vec<Amount> = amounts(value).collect();
    let is_year = |a: &&Amount| {
        a.value.fract() == 0.0 && (1000.0..=2100.0).contains(&a.value) && !value[a.range.clone()].contains(',')
    };
    let found = if unit.year && all.iter().any(|a| is_year(&a)) && !dated.contains("years") {
        all.iter().find(is_year)?
    } else if unit.foreign {
        return None;
    } else {
        all.first()?
    };
    let scaled = if unit.year { found.value } else { found.value / unit.scale };
    json_number(scaled, whole)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far below 2^53")]
fn json_number(value: f64, whole: bool) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Some(Value::Number(Number::from(value as i64)));
    }
    if whole {
        return None;
    }
    // A division may leave dust behind the last digit of the source.
    let rounded = format!("{value:.9}").parse::<f64>().ok()?;
    Number::from_f64(rounded).map(Value::Number)
}

/// The first date in a value, as `YYYY-MM-DD`.
pub(super) fn date(value: &str) -> Option<String> {
    let words: Vec<&str> = value.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(3).find_map(|run| {
        let day: u32 = run[0].parse().ok().filter(|day| (1..=31).contains(day))?;
        let month = month(run[1])?;
        let year: u32 = run[2].parse().ok().filter(|year| (1..=9999).contains(year))?;
        (run[2].len() == 4).then(|| format!("{year:04}-{month:02}-{day:02}"))
    })
}

fn month(word: &str) -> Option<usize> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let word = fold(word);
    MONTHS.iter().position(|month| word.starts_with(month)).map(|at| at + 1)
}

/// Yes or no, from an answer's line or a field's first word.
pub(super) fn boolean(line: &str, value: &str) -> Option<bool> {
    let first = |text: &str| fold(text.split([':', ',', ';', ' ']).next().unwrap_or_default());
    match (first(line).as_str(), first(value).as_str()) {
        ("yes", _) | (_, "yes") => Some(true),
        ("no", _) | (_, "no" | "none") => Some(false),
        _ => None,
    }
}

/// The choice the value names: exactly, then without regard to case, then as whole words if only one does.
pub(super) fn choice(value: &str, choices: &[Value]) -> Option<Value> {
    let texts = || choices.iter().filter_map(|choice| Some((choice, choice.as_str()?)));
    if let Some((choice, _)) = texts().find(|(_, text)| *text == value) {
        return Some(choice.clone());
    }
    let folded = fold(value);
    if let Some((choice, _)) = texts().find(|(_, text)| fold(text) == folded) {
        return Some(choice.clone());
    }
    let own = stems(value);
    let mut named: Vec<(&Value, &str)> = texts()
        .filter(|(_, text)| {
            let wanted = stems(&text.replace('_', " "));
            super::text::find_run(&own, &wanted).is_some()
        })
        .collect();
    // `constitutional monarchy` says more than `monarchy`.
    named.sort_by_key(|(_, text)| std::cmp::Reverse(text.len()));
    match named.as_slice() {
        [(one, _)] => Some((*one).clone()),
        [(longest, text), rest @ ..] if rest.iter().all(|(_, other)| fold(text).contains(&fold(other))) => {
            Some((*longest).clone())
        }
        _ => None,
    }
}

/// Whether the choices are a yes and a no.
pub(super) fn is_yes_or_no(choices: &[Value]) -> bool {
    yes_or_no(true, choices).is_some() && yes_or_no(false, choices).is_some()
}

/// The choice that says yes, or the one that says no.
pub(super) fn yes_or_no(yes: bool, choices: &[Value]) -> Option<Value> {
    let wanted = if yes { ["yes", "true"] } else { ["no", "false"] };
    let says = |choice: &&Value| {
        choice.as_bool() == Some(yes) || choice.as_str().is_some_and(|text| wanted.contains(&fold(text).as_str()))
    };
    choices.iter().find(says).cloned()
}

/// The continent that a place is said to be on, if it is on one.
pub(super) fn continent(value: &str) -> Option<String> {
    const CONTINENTS: [&str; 7] =
        ["North America", "South America", "Africa", "Asia", "Europe", "Oceania", "Antarctica"];
    let head = stems(value.split([',', ';', '(']).next().unwrap_or_default());
    let on = |name: &&&str| super::text::find_run(&head, &stems(name)).is_some();
    let mut found = CONTINENTS.iter().filter(on);
    // `Southeastern Europe and Southwestern Asia` is on two.
    found.next().filter(|_| found.next().is_none()).map(|name| (*name).to_owned())
}

/// Words before a person's name; what stands before it otherwise is part of the name.
const TITLES: &[&str] = &[
    "president",
    "prime",
    "minister",
    "king",
    "queen",
    "emperor",
    "sultan",
    "amir",
    "emir",
    "chancellor",
    "premier",
    "grand",
    "duke",
    "prince",
    "pope",
    "governor",
    "general",
    "captain",
    "acting",
    "interim",
    "transitional",
    "supreme",
    "leader",
    "chairman",
    "sheikh",
    "federal",
    "state",
    "first",
    "secretary",
];

/// `Prime Minister` in `Prime Minister Ulf KRISTERSSON (since …)`.
pub(super) fn title(value: &str) -> Option<String> {
    let words = titled(value);
    let text = value.split_whitespace().take(words).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The name without title and date of office.
pub(super) fn person(value: &str) -> String {
    let value = short(value, false);
    let name = value.split_whitespace().skip(titled(&value)).collect::<Vec<_>>().join(" ");
    if name.is_empty() { value } else { name }
}

fn titled(value: &str) -> usize {
    value.split_whitespace().take_while(|word| TITLES.contains(&fold(word).as_str())).count()
}

/// The names in a list: without shares, lengths, brackets, remainders and notes.
pub(super) fn list(value: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for item in items(value).into_iter().take_while(|item| !item.starts_with("note")) {
        let name = name_of(item);
        let folded = fold(&name);
        let rest =
            folded.is_empty() || folded.starts_with("other") || folded.starts_with("unspecified") || folded == "none";
        if !rest && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// `Spanish (official) 46.3%` is `Spanish`; `China 4,630 km` is `China`; `2.902 million ALGIERS (capital)` is `Algiers`.
pub(super) fn name_of(item: &str) -> String {
    let mut text = String::new();
    let mut depth = 0_i32;
    for c in item.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ if depth == 0 => text.push(c),
            _ => {}
        }
    }
    let leading = amounts(&text).next().filter(|amount| amount.range.start == 0);
    let cut = match (&leading, amounts(&text).next()) {
        (Some(amount), _) => &text[amount.range.end..],
        (None, Some(amount)) => &text[..amount.range.start],
        (None, None) => text.as_str(),
    };
    let cut = cut.split(" - ").next().unwrap_or(cut);
    let cut = cut.trim_end_matches(|c: char| c == '<' || c == '-' || c == '~' || c.is_whitespace());
    let name = cut.trim_end_matches(['%', '*', '.', ',']).split_whitespace().collect::<Vec<_>>().join(" ");
    // Capitals among the cities are shouted.
    if leading.is_some() { lowered(&name) } else { name }
}

/// Words in capitals with only their first letter so.
fn lowered(name: &str) -> String {
    let words = name.split(' ').map(|word| {
        if word.chars().any(char::is_lowercase) {
            return word.to_owned();
        }
        let mut chars = word.chars();
        chars.next().into_iter().chain(chars.flat_map(char::to_lowercase)).collect()
    });
    words.collect::<Vec<String>>().join(" ")
}

/// `5 May 2005` in `… (since 5 May 2005)`.
pub(super) fn since(value: &str) -> Option<String> {
    let rest = value.split_once("since ")?.1;
    Some(rest.split([')', ';', ',']).next().unwrap_or(rest).to_owned())
}

/// A value as a short text: a person without the date of office, a capital without its other spellings.
pub(super) fn short(value: &str, single: bool) -> String {
    if !value.contains(" (since ") {
        let head = value.split([';', '(']).next().filter(|_| single);
        return head.unwrap_or(value).trim().to_owned();
    }
    let mut pieces = value.split(" (since ");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    // Without notes behind a single person; with the second of two.
    for piece in pieces {
        if let Some((_, rest)) = piece.split_once(')').filter(|(_, rest)| rest.starts_with("; head of government:")) {
            text.push_str(rest);
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(value: &str, words: &str, whole: bool) -> Option<Value> {
        number(value, Unit::of(words), whole)
    }

    #[test]
    fn numbers_follow_scale_and_unit() {
        assert_eq!(of("3,281,676 (2024 est.)", "population", true), Some(json!(3_281_676)));
        assert_eq!(of("$1.2 billion (2023)", "exports usd", false), Some(json!(1_200_000_000_i64)));
        assert_eq!(of("$1.25 billion (2023)", "exports billion usd", false), Some(json!(1.25)));
        assert_eq!(of("77.9%", "share", false), Some(json!(77.9)));
        assert_eq!(of("77.9%", "share", true), None);
        assert_eq!(of("5 July 1962 (from France)", "independence year", true), Some(json!(1962)));
        assert_eq!(of("103,000 sq km", "area square miles", false), None);
        assert_eq!(of("77.9 years (2024 est.)", "life expectancy in years", false), Some(json!(77.9)));
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(date("5 July 1962 (from France)").as_deref(), Some("1962-07-05"));
        assert_eq!(date("1238 (traditional founding date)"), None);
    }

    #[test]
    fn lists_are_names_only() {
        assert_eq!(list("Khalkh 83.8%, Kazak 3.8%, other 4.1% (2020 est.)"), ["Khalkh", "Kazak"]);
        assert_eq!(list("China 4,630 km; Russia 3,452 km"), ["China", "Russia"]);
        assert_eq!(list("2.902 million ALGIERS (capital), 936,000 Oran (2022)"), ["Algiers", "Oran"]);
    }

    #[test]
    fn a_choice_is_made_only_when_it_is_clear() {
        let choices = [json!("Monarchy"), json!("Republic"), json!("constitutional monarchy")];
        assert_eq!(choice("parliamentary constitutional monarchy", &choices), Some(json!("constitutional monarchy")));
        assert_eq!(choice("presidential republic", &choices), Some(json!("Republic")));
        assert_eq!(choice("military regime", &choices), None);
    }

    #[test]
    fn a_person_has_a_title_and_a_name() {
        let king = "King CARL XVI GUSTAF (since 15 September 1973)";
        assert_eq!(title(king).as_deref(), Some("King"));
        assert_eq!(person(king), "CARL XVI GUSTAF");
        assert_eq!(title("Ulf KRISTERSSON"), None);
        let two = "chief of state: King A (since 1 May 1999); head of government: Prime Minister B (since 2 June 2001)";
        assert_eq!(short(two, false), "chief of state: King A; head of government: Prime Minister B");
    }

    #[test]
    fn a_continent_is_named_only_where_there_is_one() {
        assert_eq!(continent("Central South America, southwest of Brazil").as_deref(), Some("South America"));
        assert_eq!(continent("Northern Asia, between China and Russia").as_deref(), Some("Asia"));
        assert_eq!(continent("Southeastern Europe and Southwestern Asia (that portion is Europe)"), None);
        assert_eq!(continent("Caribbean, island in the Caribbean Sea, south of Cuba"), None);
    }

    #[test]
    fn yes_and_no_may_be_choices() {
        let choices = [json!("Yes"), json!("No"), json!("unknown")];
        assert!(is_yes_or_no(&choices));
        assert_eq!(yes_or_no(false, &choices), Some(json!("No")));
        assert!(!is_yes_or_no(&[json!("Yes"), json!("Monarchy")]));
    }
}
