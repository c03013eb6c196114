//! The processes that share a store: what each says of itself, how long that holds, and whether they fit together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::time::Micros;

/// How often a node says that it lives.
pub const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);
/// How long a node counts as alive after it was last seen. It may be late twice.
pub const ALIVE_FOR: Duration = Duration::from_secs(30);
/// How many names a sentence holds.
const TOLD: usize = 3;

/// A process that shares the store, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// What it does.
    pub role: Role,
    /// What its machine is called.
    pub host: String,
    /// Where it listens. That may be every address of its machine.
    pub address: SocketAddr,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started_at: Micros,
    /// When it was last heard of.
    pub seen_at: Micros,
    /// What it works with; empty when it only answers. What decides a processor's answers is `None` as long as that is not
    /// known yet: it is still reading documents.
    pub processors: BTreeMap<String, Option<Fingerprint>>,
}

impl Node {
    /// Whether it counts as alive.
    pub fn is_alive(&self, now: Micros) -> bool {
        now < self.seen_at + ALIVE_FOR
    }

    /// Whether it does not know yet what some of its processors will answer from.
    pub fn is_reading(&self) -> bool {
        self.processors.values().any(Option::is_none)
    }
}

/// What a process does. All of them share the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Answers callers and works.
    All,
    /// Answers callers.
    Api,
    /// Works.
    Worker,
}

impl Role {
    /// Whether it works on runs.
    pub fn works(self) -> bool {
        match self {
            Self::All | Self::Worker => true,
            Self::Api => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        })
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        [Self::All, Self::Api, Self::Worker].into_iter().find(|role| role.to_string() == text).ok_or(UnknownRole)
    }
}

/// The text is not what a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is `all`, `api` or `worker`")]
pub struct UnknownRole;

/// What decides a processor's answers, in short: the program, the documents, the settings. Two of one name with equal
/// fingerprints answer alike. Sixteen lower-case hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = BadFingerprint;

    fn try_from(text: String) -> Result<Self, BadFingerprint> {
        let read = u64::from_str_radix(&text, 16).map(Self).map_err(|_| BadFingerprint)?;
        if read.to_string() == text { Ok(read) } else { Err(BadFingerprint) }
    }
}

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 16 lower-case hex digits")]
pub struct BadFingerprint;

/// What an operator should know of the nodes that are alive. As text it says what to do, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worry {
    /// Nobody works: what is accepted waits.
    NobodyWorks,
    /// Processors of one name are not the same everywhere: what a run is answered depends on who takes it.
    Differ {
        /// Their names, in order.
        processors: Vec<String>,
        /// The nodes that agree with each other, side by side.
        sides: Vec<Vec<NodeId>>,
        /// Whether these nodes are of different versions, which alone makes processors differ.
        versions: bool,
    },
}

/// What there is to say of the nodes that are alive.
pub fn worries(nodes: &[Node]) -> Vec<Worry> {
    let working: Vec<&Node> = nodes.iter().filter(|node| node.role.works()).collect();
    if working.is_empty() {
        return vec![Worry::NobodyWorks];
    }
    let names: BTreeSet<&String> = working.iter().flat_map(|node| node.processors.keys()).collect();
    // Usually all processors differ in the same way, and that is one thing to say.
    let mut found: BTreeMap<Vec<Vec<NodeId>>, Vec<String>> = BTreeMap::new();
    for name in names {
        let sides = sides(&working, name);
        if sides.len() > 1 {
            found.entry(sides).or_default().push(name.clone());
        }
    }
    let differ = |(sides, processors): (Vec<Vec<NodeId>>, _)| {
        let involved = working.iter().filter(|node| sides.iter().flatten().any(|id| *id == node.id));
        let versions: BTreeSet<&str> = involved.map(|node| node.version.as_str()).collect();
        Worry::Differ { processors, sides, versions: versions.len() > 1 }
    };
    found.into_iter().map(differ).collect()
}

/// The nodes that have this processor, those together whose are the same. Who still reads is left out.
fn sides(working: &[&Node], name: &str) -> Vec<Vec<NodeId>> {
    let mut by_print: BTreeMap<Fingerprint, BTreeSet<NodeId>> = BTreeMap::new();
    for node in working {
        if let Some(Some(fingerprint)) = node.processors.get(name) {
            by_print.entry(*fingerprint).or_default().insert(node.id);
        }
    }
    let mut sides: Vec<Vec<NodeId>> = by_print.into_values().map(|side| side.into_iter().collect()).collect();
    sides.sort();
    sides
}

impl fmt::Display for Worry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyWorks => {
                f.write_str("no process works on runs, so those that are accepted wait: start one with `--role worker`")
            }
            Self::Differ { processors, sides, versions } => {
                let sides: Vec<String> =
                    sides.iter().map(|side| listed(side.iter().map(NodeId::to_string).collect())).collect();
                let (noun, why) = (
                    if processors.len() == 1 { "the processor" } else { "the processors" },
                    if *versions {
                        "run the same version everywhere, with the same documents"
                    } else {
                        "give every process the same documents (those that have just changed are seen within a minute)"
                    },
                );
                let names = listed(processors.clone());
                write!(f, "{noun} {names} may answer differently on {}: {why}", sides.join(" than on "))
            }
        }
    }
}

