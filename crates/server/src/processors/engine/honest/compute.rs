//! Values that are computed: an expression over numbers and dates that stand in excerpts, worked out here and not by a
//! model. `(56.1 - 48.2) / 48.2 * 100`, `years(1975-04-04, today)`, `mean(3; 5; 7)`, `count("Ada", "Grace")`.

use super::date::{Date, date_at};
use super::names::As;
use super::numbers::{Number, Quantity, number_at};
use super::quote::holds;
use super::ratio::Ratio;
use super::scan::{Kind, items, letters, lowered};
use super::values::{Facts, Verdict, verify};

/// No expression that is meant is longer, in characters, or nested deeper.
const LONGEST: usize = 400;
const DEEPEST: usize = 24;

/// Why a computed value is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::processors) enum Uncomputed {
    #[error("`{0}` is no expression over numbers and dates")]
    NoExpression(String),
    #[error("`{0}` is not in the excerpts")]
    NotQuoted(String),
    #[error("nothing of the expression is in the excerpts")]
    NothingQuoted,
    #[error("the expression cannot be worked out")]
    NoResult,
    #[error("the expression gives another value")]
    OtherResult,
}

/// Whether an expression over what stands in the excerpts gives the number in a value, to as many digits as the value has.
/// What else the value says must stand in the excerpts like that of any other.
pub(in crate::processors) fn verify_computed(
    value: &str,
    expression: &str,
    excerpts: &[&str],
    today: Date,
) -> Result<Verdict, Uncomputed> {
    let tree =
        Reader::read(expression).ok_or_else(|| Uncomputed::NoExpression(expression.chars().take(80).collect()))?;
    let facts: Vec<Facts> = excerpts.iter().map(|text| Facts::of(text)).collect();
    let facts: Vec<&Facts> = facts.iter().collect();
    let desk = Desk { excerpts, facts: &facts, today };
    if desk.quoted(&tree, false)? == 0 {
        return Err(Uncomputed::NothingQuoted);
    }
    let result = desk.number(&tree).ok_or(Uncomputed::NoResult)?;
    let mut verdict = verify(value, &facts, &[], As::Value);
    let numbers: Vec<(String, Number)> = items(value)
        .into_iter()
        .filter_map(|item| match item.kind {
            Kind::Number(number) if number.ending.is_none() => Some((item.text, number)),
            Kind::Number(_) | Kind::Date(_) | Kind::Code(_) | Kind::Word(_) => None,
        })
        .collect();
    let is_missing = |(text, _): &&(String, Number)| verdict.missing.contains(text);
    let computed =
        numbers.iter().find(is_missing).or_else(|| numbers.iter().find(|(_, number)| is_result(number, result)));
    let Some((text, number)) = computed else { return Err(Uncomputed::OtherResult) };
    if !is_result(number, result) {
        return Err(Uncomputed::OtherResult);
    }
    if let Some(at) = verdict.missing.iter().position(|missing| missing == text) {
        verdict.missing.remove(at);
    }
    Ok(verdict)
}

/// Whether a number says a result as exactly as it is written.
fn is_result(number: &Number, result: Ratio) -> bool {
    let half = number.quantity.step.times(Ratio::HALF);
    number.quantity.value().zip(half).is_some_and(|(value, half)| value.is_near(result, half))
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there are few of them, and none for long")]
enum Tree {
    Number { number: Number, text: String },
    Date { date: Date, text: String },
    Today,
    Text(String),
    Minus(Box<Tree>),
    Both(char, Box<Tree>, Box<Tree>),
    Call(Call, Vec<Tree>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Years,
    Months,
    Days,
    Sum,
    Mean,
    Least,
    Most,
    Count,
}

/// What an expression is held against.
struct Desk<'a> {
    excerpts: &'a [&'a str],
    facts: &'a [&'a Facts],
    today: Date,
}

