//! Whole scopes, a page at a time, so that reading one takes bounded memory.

use crate::store::Page;
use crate::store::kv::{KvEntry, KvError, KvStore, MAX_VALUE_BYTES, due_of, unpack};
use crate::store::kv_keys::VALUES;

/// Values of one page: at most 4 MiB.
const VALUES_A_PAGE: usize = 4 * 1024 * 1024 / MAX_VALUE_BYTES;

/// A value with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvRecord {
    /// Its key.
    pub key: String,
    /// Bytes and version.
    pub entry: KvEntry,
    /// When it goes by itself, in milliseconds since the epoch.
    pub due: Option<u64>,
}

impl KvStore {
    /// The next values of a scope in the order of their keys. A page may be shorter than others, or empty.
    ///
    /// # Errors
    /// When the cursor is not one of ours, or the store failed.
    pub async fn page(&self, scope: &str, cursor: Option<&str>) -> Result<Page<KvRecord>, KvError> {
        let keys = self.list(scope, "", cursor, VALUES_A_PAGE).await?;
        if keys.items.is_empty() {
            return Ok(Page { items: Vec::new(), next_cursor: keys.next_cursor });
        }
        let mut command = redis::cmd("HMGET");
        command.arg(self.store.key(VALUES, scope)).arg(&keys.items);
        let packed: Vec<Option<Vec<u8>>> = self.store.ask(&command).await?;
        let items = keys.items.into_iter().zip(packed).filter_map(|(key, packed)| {
            let packed = packed?;
            Some(KvRecord { key, entry: unpack(&packed)?, due: due_of(&packed) })
        });
        Ok(Page { items: items.collect(), next_cursor: keys.next_cursor })
    }
}
