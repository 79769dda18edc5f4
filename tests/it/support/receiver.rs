//! A receiver of webhooks on loopback: it keeps what it got and answers what it is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::until;
use crate::net::peer::{Peer, Script, Seen, answer};

/// A listening receiver.
pub(crate) struct Receiver {
    peer: Peer,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    seen: Seen,
}

impl Receiver {
    /// A receiver that is content with everything.
    pub(crate) async fn content() -> Self {
        Self::answering(&[204]).await
    }

    /// A receiver that answers the n-th request with the n-th status, and the last one for ever.
    pub(crate) async fn answering(statuses: &[u16]) -> Self {
        let scripts: Vec<Script> = statuses.iter().map(|status| answer(*status, "", "")).collect();
        Self { peer: Peer::start(scripts).await.expect("a free port") }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        self.peer.url("/hook").expect("an address").to_string()
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.peer.url("/").expect("an address").port().expect("a port")
    }

    /// How often somebody connected, requests or not.
    pub(crate) fn connections(&self) -> usize {
        self.peer.connections()
    }

    /// Everything so far, oldest first.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.peer.seen().into_iter().map(|seen| Arrived { seen }).collect()
    }

    /// Waits until `count` requests are there.
    pub(crate) async fn arrived_at_least(&self, count: usize) -> Vec<Arrived> {
        until(&format!("{count} webhooks"), async || self.peer.seen().len() >= count).await;
        self.arrived()
    }

    /// Waits for the first event of this type.
    pub(crate) async fn first(&self, event: &str) -> Arrived {
        until(event, async || self.arrived().iter().any(|arrived| arrived.event() == event)).await;
        self.arrived().into_iter().find(|arrived| arrived.event() == event).expect("it was there")
    }

    /// How many requests told of an end.
    pub(crate) fn ends(&self) -> usize {
        let ends = ["job.completed", "job.failed", "job.cancelled"];
        self.arrived().iter().filter(|arrived| ends.contains(&arrived.event().as_str())).count()
    }
}

impl Arrived {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.seen.header(name).unwrap_or("")
    }

    /// The body as it was sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.seen.body
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.seen.body).expect("JSON")
    }

    /// The event's type.
    pub(crate) fn event(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the signature fits, computed here from the words of the Standard Webhooks specification alone.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).as_bytes());
        mac.update(self.bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}
