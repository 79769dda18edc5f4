//! Enablements that run: cached with invalidation, called in a fresh store each time.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use semver::Version;
use tokio_util::sync::CancellationToken;

use crate::addons::edition::Edition;
use crate::addons::given::GivenAsset;
use crate::addons::last_rights::LastRights;
use crate::addons::lineage::Lineage;
use crate::addons::owner::Owner;
use crate::addons::starts::Starts;
use crate::addons::told::Told;
use crate::addons::{Addons, Inner};
use crate::host::ports::Ports;
use crate::host::{CallFacts, CallRequest, CompiledAddon, Host, Invocation, Reply, Usage};
use crate::model::block::Blockable;
use crate::model::code::JobCode;
use crate::model::id::{AddonId, ClientId, JobId, UserId};
use crate::model::job_error::JobError;
use crate::model::lifecycle::EnablementState;
use crate::model::limits::CallLimits;
use crate::model::manifest::{HookPoint, Manifest};
use crate::model::right::Rights;
use crate::model::schema::Schema;
use crate::shutdown::Stop;
use crate::store::StoreError;
use crate::store::breakers::Breaker;
use crate::store::control::{Control, Message};
use crate::store::enablements::Enablement;
use crate::store::policy::PolicyRecord;
use crate::store::secrets::SealedSecrets;
use crate::store::usage::UsageBook;
use crate::work::progress::Progress;

/// Enablements kept in memory by one process; one takes a few KiB.
const MAX_ENABLEMENTS: usize = 20_000;
/// Users whose list of addons is kept in memory by one process.
const MAX_USERS: usize = 20_000;
/// Versions whose manifest and schemas are kept in memory by one process.
const MAX_EDITIONS: usize = 1000;
/// Longest time a cached record is used without looking again, should an invalidation be lost.
pub(super) const MAX_AGE: Duration = Duration::from_secs(30);

/// What a job hands to every call that it makes.
#[derive(Clone)]
pub struct CallContext {
    /// The job.
    pub job_id: JobId,
    /// 1 for the first try.
    pub attempt: u32,
    /// The caller's trace.
    pub traceparent: Option<String>,
    /// Fires when the job should end.
    pub cancel: CancellationToken,
    /// The job's voice, for the guest's own progress and log lines.
    pub progress: Progress,
    /// What the job's calls used so far.
    pub usage: UsageBook,
    /// Where the job comes from, and what its calls started so far.
    pub lineage: Lineage,
}

/// Whose call it is and what it may touch: what a port is made for.
pub struct CallScope<'a> {
    /// Whose enablement.
    pub owner: &'a Owner,
    /// The enablement.
    pub enablement: &'a Enablement,
    /// What it may do at this moment.
    pub rights: &'a Arc<Rights>,
    /// The job.
    pub context: &'a CallContext,
    /// Assets handed to this call.
    pub given: &'a [GivenAsset],
    /// The secrets that it may open, still closed; none where it may open nothing.
    pub secrets: Option<SealedSecrets>,
    /// What the call may start.
    pub starts: Starts,
}

/// Makes the doors that one call gets; implemented above, handed over by the composition.
pub trait Runner: Send + Sync {
    /// The ports for one call.
    fn ports(&self, scope: &CallScope<'_>) -> Ports;
}

/// An enablement that runs, with everything a call needs ready.
pub(super) struct Running {
    pub(super) owner: Owner,
    pub(super) enablement: Enablement,
    pub(super) manifest: Arc<Manifest>,
    pub(super) config: Arc<str>,
    pub(super) edition: Arc<Edition>,
    pub(super) rights: LastRights,
    /// What is known of those of its hooks that failed lately.
    pub(super) breakers: HashMap<HookPoint, Breaker>,
}

impl Running {
    pub(super) fn new(owner: Owner, enablement: Enablement, edition: Arc<Edition>) -> Self {
        let config = enablement.config.to_string().into();
        Self {
            owner,
            enablement,
            manifest: Arc::clone(&edition.manifest),
            config,
            edition,
            rights: LastRights::default(),
            breakers: HashMap::new(),
        }
    }

    /// The component as the list of blocks knows it; none before it was ever loaded.
    pub(super) fn blockable(&self) -> Option<Blockable> {
        let (version, digest) = (self.enablement.version.clone()?, self.enablement.digest?);
        Some(Blockable {
            digest,
            version: Some((self.owner.addon.clone(), version)),
            signed: self.edition.signed.clone(),
        })
    }

