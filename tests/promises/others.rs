//! Other people's clients, as they are installed: `parallel-cli` of parallel-web-tools, and langchain-parallel.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::sdk::check;
use crate::support::{Server, here, provided};

const QUESTION: &str = "What is the capital of Mongolia?";

/// `parallel-cli` in a folder that is its home too, talking to this server with this key.
struct Cli<'a> {
    program: String,
    folder: &'a Path,
    url: String,
    key: &'static str,
}

impl Cli<'_> {
    /// Runs it; returns its exit code and what it printed.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder).env("HOME", self.folder).env("NO_COLOR", "1");
        let ran = command.env("PARALLEL_API_URL", &self.url).env("PARALLEL_API_KEY", self.key).output().unwrap();
        eprintln!("{}", String::from_utf8_lossy(&ran.stderr));
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    }

    fn text(&self, arguments: &[&str]) -> String {
        let (code, printed) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {printed}");
        printed
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }
}

/// A server with these arguments, and the command pointed at it.
fn with_cli(arguments: &[&str], body: impl FnOnce(Cli<'_>)) {
    let Some(program) = provided("LEGWORK_TEST_PARALLEL_CLI") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("store"), arguments);
    body(Cli { program, folder: folder.path(), url: server.url(), key: "any" });
}

#[test]
fn the_cli_researches() {
    with_cli(&[], |cli| {
        let told = cli.json(&["research", "run", QUESTION, "--poll-interval", "1", "--json"]);
        assert_eq!(told["status"], "completed");
        assert_eq!(told["output"]["content"], json!({"capital_of_mongolia": "Ulaanbaatar"}));
        let told = cli.text(&["research", "run", QUESTION, "--no-wait", "--text"]);
        let id = told.split_whitespace().find(|word| word.starts_with("trun_")).unwrap();
        assert!(cli.text(&["research", "status", id]).contains("Status: "));
        assert_eq!(cli.json(&["research", "status", id, "--json"])["run_id"], id);
        let told = cli.json(&["research", "poll", id, "--poll-interval", "1", "--json", "-o", "report"]);
        assert_eq!((&told["status"], &told["output"]["type"]), (&json!("completed"), &json!("text")));
        assert!(std::fs::read_to_string(cli.folder.join("report.md")).unwrap().contains("Ulaanbaatar"));
        let more =
            cli.json(&["research", "run", "And of Chad?", "--previous-interaction-id", id, "--no-wait", "--json"]);
        assert_eq!(more["status"], "queued");
    });
}

#[test]
fn the_cli_enriches() {
    with_cli(&[], |cli| {
        let task = [
            "enrich",
            "run",
            "--data",
            r#"[{"country":"Mongolia"},{"country":"Chad"}]"#,
            "--source-columns",
            r#"[{"name":"country","description":"a country"}]"#,
            "--enriched-columns",
            r#"[{"name":"capital","description":"its capital city"}]"#,
            "--json",
            "--target",
            "answers.csv",
        ];
        let rows = cli.json(&task);
        assert_eq!((&rows[0]["capital"], &rows[1]["capital"]), (&json!("Ulaanbaatar"), &json!("N'Djamena")));
        let started = cli.json(&[&task[..], &["--no-wait"]].concat());
        let group = started["taskgroup_id"].as_str().unwrap();
        let rows = cli.json(&["enrich", "poll", group, "--poll-interval", "1", "--json"]);
        assert_eq!(rows[1], json!({"input": {"country": "Chad"}, "output": {"capital": "N'Djamena"}}));
        let status = cli.json(&["enrich", "status", group, "--json"]);
        assert_eq!((&status["status_counts"], &status["is_active"]), (&json!({"completed": 2}), &json!(false)));
    });
}

#[test]
fn the_cli_tells_refusals_in_our_words() {
    with_cli(&["--accept-key", "any"], |mut cli| {
        let unknown = "trun_00000000000000000000000000000001";
        let (code, told) = cli.run(&["research", "status", unknown, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((code, told["error"]["message"].as_str()), (Some(4), Some(&*format!("there is no run {unknown}"))));
        cli.key = "another";
        let (code, told) = cli.run(&["research", "status", unknown, "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((code, &told["error"]["type"]), (Some(4), &json!("AuthenticationError")), "{told}");
    });
}

macro_rules! langchain {
    ($($name:ident)*) => {
        mod langchain {
            $(#[test] fn $name() { super::langchain_check(stringify!($name)); })*
        }
    };
}

fn langchain_check(name: &str) {
    let program = provided("LEGWORK_TEST_LANGCHAIN_PYTHON").map(|python| {
        let mut program = Command::new(python);
        program.arg(here("tests/sdk/langchain_checks.py"));
        program
    });
    check(program, name, &[]);
}

langchain!(
    tool
    deep_research
    mcp
    interaction_with_a_schema_in_no_envelope
    task_group
    enrichment
    webhook
);
