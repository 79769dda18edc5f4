//! What a handler says of a try.

use std::time::Duration;

use serde_json::Value;

/// How a try ended, in the handler's own judgement.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Well, with this result.
    Done(Value),
    /// Badly; try again by the lane's backoff while tries are left. The text is what boards show.
    Retry(String),
    /// Badly; try again after this long, charged as a try: for schedules of the handler's own.
    RetryIn(Duration, String),
    /// Not now: try again after this long (clamped to 1 s – 1 h) without a try charged. Ends as a failure after as many
    /// of these as the job has tries, or after 24 h.
    RetryAfter(Duration, String),
    /// Not yet: nothing was begun, and nothing is charged or counted; to be handed out again after this long.
    Later(Duration),
    /// Badly, for good.
    GiveUp(String),
    /// Not here: back to the front of the queue, no try charged.
    HandBack,
}
