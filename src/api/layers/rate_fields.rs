//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11): lists of structured fields, one item a limit.

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;

use crate::model::rate::{RateStanding, WINDOW_SECS};

/// Says which limits the request counted on, and where they stand now.
pub(super) fn add(response: &mut Response, standings: &[RateStanding]) {
    if standings.is_empty() {
        return;
    }
    for (name, value) in [("ratelimit-policy", list(standings, policy)), ("ratelimit", list(standings, standing))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}

fn list(standings: &[RateStanding], write: fn(&RateStanding) -> String) -> String {
    standings.iter().map(write).collect::<Vec<_>>().join(", ")
}

fn policy(standing: &RateStanding) -> String {
    format!("\"{}\";q={};w={WINDOW_SECS}", standing.counter.as_str(), standing.limit)
}

fn standing(standing: &RateStanding) -> String {
    let seconds = standing.whole_in.as_millis().div_ceil(1000);
    format!("\"{}\";r={};t={seconds}", standing.counter.as_str(), standing.remaining)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::rate::RateCounter;

    #[test]
    fn limits_are_items_of_a_list_with_a_quoted_name() {
        let of = |counter, limit, remaining, millis| RateStanding {
            counter,
            limit,
            remaining,
            whole_in: Duration::from_millis(millis),
            wait: None,
        };
        let both = [of(RateCounter::Images, 600, 599, 100), of(RateCounter::ImagesPerUser, 30, 12, 36_001)];
        assert_eq!(list(&both, policy), "\"images\";q=600;w=60, \"images-per-user\";q=30;w=60");
        assert_eq!(list(&both, standing), "\"images\";r=599;t=1, \"images-per-user\";r=12;t=37");
    }
}
