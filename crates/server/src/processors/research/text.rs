//! Words: how text is cut, folded and stemmed, alike in questions and in documents.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Lower case, without accents, apostrophes or a possessive `s`; numbers without thousands separators.
    pub(super) folded: String,
    /// The folded word without its plural ending and in one of its spellings.
    pub(super) stem: String,
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
}

impl Word {
    /// Whether it is written as a name or an abbreviation is.
    pub(super) fn is_capital(&self, text: &str) -> bool {
        text[self.range.clone()].chars().next().is_some_and(char::is_uppercase)
    }

    /// Whether it starts with a digit.
    pub(super) fn is_number(&self) -> bool {
        self.folded.starts_with(|c: char| c.is_ascii_digit())
    }
}

/// Words that carry no content in a question, already stemmed.
const STOP: &str = "a about all also am an and any are as at be been being but by can could describe did do doe each \
    either exactly find for from give had has have her hi hello his how i if in into is it know let like list look lookup many \
    may me much my need of on or our out over please regarding say show so tell than that the thei their them then there these \
    they through across this those to up upon want was we were what whats when whether which who whom whose will with would you \
    your kindly moment ie eg id im ive lets whos kindly thank hey just actually currently current present presently now nowaday today latest recent around \
    approximately roughly as-of here its answer question following within";

/// Whether the word says nothing about what is asked.
pub(super) fn is_stop(stem: &str) -> bool {
    static SET: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.split_whitespace().collect());
    SET.contains(stem)
}

/// Lower case, compatibility-decomposed, without accents, with plain quotes and dashes.
pub(in crate::processors) fn fold(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).flat_map(plain).collect()
}

/// One spelling for characters that are written in several ways.
fn plain(c: char) -> impl Iterator<Item = char> {
    let one = match c {
        '‘' | '’' | '‚' | '`' | '´' | 'ʻ' | 'ʼ' | '′' => '\'',
        '“' | '”' | '„' | '«' | '»' => '"',
        '‐' | '‑' | '‒' | '–' | '—' | '−' => '-',
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        'ı' => 'i',
        'ß' => 's',
        'æ' => 'a',
        other => other,
    };
    let second = match c {
        'ß' => Some('s'),
        'æ' => Some('e'),
        _ => None,
    };
    std::iter::once(one).chain(second)
}

/// Cuts a text into its words.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, c)| *c);
        let inside = start.is_some_and(|start| joins(&text[start..at], c, next, &text[at + c.len_utf8()..]));
        if c.is_alphanumeric() || is_combining_mark(c) || inside {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            found.push(word(text, start..at));
        }
    }
    if let Some(start) = start {
        found.push(word(text, start..text.len()));
    }
    found
}

/// Whether a mark belongs to the word before it: `N'Djamena`, `3,281`, `4.5`, `U.S.A.`.
fn joins(before: &str, c: char, next: Option<char>, rest: &str) -> bool {
    let Some(next) = next else { return false };
    let digits = before.ends_with(|c: char| c.is_ascii_digit()) && next.is_ascii_digit();
    match c {
        '\'' | '’' | 'ʻ' | '‘' => next.is_alphanumeric(),
        ',' => digits && rest.bytes().take_while(u8::is_ascii_digit).count() == 3,
        '.' => digits || (is_dotted(before) && next.is_alphabetic() && !second_is_letter(rest)),
        _ => false,
    }
}

/// `U` or `U.S`, as in an abbreviation with dots.
fn is_dotted(word: &str) -> bool {
    word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic))
}

fn second_is_letter(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(char::is_alphanumeric)
}

fn word(text: &str, range: Range<usize>) -> Word {
    let mut folded = fold(&text[range.clone()]);
    if let Some(owner) = folded.strip_suffix("'s") {
        folded = owner.to_owned();
    }
    let numeric = folded.starts_with(|c: char| c.is_ascii_digit());
    folded.retain(|c| c != '\'' && c != ',' && (c != '.' || numeric));
    let stem = stem(&folded);
    Word { folded, stem, range }
}

