//! Server-sent events as bytes (HTML Standard, section 9.2), within what the clients of this API can bear.
//!
//! Hand-written clients look for the literal `event: ` and `data: ` and split at blank lines; the Python SDK takes a
//! blank line after any `id:` for an event without data and breaks (wire.md 3.1). So: one JSON line an event, LF only,
//! always both lines, and a comment never ends in a blank line.

use std::io::Write as _;

use bytes::Bytes;
use serde::Serialize;

/// What is sent when there is nothing to say: it keeps the connection from being taken for dead.
pub const HEARTBEAT: Bytes = Bytes::from_static(b": heartbeat\n");

/// Something for people who watch the bytes. Clients pass it over.
pub fn comment(text: &str) -> Bytes {
    format!(": {}\n", text.replace(['\r', '\n'], " ")).into()
}

/// Appends one event.
///
/// # Panics
///
/// Never for the events of this crate: their keys are text, their numbers finite.
pub fn frame(out: &mut Vec<u8>, id: &str, name: &str, data: &impl Serialize) {
    // Writing to memory does not fail.
    let _ = write!(out, "id: {id}\nevent: {name}\ndata: ");
    let start = out.len();
    serde_json::to_writer(&mut *out, data).expect("an event is JSON");
    // Only JSON that is carried as it was given can hold line ends; between its tokens any space is as good.
    for byte in &mut out[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn framed(data: &impl Serialize) -> String {
        let mut out = Vec::new();
        frame(&mut out, "1-00ab12", "task_run.state", data);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_event_is_three_lines_and_a_blank_one() {
        assert_eq!(framed(&"a\nb"), "id: 1-00ab12\nevent: task_run.state\ndata: \"a\\nb\"\n\n");
    }

    #[test]
    fn carried_json_stays_on_its_line() {
        let raw: Box<RawValue> = serde_json::from_str("{\r\n  \"a\": \"x\\ny\"\n}").unwrap();
        assert_eq!(framed(&raw).lines().nth(2), Some("data: {    \"a\": \"x\\ny\" }"));
    }

    #[test]
    fn what_is_no_event_ends_in_no_blank_line() {
        assert_eq!(&HEARTBEAT[..], b": heartbeat\n");
        assert_eq!(&comment("a\nb")[..], b": a b\n");
    }
}
