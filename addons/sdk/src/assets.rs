//! Pictures and other bytes, which stay in the host: an addon holds handles and reads windows.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::bindings::semantest::addon::assets;
pub use assets::{Asset, AssetWriter};

/// Bytes of one window: few host calls for a picture, little memory in the guest.
const WINDOW_BYTES: u32 = 64 * 1024;

/// Opens an asset that was handed to this call, or that this enablement made.
///
/// # Errors
/// `missing` for any other id.
pub fn open(id: &str) -> Result<Asset, Error> {
    assets::open(id)
}

/// Stores `bytes` as a new asset.
///
/// # Errors
/// What the host answers, such as `too-large`.
pub fn create(media_type: &str, bytes: &[u8], metadata: &impl Serialize) -> Result<Asset, Error> {
    let writer = AssetWriter::new(media_type);
    for window in bytes.chunks(WINDOW_BYTES as usize) {
        writer.write(window)?;
    }
    AssetWriter::finish(writer, &serde_json::to_string(metadata)?)
}

impl Asset {
    /// Facts such as width, height, seed and model.
    ///
    /// # Errors
    /// `permanent` when they do not fit `T`.
    pub fn facts<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(serde_json::from_str(&self.metadata())?)
    }

    /// Reads the asset from its start, window by window.
    #[must_use]
    pub fn reader(&self) -> AssetReader<'_> {
        AssetReader { asset: self, size: self.size(), window: Vec::new(), window_start: 0, position: 0 }
    }
}

/// An asset as `Read + BufRead + Seek`; it keeps one window of 64 KiB.
#[derive(Debug)]
pub struct AssetReader<'a> {
    asset: &'a Asset,
    size: u64,
    window: Vec<u8>,
    window_start: u64,
    position: u64,
}

impl AssetReader<'_> {
    /// What of the window lies at and after the position.
    fn ahead(&self) -> &[u8] {
        self.position
            .checked_sub(self.window_start)
            .and_then(|skipped| usize::try_from(skipped).ok())
            .and_then(|skipped| self.window.get(skipped..))
            .unwrap_or_default()
    }
}

impl BufRead for AssetReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.ahead().is_empty() && self.position < self.size {
            self.window = self.asset.read(self.position, WINDOW_BYTES).map_err(io::Error::other)?;
            self.window_start = self.position;
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, amount: usize) {
        self.position = self.position.saturating_add(amount as u64);
    }
}

impl Read for AssetReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl Seek for AssetReader<'_> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
