//! What styles hide. Pure, and no more of CSS than hiding needs.

/// As much of a page's styles is read.
const MOST: usize = 512 << 10;
/// Blocks within blocks, deeper than this, are not looked into.
const DEEPEST: usize = 4;

/// The declarations of one rule or one attribute, in lower case; of several of one name the last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Style(Vec<(String, String)>);

/// A rule of a style sheet.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) selector: String,
    pub(super) style: Style,
}

/// A colour, as far as it is known: red, green, blue, and how opaque it is, each to 255.
pub(super) type Colour = [u8; 4];

pub(super) const WHITE: Colour = [255; 4];

impl Style {
    /// Reads declarations: `color: red; display: none`.
    pub(super) fn of(text: &str) -> Self {
        let text = unescaped(&without_comments(text)).to_lowercase();
        let declarations = text.split(';').filter_map(|declaration| {
            let (name, value) = declaration.split_once(':')?;
            let value = value.replace("!important", "");
            Some((name.trim().to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        });
        Self(declarations.collect())
    }

    /// Whether something is said under this name.
    pub(super) fn says(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn length(&self, name: &str) -> Option<f64> {
        length(self.value(name)?)
    }

    /// What is behind the text, when that is said here.
    pub(super) fn ground(&self) -> Option<Colour> {
        let value = self.value("background-color").or_else(|| self.value("background"))?;
        value.split(' ').find_map(colour).or_else(|| colour(value)).filter(|ground| ground[3] > 240)
    }

    /// The declaration by which it hides what it is for, before a ground of this colour, if that is known.
    pub(super) fn hides(&self, ground: Option<Colour>) -> Option<&'static str> {
        let is = |name: &str, values: &[&str]| self.value(name).is_some_and(|value| values.contains(&value));
        let nothing = |name: &str, least: f64| self.length(name).is_some_and(|long| long.abs() < least);
        let far = |name: &str| self.length(name).is_some_and(|long| long <= -400.0);
        let loose = is("position", &["absolute", "fixed"]);
        let cut = ["overflow", "overflow-x", "overflow-y"].iter().any(|name| is(name, &["hidden", "clip"]));
        let value = |name| self.value(name).unwrap_or_default();
        let checks: [(&'static str, bool); 13] = [
            ("display", is("display", &["none"])),
            ("visibility", is("visibility", &["hidden", "collapse"])),
            ("content-visibility", is("content-visibility", &["hidden"])),
            ("opacity", self.value("opacity").and_then(part).is_some_and(|part| part < 0.05)),
            ("font-size", nothing("font-size", 2.5)),
            ("font", value("font").starts_with("0 ") || value("font").starts_with("0/")),
            ("color", self.value("color").and_then(colour).is_some_and(|ink| is_unseen(ink, self.ground().or(ground)))),
            ("height", cut && ["width", "height", "max-width", "max-height"].iter().any(|name| nothing(name, 1.5))),
            ("position", loose && ["left", "right", "top", "bottom"].iter().any(|name| far(name))),
            ("text-indent", far("text-indent") || far("margin-left") || far("margin-top")),
            (
                "clip",
                loose && value("clip").starts_with("rect(") && numbers(value("clip")).all(|long| long.abs() < 1.5),
            ),
            ("clip-path", is_clipped(value("clip-path"))),
            ("transform", is_moved_away(value("transform")) || value("filter").replace(' ', "").contains("opacity(0")),
        ];
        checks.iter().find(|(_, hides)| *hides).map(|(name, _)| *name)
    }
}

/// The rules of a style sheet that hold on a screen, whatever its size.
pub(super) fn rules(css: &str) -> Vec<Rule> {
    let mut end = css.len().min(MOST);
    while !css.is_char_boundary(end) {
        end -= 1;
    }
    let mut rules = Vec::new();
    gather(&without_comments(&css[..end]), 0, &mut rules);
    rules
}

fn gather(css: &str, depth: usize, rules: &mut Vec<Rule>) {
    let mut rest = css;
    while let Some(open) = rest.find(['{', ';']) {
        let (before, after) = (rest[..open].trim(), &rest[open + 1..]);
        if rest.as_bytes()[open] == b';' {
            rest = after;
            continue;
        }
        let end = end_of_block(after);
        let inside = &after[..end];
        rest = after.get(end + 1..).unwrap_or_default();
        if let Some(name) = before.strip_prefix('@') {
            if holds(&name.to_lowercase()) && depth < DEEPEST {
                gather(inside, depth + 1, rules);
            }
        } else {
            // Rules in rules are for what is in it.
            let own =
                inside.find('{').map_or(inside, |nested| &inside[..inside[..nested].rfind(';').map_or(0, |end| end)]);
            rules.push(Rule { selector: before.to_owned(), style: Style::of(own) });
        }
    }
}

/// Whether what is in such a block holds on every screen.
fn holds(at: &str) -> bool {
    let (name, what) = at.split_once(char::is_whitespace).unwrap_or((at, ""));
    match name {
        "media" => !what.contains('(') && !what.contains("print") && !what.contains("not"),
        "supports" => !what.contains("not"),
        "layer" => true,
        _ => false,
    }
}

/// Where the `}` of a block is; one in quotes is none.
fn end_of_block(css: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    let mut bytes = css.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (_, b'\\') => drop(bytes.next()),
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth == 0 => return at,
            (None, b'}') => depth -= 1,
            (None, _) => {}
        }
    }
    css.len()
}

fn without_comments(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// `dis\70 lay` is `display`.
fn unescaped(css: &str) -> String {
    if !css.contains('\\') {
        return css.to_owned();
    }
    let mut out = String::with_capacity(css.len());
    let mut chars = css.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let mut code = 0_u32;
        let mut digits = 0;
        while let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)).filter(|_| digits < 6) {
            code = code * 16 + digit;
            digits += 1;
            chars.next();
        }
        if digits == 0 {
            out.extend(chars.next());
        } else {
            chars.next_if(|c| c.is_whitespace());
            out.extend(char::from_u32(code));
        }
    }
    out
}