impl Desk<'_> {
    /// How many operands stand in the excerpts; an error for the first that does not. A factor may be one that everybody
    /// knows, like the hundred of a percentage.
    fn quoted(&self, tree: &Tree, is_factor: bool) -> Result<usize, Uncomputed> {
        let all = |parts: &[&Tree], is_factor: &[bool]| {
            parts.iter().zip(is_factor).try_fold(0, |sum, (part, factor)| Ok(sum + self.quoted(part, *factor)?))
        };
        match tree {
            Tree::Number { number, .. } if self.facts.iter().any(|facts| facts.has_number(number)) => Ok(1),
            Tree::Number { number, .. } if is_factor && is_known_factor(number) => Ok(0),
            Tree::Number { text, .. } => Err(Uncomputed::NotQuoted(text.clone())),
            Tree::Date { date, .. } if self.facts.iter().any(|facts| facts.has_day(*date)) => Ok(1),
            Tree::Date { text, .. } => Err(Uncomputed::NotQuoted(text.clone())),
            Tree::Text(text) if self.excerpts.iter().any(|excerpt| holds(excerpt, text)) => Ok(1),
            Tree::Text(text) => Err(Uncomputed::NotQuoted(text.clone())),
            Tree::Today => Ok(0),
            Tree::Minus(part) => match part.as_ref() {
                Tree::Number { number, text } => {
                    let text = format!("-{text}");
                    self.quoted(&Tree::Number { number: negative(number), text }, false)
                }
                Tree::Date { .. } | Tree::Today | Tree::Text(_) | Tree::Minus(_) | Tree::Both(..) | Tree::Call(..) => {
                    self.quoted(part, false)
                }
            },
            Tree::Both('*', left, right) => all(&[left, right], &[true, true]),
            Tree::Both('/', left, right) => all(&[left, right], &[false, true]),
            Tree::Both(_, left, right) => all(&[left, right], &[false, false]),
            Tree::Call(_, parts) => parts.iter().try_fold(0, |sum, part| Ok(sum + self.quoted(part, false)?)),
        }
    }

    fn number(&self, tree: &Tree) -> Option<Ratio> {
        match tree {
            Tree::Number { number, .. } => number.quantity.value(),
            Tree::Minus(part) => Some(self.number(part)?.negative()),
            Tree::Both(sign, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                match sign {
                    '+' => left.plus(right),
                    '-' => left.minus(right),
                    '*' => left.times(right),
                    _ => left.divided_by(right),
                }
            }
            Tree::Call(call, parts) => self.called(*call, parts),
            Tree::Date { .. } | Tree::Today | Tree::Text(_) => None,
        }
    }

    fn called(&self, call: Call, parts: &[Tree]) -> Option<Ratio> {
        if call == Call::Count {
            let texts: Vec<&String> = parts
                .iter()
                .map(|part| if let Tree::Text(text) = part { Some(text) } else { None })
                .collect::<Option<_>>()?;
            let twice = texts
                .iter()
                .enumerate()
                .any(|(at, text)| texts[..at].iter().any(|other| other.eq_ignore_ascii_case(text)));
            return (!twice).then_some(Ratio::whole(i128::try_from(texts.len()).ok()?));
        }
        if matches!(call, Call::Years | Call::Months | Call::Days) {
            let [from, to] = parts else { return None };
            let apart = apart(call, self.day(from)?, self.day(to)?)?;
            return Some(Ratio::whole(i128::from(apart.abs())));
        }
        let numbers: Vec<Ratio> = parts.iter().map(|part| self.number(part)).collect::<Option<_>>()?;
        let count = Ratio::whole(i128::try_from(numbers.len()).ok()?);
        let mut rest = numbers.into_iter();
        let first = rest.next()?;
        match call {
            Call::Least => {
                rest.try_fold(first, |least, next| Some(if next.compare(least)?.is_lt() { next } else { least }))
            }
            Call::Most => {
                rest.try_fold(first, |most, next| Some(if next.compare(most)?.is_gt() { next } else { most }))
            }
            Call::Mean => rest.try_fold(first, Ratio::plus)?.divided_by(count),
            Call::Sum | Call::Count | Call::Years | Call::Months | Call::Days => rest.try_fold(first, Ratio::plus),
        }
    }

    fn day(&self, tree: &Tree) -> Option<Date> {
        match tree {
            Tree::Date { date, .. } => Some(*date),
            Tree::Today => Some(self.today),
            Tree::Number { number, .. } => Some(Date { year: Some(number.quantity.year()?), month: None, day: None }),
            Tree::Text(_) | Tree::Minus(_) | Tree::Both(..) | Tree::Call(..) => None,
        }
    }
}

/// How far two dates are apart, in whole ones that have passed.
fn apart(call: Call, from: Date, to: Date) -> Option<i64> {
    let (from, to) =
        if (to.year, to.month, to.day) < (from.year, from.month, from.day) { (to, from) } else { (from, to) };
    let years = i64::from(to.year?) - i64::from(from.year?);
    let months = from.month.zip(to.month).map(|(from, to)| years * 12 + i64::from(to) - i64::from(from));
    // A month has passed when its day has come again.
    let short = i64::from(from.day.zip(to.day).is_some_and(|(from, to)| to < from));
    match call {
        Call::Years => Some(months.map_or(years, |months| (months - short).div_euclid(12))),
        Call::Months => Some(months? - short),
        Call::Days | Call::Sum | Call::Mean | Call::Least | Call::Most | Call::Count => {
            Some(to.number()? - from.number()?)
        }
    }
}

