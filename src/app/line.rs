//! The line between a supervisor and one of its workers: short questions one way, texts the other.
//!
//! A question is a letter and a number, an answer the same number, a length and a text. The number lets the asker pass
//! over answers that come after it gave up waiting for them.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use crate::api::{Figures, ReadinessCheck};
use crate::shutdown::Stop;

/// Longest wait for an answer; one that all of a worker's threads are too busy for comes later.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest text that is taken: metrics of one process are some ten kilobytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Bytes before an answer's text: its number and its length.
const HEAD_BYTES: usize = 8;

/// What a supervisor asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What is missing for being ready; an empty answer for nothing.
    Missing,
    /// The page of figures.
    Figures,
}

impl Question {
    const ALL: [Self; 2] = [Self::Missing, Self::Figures];

    const fn letter(self) -> u8 {
        match self {
            Self::Missing => b'r',
            Self::Figures => b'm',
        }
    }

    fn parse(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|question| question.letter() == letter)
    }
}

/// The supervisor's end.
pub(super) struct Asker(Mutex<Talk>);

struct Talk {
    stream: UnixStream,
    /// What came and is no whole answer yet: kept here, so that giving up in the middle loses nothing.
    heard: BytesMut,
    number: u32,
}

impl Asker {
    /// An asker at the end of `stream`.
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        Ok(Self(Mutex::new(Talk { stream, heard: BytesMut::new(), number: 0 })))
    }

    /// Asks, and waits for two seconds at most. Cancel-safe.
    pub(super) async fn ask(&self, question: Question) -> io::Result<String> {
        let asking = async { self.0.lock().await.ask(question).await };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Talk {
    async fn ask(&mut self, question: Question) -> io::Result<String> {
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        let mut words = [question.letter(), 0, 0, 0, 0];
        if let Some(place) = words.get_mut(1..) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        self.stream.write_all(&words).await?;
        loop {
            while let Some((of, text)) = self.whole()? {
                if of == number {
                    return Ok(text);
                }
            }
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Takes a whole answer out of what was heard.
    fn whole(&mut self) -> io::Result<Option<(u32, String)>> {
        let Some(mut head) = self.heard.get(..HEAD_BYTES) else { return Ok(None) };
        let (number, length) = (head.get_u32_le(), usize::try_from(head.get_u32_le()).unwrap_or(usize::MAX));
        if length > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that is far too long"));
        }
        if self.heard.len() < HEAD_BYTES.saturating_add(length) {
            return Ok(None);
        }
        self.heard.advance(HEAD_BYTES);
        let text = self.heard.split_to(length);
        Ok(Some((number, String::from_utf8_lossy(&text).into_owned())))
    }
}

/// The worker's end: answers until `stop`, or until the supervisor hangs up.
///
/// # Errors
/// The line broke, or the supervisor is gone.
pub(super) async fn answer(
    mut stream: UnixStream,
    readiness: ReadinessCheck,
    figures: Figures,
    stop: Stop,
) -> io::Result<()> {
    loop {
        let mut words = [0; 5];
        tokio::select! {
            read = stream.read_exact(&mut words) => { read?; }
            () = stop.fired() => return Ok(()),
        }
        let [letter, number @ ..] = words;
        let text = match Question::parse(letter) {
            Some(Question::Missing) => readiness().await.err().unwrap_or_default(),
            Some(Question::Figures) => figures().await,
            None => String::new(),
        };
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let whole = [number.as_slice(), &length.to_le_bytes(), text.as_bytes()].concat();
        stream.write_all(&whole).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::shutdown;

    #[tokio::test]
    async fn an_answer_that_comes_too_late_is_passed_over() -> anyhow::Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let asker = Asker::new(ours)?;
        theirs.set_nonblocking(true)?;
        let mut theirs = UnixStream::from_std(theirs)?;
        // The first question is given up before it is answered.
        let given_up = tokio::time::timeout(Duration::from_millis(1), asker.ask(Question::Figures)).await;
        assert!(given_up.is_err());
        let late = async {
            for text in ["late", "in time"] {
                let mut words = [0; 5];
                theirs.read_exact(&mut words).await?;
                let [_, number @ ..] = words;
                let length = u32::try_from(text.len()).unwrap_or_default().to_le_bytes();
                // In pieces, as it may come.
                for piece in [&number[..2], &number[2..], &length[..], text.as_bytes()] {
                    theirs.write_all(piece).await?;
                    tokio::task::yield_now().await;
                }
            }
            anyhow::Ok(())
        };
        let (asked, answered) = tokio::join!(asker.ask(Question::Missing), late);
        answered?;
        assert_eq!(asked?, "in time");
        Ok(())
    }

    #[tokio::test]
    async fn a_worker_says_what_is_missing_and_its_figures_until_it_stops() -> anyhow::Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let asker = Asker::new(ours)?;
        theirs.set_nonblocking(true)?;
        let readiness: ReadinessCheck = Arc::new(|| Box::pin(async { Err(String::from("redis")) }));
        let figures: Figures = Arc::new(|| Box::pin(async { String::from("one 1\n") }));
        let (handle, stop) = shutdown::channel();
        let answering = answer(UnixStream::from_std(theirs)?, readiness, figures, stop);
        let asking = async {
            let said = (asker.ask(Question::Missing).await?, asker.ask(Question::Figures).await?);
            handle.fire();
            io::Result::Ok(said)
        };
        let (answered, said) = tokio::join!(answering, asking);
        answered?;
        assert_eq!(said?, (String::from("redis"), String::from("one 1\n")));
        assert!(asker.ask(Question::Missing).await.is_err(), "it has hung up");
        Ok(())
    }
}