/// A length in pixels, or near enough: what a letter or a window measures is not known here.
fn length(value: &str) -> Option<f64> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(value.len());
    let number: f64 = value[..end].parse().ok()?;
    let unit = match value[end..].trim() {
        "" | "px" => 1.0,
        "em" | "rem" | "ex" | "ch" | "lh" => 16.0,
        "pt" | "pc" => 1.33,
        "cm" | "in" => 40.0,
        "mm" => 4.0,
        "%" | "vw" | "vh" | "vmin" | "vmax" => 10.0,
        _ => return None,
    };
    Some(number * unit)
}

/// `0.5`, `.5`, `50%`.
fn part(value: &str) -> Option<f64> {
    match value.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok().map(|percent| percent / 100.0),
        None => value.parse().ok(),
    }
}

/// All lengths in the brackets of a function.
fn numbers(value: &str) -> impl Iterator<Item = f64> {
    value.split(['(', ')', ',', ' ']).filter_map(length)
}

fn is_clipped(value: &str) -> bool {
    let value = value.replace(' ', "");
    ["inset(50%", "inset(100%", "circle(0", "ellipse(0", "polygon(00,00", "polygon(0px0px,0px0px"]
        .iter()
        .any(|start| value.starts_with(start))
}

/// Shrunk to nothing, or far away from where it would be.
fn is_moved_away(value: &str) -> bool {
    let shrunk = ["scale(0", "scalex(0", "scaley(0", "scale3d(0"].iter().any(|start| {
        value.split_once(start).is_some_and(|(_, rest)| rest.starts_with([')', ',', ' ']) || rest.starts_with(".0"))
    });
    shrunk || value.contains("translate") && numbers(value).any(|long| long <= -900.0)
}

/// The colours that are known: the few that hiding needs, and numbers.
fn colour(value: &str) -> Option<Colour> {
    match value {
        "transparent" => return Some([0; 4]),
        "white" => return Some(WHITE),
        "black" => return Some([0, 0, 0, 255]),
        "snow" | "ivory" | "floralwhite" | "ghostwhite" | "whitesmoke" | "mintcream" | "azure" => {
            return Some([250, 250, 250, 255]);
        }
        _ => {}
    }
    if let Some(digits) = value.strip_prefix('#') {
        let digit = |at: usize| digits.as_bytes().get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let pair = |at: usize| u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok();
        let single = |at: usize| u8::try_from(digit(at)? * 17).ok();
        return match digits.len() {
            3 => Some([single(0)?, single(1)?, single(2)?, 255]),
            4 => Some([single(0)?, single(1)?, single(2)?, single(3)?]),
            6 => Some([pair(0)?, pair(2)?, pair(4)?, 255]),
            8 => Some([pair(0)?, pair(2)?, pair(4)?, pair(6)?]),
            _ => None,
        };
    }
    let inside = value.strip_prefix("rgba(").or_else(|| value.strip_prefix("rgb("))?.strip_suffix(')')?;
    let parts: Vec<f64> = inside.split([',', ' ', '/']).filter(|part| !part.is_empty()).filter_map(part).collect();
    let [red, green, blue, rest @ ..] = parts.as_slice() else { return None };
    let byte = |value: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to a byte")]
        let byte = value.clamp(0.0, 255.0) as u8;
        byte
    };
    Some([byte(*red), byte(*green), byte(*blue), rest.first().map_or(255, |opaque| byte(*opaque * 255.0))])
}

