//! What a `robots.txt` says to us, as RFC 9309 has it. Pure.
//!
//! Our own, and not `texting_robots`: that one would bring older copies of `regex-automata`, `nom` and `thiserror` into
//! the build, for what is a page of code; and a pattern is matched here in time that its length bounds.

/// As much of a file is read as everybody has to, and no more.
pub(super) const MOST: usize = 500 << 10;
/// A file with more rules than this for us is read so far.
const RULES: usize = 10_000;

/// The rules for one robot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Robots {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// As paths are compared, with its `*` and a `$` at its end.
    pattern: String,
}

/// Whom the lines that follow are for.
#[derive(Clone, Copy, Default)]
struct Group {
    ours: bool,
    everybodys: bool,
}

impl Robots {
    /// Reads the rules for the robot of this name: of all groups that name it, or else of those for everybody.
    pub(super) fn read(text: &str, robot: &str) -> Self {
        let (mut own, mut general) = (None, Self::default());
        let (mut group, mut naming) = (Group::default(), false);
        let lines = text.trim_start_matches('\u{feff}').split(['\n', '\r']);
        for line in lines {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if !naming {
                        group = Group::default();
                    }
                    naming = true;
                    group.name(value, robot);
                    if group.ours {
                        own.get_or_insert_with(Self::default);
                    }
                }
                "allow" | "disallow" => {
                    naming = false;
                    let allows = key == "allow";
                    if let Some(own) = own.as_mut().filter(|_| group.ours) {
                        own.add(allows, value);
                    }
                    if group.everybodys {
                        general.add(allows, value);
                    }
                }
                // What else there may be is for others, and ends no group.
                _ => {}
            }
        }
        own.unwrap_or(general)
    }

    fn add(&mut self, allows: bool, value: &str) {
        // A rule without a path says nothing.
        if !value.is_empty() && self.rules.len() < RULES {
            self.rules.push(Rule { allows, pattern: comparable(value, true) });
        }
    }

    /// Whether a path, with what follows its `?`, may be asked for. The longest rule that fits decides; of two as long the one
    /// that allows.
    pub(super) fn allows(&self, path: &str) -> bool {
        if path == "/robots.txt" {
            return true;
        }
        let path = comparable(path, false);
        let fitting = self.rules.iter().filter(|rule| fits(rule.pattern.as_bytes(), path.as_bytes()));
        fitting.max_by_key(|rule| (rule.pattern.len(), rule.allows)).is_none_or(|rule| rule.allows)
    }
}

impl Group {
    fn name(&mut self, value: &str, robot: &str) {
        // Some write a version behind the name.
        let end = value.find(|c: char| !c.is_ascii_alphabetic() && c != '_' && c != '-').unwrap_or(value.len());
        self.everybodys |= value.starts_with('*');
        self.ours |= value[..end].eq_ignore_ascii_case(robot);
    }
}

/// A path as it is compared: what need not be encoded is not, and what has to be is. In a pattern `*` and a `$` at the end
/// are left as the signs that they are.
fn comparable(path: &str, is_pattern: bool) -> String {
    let (mut out, mut rest, mut in_query) = (String::with_capacity(path.len()), path.as_bytes(), false);
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let encoded = (byte == b'%').then(|| behind.get(..2).and_then(hex)).flatten();
        if encoded.is_some() {
            rest = &behind[2..];
        }
        let byte = encoded.unwrap_or(byte);
        let is_sign = encoded.is_none() && is_pattern && (byte == b'*' || byte == b'$' && rest.is_empty());
        let plain = match byte {
            b'*' | b'$' => is_sign,
            // In a query these are the same, encoded or not.
            b':' | b'/' if in_query => false,
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => true,
            byte => encoded.is_none() && byte.is_ascii_graphic(),
        };
        in_query |= byte == b'?' && encoded.is_none();
        if plain {
            out.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digits.iter().try_fold(0, |number, byte| Some(number * 16 + digit(*byte)?))?).ok()
}

