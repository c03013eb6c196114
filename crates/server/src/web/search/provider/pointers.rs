//! Results in JSON of a form that the operator describes by JSON pointers, or that has the usual names in it.

use serde_json::Value;

use super::{Told, Trouble};
use crate::config::search::Pointers;

/// How results are called where nobody says it; the first that is there is taken.
const URL: &[&str] = &["url", "link", "href", "uri"];
const TITLE: &[&str] = &["title", "name"];
const SNIPPET: &[&str] = &["snippet", "description", "content", "excerpts", "highlights", "summary", "text"];
const PUBLISHED: &[&str] = &["published", "publishedDate", "published_date", "publish_date", "page_age", "date"];

/// The results where the pointers say that they are.
pub(super) fn pointed(value: &Value, pointers: &Pointers) -> Result<Vec<Told>, Trouble> {
    let Pointers { list, url, title, snippet, published } = pointers;
    let Some(Value::Array(entries)) = value.pointer(list) else {
        return Err(Trouble::Failed(format!("has no list at `{list}` in its answer; set its pointer `list`")));
    };
    let told = |entry: &Value| Told {
        url: text(entry.pointer(url)),
        title: text(entry.pointer(title)),
        snippet: text(entry.pointer(snippet)),
        published: published.as_deref().map(|published| text(entry.pointer(published))),
        text: None,
    };
    let told: Vec<_> = entries.iter().map(told).collect();
    if !told.is_empty() && told.iter().all(|told| told.url.is_empty()) {
        return Err(Trouble::Failed(format!("has no address at `{url}` in its results; set its pointer `url`")));
    }
    Ok(told)
}

/// The results of the first list, from the outside in, whose entries have an address; `None` when there is none.
pub(super) fn usual(value: &Value) -> Option<Vec<Told>> {
    let mut level = vec![value];
    while !level.is_empty() {
        let lists = level.iter().filter_map(|value| value.as_array());
        for list in lists {
            if list.iter().any(|entry| named(entry, URL).is_some()) {
                return Some(list.iter().map(by_name).collect());
            }
        }
        level = level.into_iter().flat_map(inside).collect();
    }
    None
}

fn inside(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Object(members) => members.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn by_name(entry: &Value) -> Told {
    Told {
        url: text(named(entry, URL)),
        title: text(named(entry, TITLE)),
        snippet: text(named(entry, SNIPPET)),
        published: named(entry, PUBLISHED).map(|published| text(Some(published))),
        text: None,
    }
}

fn named<'a>(entry: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| entry.get(name).filter(|value| !text(Some(value)).is_empty()))
}

/// A text, or texts one after the other.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" … "),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn urls(told: &[Told]) -> Vec<&str> {
        told.iter().map(|told| told.url.as_str()).collect()
    }

    #[test]
    fn results_stand_where_pointers_say() {
        let answer = json!({"web": {"hits": [{"loc": {"href": "https://a.example"}, "h": "A", "parts": ["b", "c"], "on": "2026"}]}});
        let pointers = Pointers {
            list: "/web/hits".to_owned(),
            url: "/loc/href".to_owned(),
            title: "/h".to_owned(),
            snippet: "/parts".to_owned(),
            published: Some("/on".to_owned()),
        };
        let told = pointed(&answer, &pointers).unwrap();
        assert_eq!(
            (urls(&told), told[0].title.as_str(), told[0].snippet.as_str()),
            (vec!["https://a.example"], "A", "b … c")
        );
        assert_eq!(told[0].published.as_deref(), Some("2026"));
        let whole = Pointers { list: String::new(), ..Pointers::default() };
        assert_eq!(urls(&pointed(&json!([{"url": "https://b.example"}]), &whole).unwrap()), ["https://b.example"]);
    }

    #[test]
    fn a_pointer_that_leads_nowhere_is_told() {
        let why = |answer: Value| pointed(&answer, &Pointers::default()).err().unwrap().to_string();
        assert_eq!(why(json!({"items": []})), "has no list at `/results` in its answer; set its pointer `list`");
        assert_eq!(
            why(json!({"results": [{"link": "https://a.example"}]})),
            "has no address at `/url` in its results; set its pointer `url`"
        );
        assert!(pointed(&json!({"results": []}), &Pointers::default()).unwrap().is_empty());
    }

    #[test]
    fn without_pointers_results_are_found_by_their_usual_names() {
        for answer in [
            json!({"results": [{"url": "https://a.example", "title": "A", "description": "b"}]}),
            json!({"meta": {"n": 1}, "data": {"organic": [{"link": "https://a.example", "name": "A", "content": "b"}]}}),
            json!([{"href": "https://a.example", "title": "A", "snippet": "", "excerpts": ["b"]}]),
        ] {
            let told = usual(&answer).unwrap();
            assert_eq!(
                (urls(&told), told[0].title.as_str(), told[0].snippet.as_str()),
                (vec!["https://a.example"], "A", "b")
            );
        }
        assert!(usual(&json!({"answer": "none", "tags": ["a"]})).is_none());
    }
}
