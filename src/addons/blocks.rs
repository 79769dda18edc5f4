//! The kill switch as one process knows it: the list of what is blocked, kept up to date, and asked at every step.
//!
//! The list comes over the control channel, is looked for every second in case a message was lost, and the last one holds
//! while Redis is away. It is asked when work is asked for, when a job begins, when a guest starts, and, by one number that
//! counts the changes, at every tick of every guest that runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::addons::registry::VersionWish;
use crate::addons::running::{CallContext, Running};
use crate::addons::{Addons, AddonsError, Inner};
use crate::host::{CallFailure, Leave};
use crate::model::block::{Block, BlockList, Blockable};
use crate::model::digest::Digest;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::addons::{VersionRecord, VersionSignature, VersionState};
use crate::store::blocks::Blocks;
use crate::store::control::Message;
use crate::store::enablements::Enablement;
use crate::work::progress::Found;

/// How often a process looks whether the list changed without its hearing, and says what it runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long whoever changed the list waits for its own process to know.
const CATCH_UP: Duration = Duration::from_secs(1);

/// The list, and who runs what.
pub(super) struct BlockWatch {
    pub(super) book: Blocks,
    list: RwLock<Arc<BlockList>>,
    /// How often the list was replaced here; read at every tick.
    changes: AtomicU64,
    bell: watch::Sender<u64>,
    calls: Mutex<HashMap<Digest, u32>>,
    /// What this process is called in the roll of calls.
    process: String,
    is_on_the_roll: AtomicBool,
}

impl BlockWatch {
    pub(super) fn new(book: Blocks) -> Arc<Self> {
        Arc::new(Self {
            book,
            list: RwLock::default(),
            changes: AtomicU64::new(0),
            bell: watch::channel(0).0,
            calls: Mutex::default(),
            process: ulid::Ulid::generate().to_string(),
            is_on_the_roll: AtomicBool::new(false),
        })
    }

    /// The list as it is known here.
    pub(super) fn list(&self) -> Arc<BlockList> {
        Arc::clone(&self.list.read())
    }

    /// The block that covers a component, if one does.
    pub(super) fn find(&self, what: &Blockable) -> Option<Block> {
        self.list.read().find(what).cloned()
    }

    /// Reads the list anew. Only one task does so, or an old answer could overtake a new one.
    async fn refresh(&self) -> Result<(), StoreError> {
        let (generation, blocks) = self.book.all().await?;
        if self.list.read().generation() == generation {
            return Ok(());
        }
        info!(generation, blocks = blocks.len(), "{} blocks hold now", blocks.len());
        *self.list.write() = Arc::new(BlockList::new(generation, blocks));
        let changes = self.changes.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        self.bell.send_replace(changes);
        Ok(())
    }

    /// Waits until this process knows what was written before the call, but not for ever.
    pub(super) async fn catch_up(&self) -> Result<(), StoreError> {
        let written = self.book.generation().await?;
        let mut bell = self.bell.subscribe();
        let known = bell.wait_for(|_| self.list.read().generation() >= written);
        if tokio::time::timeout(CATCH_UP, known).await.is_err() {
            warn!("The block list was changed, and this process has not heard of it yet");
        }
        Ok(())
    }

    /// Looks whether the list changed, and says what runs here.
    async fn look(&self) -> Result<(), StoreError> {
        let calls = self.calls.lock().clone();
        let was_running = self.is_on_the_roll.swap(!calls.is_empty(), Ordering::AcqRel);
        if was_running || !calls.is_empty() {
            self.book.say_running(&self.process, calls).await?;
        }
        if self.book.generation().await? == self.list.read().generation() { Ok(()) } else { self.refresh().await }
    }
}

/// One guest's permission.
struct Permission {
    watch: Arc<BlockWatch>,
    what: Blockable,
}

#[async_trait]
impl Leave for Permission {
    fn changes(&self) -> u64 {
        self.watch.changes.load(Ordering::Acquire)
    }

    fn is_taken(&self) -> bool {
        self.watch.list.read().find(&self.what).is_some()
    }

    async fn changed(&self, seen: u64) {
        let mut bell = self.watch.bell.subscribe();
        if bell.wait_for(|changes| *changes != seen).await.is_err() {
            // The watch outlives its guests; without it nothing can change.
            std::future::pending::<()>().await;
        }
    }
}

/// One call on the roll; taken off when it is dropped.
pub(super) struct OnTheRoll {
    watch: Arc<BlockWatch>,
    digest: Digest,
}

impl OnTheRoll {
    fn put(watch: &Arc<BlockWatch>, digest: Digest) -> Self {
        *watch.calls.lock().entry(digest).or_default() += 1;
        Self { watch: Arc::clone(watch), digest }
    }
}

impl Drop for OnTheRoll {
    fn drop(&mut self) {
        let mut calls = self.watch.calls.lock();
        let left = calls.get(&self.digest).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            calls.remove(&self.digest);
        } else {
            calls.insert(self.digest, left);
        }
    }
}

