//! More than may be spent: which limit, by how much, and until when.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};

use crate::store::spend::Period;

/// A limit that a call would have exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overspent {
    /// Which limit.
    pub period: Period,
    /// Millionths of a US dollar that it would have come to.
    pub reached: u64,
    /// Millionths of a US dollar that are allowed.
    pub allowed: u64,
    /// When the next period begins.
    pub until: DateTime<Utc>,
}

impl Overspent {
    /// What met the limit of the period that `day` lies in.
    #[must_use]
    pub fn on(day: NaiveDate, period: Period, reached: u64, allowed: u64) -> Self {
        Self { period, reached, allowed, until: end_of(period, day) }
    }
}

impl std::fmt::Display for Overspent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whose = match self.period {
            Period::ClientDay => "the client's limit for today",
            Period::ClientMonth => "the client's limit for this month",
            Period::UserDay => "the user's limit for today",
            Period::UserMonth => "the user's limit for this month",
        };
        write!(
            f,
            "with this request {} USD would be spent, and {whose} is {} USD: ask again from {} on, or have the limit raised",
            dollars(self.reached),
            dollars(self.allowed),
            self.until.format("%Y-%m-%d")
        )
    }
}

/// When the period that `day` lies in is over.
fn end_of(period: Period, day: NaiveDate) -> DateTime<Utc> {
    let next = match period {
        Period::ClientDay | Period::UserDay => day.checked_add_days(Days::new(1)),
        Period::ClientMonth | Period::UserMonth => {
            day.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)))
        }
    };
    next.and_then(|day| day.and_hms_opt(0, 0, 0)).map_or(DateTime::<Utc>::MAX_UTC, |at| at.and_utc())
}

/// Dollars and cents, and what is left of a cent.
fn dollars(usd_micros: u64) -> String {
    let text = format!("{}.{:06}", usd_micros / 1_000_000, usd_micros % 1_000_000);
    let kept = text.trim_end_matches('0').len().max(text.find('.').unwrap_or(0) + 3);
    text.get(..kept).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_in_dollars() {
        for (usd_micros, expected) in
            [(0, "0.00"), (40_000, "0.04"), (1_500_000, "1.50"), (167, "0.000167"), (12_345_678, "12.345678")]
        {
            assert_eq!(dollars(usd_micros), expected);
        }
    }

    #[test]
    fn a_period_ends_where_the_next_one_begins() {
        let day = |text: &str| text.parse::<NaiveDate>();
        for (period, on, expected) in [
            (Period::ClientDay, "2026-12-31", "2027-01-01"),
            (Period::UserMonth, "2026-12-31", "2027-01-01"),
            (Period::ClientMonth, "2026-01-31", "2026-02-01"),
        ] {
            assert_eq!(day(on).map(|on| end_of(period, on).date_naive()), day(expected));
        }
    }
}
