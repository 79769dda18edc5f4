//! `[spend]`: how much may be spent on pictures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::units::Span;

/// Most that may be spent, and how long it is remembered what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpendSettings {
    /// How long each day's spending is kept.
    pub keep: Span,
    /// What each client may spend.
    pub limits: SpendLimits,
    /// What single clients may spend; what is left out here is as for each client.
    pub clients: BTreeMap<String, SpendLimits>,
}

/// Most that may be spent in a day and in a month (UTC), in millionths of a US dollar: whole numbers, so that sums are exact.
/// None means as much as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpendLimits {
    /// By the client in a day.
    pub day_usd_micros: Option<u64>,
    /// By the client in a month.
    pub month_usd_micros: Option<u64>,
    /// By each of its users in a day.
    pub user_day_usd_micros: Option<u64>,
    /// By each of its users in a month.
    pub user_month_usd_micros: Option<u64>,
}

impl Default for SpendSettings {
    fn default() -> Self {
        Self { keep: Span::secs(400 * 24 * 60 * 60), limits: SpendLimits::default(), clients: BTreeMap::new() }
    }
}

impl SpendSettings {
    /// What this client may spend.
    #[must_use]
    pub fn of(&self, client: &str) -> SpendLimits {
        let own = self.clients.get(client).copied().unwrap_or_default();
        SpendLimits {
            day_usd_micros: own.day_usd_micros.or(self.limits.day_usd_micros),
            month_usd_micros: own.month_usd_micros.or(self.limits.month_usd_micros),
            user_day_usd_micros: own.user_day_usd_micros.or(self.limits.user_day_usd_micros),
            user_month_usd_micros: own.user_month_usd_micros.or(self.limits.user_month_usd_micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_own_limits_and_the_common_ones_for_the_rest() {
        let limits = SpendLimits { day_usd_micros: Some(5), user_day_usd_micros: Some(2), ..SpendLimits::default() };
        let own = SpendLimits { day_usd_micros: Some(9), ..SpendLimits::default() };
        let settings =
            SpendSettings { limits, clients: [(String::from("acme"), own)].into(), ..SpendSettings::default() };
        assert_eq!(settings.of("other"), limits);
        assert_eq!(settings.of("acme"), SpendLimits { day_usd_micros: Some(9), ..limits });
    }
}