/// Whether a pattern fits the beginning of a path, or all of it where it ends in `$`. Takes no longer than the product of
/// both lengths.
fn fits(pattern: &[u8], path: &[u8]) -> bool {
    let (pattern, to_end) = pattern.strip_suffix(b"$").map_or((pattern, false), |pattern| (pattern, true));
    let (mut at, mut seen) = (0, 0);
    // Where to go on when what follows the last `*` does not fit here.
    let mut again: Option<(usize, usize)> = None;
    loop {
        match pattern.get(at) {
            None if !to_end || seen == path.len() => return true,
            Some(b'*') => {
                again = Some((at, seen));
                at += 1;
            }
            Some(byte) if path.get(seen) == Some(byte) => {
                at += 1;
                seen += 1;
            }
            _ => match again {
                Some((star, from)) if from < path.len() => {
                    again = Some((star, from + 1));
                    at = star + 1;
                    seen = from + 1;
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file in section 5.1 of the RFC.
    const EXAMPLE: &str = "User-Agent: *\nDisallow: *.gif$\nDisallow: /example/\nAllow: /publications/\n\n\
        User-Agent: foobot\nDisallow:/\nAllow:/example/page.html\nAllow:/example/allowed.gif\n\n\
        User-Agent: barbot\nUser-Agent: bazbot\nDisallow: /example/page.html\n\nUser-Agent: quxbot\n\nEOF\n";

    fn allows(text: &str, robot: &str, path: &str) -> bool {
        Robots::read(text, robot).allows(path)
    }

    #[test]
    fn each_robot_of_the_rfc_may_go_where_its_group_says() {
        for (robot, path, may) in [
            ("legwork", "/", true),
            ("legwork", "/a/b.gif", false),
            ("legwork", "/a/b.gif?x", true),
            ("legwork", "/example/", false),
            ("legwork", "/publications/x", true),
            ("foobot", "/", false),
            ("FooBot", "/example/page.html", true),
            ("foobot", "/example/allowed.gif", true),
            ("barbot", "/example/page.html", false),
            ("bazbot", "/example/page.html", false),
            ("barbot", "/example/", true),
            ("quxbot", "/example/page.html", true),
        ] {
            assert_eq!(allows(EXAMPLE, robot, path), may, "{robot} {path}");
        }
    }

    /// Section 5.2 of the RFC.
    #[test]
    fn the_longest_rule_decides_and_of_two_as_long_the_one_that_allows() {
        let text = "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n";
        assert!(allows(text, "foobot", "/example/page/a"));
        assert!(!allows(text, "foobot", "/example/page/disallowed.gif"));
        let text = "User-Agent: *\nDisallow: /page\nAllow: /page\n";
        assert!(allows(text, "foobot", "/page"));
    }

    /// Sections 2.2.2 and 2.2.3 of the RFC.
    #[test]
    fn paths_are_compared_whatever_of_them_is_encoded() {
        for (pattern, path, fit) in [
            ("/foo/bar?baz=quz", "/foo/bar?baz=quz", true),
            ("/foo/bar?baz=https://foo.bar", "/foo/bar?baz=https%3A%2F%2Ffoo.bar", true),
            ("/foo/bar/\u{30c4}", "/foo/bar/%E3%83%84", true),
            ("/foo/bar/%e3%83%84", "/foo/bar/%E3%83%84", true),
            ("/foo/bar/%62%61%7A", "/foo/bar/baz", true),
            ("/a%2Fb", "/a/b", false),
            ("/path/file-with-a-%2A.html", "/path/file-with-a-*.html", true),
            ("/path/file-with-a-%2A.html", "/path/file-with-a-b.html", false),
            ("/path/foo-%24", "/path/foo-$", true),
            ("/path/foo-$", "/path/foo-", true),
            ("/path/foo-$", "/path/foo-$", false),
            ("/a$b", "/a$bc", true),
            ("/100%", "/100%25", true),
        ] {
            assert_eq!(!allows(&format!("User-agent: *\nDisallow: {pattern}"), "x", path), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn signs_stand_for_what_they_do_elsewhere() {
        for (pattern, path, fit) in [
            ("/fish", "/fish.html", true),
            ("/fish", "/Fish.asp", false),
            ("/fish*", "/fishheads/yummy.html", true),
            ("/fish/", "/fish", false),
            ("/*.php", "/folder/filename.php?parameters", true),
            ("/*.php$", "/filename.php/", false),
            ("/fish*.php", "/fishheads/catfish.php?id=1", true),
            ("*", "/anything", true),
            ("/*a*b*c$", "/xaxxbxabxc", true),
            ("/*a*b*c$", "/xaxxbxabxcx", false),
            ("fish", "/fish", false),
        ] {
            assert_eq!(fits(comparable(pattern, true).as_bytes(), path.as_bytes()), fit, "{pattern} {path}");
        }
        let (pattern, path) = ("/*a".repeat(500) + "$", "/a".repeat(1000) + "b");
        assert!(!fits(pattern.as_bytes(), path.as_bytes()), "and it comes to an end");
    }

    #[test]
    fn groups_of_one_robot_are_one_and_what_is_no_rule_is_overread() {
        let text = "\u{feff}Disallow: /lost\r\nUSER-AGENT : Legwork/2.0 # us\rDisallow : /a # why\nCrawl-delay: 5\nDisallow: /b\n\
                    Sitemap: https://example.com/s.xml\nUser-agent: other\nDisallow: /\nuser-agent: legwork\nallow: /b/c\nDisallow:\n<html>\n";
        for (path, may) in
            [("/a", false), ("/b", false), ("/b/c", true), ("/lost", true), ("/", true), ("/robots.txt", true)]
        {
            assert_eq!(allows(text, "legwork", path), may, "{path}");
        }
        assert!(!allows("User-agent: *\nDisallow: /", "legwork", "/x"));
        assert!(allows("", "legwork", "/x"));
        assert!(allows("User-agent: legwork-images\nDisallow: /", "legwork", "/x"), "another's name");
    }
}
