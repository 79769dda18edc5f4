//! One connection that speaks HTTP/1.1: nobody drives it but who uses it, so it ends with its user.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use crate::model::egress::EgressFault;
use crate::net::guest::dial::Stream;

/// Most header lines of an answer.
const MAX_HEADERS: usize = 100;
/// hyper's own least buffer, in bytes.
const LEAST_BUFFER: usize = 8192;

/// The body of a request on its way out.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, EgressFault>;

/// A connection and the handle that puts requests into it.
pub(super) struct Line {
    sender: SendRequest<Outgoing>,
    /// None once it ended.
    wire: Option<Connection<TokioIo<Box<dyn Stream>>, Outgoing>>,
}

/// Why there is no answer, and the request itself where not a byte of it was sent.
pub(super) struct NoAnswer {
    pub(super) error: hyper::Error,
    pub(super) unsent: Option<Request<Outgoing>>,
}

impl Line {
    /// Begins to speak HTTP over a connection. An answer's head may have `header_bytes`.
    pub(super) async fn over(stream: Box<dyn Stream>, header_bytes: usize) -> Result<Self, hyper::Error> {
        // The status line, and the `: ` and line ends that our own count leaves out.
        let buffer = header_bytes.saturating_mul(2).max(LEAST_BUFFER);
        let mut builder = Builder::new();
        builder.max_headers(MAX_HEADERS).max_buf_size(buffer);
        let (sender, wire) = builder.handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, wire: Some(wire) })
    }

    /// Whether another request can go over it now; finds out whether the other side closed it, or spoke unasked.
    pub(super) async fn is_usable(&mut self) -> bool {
        poll_fn(|context| {
            self.drive(context);
            Poll::Ready(self.wire.is_some() && self.sender.is_ready())
        })
        .await
    }

    /// Sends a request and waits for the head of its answer. The rest moves only while [`Line::poll_idle`] is polled.
    pub(super) async fn ask(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, NoAnswer> {
        let mut asked = pin!(self.sender.try_send_request(request));
        let answered = poll_fn(|context| {
            if let Some(wire) = &mut self.wire
                && Pin::new(wire).poll(context).is_ready()
            {
                self.wire = None;
            }
            asked.as_mut().poll(context)
        });
        answered.await.map_err(|mut error| NoAnswer { unsent: error.take_message(), error: error.into_error() })
    }

    /// Moves bytes both ways until the exchange is over: whether the connection can take another request.
    pub(super) fn poll_idle(&mut self, context: &mut std::task::Context<'_>) -> Poll<bool> {
        self.drive(context);
        if self.wire.is_none() {
            return Poll::Ready(false);
        }
        self.sender.poll_ready(context).map(|ready| ready.is_ok())
    }

    /// Whether the exchange is over, as far as was seen.
    pub(super) fn is_idle(&self) -> bool {
        self.wire.is_some() && self.sender.is_ready()
    }

    fn drive(&mut self, context: &mut std::task::Context<'_>) {
        if let Some(wire) = &mut self.wire
            && Pin::new(wire).poll(context).is_ready()
        {
            self.wire = None;
        }
    }
}
