//! Compiled code as files: one per component digest and engine fingerprint.

use std::fs::{DirBuilder, DirEntry, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tracing::warn;

use crate::host::cache::sealed::{Sealed, Unsealed};
use crate::host::engine::Fingerprint;
use crate::model::digest::Digest;

/// Marks a file of ours and the layout of its header.
const MAGIC: &[u8; 8] = b"SMTCWA\x00\x01";
/// Bytes of magic, digest, fingerprint, length and code's authentication.
const HEADER_BYTES: usize = 8 + 32 + 32 + 8 + 32;
/// How the name of a file that is being written begins.
const UNFINISHED: &str = ".writing-";
/// After this time an unfinished file belongs to a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);
/// Bytes that are read, checked and copied at a time: they stay in the processor's own cache on the way.
const PIECE_BYTES: usize = 128 * 1024;
/// How a cache file's name ends.
const EXTENSION: &str = "cwasm";

/// The folder of compiled code.
pub(in crate::host) struct DiskCache {
    folder: PathBuf,
    /// The MAC key, padded to a block of the hash as HMAC would do itself.
    key: [u8; 64],
    fingerprint: Fingerprint,
    max_bytes: u64,
}

/// What was found for a digest.
pub(in crate::host) enum Found<T> {
    /// Code whose authenticity was checked.
    Code(T),
    /// No file.
    Nothing,
    /// A file that is not to be believed, and why.
    Corrupt(&'static str),
}

impl DiskCache {
    /// Opens `folder`, made with mode 0700 where it does not exist yet.
    pub(in crate::host) fn open(
        folder: &Path,
        key: [u8; 32],
        fingerprint: Fingerprint,
        max_bytes: u64,
    ) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // The folder may have been made before us, by somebody less careful.
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let key = std::array::from_fn(|index| key.get(index).copied().unwrap_or(0));
        Ok(Self { folder: folder.to_owned(), key, fingerprint, max_bytes })
    }

    /// Copies the code of `digest` into sealed memory, and checks the very bytes that are copied. Blocks.
    pub(in crate::host) fn copy(&self, digest: &Digest, mut copy: Unsealed) -> io::Result<Found<Sealed>> {
        let path = self.path(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        read_ahead(&file);
        let mut head = [0; HEADER_BYTES];
        if let Err(error) = file.read_exact(&mut head) {
            let is_short = error.kind() == io::ErrorKind::UnexpectedEof;
            return if is_short { Ok(Found::Corrupt("it is shorter than its header")) } else { Err(error) };
        }
        let whole = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let header = self.header(digest, whole.saturating_sub(HEADER_BYTES));
        let Some((_, mac)) = head.split_at_checked(header.len()).filter(|(said, _)| *said == header) else {
            return Ok(Found::Corrupt("its header names other contents"));
        };
        let mut authenticator = self.authenticator(&header, &[]);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let count = file.read(&mut piece)?;
            let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
            authenticator.update(read);
            copy.file().write_all(read)?;
        }
        if authenticator.verify_slice(mac).is_err() {
            return Ok(Found::Corrupt("its authentication code does not fit"));
        }
        touch(&path);
        Ok(Found::Code(copy.seal()?))
    }

    /// Reads the code of `digest` into this process's own memory. Blocks.
    pub(in crate::host) fn load(&self, digest: &Digest) -> io::Result<Found<Vec<u8>>> {
        let path = self.path(digest);
        let mut bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error),
        };
        if let Err(reason) = self.check(digest, &bytes) {
            return Ok(Found::Corrupt(reason));
        }
        touch(&path);
        Ok(Found::Code(bytes.split_off(HEADER_BYTES)))
    }

    /// Keeps `code` for `digest`: a temporary name, flushed to disk, then renamed. Blocks.
    pub(in crate::host) fn store(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let file = self.written(digest, code)?;
        file.as_file().sync_all()?;
        // The temporary file was made with mode 0600 and keeps it.
        file.persist(self.path(digest)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()?;
        self.prune()
    }

    /// The same for a measurement, which may lose it with the power: neither flushed nor counted. Blocks.
    pub(in crate::host) fn plant(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        self.written(digest, code)?.persist(self.path(digest)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Components whose code is kept for other engines and not for this one, the one that was used last first. Blocks.
    pub(in crate::host) fn outdated(&self) -> io::Result<Vec<Digest>> {
        let mut files: Vec<(SystemTime, Digest)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Some(digest) = named(&entry) else { continue };
            // Another process may have pruned it meanwhile.
            let Ok(used) = entry.metadata().and_then(|facts| facts.modified()) else { continue };
            if !self.path(&digest).exists() {
                files.push((used, digest));
            }
        }
        files.sort_unstable_by(|one, other| other.cmp(one));
        let mut digests: Vec<Digest> = Vec::new();
        for (_, digest) in files {
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
        Ok(digests)
    }

    /// Removes the code of `digest` for every other engine. Blocks.
    pub(in crate::host) fn forget_outdated(&self, digest: &Digest) -> io::Result<()> {
        let own = self.path(digest);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if named(&entry).as_ref() == Some(digest) && entry.path() != own {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Waits until no other process compiles components of this digest's group, and keeps them out
    /// until dropped. Blocks.
    ///
    /// The group is the digest's first byte: the files stay few and are never removed, which would be a
    /// race of its own.
    pub(in crate::host) fn lock(&self, digest: &Digest) -> io::Result<File> {
        let [group, ..] = digest.as_bytes();
        let path = self.folder.join(format!("compiling-{group:02x}.lock"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        file.lock()?;
        Ok(file)
    }

    /// A whole file under a name of its own.
    fn written(&self, digest: &Digest, code: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        let header = self.header(digest, code.len());
        file.write_all(&header)?;
        file.write_all(&self.mac(&header, code))?;
        file.write_all(code)?;
        Ok(file)
    }

    /// Whether there is a file for `digest` and this engine, whatever is in it. Blocks.
    pub(in crate::host) fn has(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// Where the code of `digest` for this engine is kept.
    pub(in crate::host) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{}.{EXTENSION}", digest.hex(), self.age()))
    }

    /// What tells this engine's files from those of another one, in their names.
    fn age(&self) -> String {
        let [a, b, c, d, ..] = *self.fingerprint.as_bytes();
        hex::encode([a, b, c, d])
    }

    fn header(&self, digest: &Digest, length: usize) -> Vec<u8> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        [MAGIC.as_slice(), digest.as_bytes(), self.fingerprint.as_bytes(), &length.to_le_bytes()].concat()
    }

    fn mac(&self, header: &[u8], code: &[u8]) -> [u8; 32] {
        self.authenticator(header, code).finalize().into_bytes().into()
    }

    fn authenticator(&self, header: &[u8], code: &[u8]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new(&self.key.into()).chain_update(header).chain_update(code)
    }

    /// Whether `bytes` is a file that this host wrote for `digest` and this engine.
    fn check(&self, digest: &Digest, bytes: &[u8]) -> Result<(), &'static str> {
        let (head, code) = bytes.split_at_checked(HEADER_BYTES).ok_or("it is shorter than its header")?;
        let (header, mac) = head.split_at_checked(HEADER_BYTES - 32).ok_or("it is shorter than its header")?;
        if header != self.header(digest, code.len()) {
            return Err("its header names other contents");
        }
        self.authenticator(header, code).verify_slice(mac).map_err(|_| "its authentication code does not fit")
    }

    /// Removes the files that were used least recently until the rest fits.
    fn prune(&self) -> io::Result<()> {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                remove_abandoned(&entry);
                continue;
            }
            if entry.path().extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            // Another process may have pruned it meanwhile.
            let Ok(facts) = entry.metadata() else { continue };
            files.push((facts.modified().unwrap_or(SystemTime::UNIX_EPOCH), facts.len(), entry.path()));
        }
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort_unstable();
        for (_, size, path) in files {
            if total <= self.max_bytes {
                break;
            }
            match std::fs::remove_file(&path) {
                Ok(()) => total = total.saturating_sub(size),
                Err(error) => warn!(path = %path.display(), %error, "A file of compiled code cannot be removed"),
            }
        }
        Ok(())
    }
}

/// Has the kernel fetch the rest of the file while its beginning is checked; where it does not, reading takes longer.
fn read_ahead(file: &File) {
    #[cfg(target_os = "linux")]
    for advice in [rustix::fs::Advice::Sequential, rustix::fs::Advice::WillNeed] {
        let _ = rustix::fs::fadvise(file, 0, None, advice);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// The component whose code a file is, where it is such a file.
fn named(entry: &DirEntry) -> Option<Digest> {
    let name = entry.file_name().into_string().ok()?;
    let (digest, _) = name.strip_suffix(EXTENSION)?.split_once('-')?;
    Digest::parse(digest).ok()
}

/// Remembers that the file was used; losing that only makes it older than it is.
fn touch(path: &Path) {
    if let Ok(file) = OpenOptions::new().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Removes a file that nobody finishes any more.
fn remove_abandoned(entry: &DirEntry) {
    let age = entry.metadata().and_then(|facts| facts.modified()).ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age > ABANDONED_AFTER) {
        // Another process may be quicker; either way it is gone.
        let _ = std::fs::remove_file(entry.path());
    }
}
