//! What nobody sees on a page, taken out of it: whoever hides words on a page means them for machines.
//!
//! Known are the page's own styles and attributes. Style sheets of their own files are not loaded, and scripts are not run,
//! so that what those hide is still there.

use std::collections::{HashMap, HashSet};

use dom_query::{Document, Matcher, NodeId, NodeRef};

use super::style::{Colour, Rule, Style, WHITE, rules};

/// No more rules than this are asked whom they hide, nor shown to have been taken back more often.
const RULES: usize = 300;
const LOOKS: usize = 50_000;
/// What is behind a text is looked for so far above it.
const ABOVE: usize = 20;
/// A selector that is longer than this, or has one of these in it, is not looked for.
const LONGEST: usize = 200;
const COSTLY: [&str; 4] = [":has", ":contains", ":is", ":where"];
/// What shows nothing whatever its style is.
const NEVER: [&str; 17] = [
    "script", "style", "noscript", "template", "svg", "iframe", "object", "head", "button", "select", "input",
    "textarea", "canvas", "audio", "video", "dialog", "datalist",
];

/// Whether an element of this name shows no text.
pub(super) fn is_mute(name: &str) -> bool {
    NEVER.contains(&name)
}

/// Takes out what is hidden.
pub(super) fn take_out(page: &Document) {
    let sheet = Sheet::of(page);
    let by_rules = sheet.hidden(page);
    let hidden: Vec<NodeRef<'_>> = page
        .root()
        .descendants_it()
        .filter(|node| {
            let Some(name) = node.node_name() else { return false };
            // A page that is hidden as a whole is shown by its scripts.
            !matches!(&*name, "html" | "head" | "body") && sheet.is_hidden(node, by_rules.get(&node.id).copied())
        })
        .collect();
    hidden.iter().for_each(NodeRef::remove_from_parent);
}

/// Whether attributes alone hide an element.
pub(super) fn by_attributes(hidden: bool, aria: Option<&str>, style: Option<&str>) -> bool {
    hidden
        || aria.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
        || style.is_some_and(|style| Style::of(style).hides(None).is_some())
}

/// Classes and names that are hidden as such, for pages that are read as they come.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Those of a style sheet: `.name` and `#name`.
    pub(super) fn of(css: &str) -> Self {
        let mut names = HashSet::new();
        for rule in rules(css) {
            let hides = rule.style.hides(None).is_some();
            for name in rule.selector.split(',').map(str::trim) {
                let plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
                if !name.strip_prefix(['.', '#']).is_some_and(plain) {
                    continue;
                }
                if hides {
                    names.insert(name.to_owned());
                } else if rule.style.says("display") || rule.style.says("visibility") {
                    names.remove(name);
                }
            }
        }
        Self(names)
    }

    /// Whether one of an element's classes, or its name, is one of them.
    pub(super) fn hide(&self, class: Option<&str>, id: Option<&str>) -> bool {
        let has = |mark: char, name: &str| self.0.contains(&format!("{mark}{name}"));
        !self.0.is_empty()
            && (class.is_some_and(|class| class.split_whitespace().any(|name| has('.', name)))
                || id.is_some_and(|id| has('#', id)))
    }
}

/// A page's own styles.
struct Sheet {
    rules: Vec<Rule>,
    /// What is behind all text, if that is known.
    ground: Option<Colour>,
}

impl Sheet {
    fn of(page: &Document) -> Self {
        let root = page.root();
        let named = |name: &'static str| root.descendants_it().filter(move |node| node.has_name(name));
        let css = named("style").fold(String::new(), |css, style| css + &style.text() + "\n");
        let rules = rules(&css);
        let is_style = |rel: &str| rel.to_lowercase().contains("stylesheet");
        let others = named("link").any(|link| link.attr("rel").is_some_and(|rel| is_style(&rel)));
        let ground = if others { None } else { ground(page, &rules) };
        Self { rules, ground }
    }