/// Drops a plural ending and settles on one of two spellings (`organisation`, `neighbour`).
pub(in crate::processors) fn stem(word: &str) -> String {
    let word = if word.len() > 3 && word.is_ascii() { singular(word) } else { word.to_owned() };
    if word.len() < 6 {
        return match word.as_str() {
            "metre" => "meter".to_owned(),
            _ => word,
        };
    }
    let word = word.replace("isation", "ization").replace("metre", "meter").replace("labour", "labor");
    match word.as_str() {
        "neighbour" => "neighbor".to_owned(),
        "colour" => "color".to_owned(),
        "harbour" => "harbor".to_owned(),
        "defence" => "defense".to_owned(),
        "centre" => "center".to_owned(),
        "programme" => "program".to_owned(),
        "neighbouring" => "neighboring".to_owned(),
        _ => word,
    }
}

fn singular(word: &str) -> String {
    // `What does it export?` asks for goods, `What are its exports?` may ask for their worth.
    if matches!(word, "exports" | "imports") {
        return word.to_owned();
    }
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return word.to_owned();
    }
    if let Some(root) = word.strip_suffix("ies")
        && root.len() > 1
    {
        return format!("{root}y");
    }
    for ending in ["ches", "shes", "xes", "sses"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

/// The stems of a text's words.
pub(super) fn stems(text: &str) -> Vec<String> {
    words(text).into_iter().map(|word| word.stem).collect()
}

/// Which words carry content. `to` and `from` do after `export` and `import`, where they turn the question.
pub(super) fn content(words: &[Word]) -> Vec<usize> {
    let turns = |at: usize| {
        let trade = |word: &Word| {
            matches!(word.stem.as_str(), "export" | "exports" | "import" | "imports" | "exported" | "imported")
        };
        at > 0 && matches!(words[at].folded.as_str(), "to" | "from") && trade(&words[at - 1])
    };
    (0..words.len()).filter(|&at| !is_stop(&words[at].stem) || turns(at)).collect()
}

/// The words of a text that carry content, as they are written there.
pub(in crate::processors) fn content_words(text: &str) -> String {
    let words = words(text);
    let kept = content(&words).into_iter().map(|at| &text[words[at].range.clone()]);
    kept.collect::<Vec<_>>().join(" ")
}

/// The stems of a text's words that carry content.
pub(in crate::processors) fn content_stems(text: &str) -> Vec<String> {
    let words = words(text);
    content(&words).into_iter().map(|at| words[at].stem.clone()).collect()
}

/// Where `needle` stands in `hay` as a run of whole words.
pub(super) fn find_run(hay: &[String], needle: &[String]) -> Option<usize> {
    if needle.is_empty() || needle.len() > hay.len() {
        return None;
    }
    hay.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.folded).collect()
    }

    #[test]
    fn words_lose_case_accents_and_possessives() {
        assert_eq!(folded("Mongolia’s côte D'Ivoire"), ["mongolia", "cote", "divoire"]);
    }

    #[test]
    fn numbers_and_dotted_abbreviations_stay_whole() {
        assert_eq!(folded("U.S. had 3,281,676 (4.5%), in 2024."), ["us", "had", "3281676", "4.5", "in", "2024"]);
    }

    #[test]
    fn a_sentence_end_is_not_part_of_a_word() {
        assert_eq!(folded("Plan B. So, what?"), ["plan", "b", "so", "what"]);
    }

    #[test]
    fn plurals_and_spellings_share_a_stem() {
        assert_eq!(stem("organisations"), stem("organization"));
        assert_eq!(stem("countries"), stem("country"));
        assert_eq!(stem("neighbours"), stem("neighbor"));
    }

    #[test]
    fn ranges_point_into_the_text() {
        let text = "São Tomé";
        assert_eq!(&text[words(text)[1].range.clone()], "Tomé");
    }
}
