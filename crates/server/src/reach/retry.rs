//! When an answer asks to be asked again.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use legwork_core::time::Micros;

/// `Retry-After`, as seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: Micros) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Micros(0) + httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(at.since(now)).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn told(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        retry_after(&headers, NOW)
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        assert_eq!(told("120"), Some(Duration::from_mins(2)));
        assert_eq!(told("soon"), None);
        assert_eq!(told("Wed, 21 Oct 2015 07:28:00 GMT"), None, "it has passed");
        assert_eq!(told("Tue, 14 Nov 2023 23:13:20 GMT"), Some(Duration::from_hours(1)), "by the server's own clock");
    }
}