    /// Whom the rules hide, and by which of their declarations.
    fn hidden(&self, page: &Document) -> HashMap<NodeId, &'static str> {
        let mut hidden = HashMap::new();
        let mut matchers = HashMap::new();
        let mut showing: HashMap<&str, Vec<usize>> = HashMap::new();
        let hiding = self.rules.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.style.hides(self.ground)?)));
        let mut looks = 0;
        for (at, by) in hiding.take(RULES) {
            let Some(matcher) = matcher(&self.rules[at].selector) else { continue };
            let showing = showing.entry(by).or_insert_with(|| self.showing(by));
            let later = &showing[showing.partition_point(|shows| *shows < at)..];
            for node in page.select_matcher(&matcher).nodes() {
                // Another rule, further down, may show again what this one hides.
                let shown = later.iter().take(LOOKS - looks).any(|later| {
                    looks += 1;
                    let selector = &self.rules[*later].selector;
                    matcher_of(&mut matchers, *later, selector).is_some_and(|later| node.is_match(later))
                });
                if !shown {
                    hidden.insert(node.id, by);
                }
            }
        }
        hidden
    }

    /// The rules that show what others hide by this.
    fn showing(&self, by: &str) -> Vec<usize> {
        let shows = |rule: &Rule| rule.style.says(by) && rule.style.hides(self.ground).is_none();
        self.rules.iter().enumerate().filter(|(_, rule)| shows(rule)).map(|(at, _)| at).collect()
    }

    fn is_hidden(&self, node: &NodeRef<'_>, by_rule: Option<&str>) -> bool {
        let (aria, style) = (node.attr("aria-hidden"), node.attr("style"));
        if by_attributes(node.has_attr("hidden"), aria.as_deref(), style.as_deref()) {
            return true;
        }
        let own = style.map(|style| Style::of(&style)).unwrap_or_default();
        let on_page = || !has_ground_of_its_own(node);
        let by_rule = by_rule.is_some_and(|by| !own.says(by) && (by != "color" || on_page()));
        by_rule || own.says("color") && own.hides(self.ground).is_some() && on_page()
    }
}

/// A selector that can be looked for in a time that is known.
fn matcher(selector: &str) -> Option<Matcher> {
    let costly = selector.len() > LONGEST || COSTLY.iter().any(|part| selector.contains(part));
    if costly { None } else { Matcher::new(selector).ok() }
}

fn matcher_of<'a>(known: &'a mut HashMap<usize, Option<Matcher>>, at: usize, selector: &str) -> Option<&'a Matcher> {
    known.entry(at).or_insert_with(|| matcher(selector)).as_ref()
}

/// What is behind all text of a page that paints nothing but itself.
fn ground(page: &Document, rules: &[Rule]) -> Option<Colour> {
    let is_page = |rule: &Rule| rule.selector.split(',').all(|name| ["html", "body", ":root"].contains(&name.trim()));
    let paints = |style: &Style| style.says("background") || style.says("background-color");
    if rules.iter().any(|rule| !is_page(rule) && paints(&rule.style)) {
        return None;
    }
    let body = page.body();
    let attribute = |name: &str| body.as_ref().and_then(|body| body.attr(name));
    let own = attribute("style").map(|style| Style::of(&style)).filter(paints);
    let own = own.or_else(|| attribute("bgcolor").map(|colour| Style::of(&format!("background: {colour}"))));
    match own.as_ref().or_else(|| rules.iter().rev().map(|rule| &rule.style).find(|style| paints(style))) {
        Some(style) => style.ground(),
        None => Some(WHITE),
    }
}

