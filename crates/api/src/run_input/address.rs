//! Addresses that the server will call for the caller. Only their form is judged here: no name is resolved, and whether
//! the server may go there is decided when it does.

use serde_json::value::RawValue;
use url::Url;

use crate::findings::{At, Findings};

/// How long an address may be, in bytes, as it is sent: longer ones are refused by what is on the way.
const MOST: usize = 8 * 1024;

/// An `http` or `https` address with a host and without a user name or password in it.
pub(super) fn read(at: &At<'_>, raw: &RawValue, found: &mut Findings) -> Option<Url> {
    let text = found.text(at, raw)?;
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(error) => return found.refuse(at, "url_parsing", format!("is no URL: {error}")),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return found.refuse(at, "url_scheme", "must begin with `https://` or `http://`");
    }
    if !url.has_host() {
        return found.refuse(at, "url_parsing", "has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return found.refuse(at, "value_error", "must not have a user name or a password in it");
    }
    if url.as_str().len() > MOST {
        return found.refuse(at, "string_too_long", format!("is longer than {MOST} bytes"));
    }
    Some(url)
}
