//! What an enablement may do right now: its grants under the policy that holds at this moment.
//!
//! The parts are cached and the answer is made of them at each call, so a ceiling that an admin lowers holds for
//! running enablements at their next call.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use crate::addons::caches::MAX_AGE;
use crate::addons::running::Running;
use crate::addons::{Addons, AddonsError, Inner};
use crate::clock;
use crate::host::{BoxError, CompiledAddon, InterfaceSet};
use crate::model::capability::CapabilityKind;
use crate::model::code::JobCode;
use crate::model::grants::Grants;
use crate::model::job::Failure;
use crate::model::job_error::JobError;
use crate::model::manifest::Manifest;
use crate::model::right::{Denial, Rights};
use crate::store::StoreError;
use crate::store::blobs::BlobKind;
use crate::store::policy::{Policy, PolicyRecord};

impl Addons {
    /// The policy that holds.
    ///
    /// # Errors
    /// [`AddonsError`] when the record cannot be read.
    pub async fn policy(&self) -> Result<Arc<PolicyRecord>, AddonsError> {
        Ok(self.inner.fresh_policy().await?)
    }

    /// Puts another policy in the place of the one with this revision.
    ///
    /// # Errors
    /// [`AddonsError`]: somebody changed it in between, or it cannot be written.
    pub async fn set_policy(&self, expected_revision: u64, policy: Policy) -> Result<PolicyRecord, AddonsError> {
        let stored = self.inner.policies.put(expected_revision, policy, clock::now()).await;
        self.inner.caches.forget_policy();
        stored?.ok_or_else(|| AddonsError::Conflict {
            code: "PRECONDITION_FAILED",
            message: String::from("somebody changed the policy in between; GET it, look again, and send its ETag"),
        })
    }
}

impl Inner {
    /// The policy that holds, from memory where it was read a moment ago.
    pub(super) async fn policy(&self) -> Result<Arc<PolicyRecord>, StoreError> {
        let cached = self.caches.policy.lock().as_ref().filter(|(at, _)| at.elapsed() < MAX_AGE).cloned();
        match cached {
            Some((_, policy)) => Ok(policy),
            None => self.fresh_policy().await,
        }
    }

    /// The policy that holds, read now.
    pub(super) async fn fresh_policy(&self) -> Result<Arc<PolicyRecord>, StoreError> {
        let generation = self.caches.generation();
        let read = self.policies.get().await?;
        let mut cached = self.caches.policy.lock();
        let known = cached.as_ref().map(|(_, policy)| Arc::clone(policy));
        let policy = match (read, known) {
            // The same one again keeps what was made under it.
            (Some(read), Some(known)) if *known == read => known,
            (Some(read), _) => Arc::new(read),
            (None, _) => Arc::clone(&self.unwritten_policy),
        };
        if self.caches.generation() == generation {
            *cached = Some((Instant::now(), Arc::clone(&policy)));
        }
        Ok(policy)
    }

    /// The three keys of a version for a user, and what they come to.
    pub(super) async fn rights_of(&self, manifest: &Manifest, given: Option<Grants>) -> Result<Rights, StoreError> {
        let policy = self.policy().await?;
        Ok(Rights::new(manifest, policy.policy.bounds(&manifest.id), given))
    }

    /// The rights of an enablement that runs.
    pub(super) async fn rights(&self, running: &Running) -> Result<Arc<Rights>, StoreError> {
        let policy = self.policy().await?;
        Ok(running.rights.under(&policy, || {
            let bounds = policy.policy.bounds(&running.owner.addon);
            Rights::new(&running.manifest, bounds, Some(running.enablement.grants.clone()))
        }))
    }

    /// The compiled component of an enablement, from memory, from disk, or compiled now, linked with what it may
    /// use at this moment and with nothing else.
    pub(super) async fn compiled(&self, running: &Running) -> Result<CompiledAddon, JobError> {
        let digest = running
            .enablement
            .digest
            .ok_or_else(|| JobError::permanent(JobCode::Internal, "an enabled addon has no digest"))?;
        let rights = self.rights(running).await?;
        if let Some(denial) = rights.closed_door(doors_of(&running.enablement.grants)) {
            return Err(denied(&denial));
        }
        let open = InterfaceSet::granted(rights.effective());
        let fetch = || async { self.blobs.get(BlobKind::Component, &digest).await.map_err(BoxError::from) };
        Ok(self.host()?.get(&digest, open, fetch).await?)
    }

    /// The rights for one call of a component that was linked a moment ago. A component that was linked with other
    /// doors than are open now is not called.
    pub(super) async fn rights_for(
        &self,
        running: &Running,
        compiled: &CompiledAddon,
    ) -> Result<Arc<Rights>, JobError> {
        let rights = self.rights(running).await?;
        if compiled.interfaces() == InterfaceSet::granted(rights.effective()) {
            return Ok(rights);
        }
        match rights.closed_door(doors_of(&running.enablement.grants)) {
            Some(denial) => Err(denied(&denial)),
            None => Err(JobError::transient(
                JobCode::Internal,
                "what the addon may use changed while the call was being prepared",
            )),
        }
    }
}

/// The doors that a load found imported: it grants no others.
fn doors_of(grants: &Grants) -> impl Iterator<Item = CapabilityKind> {
    grants.capabilities().iter().map(|capability| capability.kind)
}

/// Why an addon does not run for a user: by name of the interface, the key and its rule.
pub(super) fn denied(denial: &Denial) -> JobError {
    let mut details = denial.details();
    let what = match denial.capability.interface() {
        Some(interface) => {
            if let Some(members) = details.as_object_mut() {
                members.insert(String::from("interface"), json!(interface));
            }
            format!("the addon imports `{interface}` and cannot run without it")
        }
        None => format!("the addon needs `{}` and cannot run without it", denial.capability.as_str()),
    };
    Failure::permanent(JobCode::NotGranted, format!("{what}, but {}", denial.rule)).with_details(details).into()
}
