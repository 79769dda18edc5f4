//! How webhooks are delivered and tried again.

use serde::{Deserialize, Serialize};

use crate::model::units::{ByteSize, Span};

/// Settings of webhook deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// The wait before each attempt, the first one included; as many attempts as entries, then the delivery is a
    /// dead letter. The default is the example of Standard Webhooks, about 76 hours.
    pub schedule: Vec<Span>,
    /// How far each wait is spread to either side, in percent, so that receivers that fell together do not get
    /// everything again at one instant.
    pub jitter_percent: u8,
    /// Longest wait that a receiver's `Retry-After` can ask for.
    pub longest_retry_after: Span,
    /// Time for one attempt, from the first packet to the status line; Standard Webhooks says 15 to 30 s.
    pub timeout: Span,
    /// Largest body we send; larger results are replaced by a link. Standard Webhooks advises under 20 kB.
    pub max_body: ByteSize,
    /// How much of the receiver's answer is kept for the delivery log.
    pub kept_answer: ByteSize,
    /// Most standing endpoints of one client.
    pub max_endpoints: usize,
    /// How long the secret before a rotation signs too, so that receivers have time to learn the new one.
    pub rotation_overlap: Span,
    /// A standing endpoint at which nothing has arrived for so long is disabled; `0s` for never.
    pub disable_after: Span,
    /// Attempts that one worker process has under way at one receiver. One that fails gets a fifth of it, so that it holds
    /// nobody else up.
    pub receiver_concurrency: usize,
    /// Most deliveries that are kept of one endpoint, and most dead letters: what can be looked at and replayed.
    pub kept_deliveries: usize,
    /// How long they are kept.
    pub keep_deliveries: Span,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        let hours = |count: u64| Span::secs(count * 3600);
        Self {
            schedule: vec![
                Span::secs(0),
                Span::secs(5),
                Span::secs(5 * 60),
                Span::secs(30 * 60),
                hours(2),
                hours(5),
                hours(10),
                hours(14),
                hours(20),
                hours(24),
            ],
            jitter_percent: 20,
            longest_retry_after: hours(24),
            timeout: Span::secs(15),
            max_body: ByteSize::bytes(20_000),
            kept_answer: ByteSize::kib(1),
            max_endpoints: 20,
            rotation_overlap: hours(24),
            disable_after: hours(5 * 24),
            receiver_concurrency: 10,
            kept_deliveries: 1000,
            keep_deliveries: hours(30 * 24),
        }
    }
}
