//! What a caller answers to a run's question: the body `{"answer": …}` of `POST …/{id}/answer`.

use crate::findings::{At, Findings};
use crate::json;
use crate::run_input::{MAX_SPEC_AND_INPUT, Unreadable};

/// Reads it. The answer is any JSON but `null`, and stays the text it was given as.
pub fn read_answer(body: &[u8]) -> Result<String, Unreadable> {
    let (_, members) = json::read_object(body)?;
    let (at, mut found) = (At::Body.key("answer"), Findings::default());
    match members.get("answer") {
        // The processor reads it beside what it was asked, so it may be as long as that.
        Some(answer) if json::compact_chars(answer) > MAX_SPEC_AND_INPUT => {
            found.wrong(&at, "string_too_long", format!("has more than {MAX_SPEC_AND_INPUT} characters"));
        }
        Some(answer) => return Ok(answer.get().to_owned()),
        None => found.wrong(&at, "missing", "is required: a string, or any other JSON but `null`"),
    }
    Err(Unreadable::because(found.faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_any_json_and_stays_the_text_it_was() {
        for answer in [r#""Ohio""#, "1.0", "false", r#"{"b": 1, "a":[ ]}"#, "\"\""] {
            let body = format!(r#" {{"own": 1, "answer" : {answer} }}"#);
            assert_eq!(read_answer(body.as_bytes()).as_deref(), Ok(answer));
        }
    }

    #[test]
    fn what_is_no_answer_is_refused_with_what_would_be_one() {
        for (body, status) in [("", 400), ("{", 400), ("[1]", 422), ("{}", 422), (r#"{"answer":null}"#, 422)] {
            assert_eq!(read_answer(body.as_bytes()).unwrap_err().code.status(), status, "{body}");
        }
        let long = format!(r#"{{"answer":"{}"}}"#, "é".repeat(MAX_SPEC_AND_INPUT));
        assert!(read_answer(long.as_bytes()).unwrap_err().message.starts_with("`answer` has more than 25000"));
        assert!(read_answer(long.replace("éé\"", "\"").as_bytes()).is_ok());
    }
}
