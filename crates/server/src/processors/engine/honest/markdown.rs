//! The Markdown that a model writes, as blocks of plain text with the marks of their evidence. What could show or load
//! anything from elsewhere is gone when this is done: images, HTML, links, code.

use std::ops::Range;

use super::quote::is_unseen;

/// A block, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// `## Heading`.
    Heading { level: usize, text: Text },
    /// `- item`, `1. item`, so far to the right.
    Item { indent: usize, ordered: bool, text: Text },
    /// A paragraph, in a quote or not.
    Paragraph { quoted: bool, text: Text },
    /// A row of a table.
    Row {
        cells: Vec<Text>,
        /// It stands above the line below the names of columns.
        head: bool,
    },
}

/// Words and the marks of evidence between them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text {
    /// The words, without marks.
    pub(super) words: String,
    /// Where marks stood in them, and which.
    pub(super) marks: Vec<(usize, String)>,
}

/// Cuts Markdown into blocks.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let text = seen(markdown);
    let mut reader = Reader::default();
    let mut fence: Option<char> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let opens = ["```", "~~~"].iter().find(|mark| bare.starts_with(**mark)).and_then(|mark| mark.chars().next());
        match (fence, opens) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => {
                reader.end();
                fence = Some(mark);
            }
            (None, None) => reader.line(line),
        }
    }
    reader.end();
    reader.found
}

/// What is seen: without comments, scripts and the like.
fn seen(text: &str) -> String {
    let mut out: String =
        text.chars().filter(|c| !is_unseen(*c) && (!c.is_control() || matches!(c, '\n' | '\t'))).collect();
    for (opens, closes) in [("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"), ("<svg", "</svg>")] {
        // Lower case of ASCII alone keeps every place.
        while let Some(from) = out.to_ascii_lowercase().find(opens) {
            let rest = out[from..].to_ascii_lowercase();
            let to = rest.find(closes).map_or(out.len(), |length| from + length + closes.len());
            out.replace_range(from..to, "");
        }
    }
    out
}

#[derive(Default)]
struct Reader {
    found: Vec<Block>,
    /// The block whose lines are being read, and those lines.
    open: Option<(Open, String)>,
}

#[derive(Clone, Copy)]
enum Open {
    Item { indent: usize, ordered: bool },
    Paragraph { quoted: bool },
}

impl Reader {
    fn line(&mut self, line: &str) {
        let line = line.replace('\t', "    ");
        let bare = line.trim();
        if bare.is_empty() || is_definition(bare) {
            return self.end();
        }
        if let Some((level, text)) = heading(bare) {
            self.end();
            return self.found.push(Block::Heading { level, text: inline(text) });
        }
        if is_rule(bare) {
            return self.rule(bare);
        }
        if let Some((indent, ordered, text)) = item(&line) {
            self.end();
            self.open = Some((Open::Item { indent, ordered }, text.to_owned()));
            return;
        }
        if let Some(row) = bare.strip_prefix('|') {
            self.end();
            return self.row(row);
        }
        let (quoted, text) = match bare.strip_prefix('>') {
            Some(text) => (true, text.trim_start_matches(['>', ' '])),
            None => (false, bare),
        };
        match &mut self.open {
            Some((Open::Paragraph { quoted: other }, lines)) if *other == quoted => join(lines, text),
            Some((Open::Item { .. }, lines)) if !quoted => join(lines, text),
            _ => {
                self.end();
                self.open = Some((Open::Paragraph { quoted }, text.to_owned()));
            }
        }
    }

    /// A line under a paragraph makes it a heading; else it parts what is around it.
    fn rule(&mut self, bare: &str) {
        if let Some((Open::Paragraph { quoted: false }, text)) = &self.open
            && !bare.starts_with('*')
        {
            let level = if bare.starts_with('=') { 1 } else { 2 };
            self.found.push(Block::Heading { level, text: inline(text) });
            self.open = None;
        } else {
            self.end();
        }
    }

