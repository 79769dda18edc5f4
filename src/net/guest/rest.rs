//! What is left of an exchange once the head of the answer is there: its driver, and the body that the guest reads.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::model::egress::EgressFault;
use crate::net::guest::line::Line;
use crate::net::guest::pool::{Key, Pool};

/// Reads and writes a connection until its exchange is over, and then keeps it for the next one.
pub(super) struct Rest {
    line: Option<(Key, Line)>,
    pool: Pool,
}

impl Rest {
    pub(super) const fn new(key: Key, line: Line, pool: Pool) -> Self {
        Self { line: Some((key, line)), pool }
    }
}

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some((_, line)) = &mut self.line else { return Poll::Ready(()) };
        match line.poll_idle(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(is_usable) => {
                if let Some((key, line)) = self.line.take().filter(|_| is_usable) {
                    self.pool.put(key, line);
                }
                Poll::Ready(())
            }
        }
    }
}

/// A guest that read everything drops the exchange before its driver looks again.
impl Drop for Rest {
    fn drop(&mut self) {
        if let Some((key, line)) = self.line.take().filter(|(_, line)| line.is_idle()) {
            self.pool.put(key, line);
        }
    }
}

/// The body of an answer: it may not pause for too long, and it holds its place among all requests until it is gone.
pub(super) struct Received {
    inner: Incoming,
    longest_pause: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    is_over: bool,
    _turn: OwnedSemaphorePermit,
}

impl Received {
    pub(super) const fn new(inner: Incoming, longest_pause: Duration, turn: OwnedSemaphorePermit) -> Self {
        Self { inner, longest_pause, pause: None, is_over: false, _turn: turn }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<EgressFault> {
        let longest = self.longest_pause;
        let until = Instant::now() + longest;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        pause.as_mut().poll(context).map(|()| EgressFault::BytesTimeout { allowed: longest })
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = EgressFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressFault>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let fault = match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.pause = None;
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => fault_of(&error),
            Poll::Pending => match self.wait(context) {
                Poll::Ready(fault) => fault,
                Poll::Pending => return Poll::Pending,
            },
        };
        self.is_over = true;
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What hyper's error means; our own, from the request's body, comes back as it went in.
pub(super) fn fault_of(error: &hyper::Error) -> EgressFault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(own) = inner.downcast_ref::<EgressFault>() {
            return own.clone();
        }
        cause = inner.source();
    }
    if error.is_parse() { EgressFault::Protocol } else { EgressFault::Incomplete }
}
