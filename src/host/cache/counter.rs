//! The counter between a supervisor's vault and its workers: a digest goes over it, sealed code comes back.
//!
//! A worker names what it wants and gets a file descriptor. It cannot hand anything in over the counter, so no worker,
//! however broken, can put code into another one's hands.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tracing::warn;

use crate::host::cache::sealed::Sealed;
use crate::host::cache::vault::{Code, Vault};
use crate::model::digest::Digest;

/// Bytes of a question: a digest.
const QUESTION_BYTES: usize = 32;
/// The answer that nothing is there; the worker compiles.
const NOTHING: u8 = 0;
/// The answer that comes with a file.
const CODE: u8 = 1;
/// The answer of a supervisor whose system has no sealed memory: the worker reads the file for itself.
const READ_IT_YOURSELF: u8 = 2;
/// Longest wait for an answer: a supervisor that checks the largest code on a slow disk takes a second or two.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers one worker until it hangs up. Blocks.
pub(in crate::host) fn serve(vault: &Vault, mut worker: UnixStream) {
    let mut question = [0; QUESTION_BYTES];
    while worker.read_exact(&mut question).is_ok() {
        let digest = Digest::from_bytes(question);
        let answered = match vault.find(&digest) {
            Some(Code::Sealed(sealed)) => hand_over(&worker, &sealed),
            Some(Code::Own(_)) => worker.write_all(&[READ_IT_YOURSELF]),
            None => worker.write_all(&[NOTHING]),
        };
        if let Err(error) = answered {
            warn!(addon.digest = %digest, %error, "A worker could not be handed its compiled code");
            return;
        }
    }
}

fn hand_over(worker: &UnixStream, sealed: &Sealed) -> io::Result<()> {
    let files = [sealed.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut parcel = SendAncillaryBuffer::new(&mut space);
    if !parcel.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(worker, &[IoSlice::new(&[CODE])], &mut parcel, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// What the supervisor answered.
pub(in crate::host) enum Answer {
    /// Code.
    Code(Code),
    /// There is none.
    Nothing,
    /// It cannot say; the worker looks for itself.
    Look,
}

/// A worker's side of the counter.
pub(in crate::host) struct Customer(Mutex<Option<UnixStream>>);

impl Customer {
    /// A customer at the end of `stream`.
    pub(in crate::host) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(Mutex::new(Some(stream))))
    }

    /// Asks for the code of `digest`. Blocks.
    ///
    /// After a failure nothing more is asked: a late answer would be taken for that to the next question.
    pub(in crate::host) fn ask(&self, digest: &Digest) -> Answer {
        let mut stream = self.0.lock();
        let Some(open) = stream.as_mut() else { return Answer::Look };
        match ask(open, digest) {
            Ok(answer) => answer,
            Err(error) => {
                warn!(addon.digest = %digest, %error, "The supervisor hands out no compiled code any more; this process reads and checks it for itself");
                *stream = None;
                Answer::Look
            }
        }
    }
}

fn ask(stream: &mut UnixStream, digest: &Digest) -> io::Result<Answer> {
    stream.write_all(digest.as_bytes())?;
    let mut word = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut parcel = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(stream.as_fd(), &mut [IoSliceMut::new(&mut word)], &mut parcel, cloexec()) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?,
        }
    };
    let mut files: Vec<OwnedFd> = Vec::new();
    for message in parcel.drain() {
        if let RecvAncillaryMessage::ScmRights(handed) = message {
            files.extend(handed);
        }
    }
    match (received.bytes, word, files.pop()) {
        (1, [CODE], Some(file)) => Ok(Answer::Code(Code::Sealed(Sealed::take(file)?))),
        (1, [NOTHING], None) => Ok(Answer::Nothing),
        (1, [READ_IT_YOURSELF], None) => Ok(Answer::Look),
        (0, ..) => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer that is none")),
    }
}

/// What is received is not passed on to children.
#[cfg(target_os = "linux")]
const fn cloexec() -> RecvFlags {
    RecvFlags::CMSG_CLOEXEC
}

#[cfg(not(target_os = "linux"))]
const fn cloexec() -> RecvFlags {
    RecvFlags::empty()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::Arc;

    use super::*;
    use crate::host::cache::disk::DiskCache;
    use crate::host::engine::Fingerprint;

    fn identity(answer: &Answer) -> io::Result<Option<(u64, u64)>> {
        match answer {
            Answer::Code(Code::Sealed(sealed)) => {
                let facts = std::fs::metadata(sealed.path())?;
                Ok(Some((facts.ino(), facts.len())))
            }
            _ => Ok(None),
        }
    }

    #[test]
    fn every_worker_gets_the_same_memory_and_only_what_was_checked() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let disk = Arc::new(DiskCache::open(folder.path(), [7; 32], Fingerprint::any(), 1 << 30)?);
        let (good, forged) = (Digest::of(b"good"), Digest::of(b"forged"));
        disk.store(&good, b"good code")?;
        disk.store(&forged, b"forged code")?;
        let mut bytes = std::fs::read(disk.path(&forged))?;
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        std::fs::write(disk.path(&forged), bytes)?;
        let vault = Vault::new(disk, 1 << 20);
        std::thread::scope(|scope| {
            let mut found = Vec::new();
            for _ in 0..2 {
                let (ours, theirs) = UnixStream::pair()?;
                let vault = &vault;
                scope.spawn(move || serve(vault, ours));
                let customer = Customer::new(theirs)?;
                assert!(matches!(customer.ask(&forged), Answer::Nothing), "a wrong authentication code");
                assert!(matches!(customer.ask(&Digest::of(b"unheard of")), Answer::Nothing));
                found.push(identity(&customer.ask(&good))?);
                assert_eq!(identity(&customer.ask(&good))?, found.last().copied().flatten(), "again the same");
            }
            assert!(found.iter().all(Option::is_some) && found.windows(2).all(|pair| pair.first() == pair.last()));
            Ok(())
        })
    }

    #[test]
    fn a_supervisor_that_hands_over_an_open_file_or_hangs_up_is_not_believed() -> anyhow::Result<()> {
        let (mut ours, theirs) = UnixStream::pair()?;
        let customer = Customer::new(theirs)?;
        let liar = std::thread::spawn(move || -> io::Result<()> {
            ours.read_exact(&mut [0; QUESTION_BYTES])?;
            let file = tempfile::tempfile()?;
            (&file).write_all(b"anything")?;
            let files = [file.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut parcel = SendAncillaryBuffer::new(&mut space);
            assert!(parcel.push(SendAncillaryMessage::ScmRights(&files)));
            sendmsg(&ours, &[IoSlice::new(&[CODE])], &mut parcel, SendFlags::NOSIGNAL)?;
            Ok(())
        });
        assert!(matches!(customer.ask(&Digest::of(b"any")), Answer::Look), "the file carries no seals");
        assert!(liar.join().is_ok_and(|told| told.is_ok()));
        assert!(matches!(customer.ask(&Digest::of(b"any")), Answer::Look), "nothing more is asked");
        Ok(())
    }
}