    /// The validator of an action's result, where it declares a schema.
    pub(super) fn result(&self, action: &str) -> Option<&Schema> {
        self.edition.result(action)
    }
}

type User = (ClientId, UserId);
type Key = (ClientId, UserId, AddonId);

/// Something that was read from the store, and when.
type Read<T> = (Instant, Arc<T>);

/// What this process remembers. An entry read before an invalidation is never stored after it.
pub(super) struct Caches {
    running: Mutex<LruCache<Key, Read<Running>>>,
    users: Mutex<LruCache<User, Read<Vec<AddonId>>>>,
    editions: Mutex<LruCache<(AddonId, Version), Arc<Edition>>>,
    pub(super) policy: Mutex<Option<Read<PolicyRecord>>>,
    generation: AtomicU64,
    control: Control,
}

impl Caches {
    pub(super) fn new(control: Control) -> Self {
        let size = |count: usize| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self {
            running: Mutex::new(LruCache::new(size(MAX_ENABLEMENTS))),
            users: Mutex::new(LruCache::new(size(MAX_USERS))),
            editions: Mutex::new(LruCache::new(size(MAX_EDITIONS))),
            policy: Mutex::new(None),
            generation: AtomicU64::new(0),
            control,
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Tells every process that what it knows of an addon's versions is old. Best effort: a manifest never changes, and
    /// whoever decides about a version reads its record.
    pub(super) async fn tell_of_addon(&self, id: &AddonId) {
        let told = self.control.publish(&Message::AddonChanged { id: id.clone() }).await;
        if let Err(error) = told {
            tracing::debug!(error = %error, "Could not tell the others that `{id}` has changed");
        }
    }

    pub(super) fn forget(&self, key: &Key) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.running.lock().pop(key);
        self.users.lock().pop(&(key.0.clone(), key.1.clone()));
    }

    /// Hears what processes tell each other.
    pub(super) fn subscribe(&self) -> tokio::sync::broadcast::Receiver<Message> {
        self.control.subscribe()
    }

    pub(super) fn forget_policy(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        *self.policy.lock() = None;
    }

    fn forget_all(&self) {
        self.forget_policy();
        self.running.lock().clear();
        self.users.lock().clear();
        self.editions.lock().clear();
    }
}

impl Addons {
    /// Keeps the caches true until `stop`: one of these runs in each process that uses the service.
    pub async fn watch(&self, stop: Stop) {
        let mut messages = self.inner.caches.subscribe();
        while !stop.has_fired() {
            let message = tokio::select! {
                () = stop.fired() => return,
                message = messages.recv() => message,
            };
            match message {
                Ok(Message::EnablementChanged { client, user, addon }) => {
                    self.inner.caches.forget(&(client, user, addon));
                }
                Ok(Message::PolicyChanged) => self.inner.caches.forget_policy(),
                Ok(Message::AddonChanged { .. } | Message::Reconnected) => self.inner.caches.forget_all(),
                Ok(_) => {}
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => self.inner.caches.forget_all(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    }
}

impl Inner {
    pub(super) fn host(&self) -> Result<&Arc<Host>, JobError> {
        self.host
            .as_ref()
            .ok_or_else(|| JobError::permanent(JobCode::Internal, "this process was started without a sandbox"))
    }

    /// The enablement, when it is enabled.
    pub(super) async fn running(&self, owner: &Owner) -> Result<Option<Arc<Running>>, StoreError> {
        let standing = self.standing(owner).await?;
        Ok(standing.filter(|running| running.enablement.state == EnablementState::Enabled))
    }

    /// The enablement, when it is enabled, or would be but for something that its user can mend: its hooks are still part of
    /// the user's chains.
    async fn standing(&self, owner: &Owner) -> Result<Option<Arc<Running>>, StoreError> {
        let key = (owner.client.clone(), owner.user.clone(), owner.addon.clone());
        if let Some((read_at, running)) = self.caches.running.lock().get(&key)
            && read_at.elapsed() < MAX_AGE
        {
            return Ok(Some(Arc::clone(running)));
        }
        let generation = self.caches.generation();
        let Some(enablement) = self.enablements.get(&owner.client, &owner.user, &owner.addon).await? else {
            return Ok(None);
        };
        if !enablement.state.is_hooked() {
            return Ok(None);
        }
        let Some(running) = self.as_running(owner, enablement).await? else { return Ok(None) };
        let breakers = self.breakers_of(&running.enablement, &running.manifest).await?;
        let running = Arc::new(Running { breakers, ..running });
        if self.caches.generation() == generation {
            self.caches.running.lock().put(key, (Instant::now(), Arc::clone(&running)));
        }
        Ok(Some(running))
    }

    /// The enablement with what a call needs, whatever its state; none where it was never loaded.
    pub(super) async fn as_running(
        &self,
        owner: &Owner,
        mut enablement: Enablement,
    ) -> Result<Option<Running>, StoreError> {
        let Some(version) = &enablement.version else { return Ok(None) };
        let Some(edition) = self.edition(&owner.addon, version).await? else { return Ok(None) };
        // How it was loaded is most of its size, and no call asks for it.
        enablement.steps = Vec::new();
        Ok(Some(Running::new(owner.clone(), enablement, edition)))
    }

    /// One version's own part, read once: a published version never changes.
    pub(super) async fn edition(&self, addon: &AddonId, version: &Version) -> Result<Option<Arc<Edition>>, StoreError> {
        let key = (addon.clone(), version.clone());
        let cached = self.caches.editions.lock().get(&key).map(Arc::clone);
        if cached.is_some() {
            return Ok(cached);
        }
        let generation = self.caches.generation();
        let Some(record) = self.versions.get(addon, version).await? else { return Ok(None) };
        let edition = Arc::new(Edition::of(record));
        if self.caches.generation() == generation {
            self.caches.editions.lock().put(key, Arc::clone(&edition));
        }
        Ok(Some(edition))
    }

    /// Every addon of a user that is enabled, or would be but for something that its user can mend.
    pub(super) async fn standing_of(&self, client: &ClientId, user: &UserId) -> Result<Vec<Arc<Running>>, StoreError> {
        let key = (client.clone(), user.clone());
        let cached =
            self.caches.users.lock().get(&key).filter(|(at, _)| at.elapsed() < MAX_AGE).map(|(_, ids)| Arc::clone(ids));
        let ids = match cached {
            Some(ids) => ids,
            None => {
                let generation = self.caches.generation();
                let records = self.enablements.list(client, user).await?;
                let standing = records.into_iter().filter(|record| record.state.is_hooked());
                let ids = Arc::new(standing.map(|record| record.addon).collect::<Vec<_>>());
                if self.caches.generation() == generation {
                    self.caches.users.lock().put(key, (Instant::now(), Arc::clone(&ids)));
                }
                ids
            }
        };
        let mut running = Vec::new();
        for addon in ids.iter() {
            let owner = Owner { client: client.clone(), user: user.clone(), addon: addon.clone() };
            running.extend(self.standing(&owner).await?);
        }
        Ok(running)
    }

    /// One call in a fresh store; the guest's log lines go to the job's log.
    pub(super) async fn call(
        &self,
        running: &Running,
        compiled: &CompiledAddon,
        call: Call<'_>,
        invocation: Invocation,
    ) -> Result<Reply, JobError> {
        Box::pin(self.metered_call(running, compiled, call, invocation)).await?.0
    }

    /// The same, with what the call used; an error of its own where it never came to a call.
    pub(super) async fn metered_call(
        &self,
        running: &Running,
        compiled: &CompiledAddon,
        call: Call<'_>,
        invocation: Invocation,
    ) -> Result<(Result<Reply, JobError>, Usage), JobError> {
        let is_use = self.may_use(running, &invocation, call.context).await?;
        let (leave, _on_the_roll) = self.permit(running).unzip();
        let export = invocation.export();
        let rights = self.rights_for(running, compiled).await?;
        // A farewell is worth trying without.
        let is_needed = !matches!(invocation, Invocation::Deactivate(_));
        let secrets = self.secrets_for_call(&running.owner, &running.manifest, &rights, is_needed).await?;
        let scope = CallScope {
            owner: &running.owner,
            enablement: &running.enablement,
            rights: &rights,
            context: call.context,
            given: call.given,
            secrets,
            starts: self.starts(running, call.context, export),
        };
        let ports = self.runner.ports(&scope);
        let told = Told::of(&ports);
        let request = CallRequest {
            facts: CallFacts {
                job_id: call.context.job_id.to_string(),
                attempt: call.context.attempt,
                idempotency_key: call.context.job_id.to_string(),
                subject: running.enablement.subject.clone(),
                enablement: running.enablement.id(),
                traceparent: call.context.traceparent.clone(),
                locale: None,
            },
            limits: call.limits,
            config: Arc::clone(&running.config),
            ports,
            cancel: call.context.cancel.clone(),
            leave,
        };
        let report = self.host()?.call(compiled, request, invocation).await;
        Self::note_usage(&running.owner, &report.usage, is_use, call.context);
        told.log(&running.owner.addon, &report, &call.context.progress).await;
        let outcome = match report.outcome {
            Ok(reply) => Ok(reply),
            Err(failure) => Err(told.failure(self.explained(running, failure, call.context).await)),
        };
        Ok((outcome, report.usage))
    }
}

/// One call's own part: its job, its limits, its assets.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) context: &'a CallContext,
    pub(super) limits: CallLimits,
    pub(super) given: &'a [GivenAsset],
}
