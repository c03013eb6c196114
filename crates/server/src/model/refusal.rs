//! What an endpoint says when it does not answer, and what is to be learned from it: OpenAI's wire is spoken with many small
//! differences, and an endpoint's own refusals are the one place where it tells them.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use legwork_api::secret::Secret;
use serde_json::Value;

use super::rung::Rung;

/// How much of what an endpoint says is passed on, in characters.
const EXCERPT: usize = 300;

/// An answer with a status that is no success.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// What it says, for people.
    pub(super) says: String,
    /// How long it wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// All of it, in small letters, to look for words in.
    words: String,
}

impl Refusal {
    /// What came with this status. The key is in no message, should the endpoint repeat it.
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], key: Option<&Secret>, now: SystemTime) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        let says = match serde_json::from_str::<Value>(&text) {
            Ok(value) => message(&value).map_or_else(|| text.clone(), str::to_owned),
            Err(_) => text.clone(),
        };
        Self { status, says: shown(&says, key), retry_after: retry_after(headers, now), words: text.to_lowercase() }
    }

    /// What was said in the midst of a stream.
    pub(super) fn within(error: &Value, key: Option<&Secret>) -> Self {
        let code = error.get("code").or_else(|| error.get("status")).and_then(Value::as_u64);
        let status = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
        let words = error.to_string();
        let says = message(error).unwrap_or(&words);
        let says = shown(says, key);
        Self { status: status.unwrap_or(500), says, retry_after: None, words: words.to_lowercase() }
    }

    fn names(&self, any: &[&str]) -> bool {
        any.iter().any(|word| self.words.contains(word))
    }

    /// Whether it is for now, and would be another another time.
    pub(super) fn is_passing(&self) -> bool {
        match self.status {
            // What is used up does not come back by itself.
            429 => !self.names(&["insufficient_quota", "billing"]),
            408 | 500..=599 => true,
            _ => false,
        }
    }

    /// Whether what was asked is too long for the model.
    pub(super) fn is_too_long(&self) -> bool {
        const WORDS: &[&str] = &[
            "context_length_exceeded",
            "context length",
            "context window",
            "context size",
            "exceed_context",
            "maximum context",
            "prompt is too long",
            "input is too long",
            "too many tokens",
            "reduce the length",
        ];
        self.status == 413 || (self.status != 429 && self.names(WORDS))
    }
}

/// Where endpoints put their words.
fn message(value: &Value) -> Option<&str> {
    let error = value.get("error").unwrap_or(value);
    if let Some(text) = error.as_str() {
        return Some(text);
    }
    ["message", "detail", "error"].iter().find_map(|name| error.get(*name)?.as_str())
}

fn shown(says: &str, key: Option<&Secret>) -> String {
    let says = match key.map(Secret::reveal).filter(|key| !key.is_empty()) {
        Some(key) => says.replace(key, "***"),
        None => says.to_owned(),
    };
    let one_line = says.split_whitespace().collect::<Vec<_>>().join(" ");
    match one_line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &one_line[..end]),
        None => one_line,
    }
}

/// `Retry-After`, as seconds or as a date; some also tell it in milliseconds.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let text = text(RETRY_AFTER.as_str())?;
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

/// Something that an endpoint does in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quirk {
    /// It wants `max_completion_tokens` where others want `max_tokens`.
    CompletionTokens,
    /// It does not know how to tell usage in a stream.
    NoUsage,
    /// It does not stream.
    NoStream,
    /// It lets nobody choose the temperature.
    NoTemperature,
    /// It knows no seed.
    NoSeed,
    /// Its model knows no system message.
    NoSystem,
    /// Its model thinks before it answers, and needs room for that.
    Thinks,
}

/// What is known of an endpoint's model.
#[derive(Clone, Debug, Default)]
pub(super) struct Quirks {
    of: BTreeSet<Quirk>,
    /// More tokens than this it does not give at once.
    pub(super) most: Option<u32>,
    /// How many tokens it takes in and gives out together, as it said itself.
    pub(super) context: Option<u32>,
}

/// What a refusal teaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// Ask in another way.
    Quirk(Quirk),
    /// Ask for this many tokens at the most.
    Most(u32),
    /// It takes this many tokens in all.
    Context(u32),
    /// It cannot be asked for JSON this way.
    Step,
    /// It cannot be asked for this JSON this way, and for other JSON perhaps it can.
    StepOnce,
}

impl Quirks {
    /// Whether it has this one.
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.of.contains(&quirk)
    }

    /// It has this one.
    pub(super) fn add(&mut self, quirk: Quirk) {
        self.of.insert(quirk);
    }

    /// What to do differently after a refusal of what was asked in this way, with so many tokens for the answer. Nothing is
    /// taught twice, so that asking again comes to an end.
    pub(super) fn lesson(&self, refusal: &Refusal, rung: Option<Rung>, tokens: u32) -> Option<Lesson> {
        if refusal.is_too_long() {
            let context =
                refusal.number_after(&["context length is ", "context window of ", "n_ctx\":", "context size of "]);
            return context.filter(|context| self.context.is_none_or(|known| *context < known)).map(Lesson::Context);
        }
        if matches!(refusal.status, 401..=403 | 408 | 429) {
            return None;
        }
        let new =
            |quirk: Quirk, words: &[&str]| (!self.has(quirk) && refusal.names(words)).then_some(Lesson::Quirk(quirk));
        let step = |rung: Rung| {
            let once = refusal.names(&["invalid schema", "invalid_json_schema"]);
            refusal.names(rung.words()).then_some(if once { Lesson::StepOnce } else { Lesson::Step })
        };
        new(Quirk::CompletionTokens, &["max_completion_tokens"])
            .or_else(|| new(Quirk::NoUsage, &["stream_options", "include_usage"]))
            .or_else(|| {
                new(Quirk::NoStream, &["verified to stream", "streaming is not supported", "\"param\":\"stream\""])
            })
            .or_else(|| new(Quirk::NoTemperature, &["temperature"]))
            .or_else(|| new(Quirk::NoSeed, &["'seed'", "\"seed\"", "`seed`"]))
            .or_else(|| self.fewer(refusal, tokens))
            .or_else(|| rung.and_then(step))
            .or_else(|| new(Quirk::NoSystem, &["system role", "system message", "'system'", "roles must alternate"]))
    }

    /// An endpoint that gives fewer tokens at once says how many.
    fn fewer(&self, refusal: &Refusal, tokens: u32) -> Option<Lesson> {
        if !refusal.names(&["max_tokens", "max_completion_tokens"]) {
            return None;
        }
        let numbers =
            refusal.words.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<u32>().ok());
        let most = numbers.filter(|number| (256..tokens).contains(number)).max()?;
        self.most.is_none_or(|known| most < known).then_some(Lesson::Most(most))
    }
}

