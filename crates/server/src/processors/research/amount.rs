//! Numbers in a field's value: what is counted, on what scale, in which unit.

use std::ops::Range;

/// A number as it stands in a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Amount {
    /// With its scale: `1.2 billion` is 1,200,000,000.
    pub(super) value: f64,
    /// Where it stands, with sign, currency and scale.
    pub(super) range: Range<usize>,
    /// What follows it: `%`, `sq`, `km`, `years`, `births/1,000`.
    pub(super) unit: String,
    /// A currency sign stood before it.
    pub(super) money: bool,
}

/// The first number that is not part of a name.
pub(super) fn first_amount(text: &str) -> Option<Amount> {
    amounts(text).next()
}

/// All numbers in a text, from left to right.
pub(super) fn amounts(text: &str) -> impl Iterator<Item = Amount> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()).map(|at| from + at) {
            let end = number_end(text, start);
            from = end;
            if let Some(amount) = read(text, start, end) {
                return Some(amount);
            }
        }
        None
    })
}

fn number_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = start;
    while digit(at) || matches!(bytes.get(at), Some(b',' | b'.')) && digit(at + 1) && digit(at.wrapping_sub(1)) {
        at += 1;
    }
    at
}

fn read(text: &str, start: usize, end: usize) -> Option<Amount> {
    let before = &text[..start];
    // `G-77`, `CO2`, `A380` are names.
    if before.ends_with(char::is_alphabetic)
        || before.trim_end_matches('-').ends_with(char::is_alphabetic) && before.ends_with('-')
    {
        return None;
    }
    let digits: String = text[start..end].chars().filter(|c| *c != ',').collect();
    let plain: f64 = digits.parse().ok()?;
    let money = before.ends_with('$');
    let mut first = if money { start - 1 } else { start };
    let minus = text[..first].ends_with('-') && !text[..first - 1].ends_with(|c: char| c.is_alphanumeric());
    if minus {
        first -= 1;
    }
    let (scale, last) = scale(text, end);
    let rest = text[last..].trim_start();
    let unit = rest.split([' ', ';', ',', '(']).next().unwrap_or_default().to_owned();
    let value = if minus { -plain * scale } else { plain * scale };
    Some(Amount { value, range: first..last, unit, money })
}

fn scale(text: &str, end: usize) -> (f64, usize) {
    let rest = &text[end..];
    for (word, scale) in [(" trillion", 1e12), (" billion", 1e9), (" million", 1e6), (" thousand", 1e3)] {
        if rest.starts_with(word) {
            return (scale, end + word.len());
        }
    }
    (1.0, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> f64 {
        first_amount(text).unwrap().value
    }

    #[test]
    fn separators_scales_signs_and_currencies_are_read() {
        assert!((first("3,281,676 (2024 est.)") - 3_281_676.0).abs() < 0.5);
        assert!((first("$1.2 billion (2023)") - 1.2e9).abs() < 1.0);
        assert!((first("-$2.303 billion") + 2.303e9).abs() < 1.0);
        assert!((first("77.9%") - 77.9).abs() < 1e-9);
        assert!((first("Chott Melrhir -40 m") + 40.0).abs() < 1e-9);
    }

    #[test]
    fn digits_in_a_name_are_no_number() {
        assert_eq!(amounts("G-77, CO2 and K2").count(), 0);
    }

    #[test]
    fn units_and_places_are_kept() {
        let amount = first_amount("about 1,564,116 sq km").unwrap();
        assert_eq!((amount.range, amount.unit.as_str()), (6..15, "sq"));
    }
}