/// `a, b, c and 15 more`.
fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    let last = if more > 0 { Some(format!("{more} more")) } else { names.pop() };
    match (names.is_empty(), last) {
        (true, last) => last.unwrap_or_default(),
        (false, None) => names.join(", "),
        (false, Some(last)) => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Micros = Micros(1_000_000_000);

    fn node(number: u64, role: Role, processors: &[(&str, u64)]) -> Node {
        // Nothing known yet is 0 here.
        let known = |print: u64| (print > 0).then_some(Fingerprint(print));
        Node {
            id: NodeId(number),
            role,
            host: "here".to_owned(),
            address: ([127, 0, 0, 1], 8787).into(),
            version: "0.1.0".to_owned(),
            started_at: T,
            seen_at: T,
            processors: processors.iter().map(|(name, print)| ((*name).to_owned(), known(*print))).collect(),
        }
    }

    fn differ(processors: &[&str], sides: &[&[u64]], versions: bool) -> Worry {
        let processors = processors.iter().map(|name| (*name).to_owned()).collect();
        let sides = sides.iter().map(|side| side.iter().map(|id| NodeId(*id)).collect()).collect();
        Worry::Differ { processors, sides, versions }
    }

    #[test]
    fn a_node_lives_for_a_while_after_it_was_seen() {
        let node = node(1, Role::All, &[]);
        assert!(node.is_alive(T) && node.is_alive(T + ALIVE_FOR - Duration::from_micros(1)));
        assert!(!node.is_alive(T + ALIVE_FOR));
        assert!(ANNOUNCE_EVERY * 2 < ALIVE_FOR);
    }

    #[test]
    fn equal_names_that_differ_are_told_with_those_who_have_them() {
        let mut nodes = vec![
            node(3, Role::All, &[("base", 7), ("lite", 7), ("own", 1)]),
            node(1, Role::Worker, &[("base", 7), ("lite", 7)]),
            node(2, Role::All, &[("base", 8), ("lite", 8), ("own", 2)]),
            node(4, Role::Api, &[("base", 9)]),
        ];
        let one_day = [differ(&["base", "lite"], &[&[1, 3], &[2]], false), differ(&["own"], &[&[2], &[3]], false)];
        assert_eq!(worries(&nodes), one_day);
        nodes[2].version = "0.2.0".to_owned();
        let next = worries(&nodes);
        assert_eq!(next[0], differ(&["base", "lite"], &[&[1, 3], &[2]], true));
    }

    #[test]
    fn those_that_are_the_same_or_that_nobody_else_has_are_no_worry() {
        let nodes = [node(1, Role::All, &[("base", 7), ("own", 1)]), node(2, Role::All, &[("base", 7), ("lite", 2)])];
        assert_eq!(worries(&nodes), []);
    }

    #[test]
    fn who_still_reads_is_not_compared() {
        let nodes = [node(1, Role::All, &[("base", 7)]), node(2, Role::All, &[("base", 0)])];
        assert_eq!(worries(&nodes), []);
        assert_eq!(nodes.map(|node| node.is_reading()), [false, true]);
    }

    #[test]
    fn that_nobody_works_is_told() {
        assert_eq!(worries(&[]), [Worry::NobodyWorks]);
        assert_eq!(worries(&[node(1, Role::Api, &[("base", 7)])]), [Worry::NobodyWorks]);
        assert_eq!(worries(&[node(1, Role::Worker, &[])]), []);
    }

    #[test]
    fn a_worry_says_what_to_do() {
        let told = |worry: Worry| worry.to_string();
        assert_eq!(
            told(differ(&["a", "b", "c", "d", "e"], &[&[1, 2], &[3]], false)),
            "the processors a, b, c and 2 more may answer differently on node_0000000000000001 and \
             node_0000000000000002 than on node_0000000000000003: give every process the same documents (those that have \
             just changed are seen within a minute)"
        );
        assert_eq!(
            told(differ(&["a"], &[&[1], &[2]], true)),
            "the processor a may answer differently on node_0000000000000001 than on node_0000000000000002: run the same \
             version everywhere, with the same documents"
        );
        assert!(told(Worry::NobodyWorks).contains("--role worker"));
    }

    #[test]
    fn roles_and_fingerprints_read_what_they_show() {
        for role in [Role::All, Role::Api, Role::Worker] {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        assert_eq!("both".parse::<Role>(), Err(UnknownRole));
        let print = Fingerprint(0x99_a1b2);
        let text = serde_json::to_string(&print).unwrap();
        assert_eq!(text, "\"000000000099a1b2\"");
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), print);
        for odd in ["", "99a1b2", "000000000099A1B2", "+00000000099a1b2", "reading"] {
            assert_eq!(Fingerprint::try_from(odd.to_owned()), Err(BadFingerprint), "{odd:?}");
        }
    }
}
