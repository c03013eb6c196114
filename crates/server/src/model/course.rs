//! The course of one ask, from the first request to an answer that can be used: in the way that the endpoint knows, again with
//! more room when it was cut off, and once more when it does not follow its schema.

use std::fmt::Display;

use serde_json::Value;

use super::answer::{Answer, Finish};
use super::ask::{Ask, Reply};
use super::endpoint::Fault;
use super::refusal::{Lesson, Quirk, Refusal};
use super::request::{Form, Repair, Request, TooLong};
use super::rung::Rung;
use super::salvage;
use super::talker::{Talker, Tally};
use super::trouble::{Kind, Trouble};
use crate::schema::Checker;

/// What a call came to that gave an answer of use.
const OK: &str = "ok";

/// One ask under way.
pub(super) struct Course<'a> {
    talker: &'a Talker,
    ask: &'a Ask,
    tally: Tally<'a>,
    /// Its schema is one that the endpoint does not take in its usual way, which says nothing about others.
    is_odd: bool,
}

/// What is to be said of an answer.
enum Judged {
    /// It follows the schema.
    Fits(Value),
    /// There is no JSON in it.
    Nothing,
    /// It does not follow the schema.
    Faulty(Vec<String>),
}

impl<'a> Course<'a> {
    pub(super) fn new(talker: &'a Talker, ask: &'a Ask, tally: Tally<'a>) -> Self {
        Self { talker, ask, tally, is_odd: false }
    }

    /// Runs it.
    pub(super) async fn run(mut self) -> Result<Reply, Trouble> {
        let checker = match &self.ask.schema {
            Some(schema) => {
                let checker = Checker::new(&schema.schema);
                Some(checker.map_err(|odd| self.trouble(Kind::Refused, format!("the schema cannot be used: {odd}")))?)
            }
            None => None,
        };
        let mut form = Form::first(checker.as_ref().map(|_| self.talker.known().rung));
        loop {
            let answer = self.answer(&mut form).await?;
            match answer.finish() {
                Some(Finish::Length) => {
                    self.tally.came_to(Kind::CutOff.as_str());
                    if form.is_brief {
                        let why = format!("its answer did not fit into {} tokens, nor into more", self.ask.max_tokens);
                        return Err(self.trouble(Kind::CutOff, why));
                    }
                    form.is_brief = true;
                    continue;
                }
                Some(Finish::Withheld) => {
                    self.tally.came_to(Kind::Refused.as_str());
                    return Err(self.trouble(Kind::Refused, "its answer was withheld by a filter of its endpoint"));
                }
                Some(Finish::Done) | None => {}
            }
            let said = answer.says().to_owned();
            let Some(checker) = &checker else {
                if said.is_empty() {
                    self.tally.came_to(Kind::NotValid.as_str());
                    return Err(self.trouble(Kind::NotValid, "it said nothing"));
                }
                self.tally.came_to(OK);
                return Ok(self.reply(said, None));
            };
            let judged = judged(checker, &said);
            if let Judged::Fits(value) = judged {
                self.tally.came_to(OK);
                self.proved(form.rung);
                return Ok(self.reply(said, Some(value)));
            }
            self.tally.came_to(Kind::NotValid.as_str());
            let faults = match judged {
                // Whoever writes prose was not told that JSON is wanted: its endpoint takes the wish and forgets it.
                Judged::Nothing if form.repair.is_none() && self.steps(&mut form) => continue,
                Judged::Faulty(faults) => {
                    // An endpoint that holds its model to a schema lets nothing else through.
                    if form.repair.is_none() && form.rung.is_some_and(Rung::is_held) {
                        self.steps(&mut form);
                    }
                    faults
                }
                Judged::Nothing | Judged::Fits(_) => vec!["it is no JSON object".to_owned()],
            };
            if form.repair.is_some() {
                let why = format!("its answer does not follow the schema: {}", faults.join("; "));
                return Err(self.trouble(Kind::NotValid, why));
            }
            form.repair = Some(Repair { said, faults });
        }
    }