/// Whether letters of this colour cannot be told from what is behind them.
fn is_unseen(ink: Colour, ground: Option<Colour>) -> bool {
    let near = |ground: Colour| ink.iter().zip(ground).take(3).all(|(one, other)| one.abs_diff(other) < 9);
    ink[3] < 13 || ground.is_some_and(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hides(style: &str) -> Option<&'static str> {
        Style::of(style).hides(Some(WHITE))
    }

    #[test]
    fn what_nobody_sees_is_hidden_in_whatever_way() {
        for style in [
            "display:none",
            "DISPLAY : None !important",
            "display:/* x */none",
            r"dis\70 lay: n\6fne",
            "visibility: hidden",
            "color:red;opacity:0",
            "opacity: 0.0",
            "opacity:1%",
            "font-size:0",
            "font-size: 1px",
            "font: 0/0 a",
            "color: transparent",
            "color: rgba(0, 0, 0, 0)",
            "color: #fff",
            "color:#fefefe",
            "color: rgb(255 255 255)",
            "color: #123456; background: #123456 url(x.png)",
            "width:1px;height:1px;overflow:hidden",
            "max-height: 0; overflow: hidden",
            "position:absolute;left:-9999px",
            "position: fixed; top: -100vh",
            "text-indent:-999em",
            "margin-left: -10000px",
            "position:absolute; clip: rect(0 0 0 0)",
            "position:absolute; clip: rect(1px, 1px, 1px, 1px)",
            "clip-path: inset(50%)",
            "transform: scale(0)",
            "color:#fff; background: transparent",
            "transform: translateX(-9999px)",
            "filter: opacity(0)",
            "content-visibility: hidden",
        ] {
            assert!(hides(style).is_some(), "{style}");
        }
    }

    #[test]
    fn what_is_seen_is_not_hidden() {
        for style in [
            "",
            "display:block",
            "display:none;display:block",
            "visibility:visible",
            "opacity:.9",
            "font-size:14px",
            "font: 10px/1 a",
            "font-size: 0.9em",
            "color:#fff;background:#000",
            "color: white; background-color: rgb(10, 20, 30)",
            "color: #333",
            "height: 0",
            "overflow:hidden",
            "position:absolute;left:-20px",
            "text-indent: -1em",
            "margin-left:-15px",
            "transform: scale(0.5)",
            "transform: translate(-50%, -50%)",
            "clip-path: circle(40%)",
            "background: none",
        ] {
            assert_eq!(hides(style), None, "{style}");
        }
        assert_eq!(Style::of("color:#fff").hides(None), None, "the ground is not known");
    }

    #[test]
    fn rules_are_those_that_hold_on_every_screen() {
        let css = "/* a { } */ @charset 'x'; .a, b > c { display: none } @media print { .p { display:none } }\
                   @media (max-width: 5px) { .m { display:none } } @media screen { .s { opacity:0 } }\
                   @font-face { src: url(x) } @layer base { @supports (display: grid) { #l::before { content: '}' } } }\
                   .n { color: red; & .o { display: none } } @keyframes k { from { opacity: 0 } } .broken { display:none";
        let found = rules(css);
        let selectors: Vec<_> = found.iter().map(|rule| rule.selector.as_str()).collect();
        assert_eq!(selectors, [".a, b > c", ".s", "#l::before", ".n", ".broken"]);
        let hiding: Vec<_> = found.iter().map(|rule| rule.style.hides(None).is_some()).collect();
        assert_eq!(hiding, [true, true, false, false, true]);
    }

    #[test]
    fn whatever_is_written_comes_to_an_end() {
        for css in [
            "{",
            "}",
            "@",
            "a{b{c{",
            "\\",
            "a{'",
            "/*",
            "a{;:;}",
            "\u{e9}{\\\u{e9}}",
            "@media{@media{@media{@media{@media{a{display:none}",
        ] {
            let _ = rules(css);
            let _ = Style::of(css).hides(Some(WHITE));
        }
    }
}
