//! Compiled code that was checked: each file's authentication once, while it is copied into sealed memory.
//!
//! There is one vault a machine's supervisor, or one in a worker that runs alone. Whoever asks gets the same sealed
//! memory, whatever became of the file on disk since.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lru::LruCache;
use parking_lot::Mutex;
use tracing::warn;

use crate::host::cache::disk::{DiskCache, Found};
use crate::host::cache::sealed::{Sealed, Unsealed};
use crate::model::digest::Digest;

/// Code whose authenticity is certain, as far as this process can tell.
pub(in crate::host) enum Code {
    /// In memory that nobody can change.
    Sealed(Sealed),
    /// In this process's own memory, where the system has no seals.
    Own(Vec<u8>),
}

/// One component's place: whoever comes first checks the file, everybody else waits here.
type Place = Arc<Mutex<Option<Sealed>>>;

/// The checked code of one machine, the most recently used.
pub(in crate::host) struct Vault {
    disk: Arc<DiskCache>,
    max_bytes: u64,
    inner: Mutex<Inner>,
    has_seals: AtomicBool,
}

struct Inner {
    places: LruCache<Digest, (Place, u64)>,
    bytes: u64,
}

impl Vault {
    /// An empty vault over the files of `disk`, which keeps at most `max_bytes` of code.
    pub(in crate::host) fn new(disk: Arc<DiskCache>, max_bytes: u64) -> Self {
        let inner = Inner { places: LruCache::unbounded(), bytes: 0 };
        Self { disk, max_bytes, inner: Mutex::new(inner), has_seals: AtomicBool::new(true) }
    }

    /// The code of `digest`, if there is any that can be believed. Blocks.
    pub(in crate::host) fn find(&self, digest: &Digest) -> Option<Code> {
        if !self.has_seals.load(Ordering::Relaxed) {
            return self.read(digest, |disk| disk.load(digest)).map(Code::Own);
        }
        let place = self.place(digest);
        let mut kept = place.lock();
        if let Some(sealed) = kept.as_ref() {
            return Some(Code::Sealed(sealed.clone()));
        }
        let unsealed = match Unsealed::new() {
            Ok(unsealed) => unsealed,
            Err(error) => {
                drop(kept);
                self.do_without_seals(digest, &error);
                return self.read(digest, |disk| disk.load(digest)).map(Code::Own);
            }
        };
        let sealed = self.read(digest, |disk| disk.copy(digest, unsealed));
        match sealed {
            Some(sealed) => {
                *kept = Some(sealed.clone());
                drop(kept);
                self.account(digest, sealed.bytes());
                Some(Code::Sealed(sealed))
            }
            None => {
                drop(kept);
                self.forget(digest);
                None
            }
        }
    }

    /// Code that this process holds under seals: how many components, and how many bytes.
    pub(in crate::host) fn stock(&self) -> (usize, u64) {
        let inner = self.inner.lock();
        (inner.places.len(), inner.bytes)
    }

