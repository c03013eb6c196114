//! What a run may take: the member `legwork` of a request, which is ours and not the official API's.

use legwork_core::task::Limits;
use serde_json::json;
use serde_json::value::RawValue;

use crate::findings::{At, Findings};

/// Our members. Others are nobody's mistake but worth a word.
const KNOWN: [&str; 3] = ["max_seconds", "max_cost_usd", "max_tokens"];

/// From here on a number stands for its neighbours as well.
const EXACT: f64 = 9_007_199_254_740_992.0;

pub(super) fn read(raw: Option<&RawValue>, found: &mut Findings) -> Limits {
    let at = At::Body.key("legwork");
    let Some(members) = raw.and_then(|raw| found.object(&at, raw)) else { return Limits::default() };
    let unknown: Vec<_> = members.iter().map(|(key, _)| key).filter(|key| !KNOWN.contains(key)).collect();
    if !unknown.is_empty() {
        let message = format!("of `legwork` this server knows {}; the rest is ignored", KNOWN.join(", "));
        found.odd(message, Some(json!({ "keys": unknown })));
    }
    let mut number = |key, fits: fn(f64) -> bool, wanted| {
        let at = at.key(key);
        let raw = members.get(key)?;
        let number = found.number(&at, raw)?;
        if fits(number) {
            return Some(number);
        }
        found.refuse(&at, "value_error", format!("is {}; {wanted} was expected", raw.get()))
    };
    let is_count = |number: f64| (1.0..=EXACT).contains(&number) && number.fract() == 0.0;
    Limits {
        max_seconds: number("max_seconds", |number| number > 0.0, "a number above 0"),
        max_cost_usd: number("max_cost_usd", |number| number >= 0.0, "a number from 0 on"),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a whole number that fits")]
        max_tokens: number("max_tokens", is_count, "a whole number from 1 on").map(|count| count as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run_input::RunInput;

    fn with(legwork: &str) -> String {
        format!(r#"{{"input":"q","processor":"base","legwork":{legwork}}}"#)
    }

    #[test]
    fn what_a_run_may_take_is_read_and_shown_again() {
        let body = with(r#"{"max_seconds": 0.5, "max_cost_usd": 0, "max_tokens": 1e5}"#);
        let read = RunInput::read(body.as_bytes()).unwrap();
        let limits = Limits { max_seconds: Some(0.5), max_cost_usd: Some(0.0), max_tokens: Some(100_000) };
        assert_eq!((read.task.limits, read.warnings.len()), (limits, 0));
        assert_eq!(read.shown, body);
        for nothing in ["null", "{}", r#"{"max_seconds":null}"#] {
            assert_eq!(RunInput::read(with(nothing).as_bytes()).unwrap().task.limits, Limits::default(), "{nothing}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_what_would_be_one() {
        for (wrong, told) in [
            ("7", "`legwork` is a number; an object was expected"),
            (r#"{"max_seconds":"60"}"#, "`legwork.max_seconds` is a string; a number was expected"),
            (r#"{"max_seconds":0}"#, "`legwork.max_seconds` is 0; a number above 0 was expected"),
            (r#"{"max_seconds":1e400}"#, "`legwork.max_seconds` is a number beyond all that can be counted with"),
            (r#"{"max_cost_usd":-1.5}"#, "`legwork.max_cost_usd` is -1.5; a number from 0 on was expected"),
            (r#"{"max_tokens":0.5}"#, "`legwork.max_tokens` is 0.5; a whole number from 1 on was expected"),
            (r#"{"max_tokens":1e300}"#, "`legwork.max_tokens` is 1e300; a whole number from 1 on was expected"),
        ] {
            assert_eq!(RunInput::read(with(wrong).as_bytes()).unwrap_err().message, told);
        }
        let many = RunInput::read(with(r#"{"max_seconds":0,"max_tokens":[]}"#).as_bytes()).unwrap_err();
        assert_eq!(many.faults.len(), 2, "all that is wrong is told at once");
    }

    #[test]
    fn what_we_do_not_know_is_a_warning() {
        let read = RunInput::read(with(r#"{"max_pages": 3, "max_tokens": 5}"#).as_bytes()).unwrap();
        assert_eq!(read.task.limits.max_tokens, Some(5));
        assert_eq!(
            read.warnings[0].message,
            "of `legwork` this server knows max_seconds, max_cost_usd, max_tokens; the rest is ignored"
        );
        assert_eq!(read.warnings[0].detail, Some(json!({ "keys": ["max_pages"] })));
    }
}