impl Refusal {
    fn number_after(&self, any: &[&str]) -> Option<u32> {
        any.iter().find_map(|before| {
            let (_, after) = self.words.split_once(before)?;
            let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::read(status, &HeaderMap::new(), body.as_bytes(), None, SystemTime::UNIX_EPOCH)
    }

    fn taught(status: u16, body: &str) -> Option<Lesson> {
        Quirks::default().lesson(&refusal(status, body), Some(Rung::Strict), 9000)
    }

    #[test]
    fn words_are_found_wherever_endpoints_put_them() {
        for (body, says) in [
            (r#"{"error": {"message": "no such model", "param": "model"}}"#, "no such model"),
            (r#"{"error": "no such model"}"#, "no such model"),
            (r#"{"object": "error", "message": "no such model"}"#, "no such model"),
            (r#"{"detail": "no such model"}"#, "no such model"),
            ("<h1>no such\n  model</h1>", "<h1>no such model</h1>"),
        ] {
            assert_eq!(refusal(404, body).says, says, "{body}");
        }
        let key = Secret::from("sk-secret".to_owned());
        let told = Refusal::read(401, &HeaderMap::new(), b"bad key sk-secret", Some(&key), SystemTime::UNIX_EPOCH);
        assert_eq!(told.says, "bad key ***");
        assert_eq!(refusal(400, &"x".repeat(1000)).says.chars().count(), EXCERPT + 1);
    }

    #[test]
    fn refusals_say_how_an_endpoint_wants_to_be_asked() {
        let quirk = |quirk| Some(Lesson::Quirk(quirk));
        for (status, body, lesson) in [
            (
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                quirk(Quirk::CompletionTokens),
            ),
            (
                422,
                "{'type': 'extra_forbidden', 'loc': ['body', 'stream_options', 'include_usage']}",
                quirk(Quirk::NoUsage),
            ),
            (400, "Your organization must be verified to stream this model.", quirk(Quirk::NoStream)),
            (400, "Unsupported value: 'temperature' does not support 0 with this model.", quirk(Quirk::NoTemperature)),
            (400, "Unknown parameter: 'seed'.", quirk(Quirk::NoSeed)),
            (500, "Jinja Exception: System role not supported", quirk(Quirk::NoSystem)),
            (
                400,
                "max_tokens is too large: 9000. This model supports at most 4096 completion tokens.",
                Some(Lesson::Most(4096)),
            ),
            (
                400,
                "This model's maximum context length is 4096 tokens. However, you requested 9120 tokens.",
                Some(Lesson::Context(4096)),
            ),
            (400, r#"{"error":{"type":"exceed_context_size_error","n_ctx":4096}}"#, Some(Lesson::Context(4096))),
            (400, "This response_format type is unavailable now", Some(Lesson::Step)),
            (500, r#"{"error":{"message":"'loc': ('body', 'response_format', 'type')"}}"#, Some(Lesson::Step)),
            (400, "Invalid schema for response_format 'rows': 'required' is missing", Some(Lesson::StepOnce)),
            (400, "the model cannot do that", None),
            (401, "wrong key for response_format", None),
            (429, "temperature of the machine too high", None),
        ] {
            assert_eq!(taught(status, body), lesson, "{body}");
        }
    }

    #[test]
    fn nothing_is_taught_twice() {
        let mut quirks = Quirks { most: Some(4096), context: Some(4096), ..Quirks::default() };
        quirks.add(Quirk::NoTemperature);
        for body in ["temperature", "max_tokens: at most 4096", "maximum context length is 4096 tokens"] {
            assert_eq!(quirks.lesson(&refusal(400, body), None, 9000), None, "{body}");
        }
    }

    #[test]
    fn what_is_used_up_does_not_come_back_and_what_is_too_much_for_now_does() {
        assert!(refusal(429, "slow down").is_passing());
        assert!(!refusal(429, r#"{"error": {"code": "insufficient_quota"}}"#).is_passing());
        assert!(refusal(503, "").is_passing() && !refusal(404, "").is_passing());
    }

    #[test]
    fn how_long_to_wait_is_told_in_three_ways() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (name, value, wait) in [
            ("retry-after", "2", Some(Duration::from_secs(2))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
            ("retry-after", "Sun, 06 Nov 1994 08:49:40 GMT", Some(Duration::from_secs(3))),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(retry_after(&headers, now), wait, "{value}");
        }
    }
}
