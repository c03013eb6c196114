//! Web pages: the article, as readability finds it, or all that is shown where that is too little; without what is
//! hidden, and with the rows of tables as `header: value`.

mod about;
mod bare;
mod cells;
mod hidden;
mod style;

use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};
use encoding_rs::Encoding;

use self::cells::table;
use self::hidden::is_mute;
use super::{About, Reading};

/// An article below this many characters is not believed to be the page.
const SHORTEST: usize = 250;
/// A page above this size, or nested deeper than this, is taken as its bare words: what builds a page, as browsers do,
/// takes the square of its depth.
const LARGEST: usize = 2 << 20;
const DEEPEST: usize = 500;

/// The encoding that a page names in its head.
pub(super) fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]).to_lowercase();
    let (_, rest) = head.split_once("charset=")?;
    let label = rest
        .trim_start_matches(['"', '\''])
        .split(|c: char| !c.is_ascii_alphanumeric() && !"-_:".contains(c))
        .next()?;
    Encoding::for_label(label.as_bytes())
}

/// Reads a page.
pub(super) fn read(html: &str) -> Reading {
    if is_too_much(html) {
        return bare::read(html);
    }
    let page = Document::from(html);
    hidden::take_out(&page);
    let about = about::of(&page);
    let whole = Shown::of(page.root(), true);
    let all_links = about::links(&page.root(), |above| above.node_name().is_some_and(|name| is_frame(above, &name)));
    let mut title = title_of(&page);
    let read = |title: String, body: String, about: About| {
        let mut reading = Reading::one(title, None, body);
        reading.texts[0].about = about;
        reading
    };
    let config = Config { max_elements_to_parse: 0, ..Config::default() };
    let article = Readability::with_document(page, None, Some(config)).ok().and_then(|mut reader| reader.parse().ok());
    let Some(article) = article else { return read(title, whole.text, About { links: all_links, ..about }) };
    if !article.title.trim().is_empty() {
        title.clone_from(&article.title);
    }
    let content = Document::from(article.content);
    let found = Shown::of(content.root(), false);
    if found.is_page(&whole) {
        let links = about::links(&content.root(), |_| false);
        read(title, found.text, About { links, whole: Some(whole.text), ..about })
    } else {
        read(title, whole.text, About { links: all_links, ..about })
    }
}

/// The text of a piece of HTML.
pub(super) fn plain(html: &str) -> String {
    if is_too_much(html) {
        return bare::read(html).texts.remove(0).body;
    }
    let page = Document::from(html);
    hidden::take_out(&page);
    Shown::of(page.root(), false).text
}

fn is_too_much(html: &str) -> bool {
    html.len() > LARGEST || bare::depth(html, DEEPEST) > DEEPEST
}

fn title_of(page: &Document) -> String {
    let first =
        |name: &str| page.root().descendants_it().find(|node| node.node_name().is_some_and(|own| &*own == name));
    let text = |name: &str| first(name).map(|node| node.text().trim().to_owned()).filter(|text| !text.is_empty());
    text("title").or_else(|| text("h1")).unwrap_or_default()
}

/// What a reader sees.
struct Shown {
    text: String,
    /// Rows of tables with data in them.
    rows: usize,
}

impl Shown {
    /// The text below a node; `outer` leaves out what frames a page: menus, feet, margins.
    fn of(root: NodeRef<'_>, outer: bool) -> Self {
        let mut shown = Self { text: String::new(), rows: 0 };
        let mut writer = Writer::default();
        let mut next = Some(root);
        // Not by recursion: a page may be nested as deep as it likes.
        while let Some(node) = next {
            let enter = shown.open(&node, &mut writer, outer);
            if let Some(child) = node.first_child().filter(|_| enter) {
                next = Some(child);
                continue;
            }
            let mut node = node;
            next = loop {
                if enter || node.id != root.id {
                    writer.close(&node.node_name().unwrap_or_default());
                }
                if node.id == root.id {
                    break None;
                }
                if let Some(sibling) = node.next_sibling() {
                    break Some(sibling);
                }
                match node.parent() {
                    Some(parent) => node = parent,
                    None => break None,
                }
            };
        }
        shown.text = writer.finished();
        shown
    }

    /// Writes a node's beginning; says whether what is in it is shown.
    fn open(&mut self, node: &NodeRef<'_>, writer: &mut Writer, outer: bool) -> bool {
        if node.is_text() {
            writer.text(&node.text());
            return false;
        }
        let Some(name) = node.node_name() else { return true };
        if is_mute(&name) || outer && is_frame(node, &name) {
            return false;
        }
        if &*name == "table"
            && let Some((rows, text)) = table(node)
        {
            self.rows += rows;
            writer.paragraphs(&text);
            return false;
        }
        writer.open(&name);
        true
    }

    /// Whether an article is the page: long enough, and not without the tables that were on it.
    fn is_page(&self, whole: &Self) -> bool {
        let (own, all) = (self.text.chars().count(), whole.text.chars().count());
        own >= SHORTEST && own * 3 >= all && self.rows * 2 >= whole.rows
    }
}

/// What stands around the page's own text.
fn is_frame(node: &NodeRef<'_>, name: &str) -> bool {
    let role = node.attr("role").unwrap_or_default();
    matches!(name, "nav" | "footer" | "aside") || matches!(&*role, "navigation" | "search" | "contentinfo")
}

/// Text with the breaks that a browser would make.
#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends that are owed before the next word.
    owed: usize,
    space: bool,
    verbatim: usize,
    /// A term has just been named, and what it means comes next.
    named: bool,
    /// What it means goes on in the same line.
    defines: bool,
}