/// Factors that need no source: of percentages, of scales, of the calendar, of the usual units.
fn is_known_factor(number: &Number) -> bool {
    const KNOWN: &[&str] = &[
        "100",
        "1000",
        "1000000",
        "1000000000",
        "1000000000000",
        "12",
        "24",
        "60",
        "7",
        "365",
        "365.25",
        "3600",
        "1.609344",
        "0.3048",
        "2.54",
        "0.45359237",
        "28.349523125",
    ];
    let value = number.quantity.value().filter(|_| number.quantity.unit.is_none());
    value.is_some_and(|value| KNOWN.iter().any(|known| Ratio::decimal(known) == Some(value)))
}

fn negative(number: &Number) -> Number {
    let quantity = Quantity { bare: number.quantity.bare.negative(), ..number.quantity };
    Number { quantity, apart: Vec::new(), ..number.clone() }
}

/// Reads an expression.
struct Reader {
    text: Vec<char>,
    lower: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn read(expression: &str) -> Option<Tree> {
        if expression.chars().count() > LONGEST {
            return None;
        }
        let text: Vec<char> = letters(expression).into_iter().map(|c| if c == '\u{a0}' { ' ' } else { c }).collect();
        let lower = text.iter().map(|c| lowered(*c)).collect();
        let mut reader = Self { text, lower, at: 0, depth: 0 };
        let tree = reader.sum()?;
        reader.space();
        (reader.at == reader.text.len()).then_some(tree)
    }

