//! What an endpoint lists, and which of it is a model that can talk.

use serde_json::Value;

/// A model in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its name.
    pub(super) name: String,
    /// How many tokens it takes, if the list says it.
    pub(super) context: Option<u32>,
}

/// Parts of the names of models that do other things than talk.
const OTHERS: &[&str] = &[
    "embed",
    "minilm",
    "bge-",
    "e5-",
    "gte-",
    "rerank",
    "whisper",
    "tts",
    "dall-e",
    "moderation",
    "clip",
    "stable-diffusion",
];

/// The first model of a list that can talk, or the one of this name.
pub(super) fn chosen(list: &Value, name: Option<&str>) -> Option<Listed> {
    let models = list.get("data").and_then(Value::as_array)?;
    let named = models.iter().filter_map(|model| Some((model.get("id")?.as_str()?, model)));
    let mut fitting = named.filter(|(id, _)| match name {
        Some(name) => is_called(id, name),
        None => !OTHERS.iter().any(|part| id.to_lowercase().contains(part)),
    });
    let (id, model) = fitting.next()?;
    let context = ["/max_model_len", "/context_length", "/context_window", "/max_context_length", "/meta/n_ctx"];
    let context = context.iter().find_map(|at| model.pointer(at)?.as_u64()).and_then(|count| u32::try_from(count).ok());
    Some(Listed { name: id.to_owned(), context: context.filter(|count| *count > 0) })
}

/// Ollama's models have a tag, which may be left out.
fn is_called(id: &str, name: &str) -> bool {
    id == name || id.strip_suffix(":latest") == Some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(ids: &[&str]) -> Value {
        json!({"object": "list", "data": ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()})
    }

    #[test]
    fn the_first_that_can_talk_is_taken() {
        let of = |ids: &[&str]| chosen(&list(ids), None).map(|model| model.name);
        assert_eq!(of(&["nomic-embed-text:latest", "bge-m3", "qwen3:8b", "llama3"]), Some("qwen3:8b".to_owned()));
        assert_eq!(of(&["all-minilm"]), None);
        assert_eq!(of(&[]), None);
        // Ollama without models.
        assert_eq!(chosen(&json!({"object": "list", "data": null}), None), None);
    }

    #[test]
    fn a_named_one_is_found_with_what_is_known_of_it() {
        let list = json!({"data": [
            {"id": "a", "max_model_len": 32768}, {"id": "b:latest", "meta": {"n_ctx": 4096, "n_ctx_train": 32768}}, {"id": "c"},
        ]});
        let of = |name| chosen(&list, Some(name)).map(|model| (model.name, model.context));
        assert_eq!(of("a"), Some(("a".to_owned(), Some(32_768))));
        assert_eq!(of("b"), Some(("b:latest".to_owned(), Some(4096))));
        assert_eq!(of("c"), Some(("c".to_owned(), None)));
        assert_eq!(of("d"), None);
    }
}
