//! Compiled code in memory that nobody can change any more, whoever holds it: a file without a name, under all seals.
//!
//! The kernel refuses to write to such a file, to shorten it, to lengthen it and to break its seals, for everybody and
//! for good, its maker included. So it can be mapped as code by several processes at once, and what was checked
//! before it was sealed is what runs.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

/// A file in memory that is still being written.
pub(in crate::host) struct Unsealed(File);

/// Code under seals; a clone is the same code.
#[derive(Clone, Debug)]
pub(in crate::host) struct Sealed {
    file: Arc<OwnedFd>,
    bytes: u64,
}

impl Unsealed {
    /// An empty one.
    ///
    /// # Errors
    /// This system has no such files, or no memory for one.
    pub(in crate::host) fn new() -> io::Result<Self> {
        Ok(Self(File::from(memory_file()?)))
    }

    /// Where to write.
    pub(in crate::host) const fn file(&mut self) -> &mut File {
        &mut self.0
    }

    /// Closes it for writing, for everybody and for good.
    ///
    /// # Errors
    /// The kernel refuses a seal.
    pub(in crate::host) fn seal(self) -> io::Result<Sealed> {
        seal(self.0.as_fd())?;
        Sealed::take(OwnedFd::from(self.0))
    }
}

impl Sealed {
    /// Takes a file that somebody else sealed.
    ///
    /// # Errors
    /// It does not carry every seal, or it is empty.
    pub(in crate::host) fn take(file: OwnedFd) -> io::Result<Self> {
        let file = File::from(file);
        if !is_sealed(file.as_fd())? {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file of compiled code that is not sealed"));
        }
        let bytes = file.metadata()?.len();
        if bytes == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a file of compiled code that is empty"));
        }
        Ok(Self { file: Arc::new(OwnedFd::from(file)), bytes })
    }

    /// Its length.
    pub(in crate::host) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file, to hand it to another process.
    pub(in crate::host) fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The path under which this process can open it, while this value lives.
    pub(in crate::host) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};

    /// What `/proc` calls these files.
    const NAME: &str = "semantest-code";
    /// No writing, no shortening, no lengthening, and no change of these three.
    const SEALS: SealFlags = SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW).union(SealFlags::SEAL);

    pub(super) fn memory_file() -> io::Result<OwnedFd> {
        Ok(memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?)
    }

    pub(super) fn seal(file: BorrowedFd<'_>) -> io::Result<()> {
        Ok(fcntl_add_seals(file, SEALS)?)
    }

    pub(super) fn is_sealed(file: BorrowedFd<'_>) -> io::Result<bool> {
        match fcntl_get_seals(file) {
            Ok(seals) => Ok(seals.contains(SEALS)),
            // A file of another kind cannot be sealed at all.
            Err(rustix::io::Errno::INVAL) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};

    pub(super) fn memory_file() -> io::Result<OwnedFd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn seal(_: BorrowedFd<'_>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn is_sealed(_: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(false)
    }
}

use kernel::{is_sealed, memory_file, seal};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read as _, Write as _};

    use super::*;

    fn sealed(text: &[u8]) -> io::Result<Sealed> {
        let mut unsealed = Unsealed::new()?;
        unsealed.file().write_all(text)?;
        unsealed.seal()
    }

    #[test]
    fn sealed_code_can_be_read_and_not_changed_by_its_maker_or_by_who_opens_it_anew() -> io::Result<()> {
        let code = sealed(b"code")?;
        let mut read = String::new();
        File::open(code.path())?.read_to_string(&mut read)?;
        assert_eq!((read.as_str(), code.bytes()), ("code", 4));
        let mut own = File::from(code.as_fd().try_clone_to_owned()?);
        assert!(own.write_all(b"other").is_err());
        assert!(own.set_len(2).is_err() && own.set_len(9).is_err());
        let written = OpenOptions::new().write(true).open(code.path()).and_then(|mut file| file.write_all(b"x"));
        assert!(written.is_err());
        Ok(())
    }

    #[test]
    fn a_file_without_every_seal_is_not_taken() -> io::Result<()> {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
        let half = memfd_create("half", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        File::from(half.try_clone()?).write_all(b"code")?;
        fcntl_add_seals(&half, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK)?;
        assert!(Sealed::take(half).is_err(), "the last seal is missing");
        let ordinary = tempfile::tempfile()?;
        (&ordinary).write_all(b"code")?;
        assert!(Sealed::take(ordinary.into()).is_err(), "an ordinary file has no seals");
        assert!(Unsealed::new()?.seal().is_err(), "nothing is no code");
        Ok(())
    }
}