    fn row(&mut self, row: &str) {
        let row = row.trim_end().trim_end_matches('|');
        let is_line = row.chars().all(|c| matches!(c, '-' | ':' | '|' | ' ')) && row.contains('-');
        match self.found.last_mut() {
            Some(Block::Row { head, .. }) if is_line => *head = true,
            _ if is_line => {}
            _ => self
                .found
                .push(Block::Row { cells: row.split('|').map(|cell| inline(cell.trim())).collect(), head: false }),
        }
    }

    fn end(&mut self) {
        match self.open.take() {
            Some((Open::Item { indent, ordered }, text)) => {
                self.found.push(Block::Item { indent, ordered, text: inline(&text) });
            }
            Some((Open::Paragraph { quoted }, text)) => {
                self.found.push(Block::Paragraph { quoted, text: inline(&text) });
            }
            None => {}
        }
    }
}

fn join(lines: &mut String, text: &str) {
    lines.push(' ');
    lines.push_str(text);
}

/// `[name]: address`, which shows nothing.
fn is_definition(line: &str) -> bool {
    line.starts_with('[') && line.find("]:").is_some_and(|at| !line[1..at].contains(['[', ']']))
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let text = line[level..].trim_start();
    let is_one = (1..=6).contains(&level) && (line[level..].starts_with(' ') || text.is_empty());
    is_one.then(|| (level, text.trim_end_matches('#').trim()))
}

/// `---`, `===`, `***`.
fn is_rule(line: &str) -> bool {
    let mut marks = line.chars().filter(|c| *c != ' ');
    let Some(first) = marks.next().filter(|mark| matches!(mark, '-' | '=' | '*' | '_')) else { return false };
    let rest: Vec<char> = marks.collect();
    rest.len() >= 2 && rest.iter().all(|c| *c == first)
}

fn item(line: &str) -> Option<(usize, bool, &str)> {
    let bare = line.trim_start();
    let indent = line.len() - bare.len();
    if let Some(text) = ["- ", "* ", "+ ", "• "].iter().find_map(|mark| bare.strip_prefix(mark)) {
        return Some((indent, false, text.trim()));
    }
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let text = bare[digits..].strip_prefix(". ").or_else(|| bare[digits..].strip_prefix(") "))?;
    (1..=3).contains(&digits).then(|| (indent, true, text.trim()))
}

/// The words of a piece of Markdown, and its marks of evidence.
pub(super) fn inline(text: &str) -> Text {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Text::default();
    read(&chars, &mut out, 0);
    let kept = out.words.trim_end().len();
    out.words.truncate(kept);
    out.marks.iter_mut().for_each(|(at, _)| *at = (*at).min(kept));
    out
}

/// No text that is meant is nested deeper.
const DEEPEST: usize = 8;

fn read(chars: &[char], out: &mut Text, depth: usize) {
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest[0] {
            '!' if rest.get(1) == Some(&'[') => {
                1 + bracket(&rest[1..]).map_or(1, |inside| end_of_link(&rest[1..], inside.end + 1))
            }
            '[' => bracketed(rest, out, depth),
            '<' => tag(rest, out),
            '\\' if rest.get(1).is_some_and(char::is_ascii_punctuation) => {
                let c = rest[1];
                if !is_markup(c) {
                    out.words.push(c);
                }
                2
            }
            '&' => entity(rest, out),
            ']' | '`' | '\\' => 1,
            c => {
                push(out, c);
                1
            }
        };
    }
}

/// What makes of words a link, a picture, a tag or code.
fn is_markup(c: char) -> bool {
    matches!(c, '[' | ']' | '<' | '>' | '!' | '`' | '\\')
}

/// Adds a character, and a space if a mark stood before it.
fn push(out: &mut Text, c: char) {
    let after_mark = out.marks.last().is_some_and(|(at, _)| *at == out.words.len());
    if after_mark && (c.is_alphanumeric() || c == '(') && !out.words.is_empty() {
        out.words.push(' ');
    }
    let doubled = c.is_whitespace() && (out.words.is_empty() || out.words.ends_with(' '));
    if !doubled {
        out.words.push(if c.is_whitespace() { ' ' } else { c });
    }
}

