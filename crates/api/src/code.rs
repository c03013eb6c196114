//! Every way in which a request can be refused, and the body that says so (wire.md 1.6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Why a request was refused. It answers every question about itself, for the server that sends it and for the client
/// that has to decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The body cannot be read at all: it is empty, no UTF-8 or no JSON.
    BadRequest,
    /// The key is missing or not one of the server's.
    Unauthorized,
    /// The server has no processor of this name.
    UnknownProcessor,
    /// A web page of another origin asks.
    Forbidden,
    /// There is no such thing, or it is another owner's.
    NotFound,
    /// The run has ended without an output; the wire has the same status for it as for a run that never was.
    NoOutput,
    /// The path is right, the method is not.
    MethodNotAllowed,
    /// The result was waited for long enough, and the run is still at work.
    StillActive,
    /// The run is in a state in which this cannot be done to it.
    Conflict,
    /// The body is over the server's limit.
    TooLarge,
    /// The `Host` is not one of the server's names.
    Misdirected,
    /// The body was read and something in it is wrong.
    Invalid,
    /// The key has used up what it may do in a minute.
    TooManyRequests,
    /// The server has a fault; what it was stands in its log.
    Internal,
    /// The server stops, or has too much to do.
    Busy,
}

impl Code {
    /// All of them, by status.
    pub const ALL: [Self; 15] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::UnknownProcessor,
        Self::Forbidden,
        Self::NotFound,
        Self::NoOutput,
        Self::MethodNotAllowed,
        Self::StillActive,
        Self::Conflict,
        Self::TooLarge,
        Self::Misdirected,
        Self::Invalid,
        Self::TooManyRequests,
        Self::Internal,
        Self::Busy,
    ];

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::UnknownProcessor | Self::Forbidden => 403,
            Self::NotFound | Self::NoOutput => 404,
            Self::MethodNotAllowed => 405,
            Self::StillActive => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Misdirected => 421,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Internal => 500,
            Self::Busy => 503,
        }
    }

    /// The same request may well succeed a little later.
    pub const fn worth_retrying(self) -> bool {
        match self {
            Self::StillActive | Self::TooManyRequests | Self::Internal | Self::Busy => true,
            Self::BadRequest
            | Self::Unauthorized
            | Self::UnknownProcessor
            | Self::Forbidden
            | Self::NotFound
            | Self::NoOutput
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::TooLarge
            | Self::Misdirected
            | Self::Invalid => false,
        }
    }

    /// What `x-should-retry` has to say, where the SDKs would do the wrong thing by the status alone: they repeat
    /// every 409.
    pub const fn should_retry_header(self) -> Option<bool> {
        match self {
            Self::Conflict => Some(false),
            Self::BadRequest
            | Self::Unauthorized
            | Self::UnknownProcessor
            | Self::Forbidden
            | Self::NotFound
            | Self::NoOutput
            | Self::MethodNotAllowed
            | Self::StillActive
            | Self::TooLarge
            | Self::Misdirected
            | Self::Invalid
            | Self::TooManyRequests
            | Self::Internal
            | Self::Busy => None,
        }
    }

    /// The word for programs and logs; several codes may share a status, none share a word.
    pub const fn slug(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthorized => "unauthorized",
            Self::UnknownProcessor => "unknown_processor",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::NoOutput => "no_output",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::StillActive => "still_active",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::Misdirected => "misdirected",
            Self::Invalid => "invalid",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Busy => "busy",
        }
    }
}

/// The body of every answer that is no success: `{"type":"error","error":{"ref_id","message","detail"}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Always `error`.
    #[serde(rename = "type", default)]
    kind: ErrorKind,
    /// What went wrong.
    pub error: ErrorView,
}

impl ErrorBody {
    /// The body that tells of this error.
    pub const fn new(error: ErrorView) -> Self {
        Self { kind: ErrorKind::Error, error }
    }
}

/// What a caller is told about something that went wrong: with a request, or with a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorView {
    /// Names this occurrence, so that it can be found in the log.
    #[serde(default)]
    pub ref_id: String,
    /// What went wrong and what may be done about it.
    pub message: String,
    /// The same for programs, if there is more to say.
    #[serde(default)]
    pub detail: Option<Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ErrorKind {
    #[default]
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_codes_is_as_it_was() {
        let row = |code: &Code| {
            let retry = if code.worth_retrying() { "again" } else { "-" };
            let header = code.should_retry_header().map_or("-".to_owned(), |yes| format!("x-should-retry: {yes}"));
            format!("{} {} {retry} {header}\n", code.status(), code.slug())
        };
        insta::assert_snapshot!(Code::ALL.iter().map(row).collect::<String>());
    }

    #[test]
    fn an_error_body_has_all_its_keys() {
        let body = ErrorBody::new(ErrorView { ref_id: "r".to_owned(), message: "m".to_owned(), detail: None });
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(text, r#"{"type":"error","error":{"ref_id":"r","message":"m","detail":null}}"#);
        assert_eq!(serde_json::from_str::<ErrorBody>(&text).unwrap(), body);
    }

    #[test]
    fn the_short_form_of_the_documentation_can_be_read() {
        let body: ErrorBody = serde_json::from_str(r#"{"error":{"message":"m","detail":{"a":1}}}"#).unwrap();
        assert_eq!(body.error.message, "m");
    }
}
