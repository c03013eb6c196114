//! Imports point inwards: between the packages as between the parts of this one. A new line in a table here is a
//! change of the design; say why in the pull request.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the source has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Which package may use which of ours; `core ← api ← server ← legwork`.
const PACKAGES: &[(&str, &str, &[&str])] = &[
    ("legwork-core", "crates/core", &[]),
    ("legwork-api", "crates/api", &["legwork-core"]),
    // What turns sentences into vectors knows nothing of runs.
    ("legwork-embed", "crates/embed", &[]),
    ("legwork-server", "crates/server", &["legwork-core", "legwork-api", "legwork-embed"]),
    ("legwork", ".", &["legwork-core", "legwork-api", "legwork-server"]),
];

/// Which part of the server may use which. `app` puts all of them together.
const PARTS: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "clock",
            "config",
            "follow",
            "http",
            "indexer",
            "keys",
            "machine",
            "metrics",
            "model",
            "nodes",
            "processors",
            "reach",
            "runs",
            "store",
            "sweep",
            "web",
            "webhooks",
            "worker",
        ],
    ),
    ("clock", &["store"]),
    ("config", &[]),
    ("documents", &["folder", "processors"]),
    ("folder", &["config"]),
    ("follow", &["metrics"]),
    // `/ready` says which models are in use.
    ("http", &["follow", "keys", "metrics", "model", "nodes", "processors", "runs", "schema", "webhooks"]),
    ("indexer", &["runs"]),
    ("keys", &["clock", "config"]),
    ("lifecycle", &["app", "config", "folder", "http", "keys", "machine", "model", "processors", "store"]),
    ("machine", &[]),
    ("metrics", &[]),
    ("model", &["config", "metrics", "schema"]),
    ("nodes", &["clock", "processors"]),
    // A researcher asks models and the web; how its budgets are is configured.
    ("processors", &["clock", "config", "model", "read", "source", "web"]),
    // Where this server may go, for all who have an address from somebody else.
    ("reach", &["config"]),
    ("read", &["machine"]),
    ("runs", &["clock"]),
    ("schema", &[]),
    // What is kept of a cited text: written where it is cited, and moved with the store.
    ("source", &[]),
    ("store", &["config", "metrics", "source"]),
    ("sweep", &["runs", "worker"]),
    ("transfer", &["config", "folder", "store"]),
    ("web", &["clock", "config", "reach", "read", "source"]),
    ("webhooks", &["config", "follow", "keys", "metrics", "reach", "runs"]),
    ("worker", &["follow", "processors", "runs"]),
];

/// Which parts may name a library that has one place only.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("rlimit", &["machine"]),
    // What was read of documents is kept in a file of its own: it may be thrown away, the store may not.
    ("rusqlite", &["processors", "store"]),
    ("rustix", &["machine"]),
    ("axum", &["http"]),
    ("hyper", &["http", "reach", "web", "webhooks"]),
    ("jsonschema", &["schema"]),
    // A stream is encoded where it is read, once for all who follow.
    ("legwork_api", &["config", "follow", "http", "keys", "model", "worker", "schema", "web", "webhooks"]),
    ("reqwest", &["model", "web"]),
    ("sse_stream", &["model", "web"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn packages_use_only_those_to_their_left() {
    for (name, folder, may) in PACKAGES {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let own = manifest.split("[package]").nth(1).unwrap();
        let uses: BTreeSet<_> = own
            .lines()
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|key| key.starts_with("legwork"))
            .collect();
        let may: BTreeSet<_> = may.iter().copied().chain([*name]).collect();
        assert!(uses.is_subset(&may), "{name} uses {uses:?}, and may use {may:?}");
    }
}

/// The files of a part, without its tests.
fn files(of: &Path) -> Vec<PathBuf> {
    if of.is_file() {
        return vec![of.to_owned()];
    }
    let entries = fs::read_dir(of).into_iter().flatten().map(|entry| entry.unwrap().path());
    let code = entries.filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "rs"));
    code.filter(|path| !path.ends_with("tests.rs")).flat_map(|path| files(&path)).collect()
}

fn parts() -> impl Iterator<Item = (String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let entries = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    entries.filter_map(|path| {
        let part = path.file_stem()?.to_str()?.to_owned();
        let test_only = ["lib", "testing", "days"].contains(&part.as_str());
        let text: String = files(&path).iter().map(|file| without_tests(&fs::read_to_string(file).unwrap())).collect();
        (!test_only).then_some((part, text))
    })
}

/// Tests at the end of a file may use what they like.
fn without_tests(text: &str) -> String {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

fn named<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split(before).skip(1));
    after.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()).collect()
}

#[test]
fn parts_of_the_server_use_only_what_the_table_says() {
    for (part, text) in parts() {
        let row = PARTS.iter().find(|(name, _)| *name == part);
        let (_, may) = row.unwrap_or_else(|| panic!("{part} is not in the table"));
        // What only tests use is marked on the line before, and named in full.
        let uses: BTreeSet<_> =
            named(&text, "crate::").into_iter().filter(|used| *used != part && *used != "testing").collect();
        let known: BTreeSet<_> = PARTS.iter().map(|(name, _)| *name).collect();
        let uses: BTreeSet<_> = uses.intersection(&known).copied().collect();
        let may: BTreeSet<_> = may.iter().copied().collect();
        assert!(uses.is_subset(&may), "{part} uses {uses:?}, and may use {may:?}");
    }
}

#[test]
fn a_library_with_one_place_is_named_nowhere_else() {
    for (part, text) in parts() {
        for (library, places) in LIBRARIES {
            let names =
                text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(&format!("{library}::")));
            assert!(!names || places.contains(&part.as_str()), "{part} names {library}");
        }
    }
}

/// Nothing but `core::decide` produces a new state; stores may read one back from its row.
#[test]
fn states_are_built_in_two_places() {
    let built = ["State::Queued {", "State::Running {", "State::Cancelling {", "State::ActionRequired {"];
    for (part, text) in parts() {
        let builds = text.lines().filter(|line| {
            built.iter().any(|state| line.contains(&format!("=> {state}")) || line.contains(&format!("({state}")))
        });
        let odd: Vec<_> = builds.filter(|line| !line.contains("matches!") && !line.contains("if let")).collect();
        assert!(part == "store" || odd.is_empty(), "{part} builds a state: {odd:?}");
    }
}
