//! What was odd about a request that was accepted all the same (wire.md 2.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One remark on a request. Serialises with every key present.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: WarningKind,
    /// The remark, in a sentence.
    pub message: String,
    /// The same for programs, if there is more to say.
    #[serde(default)]
    pub detail: Option<Value>,
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WarningKind {
    /// The `task_spec`.
    #[serde(rename = "spec_validation_warning")]
    Spec,
    /// The input does not follow its `input_schema`.
    #[serde(rename = "input_validation_warning")]
    Input,
    /// Anything else. New kinds are no break of the wire, so an unknown one reads as this.
    #[serde(rename = "warning", other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_of_a_kind_we_do_not_know_can_be_read() {
        let warning: Warning = serde_json::from_str(r#"{"type":"tomorrow","message":"m"}"#).unwrap();
        assert_eq!(warning, Warning { kind: WarningKind::Other, message: "m".to_owned(), detail: None });
    }

    #[test]
    fn a_warning_has_all_its_keys() {
        let warning = Warning { kind: WarningKind::Spec, message: "m".to_owned(), detail: None };
        let text = serde_json::to_string(&warning).unwrap();
        assert_eq!(text, r#"{"type":"spec_validation_warning","message":"m","detail":null}"#);
    }
}
