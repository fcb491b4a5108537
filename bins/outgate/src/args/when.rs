//! Points in time as people type them.

use jiff::{SignedDuration, civil::DateTime, tz::TimeZone};
use outgate_core::Timestamp;
use std::str::FromStr;

/// A point in time: absolute, or so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    At(Timestamp),
    Ago(SignedDuration),
}

/// A text that is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a time like 2026-11-21T19:21:00Z, a day like 2026-11-21, or so long ago like 30m, 2h, 3d, 1w")]
pub(crate) struct NotATime;

const UNITS: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

impl When {
    /// The point in time, seen from `now`.
    pub(crate) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN),
        }
    }
}

impl FromStr for When {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let text = text.trim();
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        // Without an offset it is UTC, as everything that is printed.
        if let Ok(local) = text.parse::<DateTime>() {
            return local.to_zoned(TimeZone::UTC).map(|at| Self::At(at.timestamp())).map_err(|_| NotATime);
        }
        let span = text.strip_suffix("ago").map_or(text, str::trim_end);
        let unit = span.chars().last().ok_or(NotATime)?;
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(NotATime)?;
        let digits = &span[..span.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotATime);
        }
        let count: i64 = digits.parse().map_err(|_| NotATime)?;
        count.checked_mul(*seconds).map(|secs| Self::Ago(SignedDuration::from_secs(secs))).ok_or(NotATime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> String {
        let now = "2026-11-21T19:21:00Z".parse().unwrap();
        text.parse::<When>().unwrap().from(now).to_string()
    }

    #[test]
    fn times_are_read() {
        for (text, at) in [
            ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
            ("2026-11-20T08:00:00+02:00", "2026-11-20T06:00:00Z"),
            ("2026-11-20T08:00:00", "2026-11-20T08:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("45s", "2026-11-21T19:20:15Z"),
            ("30m", "2026-11-21T18:51:00Z"),
            ("2h", "2026-11-21T17:21:00Z"),
            ("2h ago", "2026-11-21T17:21:00Z"),
            ("3d", "2026-11-18T19:21:00Z"),
            ("1w", "2026-11-14T19:21:00Z"),
        ] {
            assert_eq!(from(text), at, "{text}");
        }
    }

    #[test]
    fn a_span_longer_than_time_is_its_beginning() {
        assert_eq!("9000000000000s".parse::<When>().unwrap().from(Timestamp::UNIX_EPOCH), Timestamp::MIN);
    }

    #[test]
    fn what_is_no_time_is_told_how_to_be_one() {
        for wrong in
            ["", "h", "2", "-2h", "2 h", "1.5h", "2y", "ago", "yesterday", "99999999999999999999d", "é"]
        {
            assert_eq!(wrong.parse::<When>(), Err(NotATime), "{wrong:?}");
        }
        assert!(NotATime.to_string().contains("2h"));
    }
}
