//! Dates as people write them: `2024-03-05`, `5 March 2024`, `March 5th, 2024`, `05.03.2024`, `März 2024`.

/// A date, as far as it is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::processors) struct Date {
    pub(super) year: Option<i32>,
    pub(super) month: Option<u8>,
    pub(super) day: Option<u8>,
}

impl Date {
    /// A year, its month and the day in it; `None` where there is no such day.
    pub(super) fn new(year: Option<i32>, month: u8, day: Option<u8>) -> Option<Self> {
        let longest = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if year.is_none_or(is_leap) => 29,
            2 => 28,
            _ => return None,
        };
        let fits =
            day.is_none_or(|day| (1..=longest).contains(&day)) && year.is_none_or(|year| (1..=9999).contains(&year));
        fits.then_some(Self { year, month: Some(month), day })
    }

    /// Whether a text that says this date says the other, too: a day says its month and its year.
    pub(super) fn says(self, other: Self) -> bool {
        let part = |own: Option<i64>, other: Option<i64>| other.is_none() || own == other;
        part(self.year.map(i64::from), other.year.map(i64::from))
            && part(self.month.map(i64::from), other.month.map(i64::from))
            && part(self.day.map(i64::from), other.day.map(i64::from))
    }

    /// The date that a text begins with.
    pub(in crate::processors) fn of(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.trim_start().chars().collect();
        date_at(&chars)?.0.first().copied()
    }

    /// Days since an arbitrary day, for a whole date.
    pub(super) fn number(self) -> Option<i64> {
        let (year, month, day) = (i64::from(self.year?), i64::from(self.month?), i64::from(self.day?));
        // Years begin in March, so that the odd day is their last.
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year)
    }
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The month that a word names, in lower case and without accents.
pub(super) fn month(word: &str) -> Option<u8> {
    const MONTHS: [&[&str]; 12] = [
        &["january", "jan", "januar", "janvier", "enero", "gennaio", "janeiro", "januari"],
        &["february", "feb", "februar", "fevrier", "febrero", "febbraio", "fevereiro", "februari"],
        &["march", "mar", "marz", "mars", "marzo", "marco", "maart"],
        &["april", "apr", "avril", "abril", "aprile"],
        &["may", "mai", "mayo", "maggio", "maio", "mei", "maj"],
        &["june", "jun", "juni", "juin", "junio", "giugno", "junho"],
        &["july", "jul", "juli", "juillet", "julio", "luglio", "julho"],
        &["august", "aug", "aout", "agosto", "augustus", "augusti"],
        &["september", "sep", "sept", "septembre", "septiembre", "settembre", "setembro"],
        &["october", "oct", "oktober", "octobre", "octubre", "ottobre", "outubro"],
        &["november", "nov", "novembre", "noviembre", "novembro"],
        &["december", "dec", "dezember", "decembre", "diciembre", "dicembre", "dezembro"],
    ];
    let at = MONTHS.iter().position(|names| names.contains(&word))?;
    u8::try_from(at + 1).ok()
}

/// A date at the beginning of a text, and how many characters it takes: all dates that it may be.
pub(super) fn date_at(text: &[char]) -> Option<(Vec<Date>, usize)> {
    numeric(text).or_else(|| day_first(text)).or_else(|| month_first(text))
}

