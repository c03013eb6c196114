//! A request as it goes over the wire, made of what is asked and of what is known of the model.

use serde_json::{Map, Value, json};

use super::ask::{Ask, estimate};
use super::endpoint::Fault;
use super::refusal::{Lesson, Quirk, Quirks};
use super::rung::{self, Rung};

/// The same each time, for whoever can make the same answer of the same question.
const SEED: u32 = 7;
/// What a message costs beside its text, in tokens.
const ENVELOPE: u64 = 8;
/// Fewer tokens than this are no room for an answer.
const LEAST: u32 = 128;
/// What a model that thinks is given for that.
const THOUGHTS: u32 = 8192;
/// How much of an answer that was wrong is shown to its model again, in characters.
const SHOWN: usize = 12_000;

/// How something is asked this time.
#[derive(Clone, Debug)]
pub(super) struct Form {
    /// How JSON is asked for, if it is.
    pub(super) rung: Option<Rung>,
    /// The answer was cut off before.
    pub(super) is_brief: bool,
    /// What was wrong with the answer before.
    pub(super) repair: Option<Repair>,
    /// All at once, since a stream had nothing in it: only so it can be refused with a reason.
    pub(super) is_whole: bool,
}

impl Form {
    /// How something is asked at first.
    pub(super) fn first(rung: Option<Rung>) -> Self {
        Self { rung, is_brief: false, repair: None, is_whole: false }
    }
}

/// An answer that does not follow its schema.
#[derive(Clone, Debug)]
pub(super) struct Repair {
    /// The answer.
    pub(super) said: String,
    /// What is wrong with it.
    pub(super) faults: Vec<String>,
}

/// A request.
pub(super) struct Request {
    pub(super) body: Value,
    /// About how many tokens it has.
    pub(super) prompt: u64,
    /// How many the answer may have.
    tokens: u32,
    rung: Option<Rung>,
    quirks: Quirks,
}

/// What is asked does not fit into what the model takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong {
    /// About how many tokens it has.
    pub(super) prompt: u64,
}

impl Request {
    /// The request for this, of a model that takes so many tokens in and out together.
    pub(super) fn new(
        model: &str,
        ask: &Ask,
        form: &Form,
        quirks: Quirks,
        context: Option<u32>,
    ) -> Result<Self, TooLong> {
        let messages = messages(ask, form, &quirks);
        let prompt = messages.iter().map(|(_, text)| estimate(text) + ENVELOPE).sum::<u64>()
            + form.rung.map_or(0, |rung| beside(rung, ask));
        let tokens = room(ask.max_tokens, form.is_brief, &quirks, context, prompt).ok_or(TooLong { prompt })?;
        let messages: Vec<_> = messages.iter().map(|(role, text)| json!({"role": role, "content": text})).collect();
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        set("model", model.into());
        set("messages", messages.into());
        let limit = if quirks.has(Quirk::CompletionTokens) { "max_completion_tokens" } else { "max_tokens" };
        set(limit, tokens.into());
        if !quirks.has(Quirk::NoTemperature) {
            set("temperature", 0.into());
        }
        if !quirks.has(Quirk::NoSeed) {
            set("seed", SEED.into());
        }
        let streams = !form.is_whole && !quirks.has(Quirk::NoStream);
        set("stream", streams.into());
        if streams && !quirks.has(Quirk::NoUsage) {
            set("stream_options", json!({"include_usage": true}));
        }
        if let (Some(rung), Some(schema)) = (form.rung, &ask.schema) {
            rung.members(schema).into_iter().for_each(|(name, value)| set(name, value));
        }
        Ok(Self { body: body.into(), prompt, tokens, rung: form.rung, quirks })
    }

    /// What is to be learned of the model from how it took this.
    pub(super) fn lesson(&self, fault: &Fault) -> Option<Lesson> {
        match fault {
            Fault::Refused(refusal) => self.quirks.lesson(refusal, self.rung, self.tokens),
            Fault::Nobody(_) | Fault::Late(..) | Fault::Cut(_) | Fault::Empty | Fault::Odd(_) => None,
        }
    }
}

/// About how many tokens the schema has where it does not stand in the prompt; most endpoints put it there.
fn beside(rung: Rung, ask: &Ask) -> u64 {
    let schema = ask.schema.as_ref().filter(|_| !rung.is_told());
    schema.map_or(0, |schema| estimate(&schema.schema.to_string()))
}