    fn sum(&mut self) -> Option<Tree> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.product()?;
        while let Some(sign) = self.sign(&['+', '-']) {
            left = Tree::Both(sign, Box::new(left), Box::new(self.product()?));
        }
        self.depth -= 1;
        Some(left)
    }

    fn product(&mut self) -> Option<Tree> {
        let mut left = self.factor()?;
        while let Some(sign) = self.sign(&['*', '/', '×', '÷', '·']) {
            let sign = if matches!(sign, '/' | '÷') { '/' } else { '*' };
            left = Tree::Both(sign, Box::new(left), Box::new(self.factor()?));
        }
        Some(left)
    }

    fn factor(&mut self) -> Option<Tree> {
        if self.sign(&['-']).is_some() {
            self.space();
            // One sign is enough.
            return if self.text.get(self.at) == Some(&'-') {
                None
            } else {
                Some(Tree::Minus(Box::new(self.factor()?)))
            };
        }
        if self.sign(&['(']).is_some() {
            let tree = self.sum()?;
            self.sign(&[')'])?;
            return Some(tree);
        }
        self.space();
        match self.text.get(self.at)? {
            mark @ ('"' | '\'') => {
                let length = self.text[self.at + 1..].iter().position(|c| c == mark).filter(|length| *length > 0)?;
                let text = self.text[self.at + 1..self.at + 1 + length].iter().collect();
                self.at += length + 2;
                Some(Tree::Text(text))
            }
            c if c.is_alphabetic() => self.date().or_else(|| self.named()),
            _ => self.date().or_else(|| self.literal()),
        }
    }

    /// A date that has at least its month: what has only a year is a number.
    fn date(&mut self) -> Option<Tree> {
        let (dates, length) = date_at(&self.text[self.at..])?;
        let date = *dates.first().filter(|date| dates.len() == 1 && date.year.is_some())?;
        let text = self.text[self.at..self.at + length].iter().collect();
        self.at += length;
        Some(Tree::Date { date, text })
    }

    fn named(&mut self) -> Option<Tree> {
        let name: String = self.lower[self.at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
        self.at += name.chars().count();
        let call = match name.as_str() {
            "today" | "now" => return Some(Tree::Today),
            "years" => Call::Years,
            "months" => Call::Months,
            "days" => Call::Days,
            "sum" => Call::Sum,
            "mean" | "average" => Call::Mean,
            "min" => Call::Least,
            "max" => Call::Most,
            "count" => Call::Count,
            _ => return None,
        };
        self.sign(&['('])?;
        let mut parts = vec![self.sum()?];
        while self.sign(&[',', ';']).is_some() {
            parts.push(self.sum()?);
        }
        self.sign(&[')'])?;
        Some(Tree::Call(call, parts))
    }

    fn literal(&mut self) -> Option<Tree> {
        if matches!(self.text.get(self.at), Some('$' | '€' | '£' | '¥')) {
            self.at += 1;
        }
        // What stands before is a sign of the expression, and no part of the number.
        let (text, lower) = (&self.text[self.at..], &self.lower[self.at..]);
        if !text.first()?.is_ascii_digit() {
            return None;
        }
        let number = number_at(text, lower, 0, false).filter(|number| number.ending.is_none())?;
        let written = text[..number.end].iter().collect();
        self.at += number.end;
        Some(Tree::Number { number, text: written })
    }

    fn sign(&mut self, of: &[char]) -> Option<char> {
        self.space();
        let sign = *self.text.get(self.at).filter(|c| of.contains(c))?;
        self.at += 1;
        Some(sign)
    }

    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = Date { year: Some(2026), month: Some(3), day: Some(1) };

    fn computed(value: &str, expression: &str, excerpt: &str) -> Result<Verdict, Uncomputed> {
        verify_computed(value, expression, &[excerpt], TODAY)
    }

    #[track_caller]
    fn stands(value: &str, expression: &str, excerpt: &str) {
        let verdict = computed(value, expression, excerpt);
        assert!(verdict.as_ref().is_ok_and(Verdict::stands), "{value} = {expression}: {verdict:?}");
    }

    #[test]
    fn a_result_is_believed_to_the_digits_it_has() {
        let excerpt = "Revenue rose from $48.2 million in 2022 to $56.1 million in 2023.";
        stands("16.4%", "(56.1 million - 48.2 million) / 48.2 million * 100", excerpt);
        stands("16.39 %", "(56.1 - 48.2) / 48.2 * 100", "from 48.2 to 56.1");
        stands("$7.9 million", "56.1 million - 48.2 million", excerpt);
        stands("about $8 million", "$56.1 million - $48.2 million", excerpt);
        for wrong in ["16.5%", "16%x 17%", "$8.1 million", "7.9", "seven"] {
            let verdict = computed(wrong, "56.1 million - 48.2 million", excerpt);
            assert!(verdict.is_err(), "{wrong}: {verdict:?}");
        }
    }

    #[test]
    fn operands_must_stand_in_the_excerpts() {
        let excerpt = "48.2 in 2022 and 56.1 in 2023";
        assert_eq!(computed("9.9", "58.1 - 48.2", excerpt), Err(Uncomputed::NotQuoted("58.1".to_owned())));
        assert_eq!(computed("148.2", "48.2 + 100", excerpt), Err(Uncomputed::NotQuoted("100".to_owned())));
        assert_eq!(computed("4820", "48.2 * 100", excerpt).map(|verdict| verdict.stands()), Ok(true));
        assert_eq!(computed("1200", "100 * 12", excerpt), Err(Uncomputed::NothingQuoted));
        assert_eq!(
            computed("8", "56.1 million - 48.2", excerpt),
            Err(Uncomputed::NotQuoted("56.1 million".to_owned()))
        );
    }

    #[test]
    fn dates_are_subtracted_as_people_count() {
        let excerpt =
            "Born on 5 March 1950, she died on 4 March 2020. The firm was founded in 1975; it closed on June 1, 2020.";
        stands("69 years", "years(1950-03-05, 2020-03-04)", excerpt);
        stands("75", "years(5 March 1950, today)", excerpt);
        stands("45 years", "years(1975, 2020)", excerpt);
        stands("45", "2020 - 1975", excerpt);
        stands("839 months", "months(1950-03-05; 2020-03-04)", excerpt);
        stands("89 days", "days(4 March 2020, June 1, 2020)", excerpt);
        assert!(computed("70 years", "years(1950-03-05, 2020-03-04)", excerpt).is_err());
        assert!(computed("69 years", "years(1950-03-06, 2020-03-04)", excerpt).is_err());
    }

    #[test]
    fn lists_are_summed_and_counted() {
        stands("15", "sum(3; 5; 7)", "3, 5 and 7");
        stands("5", "mean(3; 5; 7)", "3, 5 and 7");
        stands("7", "max(3, 5, 7)", "3, 5 and 7");
        stands("2", "count(\"Bill Gates\", \"Paul Allen\")", "by Bill Gates and Paul Allen");
        assert!(computed("2", "count(\"Bill Gates\", \"Steve Jobs\")", "by Bill Gates and Paul Allen").is_err());
        assert!(computed("2", "count(\"Bill Gates\", \"bill gates\")", "by Bill Gates and Paul Allen").is_err());
    }

    #[test]
    fn what_else_a_computed_value_says_is_checked_too() {
        let verdict = computed("Norway grew by 3", "8 - 5", "Sweden: from 5 to 8").unwrap();
        assert_eq!(verdict.missing, ["Norway"]);
    }

    #[test]
    fn what_is_no_expression_is_refused_and_never_a_panic() {
        let deep = format!("{}5{}", "(".repeat(100), ")".repeat(100));
        let long = "5+".repeat(300) + "5";
        for odd in [
            "",
            "5 +",
            "(5",
            "5)",
            "5 5",
            "--5",
            "x",
            "years(5)",
            "system(\"rm\")",
            "5 ** 5",
            "\"",
            &deep,
            &long,
            "sum()",
        ] {
            assert!(computed("5", odd, "5").is_err(), "{odd}");
        }
        assert_eq!(computed("5", "5 / (5 - 5)", "5"), Err(Uncomputed::NoResult));
    }
}