/// The inside of the bracket that a text begins with.
fn bracket(text: &[char]) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    for (at, c) in text.iter().enumerate() {
        match c {
            '[' => depth += 1,
            ']' if depth == 1 => return Some(1..at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where a link ends whose bracket ends here: behind its address or its reference.
fn end_of_link(text: &[char], end: usize) -> usize {
    match text.get(end) {
        Some('(') => {
            let mut depth = 0_usize;
            for (at, c) in text.iter().enumerate().skip(end) {
                match c {
                    '(' => depth += 1,
                    ')' if depth == 1 => return at + 1,
                    ')' => depth -= 1,
                    _ => {}
                }
            }
            end + 1
        }
        Some('[') => match bracket(&text[end..]) {
            Some(inside) if marks(&text[end..][inside.clone()]).is_none() => end + inside.end + 1,
            _ => end,
        },
        _ => end,
    }
}

/// A bracket: marks of evidence, the words of a link, or words. Returns how much was read.
fn bracketed(text: &[char], out: &mut Text, depth: usize) -> usize {
    let Some(inside) = bracket(text) else { return 1 };
    let end = inside.end + 1;
    let inside = &text[inside];
    if let Some(found) = marks(inside) {
        while out.words.ends_with(' ') {
            out.words.pop();
        }
        out.marks.extend(found.into_iter().map(|mark| (out.words.len(), mark)));
        let after = end_of_link(text, end);
        let address: String = text[end..after].iter().collect();
        // `[e1](https://…)` is one; `[e1] (estimate)` and `[e1](an estimate)` are not.
        return if address.contains([':', '/', '.']) && !address.contains(' ') { after } else { end };
    }
    // Numbers and notes that a model writes stand for nothing.
    let is_note =
        inside.iter().all(|c| c.is_ascii_digit() || matches!(c, ',' | ' ' | '-' | '–')) || inside.first() == Some(&'^');
    if !is_note && depth < DEEPEST {
        read(inside, out, depth + 1);
    }
    end_of_link(text, end)
}

/// `e3`, `e1, e2`.
fn marks(inside: &[char]) -> Option<Vec<String>> {
    let text: String = inside.iter().collect::<String>().to_lowercase();
    let parts: Vec<String> = text.split([',', ';', ' ']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let is_mark = |part: &String| {
        part.strip_prefix('e')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    (!parts.is_empty() && parts.iter().all(is_mark)).then_some(parts)
}

/// A tag or an address in angles, which go; an angle that only compares stays. Returns how much was read.
fn tag(text: &[char], out: &mut Text) -> usize {
    match text.get(1) {
        Some(c) if c.is_alphabetic() || matches!(c, '/' | '!' | '?') => {
            let Some(end) = text.iter().position(|c| *c == '>') else { return 1 };
            let inside: String = text[1..end].iter().collect();
            // It is told apart later that somebody wrote an address; that it was marked up as something is not.
            if inside.contains("://") || inside.contains('@') {
                out.words.extend(inside.chars().filter(|c| !is_markup(*c)));
            }
            end + 1
        }
        Some(' ' | '=' | '0'..='9') => {
            push(out, '<');
            1
        }
        _ => 1,
    }
}

/// `&amp;` and the like; other entities could spell anything and go. Returns how much was read.
fn entity(text: &[char], out: &mut Text) -> usize {
    let name: String = text[1..].iter().take(12).take_while(|c| c.is_ascii_alphanumeric() || **c == '#').collect();
    if name.is_empty() || text.get(1 + name.len()) != Some(&';') {
        push(out, '&');
        return 1;
    }
    match name.as_str() {
        "amp" => push(out, '&'),
        "nbsp" => push(out, ' '),
        "quot" => push(out, '"'),
        "apos" => push(out, '\''),
        _ => {}
    }
    name.len() + 2
}

/// Whether words name a place elsewhere that a reader could follow, or that a program would make a link of.
pub(super) fn has_address(words: &str) -> bool {
    let lower = words.to_lowercase();
    let schemes = ["://", "www.", "mailto:", "javascript:", "data:text", "ftp.", "tel:"];
    let path = |word: &str| {
        let host = word.split('/').next().unwrap_or_default();
        let labels: Vec<&str> = host.split('.').collect();
        let ends = labels.last().is_some_and(|last| last.len() >= 2 && last.chars().all(char::is_alphabetic));
        word.contains('/') && labels.len() >= 2 && ends && labels.iter().all(|label| !label.is_empty())
    };
    schemes.iter().any(|scheme| lower.contains(scheme))
        || lower.split_whitespace().any(|word| path(word.trim_matches(['(', '"', '\'', '*', '_'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> String {
        inline(text).words
    }

    #[test]
    fn marks_stand_where_they_stood() {
        let text = inline("A is 5 [e1] and B is 6 [E2, e3]. [e4] [7] C.[^1]");
        assert_eq!(text.words, "A is 5 and B is 6. C.");
        let marks: Vec<_> = text.marks.iter().map(|(at, mark)| (*at, mark.as_str())).collect();
        assert_eq!(marks, [(6, "e1"), (17, "e2"), (17, "e3"), (18, "e4")]);
        assert_eq!(inline("A[e1](https://x.example)B").words, "A B");
        assert_eq!(inline("A[e1](an estimate)").words, "A (an estimate)");
    }

    #[test]
    fn nothing_is_left_that_shows_or_loads_anything() {
        for (text, left) in [
            ("![alt](https://x.example/a.png) text", "text"),
            ("![alt][ref] text", "text"),
            ("a [link](https://x.example \"title\") b", "a link b"),
            ("a [link][ref] b", "a link b"),
            ("[![alt](u)](v) b", "b"),
            ("a <b>bold</b><br/> c", "a bold c"),
            ("a <script>alert(1)</script> c", "a alert(1) c"),
            ("<<b>script>x", "script>x"),
            ("3 < 5 and 5 <6", "3 < 5 and 5 <6"),
            ("\\[a\\](b.example/c) \\* d", "a(b.example/c) * d"),
            ("&lt;script&gt; &#60;b> A&amp;B &x", "script b> A&B &x"),
            ("`code` [", "code"),
            ("a <![alt](https://x.example/c.png) <img src=x> b", "a alt(https://x.example/c.png) img src=x b"),
        ] {
            assert_eq!(words(text), left, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_into_blocks() {
        let text = "# One #\nTwo\nthree\n\n- a\n  b\n    1. c\n\n> q\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\nFour\n----\n```\ncode\n```\n\
            [r]: https://x.example\n***\nlast <!-- a\nb --> line";
        let told: Vec<String> = blocks(text)
            .iter()
            .map(|block| match block {
                Block::Heading { level, text } => format!("h{level} {}", text.words),
                Block::Item { indent, ordered, text } => {
                    format!("i{indent}{} {}", if *ordered { "o" } else { "" }, text.words)
                }
                Block::Paragraph { quoted, text } => format!("{} {}", if *quoted { "q" } else { "p" }, text.words),
                Block::Row { cells, head } => {
                    let cells: Vec<&str> = cells.iter().map(|cell| cell.words.as_str()).collect();
                    format!("{} {}", if *head { "rh" } else { "r" }, cells.join("/"))
                }
            })
            .collect();
        let expected = ["h1 One", "p Two three", "i0 a b", "i4o c", "q q", "rh x/y", "r 1/2", "h2 Four", "p last line"];
        assert_eq!(told, expected);
    }

    #[test]
    fn addresses_are_known_however_they_are_written() {
        for text in
            ["see https://x.example", "see www.x.example", "x.example/path", "mailto:a@b.example", "(x.example/a)"]
        {
            assert!(has_address(text), "{text}");
        }
        for text in ["24/7 and 1.5/2", "and/or", "Node.js is used", "U.S./U.K. trade", "5 km/h"] {
            assert!(!has_address(text), "{text}");
        }
    }
}
