//! What `doctor` found, as lines: how it is, what it is about, and what there is to say.

use std::error::Error;
use std::fmt::Write as _;
use std::iter::successors;

use serde::Serialize;

use crate::render::Style;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    /// As it should be.
    #[serde(rename = "ok")]
    Well,
    /// It works, and may not for long or not as one thinks.
    Warn,
    /// It does not work.
    Fail,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) health: Health,
    pub(crate) about: &'static str,
    pub(crate) says: String,
}

/// All of them, one a line.
pub(crate) fn lines(found: &[Finding], style: Style) -> String {
    let mut out = String::new();
    for Finding { health, about, says } in found {
        // Padded before it is painted: colours have a width of their own.
        let word = style.health(*health, &format!("{:<4}", health.word()));
        let _ = writeln!(out, "{word}  {about:<8}  {says}");
    }
    out
}

/// An error with what lies at its root; what is between them is the library's business.
pub(crate) fn whole(error: &dyn Error) -> String {
    let root = successors(error.source(), |&cause| cause.source()).last();
    root.map_or_else(|| error.to_string(), |root| format!("{error}: {root}"))
}

/// So many bytes, as people say it.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut whole = bytes;
    let mut tenths = 0;
    while whole >= 1000 && unit + 1 < units.len() {
        tenths = whole % 1000 / 100;
        whole /= 1000;
        unit += 1;
    }
    if unit == 0 || whole >= 10 {
        format!("{whole} {}", units[unit])
    } else {
        format!("{whole}.{tenths} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_say_them() {
        for (bytes, told) in
            [(0, "0 bytes"), (999, "999 bytes"), (1_234, "1.2 kB"), (45_678, "45 kB"), (7_890_123_456, "7.8 GB")]
        {
            assert_eq!(size(bytes), told);
        }
    }

    #[test]
    fn findings_stand_in_columns() {
        let finding = |health, about, says: &str| Finding { health, about, says: says.to_owned() };
        let found = [finding(Health::Well, "disk", "much"), finding(Health::Fail, "server", "none")];
        assert_eq!(lines(&found, Style::default()), "ok    disk      much\nfail  server    none\n");
    }
}
