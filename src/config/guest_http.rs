//! What addons may send, and how long their peers may take.

use serde::{Deserialize, Serialize};

use crate::model::limits::EgressLimits;
use crate::model::units::{ByteSize, Span};

/// `[sandbox.http]`: requests of addons. Where they may go is in their rights and in `[egress.guests]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuestHttpSettings {
    /// Requests of one call, refused ones included.
    pub requests: u32,
    /// Requests of one call under way at once; later ones wait.
    pub concurrent: u32,
    /// Bytes of all request bodies of one call together.
    pub sent: ByteSize,
    /// Bytes of all answers' bodies of one call together.
    pub received: ByteSize,
    /// Bytes of one request's or answer's headers.
    pub headers: ByteSize,
    /// Time for name resolution, connection and TLS.
    pub connect: Span,
    /// Time from there to the head of the answer, the sending of the request's body included.
    pub first_byte: Span,
    /// Longest pause within an answer's body.
    pub between_bytes: Span,
    /// Requests of all addons under way at once in one process.
    pub concurrent_in_all: u32,
    /// How long a connection is kept for the next request of the same client's same addon to the same address.
    pub idle: Span,
    /// Idle connections of one process.
    pub idle_connections: u32,
}

impl Default for GuestHttpSettings {
    fn default() -> Self {
        let limits = EgressLimits::default();
        Self {
            requests: limits.requests,
            concurrent: limits.concurrent,
            sent: limits.sent,
            received: limits.received,
            headers: limits.headers,
            connect: Span::secs(3),
            first_byte: Span::secs(15),
            between_bytes: Span::secs(15),
            concurrent_in_all: 256,
            idle: Span::secs(30),
            idle_connections: 128,
        }
    }
}

impl GuestHttpSettings {
    /// What one call may send and receive.
    #[must_use]
    pub const fn limits(&self) -> EgressLimits {
        EgressLimits {
            requests: self.requests,
            concurrent: self.concurrent,
            wait: self.first_byte.duration(),
            sent: self.sent,
            received: self.received,
            headers: self.headers,
        }
    }
}
