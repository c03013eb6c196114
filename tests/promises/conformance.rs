//! The table of rules and their tests in `tests/sdk/README.md` is whole, and every test in it exists.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::here;

/// How many rules each part has.
const PARTS: [(&str, usize); 8] = [("T", 5), ("C", 14), ("S", 4), ("P", 11), ("E", 15), ("G-", 9), ("W", 9), ("X", 7)];

/// The names of all tests: functions, and the lines of the lists that make some.
fn names(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            into.extend(source.lines().filter_map(name).map(str::to_owned));
        }
    }
}

fn name(line: &str) -> Option<&str> {
    let line = line.trim();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let name = match line.strip_prefix("fn ") {
        Some(function) => function.split('(').next()?,
        None => line.trim_end_matches(';'),
    };
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_').then_some(name)
}

#[test]
fn every_rule_of_the_wire_has_tests_that_exist() {
    let mut known = BTreeSet::new();
    names(&here("tests/promises"), &mut known);
    names(&here("crates"), &mut known);
    let table = std::fs::read_to_string(here("tests/sdk/README.md")).unwrap();
    let mut rules = Vec::new();
    for row in table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")) {
        let [rule, _, tests] = row.split(" | ").collect::<Vec<_>>()[..] else { continue };
        if rule.is_empty() || tests == "proved by" {
            continue;
        }
        rules.push(rule.to_owned());
        for test in tests.split(", ") {
            let test = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
            let last = test.unwrap_or_else(|| panic!("{rule}: {tests}")).rsplit("::").next().unwrap();
            assert!(known.contains(last), "{rule}: there is no {last}");
        }
    }
    let all = PARTS.iter().flat_map(|(part, count)| (1..=*count).map(move |n| format!("{part}{n}")));
    assert_eq!(rules, all.collect::<Vec<_>>());
}