/// `2024-03-05`, `2024/3/5`, `05.03.2024`, `3/5/2024`.
fn numeric(text: &[char]) -> Option<(Vec<Date>, usize)> {
    let (first, a) = digits(text)?;
    let mark = *text.get(a).filter(|mark| matches!(mark, '-' | '/' | '.'))?;
    let (second, b) = digits(&text[a + 1..])?;
    let second_ends = a + 1 + b;
    if text.get(second_ends) != Some(&mark) {
        return None;
    }
    let (third, c) = digits(&text[second_ends + 1..])?;
    let end = second_ends + 1 + c;
    if text.get(end).is_some_and(|c| c.is_numeric()) || text.get(end) == Some(&mark) && is_digit(text.get(end + 1)) {
        return None;
    }
    let small = |number: u32| u8::try_from(number).ok();
    let year = |number: u32| i32::try_from(number).ok();
    let dates: Vec<Date> = match (a, b, c) {
        (4, 1..=2, 1..=2) => Date::new(year(first), small(second)?, small(third)).into_iter().collect(),
        (1..=2, 1..=2, 4) => {
            let day_first = Date::new(year(third), small(second)?, small(first));
            // With dots the day stands first; with others nobody knows.
            let month_first = Date::new(year(third), small(first)?, small(second)).filter(|_| mark != '.');
            day_first.into_iter().chain(month_first.filter(|date| Some(*date) != day_first)).collect()
        }
        _ => return None,
    };
    (!dates.is_empty()).then_some((dates, end))
}

/// `5 March 2024`, `5th of March, 2024`, `5. März 2024`, `5 de marzo de 2024`, `5-Mar-2024`.
fn day_first(text: &[char]) -> Option<(Vec<Date>, usize)> {
    let (day, mut at) = digits(text).filter(|(day, length)| *length <= 2 && (1..=31).contains(day))?;
    at += ordinal(&text[at..]);
    at += usize::from(text.get(at) == Some(&'.'));
    at += gap(&text[at..])?;
    for word in ["of", "de"] {
        at += particle(&text[at..], word);
    }
    let (month, length) = month_at(&text[at..])?;
    at += length;
    let (year, end) = year_behind(text, at);
    let date = Date::new(year, month, u8::try_from(day).ok())?;
    Some((vec![date], end))
}

/// `March 5th, 2024`, `Mar. 5 2024`, `March 2024`, `March 5`.
fn month_first(text: &[char]) -> Option<(Vec<Date>, usize)> {
    if !text[0].is_uppercase() {
        return None;
    }
    let (month, at) = month_at(text)?;
    if let Some(space) = gap(&text[at..])
        && let Some((day, length)) = digits(&text[at + space..])
        && length <= 2
        && (1..=31).contains(&day)
    {
        let mut end = at + space + length;
        end += ordinal(&text[end..]);
        let joined = matches!(text.get(end), Some('.' | ':' | '%')) && is_digit(text.get(end + 1));
        if !joined && !text.get(end).is_some_and(|c| c.is_alphanumeric()) {
            let (year, end) = year_behind(text, end);
            return Some((vec![Date::new(year, month, u8::try_from(day).ok())?], end));
        }
    }
    let (year, end) = year_behind(text, at);
    Some((vec![Date::new(Some(year?), month, None)?], end))
}

/// A year of four digits behind a place, with what may stand between; else the place.
fn year_behind(text: &[char], at: usize) -> (Option<i32>, usize) {
    let mut next = at + usize::from(text.get(at) == Some(&','));
    let Some(space) = gap(&text[next..]) else { return (None, at) };
    next += space;
    next += particle(&text[next..], "de");
    match digits(&text[next..]) {
        Some((year, 4))
            if !is_digit_behind_mark(&text[next + 4..]) && !text.get(next + 4).is_some_and(|c| c.is_alphabetic()) =>
        {
            (i32::try_from(year).ok(), next + 4)
        }
        _ => (None, at),
    }
}

fn is_digit_behind_mark(text: &[char]) -> bool {
    matches!(text.first(), Some(',' | '.')) && is_digit(text.get(1))
}

fn is_digit(c: Option<&char>) -> bool {
    c.is_some_and(char::is_ascii_digit)
}

/// Up to four digits, and how many.
fn digits(text: &[char]) -> Option<(u32, usize)> {
    let length = text.iter().take_while(|c| c.is_ascii_digit()).count();
    if !(1..=4).contains(&length) {
        return None;
    }
    let number = text[..length].iter().filter_map(|c| c.to_digit(10)).fold(0, |sum, digit| sum * 10 + digit);
    Some((number, length))
}

