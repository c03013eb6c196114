//! Bytes to text, whatever encoding they are in: by a mark, by being UTF-8, by what the document says, by its letters.
//!
//! What comes out is tidy: one kind of line end, no control characters, nothing invisible that changes what is read.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::Reason;

/// How far a file is looked into for what is no text.
const HEAD: usize = 8 << 10;

/// The text; `declared` is the encoding that the document names.
pub(super) fn text(bytes: &[u8], declared: Option<&'static Encoding>) -> Result<String, Reason> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return Ok(tidy(&encoding.decode_without_bom_handling(&bytes[mark..]).0));
    }
    let head = &bytes[..bytes.len().min(HEAD)];
    if head.contains(&0) {
        let wide = unmarked_wide(head).ok_or("it looks binary")?;
        return Ok(tidy(&wide.decode_without_bom_handling(bytes).0));
    }
    if is_noise(head) {
        return Err("it looks binary".to_owned());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(tidy(text));
    }
    if is_broken_utf8(bytes) {
        return Ok(tidy(&String::from_utf8_lossy(bytes)));
    }
    // What could be read up to here in single bytes is not what these say, and browsers do not believe them either.
    let declared = declared.filter(|named| ![UTF_8, UTF_16LE, UTF_16BE].contains(named));
    let encoding = declared.unwrap_or_else(|| guessed(bytes));
    let (text, odd) = encoding.decode_without_bom_handling(bytes);
    if odd && text.chars().filter(|c| *c == char::REPLACEMENT_CHARACTER).count() * 20 > text.chars().count() {
        return Err("its encoding is not known".to_owned());
    }
    Ok(tidy(&text))
}

/// UTF-16 without a mark: every other byte of a text in a Latin script is zero.
fn unmarked_wide(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.as_chunks::<2>().0;
    let zeros = |place: usize| pairs.iter().filter(|pair| pair[place] == 0).count();
    let most = pairs.len() * 7 / 10;
    match (zeros(0), zeros(1)) {
        (0, high) if high > most => Some(UTF_16LE),
        (high, 0) if high > most => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether there are too many control characters for a text.
fn is_noise(head: &[u8]) -> bool {
    let controls = head.iter().filter(|byte| **byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b));
    let controls = controls.count();
    controls > 4 && controls * 50 > head.len()
}

/// UTF-8 with a few broken places: they are far fewer than the characters that are whole.
fn is_broken_utf8(bytes: &[u8]) -> bool {
    let (mut whole, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole > broken * 5
}

fn guessed(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// One kind of line end and no characters that only machines see.
pub(super) fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{85}' | '\u{2028}' => out.push('\n'),
            '\u{c}' | '\u{2029}' => out.push_str("\n\n"),
            '\u{a0}' | '\u{2007}' | '\u{202f}' => out.push(' '),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_invisible(c) => {}
            // Some scripts and pictures are joined by these; Latin letters are only torn apart.
            '\u{200c}' | '\u{200d}' if !joins(&out, chars.peek().copied()) => {}
            // These say how the character before them is drawn. A row of them carries something else.
            '\u{fe00}'..='\u{fe0f}' if !out.ends_with(is_drawn_in_ways) => {}
            c => out.push(c),
        }
    }
    out
}

/// Soft hyphens, zero-width spaces, marks, fillers, what turns the direction of a text around, and what stands for ASCII and
/// is not shown.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}'
            | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a joiner between these does what it is for.
fn joins(before: &str, after: Option<char>) -> bool {
    let is_joined = |c: char| !c.is_ascii() && !c.is_whitespace();
    before.ends_with(is_joined) && after.is_some_and(is_joined)
}