/// Whether it, or what it stands in below the page itself, paints what is behind it.
fn has_ground_of_its_own(node: &NodeRef<'_>) -> bool {
    let paints = |node: &NodeRef<'_>| {
        let style = node.attr("style").map(|style| Style::of(&style)).unwrap_or_default();
        node.has_attr("bgcolor") || style.says("background") || style.says("background-color")
    };
    let above = node.ancestors_it(Some(ABOVE)).take_while(|above| !above.has_name("body"));
    paints(node) || above.into_iter().any(|above| paints(&above))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::text_of;

    /// What is read of a page with this in its head and that in its body, and a sentence that everybody sees.
    fn read(head: &str, body: &str) -> String {
        let page = format!("<html><head><title>T</title>{head}</head><body>{body}<p>Seen by all.</p></body></html>");
        text_of("a.html", page.as_bytes()).unwrap().body
    }

    #[test]
    fn what_is_hidden_is_not_read_in_whatever_way_it_is() {
        for (head, body) in [
            ("", "<p hidden>Secret words</p>"),
            ("", "<div aria-hidden='true'><p>Secret words</p></div>"),
            ("", "<p style='opacity:0'>Secret words</p>"),
            ("", "<p>A <span style='font-size:0'>Secret words</span> line.</p>"),
            ("", "<div style='position:absolute;left:-9999px'>Secret words</div>"),
            ("", "<!-- Secret words --><p>A line.</p>"),
            ("", "<noscript><p>Secret words</p></noscript><template><p>Secret words</p></template>"),
            ("", "<p style='color:#fff'>Secret words</p>"),
            ("", "<p style='color:white'>Secret <b style='color:white;background:transparent'>words</b></p>"),
            ("<style>body { background: #111 }</style>", "<p style='color:#111111'>Secret words</p>"),
            ("<style>.x { display: none }</style>", "<p class='a x'>Secret words</p>"),
            ("<style>div.x > p, .y {} #s, .z p { visibility: hidden }</style>", "<p id=s>Secret words</p>"),
            (
                "<style>@media screen { .z > p:first-child { font-size: 1px } }</style>",
                "<div class=z><p>Secret words</p></div>",
            ),
            ("<style>.x { color: #fefefe }</style>", "<p class=x>Secret words</p>"),
            ("<style>[data-x] { text-indent: -9999px }</style>", "<p data-x=1>Secret words</p>"),
            (
                "",
                "<table><tr><th>A</th><th>B</th></tr><tr><td>1 <i hidden>Secret words</i></td><td>2</td></tr></table>",
            ),
        ] {
            let text = read(head, body);
            assert!(!text.contains("Secret") && text.contains("Seen by all."), "{head} {body}: {text}");
        }
    }

    #[test]
    fn what_is_seen_is_read() {
        for (head, body) in [
            ("<style>body { visibility: hidden; opacity: 0 }</style>", "<p>Plain words</p>"),
            ("<style>.x { display: none } .x.open { display: block }</style>", "<p class='x open'>Plain words</p>"),
            ("<style>.x { display: none }</style>", "<p class=x style='display:block'>Plain words</p>"),
            ("<style>@media print { .x { display: none } }</style>", "<p class=x>Plain words</p>"),
            ("<style>.d { background: #000 }</style>", "<div class=d><p style='color:#fff'>Plain words</p></div>"),
            ("<link rel=stylesheet href=a.css>", "<p style='color:#fff'>Plain words</p>"),
            ("", "<div style='background:navy'><p style='color:#fff'>Plain words</p></div>"),
            (
                "<style>.x:has(p) { display: none } .x::before { display: none }</style>",
                "<div class=x><p>Plain words</p></div>",
            ),
            ("", "<details><summary>More</summary><p>Plain words</p></details>"),
        ] {
            let text = read(head, body);
            assert!(text.contains("Plain words"), "{head} {body}: {text}");
        }
    }

    #[test]
    fn a_page_that_is_too_large_to_be_built_hides_its_words_no_better() {
        let deep = "<div>".repeat(600);
        for (head, body) in [
            ("", "<p hidden>Secret words</p>"),
            ("", "<div aria-hidden=true>Secret <div>words</div> Secret</div>"),
            ("", "<p style=\"Display : none\">Secret words</p>"),
            ("<style>.x, #y { display: none }</style>", "<p class='a x'>Secret words</p><i id=y>Secret</i>"),
        ] {
            let text = read(head, &format!("{body}{deep}"));
            assert!(!text.contains("Secret") && text.contains("Seen by all."), "{head} {body}: {text}");
        }
    }

    #[test]
    #[expect(clippy::format_collect, reason = "a test may write a page as it reads best")]
    fn styles_of_any_size_are_read_in_time() {
        let rules: String = (0..20_000)
            .map(|at| format!(".c{at}, p.c{at} > b {{ display: none }} .c{at} {{ display: block }}\n"))
            .collect();
        let body: String = (0..2000).map(|at| format!("<p class='c{at} d'><b>{at}</b> words</p>")).collect();
        assert!(read(&format!("<style>{rules}</style>"), &body).contains("1999 words"));
    }
}
