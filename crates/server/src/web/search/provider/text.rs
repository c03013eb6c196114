//! How providers write what we want plain: text with marks of HTML in it, days in many forms, and questions that are too
//! long for them.

use std::time::UNIX_EPOCH;

use dom_query::Document;
use legwork_core::time::{MONTHS, Micros};

/// A text in which marks and entities of HTML may stand, without them.
pub(super) fn plain(html: &str) -> String {
    if html.contains(['<', '&']) { Document::fragment(html).text().to_string() } else { html.to_owned() }
}

/// The day, as `YYYY-MM-DD`, of a date as providers write it: RFC 3339 and what is nearly that, the form of HTTP and mail,
/// or `Mar 3, 2023`. How long ago something was is no day.
pub(super) fn day(text: &str) -> Option<String> {
    let text = text.trim();
    let is_day = |day: &&str| Micros::parse_rfc3339(&format!("{day}T00:00:00Z")).is_some();
    if let Some(day) = text.get(..10).filter(is_day) {
        return Some(day.to_owned());
    }
    if let Ok(at) = httpdate::parse_http_date(text) {
        let at = Micros(0) + at.duration_since(UNIX_EPOCH).ok()?;
        return at.to_string().get(..10).map(str::to_owned);
    }
    written_out(text).filter(|day| is_day(&day.as_str()))
}

/// `Mar 3, 2023`, `3 March 2023` or `Tue, 3 Mar 2023 10:00:00 +0200`.
fn written_out(text: &str) -> Option<String> {
    let words: Vec<_> = text.split([' ', ',', '.']).filter(|word| !word.is_empty()).collect();
    let place = words.iter().position(|word| month(word).is_some())?;
    let month = month(words[place])?;
    let day = |word: &&&str| word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    let before = place.checked_sub(1).and_then(|i| words.get(i)).filter(day);
    let (day, year) = match before {
        Some(day) => (day, words.get(place + 1)?),
        None => (words.get(place + 1).filter(day)?, words.get(place + 2)?),
    };
    Some(format!("{year:0>4}-{month:02}-{day:0>2}"))
}

fn month(word: &str) -> Option<usize> {
    let word = word.to_lowercase();
    let named = MONTHS.iter().position(|month| word.len() >= 3 && month.starts_with(&word));
    named.or_else(|| (word == "sept").then_some(8)).map(|place| place + 1)
}

/// As many whole words of a question as a provider takes.
pub(super) fn cut(text: &str, most_chars: usize, most_words: usize) -> String {
    let mut cut = String::new();
    let mut chars = 0;
    for word in text.split_whitespace().take(most_words) {
        let more = word.chars().count() + usize::from(chars > 0);
        if chars + more > most_chars {
            break;
        }
        if chars > 0 {
            cut.push(' ');
        }
        cut.push_str(word);
        chars += more;
    }
    // A single word that is too long is better cut than not asked.
    if cut.is_empty() { text.trim().chars().take(most_chars).collect() } else { cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_entities_are_left_out() {
        for (html, text) in [
            ("<b>Steven</b> Paul <b>Jobs</b>&nbsp;...", "Steven Paul Jobs\u{a0}..."),
            ("Isaacson&#39;s &ldquo;life&rdquo; &amp; work", "Isaacson's “life” & work"),
            (r#"<span class="searchmatch">Ulan</span> Bator"#, "Ulan Bator"),
            ("no marks", "no marks"),
            ("", ""),
        ] {
            assert_eq!(plain(html), text);
        }
    }

    #[test]
    fn a_day_is_read_however_it_is_written() {
        for (text, told) in [
            ("2023-04-12T14:22:41", Some("2023-04-12")),
            ("2023-11-16T01:36:32.547Z", Some("2023-11-16")),
            ("2024-01-15", Some("2024-01-15")),
            ("Tue, 14 Nov 2023 22:13:20 GMT", Some("2023-11-14")),
            ("Tue, 3 Mar 2026 10:00:00 +0200", Some("2026-03-03")),
            ("Mar 3, 2023", Some("2023-03-03")),
            ("3 March 2023", Some("2023-03-03")),
            ("Sept. 12, 2021", Some("2021-09-12")),
            ("2 days ago", None),
            ("2023-13-40", None),
            ("Feb 31, 2023", None),
            ("May", None),
            ("", None),
            ("ä", None),
        ] {
            assert_eq!(day(text).as_deref(), told, "{text}");
        }
    }

    #[test]
    fn a_question_is_cut_between_words() {
        assert_eq!(cut("who wrote  the book", 9, 50), "who wrote");
        assert_eq!(cut("who wrote the book", 100, 2), "who wrote");
        assert_eq!(cut("Donaudampfschiff", 5, 50), "Donau");
        assert_eq!(cut("  ", 5, 5), "");
    }
}