fn is_drawn_in_ways(c: char) -> bool {
    let is_key = c.is_ascii_digit() || c == '#' || c == '*';
    is_key || !c.is_ascii() && !c.is_whitespace() && !('\u{fe00}'..='\u{fe0f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{GB18030, SHIFT_JIS, WINDOWS_1251, WINDOWS_1252};

    use super::*;

    fn wide(text: &str, join: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(join).collect()
    }

    #[test]
    fn marks_are_believed_and_taken_off() {
        let little = [b"\xff\xfe".to_vec(), wide("Grüße", u16::to_le_bytes)].concat();
        let big = [b"\xfe\xff".to_vec(), wide("Grüße", u16::to_be_bytes)].concat();
        for bytes in ["\u{feff}Grüße".as_bytes().to_vec(), little, big] {
            assert_eq!(text(&bytes, None).unwrap(), "Grüße");
        }
    }

    #[test]
    fn wide_text_without_a_mark_is_no_binary_file() {
        let bytes = wide("A plain text with a few words.", u16::to_le_bytes);
        assert_eq!(text(&bytes, None).unwrap(), "A plain text with a few words.");
        let bytes = wide("A plain text with a few words.", u16::to_be_bytes);
        assert_eq!(text(&bytes, None).unwrap(), "A plain text with a few words.");
    }

    #[test]
    fn old_encodings_are_told_by_their_letters() {
        let samples = [
            (SHIFT_JIS, "東京タワーの高さは三百三十三メートルです。日本の首都にあります。"),
            (GB18030, "北京是中华人民共和国的首都，也是全国的政治中心和文化中心。"),
            (WINDOWS_1251, "Москва является столицей России и крупнейшим городом страны."),
            (WINDOWS_1252, "Das Müßige hört auf: “schön” wird die Größe der Straße über Köln."),
        ];
        for (encoding, sample) in samples {
            let (bytes, _, lost) = encoding.encode(sample);
            assert!(!lost);
            assert_eq!(text(&bytes, None).unwrap(), sample, "{}", encoding.name());
        }
    }

    #[test]
    fn a_declared_encoding_goes_before_a_guess() {
        let (bytes, _, _) = WINDOWS_1251.encode("Юг");
        assert_eq!(text(&bytes, Some(WINDOWS_1251)).unwrap(), "Юг");
    }

    #[test]
    fn wide_text_that_is_only_declared_is_not_believed() {
        let (bytes, _, _) = WINDOWS_1252.encode("Zoë Müller built the bridge in Köln, für alle Bürger.");
        assert_eq!(text(&bytes, Some(UTF_16LE)).unwrap(), "Zoë Müller built the bridge in Köln, für alle Bürger.");
    }

    #[test]
    fn a_broken_place_does_not_spoil_the_rest() {
        let mut bytes = "Çok güzel bir şehir, çok güzel bir gün.".as_bytes().to_vec();
        bytes.push(0xc3);
        assert_eq!(text(&bytes, None).unwrap(), "Çok güzel bir şehir, çok güzel bir gün.\u{fffd}");
    }

    #[test]
    fn what_is_no_text_is_told() {
        assert_eq!(text(b"MZ\0\0\x01\x02\x03", None).unwrap_err(), "it looks binary");
        assert_eq!(text(&[1, 2, 3, 4, 5, 6, 7, 8], None).unwrap_err(), "it looks binary");
    }

    #[test]
    fn nothing_that_only_machines_see_stays_and_what_scripts_need_does() {
        for (given, left) in [
            ("pay\u{200d}pal\u{200c}.com", "paypal.com"),
            ("A\u{e0041}\u{e0042}B\u{e0100}", "AB"),
            ("A\u{fe00}\u{fe01}\u{fe02}.", "A."),
            ("\u{2060}\u{2064}x\u{3164}\u{115f}y\u{34f}", "xy"),
            (
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            ),
            (
                "\u{1f469}\u{200d}\u{1f52c} \u{2764}\u{fe0f} 1\u{fe0f}\u{20e3}",
                "\u{1f469}\u{200d}\u{1f52c} \u{2764}\u{fe0f} 1\u{fe0f}\u{20e3}",
            ),
            ("\u{2764}\u{fe0f}\u{fe0e}\u{fe01}", "\u{2764}\u{fe0f}"),
        ] {
            assert_eq!(tidy(given), left, "{given:?}");
        }
    }

    #[test]
    fn line_ends_are_one_kind_and_nothing_invisible_stays() {
        assert_eq!(text("a\r\nb\rc\u{202e}d\u{200b}e\u{a0}f\u{7}".as_bytes(), None).unwrap(), "a\nb\ncde f");
    }
}
