//! A body that is counted while it passes, and ends where the budget does.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::host::ports::HttpBody;
use crate::host::traffic::{Direction, Traffic};
use crate::model::egress::EgressFault;

/// The body of a request or an answer.
pub(super) struct Counted {
    inner: HttpBody,
    direction: Direction,
    traffic: Arc<Traffic>,
    is_over: bool,
    /// Held until the body is gone.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Counted {
    pub(super) const fn new(
        inner: HttpBody,
        direction: Direction,
        traffic: Arc<Traffic>,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { inner, direction, traffic, is_over: false, _turn: turn }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = EgressFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressFault>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => self.traffic.count(self.direction, data.len()).map(|()| frame),
                None => Ok(frame),
            },
            Some(Err(fault)) => Err(fault),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(frame.map_err(|fault| {
            self.is_over = true;
            self.traffic.failed(fault)
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