    /// One answer that came to an end, asked for in whatever way the endpoint takes.
    async fn answer(&mut self, form: &mut Form) -> Result<Answer, Trouble> {
        loop {
            let known = self.talker.known();
            let context = self.talker.context();
            let request = match Request::new(&self.talker.name, self.ask, form, known.quirks, context) {
                Ok(request) => request,
                Err(TooLong { prompt }) => return Err(self.too_long(prompt, context)),
            };
            let fault = match self.talker.call(&request, &mut self.tally).await {
                Ok(answer) => {
                    self.tally.pays(&answer, request.prompt);
                    if answer.has_thoughts() {
                        self.talker.learn(|known| known.quirks.add(Quirk::Thinks));
                    }
                    return Ok(answer);
                }
                Err(fault) => fault,
            };
            if matches!(fault, Fault::Empty) && !form.is_whole {
                form.is_whole = true;
                continue;
            }
            match request.lesson(&fault) {
                Some(Lesson::Quirk(quirk)) => self.talker.learn(|known| known.quirks.add(quirk)),
                Some(Lesson::Most(most)) => self.talker.learn(|known| known.quirks.most = Some(most)),
                Some(Lesson::Context(context)) => self.talker.learn(|known| known.quirks.context = Some(context)),
                Some(step @ (Lesson::Step | Lesson::StepOnce)) => {
                    self.is_odd |= step == Lesson::StepOnce || known.is_proved;
                    form.rung = form.rung.and_then(Rung::next);
                    if let Some(rung) = form.rung.filter(|_| !self.is_odd) {
                        self.talker.learn(|known| known.rung = known.rung.max(rung));
                    }
                }
                // What is said without a reason may be about how JSON was asked for, as long as that has never worked.
                None if is_unnamed(&fault) && self.steps(form) => {}
                None => return Err(self.trouble(fault.kind(), fault)),
            }
        }
    }

    /// Asks for JSON in the next way, if this one has never worked; whether there is a next one.
    fn steps(&self, form: &mut Form) -> bool {
        let next = form.rung.and_then(Rung::next).filter(|_| !self.talker.known().is_proved);
        if next.is_some() {
            form.rung = next;
        }
        next.is_some()
    }

    /// This way of asking for JSON works.
    fn proved(&self, rung: Option<Rung>) {
        let Some(rung) = rung.filter(|_| !self.is_odd) else { return };
        self.talker.learn(|known| {
            if !known.is_proved {
                known.rung = rung;
                known.is_proved = true;
            }
        });
    }

    fn reply(self, text: String, json: Option<Value>) -> Reply {
        let Tally { tokens, cost, .. } = self.tally;
        Reply { text, json, usage: tokens, model: self.talker.name.clone(), cost_usd: cost }
    }

    fn trouble(&self, kind: Kind, why: impl Display) -> Trouble {
        let Talker { name, endpoint, .. } = self.talker;
        let why = format!("the language model {name} at {endpoint} gave no answer: {why}");
        Trouble { kind, why, usage: self.tally.tokens, cost_usd: self.tally.cost }
    }

    fn too_long(&self, prompt: u64, context: Option<u32>) -> Trouble {
        let takes = context.unwrap_or_default();
        let why = format!(
            "what is asked has about {prompt} tokens, and it takes {takes} with its answer; if it takes more, \
             say so with --llm-context"
        );
        self.trouble(Kind::TooLong, why)
    }
}

fn judged(checker: &Checker, said: &str) -> Judged {
    let found = salvage::found(said);
    if let Some(value) = found.iter().find(|value| checker.faults(value).is_empty()) {
        return Judged::Fits(value.clone());
    }
    found.first().map_or(Judged::Nothing, |first| Judged::Faulty(checker.faults(first)))
}

/// Whether a refusal may be about anything.
fn is_unnamed(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused(Refusal { status: 400 | 422 | 500 | 501, .. })) && fault.kind() != Kind::TooLong
}
