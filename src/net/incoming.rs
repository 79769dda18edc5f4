//! A body on its way in: counted and timed while it streams, so that nothing larger or slower than allowed is taken.

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use crate::model::units::ByteSize;
use crate::net::error::NetError;
use crate::net::limits::ClientLimits;
use crate::net::request::AnswerHeaders;

/// An answer whose body is still on the way. Dropping it closes the connection.
#[derive(Debug)]
pub struct Incoming {
    response: reqwest::Response,
    deadline: Instant,
    started: Instant,
    limit: ByteSize,
    received: u64,
    pace: Option<ClientLimits>,
}

impl Incoming {
    pub(super) fn new(response: reqwest::Response, deadline: Instant, limit: ByteSize) -> Self {
        Self { response, deadline, started: Instant::now(), limit, received: 0, pace: None }
    }

    /// The same body, given up when it comes slower than `limits` bear.
    pub(super) const fn at_least_as_fast_as(mut self, limits: &ClientLimits) -> Self {
        self.pace = Some(*limits);
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The answer's headers.
    #[must_use]
    pub fn headers(&self) -> AnswerHeaders {
        AnswerHeaders(self.response.headers().clone())
    }

    /// Saves the transfer of a body whose own `Content-Length` is over the limit.
    pub(super) fn refuse_announced_size(&self) -> Result<(), NetError> {
        match self.response.content_length() {
            Some(length) if length > self.limit.as_u64() => Err(NetError::TooLarge { limit: self.limit }),
            _ => Ok(()),
        }
    }

    /// The next part, none at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`NetError`] when the connection breaks, time is up, the body is over its limit, or comes too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>, NetError> {
        let Some(chunk) = self.chunk().await? else { return Ok(None) };
        self.received = self.received.saturating_add(chunk.len() as u64);
        if self.received > self.limit.as_u64() {
            return Err(NetError::TooLarge { limit: self.limit });
        }
        if let Some(pace) = &self.pace {
            self.refuse_slow(pace)?;
        }
        Ok(Some(chunk))
    }

    /// The whole body, in memory.
    ///
    /// # Errors
    /// [`NetError`] as for [`Incoming::next`].
    pub async fn whole(&mut self) -> Result<Bytes, NetError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The beginning of the body, and whether there was more; never an error.
    pub(super) async fn beginning(&mut self) -> (Bytes, bool) {
        let limit = self.limit.as_usize();
        let mut body = BytesMut::new();
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => {
                    body.extend_from_slice(&chunk);
                    if body.len() > limit {
                        body.truncate(limit);
                        return (body.freeze(), true);
                    }
                }
                Ok(None) => return (body.freeze(), false),
                Err(_) => return (body.freeze(), true),
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, NetError> {
        let chunk = timeout_at(self.deadline, self.response.chunk()).await;
        chunk.map_err(|_| NetError::TimedOut)?.map_err(NetError::of)
    }

    fn refuse_slow(&self, pace: &ClientLimits) -> Result<(), NetError> {
        let elapsed = self.started.elapsed();
        let due = u128::from(pace.slowest_bytes_per_second) * elapsed.as_millis() / 1000;
        if elapsed > pace.slow_start && u128::from(self.received) < due {
            return Err(NetError::TooSlow { bytes_per_second: pace.slowest_bytes_per_second });
        }
        Ok(())
    }
}
