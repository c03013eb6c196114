//! Text in the pieces of words that a network was taught.

use std::collections::HashMap;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Cuts text into pieces by a list of them, the longest first.
pub(crate) struct WordPiece {
    pieces: HashMap<String, u32>,
    normalizer: Normalizer,
    inside: String,
    longest: usize,
    unknown: u32,
    before: u32,
    behind: u32,
}

/// `tokenizer.json`, as far as it decides anything here.
#[derive(Deserialize)]
struct File {
    normalizer: Normalizer,
    model: Model,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    lowercase: bool,
    strip_accents: Option<bool>,
    handle_chinese_chars: bool,
}

#[derive(Deserialize)]
struct Model {
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, u32>,
}

impl WordPiece {
    /// The pieces in a `tokenizer.json` for a network that knows so many; an error says what is wrong with it.
    pub(crate) fn read(bytes: &[u8], known: usize) -> Result<Self, String> {
        let File { normalizer, model } = serde_json::from_slice(bytes)
            .map_err(|error| format!("it has no list of word pieces in the manner of BERT: {error}"))?;
        if normalizer.kind != "BertNormalizer" {
            return Err(format!("it makes text alike by {}, and only BertNormalizer is known", normalizer.kind));
        }
        let id = |piece: &str| model.vocab.get(piece).copied().ok_or_else(|| format!("it has no piece {piece}"));
        let (unknown, before, behind) = (id(&model.unk_token)?, id("[CLS]")?, id("[SEP]")?);
        if model.vocab.values().any(|id| *id as usize >= known) {
            return Err("it has more pieces than the network of config.json".to_owned());
        }
        Ok(Self {
            normalizer,
            inside: model.continuing_subword_prefix,
            longest: model.max_input_chars_per_word,
            pieces: model.vocab,
            unknown,
            before,
            behind,
        })
    }

    /// The numbers of a text's pieces, at most so many with the one before and the one behind. Names of special
    /// pieces that stand in the text are only text.
    pub(crate) fn ids(&self, text: &str, limit: usize) -> Vec<u32> {
        let room = limit.saturating_sub(1);
        let mut ids = vec![self.before];
        let mut word = String::new();
        let mut chars = self.alike(text);
        loop {
            let next = chars.next();
            match next {
                Some(char) if !char.is_whitespace() && !is_punctuation(char) && !self.stands_alone(char) => {
                    word.push(char);
                }
                _ => {
                    self.cut(&word, &mut ids);
                    word.clear();
                    if let Some(char) = next.filter(|char| !char.is_whitespace()) {
                        self.cut(char.encode_utf8(&mut [0; 4]), &mut ids);
                    }
                }
            }
            if next.is_none() || ids.len() >= room {
                break;
            }
        }
        ids.truncate(room);
        ids.push(self.behind);
        ids
    }

    /// The text's characters without what makes no difference.
    fn alike(&self, text: &str) -> Box<dyn Iterator<Item = char>> {
        let lowercase = self.normalizer.lowercase;
        let seen = |char: &char| !matches!(char, '\0' | '\u{fffd}') && (char.is_whitespace() || !is_control(*char));
        let clean: Vec<char> = text.chars().filter(seen).collect();
        let bare: Vec<char> = if self.normalizer.strip_accents.unwrap_or(lowercase) {
            let marks = |char: &char| char.general_category() != GeneralCategory::NonspacingMark;
            clean.into_iter().nfd().filter(marks).collect()
        } else {
            clean
        };
        if lowercase { Box::new(bare.into_iter().flat_map(char::to_lowercase)) } else { Box::new(bare.into_iter()) }
    }

    fn stands_alone(&self, char: char) -> bool {
        self.normalizer.handle_chinese_chars && is_ideograph(char)
    }

    fn cut(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let begun = ids.len();
        let mut rest = if word.chars().count() > self.longest { None } else { Some(word) };
        while let Some(left) = rest.filter(|left| !left.is_empty()) {
            let first = ids.len() == begun;
            let ends = left.char_indices().rev().map(|(start, char)| start + char.len_utf8());
            let found = ends.map(|end| left.split_at(end)).find_map(|(piece, behind)| {
                let id =
                    if first { self.pieces.get(piece) } else { self.pieces.get(&format!("{}{piece}", self.inside)) };
                Some((*id?, behind))
            });
            rest = found.map(|(id, behind)| {
                ids.push(id);
                behind
            });
        }
        if rest.is_none() {
            ids.truncate(begun);
            ids.push(self.unknown);
        }
    }
}

fn is_control(char: char) -> bool {
    char.general_category_group() == GeneralCategoryGroup::Other
}

fn is_punctuation(char: char) -> bool {
    char.is_ascii_punctuation() || char.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Han characters, which are words by themselves.
fn is_ideograph(char: char) -> bool {
    matches!(u32::from(char),
        0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x20000..=0x2a6df | 0x2a700..=0x2ceaf | 0x2f800..=0x2fa1f)
}
