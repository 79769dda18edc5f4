//! How often a client may ask: what is counted, and where a count stands.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The time over which every limit is meant, in seconds.
pub const WINDOW_SECS: u64 = 60;

/// Routes that share their limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateGroup {
    /// `POST /chat/new`.
    Chat,
    /// `POST /images/generate`.
    Images,
    /// `POST /images/batch`.
    Batch,
    /// Jobs: their state, events, logs, cancelling, trying again.
    Jobs,
    /// The registry, and the addons of users with their actions.
    Addons,
    /// Everything else that needs a key.
    Other,
}

impl RateGroup {
    /// What a request of this group counts on for its client, and for the client's end user.
    #[must_use]
    pub const fn counters(self) -> (RateCounter, Option<RateCounter>) {
        match self {
            Self::Chat => (RateCounter::Chat, Some(RateCounter::ChatPerUser)),
            Self::Images => (RateCounter::Images, Some(RateCounter::ImagesPerUser)),
            Self::Batch => (RateCounter::Batch, None),
            Self::Jobs => (RateCounter::Jobs, None),
            Self::Addons => (RateCounter::Addons, None),
            Self::Other => (RateCounter::Other, None),
        }
    }
}

/// One limit a minute: a name in settings, in a client's own limits and in the `RateLimit` fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RateCounter {
    /// Chat messages of a client.
    Chat,
    /// Chat messages of one end user.
    ChatPerUser,
    /// Requests for pictures of a client.
    Images,
    /// Requests for pictures of one end user.
    ImagesPerUser,
    /// Batches of a client.
    Batch,
    /// Looks at jobs, and changes of them.
    Jobs,
    /// Requests about addons.
    Addons,
    /// Everything else.
    Other,
}

impl RateCounter {
    /// Every counter there is.
    pub const ALL: [Self; 8] = [
        Self::Chat,
        Self::ChatPerUser,
        Self::Images,
        Self::ImagesPerUser,
        Self::Batch,
        Self::Jobs,
        Self::Addons,
        Self::Other,
    ];

    /// The name in header fields and in Redis.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatPerUser => "chat-per-user",
            Self::Images => "images",
            Self::ImagesPerUser => "images-per-user",
            Self::Batch => "batch",
            Self::Jobs => "jobs",
            Self::Addons => "addons",
            Self::Other => "other",
        }
    }

    /// The name in a client's own limits, as JSON has it.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatPerUser => "chatPerUser",
            Self::Images => "images",
            Self::ImagesPerUser => "imagesPerUser",
            Self::Batch => "batch",
            Self::Jobs => "jobs",
            Self::Addons => "addons",
            Self::Other => "other",
        }
    }
}

/// Limits of one client that stand in the place of the platform's, in requests a minute.
pub type OwnRates = BTreeMap<RateCounter, u32>;

/// Where one count stands after a request was counted, or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStanding {
    /// What was counted.
    pub counter: RateCounter,
    /// Requests a minute.
    pub limit: u32,
    /// Requests that are left right now.
    pub remaining: u32,
    /// Until all of them are there again, where nothing is asked meanwhile.
    pub whole_in: Duration,
    /// How long to wait before the request is worth repeating; none where it was counted.
    pub wait: Option<Duration>,
}

/// The standing that refuses a request: of several the one with the longest wait.
#[must_use]
pub fn refusal(standings: &[RateStanding]) -> Option<RateStanding> {
    standings.iter().filter(|standing| standing.wait.is_some()).max_by_key(|standing| standing.wait).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_one_name_in_json_wherever_it_is_written() {
        for counter in RateCounter::ALL {
            assert_eq!(serde_json::to_value(counter).ok(), Some(counter.member().into()), "{counter:?}");
        }
    }

    #[test]
    fn the_longest_wait_is_what_a_client_has_to_know() {
        let standing = |wait: u64| RateStanding {
            counter: RateCounter::Chat,
            limit: 1,
            remaining: 0,
            whole_in: Duration::ZERO,
            wait: (wait > 0).then(|| Duration::from_secs(wait)),
        };
        let longest = refusal(&[standing(3), standing(0), standing(7)]).and_then(|standing| standing.wait);
        assert_eq!(longest, Some(Duration::from_secs(7)));
        assert_eq!(refusal(&[standing(0)]), None);
    }
}
