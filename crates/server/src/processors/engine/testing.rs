//! What the tests of the engine are made with.

use std::sync::Arc;

use legwork_core::time::Micros;
use serde_json::Value;

use super::super::research::{Document, host_of, passages};
use super::brief::{Brief, Field, Form, Kind, fields_of};
use super::honest::excerpt;
use super::ledger::{Evidence, Ledger, Source};
use crate::source::hash_of;
use crate::web::fetch::Page;
use crate::web::search::Hit;

pub(super) fn brief(question: &str) -> Brief {
    let about = question.to_owned();
    Brief {
        question: question.to_owned(),
        subject: None,
        fields: vec![Field { path: "answer".into(), top: "answer".into(), about, kind: Kind::Text, many: true }],
        form: Form::Text { description: None },
        today: "2026-11-27".into(),
        before: None,
    }
}

pub(super) fn fields(question: &str, paths: &[&str]) -> Brief {
    let field = |path: &&str| Field {
        path: (*path).to_owned(),
        top: path.split(['.', '[']).next().unwrap_or_default().to_owned(),
        about: super::brief::humanised(path),
        kind: Kind::Text,
        many: path.contains("[]"),
    };
    let form = Form::Object { schema: Value::Null, proposed: false };
    Brief { fields: paths.iter().map(field).collect(), form, ..brief(question) }
}

pub(super) fn schema(question: &str, schema: &Value) -> Brief {
    let form = Form::Object { schema: schema.clone(), proposed: false };
    Brief { fields: fields_of(schema), form, ..brief(question) }
}

pub(super) fn source(url: &str, title: &str, text: &str) -> Source {
    let document = Document {
        hash: hash_of(text),
        corpus: "web".into(),
        url: url.into(),
        host: host_of(url),
        title: title.into(),
        text: Arc::from(text),
        read_at: None,
        published: None,
        entity: None,
        passages: passages(text).into(),
    };
    Source { document, by_tool: false }
}

/// A value as it stands in a source.
pub(super) fn evidence(ledger: &Ledger, field: usize, source: usize, value: &str) -> Evidence {
    let text = &ledger.sources[source].document.text;
    let start = text.find(value).expect("the value stands in the source");
    let quote = start..start + value.len();
    Evidence {
        id: 0,
        field,
        item: None,
        value: value.to_owned(),
        source,
        excerpt: excerpt(text, &quote),
        anchored: true,
        computed: false,
        suspicious: false,
        pass: 1,
        by_words: None,
    }
}

pub(super) fn of_item(evidence: Evidence, item: Option<&str>) -> Evidence {
    Evidence { item: item.map(str::to_owned), ..evidence }
}

pub(super) fn hit(url: &str, snippet: &str) -> Hit {
    Hit {
        url: url.into(),
        title: "A page".into(),
        snippet: snippet.into(),
        provider: "test".into(),
        rank: 1,
        published: None,
        text: None,
    }
}

/// A page as it is read.
pub(super) fn page(url: &str, title: &str, text: &str) -> Page {
    Page {
        url: url.to_owned(),
        final_url: url.to_owned(),
        hash: hash_of(text),
        title: title.to_owned(),
        text: text.to_owned(),
        fetched_at: Micros::default(),
        published: None,
        kind: "html".into(),
        truncated: false,
        links: Vec::new(),
    }
}
