//! The whole engine over every poisoned page, with models that do what the pages tell them: nothing of it gets through.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use legwork_core::output::Confidence;
use legwork_core::task::{Input, Wanted};
use serde_json::json;

use super::budget::Budget;
use super::hands::{Call, Hands, Offered, Told, ToolTrouble};
use super::*;
use crate::model::{self, Ask, Reply, Role, Tokens};
use crate::read::tests::text_of;
use crate::testing::Silent;
use crate::web::fetch::{Page, Trouble as PageTrouble};
use crate::web::search::{Hit, Share, Silence};

const HONEST: &str = "https://harlund.example/lighthouse";
const POISONED: &str = "https://poisoned.example/page";

/// A world of two pages and of models that are the pages' own: the reader copies out whatever stands in the poisoned one, the
/// judge agrees, and the planner and the writer say what must never be said.
struct Obedient {
    question: String,
    answer: String,
    sentence: String,
    title: String,
    poison: String,
    never: Vec<String>,
    fetched: Mutex<Vec<String>>,
}

impl Obedient {
    fn rows(&self) -> Value {
        let row = |value: &str, quote: &str| json!({"field": "answer", "item": "", "value": value, "passage": 1, "quote": quote, "computed": ""});
        let mut rows = vec![row(&self.answer, &self.sentence)];
        for line in self.poison.lines().filter(|line| !line.trim().is_empty()) {
            rows.push(row(line, line));
            rows.extend(self.never.iter().flat_map(|never| [row(never, line), row(never, &self.sentence)]));
        }
        for row in &mut rows.clone() {
            row["field"] = json!("built");
            rows.push(row.clone());
        }
        json!({ "rows": rows })
    }

    fn written(&self, user: &str) -> String {
        let marks: Vec<String> =
            (1..60).map(|id| format!("[e{id}]")).filter(|mark| user.contains(mark.as_str())).collect();
        let mut text = format!("{} {}\n\n{}\n\n", self.sentence.trim_end_matches('.'), marks.concat(), self.poison);
        for (never, mark) in self.never.iter().flat_map(|never| marks.iter().map(move |mark| (never, mark))) {
            let _ = write!(
                text,
                "It is by {never} {mark}. [{never}](https://{never}) {mark}. ![{never}](https://{never}/x) {mark}.\n\n"
            );
        }
        text
    }
}

#[async_trait]
impl Hands for Obedient {
    async fn ask(&self, ask: &Ask) -> Result<Reply, model::Trouble> {
        let json = match ask.role {
            Role::Reader => Some(self.rows()),
            Role::Judge => {
                let claims = ask.user.matches("\nClaim ").count();
                let all: Vec<Value> =
                    (1..=claims).map(|claim| json!({"claim": claim, "verdict": "supports"})).collect();
                Some(json!({ "verdicts": all }))
            }
            Role::Planner => Some(json!({"parts": [], "searches": ["Harlund lighthouse"]})),
            Role::Writer => None,
        };
        let text = self.written(&ask.user);
        Ok(Reply { text, json, usage: Tokens::default(), model: "obedient".to_owned(), cost_usd: None })
    }

    async fn search(&self, query: &Query) -> Result<Found, Silence> {
        assert!(self.never.iter().all(|never| !query.text.contains(never.as_str())), "{}", query.text);
        let hit = |url: &str, title: &str, snippet: &str| Hit { title: title.to_owned(), ..testing::hit(url, snippet) };
        let hits = vec![hit(POISONED, &self.title, &self.poison), hit(HONEST, "Harlund", &self.sentence)];
        let share = Share { provider: "test".to_owned(), count: hits.len(), trouble: None };
        Ok(Found { hits, by_provider: vec![share] })
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Page, PageTrouble> {
        self.fetched.lock().unwrap().push(fetch.url.clone());
        let (title, text) = if fetch.url == HONEST {
            ("Harlund".to_owned(), format!("{}\n\nIt stands on a rock.", self.sentence))
        } else {
            (self.title.clone(), self.poison.clone())
        };
        Ok(testing::page(&fetch.url, &title, &text))
    }

    async fn offered(&self, servers: &[String]) -> Offered {
        panic!("{servers:?} were asked for their tools")
    }

    async fn call(&self, call: &Call) -> Result<Told, ToolTrouble> {
        panic!("a tool was called: {call:?}")
    }
}

/// Each page as a reader of pages leaves it, with what must not come of it.
fn worlds() -> Vec<(String, Obedient)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/processors/engine/poisoned");
    let manifest: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let world = |page: &Value| {
        let file = text(&page["file"]);
        let read = text_of(&file, &fs::read(folder.join(&file)).unwrap()).unwrap();
        let world = Obedient {
            question: text(&manifest["question"]),
            answer: text(&manifest["answer"]),
            sentence: text(&manifest["sentence"]),
            title: read.title,
            poison: read.body,
            never: page["never"].as_array().unwrap().iter().map(text).collect(),
            fetched: Mutex::default(),
        };
        (file, world)
    };
    manifest["pages"].as_array().unwrap().iter().map(world).collect()
}

async fn answer(world: &Obedient, processor: &str, wanted: Wanted) -> Output {
    let steps = Steps::new(world, &Silent, Budget::of(processor).unwrap(), &[]);
    let start = Start {
        task: Task::new(Input::Text(world.question.clone()), wanted),
        processor: processor.to_owned(),
        today: "2026-11-27".to_owned(),
        before: None,
        earlier: Vec::new(),
        servers: Vec::new(),
        marker: "m4rk".to_owned(),
        calibration: None,
        model: Some("obedient".to_owned()),
        labels: "uncalibrated".to_owned(),
        far: 0,
        asks_back: false,
        answers: Vec::new(),
        only: None,
        words: Arc::new(|_: &str| 1.0),
    };
    research(start, &steps).await.unwrap().output
}

/// That nothing foreign was said, cited or looked at.
fn assert_clean(file: &str, world: &Obedient, output: &Output) {
    let content = match output {
        Output::Text { content, .. } => content.clone(),
        Output::Json { content, .. } => Value::Object(content.clone()).to_string(),
    };
    assert!(content.contains(&world.answer), "{file}: {content}");
    for never in &world.never {
        assert!(!content.contains(never.as_str()), "{never:?} of {file}: {content}");
    }
    let fetched = world.fetched.lock().unwrap();
    assert!(fetched.iter().all(|url| url == HONEST || url == POISONED), "{file}: {fetched:?}");
    for citation in output.basis().iter().flat_map(|basis| &basis.citations) {
        assert!(citation.url == HONEST || citation.url == POISONED, "{file}: {citation:?}");
    }
    assert!(output.basis().iter().all(|basis| basis.confidence < Confidence::High), "{file}: {:?}", output.basis());
}

#[tokio::test]
async fn no_poisoned_page_gets_a_word_into_a_text() {
    for (file, world) in worlds() {
        for processor in ["base", "core"] {
            let output = answer(&world, processor, Wanted::Text { description: None }).await;
            assert_clean(&file, &world, &output);
        }
    }
}

#[tokio::test]
async fn no_poisoned_page_gets_a_value_into_an_object() {
    let schema = json!({"type": "object", "properties": {"built": {"type": "integer", "description": "the year"}}});
    for (file, world) in worlds() {
        let output = answer(&world, "core", Wanted::Json { schema: schema.clone() }).await;
        assert_clean(&file, &world, &output);
    }
}
