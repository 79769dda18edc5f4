//! When a schedule is due: cron expressions and time zones, read by the same crate that the queue's schedulers use.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds};

/// Occurrences that are looked at for the shortest gap: two days of a schedule of every minute, and some.
const OCCURRENCES: usize = 3000;
/// How far ahead they are looked for: a leap year and some, so that every day of every month is met.
const HORIZON: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// From where on: the first of January of a leap year.
const FROM: i64 = 1_704_067_200;

/// A time of day, week, month or year that comes back.
#[derive(Clone, Debug)]
pub struct Cron(croner::Cron);

/// Why a text is no cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Five fields (`minute hour day month weekday`), or six with the seconds first.
    #[error("must have five fields (minute hour day month weekday), or six with the seconds first; it has {0}")]
    Fields(usize),
    /// A field cannot be read.
    #[error("is not a cron expression: {0}")]
    Field(String),
    /// No such time comes.
    #[error("names a time that never comes")]
    Never,
}

impl Cron {
    /// Reads an expression of five fields, or of six with the seconds first.
    ///
    /// # Errors
    /// [`CronError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let fields = text.split_whitespace().count();
        if !(5..=6).contains(&fields) {
            return Err(CronError::Fields(fields));
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).build();
        let cron = parser.parse(text).map_err(|error| CronError::Field(error.to_string()))?;
        let from = DateTime::from_timestamp(FROM, 0).unwrap_or_default();
        cron.find_next_occurrence(&from, true).map_err(|_| CronError::Never)?;
        Ok(Self(cron))
    }

    /// The first gap between two occurrences that is shorter than `allowed`, if there is one. Changes of the clock for
    /// summer and winter do not count.
    #[must_use]
    pub fn gap_below(&self, allowed: Duration) -> Option<Duration> {
        let from: DateTime<Utc> = DateTime::from_timestamp(FROM, 0)?;
        let mut last = self.0.find_next_occurrence(&from, true).ok()?;
        for _ in 0..OCCURRENCES {
            let next = self.0.find_next_occurrence(&last, false).ok()?;
            let gap = (next - last).to_std().unwrap_or_default();
            if gap < allowed {
                return Some(gap);
            }
            if (next - from).to_std().is_ok_and(|ahead| ahead > HORIZON) {
                return None;
            }
            last = next;
        }
        None
    }
}

/// Whether `text` is the name of a time zone, such as `Europe/Berlin` or `UTC`.
#[must_use]
pub fn is_timezone(text: &str) -> bool {
    text.parse::<Tz>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_fields_are_read_and_six_have_the_seconds_first() {
        for (text, expected) in [
            ("0 7 * * *", Ok(())),
            ("*/5 * * * * *", Ok(())),
            ("0 9 * * MON-FRI", Ok(())),
            ("7 * *", Err(CronError::Fields(3))),
            ("@daily", Err(CronError::Fields(1))),
            ("0 0 31 2 *", Err(CronError::Never)),
        ] {
            assert_eq!(Cron::parse(text).map(|_| ()), expected, "{text}");
        }
        assert!(matches!(Cron::parse("61 7 * * *"), Err(CronError::Field(_))));
    }

    #[test]
    fn what_comes_too_often_is_found_wherever_in_the_year_it_does() -> Result<(), CronError> {
        let minute = Duration::from_secs(60);
        for (text, allowed, expected) in [
            ("* * * * *", minute, None),
            ("* * * * * *", minute, Some(1)),
            ("*/30 * * * * *", minute, Some(30)),
            ("0 0 29 2 *", minute, None),
            ("0,20 59 23 31 12 *", minute, Some(20)),
            ("*/10 * * * *", minute * 15, Some(600)),
            ("55 23 * * *", minute * 60, None),
        ] {
            let gap = Cron::parse(text)?.gap_below(allowed);
            assert_eq!(gap.map(|gap| gap.as_secs()), expected, "{text}");
        }
        Ok(())
    }

    #[test]
    fn a_timezone_is_an_iana_name() {
        for (text, expected) in [("Europe/Berlin", true), ("UTC", true), ("user", false), ("Mars/Olympus", false)] {
            assert_eq!(is_timezone(text), expected, "{text}");
        }
    }
}