impl Writer {
    fn text(&mut self, text: &str) {
        if self.verbatim > 0 {
            self.settle();
            self.out.push_str(text);
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.space = true;
        }
        for (at, word) in text.split_whitespace().enumerate() {
            if at > 0 {
                self.space = true;
            }
            self.settle();
            self.out.push_str(word);
        }
        if text.ends_with(char::is_whitespace) && !text.trim().is_empty() {
            self.space = true;
        }
    }

    /// Writes the breaks or the space that are owed.
    fn settle(&mut self) {
        if self.owed > 0 {
            let there = self.out.len() - self.out.trim_end_matches('\n').len();
            if !self.out.is_empty() {
                (there..self.owed).for_each(|_| self.out.push('\n'));
            }
        } else if self.space && !self.out.is_empty() && !self.out.ends_with(['\n', ' ']) {
            self.out.push(' ');
        }
        (self.owed, self.space) = (0, false);
        (self.named, self.defines) = (false, false);
    }

    fn paragraphs(&mut self, text: &str) {
        self.owed = 2;
        self.settle();
        self.out.push_str(text.trim_end());
        self.owed = 2;
    }

    fn open(&mut self, name: &str) {
        if name == "dd" && self.named {
            self.out.push_str(if self.out.ends_with(':') { "" } else { ":" });
            (self.owed, self.space) = (0, true);
            (self.named, self.defines) = (false, true);
        } else if !self.defines {
            self.owed = self.owed.max(breaks(name));
        }
        if name == "li" {
            self.settle();
            self.out.push_str("- ");
        }
        if name == "pre" {
            self.verbatim += 1;
        }
    }

    fn close(&mut self, name: &str) {
        self.owed = self.owed.max(breaks(name));
        if name == "pre" {
            self.verbatim = self.verbatim.saturating_sub(1);
        }
        if matches!(name, "td" | "th") {
            self.space = true;
        }
        if name == "dt" {
            self.named = !self.out.is_empty();
        }
    }

    fn finished(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        self.out
    }
}

/// How many line ends stand before and after an element: none in a line, two around a paragraph.
fn breaks(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "pre" | "blockquote" | "table"
        | "section" | "article" | "main" | "header" | "figure" | "hr" | "form" | "fieldset" | "details" | "address" => {
            2
        }
        "div" | "li" | "br" | "tr" | "dt" | "dd" | "caption" | "figcaption" | "summary" | "body" | "center"
        | "option" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::text_of;

    fn body(html: &str) -> String {
        text_of("a.html", html.as_bytes()).unwrap().body
    }

    #[test]
    fn an_article_is_found_among_what_surrounds_it() {
        let sentence = "The Zelkova probe was launched in 2019, and it was built by Anna Larch in Oslo, with care. ";
        let html = format!(
            "<html><head><title>The Zelkova probe - Example News</title><style>p {{}}</style></head><body>\
             <nav><a href=/>Home</a> <a href=/x>Subscribe now</a></nav>\
             <div class=content><h1>The Zelkova probe</h1><p>{}</p><p>{}</p></div>\
             <script>var hidden = 'the script';</script><p style='display: none'>Secret words</p>\
             <footer>All rights reserved</footer></body></html>",
            sentence.repeat(4),
            sentence.repeat(3)
        );
        let text = text_of("a.html", html.as_bytes()).unwrap();
        assert!(text.title.starts_with("The Zelkova probe"), "{}", text.title);
        assert!(text.body.contains(sentence.trim_end()), "{}", text.body);
        for junk in ["Subscribe", "script", "Secret", "reserved", "{}"] {
            assert!(!text.body.contains(junk), "{junk}: {}", text.body);
        }
    }

    #[test]
    fn a_page_that_is_no_article_is_taken_whole() {
        assert_eq!(
            body(
                "<title>T</title><body><nav>Menu</nav><h2>Opening hours</h2>Mon<br>Tue <b>and</b> Wed<ul><li>one<li>two</ul>"
            ),
            "Opening hours\n\nMon\nTue and Wed\n\n- one\n- two\n"
        );
    }

    #[test]
    fn a_table_is_read_row_by_row() {
        let html = "<table><tr><th>City</th><th>People</th></tr><tr><td>Oslo</td><td>700,000</td></tr>\
                    <tr><td>Bergen <script>x</script></td><td>290,000</td></tr></table>";
        assert_eq!(body(html), "City: Oslo; People: 700,000\n\nCity: Bergen; People: 290,000\n");
    }

    #[test]
    fn a_term_and_what_it_means_stand_in_one_line() {
        let html = "<dl><dt>Captain</dt> <dd><p>Ines Wren</p></dd><dt>Built:<dd>1951<dd>in Oslo</dl><p>Next.";
        assert_eq!(body(html), "Captain: Ines Wren\n\nBuilt: 1951\nin Oslo\n\nNext.\n");
    }

    #[test]
    fn a_page_nested_as_deep_as_can_be_is_read() {
        let deep = format!("{}The core of it.{}", "<div>".repeat(50_000), "</div>".repeat(50_000));
        assert_eq!(body(&deep).trim(), "The core of it.");
    }

    #[test]
    fn the_encoding_that_a_page_names_is_used() {
        let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode("<meta charset=\"windows-1251\"><p>Юг");
        assert_eq!(text_of("a.htm", &bytes).unwrap().body, "Юг\n");
    }
}
