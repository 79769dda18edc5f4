//! One attempt to deliver one event to one receiver.

use std::time::{Duration, Instant};

use url::Url;

use crate::clock;
use crate::config::webhooks::WebhookSettings;
use crate::model::disposition::Disposition;
use crate::model::units::ByteSize;
use crate::net::{Answer, Client, Method, NetError, Request, UNREACHABLE};
use crate::webhooks::keyring::Signers;
use crate::webhooks::schedule::{Schedule, parse_retry_after};
use crate::webhooks::sign::signature_header;

/// Longest receiver URL, in bytes: what every proxy between us and it takes.
const LONGEST_URL: usize = 2048;

/// What is to be delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The receiver.
    pub url: String,
    /// The event's id, the same over all attempts.
    pub webhook_id: String,
    /// The JSON that is sent and signed.
    pub body: String,
    /// What signs it: during a rotation twice.
    pub signers: Signers,
    /// The number of this attempt; 1 is the first.
    pub attempt: u32,
}

/// How an attempt ended, and what comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// The receiver has it.
    Delivered,
    /// Not this time.
    TryAgain {
        /// The wait until the next attempt.
        after: Duration,
        /// Why, in words that the client may read.
        why: String,
    },
    /// Not at all: attempts ran out.
    GiveUp {
        /// Why, in words that the client may read.
        why: String,
    },
    /// Not at all: the destination is not one that this server may call.
    Refused {
        /// Why, in words that the client may read.
        why: String,
    },
    /// The receiver says that it no longer exists (410): nothing should be sent there again.
    Gone,
}

/// What is kept of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The receiver's HTTP status, where it gave one.
    pub status: Option<u16>,
    /// The time from the first packet to the end of what was read.
    pub latency: Duration,
    /// The beginning of the receiver's answer.
    pub answer: String,
}

/// One attempt: what comes of it, and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What comes of it.
    pub outcome: Attempted,
    /// What is kept of it.
    pub receipt: Receipt,
}

/// Why a URL cannot be a receiver; for the client that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not an absolute URL with a host.
    #[error("not an absolute URL such as https://example.com/hook")]
    Malformed,
    /// Longer than any receiver needs.
    #[error("longer than {LONGEST_URL} bytes")]
    TooLong,
    /// The policy refuses it; it does not say why.
    #[error("{UNREACHABLE}")]
    Refused,
}

impl TargetError {
    /// Naming the same URL again ends the same way.
    #[must_use]
    pub const fn disposition(self) -> Disposition {
        Disposition::GiveUp
    }
}

/// Delivers events. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deliverer {
    client: Client,
    schedule: Schedule,
    timeout: Duration,
    kept_answer: ByteSize,
}

impl Deliverer {
    /// A deliverer that goes out through `client`, which should have been made for `Purpose::Webhooks`.
    #[must_use]
    pub fn new(client: Client, settings: &WebhookSettings) -> Self {
        Self {
            client,
            schedule: Schedule::new(settings),
            timeout: settings.timeout.duration(),
            kept_answer: settings.kept_answer,
        }
    }

    /// The waits between attempts.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Whether `url` may be a receiver, as far as that can be said before its name is resolved: so that a client
    /// hears at once what every delivery would say later.
    ///
    /// # Errors
    /// [`TargetError`] says what is wrong, but not which addresses are closed.
    pub fn check_target(&self, url: &str) -> Result<Url, TargetError> {
        if url.len() > LONGEST_URL {
            return Err(TargetError::TooLong);
        }
        let url = Url::parse(url).map_err(|_| TargetError::Malformed)?;
        if !url.has_host() {
            return Err(TargetError::Malformed);
        }
        self.client.policy().check_url(&url).map_err(|_| TargetError::Refused)?;
        Ok(url)
    }

    /// Tries once. Cancel-safe in that nothing of ours changes; the receiver may have it all the same.
    pub async fn attempt(&self, delivery: &Delivery) -> Attempt {
        let started = Instant::now();
        let answered = match self.check_target(&delivery.url) {
            Ok(url) => self.client.send(self.request(url, delivery)).await,
            Err(error) => return refused(error, started.elapsed()),
        };
        let latency = started.elapsed();
        match answered {
            Ok(answer) => self.judge_answer(delivery, &answer, latency),
            Err(error) => self.judge_error(delivery, &error, latency),
        }
    }

    /// The signed request. The timestamp is the attempt's, as Standard Webhooks wants it.
    fn request(&self, url: Url, delivery: &Delivery) -> Request {
        let timestamp = clock::now().timestamp();
        let body = delivery.body.as_bytes();
        Request::new(Method::Post, url)
            .header("webhook-id", &delivery.webhook_id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature_header(&delivery.signers, &delivery.webhook_id, timestamp, body))
            .body("application/json", body.to_vec())
            .within(self.timeout)
            .cutting_at(self.kept_answer)
    }

    fn judge_answer(&self, delivery: &Delivery, answer: &Answer, latency: Duration) -> Attempt {
        let status = answer.status;
        let receipt =
            Receipt { status: Some(status), latency, answer: String::from_utf8_lossy(&answer.body).into_owned() };
        let outcome = match status {
            200..=299 => Attempted::Delivered,
            410 => Attempted::Gone,
            300..=399 => self.after_failure(delivery, None, format!("answered {status}; redirects are not followed")),
            _ => {
                let wish = answer.headers.get("retry-after").and_then(|text| parse_retry_after(text, clock::now()));
                self.after_failure(delivery, wish, format!("answered {status}"))
            }
        };
        Attempt { outcome, receipt }
    }

    fn judge_error(&self, delivery: &Delivery, error: &NetError, latency: Duration) -> Attempt {
        tracing::warn!(
            webhook.id = %delivery.webhook_id,
            attempt = delivery.attempt,
            error = %error.detail(),
            "Could not reach the receiver of webhook `{}`", delivery.webhook_id
        );
        let why = error.public_message();
        let outcome = match error {
            NetError::Denied(_) | NetError::Malformed { .. } => Attempted::Refused { why },
            NetError::Connect(_)
            | NetError::TimedOut
            | NetError::Broken(_)
            | NetError::TooSlow { .. }
            | NetError::HeadersTooLarge { .. }
            | NetError::TooLarge { .. }
            | NetError::Status { .. }
            | NetError::Redirect { .. }
            | NetError::Setup(_) => self.after_failure(delivery, None, why),
        };
        Attempt { outcome, receipt: Receipt { status: None, latency, answer: String::new() } }
    }

    fn after_failure(&self, delivery: &Delivery, retry_after: Option<Duration>, why: String) -> Attempted {
        match self.schedule.wait_after(delivery.attempt, retry_after, rand::random()) {
            Some(after) => Attempted::TryAgain { after, why },
            None => Attempted::GiveUp { why },
        }
    }
}

fn refused(error: TargetError, latency: Duration) -> Attempt {
    let receipt = Receipt { status: None, latency, answer: String::new() };
    Attempt { outcome: Attempted::Refused { why: error.to_string() }, receipt }
}
