//! What lies in `deploy/` is held against the binary: it can be told what is written there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::{here, legwork};

/// The files of the folder that people use, by name.
fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(here("deploy")).unwrap().map(|entry| entry.unwrap());
    let read = |entry: std::fs::DirEntry| {
        let text = std::fs::read_to_string(entry.path()).ok()?;
        Some((entry.file_name().into_string().unwrap(), text))
    };
    entries.filter_map(read).collect()
}

fn help(verb: &str) -> String {
    let output = legwork().args(verb.split(' ')).arg("--help").output().unwrap();
    assert!(output.status.success(), "there is no `legwork {verb}`");
    String::from_utf8(output.stdout).unwrap()
}

/// The words of a text that begin so and go on with letters of this kind.
fn words<'a>(text: &'a str, begin: &'a str, goes_on: fn(char) -> bool) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin).map(move |(at, _)| {
        let rest = &text[at + begin.len()..];
        &text[at..at + begin.len() + rest.find(|c| !goes_on(c)).unwrap_or(rest.len())]
    })
}

fn variables(text: &str) -> BTreeSet<&str> {
    words(text, "LEGWORK_", |c| c.is_ascii_uppercase() || c == '_').collect()
}

#[test]
fn every_variable_is_one_that_serve_reads() {
    let help = help("serve");
    let known = variables(&help);
    let mut found = 0;
    for (file, text) in files() {
        // `LEGWORK_…` and `LEGWORK_NAME` stand for all of them.
        for name in variables(&text).into_iter().filter(|name| !["LEGWORK_", "LEGWORK_NAME"].contains(name)) {
            assert!(known.contains(name), "{file}: {name} is no variable of `legwork serve`");
            found += 1;
        }
    }
    assert!(found > 5, "they were looked for: {found}");
}

#[test]
fn every_command_line_is_one_that_legwork_takes() {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    for verb in ["serve", "backup", "key create"] {
        let (help, call) = (help(verb), format!("legwork {verb}"));
        let options: BTreeSet<_> = words(&help, "--", is_word).collect();
        let mut found = 0;
        for (file, text) in files() {
            for (at, _) in text.match_indices(&call) {
                let line = text[at..].split(['`', '\n']).next().unwrap();
                for option in words(line, "--", is_word) {
                    assert!(options.contains(option), "{file}: `{call}` knows no {option}");
                }
                found += 1;
            }
        }
        assert!(found > 0, "`{call}` stands somewhere");
    }
}

#[test]
fn options_in_words_are_options_of_serve() {
    let help = help("serve");
    for option in ["--drain", "--role"] {
        let named = files().values().any(|text| text.contains(option));
        assert!(named && help.contains(option), "{option} is explained in deploy/ and exists");
    }
}

/// The seconds in a line like `timeout server 61m`.
fn seconds(text: &str, name: &str) -> Duration {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap();
    let (number, unit) = line.trim().split_at(line.trim().find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len()));
    let number = number.parse().unwrap();
    if unit == "m" { Duration::from_mins(number) } else { Duration::from_secs(number) }
}

#[test]
fn the_proxy_waits_longer_than_a_result_can_be_held() {
    let proxy = &files()["haproxy.cfg"];
    for side in ["timeout client", "timeout server"] {
        assert!(seconds(proxy, side) > Duration::from_hours(1), "{side}");
    }
}

#[test]
fn a_stop_has_more_time_than_it_takes() {
    // What `legwork serve --help` says it takes, when nothing else is said.
    let drain = Duration::from_secs(10);
    assert!(seconds(&files()["legwork.service"], "TimeoutStopSec=") > drain * 2);
    assert!(seconds(&files()["compose.yaml"], "stop_grace_period:") > drain * 2);
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_repository() {
    let toolchain = std::fs::read_to_string(here("rust-toolchain.toml")).unwrap();
    let version = toolchain.split('"').nth(1).unwrap();
    let image = &files()["Dockerfile"];
    assert!(image.contains(&format!("FROM rust:{version}-")) && image.contains(&format!("RUSTUP_TOOLCHAIN={version}")));
}
