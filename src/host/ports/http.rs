//! The way out for requests, as a trait: rights, secrets and the network stand behind it.

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::combinators::UnsyncBoxBody;

use crate::model::egress::{EgressFault, Patience};

/// A body on its way, in either direction: it streams, and its error is the reason that it ended.
pub type HttpBody = UnsyncBoxBody<Bytes, EgressFault>;

/// The head of an answer, its body on the way, and what moves both.
pub struct HttpAnswer {
    /// The head, and the body as it comes.
    pub response: http::Response<HttpBody>,
    /// Reads and writes the connection: nothing comes where nobody polls it. Dropped, it closes an unfinished exchange.
    pub exchange: BoxFuture<'static, ()>,
}

impl std::fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpAnswer").field("status", &self.response.status()).finish_non_exhaustive()
    }
}

/// Sends the requests of one call (`wasi:http/outgoing-handler`).
#[async_trait]
pub trait HttpPort: Send + Sync {
    /// Sends a request whose URI is absolute, and answers as soon as the answer's head is there. Redirects are answers.
    /// Cancel-safe: dropping the future closes the connection.
    async fn send(&self, request: http::Request<HttpBody>, patience: Patience) -> Result<HttpAnswer, EgressFault>;
}