fn messages(ask: &Ask, form: &Form, quirks: &Quirks) -> Vec<(&'static str, String)> {
    let mut system = ask.system.clone();
    let is_told = form.rung.is_some_and(|rung| rung.is_told() || form.repair.is_some());
    if let Some(schema) = ask.schema.as_ref().filter(|_| is_told) {
        system.push_str("\n\n");
        system.push_str(&rung::told(schema));
    }
    if form.is_brief {
        system.push_str("\n\nBe brief: your last answer was too long to be taken. Leave out what matters least.");
    }
    let mut messages = if quirks.has(Quirk::NoSystem) {
        vec![("user", format!("{system}\n\n{}", ask.user))]
    } else {
        vec![("system", system), ("user", ask.user.clone())]
    };
    if let Some(Repair { said, faults }) = &form.repair {
        let said: String = said.chars().take(SHOWN).collect();
        let faults = faults.join("\n- ");
        messages.push(("assistant", said));
        let again = "Give the whole JSON object again, corrected, and nothing else.";
        messages.push(("user", format!("That does not follow the schema:\n- {faults}\n{again}")));
    }
    messages
}

/// How many tokens the answer may have; `None` when there is no room for one.
fn room(wanted: u32, is_brief: bool, quirks: &Quirks, context: Option<u32>, prompt: u64) -> Option<u32> {
    let wanted = if is_brief { wanted.saturating_mul(2) } else { wanted };
    let wanted = if quirks.has(Quirk::Thinks) { wanted.saturating_add(THOUGHTS) } else { wanted };
    let wanted = quirks.most.map_or(wanted, |most| wanted.min(most));
    let Some(context) = context else { return Some(wanted) };
    let left = u64::from(context).saturating_sub(prompt);
    let left = u32::try_from(left).unwrap_or(u32::MAX);
    (left >= wanted.min(LEAST)).then_some(wanted.min(left))
}

#[cfg(test)]
mod tests {
    use super::super::ask::{Role, Schema};
    use super::*;

    fn ask() -> Ask {
        Ask {
            role: Role::Reader,
            system: "You read.".to_owned(),
            user: "What is it?".to_owned(),
            schema: Some(Schema { name: "rows".to_owned(), schema: json!({"type": "object"}) }),
            max_tokens: 300,
            version: "1".to_owned(),
        }
    }

    #[test]
    fn a_request_is_what_every_endpoint_takes_until_it_says_otherwise() {
        let request = Request::new("m", &ask(), &Form::first(Some(Rung::Strict)), Quirks::default(), None).unwrap();
        insta::assert_json_snapshot!(request.body);
    }

    #[test]
    fn a_request_to_an_endpoint_of_many_quirks_has_nothing_that_it_refused() {
        let mut quirks = Quirks::default();
        for quirk in [
            Quirk::CompletionTokens,
            Quirk::NoUsage,
            Quirk::NoStream,
            Quirk::NoTemperature,
            Quirk::NoSeed,
            Quirk::NoSystem,
            Quirk::Thinks,
        ] {
            quirks.add(quirk);
        }
        quirks.most = Some(4096);
        let repair = Repair { said: "{}".to_owned(), faults: vec!["/rows: is missing".to_owned()] };
        let form = Form { is_brief: true, repair: Some(repair), ..Form::first(Some(Rung::Plain)) };
        insta::assert_json_snapshot!(Request::new("m", &ask(), &form, quirks, None).unwrap().body);
    }

    #[test]
    fn an_answer_has_the_room_that_the_prompt_leaves() {
        let quirks = Quirks::default();
        assert_eq!(room(300, false, &quirks, None, 1_000_000), Some(300));
        assert_eq!(room(300, false, &quirks, Some(4096), 1000), Some(300));
        assert_eq!(room(300, true, &quirks, Some(4096), 1000), Some(600));
        assert_eq!(room(300, false, &quirks, Some(4096), 3900), Some(196));
        assert_eq!(room(300, false, &quirks, Some(4096), 4000), None);
        assert_eq!(room(40, false, &quirks, Some(4096), 4050), Some(40), "who wants little needs little");
        let mut thinks = Quirks::default();
        thinks.add(Quirk::Thinks);
        assert_eq!(room(300, false, &thinks, None, 1000), Some(300 + THOUGHTS));
    }
}
