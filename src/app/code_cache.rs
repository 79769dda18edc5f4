//! Where a machine's processes keep compiled code, and the key that authenticates it.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::secrets::RootKey;

/// The folder, and the key. The same for a supervisor and its workers.
pub(super) fn of(config: &Config, root: &RootKey) -> (PathBuf, [u8; 32]) {
    (config.storage.data_dir.join("cache"), root.derive("compile-cache", ""))
}
