//! How long `/result` holds a request: the rule of wire.md 1.7, where each client's own patience counts.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use super::Api;
use super::failure::Failure;
use super::query::Query;

/// How long it holds when nobody says.
const DEFAULT: Duration = Duration::from_mins(10);
/// How long it holds at the most.
const MOST: Duration = Duration::from_hours(1);
/// Node's fetch gives up on headers after 300 s, whatever the SDK above it was told.
const NODE: Duration = Duration::from_secs(290);
/// How long before a client's own deadline the answer should be on its way.
const AHEAD: Duration = Duration::from_secs(2);

/// How long to hold this request. Nothing else of it is kept while it waits: there may be thousands.
pub(super) struct Hold(pub(super) Duration);

impl FromRequestParts<Api> for Hold {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Failure> {
        hold(Query::from(parts.uri.query()).get("timeout"), &parts.headers).map(Self)
    }
}

/// How long to hold a request with this `timeout` parameter and these headers.
///
/// The Python SDK's `execute()` breaks on an early 408, so its poll helper is held for as long as it reads.
fn hold(timeout: Option<&str>, headers: &HeaderMap) -> Result<Duration, Failure> {
    let asked = timeout.filter(|text| !text.is_empty()).map(seconds).transpose()?;
    let patience = patience(headers);
    let bound = patience.map_or(MOST, |patience| patience.saturating_sub(AHEAD)).min(MOST);
    let wished = match (asked, patience) {
        (Some(asked), _) => asked,
        (None, Some(patience)) if is_poll_helper(headers) => patience,
        (None, None) if is_node(headers) => NODE,
        (None, _) => DEFAULT,
    };
    Ok(wished.min(bound))
}

fn seconds(text: &str) -> Result<Duration, Failure> {
    let number: Option<f64> = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0);
    let number = number.ok_or_else(|| {
        Failure::invalid("query", "timeout", format!("a number of seconds from 0 to 3600 is needed, not {text:?}"))
    })?;
    Ok(Duration::from_secs_f64(number.min(MOST.as_secs_f64())))
}

/// How long the client itself waits, if it says so.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let said = |name: &str| headers.get(name)?.to_str().ok()?.parse::<f64>().ok();
    let seconds = said("x-stainless-read-timeout").or_else(|| said("x-stainless-timeout"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn is_poll_helper(headers: &HeaderMap) -> bool {
    headers.get("x-stainless-poll-helper").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}

fn is_node(headers: &HeaderMap) -> bool {
    headers.get("user-agent").is_some_and(|agent| agent.as_bytes().starts_with(b"Parallel/JS"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn held(timeout: Option<&str>, headers: &[(&'static str, &'static str)]) -> u128 {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        hold(timeout, &headers.collect()).unwrap().as_millis()
    }

    const READ_600: (&str, &str) = ("x-stainless-read-timeout", "600");
    const HELPER: (&str, &str) = ("x-stainless-poll-helper", "true");
    const JS: (&str, &str) = ("user-agent", "Parallel/JS 1.3.3");

    #[test]
    fn what_is_asked_for_is_kept_to() {
        assert_eq!(held(Some("2"), &[READ_600]), 2000);
        assert_eq!(held(Some("0"), &[]), 0);
        assert_eq!(held(Some("25"), &[JS]), 25_000);
        assert_eq!(held(Some("1e9"), &[]), 3_600_000);
    }

    #[test]
    fn nobody_is_held_beyond_his_own_patience() {
        assert_eq!(held(None, &[READ_600]), 598_000);
        assert_eq!(held(Some("3600"), &[READ_600]), 598_000);
        assert_eq!(held(None, &[("x-stainless-timeout", "20"), JS]), 18_000);
        assert_eq!(held(None, &[("x-stainless-read-timeout", "1")]), 0);
    }

    #[test]
    fn the_default_is_ten_minutes_and_less_for_node() {
        assert_eq!(held(None, &[]), 600_000);
        assert_eq!(held(Some(""), &[]), 600_000, "empty is absent: the npm SDK sends it so");
        assert_eq!(held(None, &[JS]), 290_000);
    }

    #[test]
    fn execute_of_the_python_sdk_is_held_as_long_as_it_reads() {
        assert_eq!(held(None, &[HELPER, ("x-stainless-read-timeout", "3599.5")]), 3_597_500);
        assert_eq!(held(Some("5"), &[HELPER, ("x-stainless-read-timeout", "3600")]), 5000);
    }

    #[test]
    fn an_odd_timeout_is_refused_and_an_odd_header_is_not_believed() {
        for odd in ["soon", "-1", "NaN", "inf", "10s"] {
            assert!(hold(Some(odd), &HeaderMap::new()).is_err(), "{odd}");
        }
        for odd in ["not-given", "-5", "nan", "1e400"] {
            assert_eq!(held(None, &[("x-stainless-read-timeout", odd)]), 600_000, "{odd}");
        }
    }
}
