//! A request's body that is watched: its newest bytes wait until it is clear that no secret begins in them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use crate::host::ports::HttpBody;
use crate::model::egress::EgressFault;
use crate::ports::secrets::watch::Watcher;

/// The body; it ends with [`EgressFault::Secret`] where a secret would leave, and nothing of that secret has left then.
pub(in crate::ports) struct Held {
    inner: HttpBody,
    watcher: Watcher,
    waiting: BytesMut,
    trailers: Option<Frame<Bytes>>,
    is_over: bool,
}

impl Held {
    pub(in crate::ports) fn new(inner: HttpBody, watcher: Watcher) -> Self {
        Self { inner, watcher, waiting: BytesMut::new(), trailers: None, is_over: false }
    }

    /// What may leave of the bytes that wait, now that another chunk is there.
    fn take(&mut self, chunk: &[u8]) -> Result<Option<Bytes>, EgressFault> {
        if self.watcher.sees(chunk) {
            return Err(leak("body"));
        }
        self.waiting.extend_from_slice(chunk);
        let free = self.waiting.len().saturating_sub(self.watcher.longest());
        Ok((free > 0).then(|| self.waiting.split_to(free).freeze()))
    }

    fn take_trailers(&mut self, trailers: Frame<Bytes>) -> Result<Frame<Bytes>, EgressFault> {
        for (name, value) in trailers.trailers_ref().into_iter().flatten() {
            self.watcher.restart();
            if self.watcher.sees(name.as_str().as_bytes()) | self.watcher.sees(value.as_bytes()) {
                return Err(leak("trailers"));
            }
        }
        if self.waiting.is_empty() {
            return Ok(trailers);
        }
        self.trailers = Some(trailers);
        Ok(Frame::data(self.waiting.split().freeze()))
    }
}

/// What a guest hears whose request holds a secret in clear.
pub(in crate::ports) fn leak(place: &str) -> EgressFault {
    EgressFault::Secret {
        rule: format!(
            "the request's {place} would hold a secret that the addon may read in clear; put its placeholder into a header or \
             the query, and the host puts the secret in where it may go"
        ),
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = EgressFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EgressFault>>> {
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(trailers)));
        }
        while !self.is_over {
            let taken = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.take(&data).map(|free| free.map(Frame::data)),
                    Err(other) => self.take_trailers(other).map(Some),
                },
                Some(Err(fault)) => Err(fault),
                None => {
                    self.is_over = true;
                    break;
                }
            };
            match taken {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) => {}
                Err(fault) => {
                    self.is_over = true;
                    self.waiting.clear();
                    return Poll::Ready(Some(Err(fault)));
                }
            }
        }
        let rest = self.waiting.split();
        Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty() && self.trailers.is_none() && (self.is_over || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        // The upper bound first: the lower one must not pass it.
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(waiting));
        }
        hint.set_lower(inner.lower().saturating_add(waiting));
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::iter;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;
    use crate::model::secret_value::SecretValue;
    use crate::ports::secrets::watch::Watch;

    type TestResult = Result<(), Box<dyn std::error::Error>>;

    const SECRET: &str = "correct horse battery";

    /// What leaves of a body of these chunks, and how it ends.
    async fn left(chunks: &[&[u8]]) -> Result<(Vec<u8>, Result<(), EgressFault>), Box<dyn std::error::Error>> {
        let watch = Watch::of([&SecretValue::new(SECRET.as_bytes().to_vec())?])?;
        let frames: Vec<_> = chunks.iter().map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        let mut body = Held::new(StreamBody::new(iter(frames)).boxed_unsync(), watch.begin()?);
        let mut gone = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => gone.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Err(fault) => return Ok((gone, Err(fault))),
            }
        }
        assert!(body.is_end_stream());
        Ok((gone, Ok(())))
    }

    #[tokio::test]
    async fn an_innocent_body_leaves_whole_and_in_order() -> TestResult {
        let long = vec![b'x'; 100_000];
        for chunks in
            [vec![], vec![b"".as_slice()], vec![b"one", b"two"], vec![long.as_slice(), b"end"], vec![b"correct horse"]]
        {
            let (gone, ending) = left(&chunks).await?;
            assert_eq!((gone, ending), (chunks.concat(), Ok(())));
        }
        Ok(())
    }

    #[tokio::test]
    async fn nothing_of_a_secret_has_left_when_it_is_noticed() -> TestResult {
        let before = vec![b'x'; 50_000];
        for spelling in
            [SECRET.to_owned(), hex::encode(SECRET), SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect()]
        {
            for size in [1, 5, 1000] {
                let whole = [before.as_slice(), spelling.as_bytes(), &before].concat();
                let chunks: Vec<&[u8]> = whole.chunks(size).collect();
                let (gone, ending) = left(&chunks).await?;
                assert!(matches!(ending, Err(EgressFault::Secret { .. })), "{ending:?}");
                assert!(gone.iter().all(|byte| *byte == b'x'), "{}", String::from_utf8_lossy(&gone));
            }
        }
        Ok(())
    }
}