impl Addons {
    /// Reads what is blocked; to be called once before anything runs.
    ///
    /// # Errors
    /// [`AddonsError::Store`] when Redis cannot be asked.
    pub async fn read_blocks(&self) -> Result<(), AddonsError> {
        Ok(self.inner.blocks.refresh().await?)
    }

    /// Keeps the list of blocks true until `stop`: one of these runs in each process that uses the service.
    pub async fn watch_blocks(&self, stop: Stop) {
        let mut messages = self.inner.caches.subscribe();
        let (mut next_look, mut is_away) = (Instant::now(), false);
        while !stop.has_fired() {
            let is_told = tokio::select! {
                () = stop.fired() => return,
                message = messages.recv() => match message {
                    Ok(Message::BlocksChanged { .. } | Message::Reconnected) | Err(RecvError::Lagged(_)) => true,
                    Ok(_) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(next_look) => false,
            };
            let looked = if is_told {
                self.inner.blocks.refresh().await
            } else {
                next_look = Instant::now() + LOOK_EVERY;
                self.inner.blocks.look().await
            };
            if let (Err(error), false) = (&looked, is_away) {
                warn!(%error, "Cannot read what is blocked; what was blocked before stays so");
            }
            is_away = looked.is_err();
        }
    }
}

impl Inner {
    /// The step `revocation`: whether anything forbids the component.
    pub(super) fn revocation(&self, what: &Blockable) -> Result<Found<()>, JobError> {
        if let Some(block) = self.blocks.find(what) {
            return Err(block.failure(what).into());
        }
        let list = self.blocks.list();
        Ok(Found::with((), json!({ "digest": what.digest, "generation": list.generation(), "blocks": list.count() })))
    }

    /// Refuses a request for a version that is blocked.
    pub(super) fn must_be_free(&self, what: &Blockable) -> Result<(), AddonsError> {
        match self.blocks.find(what) {
            Some(block) => Err(AddonsError::Conflict { code: "ADDON_BLOCKED", message: block.failure(what).message }),
            None => Ok(()),
        }
    }

    /// Refuses a job of an addon that is blocked, before anything of it starts.
    pub(super) fn may_run(&self, running: &Running) -> Result<(), JobError> {
        let Some(what) = running.blockable() else { return Ok(()) };
        self.blocks.find(&what).map_or(Ok(()), |block| Err(block.failure(&what).into()))
    }

    /// The permission of one call, and its place on the roll.
    pub(super) fn permit(&self, running: &Running) -> Option<(Arc<dyn Leave>, OnTheRoll)> {
        let what = running.blockable()?;
        let entry = OnTheRoll::put(&self.blocks, what.digest);
        Some((Arc::new(Permission { watch: Arc::clone(&self.blocks), what }), entry))
    }

    /// Why a call failed, with the reason where it was blocked; a crash is counted.
    pub(super) async fn explained(&self, running: &Running, failure: CallFailure, context: &CallContext) -> JobError {
        self.note_crash(running, &failure, context).await;
        match (&failure, self.may_run(running)) {
            (CallFailure::Blocked, Err(blocked)) => blocked,
            _ => failure.into(),
        }
    }

    /// The version that a wish means: what is blocked comes last, so that whoever asks for the newest gets the newest that
    /// runs, and whoever asks for just that one hears why not.
    pub(super) fn choose(
        &self,
        wish: &VersionWish,
        records: &[VersionRecord],
        held: Option<&Digest>,
    ) -> Option<VersionRecord> {
        wish.choose(&self.marked(records.to_vec()), held).or_else(|| wish.choose(records, held))
    }

    /// The versions, with `blocked` in the place of the state of those that are.
    pub(super) fn marked(&self, records: Vec<VersionRecord>) -> Vec<VersionRecord> {
        let list = self.blocks.list();
        if list.count() == 0 {
            return records;
        }
        let marked = |record: VersionRecord| match list.find(&blockable(&record)) {
            Some(block) => {
                VersionRecord { state: VersionState::Blocked, state_note: Some(block.reason.clone()), ..record }
            }
            None => record,
        };
        records.into_iter().map(marked).collect()
    }

    /// Why an enablement that would run does not, where its version is blocked.
    pub(super) async fn blocked_enablement(&self, record: &Enablement) -> Result<Option<Failure>, StoreError> {
        let (Some(version), Some(digest)) = (&record.version, record.digest) else { return Ok(None) };
        let list = self.blocks.list();
        if list.count() == 0 || !record.state.is_standing() {
            return Ok(None);
        }
        let signed = if list.asks_for_signers() {
            self.edition(&record.addon, version).await?.and_then(|edition| edition.signed.clone())
        } else {
            None
        };
        let what = Blockable { digest, version: Some((record.addon.clone(), version.clone())), signed };
        Ok(list.find(&what).map(|block| block.failure(&what)))
    }
}

/// A version as the list of blocks knows it.
pub(super) fn blockable(record: &VersionRecord) -> Blockable {
    Blockable {
        digest: record.digest,
        version: Some((record.id.clone(), record.version.clone())),
        signed: record.signature.as_ref().map(VersionSignature::signer),
    }
}
