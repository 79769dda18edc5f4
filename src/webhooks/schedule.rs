//! When a delivery is tried, and when it is given up. Pure: time and chance come in from outside.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::webhooks::WebhookSettings;

/// Shortest wait that a receiver's `Retry-After` is taken for.
const SHORTEST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The waits between attempts.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    waits: Vec<Duration>,
    jitter: f64,
    longest_retry_after: Duration,
}

impl Schedule {
    /// The schedule that the settings describe.
    #[must_use]
    pub fn new(settings: &WebhookSettings) -> Self {
        Self {
            waits: settings.schedule.iter().map(|wait| wait.duration()).collect(),
            jitter: f64::from(settings.jitter_percent.min(100)) / 100.0,
            longest_retry_after: settings.longest_retry_after.duration().max(SHORTEST_RETRY_AFTER),
        }
    }

    /// How many attempts there are, the first one included.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.waits.len()).unwrap_or(u32::MAX)
    }

    /// The wait before the attempt of this number (1 is the first), spread by `dice` from 0 to 1, of which ½ is the
    /// middle. Nothing when there is no such attempt.
    #[must_use]
    pub fn wait_before(&self, attempt: u32, dice: f64) -> Option<Duration> {
        let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
        let wait = self.waits.get(index)?;
        let spread = self.jitter * (2.0 * dice.clamp(0.0, 1.0) - 1.0);
        Some(wait.mul_f64(1.0 + spread))
    }

    /// The wait after the failed attempt of this number. Nothing when it was the last one.
    ///
    /// `Retry-After` says when to come back at the earliest (RFC 9110), so the longer of the two waits holds: a
    /// receiver that always says “1” cannot use up three days of attempts in ten seconds.
    #[must_use]
    pub fn wait_after(&self, attempt: u32, retry_after: Option<Duration>, dice: f64) -> Option<Duration> {
        let wait = self.wait_before(attempt.checked_add(1)?, dice)?;
        let wish = retry_after.map(|wish| wish.clamp(SHORTEST_RETRY_AFTER, self.longest_retry_after));
        Some(wish.map_or(wait, |wish| wish.max(wait)))
    }
}

/// Reads a `Retry-After`: seconds, or an HTTP date, of which one in the past means at once.
#[must_use]
pub fn parse_retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds still mean “very late”.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::Span;

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn the_waits_are_those_of_the_contract() {
        let schedule = Schedule::new(&WebhookSettings::default());
        let hours =
            [(5, 2), (6, 5), (7, 10), (8, 14), (9, 20), (10, 24)].map(|(n, hours)| (n, Some(secs(hours * 3600))));
        let early = [(0, None), (1, Some(secs(0))), (2, Some(secs(5))), (3, Some(secs(300))), (4, Some(secs(1800)))];
        for (attempt, wait) in early.into_iter().chain(hours).chain([(11, None), (u32::MAX, None)]) {
            assert_eq!(schedule.wait_before(attempt, 0.5), wait, "attempt {attempt}");
        }
        assert_eq!(schedule.attempts(), 10);
    }

    #[test]
    fn chance_spreads_a_wait_by_a_fifth_to_either_side() {
        let schedule = Schedule::new(&WebhookSettings::default());
        for (dice, millis) in [(0.0, 4000), (0.25, 4500), (0.5, 5000), (1.0, 6000), (-1.0, 4000), (9.0, 6000)] {
            assert_eq!(schedule.wait_before(2, dice), Some(Duration::from_millis(millis)), "dice {dice}");
        }
    }

    #[test]
    fn a_receivers_wish_lengthens_a_wait_and_never_shortens_it() {
        let schedule = Schedule::new(&WebhookSettings::default());
        for (attempt, wish, wait) in [
            (1, None, Some(secs(5))),
            (1, Some(secs(30)), Some(secs(30))),
            (1, Some(secs(0)), Some(secs(5))),
            (2, Some(secs(30)), Some(secs(300))),
            (2, Some(secs(10_000_000)), Some(secs(86_400))),
            (9, None, Some(secs(86_400))),
            (10, Some(secs(1)), None),
            (u32::MAX, None, None),
        ] {
            assert_eq!(schedule.wait_after(attempt, wish, 0.5), wait, "after {attempt} with {wish:?}");
        }
    }

    #[test]
    fn a_short_schedule_for_tests_is_possible() {
        let settings = WebhookSettings {
            schedule: vec![Span::millis(0), Span::millis(10)],
            jitter_percent: 0,
            ..WebhookSettings::default()
        };
        let schedule = Schedule::new(&settings);
        assert_eq!(schedule.wait_after(1, None, 0.9), Some(Duration::from_millis(10)));
        assert_eq!(schedule.wait_after(2, None, 0.9), None);
    }

    #[test]
    fn retry_after_is_read_in_both_of_its_forms() {
        let now = DateTime::from_timestamp(1_445_412_480, 0).unwrap_or_default();
        for (text, wait) in [
            ("120", Some(secs(120))),
            (" 0 ", Some(secs(0))),
            ("99999999999999999999999", Some(secs(u64::from(u32::MAX)))),
            ("Wed, 21 Oct 2015 07:29:00 GMT", Some(secs(60))),
            ("Wed, 21 Oct 2015 07:27:00 GMT", Some(secs(0))),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(parse_retry_after(text, now), wait, "{text}");
        }
    }
}
