//! What is blocked, and how many calls run of what: the kill switch's own records.
//!
//! Each change counts up one number, so that looking whether anything changed is one small question, and tells every
//! process over the control channel, so that usually nobody has to look.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::model::block::Block;
use crate::model::digest::Digest;
use crate::store::control::CHANNEL;
use crate::store::outbox::OwedEntry;
use crate::store::{Store, StoreError, outbox, script};

/// The book of blocks.
#[derive(Clone, Debug)]
pub struct Blocks {
    store: Store,
}

/// What one process runs, as it said last.
#[derive(Debug, Serialize, Deserialize)]
struct Roll {
    /// When it said so, in milliseconds since the epoch.
    at: u64,
    /// Calls by digest.
    calls: HashMap<Digest, u32>,
}

/// Noun of the one hash of blocks.
const BLOCKS: &str = "blocks";
/// Noun of the number of changes.
const GENERATION: &str = "blocks-generation";
/// Noun of what the processes run: a hash, a field a process.
const ROLLS: &str = "running-calls";
/// A process that has said nothing for this long runs nothing, in milliseconds: it says so every second.
const SILENT_MS: u64 = 3000;

impl Blocks {
    /// The book in `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// Stores a block, in the place of one with the same id, and tells every process; what is to be announced of it is owed
    /// from then on.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn put(&self, block: &Block, owed: Option<&OwedEntry>) -> Result<(), StoreError> {
        self.write(block, owed, false).await.map(|_| ())
    }

    /// Stores a block unless there is one with the same id; answers whether it was stored.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn put_new(&self, block: &Block, owed: Option<&OwedEntry>) -> Result<bool, StoreError> {
        self.write(block, owed, true).await
    }

    async fn write(&self, block: &Block, owed: Option<&OwedEntry>, keep: bool) -> Result<bool, StoreError> {
        let json = serde_json::to_string(block).map_err(StoreError::unwritable("block"))?;
        let mut invocation = script::BLOCK_PUT.prepare_invoke();
        invocation.key(self.store.only_key(BLOCKS)).key(self.store.only_key(GENERATION));
        invocation.arg(&block.id).arg(json).arg(u8::from(keep)).arg(self.store.only_key(CHANNEL));
        outbox::add_owed(&self.store, &mut invocation, owed);
        self.store.run(&invocation).await
    }

    /// Takes a block away and tells every process; answers what it was, none where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or the record cannot be read.
    pub async fn remove(&self, id: &str) -> Result<Option<Block>, StoreError> {
        let mut invocation = script::BLOCK_REMOVE.prepare_invoke();
        invocation.key(self.store.only_key(BLOCKS)).key(self.store.only_key(GENERATION));
        invocation.arg(id).arg(self.store.only_key(CHANNEL));
        self.store.run::<Option<String>>(&invocation).await?.as_deref().map(decode).transpose()
    }

    /// How many changes there were.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn generation(&self) -> Result<u64, StoreError> {
        let mut command = redis::cmd("GET");
        command.arg(self.store.only_key(GENERATION));
        Ok(self.store.ask::<Option<u64>>(&command).await?.unwrap_or(0))
    }

    /// Everything that is blocked, oldest first, and how many changes there were, as of one moment.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked or a record cannot be read.
    pub async fn all(&self) -> Result<(u64, Vec<Block>), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic();
        commands.cmd("GET").arg(self.store.only_key(GENERATION));
        commands.cmd("HVALS").arg(self.store.only_key(BLOCKS));
        let (generation, texts): (Option<u64>, Vec<String>) = self.store.ask_all(&commands).await?;
        let mut blocks = texts.iter().map(|text| decode(text)).collect::<Result<Vec<_>, _>>()?;
        blocks.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
        Ok((generation.unwrap_or(0), blocks))
    }

    /// Says what one process runs; to be said again within three seconds for as long as it is so.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn say_running(&self, process: &str, calls: HashMap<Digest, u32>) -> Result<(), StoreError> {
        let key = self.store.only_key(ROLLS);
        if calls.is_empty() {
            let mut command = redis::cmd("HDEL");
            command.arg(key).arg(process);
            return self.store.ask(&command).await;
        }
        let roll = Roll { at: clock::now_ms(), calls };
        let json = serde_json::to_string(&roll).map_err(StoreError::unwritable("roll of calls"))?;
        let mut command = redis::cmd("HSET");
        command.arg(key).arg(process).arg(json);
        self.store.ask(&command).await
    }

    /// Calls that run in all processes, by digest, as of about a second ago. Forgets processes that are gone.
    ///
    /// # Errors
    /// [`StoreError`] when Redis cannot be asked.
    pub async fn running(&self) -> Result<HashMap<Digest, u64>, StoreError> {
        let key = self.store.only_key(ROLLS);
        let mut command = redis::cmd("HGETALL");
        command.arg(&key);
        let rolls: HashMap<String, String> = self.store.ask(&command).await?;
        let now = clock::now_ms();
        let (mut all, mut gone) = (HashMap::new(), redis::cmd("HDEL"));
        gone.arg(&key);
        let mut has_gone = false;
        for (process, text) in &rolls {
            match serde_json::from_str::<Roll>(text) {
                Ok(roll) if now.saturating_sub(roll.at) < SILENT_MS => {
                    for (digest, calls) in roll.calls {
                        *all.entry(digest).or_default() += u64::from(calls);
                    }
                }
                _ => {
                    gone.arg(process);
                    has_gone = true;
                }
            }
        }
        if has_gone {
            self.store.ask::<()>(&gone).await?;
        }
        Ok(all)
    }
}

fn decode(text: &str) -> Result<Block, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt("block"))
}