    /// Forgets what is kept of `digest`; who has it goes on having it.
    pub(in crate::host) fn forget(&self, digest: &Digest) {
        let mut inner = self.inner.lock();
        if let Some((_, freed)) = inner.places.pop(digest) {
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    fn place(&self, digest: &Digest) -> Place {
        let mut inner = self.inner.lock();
        if let Some((place, _)) = inner.places.get(digest) {
            return Arc::clone(place);
        }
        let place = Place::default();
        inner.places.put(*digest, (Arc::clone(&place), 0));
        place
    }

    /// Counts the code of `digest`, and forgets the least recently used where it is too much.
    fn account(&self, digest: &Digest, bytes: u64) {
        let mut inner = self.inner.lock();
        let Some((_, counted)) = inner.places.peek_mut(digest) else { return };
        let before = std::mem::replace(counted, bytes);
        inner.bytes = inner.bytes.saturating_sub(before).saturating_add(bytes);
        while inner.bytes > self.max_bytes && inner.places.len() > 1 {
            let Some((_, (_, freed))) = inner.places.pop_lru() else { break };
            inner.bytes = inner.bytes.saturating_sub(freed);
        }
    }

    /// What `look` finds, where it can be believed; what cannot is said.
    fn read<T>(&self, digest: &Digest, look: impl FnOnce(&DiskCache) -> io::Result<Found<T>>) -> Option<T> {
        match look(&self.disk) {
            Ok(Found::Code(code)) => Some(code),
            Ok(Found::Nothing) => None,
            Ok(Found::Corrupt(reason)) => {
                warn!(addon.digest = %digest, reason, "Compiled code is forged or damaged: `{digest}` is compiled anew");
                None
            }
            Err(error) => {
                warn!(addon.digest = %digest, %error, "Compiled code cannot be read: `{digest}` is compiled anew");
                None
            }
        }
    }

    fn do_without_seals(&self, digest: &Digest, error: &io::Error) {
        self.forget(digest);
        // Where memory is short the next one may have seals again.
        if error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(libc::ENOSYS) {
            self.has_seals.store(false, Ordering::Relaxed);
        }
        warn!(
            %error,
            "Compiled code cannot be kept in sealed memory on this system: each process reads and checks it for itself"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::host::engine::Fingerprint;

    fn disk(folder: &tempfile::TempDir) -> anyhow::Result<Arc<DiskCache>> {
        Ok(Arc::new(DiskCache::open(folder.path(), [7; 32], Fingerprint::any(), 1 << 30)?))
    }

    fn text(code: Option<Code>) -> anyhow::Result<String> {
        let mut text = String::new();
        match code {
            Some(Code::Sealed(sealed)) => std::fs::File::open(sealed.path())?.read_to_string(&mut text)?,
            Some(Code::Own(bytes)) => bytes.as_slice().read_to_string(&mut text)?,
            None => anyhow::bail!("nothing was found"),
        };
        Ok(text)
    }

    #[test]
    fn a_file_that_is_changed_after_its_check_changes_nothing() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let disk = disk(&folder)?;
        let digest = Digest::of(b"component");
        disk.store(&digest, b"checked code")?;
        let vault = Vault::new(Arc::clone(&disk), 1 << 20);
        let first = vault.find(&digest);
        let path = disk.path(&digest);
        let mut bytes = std::fs::read(&path)?;
        for byte in &mut bytes {
            *byte ^= 1;
        }
        std::fs::write(&path, bytes)?;
        assert_eq!(text(first)?, "checked code", "who has it keeps it");
        assert_eq!(text(vault.find(&digest))?, "checked code", "who asks later gets the same");
        vault.forget(&digest);
        assert!(vault.find(&digest).is_none(), "the changed file itself is not believed");
        Ok(())
    }

    #[test]
    fn a_wrong_authentication_code_is_never_handed_out() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let disk = disk(&folder)?;
        let digest = Digest::of(b"component");
        disk.store(&digest, b"checked code")?;
        let path = disk.path(&digest);
        let whole = std::fs::read(&path)?;
        let vault = Vault::new(disk, 1 << 20);
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x40;
            }
            std::fs::write(&path, &bytes)?;
            assert!(vault.find(&digest).is_none(), "byte {at} was changed");
            std::fs::write(&path, whole.get(..at).unwrap_or_default())?;
            assert!(vault.find(&digest).is_none(), "cut at byte {at}");
        }
        std::fs::write(&path, [whole.as_slice(), b"more"].concat())?;
        assert!(vault.find(&digest).is_none(), "something was put behind it");
        std::fs::write(&path, &whole)?;
        assert_eq!(text(vault.find(&digest))?, "checked code");
        Ok(())
    }

    #[test]
    fn only_so_many_bytes_are_kept_and_the_least_used_go_first() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let disk = disk(&folder)?;
        let digests: Vec<Digest> = (0_u8..4).map(|number| Digest::of(&[number])).collect();
        for digest in &digests {
            disk.store(digest, &[b'c'; 1000])?;
        }
        let vault = Vault::new(disk, 2500);
        let [first, second, third, fourth] = digests.as_slice() else { anyhow::bail!("four digests") };
        for digest in [first, second, first, third, fourth] {
            assert!(vault.find(digest).is_some());
        }
        assert_eq!(vault.stock(), (2, 2000));
        Ok(())
    }
}
