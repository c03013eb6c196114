//! The query string, read by name. Names that nobody knows are ignored; an empty value is as good as none, since the
//! npm SDK sends `null` so.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use url::form_urlencoded;

use super::failure::Failure;

/// The parameters of a request.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The value of this name; of several the first.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of this name as something that can be read from text; `what` says what it should have been.
    pub(crate) fn read<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Failure> {
        let read = |text: &str| {
            text.parse().map_err(|_| Failure::invalid("query", name, format!("{what} is needed, not {text:?}")))
        };
        self.get(name).map(read).transpose()
    }

    /// All values of the form `name[key]=value`.
    pub(crate) fn by_key(&self, name: &str) -> BTreeMap<String, String> {
        let key = |whole: &str| Some(whole.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        self.0.iter().filter_map(|(whole, value)| Some((key(whole)?, value.clone()))).collect()
    }
}

impl From<Option<&str>> for Query {
    fn from(text: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default().as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::from(parts.uri.query()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_value_is_absent_and_an_unknown_name_is_ignored() {
        let query = Query::from(Some("timeout=&beta=true&limit=7&limit=8"));
        assert_eq!(query.get("timeout"), None);
        assert_eq!(query.read::<u32>("limit", "a number").unwrap(), Some(7));
        assert!(query.read::<u32>("beta", "a number").is_err());
    }

    #[test]
    fn keyed_values_are_collected() {
        let query = Query::from(Some("metadata[team]=blue&metadata%5Bn%5D=7&metadata=x&metadatax[y]=z"));
        let expected = [("n", "7"), ("team", "blue")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(query.by_key("metadata"), BTreeMap::from(expected));
    }
}