/// One or two spaces, or a hyphen.
fn gap(text: &[char]) -> Option<usize> {
    match text {
        [' ' | '\u{a0}', ' ', ..] => Some(2),
        [' ' | '\u{a0}' | '-', ..] => Some(1),
        _ => None,
    }
}

/// The letters behind a day: `5th`.
fn ordinal(text: &[char]) -> usize {
    let word: String = text.iter().take_while(|c| c.is_alphabetic()).collect();
    if ["st", "nd", "rd", "th"].contains(&word.to_lowercase().as_str()) { 2 } else { 0 }
}

/// The length of a small word with the space behind it, if it stands here.
fn particle(text: &[char], word: &str) -> usize {
    let length = word.len();
    let is_here = text.len() > length && text[..length].iter().copied().eq(word.chars()) && text[length] == ' ';
    if is_here { length + 1 } else { 0 }
}

/// A month's name, with the dot of its short form.
fn month_at(text: &[char]) -> Option<(u8, usize)> {
    let length = text.iter().take_while(|c| c.is_alphabetic()).count();
    if !(3..=10).contains(&length) {
        return None;
    }
    let word: String = text[..length].iter().collect();
    let month = month(&crate::processors::research::fold(&word))?;
    let dot = length <= 4 && text.get(length) == Some(&'.');
    Some((month, length + usize::from(dot)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Vec<Date>, String)> {
        let chars: Vec<char> = text.chars().collect();
        date_at(&chars).map(|(dates, length)| (dates, chars[length..].iter().collect()))
    }

    fn is(year: i32, month: u8, day: u8) -> Date {
        Date { year: Some(year), month: Some(month), day: Some(day) }
    }

    #[test]
    fn a_day_is_read_in_all_its_spellings() {
        for text in [
            "2024-03-05",
            "2024/3/5",
            "05.03.2024",
            "5.3.2024",
            "5 March 2024",
            "5th of March, 2024",
            "5 Mar. 2024",
            "5. März 2024",
            "5 de marzo de 2024",
            "5 mars 2024",
            "March 5th, 2024",
            "Mar 5 2024",
            "March 5, 2024",
            "5-Mar-2024",
        ] {
            assert_eq!(read(text), Some((vec![is(2024, 3, 5)], String::new())), "{text}");
        }
        assert_eq!(read("2024-03-05T10:00").unwrap().1, "T10:00");
    }

    #[test]
    fn a_part_of_a_date_is_one() {
        assert_eq!(read("March 2024, and").unwrap().0, [Date { day: None, ..is(2024, 3, 1) }]);
        assert_eq!(read("5 March, and").unwrap(), (vec![Date { year: None, ..is(1, 3, 5) }], ", and".to_owned()));
        assert_eq!(read("May 20.5 million"), None);
        assert_eq!(read("may 5 people"), None, "months are written large");
    }

    #[test]
    fn where_the_day_may_be_the_month_it_is_both() {
        assert_eq!(read("03/05/2024").unwrap().0, [is(2024, 5, 3), is(2024, 3, 5)]);
        assert_eq!(read("13/05/2024").unwrap().0, [is(2024, 5, 13)]);
    }

    #[test]
    fn what_is_no_day_is_no_date() {
        for text in ["2024-13-05", "31.02.2024", "1.2.3.4", "10.0.0.2024", "2023-02-29", "5 people", "March", "5/6"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        let number = |year, month, day| is(year, month, day).number().unwrap();
        assert_eq!(number(2024, 3, 1) - number(2024, 2, 28), 2);
        assert_eq!(number(2023, 3, 1) - number(2023, 2, 28), 1);
        assert_eq!(number(2000, 1, 1) - number(1970, 1, 1), 10_957);
        assert_eq!(number(2001, 1, 1) - number(2000, 12, 31), 1);
    }
}
