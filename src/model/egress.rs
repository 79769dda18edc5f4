//! Why a request of a guest got no answer: one set of words from the wire up to the guest and the job.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::code::JobCode;
use crate::model::limit::Limit;
use crate::model::right::Denial;

/// What strangers hear where anything more would tell them which names exist inside of the operator's network.
const UNREACHABLE: &str = "destination not allowed or unreachable";

/// What one call may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Requests, answered or not.
    Requests,
    /// Bytes of all request bodies together.
    Sent,
    /// Bytes of all answers' bodies together.
    Received,
}

impl Budget {
    /// The limit that it is called among all limits.
    #[must_use]
    pub const fn limit(self) -> Limit {
        match self {
            Self::Requests => Limit::EgressRequests,
            Self::Sent => Limit::EgressSentBytes,
            Self::Received => Limit::EgressReceivedBytes,
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requests => "the requests of this call",
            Self::Sent => "the bytes sent by this call",
            Self::Received => "the bytes received by this call",
        })
    }
}

/// How long a guest wants to wait; never longer than the platform does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// For name, connection and TLS.
    pub connect: Option<Duration>,
    /// From there to the answer's head.
    pub first_byte: Option<Duration>,
    /// Between two parts of the answer's body.
    pub between_bytes: Option<Duration>,
}

/// Why a guest's request got no answer, or only the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressFault {
    /// One of the three keys says no.
    #[error("{0}")]
    NotGranted(Denial),
    /// The URL alone shows that the platform lets no addon go there.
    #[error("the platform lets no addon send this: {rule}")]
    Closed {
        /// Which rule, in plain words.
        rule: String,
        /// Whether it is about the address, and not about scheme or port.
        is_address: bool,
    },
    /// It has no URL that means the same to everybody.
    #[error("the URL is not an http or https URL with a host and without a name or password")]
    Url,
    /// The URL is longer than servers take.
    #[error("the URL is {reached} bytes, {allowed} are allowed")]
    UrlTooLong {
        /// Its bytes.
        reached: u64,
        /// The most.
        allowed: u64,
    },
    /// The method would turn the connection into something else, or show what the platform put into the request.
    #[error("the method `{method}` is sent for nobody")]
    Method {
        /// The method.
        method: String,
    },
    /// A secret would leave in clear, or cannot leave as it should.
    #[error("a secret keeps the request from being sent: {rule}")]
    Secret {
        /// Why, in plain words.
        rule: String,
    },
    /// The call used up what it may use.
    #[error("{budget} would be {reached}, {allowed} are allowed")]
    OverBudget {
        /// What.
        budget: Budget,
        /// What it would have come to.
        reached: u64,
        /// What it may come to.
        allowed: u64,
    },
    /// Too many requests are under way at once, of this call or of all.
    #[error("no more than {allowed} requests are under way at once, and none ended in time")]
    Busy {
        /// How many may be.
        allowed: u64,
    },
    /// The name does not resolve, or resolves to an address that is not allowed; nobody outside is told which.
    #[error("{UNREACHABLE}")]
    Unreachable,
    /// The server took no connection.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// There was no connection in time.
    #[error("there was no connection within {}ms", .allowed.as_millis())]
    ConnectTimeout {
        /// The time that it may take.
        allowed: Duration,
    },
    /// The server could not prove who it is, or does not speak TLS.
    #[error("there was no secure connection: {what}")]
    Tls {
        /// What TLS says.
        what: String,
    },
    /// The head of the answer did not come in time.
    #[error("no answer began within {}ms", .allowed.as_millis())]
    FirstByteTimeout {
        /// The time that it may take.
        allowed: Duration,
    },
    /// The answer's body stopped coming.
    #[error("the answer paused for more than {}ms", .allowed.as_millis())]
    BytesTimeout {
        /// The longest pause.
        allowed: Duration,
    },
    /// The answer's head is larger than it may be.
    #[error("the answer's headers are larger than {allowed} bytes")]
    HeadTooLarge {
        /// The most bytes.
        allowed: u64,
    },
    /// The connection ended before the answer did.
    #[error("the connection ended before the answer was complete")]
    Incomplete,
    /// The server wants to speak another protocol.
    #[error("the server wants to change the protocol")]
    Upgrade,
    /// What came is not HTTP/1.1.
    #[error("the answer is not HTTP")]
    Protocol,
    /// The guest dropped its request body before it was complete.
    #[error("the request was given up before its body was complete")]
    Aborted,
    /// No way out is attached to this call.
    #[error("this call has no way out")]
    NoPort,
}

impl EgressFault {
    /// The job's code where a guest fails because of it; none for what is no refusal but a mishap.
    #[must_use]
    pub const fn refusal(&self) -> Option<JobCode> {
        match self {
            Self::NotGranted(_) | Self::Closed { .. } | Self::Secret { .. } => Some(JobCode::EgressDenied),
            Self::OverBudget { .. } => Some(JobCode::QuotaExceeded),
            Self::Url
            | Self::UrlTooLong { .. }
            | Self::Method { .. }
            | Self::Busy { .. }
            | Self::Unreachable
            | Self::ConnectionRefused
            | Self::ConnectTimeout { .. }
            | Self::Tls { .. }
            | Self::FirstByteTimeout { .. }
            | Self::BytesTimeout { .. }
            | Self::HeadTooLarge { .. }
            | Self::Incomplete
            | Self::Upgrade
            | Self::Protocol
            | Self::Aborted
            | Self::NoPort => None,
        }
    }

    /// Which key says no, and its rule; the platform's own rules stand beside the three keys.
    #[must_use]
    pub fn rule(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::NotGranted(denial) => Some((denial.key.as_str(), &denial.rule)),
            Self::Closed { rule, .. } | Self::Secret { rule } => Some(("platform", rule)),
            _ => None,
        }
    }

    /// The facts behind a refusal, as a failed job shows them.
    #[must_use]
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::NotGranted(denial) => Some(denial.details()),
            Self::Closed { rule, .. } => Some(json!({ "capability": "http", "key": "platform", "rule": rule })),
            Self::Secret { rule } => Some(json!({ "capability": "secrets", "key": "platform", "rule": rule })),
            Self::OverBudget { budget, reached, allowed } => {
                Some(json!({ "limit": budget.limit(), "reached": reached, "allowed": allowed }))
            }
            Self::UrlTooLong { reached, allowed } => Some(json!({ "reached": reached, "allowed": allowed })),
            _ => None,
        }
    }
}
